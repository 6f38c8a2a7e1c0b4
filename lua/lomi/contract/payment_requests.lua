-- SPDX-License-Identifier: MIT
--- Payment requests: one payment asked of one customer.

local dto = require "lomi.contract.dto"

---@class lomi.CreatePaymentRequest
---@field amount integer  minor units
---@field currency_code "XOF"|"USD"|"EUR"
---@field expiry_date string  ISO 8601
---@field description? string
---@field payment_reference? string
---@field customer_id? string
---@field metadata? table<string, any>
---@field channel? "spi"
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
---@field status? "pending"|"completed"|"failed"|"expired"
---@field customerId? string
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
--- Creates a payment request.
---@field create fun(self, params: lomi.CreatePaymentRequest, opts?: lomi.CallOptions): lomi.PaymentRequest?, lomi.Error?, lomi.Reply?
--- One page of payment requests.
---@field list fun(self, query?: lomi.ListPaymentRequests, opts?: lomi.CallOptions): lomi.Page<lomi.PaymentRequest>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each fun(self, query?: lomi.ListPaymentRequests, opts?: lomi.CallOptions): fun(): lomi.PaymentRequest|false|nil, lomi.Error?
--- Looks a payment request up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.PaymentRequest?, lomi.Error?, lomi.Reply?

---@type table<string, lomi.contract.Operation>
return {
  create = { method = "POST", path = "/payment-requests", params = CreatePaymentRequest, id = "request_id" },
  list = { method = "GET", path = "/payment-requests", query = ListPaymentRequests, result = "list" },
  each = { pages_of = "list" },
  get = { method = "GET", path = "/payment-requests/{id}", id = "request_id" },
}
