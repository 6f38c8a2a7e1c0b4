-- SPDX-License-Identifier: MIT
--- Payouts: money that goes to the merchant, or to somebody the merchant pays.

local dto = require "lomi.contract.dto"

---@class lomi.Recipient
local Recipient = dto.new("recipient", {
  { name = "name", type = "string", required = true, filled = true },
  { name = "phone", type = "string", required = true, format = "phone" }, -- E.164, like `+2250700000000`
})

---@class lomi.CreatePayout
local CreatePayout = dto.new("payouts:create", {
  { name = "destination", type = "string", required = true, enum = { "self", "beneficiary" } },
  { name = "rail", type = "string", required = true, enum = { "wave", "mtn", "bank", "spi", "stellar" } },
  { name = "amount", type = "money", required = true }, -- what arrives; the fee comes on top
  { name = "currency_code", type = "string", required = true, filled = true }, -- of the balance
  { name = "payout_method_id", type = "string", format = "id" }, -- to oneself; its type must fit the rail
  { name = "recipient", type = "object", dto = Recipient }, -- of a beneficiary by Wave or MTN
  { name = "reason", type = "string", longest = 140 },
  { name = "last_mile_rail", type = "string", enum = { "wave", "mtn", "spi", "bank" } }, -- stellar only (wave)
  { name = "metadata", type = "object" },
  { name = "confirmation_token", type = "string", filled = true }, -- from the preview; `confirm` sends it
}, {
  { rule = "needs", field = "payout_method_id", when = { destination = "self" }, unless = { rail = "stellar" } },
  { rule = "needs", field = "recipient", when = { destination = "beneficiary" }, unless = { rail = "spi" } },
})

---@class lomi.ListPayouts: lomi.PeriodQuery
local ListPayouts = dto.page_query("payouts:list", {
  { name = "status", type = "string" }, -- `pending`, `processing`, `completed` or `failed`; several separated by commas
  dto.PERIOD,
})

--- A payout. A bank's may have no `payout_id` when it is created.
---@class lomi.Payout
---@field payout_id? string
---@field kind? string  `withdrawal` or `beneficiary`
---@field status? string  `pending`, `processing`, `completed` or `failed`
---@field success? boolean
---@field message? string
---@field organization_id? string
---@field account_id? string
---@field payout_method_id? string
---@field amount? integer  minor units of `currency_code`
---@field currency_code? string
---@field provider_code? string
---@field payment_method_code? string
---@field stellar_transaction_id? string
---@field bridge_transfer_id? string
---@field metadata? table<string, any>
---@field created_at? string  ISO 8601
---@field updated_at? string  ISO 8601

--- Money that leaves asks twice: `create` gives a preview and moves nothing, `confirm` executes it. A deployment that
--- executes at once gives the payout: `reply.executed` says which it was.
---@class lomi.Payouts

---@type table<string, lomi.contract.Operation>
return {
  -- Asks for a payout: gives a preview, or the payout where the service executes at once. Gives lomi.Payout.
  create = { method = "POST", path = "/payouts", params = CreatePayout, asks_twice = true },
  -- Executes a payout that was previewed: the same body and idempotency key, with the preview's token.
  confirm = { confirms = "create" },
  -- One page of payouts. Gives lomi.Payout.
  list = { method = "GET", path = "/payouts", query = ListPayouts, result = "list" },
  each = { pages_of = "list" },
  -- Looks a payout up. Gives lomi.Payout.
  get = { method = "GET", path = "/payouts/{id}" },
}
