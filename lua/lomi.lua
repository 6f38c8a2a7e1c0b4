-- SPDX-License-Identifier: MIT
--- lomi: card charges over the lomi. API, from Lua.

local client = require "lomi.client"
local config = require "lomi.config"
local core = require "lomi.core"

---@class lomi
---@field webhook lomi.webhook  signs and verifies; loaded at its first use
local M = { _VERSION = core.version }

--- A client. Costs nothing on the wire; connections are shared by all clients of a Lua state.
---@param options lomi.Options
---@return lomi.Client
--- Raises at the caller's line if an option is wrong.
function M.new(options)
  local checked, wrong = config.check(options)
  if not checked then error("lomi.new: " .. wrong, 2) end
  return client.new(checked)
end

local LAZY = { webhook = "lomi.webhook" }

return setmetatable(M, {
  __index = function(self, name)
    local module = LAZY[name]
    if not module then return nil end
    local loaded = require(module)
    rawset(self, name, loaded)
    return loaded
  end,
})
