-- SPDX-License-Identifier: MIT
--- What is measured runs in processes of its own, on either Lua: what one costs is not counted as another's.
local M = {}

--- The Lua that runs this.
M.LUA = rawget(_G, "jit") and "luajit" or "lua5.4"

local function quote(words)
  for i, word in ipairs(words) do words[i] = ("'%s'"):format(word) end
  return table.concat(words, " ")
end

--- For the shell: a Lua with the modules built for it.
---@param lua "lua5.4"|"luajit"
---@param ... string|number  its arguments, without a single quote
function M.command(lua, ...)
  local modules = lua == M.LUA and "" or ("LUA_CPATH='build/%s/?.so;;' "):format(lua)
  return ("%s%s %s"):format(modules, lua, quote { ... })
end

--- What a command prints, and what it complains about.
function M.output(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local text = pipe:read("*a")
  pipe:close()
  return (text:gsub("%s+$", ""))
end

--- The numbers a Lua prints that is started with these arguments. Raises if it prints anything else.
---@return number ...
function M.numbers(lua, ...)
  local command = M.command(lua, ...)
  local text, numbers = M.output(command), {}
  for word in text:gmatch("%S+") do
    numbers[#numbers + 1] = tonumber(word) or error(("%s\n%s"):format(command, text), 0)
  end
  return (table.unpack or unpack)(numbers) -- luacheck: ignore
end

-- ---- a process that goes on ------------------------------------------------------------------------

local Process = {}
Process.__index = Process

--- It ends when its standard input does.
---@param command string  of which errors go where ours go
function M.start(command)
  local fifo = os.tmpname()
  os.execute(("rm %s && mkfifo %s"):format(fifo, fifo))
  local input = assert(io.popen(("%s > %s"):format(command, fifo), "w"))
  local output = assert(io.open(fifo))
  os.remove(fifo)
  return setmetatable({ command = command, input = input, output = output }, Process)
end

--- The next line it prints. Raises if it has ended.
function Process:line()
  return self.output:read("*l") or error("it ended: " .. self.command, 0)
end

function Process:stop()
  self.input:close()
  self.output:close()
end

-- ---- contenders ------------------------------------------------------------------------------------

local Contender = { stop = Process.stop, line = Process.line }
Contender.__index = Contender

--- A contender, warm; nil and why, if what it needs is not installed.
---@param lua "lua5.4"|"luajit"|"bare"  "bare": the loop in C
---@param name string|nil  as bench/charge.lua takes it
---@param url string  of the server
function M.contender(lua, name, url)
  local order = require "bench.order"
  local fields = {}
  for field, value in pairs(order.headers()) do fields[#fields + 1] = field .. ": " .. value end
  url, fields = url .. "/charge/card", quote(fields)
  local command = lua == "bare" and "build/bare " .. quote { url, require("lomi.core").encode(order.PARAMS) }
    or M.command(lua, "bench/charge.lua", name, url)
  local contender = setmetatable(M.start(command .. " " .. fields), Contender)
  local said = contender:line()
  if said == "ready" then return contender end
  contender:stop()
  return nil, said
end

--- Has it make so many charges.
---@return number cost  microseconds of its CPU time for each
function Contender:charge(count)
  self.input:write(count, "\n")
  self.input:flush()
  return tonumber(self:line()) / count * 1e6
end

return M
