-- SPDX-License-Identifier: MIT
--- Refunds: money that goes back to a payer.

local dto = require "lomi.contract.dto"

---@class lomi.CreateRefund
---@field transaction_id string  a completed one, paid by card, Wave or MTN
---@field amount integer  minor units of the transaction's currency, at most what it was paid with
---@field reason? string
---@field refund_type? "full"|"partial"  default: full if the amount is all of it
---@field subscription_action? "default"|"cancel"|"pause"|"none"  of the subscription behind it, after a full refund
---@field confirmation_token? string  from the preview; `confirm` sends it
---@field reverse_transfer? boolean  network only (true)
---@field refund_application_fee? boolean  network only (true)
local CreateRefund = dto.new("refunds:create", {
  { name = "transaction_id", type = "string", required = true, format = "id" },
  { name = "amount", type = "money", required = true },
  { name = "reason", type = "string" },
  { name = "refund_type", type = "string", enum = { "full", "partial" } },
  { name = "subscription_action", type = "string", enum = { "default", "cancel", "pause", "none" } },
  { name = "confirmation_token", type = "string", filled = true },
  { name = "reverse_transfer", type = "boolean" },
  { name = "refund_application_fee", type = "boolean" },
})

---@class lomi.ListRefunds: lomi.PeriodQuery
---@field status? string  `pending`, `completed` or `failed`
local ListRefunds = dto.page_query("refunds:list", {
  { name = "status", type = "string" },
  dto.PERIOD,
})

--- A refund. Creating gives `refunded_amount`, looking up `amount` too.
---@class lomi.Refund
---@field refund_id string
---@field transaction_id? string
---@field amount? integer  minor units of the transaction's currency, as are the next ones
---@field refunded_amount? integer
---@field fee_amount? integer  what the refund costs the merchant
---@field reason? string
---@field status? string  `pending`, `completed` or `failed`
---@field message? string
---@field success? boolean
---@field subscription_action? table  `applied`, `action`, `subscription_id`, `previous_status`, `reason`
---@field metadata? table<string, any>
---@field created_at? string  ISO 8601
---@field updated_at? string  ISO 8601

--- Money that leaves asks twice: `create` gives a preview and moves nothing, `confirm` executes it. A deployment that
--- executes at once gives the refund: `reply.executed` says which it was.
---@class lomi.Refunds
--- Asks for a refund: gives a preview, or the refund where the service executes at once.
---@field create fun(self, params: lomi.CreateRefund, opts?: lomi.CallOptions): lomi.Refund|lomi.Preview|nil, lomi.Error?, lomi.Reply?
--- Executes a refund that was previewed: the same body and idempotency key, with the preview's token.
---@field confirm fun(self, preview: lomi.Preview, opts?: lomi.CallOptions): lomi.Refund?, lomi.Error?, lomi.Reply?
--- One page of refunds.
---@field list fun(self, query?: lomi.ListRefunds, opts?: lomi.CallOptions): lomi.Page<lomi.Refund>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each fun(self, query?: lomi.ListRefunds, opts?: lomi.CallOptions): fun(): lomi.Refund|false|nil, lomi.Error?
--- Looks a refund up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.Refund?, lomi.Error?, lomi.Reply?

---@type table<string, lomi.contract.Operation>
return {
  create = { method = "POST", path = "/refunds", params = CreateRefund, id = "refund_id", asks_twice = true },
  confirm = { confirms = "create" },
  list = { method = "GET", path = "/refunds", query = ListRefunds, result = "list" },
  each = { pages_of = "list" },
  get = { method = "GET", path = "/refunds/{id}", id = "refund_id" },
}
