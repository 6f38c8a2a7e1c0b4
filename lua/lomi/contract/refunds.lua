-- SPDX-License-Identifier: MIT
--- Refunds: money that goes back to a payer.

local dto = require "lomi.contract.dto"

---@class lomi.CreateRefund
local CreateRefund = dto.new("refunds:create", {
  -- a completed one, paid by card, Wave or MTN
  { name = "transaction_id", type = "string", required = true, format = "id" },
  { name = "amount", type = "money", required = true }, -- of the transaction's currency, at most what it was paid with
  { name = "reason", type = "string" },
  { name = "refund_type", type = "string", enum = { "full", "partial" } }, -- default: full if the amount is all of it
  -- of the subscription behind it, after a full refund
  { name = "subscription_action", type = "string", enum = { "default", "cancel", "pause", "none" } },
  { name = "confirmation_token", type = "string", filled = true }, -- from the preview; `confirm` sends it
  { name = "reverse_transfer", type = "boolean" }, -- network only (true)
  { name = "refund_application_fee", type = "boolean" }, -- network only (true)
})

---@class lomi.ListRefunds: lomi.PeriodQuery
local ListRefunds = dto.page_query("refunds:list", {
  { name = "status", type = "string" }, -- `pending`, `completed` or `failed`
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

---@type table<string, lomi.contract.Operation>
return {
  -- Asks for a refund: gives a preview, or the refund where the service executes at once. Gives lomi.Refund.
  create = { method = "POST", path = "/refunds", params = CreateRefund, id = "refund_id", asks_twice = true },
  -- Executes a refund that was previewed: the same body and idempotency key, with the preview's token.
  confirm = { confirms = "create" },
  -- One page of refunds. Gives lomi.Refund.
  list = { method = "GET", path = "/refunds", query = ListRefunds, result = "list" },
  each = { pages_of = "list" },
  -- Looks a refund up. Gives lomi.Refund.
  get = { method = "GET", path = "/refunds/{id}", id = "refund_id" },
}
