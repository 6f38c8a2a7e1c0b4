-- SPDX-License-Identifier: MIT
-- Debian's lua-http and cjson. A connection of its HTTP/1.1, kept; its request objects make one for each request.
local order = require "bench.order"

local M = { needs = { "http.client", "http.headers", "cjson" } }

function M.new(site)
  local cjson = require "cjson"
  local new_headers = require("http.headers").new
  local connection = assert(require("http.client").connect {
    host = site.host, port = tonumber(site.port), version = 1.1,
  })
  local fields = {}
  for name, value in pairs(site.headers) do fields[name:lower()] = value end
  return function()
    local body, headers = cjson.encode(order.PARAMS), new_headers()
    headers:append(":method", "POST")
    headers:append(":authority", site.host .. ":" .. site.port)
    headers:append(":path", site.path)
    for name, value in pairs(fields) do headers:append(name, value) end
    headers:append("content-length", ("%d"):format(#body))
    local stream = assert(connection:new_stream())
    assert(stream:write_headers(headers, false, 30))
    assert(stream:write_body_from_string(body, 30))
    local status = assert(stream:get_headers(30)):get ":status"
    if status ~= "201" then error(tostring(status)) end
    return cjson.decode(assert(stream:get_body_as_string(30))).data.client_secret
  end
end

return M
