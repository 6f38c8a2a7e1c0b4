-- SPDX-License-Identifier: MIT
--- Providers: the ways to pay that the organization has.

local dto = require "lomi.contract.dto"

---@class lomi.ListProviders
local ListProviders = dto.new("providers:list", {
  { name = "provider_code", type = "string", enum = { "CARD", "WAVE", "MTN", "SPI" } },
})

---@class lomi.Provider
---@field organization_id? string
---@field provider_code? string  `CARD` may be called `STRIPE`
---@field is_connected? boolean
---@field is_phone_verified? boolean
---@field phone_number? string
---@field provider_merchant_id? string
---@field onboarding_status? string  `pending`, `in_progress`, `completed`, `failed` or `skipped`
---@field metadata? table<string, any>

--- The ways to pay that the organization is connected to.
---@class lomi.Providers

---@type table<string, lomi.contract.Operation>
return {
  -- All providers. Gives lomi.Provider.
  list = { method = "GET", path = "/providers", query = ListProviders, result = "list" },
}
