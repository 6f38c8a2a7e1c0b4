-- SPDX-License-Identifier: MIT
--- The transport of a client that was given none.

local lazy = require "lomi.lazy"
local transports = require "lomi.transport"

local shared

--- Chosen at the first call: a client made while nginx reads its configuration must work in its workers.
---@return table transport
return function()
  if not shared then
    local name = transports.in_nginx() and "lomi.transport.nginx" or "lomi.transport.curl"
    shared = lazy(name).shared()
  end
  return shared
end
