-- SPDX-License-Identifier: MIT
--- Plays replies byte for byte, one for each request, over as few connections as the client makes. See peer.lua.

local peer = require "spec.support.peer"

local PLAY = [[
local replies, played, connections = { %s }, 0, 0
return function(connection)
  connections = connections + 1
  while played < #replies and connection:request() do
    played = played + 1
    local reply = replies[played]
    for i, piece in ipairs(reply) do
      if i > 1 then sleep(0.002) end -- so that they arrive one by one
      connection:send(piece)
    end
    if reply.gone then leave() end
    if played == #replies then say(connections) end
    if reply.close or reply.gone then return end
  end
  connection:drain()
end
]]

local M = {}

local Server = {}
Server.__index = Server

--- Waits until every reply has been played: how many connections it took.
---@return integer
function Server:connections()
  local count = tonumber(self.peer:line())
  self.peer:stop()
  return assert(count, "not every reply was asked for")
end

--- Starts one. Each reply is a list of pieces, sent one after the other; with `close` the connection ends after it,
--- with `gone` the server, too.
---@param ... { [integer]: string, close: boolean?, gone: boolean? }
function M.start(...)
  local replies = {}
  for i, reply in ipairs { ... } do
    local pieces = {}
    for j, piece in ipairs(reply) do pieces[j] = peer.quote(piece) end
    replies[i] = ("{ close = %s, gone = %s, %s }"):format(
      tostring(reply.close or false), tostring(reply.gone or false), table.concat(pieces, ", "))
  end
  local server = peer.start { serve = PLAY:gsub("%%s", function() return table.concat(replies, ", ") end) }
  return setmetatable({ peer = server, url = server.url }, Server)
end

--- The bytes of a reply with its length.
---@param headers? string  more lines, each with its CR LF
M.reply = peer.reply

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
