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
local CreateRefund = dto {
  name = "refunds:create",
  fields = {
    { name = "transaction_id", type = "string", required = true, format = "id" },
    { name = "amount", type = "money", required = true },
    { name = "reason", type = "string" },
    { name = "refund_type", type = "string", enum = { "full", "partial" } },
    { name = "subscription_action", type = "string", enum = { "default", "cancel", "pause", "none" } },
    { name = "confirmation_token", type = "string", filled = true },
    { name = "reverse_transfer", type = "boolean" },
    { name = "refund_application_fee", type = "boolean" },
  },
}

---@class lomi.ListRefunds
---@field limit? integer  how many a page holds; the service's default is 20
---@field cursor? string  `next_cursor` of the page before
---@field status? string  `pending`, `completed` or `failed`
---@field startDate? string  ISO 8601, inclusive
---@field endDate? string  ISO 8601, inclusive
local ListRefunds = dto {
  name = "refunds:list",
  pages = "cursor",
  fields = {
    { name = "status", type = "string" },
    { name = "startDate", type = "string", format = "time" },
    { name = "endDate", type = "string", format = "time" },
  },
}

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

---@class lomi.RefundPage: lomi.Page
---@field data lomi.Refund[]  the items of this page

-- luacheck: push ignore 631
--- Money that leaves asks twice: `create` gives a preview and moves nothing, `confirm` executes it. A deployment that
--- executes at once gives the refund: `reply.executed` says which it was.
---@class lomi.Refunds
--- Asks for a refund: gives a preview, or the refund where the service executes at once.
---@field create fun(self, params: lomi.CreateRefund, opts?: lomi.CallOptions): lomi.Refund|lomi.Preview|nil, lomi.Error?, lomi.Reply?
--- Executes a refund that was previewed: the same body and idempotency key, with the preview's token.
---@field confirm fun(self, preview: lomi.Preview, opts?: lomi.CallOptions): lomi.Refund?, lomi.Error?, lomi.Reply?
--- One page of refunds.
---@field list fun(self, query?: lomi.ListRefunds, opts?: lomi.CallOptions): lomi.RefundPage?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round; the next page is asked for when the one before is read. An error ends
--- it: the last round gives false and the error.
---@field each fun(self, query?: lomi.ListRefunds, opts?: lomi.CallOptions): fun(): lomi.Refund|false|nil, lomi.Error?
--- Looks a refund up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.Refund?, lomi.Error?, lomi.Reply?
-- luacheck: pop

---@type table<string, lomi.contract.Operation>
return {
  create = { method = "POST", path = "/refunds", params = CreateRefund, result = "record", id = "refund_id",
    asks_twice = true },
  confirm = { confirms = "create" },
  list = { method = "GET", path = "/refunds", query = ListRefunds, result = "list", pages = "cursor" },
  each = { pages_of = "list" },
  get = { method = "GET", path = "/refunds/{id}", result = "record", id = "refund_id" },
}
