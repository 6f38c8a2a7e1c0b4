-- SPDX-License-Identifier: MIT
-- Debian's lua-curl, which is luacurl, and cjson. One handle, kept. It has no getinfo: the status is in the head.
local order = require "bench.order"

local M = { needs = { "curl", "cjson" } }

function M.new(site)
  local cjson, curl = require "cjson", require "curl"
  local easy = curl.easy_init()
  local headers = { "Expect:" }
  for name, value in pairs(site.headers) do headers[#headers + 1] = ("%s: %s"):format(name, value) end
  local pieces, status

  local function set(option, value) easy:setopt(curl["OPT_" .. option], value) end
  set("URL", site.url)
  set("HTTPHEADER", headers)
  set("PROXY", "")
  set("NOSIGNAL", 1)
  set("TIMEOUT_MS", 30000)
  set("HEADERFUNCTION", function(line)
    status = line:match("^HTTP/[%d.]+ (%d+)") or status
    return #line
  end)
  set("WRITEFUNCTION", function(bytes)
    pieces[#pieces + 1] = bytes
    return #bytes
  end)

  return function()
    pieces, status = {}, nil
    set("POSTFIELDS", cjson.encode(order.PARAMS))
    local code, message = easy:perform()
    if code ~= 0 or status ~= "201" then error(message or status) end
    return cjson.decode(table.concat(pieces)).data.client_secret
  end
end

return M
