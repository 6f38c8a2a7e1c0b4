-- SPDX-License-Identifier: MIT
--- Settlements: what becomes available on which day.

local dto = require "lomi.contract.dto"

---@class lomi.InstantSettlement
---@field mode "advance"|"rail"
---@field amount integer  minor units
---@field currency_code string
---@field payout_id? string  of `rail`
---@field confirmation_token? string  from the preview; `confirm` sends it
local InstantSettlement = dto {
  name = "settlements:instant",
  fields = {
    { name = "mode", type = "string", required = true, enum = { "advance", "rail" } },
    { name = "amount", type = "money", required = true },
    { name = "currency_code", type = "string", required = true, filled = true },
    { name = "payout_id", type = "string", filled = true },
    { name = "confirmation_token", type = "string", filled = true },
  },
}

---@class lomi.ListSettlements
---@field limit? integer  how many a page holds; the service's default is 20
---@field cursor? string  `next_cursor` of the page before
---@field currency? string
---@field start_date? string  ISO 8601, inclusive
---@field end_date? string  ISO 8601, inclusive
local ListSettlements = dto {
  name = "settlements:list",
  pages = "cursor",
  fields = {
    { name = "currency", type = "string" },
    { name = "start_date", type = "string", format = "time" },
    { name = "end_date", type = "string", format = "time" },
  },
}

---@class lomi.ListSettlementTransactions
---@field limit? integer  how many a page holds; the service's default is 20
---@field cursor? string  `next_cursor` of the page before
local ListSettlementTransactions = dto {
  name = "settlements:transactions",
  pages = "cursor",
}

---@class lomi.Settlement
---@field settlement_id? string  such as `XOF:2026-06-01`
---@field settlement_date? string  YYYY-MM-DD
---@field currency_code? string
---@field gross_amount? integer  minor units, as are the next two
---@field fee_amount? integer
---@field net_amount? integer
---@field transaction_count? integer
---@field status? string  `available` or `pending`

---@class lomi.SettlementPage: lomi.Page
---@field data lomi.Settlement[]  the items of this page

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

---@class lomi.SettledTransactionPage: lomi.Page
---@field data lomi.SettledTransaction[]  the items of this page

--- An instant settlement; the service promises no more than an object.
---@class lomi.InstantSettlementResult
---@field mode? string  `advance` or `rail`
---@field status? string
---@field fee_amount? integer  minor units
---@field net_amount? integer  minor units

-- luacheck: push ignore 631
--- The payments of one currency that become available on one day. An instant settlement moves money and asks twice:
--- `instant` gives a preview, `confirm` executes it; `reply.executed` says which it was.
---@class lomi.Settlements
--- One page of settlements.
---@field list fun(self, query?: lomi.ListSettlements, opts?: lomi.CallOptions): lomi.SettlementPage?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round; the next page is asked for when the one before is read. An error ends
--- it: the last round gives false and the error.
---@field each fun(self, query?: lomi.ListSettlements, opts?: lomi.CallOptions): fun(): lomi.Settlement|false|nil, lomi.Error?
--- One page of the transactions of a settlement, such as `XOF:2026-06-01`.
---@field transactions fun(self, id: string, query?: lomi.ListSettlementTransactions, opts?: lomi.CallOptions): lomi.SettledTransactionPage?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round; the next page is asked for when the one before is read. An error ends
--- it: the last round gives false and the error.
---@field each_transactions fun(self, id: string, query?: lomi.ListSettlementTransactions, opts?: lomi.CallOptions): fun(): lomi.SettledTransaction|false|nil, lomi.Error?
--- Asks for an instant settlement: gives a preview, or the settlement where the service executes at once.
---@field instant fun(self, params: lomi.InstantSettlement, opts?: lomi.CallOptions): lomi.InstantSettlementResult|lomi.Preview|nil, lomi.Error?, lomi.Reply?
--- Executes an instant settlement that was previewed: the same body and idempotency key, with the preview's token.
---@field confirm fun(self, preview: lomi.Preview, opts?: lomi.CallOptions): lomi.InstantSettlementResult?, lomi.Error?, lomi.Reply?
--- Looks an instant settlement up.
---@field get_instant fun(self, id: string, opts?: lomi.CallOptions): lomi.InstantSettlementResult?, lomi.Error?, lomi.Reply?
-- luacheck: pop

---@type table<string, lomi.contract.Operation>
return {
  list = { method = "GET", path = "/settlements", query = ListSettlements, result = "list", pages = "cursor" },
  each = { pages_of = "list" },
  transactions = { method = "GET", path = "/settlements/{id}/transactions", query = ListSettlementTransactions,
    result = "list", pages = "cursor" },
  each_transactions = { pages_of = "transactions" },
  instant = { method = "POST", path = "/settlements/instant", params = InstantSettlement, result = "record",
    asks_twice = true },
  confirm = { confirms = "instant" },
  get_instant = { method = "GET", path = "/settlements/instant/{id}", result = "record" },
}
