-- SPDX-License-Identifier: MIT
--- Which endpoints of the API get an event; operations/webhooks.lua manages them.

local ascii = require "lomi.ascii"

local M = {}

--- Whether a URL leads to this machine.
---@param url string
function M.is_local(url)
  local host = ascii.lower(url):match("^https?://([^/?#]+)") or ""
  host = host:gsub(":%d+$", "")
  return host == "localhost" or host == "[::1]" or host:find("^127%.%d+%.%d+%.%d+$") ~= nil
end

--- The endpoints of an organization that get an event.
---@param merchant lomi.sandbox.Merchant
function M.of_event(merchant, scope, event)
  local list = {}
  for item in merchant.stores.webhooks:each(scope) do
    local wanted = false
    for _, name in ipairs(item.data.authorized_events) do wanted = wanted or name == event end
    if wanted and item.data.is_active and M.is_local(item.data.url) then table.insert(list, 1, item.endpoint) end
  end
  return list
end

return M
