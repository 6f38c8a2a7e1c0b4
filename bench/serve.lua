-- SPDX-License-Identifier: MIT
--- Starts bench/server.lua as a process of its own, so that its CPU time is not the client's.

local Server = {}
Server.__index = Server

function Server:stop()
  self.pipe:close() -- the server ends when its standard input does
end

local M = {}

---@param delay? number  seconds before each answer
function M.start(delay)
  local interpreter = rawget(_G, "jit") and "luajit" or "lua5.4"
  local address = os.tmpname()
  local pipe = assert(io.popen(("%s bench/server.lua %g > %s"):format(interpreter, delay or 0, address), "w"))
  local url
  repeat
    local file = assert(io.open(address))
    url = file:read("*l")
    file:close()
  until url
  os.remove(address)
  return setmetatable({ url = url, pipe = pipe }, Server)
end

return M
