-- SPDX-License-Identifier: MIT
--- Plays replies byte for byte, one for each request, over as few connections as the client makes: a process.

local socket = require "socket"

local PATIENCE = 10 -- seconds; a client that does not come ends the play

-- ---- the process -----------------------------------------------------------------------------

local function read_request(connection)
  local length = 0
  while true do
    local line = connection:receive("*l")
    if not line then return nil end
    if line == "" then break end
    length = tonumber(line:lower():match("^content%-length: *(%d+)$")) or length
  end
  return length == 0 or connection:receive(length)
end

local function play(script)
  local listener = assert(socket.bind("127.0.0.1", 0))
  listener:settimeout(PATIENCE)
  print((select(2, listener:getsockname())))
  io.stdout:flush()
  local connection, connections = nil, 0
  local function accept()
    connection = assert(listener:accept())
    connection:settimeout(PATIENCE)
    connection:setoption("tcp-nodelay", true)
    connections = connections + 1
  end
  for _, reply in ipairs(script) do
    if not connection then accept() end
    while not read_request(connection) do accept() end -- the client has closed it
    for i, piece in ipairs(reply) do
      if i > 1 then socket.sleep(0.002) end -- so that they arrive one by one
      connection:send(piece)
    end
    if reply.gone then listener:close() end
    if reply.close or reply.gone then
      connection:close()
      connection = nil
    end
  end
  print(connections)
end

if ... ~= "spec.support.raw_server" then
  play(dofile((...)))
  os.exit(0)
end

-- ---- for a spec ------------------------------------------------------------------------------

local child = require "spec.support.child"

local M = {}

local Server = {}
Server.__index = Server

--- Waits until every reply has been played: how many connections it took. Raises if the client did not ask for all.
---@return integer
function Server:connections()
  local count = tonumber(self.pipe:read("*a"))
  self.pipe:close()
  os.remove(self.script)
  return assert(count, "not every reply was asked for")
end

--- Starts one. Each reply is a list of pieces, sent one after the other; with `close` the connection ends after it,
--- with `gone` the server, too.
---@param ... { [integer]: string, close: boolean?, gone: boolean? }
function M.start(...)
  local path, lines = os.tmpname(), {}
  for i, reply in ipairs { ... } do
    local pieces = {}
    for j, piece in ipairs(reply) do pieces[j] = ("%q"):format(piece):gsub("\r", "\\r") end
    lines[i] = ("{ close = %s, gone = %s, %s }"):format(
      tostring(reply.close or false), tostring(reply.gone or false), table.concat(pieces, ", "))
  end
  local file = assert(io.open(path, "w"))
  file:write("return {\n", table.concat(lines, ",\n"), "\n}\n")
  file:close()
  local pipe = assert(io.popen(("%s spec/support/raw_server.lua %s"):format(child.LUA, path)))
  local port = assert(pipe:read("*l"))
  return setmetatable({ pipe = pipe, script = path, url = "http://127.0.0.1:" .. port }, Server)
end

--- The bytes of a reply with its length.
---@param headers? string  more lines, each with its CR LF
function M.reply(status, body, headers)
  return ("HTTP/1.1 %d X\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s"):format(
    status, headers or "", #body, body)
end

--- The bytes of a chunked reply, as a list of its parts.
---@param ... string  the chunks
function M.chunked(status, ...)
  local parts = { ("HTTP/1.1 %d X\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"):format(
    status) }
  for _, chunk in ipairs { ... } do parts[#parts + 1] = ("%x\r\n%s\r\n"):format(#chunk, chunk) end
  parts[#parts + 1] = "0\r\n\r\n"
  return parts
end

return M
