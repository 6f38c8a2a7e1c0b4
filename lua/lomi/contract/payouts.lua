-- SPDX-License-Identifier: MIT
--- Payouts: money that goes to the merchant, or to somebody the merchant pays.

local dto = require "lomi.contract.dto"

---@class lomi.Recipient
---@field name string
---@field phone string  E.164, like `+2250700000000`
local Recipient = dto.new("recipient", {
  { name = "name", type = "string", required = true, filled = true },
  { name = "phone", type = "string", required = true, format = "phone" },
})

---@class lomi.CreatePayout
---@field destination "self"|"beneficiary"
---@field rail "wave"|"mtn"|"bank"|"spi"|"stellar"
---@field amount integer  minor units: what arrives; the fee comes on top
---@field currency_code string  of the balance
---@field payout_method_id? string  to oneself; its type must fit the rail
---@field recipient? lomi.Recipient  of a beneficiary by Wave or MTN
---@field reason? string
---@field last_mile_rail? "wave"|"mtn"|"spi"|"bank"  stellar only (wave)
---@field metadata? table<string, any>
---@field confirmation_token? string  from the preview; `confirm` sends it
local CreatePayout = dto.new("payouts:create", {
  { name = "destination", type = "string", required = true, enum = { "self", "beneficiary" } },
  { name = "rail", type = "string", required = true, enum = { "wave", "mtn", "bank", "spi", "stellar" } },
  { name = "amount", type = "money", required = true },
  { name = "currency_code", type = "string", required = true, filled = true },
  { name = "payout_method_id", type = "string", format = "id" },
  { name = "recipient", type = "object", dto = Recipient },
  { name = "reason", type = "string", longest = 140 },
  { name = "last_mile_rail", type = "string", enum = { "wave", "mtn", "spi", "bank" } },
  { name = "metadata", type = "object" },
  { name = "confirmation_token", type = "string", filled = true },
}, {
  { rule = "needs", field = "payout_method_id", when = { destination = "self" }, unless = { rail = "stellar" } },
  { rule = "needs", field = "recipient", when = { destination = "beneficiary" }, unless = { rail = "spi" } },
})

---@class lomi.ListPayouts: lomi.PeriodQuery
---@field status? string  `pending`, `processing`, `completed` or `failed`; several separated by commas
local ListPayouts = dto.page_query("payouts:list", {
  { name = "status", type = "string" },
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
--- Asks for a payout: gives a preview, or the payout where the service executes at once.
---@field create fun(self, params: lomi.CreatePayout, opts?: lomi.CallOptions): lomi.Payout|lomi.Preview|nil, lomi.Error?, lomi.Reply?
--- Executes a payout that was previewed: the same body and idempotency key, with the preview's token.
---@field confirm fun(self, preview: lomi.Preview, opts?: lomi.CallOptions): lomi.Payout?, lomi.Error?, lomi.Reply?
--- One page of payouts.
---@field list fun(self, query?: lomi.ListPayouts, opts?: lomi.CallOptions): lomi.Page<lomi.Payout>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each fun(self, query?: lomi.ListPayouts, opts?: lomi.CallOptions): fun(): lomi.Payout|false|nil, lomi.Error?
--- Looks a payout up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.Payout?, lomi.Error?, lomi.Reply?

---@type table<string, lomi.contract.Operation>
return {
  create = { method = "POST", path = "/payouts", params = CreatePayout, asks_twice = true },
  confirm = { confirms = "create" },
  list = { method = "GET", path = "/payouts", query = ListPayouts, result = "list" },
  each = { pages_of = "list" },
  get = { method = "GET", path = "/payouts/{id}" },
}
