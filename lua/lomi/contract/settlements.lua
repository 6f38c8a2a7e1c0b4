-- SPDX-License-Identifier: MIT
--- Settlements: what becomes available on which day.

local dto = require "lomi.contract.dto"

---@class lomi.InstantSettlement
---@field mode "advance"|"rail"
---@field amount integer  minor units
---@field currency_code string
---@field payout_id? string  of `rail`
---@field confirmation_token? string  from the preview; `confirm` sends it
local InstantSettlement = dto.new("settlements:instant", {
  { name = "mode", type = "string", required = true, enum = { "advance", "rail" } },
  { name = "amount", type = "money", required = true },
  { name = "currency_code", type = "string", required = true, filled = true },
  { name = "payout_id", type = "string", filled = true },
  { name = "confirmation_token", type = "string", filled = true },
})

---@class lomi.ListSettlements: lomi.PageQuery
---@field currency? string
---@field start_date? string  ISO 8601, inclusive
---@field end_date? string  ISO 8601, inclusive
local ListSettlements = dto.page_query("settlements:list", {
  { name = "currency", type = "string" },
  { name = "start_date", type = "string", format = "time" },
  { name = "end_date", type = "string", format = "time" },
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
--- One page of settlements.
---@field list fun(self, query?: lomi.ListSettlements, opts?: lomi.CallOptions): lomi.Page<lomi.Settlement>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each fun(self, query?: lomi.ListSettlements, opts?: lomi.CallOptions): fun(): lomi.Settlement|false|nil, lomi.Error?
--- One page of the transactions of a settlement, such as `XOF:2026-06-01`.
---@field transactions fun(self, id: string, query?: lomi.PageQuery, opts?: lomi.CallOptions): lomi.Page<lomi.SettledTransaction>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each_transactions fun(self, id: string, query?: lomi.PageQuery, opts?: lomi.CallOptions): fun(): lomi.SettledTransaction|false|nil, lomi.Error?
--- Asks for an instant settlement: gives a preview, or the settlement where the service executes at once.
---@field instant fun(self, params: lomi.InstantSettlement, opts?: lomi.CallOptions): lomi.InstantSettlementResult|lomi.Preview|nil, lomi.Error?, lomi.Reply?
--- Executes an instant settlement that was previewed: the same body and idempotency key, with the preview's token.
---@field confirm fun(self, preview: lomi.Preview, opts?: lomi.CallOptions): lomi.InstantSettlementResult?, lomi.Error?, lomi.Reply?
--- Looks an instant settlement up.
---@field get_instant fun(self, id: string, opts?: lomi.CallOptions): lomi.InstantSettlementResult?, lomi.Error?, lomi.Reply?

---@type table<string, lomi.contract.Operation>
return {
  list = { method = "GET", path = "/settlements", query = ListSettlements, result = "list" },
  each = { pages_of = "list" },
  transactions = { method = "GET", path = "/settlements/{id}/transactions", query = ListSettlementTransactions,
    result = "list" },
  each_transactions = { pages_of = "transactions" },
  instant = { method = "POST", path = "/settlements/instant", params = InstantSettlement, asks_twice = true },
  confirm = { confirms = "instant" },
  get_instant = { method = "GET", path = "/settlements/instant/{id}" },
}
