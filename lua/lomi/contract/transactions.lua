-- SPDX-License-Identifier: MIT
--- Transactions: what was paid, to be looked up.

local dto = require "lomi.contract.dto"

---@class lomi.ListTransactions: lomi.PeriodQuery
local ListTransactions = dto.page_query("transactions:list", {
  { name = "provider", type = "string" }, -- one code, such as `WAVE`
  { name = "status", type = "string" }, -- one or more, separated by commas: `completed,refunded`
  { name = "type", type = "string" }, -- likewise: `payment`, `instalment`, `refund`, `payout`
  { name = "currency", type = "string" }, -- likewise
  { name = "paymentMethod", type = "string" }, -- likewise: `CARDS`, `MOBILE_MONEY`, …
  dto.PERIOD,
  { name = "isPos", type = "boolean" },
})

--- A payment, as the service keeps it.
---@class lomi.TransactionRecord: lomi.Record
---@field transaction_id string
---@field public_id? string  `txn_…`
---@field customer_id? string
---@field product_id? string
---@field subscription_id? string
---@field price_id? string
---@field transaction_type? string  `payment`, `instalment`, `refund` or `payout`
---@field status? string  `pending`, `completed`, `failed`, `refunded`, `expired`, `cancelled` or `held`
---@field gross_amount? integer  minor units of `currency_code`, as are the next ones
---@field discount_amount? integer
---@field fee_amount? integer
---@field net_amount? integer  gross less fee
---@field refunded_amount? integer  the sum of the completed refunds
---@field gross_amount_xof? integer  whole F CFA: the one to add up
---@field currency_code? string
---@field quantity? number
---@field description? string
---@field metadata? table<string, any>
---@field provider_code? string  `WAVE`, `MTN`, `STRIPE` (cards), …
---@field payment_method_code? string  `CARDS`, `MOBILE_MONEY`, …
---@field is_bnpl? boolean
---@field is_pos? boolean
---@field spi_tx_id? string  π-SPI only, as are the next ones
---@field spi_account_number? string
---@field spi_payment_category? string
---@field spi_payment_status? string
---@field spi_date_envoi? string
---@field spi_date_irrevocabilite? string

--- A PDF, as a link.
---@class lomi.Document
---@field hosted_url? string
---@field download_url? string
---@field filename? string
---@field mime_type? string  `application/pdf`
---@field expires_at? string  ISO 8601

--- Reads only: a transaction is made by a charge, a checkout session or a link.
---@class lomi.Transactions

---@type table<string, lomi.contract.Operation>
return {
  -- One page of transactions. Gives lomi.TransactionRecord.
  list = { method = "GET", path = "/transactions", query = ListTransactions, result = "list" },
  each = { pages_of = "list" },
  -- Looks a transaction up, by its UUID or `txn_…`. Gives lomi.TransactionRecord.
  get = { method = "GET", path = "/transactions/{id}", id = "transaction_id" },
  -- The receipt of a transaction, as a link to a PDF. Gives lomi.Document.
  receipt = { method = "GET", path = "/transactions/{id}/receipt.pdf" },
}
