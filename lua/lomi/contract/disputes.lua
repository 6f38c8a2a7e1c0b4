-- SPDX-License-Identifier: MIT
--- Disputes of card payments.

local dto = require "lomi.contract.dto"

---@class lomi.DisputeEvidence
local DisputeEvidence = dto.new("disputes:evidence", {
  { name = "customer_name", type = "string" },
  { name = "uncategorized_text", type = "string" },
  { name = "files", type = "object" },
})

---@class lomi.ListDisputes: lomi.PeriodQuery
local ListDisputes = dto.page_query("disputes:list", {
  { name = "status", type = "string" }, -- `pending`, `resolved` or `closed`
  dto.PERIOD,
})

---@class lomi.Dispute
---@field dispute_id? string
---@field transaction_id? string
---@field amount? integer  minor units of `currency_code`
---@field currency_code? string
---@field fee_amount? integer
---@field reason? string
---@field status? string  `pending`, `resolved` or `closed`
---@field customer_id? string
---@field customer_name? string
---@field customer_email? string
---@field resolution_date? string
---@field resolution_details? any
---@field stripe_dispute_id? string
---@field stripe_charge_id? string
---@field evidence_details? table
---@field transaction_status? string
---@field transaction_gross_amount? integer
---@field created_at? string  ISO 8601
---@field updated_at? string  ISO 8601

--- Payments that a cardholder disputes; live only.
---@class lomi.Disputes

---@type table<string, lomi.contract.Operation>
return {
  -- One page of disputes. Gives lomi.Dispute.
  list = { method = "GET", path = "/disputes", query = ListDisputes, result = "list" },
  each = { pages_of = "list" },
  -- Looks a dispute up. Gives lomi.Dispute.
  get = { method = "GET", path = "/disputes/{id}" },
  -- Hands in evidence.
  evidence = { method = "POST", path = "/disputes/{id}/evidence", params = DisputeEvidence, result = "body" },
}
