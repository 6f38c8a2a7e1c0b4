-- SPDX-License-Identifier: MIT
--- Each contender runs in a process of its own, on either Lua: its cost is not counted as another's.
local M = {}

--- The Lua that runs this.
M.LUA = rawget(_G, "jit") and "luajit" or "lua5.4"

--- For the shell: words without a single quote.
function M.quote(words)
  for i, word in ipairs(words) do words[i] = ("'%s'"):format(word) end
  return table.concat(words, " ")
end

--- For the shell: a Lua with the modules built for it.
---@param lua "lua5.4"|"luajit"
---@param ... string|number  its arguments, without a single quote
function M.command(lua, ...)
  local modules = lua == M.LUA and "" or ("LUA_CPATH='build/%s/?.so;;' "):format(lua)
  return ("%s%s %s"):format(modules, lua, M.quote { ... })
end

--- The same under a program that runs it. LuaJIT does not compile: such programs do not follow what it makes.
---@param wrapper string  with its arguments
function M.wrapped(wrapper, lua, ...)
  return ("LUA_CPATH='build/%s/?.so;;' %s %s %s"):format(lua, wrapper, lua == "luajit" and "luajit -joff" or lua,
    M.quote { ... })
end

--- The output of a command, and its complaints.
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

function M.stop(process)
  process.input:close()
  process.output:close()
end
Process.stop = M.stop

-- ---- workers ---------------------------------------------------------------------------------------

local Worker = { stop = Process.stop, line = Process.line }
Worker.__index = Worker

--- A process that takes counts, a line each, and prints a line when it has done so much. It says "ready" first.
---@param command string
---@return table|nil worker
---@return string|nil said  instead of "ready"
function M.worker(command)
  local worker = setmetatable(M.start(command), Worker)
  local said = worker:line()
  if said == "ready" then return worker end
  worker:stop()
  return nil, said
end

--- Has it do so much, and gives what it prints.
function Worker:work(count)
  self.input:write(count, "\n")
  self.input:flush()
  return self:line()
end

--- Has it make so many charges.
---@return number cost  microseconds of its CPU time for each
function Worker:charge(count)
  return tonumber(self:work(count)) / count * 1e6
end

--- The command of a contender.
---@param lua "lua5.4"|"luajit"|"bare"  "bare": the loop in C
---@param name string|nil  as bench/charge.lua takes it
---@param server { url: string, ca_file?: string }
---@param wrapper? string  a program that runs it; LuaJIT compiles nothing then
---@return string
function M.charging(lua, name, server, wrapper)
  local order = require "bench.order"
  local words = { server.ca_file or "", server.url .. "/charge/card" }
  if lua == "bare" then words[#words + 1] = require("lomi.core").encode(order.PARAMS) end
  local fields = {}
  for field, value in pairs(order.headers()) do fields[#fields + 1] = field .. ": " .. value end
  table.sort(fields)
  for _, field in ipairs(fields) do words[#words + 1] = field end
  if lua == "bare" then return ("%s build/bare %s"):format(wrapper or "", M.quote(words)) end
  local unpack = table.unpack or unpack -- luacheck: ignore
  if wrapper then return M.wrapped(wrapper, lua, "bench/charge.lua", name, unpack(words)) end
  return M.command(lua, "bench/charge.lua", name, unpack(words))
end

--- A contender, warm; nil and why, if what it needs is not installed. Takes what `charging` takes.
function M.contender(...)
  return M.worker(M.charging(...))
end

return M
