-- SPDX-License-Identifier: MIT
--- Which webhook endpoints that were made over the API get an event; operations/webhooks.lua manages them.

local ascii = require "lomi.ascii"

local M = {}

local function host_of(url)
  return ((ascii.lower(url):match("^https?://([^/?#]+)") or ""):gsub(":%d+$", ""))
end

local PRIVATE = { "^0%.", "^10%.", "^172%.1[6-9]%.", "^172%.2%d%.", "^172%.3[01]%.", "^192%.168%.", "^169%.254%.",
  "^%[f[cd]", "^%[fe[89ab]" } -- IPv4 and IPv6

--- Whether a URL names a private or link-local address. A name is not looked up.
---@param url string
function M.is_private(url)
  local host = host_of(url)
  if not host:find("^[%d.]+$") and host:sub(1, 1) ~= "[" then return false end
  for _, pattern in ipairs(PRIVATE) do
    if host:find(pattern) then return true end
  end
  return false
end

--- Whether a URL leads to this machine.
---@param url string
function M.is_local(url)
  local host = host_of(url)
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
