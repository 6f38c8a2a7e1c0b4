-- SPDX-License-Identifier: MIT
--- Invoices of customers.

local dto = require "lomi.contract.dto"

---@class lomi.CreateInvoice
---@field customer_id string
---@field amount integer  minor units
---@field currency_code "XOF"|"USD"|"EUR"
---@field due_date? string
---@field origin? "manual"|"one_time_product"|"recurring_subscription"|"usage_billing"|"failed_renewal"
---@field invoice_number? string
---@field description? string
---@field product_id? string
---@field price_id? string
---@field subscription_id? string
---@field line_items? table[]  with `name`, `description`, `quantity`, `price`, `product_id`, `price_id`
---@field customer_details? table<string, any>
---@field payment_details? table<string, any>
---@field template? table<string, any>
---@field metadata? table<string, any>
local CreateInvoice = dto.new("invoices:create", {
  { name = "customer_id", type = "string", required = true, format = "id" },
  { name = "amount", type = "money", required = true },
  { name = "currency_code", type = "string", required = true, enum = dto.CURRENCIES },
  { name = "due_date", type = "string", format = "date" },
  { name = "origin", type = "string", enum = { "manual", "one_time_product", "recurring_subscription",
    "usage_billing", "failed_renewal" } },
  { name = "invoice_number", type = "string" },
  { name = "description", type = "string" },
  { name = "product_id", type = "string", filled = true },
  { name = "price_id", type = "string", filled = true },
  { name = "subscription_id", type = "string", filled = true },
  { name = "line_items", type = "list", items = "object" },
  dto.plain("object", "customer_details", "payment_details", "template", "metadata"),
})

--- Only what changes.
---@class lomi.UpdateInvoice
---@field due_date? string
---@field status? "draft"|"sent"|"paid"|"overdue"|"cancelled"
---@field description? string
---@field amount? integer  minor units
---@field amount_due? integer  minor units
---@field line_items? table[]
---@field customer_id? string
---@field product_id? string
---@field price_id? string
---@field subscription_id? string
---@field metadata? table<string, any>
local UpdateInvoice = dto.new("invoices:update", {
  { name = "due_date", type = "string", format = "date" },
  { name = "status", type = "string", enum = { "draft", "sent", "paid", "overdue", "cancelled" } },
  { name = "description", type = "string" },
  { name = "amount", type = "money" },
  { name = "amount_due", type = "money", least = 0 },
  { name = "line_items", type = "list", items = "object" },
  { name = "customer_id", type = "string", format = "id" },
  { name = "product_id", type = "string", filled = true },
  { name = "price_id", type = "string", filled = true },
  { name = "subscription_id", type = "string", filled = true },
  { name = "metadata", type = "object" },
})

---@class lomi.ListInvoices: lomi.PageQuery
---@field status? string  `draft`, `sent`, `paid`, `overdue` or `cancelled`
---@field customerId? string
---@field search? string
local ListInvoices = dto.page_query("invoices:list", {
  { name = "status", type = "string" },
  { name = "customerId", type = "string", filled = true },
  { name = "search", type = "string" },
})

---@class lomi.Invoice
---@field customer_invoice_id? string
---@field organization_id? string
---@field customer_id? string
---@field invoice_number? string
---@field amount? integer  minor units of `currency_code`
---@field amount_due? integer
---@field amount_remaining? integer
---@field currency_code? string
---@field status? string  `draft`, `sent`, `paid`, `overdue` or `cancelled`
---@field origin? string
---@field due_date? string  YYYY-MM-DD
---@field hosted_url? string
---@field pdf_url? string
---@field payment_url? string
---@field customer? table
---@field line_items? table[]

--- Drafted, sent, and paid through a checkout session of their own.
---@class lomi.Invoices
--- Creates a draft.
---@field create fun(self, params: lomi.CreateInvoice, opts?: lomi.CallOptions): lomi.Invoice?, lomi.Error?, lomi.Reply?
--- One page of invoices.
---@field list fun(self, query?: lomi.ListInvoices, opts?: lomi.CallOptions): lomi.Page<lomi.Invoice>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each fun(self, query?: lomi.ListInvoices, opts?: lomi.CallOptions): fun(): lomi.Invoice|false|nil, lomi.Error?
--- Looks an invoice up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.Invoice?, lomi.Error?, lomi.Reply?
--- Changes an invoice. Sent once, unless `opts.idempotency_key` is given.
---@field update fun(self, id: string, params: lomi.UpdateInvoice, opts?: lomi.CallOptions): lomi.Invoice?, lomi.Error?, lomi.Reply?
--- The invoice, as a link to a PDF.
---@field pdf fun(self, id: string, opts?: lomi.CallOptions): lomi.Document?, lomi.Error?, lomi.Reply?
--- Ends the draft and makes its payment session; sends no e-mail.
---@field finalize fun(self, id: string, opts?: lomi.CallOptions): lomi.Invoice?, lomi.Error?, lomi.Reply?
--- Finalizes the invoice and e-mails it to the customer.
---@field send fun(self, id: string, opts?: lomi.CallOptions): lomi.Invoice?, lomi.Error?, lomi.Reply?
--- Reminds the customer of an invoice that is sent or overdue.
---@field remind fun(self, id: string, opts?: lomi.CallOptions): lomi.Invoice?, lomi.Error?, lomi.Reply?
--- Cancels an invoice that is not paid.
---@field void fun(self, id: string, opts?: lomi.CallOptions): lomi.Invoice?, lomi.Error?, lomi.Reply?
--- Makes the session that pays the invoice, or gives the one there is.
---@field checkout_session fun(self, id: string, opts?: lomi.CallOptions): lomi.CheckoutSession?, lomi.Error?, lomi.Reply?

---@type table<string, lomi.contract.Operation>
return {
  create = { method = "POST", path = "/invoices", params = CreateInvoice, id = "customer_invoice_id" },
  list = { method = "GET", path = "/invoices", query = ListInvoices, result = "list" },
  each = { pages_of = "list" },
  get = { method = "GET", path = "/invoices/{id}", id = "customer_invoice_id" },
  update = { method = "PATCH", path = "/invoices/{id}", params = UpdateInvoice, id = "customer_invoice_id" },
  pdf = { method = "GET", path = "/invoices/{id}/pdf" },
  finalize = { method = "POST", path = "/invoices/{id}/finalize" },
  send = { method = "POST", path = "/invoices/{id}/send" },
  remind = { method = "POST", path = "/invoices/{id}/remind" },
  void = { method = "POST", path = "/invoices/{id}/void" },
  checkout_session = { method = "POST", path = "/invoices/{id}/checkout-session" },
}
