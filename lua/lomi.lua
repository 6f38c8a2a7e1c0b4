-- SPDX-License-Identifier: MIT
--- lomi: card charges over the lomi. API, from Lua. Requiring it costs next to nothing: each part is loaded when it is
--- first used.

---@class lomi
---@field webhook lomi.webhook  signs and verifies
local M = { _VERSION = "0.1.0" }

--- A client. Opens no connection yet; connections are shared by all clients of a Lua state.
--- Raises at the caller's line if an option is wrong.
---@param options? lomi.Options
---@return lomi.Client
function M.new(options)
  local checked, wrong = require("lomi.config").check(options)
  if not checked then error("lomi.new: " .. wrong, 2) end
  return require("lomi.client").new(checked)
end

--- Clients that do not block: coroutines, polled. See lomi.Loop.
---@return lomi.Loop
function M.loop()
  return require("lomi.loop").new()
end

local PARTS = { webhook = "lomi.webhook" }

return setmetatable(M, {
  __index = function(self, name)
    if not PARTS[name] then return nil end
    local part = require(PARTS[name])
    rawset(self, name, part)
    return part
  end,
})
