-- SPDX-License-Identifier: MIT
-- luasocket's TCP and cjson: what somebody writes who wants to keep the connection, which socket.http does not.
local order = require "bench.order"

local M = { needs = { "socket", "cjson" } }

function M.new(site)
  local by_hand = require "bench.by_hand"
  local cjson = require "cjson"
  local socket = assert(require("socket").connect(site.host, site.port))
  socket:setoption("tcp-nodelay", true)
  socket:settimeout(30)
  local head = ("%sIdempotency-Key: %s\r\nContent-Length: "):format(
    by_hand.head(site.host, site.port, site.path, site.headers), site.headers["Idempotency-Key"])
  return function()
    local body = cjson.encode(order.PARAMS)
    assert(socket:send(head .. #body .. "\r\n\r\n" .. body))
    return assert(by_hand.read_reply(socket)).client_secret
  end
end

return M
