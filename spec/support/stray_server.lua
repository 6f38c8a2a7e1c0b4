-- SPDX-License-Identifier: MIT
--- A service gone wrong: answers so many requests, each on a connection of its own, then says something on all of these
--- connections that nobody asked for. What comes afterwards it answers properly. A process.

local socket = require "socket"
local tcp = require "spec.support.tcp"

local PATIENCE = 10 -- seconds

local STRAY, OWN = '{"data":{"id":"pi_stray"}}', '{"data":{"id":"pi_own"}}'

-- ---- the process -----------------------------------------------------------------------------

local function read_request(connection)
  local length = 0
  repeat
    local line = connection:receive("*l")
    if not line then return nil end
    length = tonumber(line:lower():match("^content%-length: *(%d+)$")) or length
  until line == ""
  return length == 0 or connection:receive(length)
end

local function answer(connection, body)
  connection:send(("HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s"):format(#body, body))
end

local function play(count)
  local listener = assert(socket.bind("127.0.0.1", 0, 1024))
  listener:settimeout(PATIENCE)
  local function say(what)
    print(what)
    io.stdout:flush()
  end
  local port = tonumber((select(2, listener:getsockname())))
  say(port)
  local connections = {}
  for i = 1, count do
    connections[i] = assert(listener:accept())
    connections[i]:settimeout(PATIENCE)
    assert(read_request(connections[i]))
  end
  for _, connection in ipairs(connections) do answer(connection, OWN) end
  listener:accept():close() -- told to go on
  for _, connection in ipairs(connections) do answer(connection, STRAY) end
  assert(tcp.wait_for(function() return tcp.has_come_from(port) end, PATIENCE))
  say "said"
  local late = assert(listener:accept())
  late:settimeout(PATIENCE)
  if read_request(late) then answer(late, OWN) end
end

if ... ~= "spec.support.stray_server" then
  play(tonumber((...)))
  os.exit(0)
end

-- ---- for a spec ------------------------------------------------------------------------------

local child = require "spec.support.child"

local M = {}

local Server = {}
Server.__index = Server

--- Has it say what nobody asked for, and waits until that has come.
function Server:stray()
  assert(socket.connect("127.0.0.1", self.port)):close()
  assert(self.pipe:read("*l") == "said")
end

--- Waits until it has ended.
function Server:stop()
  self.pipe:close()
end

---@param count integer  connections
function M.start(count)
  local pipe = assert(io.popen(("%s spec/support/stray_server.lua %d"):format(child.LUA, count)))
  local port = assert(pipe:read("*l"))
  return setmetatable({ pipe = pipe, port = tonumber(port), url = "http://127.0.0.1:" .. port }, Server)
end

return M
