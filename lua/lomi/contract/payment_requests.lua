-- SPDX-License-Identifier: MIT
--- Payment requests: one payment asked of one customer.

local dto = require "lomi.contract.dto"

---@class lomi.CreatePaymentRequest
local CreatePaymentRequest = dto.new("payment_requests:create", {
  { name = "amount", type = "money", required = true },
  { name = "currency_code", type = "string", required = true, enum = dto.CURRENCIES },
  { name = "expiry_date", type = "string", required = true, format = "time" },
  { name = "description", type = "string" },
  { name = "payment_reference", type = "string" },
  { name = "customer_id", type = "string", format = "id" },
  { name = "metadata", type = "object" },
  { name = "channel", type = "string", enum = { "spi" } },
})

---@class lomi.ListPaymentRequests: lomi.PageQuery
local ListPaymentRequests = dto.page_query("payment_requests:list", {
  { name = "status", type = "string", enum = { "pending", "completed", "failed", "expired" } },
  { name = "customerId", type = "string", filled = true },
})

--- A payment request; of π-SPI also `spi_…` fields.
---@class lomi.PaymentRequest: lomi.Record
---@field request_id string
---@field customer_id? string
---@field amount? integer  minor units of `currency_code`
---@field currency_code? string
---@field description? string
---@field payment_reference? string
---@field payment_link? string  send the customer there
---@field status? string  `pending`, `completed`, `failed` or `expired`
---@field expiry_date? string
---@field created_by? string
---@field qr_payload? string  π-SPI
---@field spi_alias? string  π-SPI
---@field metadata? table<string, any>

--- A request has a link that one customer pays once.
---@class lomi.PaymentRequests

---@type table<string, lomi.contract.Operation>
return {
  -- Creates a payment request. Gives lomi.PaymentRequest.
  create = { method = "POST", path = "/payment-requests", params = CreatePaymentRequest, id = "request_id" },
  -- One page of payment requests. Gives lomi.PaymentRequest.
  list = { method = "GET", path = "/payment-requests", query = ListPaymentRequests, result = "list" },
  each = { pages_of = "list" },
  -- Looks a payment request up. Gives lomi.PaymentRequest.
  get = { method = "GET", path = "/payment-requests/{id}", id = "request_id" },
}
