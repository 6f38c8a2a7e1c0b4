-- SPDX-License-Identifier: MIT
--- lomi: the lomi. API from Lua: charges by card, Wave and MTN, every other resource (see contract/init.lua), and
--- webhooks. Requiring it costs next to nothing: each part is loaded when it is first used.

local lazy = require "lomi.lazy"

---@class lomi
---@field webhook lomi.webhook  signs and verifies webhooks
---@field empty_array lightuserdata  an empty list in `metadata`, which goes out as `[]`; an empty table is `{}`
---@field _VERSION string  of this library
local M = { _VERSION = "0.1.0" }

--- A client. Opens no connection yet; connections are shared by all clients of a Lua state.
--- Raises at the caller's line if an option is wrong or unknown.
---@param options? lomi.Options  default: all defaults, the key from the environment
---@return lomi.Client
function M.new(options)
  local checked, reason = lazy("lomi.config").check(options)
  if not checked then error("lomi.new: " .. reason, 2) end
  return lazy("lomi.client").new(checked)
end

--- A loop: the transport of clients that do not block. Coroutines, polled.
---@return lomi.Loop
function M.loop()
  return lazy("lomi.loop").new()
end

local MODULES = {
  "lomi.call.confirmation", "lomi.call.pages", "lomi.call.shapes", "lomi.client", "lomi.config", "lomi.core",
  "lomi.crypto", "lomi.rules", "lomi.transport.default", "lomi.webhook",
}
-- With libcurl, and without it in nginx, whose TLS library is another.
local TRANSPORTS = {
  [true] = { "lomi.transport.nginx" }, [false] = { "lomi.engine", "lomi.loop", "lomi.transport.curl" },
}

--- Loads every part now, libcurl and libcrypto too (in nginx without libcurl), for a program after which nothing can be
--- loaded: one that takes `require` away from its scripts, that changes its directory or its root, or that forks and
--- wants its children to share the memory. Raises if a part cannot be loaded.
function M.preload()
  for _, name in ipairs(MODULES) do lazy(name) end
  for _, name in pairs(lazy("lomi.contract").resources) do lazy(name) end
  for _, name in ipairs(TRANSPORTS[lazy("lomi.transport").in_nginx()]) do lazy(name) end
end

local PARTS = {
  webhook = function() return lazy("lomi.webhook") end,
  empty_array = function() return lazy("lomi.core").empty_array end,
}

setmetatable(M, {
  __index = function(self, name)
    if not PARTS[name] then return nil end
    local part = PARTS[name]()
    rawset(self, name, part)
    return part
  end,
})

return M
