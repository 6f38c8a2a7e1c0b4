-- SPDX-License-Identifier: MIT
--- A name server that knows a few names, all of them at 127.0.0.1, and denies every other: a process of its own.

local socket = require "socket"

local QUIT = "quit"
local PATIENCE = 60 -- seconds

-- The name in a question, which begins after the head of 12 bytes; and the bytes of the question.
local function question_of(query)
  local labels, at = {}, 13
  while query:byte(at) ~= 0 do
    local length = query:byte(at)
    labels[#labels + 1] = query:sub(at + 1, at + length)
    at = at + 1 + length
  end
  return table.concat(labels, "."):lower(), query:sub(13, at + 4)
end

local function answer(query, known)
  local name, question = question_of(query)
  local is_a = question:sub(-4) == "\0\1\0\1"
  local found = known[name] and is_a
  local head = query:sub(1, 2) .. "\129" .. (known[name] and "\128" or "\131") .. "\0\1\0" .. (found and "\1" or "\0")
    .. "\0\0\0\0"
  return head .. question .. (found and "\192\12\0\1\0\1\0\0\0\1\0\4\127\0\0\1" or "")
end

local function serve(names)
  local known = {}
  for _, name in ipairs(names) do known[name] = true end
  local udp = assert(socket.udp())
  assert(udp:setsockname("127.0.0.1", 0))
  udp:settimeout(PATIENCE)
  print((select(2, udp:getsockname())))
  io.stdout:flush()
  while true do
    local query, host, port = udp:receivefrom()
    if not query or query == QUIT then return end
    udp:sendto(answer(query, known), host, port)
  end
end

if ... ~= "spec.support.dns_server" then
  serve { ... }
  os.exit(0)
end

local child = require "spec.support.child"

local M = {}

local Server = {}
Server.__index = Server

function Server:stop()
  local udp = socket.udp()
  udp:sendto(QUIT, "127.0.0.1", self.port)
  udp:close()
  self.pipe:close()
end

---@param ... string  names
function M.start(...)
  local pipe = assert(io.popen(("%s spec/support/dns_server.lua %s"):format(child.LUA, table.concat({ ... }, " "))))
  return setmetatable({ pipe = pipe, port = tonumber((assert(pipe:read("*l")))) }, Server)
end

return M
