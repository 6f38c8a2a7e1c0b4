-- SPDX-License-Identifier: MIT
--- Payment links: pages that many payers may pay on.

local dto = require "lomi.contract.dto"

---@class lomi.CreatePaymentLink: lomi.PayerPage
---@field link_type "product"|"instant"  `instant` takes an amount, `product` a product
---@field title string
---@field currency_code "XOF"|"USD"|"EUR"
---@field amount? integer  minor units; for instant links
---@field product_id? string  for product links
---@field price_id? string
---@field description? string
---@field fields? table[]  overrides `require_*`: items with `key`, `scope`, `type`, `visibility`, `order`
---@field expires_at? string  ISO 8601
local CreatePaymentLink = dto.new("payment_links:create", {
  { name = "link_type", type = "string", required = true, enum = { "product", "instant" } },
  { name = "title", type = "string", required = true, filled = true },
  { name = "currency_code", type = "string", required = true, enum = dto.CURRENCIES },
  { name = "amount", type = "money", least = 0 },
  { name = "product_id", type = "string", filled = true },
  { name = "price_id", type = "string", filled = true },
  { name = "description", type = "string" },
  dto.plain("boolean", "allow_coupon_code", "allow_quantity", "require_name", "require_email", "require_phone",
    "require_billing_address"),
  { name = "fields", type = "list", items = "object" },
  { name = "expires_at", type = "string", format = "time" },
  { name = "success_url", type = "string", format = "url" },
  { name = "cancel_url", type = "string", format = "url" },
  { name = "metadata", type = "object" },
}, {
  { rule = "needs", field = "amount", when = { link_type = "instant" } },
  { rule = "needs", field = "product_id", when = { link_type = "product" } },
})

--- Only what changes.
---@class lomi.UpdatePaymentLink: lomi.PayerPage
---@field title? string
---@field description? string
---@field amount? integer  minor units; of instant links
---@field is_active? boolean
---@field expires_at? string  ISO 8601
local UpdatePaymentLink = dto.new("payment_links:update", {
  { name = "title", type = "string", filled = true },
  { name = "description", type = "string" },
  { name = "amount", type = "money", least = 0 },
  { name = "is_active", type = "boolean" },
  { name = "expires_at", type = "string", format = "time" },
  { name = "success_url", type = "string", format = "url" },
  { name = "cancel_url", type = "string", format = "url" },
  dto.plain("boolean", "allow_coupon_code", "allow_quantity", "require_name", "require_email", "require_phone",
    "require_billing_address"),
  { name = "metadata", type = "object" },
})

---@class lomi.ListPaymentLinks: lomi.PageQuery
---@field linkType? "product"|"instant"
---@field isActive? boolean
local ListPaymentLinks = dto.page_query("payment_links:list", {
  { name = "linkType", type = "string", enum = { "product", "instant" } },
  { name = "isActive", type = "boolean" },
})

---@class lomi.PaymentLink: lomi.Record, lomi.PayerPage
---@field link_id string
---@field link_type? string  `product` or `instant`
---@field title? string
---@field description? string
---@field amount? integer  minor units of `currency_code`
---@field currency_code? string
---@field product_id? string
---@field price_id? string
---@field quantity? integer
---@field url? string  send payers there
---@field is_active? boolean
---@field expires_at? string
---@field created_by? string

--- A link makes a checkout session for everyone who opens it.
---@class lomi.PaymentLinks
--- Creates a payment link.
---@field create fun(self, params: lomi.CreatePaymentLink, opts?: lomi.CallOptions): lomi.PaymentLink?, lomi.Error?, lomi.Reply?
--- One page of payment links.
---@field list fun(self, query?: lomi.ListPaymentLinks, opts?: lomi.CallOptions): lomi.Page<lomi.PaymentLink>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each fun(self, query?: lomi.ListPaymentLinks, opts?: lomi.CallOptions): fun(): lomi.PaymentLink|false|nil, lomi.Error?
--- Looks a payment link up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.PaymentLink?, lomi.Error?, lomi.Reply?
--- Changes a payment link. Sent once, unless `opts.idempotency_key` is given.
---@field update fun(self, id: string, params: lomi.UpdatePaymentLink, opts?: lomi.CallOptions): lomi.PaymentLink?, lomi.Error?, lomi.Reply?
--- Deactivates a payment link. Sent once, unless `opts.idempotency_key` is given.
---@field delete fun(self, id: string, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?

---@type table<string, lomi.contract.Operation>
return {
  create = { method = "POST", path = "/payment-links", params = CreatePaymentLink, id = "link_id" },
  list = { method = "GET", path = "/payment-links", query = ListPaymentLinks, result = "list" },
  each = { pages_of = "list" },
  get = { method = "GET", path = "/payment-links/{id}", id = "link_id" },
  update = { method = "PATCH", path = "/payment-links/{id}", params = UpdatePaymentLink, id = "link_id" },
  delete = { method = "DELETE", path = "/payment-links/{id}", result = "body" },
}
