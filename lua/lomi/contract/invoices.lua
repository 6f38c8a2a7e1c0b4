-- SPDX-License-Identifier: MIT
--- Invoices of customers.

local dto = require "lomi.contract.dto"

---@class lomi.CreateInvoice
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
  -- with `name`, `description`, `quantity`, `price`, `product_id`, `price_id`
  { name = "line_items", type = "list", items = "object" },
  dto.plain("object", "customer_details", "payment_details", "template", "metadata"),
})

--- Only what changes.
---@class lomi.UpdateInvoice
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
local ListInvoices = dto.page_query("invoices:list", {
  { name = "status", type = "string" }, -- `draft`, `sent`, `paid`, `overdue` or `cancelled`
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

---@type table<string, lomi.contract.Operation>
return {
  -- Creates a draft. Gives lomi.Invoice.
  create = { method = "POST", path = "/invoices", params = CreateInvoice, id = "customer_invoice_id" },
  -- One page of invoices. Gives lomi.Invoice.
  list = { method = "GET", path = "/invoices", query = ListInvoices, result = "list" },
  each = { pages_of = "list" },
  -- Looks an invoice up. Gives lomi.Invoice.
  get = { method = "GET", path = "/invoices/{id}", id = "customer_invoice_id" },
  -- Changes an invoice. Sent once, unless `opts.idempotency_key` is given. Gives lomi.Invoice.
  update = { method = "PATCH", path = "/invoices/{id}", params = UpdateInvoice, id = "customer_invoice_id" },
  -- The invoice, as a link to a PDF. Gives lomi.Document.
  pdf = { method = "GET", path = "/invoices/{id}/pdf" },
  -- Ends the draft and makes its payment session; sends no e-mail. Gives lomi.Invoice.
  finalize = { method = "POST", path = "/invoices/{id}/finalize", may_be_empty = true },
  -- Finalizes the invoice and e-mails it to the customer. Gives lomi.Invoice.
  send = { method = "POST", path = "/invoices/{id}/send", may_be_empty = true },
  -- Reminds the customer of an invoice that is sent or overdue. Gives lomi.Invoice.
  remind = { method = "POST", path = "/invoices/{id}/remind", may_be_empty = true },
  -- Cancels an invoice that is not paid. Gives lomi.Invoice.
  void = { method = "POST", path = "/invoices/{id}/void", may_be_empty = true },
  -- Makes the session that pays the invoice, or gives the one there is. Gives lomi.CheckoutSession.
  checkout_session = { method = "POST", path = "/invoices/{id}/checkout-session" },
}
