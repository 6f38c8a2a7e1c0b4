-- SPDX-License-Identifier: MIT
-- luasocket's own HTTP client and cjson. It makes a connection for each request.
local order = require "bench.order"

local M = { needs = { "socket.http", "ltn12", "cjson" } }

function M.new(site)
  local cjson, http, ltn12 = require "cjson", require "socket.http", require "ltn12"
  return function()
    local body, reply = cjson.encode(order.PARAMS), {}
    local headers = { ["Content-Length"] = #body }
    for name, value in pairs(site.headers) do headers[name] = value end
    local ok, status = http.request {
      method = "POST", url = site.url, headers = headers,
      source = ltn12.source.string(body), sink = ltn12.sink.table(reply),
    }
    if not ok or status ~= 201 then error(tostring(status)) end
    return cjson.decode(table.concat(reply)).data.client_secret
  end
end

return M
