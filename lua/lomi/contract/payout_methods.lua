-- SPDX-License-Identifier: MIT
--- Payout methods: the merchant's own accounts.

local dto = require "lomi.contract.dto"

---@class lomi.CreatePayoutMethod
local CreatePayoutMethod = dto.new("payout_methods:create", {
  { name = "account_name", type = "string", required = true, filled = true },
  { name = "account_number", type = "string", required = true, filled = true }, -- a phone or an account number
  { name = "bank_name", type = "string" },
  { name = "country", type = "string" }, -- (SN)
  dto.plain("string", "bank_code", "branch_code"),
  { name = "payout_method_type", type = "string", enum = { "spi", "bank", "mobile_money" } },
  { name = "is_default", type = "boolean" },
})

--- An account. A new bank account is unusable until the service confirmed it.
---@class lomi.PayoutMethod
---@field payout_method_id? string
---@field organization_id? string
---@field account_name? string
---@field account_number? string
---@field bank_name? string
---@field bank_code? string
---@field branch_code? string
---@field country? string
---@field payout_method_type? string  `spi`, `bank` or `mobile_money`
---@field is_default? boolean
---@field is_valid? boolean
---@field is_spi_enabled? boolean
---@field is_uemoa? boolean
---@field auto_withdrawal_mobile_provider? string  `WAVE` or `MTN`

--- The merchant's own accounts, where payouts go.
---@class lomi.PayoutMethods

---@type table<string, lomi.contract.Operation>
return {
  -- All payout methods. Gives lomi.PayoutMethod.
  list = { method = "GET", path = "/payout-methods", result = "list" },
  -- Adds an account. Gives lomi.PayoutMethod.
  create = { method = "POST", path = "/payout-methods", params = CreatePayoutMethod },
}
