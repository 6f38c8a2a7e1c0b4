-- SPDX-License-Identifier: MIT
--- Balances: what the merchant has, by currency.

local dto = require "lomi.contract.dto"

---@class lomi.ListBalances
local ListBalances = dto.new("balances:list", { { name = "currency", type = "string", enum = dto.CURRENCIES } })

---@class lomi.BalanceBreakdown
local BalanceBreakdown = dto.new("balances:breakdown", {
  { name = "target_currency", type = "string", enum = dto.CURRENCIES }, -- converts into it too
})

---@class lomi.Balance
---@field currency_code? string
---@field balance? integer  minor units
---@field last_updated? string  ISO 8601

---@class lomi.BalanceParts
---@field currency_code? string
---@field available_balance? integer  minor units, as are the next two
---@field pending_balance? integer
---@field total_balance? integer  available and pending
---@field unavailable_balance? integer
---@field target_currency? string
---@field converted_available_balance? number  in the target's unit, as are the next two
---@field converted_pending_balance? number
---@field converted_total_balance? number

---@class lomi.AvailableBalance
---@field has_sufficient_balance? boolean  there is something to pay out
---@field available_balance? integer  minor units

--- The merchant's money, in minor units of each currency.
---@class lomi.Balances

---@type table<string, lomi.contract.Operation>
return {
  -- The balance of every currency, or of one. Gives lomi.Balance.
  list = { method = "GET", path = "/accounts/balance", query = ListBalances, result = "list" },
  -- The available and the pending amounts. Gives lomi.BalanceParts.
  breakdown = { method = "GET", path = "/accounts/balance/breakdown", query = BalanceBreakdown, result = "list" },
  -- The available amount in one currency, such as `XOF`. Gives lomi.AvailableBalance.
  get = { method = "GET", path = "/accounts/balance/{currency}" },
}
