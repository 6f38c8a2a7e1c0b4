-- SPDX-License-Identifier: MIT
--- Settlements: amounts by the day they become available; and instant ones.

local dto = require "lomi.contract.dto"

---@class lomi.InstantSettlement
local InstantSettlement = dto.new("settlements:instant", {
  { name = "mode", type = "string", required = true, enum = { "advance", "rail" } },
  { name = "amount", type = "money", required = true },
  { name = "currency_code", type = "string", required = true, filled = true },
  { name = "payout_id", type = "string", filled = true }, -- of `rail`
  { name = "confirmation_token", type = "string", filled = true }, -- from the preview; `confirm` sends it
})

---@class lomi.ListSettlements: lomi.PageQuery
local ListSettlements = dto.page_query("settlements:list", {
  { name = "currency", type = "string" },
  { name = "start_date", type = "string", format = "time" }, -- inclusive
  { name = "end_date", type = "string", format = "time" }, -- inclusive
})

local ListSettlementTransactions = dto.page_query("settlements:transactions", {})

---@class lomi.Settlement
---@field settlement_id? string  such as `XOF:2026-06-01`
---@field settlement_date? string  YYYY-MM-DD
---@field currency_code? string
---@field gross_amount? integer  minor units, as are the next two
---@field fee_amount? integer
---@field net_amount? integer
---@field transaction_count? integer
---@field status? string  `available` or `pending`

---@class lomi.SettledTransaction
---@field transaction_id? string
---@field transaction_type? string
---@field status? string
---@field gross_amount? integer  minor units, as are the next two
---@field fee_amount? integer
---@field net_amount? integer
---@field currency_code? string
---@field provider_code? string
---@field payment_method_code? string
---@field customer_id? string
---@field subscription_id? string
---@field available_at? string
---@field created_at? string

--- An instant settlement; the service promises no more than an object.
---@class lomi.InstantSettlementResult
---@field mode? string  `advance` or `rail`
---@field status? string
---@field fee_amount? integer  minor units
---@field net_amount? integer  minor units

--- The payments of one currency that become available on one day. An instant settlement moves money and asks twice:
--- `instant` gives a preview, `confirm` executes it; `reply.executed` says which it was.
---@class lomi.Settlements

---@type table<string, lomi.contract.Operation>
return {
  -- One page of settlements. Gives lomi.Settlement.
  list = { method = "GET", path = "/settlements", query = ListSettlements, result = "list" },
  each = { pages_of = "list" },
  -- One page of the transactions of a settlement, such as `XOF:2026-06-01`. Gives lomi.SettledTransaction.
  transactions = { method = "GET", path = "/settlements/{id}/transactions", query = ListSettlementTransactions,
    result = "list" },
  each_transactions = { pages_of = "transactions" },
  -- Asks for an instant settlement: gives a preview, or the settlement where the service executes at once.
  -- Gives lomi.InstantSettlementResult.
  instant = { method = "POST", path = "/settlements/instant", params = InstantSettlement, asks_twice = true },
  -- Executes an instant settlement that was previewed: the same body and idempotency key, with the preview's token.
  confirm = { confirms = "instant" },
  -- Looks an instant settlement up. Gives lomi.InstantSettlementResult.
  get_instant = { method = "GET", path = "/settlements/instant/{id}" },
}
