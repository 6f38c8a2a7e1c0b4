-- SPDX-License-Identifier: MIT
--- Payment requests: one payment asked of one customer.

local dto = require "lomi.contract.dto"

local CURRENCIES = { "XOF", "USD", "EUR" }

---@class lomi.CreatePaymentRequest
---@field amount integer  minor units
---@field currency_code "XOF"|"USD"|"EUR"
---@field expiry_date string  ISO 8601
---@field description? string
---@field payment_reference? string
---@field customer_id? string
---@field metadata? table<string, any>
---@field channel? "spi"
local CreatePaymentRequest = dto {
  name = "payment_requests:create",
  fields = {
    { name = "amount", type = "money", required = true },
    { name = "currency_code", type = "string", required = true, enum = CURRENCIES },
    { name = "expiry_date", type = "string", required = true, format = "time" },
    { name = "description", type = "string" },
    { name = "payment_reference", type = "string" },
    { name = "customer_id", type = "string", format = "id" },
    { name = "metadata", type = "object" },
    { name = "channel", type = "string", enum = { "spi" } },
  },
}

---@class lomi.ListPaymentRequests
---@field limit? integer  how many a page holds; the service's default is 20
---@field cursor? string  `next_cursor` of the page before
---@field status? "pending"|"completed"|"failed"|"expired"
---@field customerId? string
local ListPaymentRequests = dto {
  name = "payment_requests:list",
  pages = "cursor",
  fields = {
    { name = "status", type = "string", enum = { "pending", "completed", "failed", "expired" } },
    { name = "customerId", type = "string", filled = true },
  },
}

--- A payment request; of π-SPI also `spi_…` fields.
---@class lomi.PaymentRequest
---@field request_id string
---@field organization_id? string
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
---@field environment? string  `test` or `live`
---@field created_at? string  ISO 8601
---@field updated_at? string  ISO 8601

---@class lomi.PaymentRequestPage: lomi.Page
---@field data lomi.PaymentRequest[]  the items of this page

-- luacheck: push ignore 631
--- A request has a link that one customer pays once.
---@class lomi.PaymentRequests
--- Creates a payment request.
---@field create fun(self, params: lomi.CreatePaymentRequest, opts?: lomi.CallOptions): lomi.PaymentRequest?, lomi.Error?, lomi.Reply?
--- One page of payment requests.
---@field list fun(self, query?: lomi.ListPaymentRequests, opts?: lomi.CallOptions): lomi.PaymentRequestPage?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round; the next page is asked for when the one before is read. An error ends
--- it: the last round gives false and the error.
---@field each fun(self, query?: lomi.ListPaymentRequests, opts?: lomi.CallOptions): fun(): lomi.PaymentRequest|false|nil, lomi.Error?
--- Looks a payment request up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.PaymentRequest?, lomi.Error?, lomi.Reply?
-- luacheck: pop

---@type table<string, lomi.contract.Operation>
return {
  create = { method = "POST", path = "/payment-requests", params = CreatePaymentRequest, result = "record",
    id = "request_id" },
  list = { method = "GET", path = "/payment-requests", query = ListPaymentRequests, result = "list",
    pages = "cursor" },
  each = { pages_of = "list" },
  get = { method = "GET", path = "/payment-requests/{id}", result = "record", id = "request_id" },
}
