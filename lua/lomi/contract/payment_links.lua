-- SPDX-License-Identifier: MIT
--- Payment links: pages that many payers may pay on.

local dto = require "lomi.contract.dto"

local CURRENCIES = { "XOF", "USD", "EUR" }

---@class lomi.CreatePaymentLink
---@field link_type "product"|"instant"  `instant` takes an amount, `product` a product
---@field title string
---@field currency_code "XOF"|"USD"|"EUR"
---@field amount? integer  minor units; for instant links
---@field product_id? string  for product links
---@field price_id? string
---@field description? string
---@field allow_coupon_code? boolean  (false)
---@field allow_quantity? boolean  (false)
---@field require_name? boolean  ask the payer for it (true)
---@field require_email? boolean  ask the payer for it (true)
---@field require_phone? boolean  ask the payer for it
---@field require_billing_address? boolean  ask the payer for it (false)
---@field fields? table[]  overrides `require_*`: items with `key`, `scope`, `type`, `visibility`, `order`
---@field expires_at? string  ISO 8601
---@field success_url? string
---@field cancel_url? string
---@field metadata? table<string, any>  no list at the top
local CreatePaymentLink = dto {
  name = "payment_links:create",
  fields = {
    { name = "link_type", type = "string", required = true, enum = { "product", "instant" } },
    { name = "title", type = "string", required = true, filled = true },
    { name = "currency_code", type = "string", required = true, enum = CURRENCIES },
    { name = "amount", type = "money", least = 0 },
    { name = "product_id", type = "string", filled = true },
    { name = "price_id", type = "string", filled = true },
    { name = "description", type = "string" },
    { name = "allow_coupon_code", type = "boolean" },
    { name = "allow_quantity", type = "boolean" },
    { name = "require_name", type = "boolean" },
    { name = "require_email", type = "boolean" },
    { name = "require_phone", type = "boolean" },
    { name = "require_billing_address", type = "boolean" },
    { name = "fields", type = "list", items = "object" },
    { name = "expires_at", type = "string", format = "time" },
    { name = "success_url", type = "string", format = "url" },
    { name = "cancel_url", type = "string", format = "url" },
    { name = "metadata", type = "object" },
  },
  rules = {
    { rule = "needs", field = "amount", when = { link_type = "instant" } },
    { rule = "needs", field = "product_id", when = { link_type = "product" } },
  },
}

--- Only what changes.
---@class lomi.UpdatePaymentLink
---@field title? string
---@field description? string
---@field amount? integer  minor units; of instant links
---@field is_active? boolean
---@field expires_at? string  ISO 8601
---@field success_url? string
---@field cancel_url? string
---@field allow_coupon_code? boolean
---@field allow_quantity? boolean
---@field require_name? boolean  ask the payer for it (true)
---@field require_email? boolean  ask the payer for it (true)
---@field require_phone? boolean  ask the payer for it
---@field require_billing_address? boolean  ask the payer for it (false)
---@field metadata? table<string, any>
local UpdatePaymentLink = dto {
  name = "payment_links:update",
  fields = {
    { name = "title", type = "string", filled = true },
    { name = "description", type = "string" },
    { name = "amount", type = "money", least = 0 },
    { name = "is_active", type = "boolean" },
    { name = "expires_at", type = "string", format = "time" },
    { name = "success_url", type = "string", format = "url" },
    { name = "cancel_url", type = "string", format = "url" },
    { name = "allow_coupon_code", type = "boolean" },
    { name = "allow_quantity", type = "boolean" },
    { name = "require_name", type = "boolean" },
    { name = "require_email", type = "boolean" },
    { name = "require_phone", type = "boolean" },
    { name = "require_billing_address", type = "boolean" },
    { name = "metadata", type = "object" },
  },
}

---@class lomi.ListPaymentLinks
---@field limit? integer  how many a page holds; the service's default is 20
---@field cursor? string  `next_cursor` of the page before
---@field linkType? "product"|"instant"
---@field isActive? boolean
local ListPaymentLinks = dto {
  name = "payment_links:list",
  pages = "cursor",
  fields = {
    { name = "linkType", type = "string", enum = { "product", "instant" } },
    { name = "isActive", type = "boolean" },
  },
}

---@class lomi.PaymentLink
---@field link_id string
---@field organization_id? string
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
---@field allow_coupon_code? boolean
---@field allow_quantity? boolean
---@field require_name? boolean
---@field require_email? boolean
---@field require_phone? boolean
---@field require_billing_address? boolean
---@field expires_at? string
---@field success_url? string
---@field cancel_url? string
---@field metadata? table<string, any>
---@field created_by? string
---@field environment? string  `test` or `live`
---@field created_at? string  ISO 8601
---@field updated_at? string  ISO 8601

---@class lomi.PaymentLinkPage: lomi.Page
---@field data lomi.PaymentLink[]  the items of this page

-- luacheck: push ignore 631
--- A link makes a checkout session for everyone who opens it.
---@class lomi.PaymentLinks
--- Creates a payment link.
---@field create fun(self, params: lomi.CreatePaymentLink, opts?: lomi.CallOptions): lomi.PaymentLink?, lomi.Error?, lomi.Reply?
--- One page of payment links.
---@field list fun(self, query?: lomi.ListPaymentLinks, opts?: lomi.CallOptions): lomi.PaymentLinkPage?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round; the next page is asked for when the one before is read. An error ends
--- it: the last round gives false and the error.
---@field each fun(self, query?: lomi.ListPaymentLinks, opts?: lomi.CallOptions): fun(): lomi.PaymentLink|false|nil, lomi.Error?
--- Looks a payment link up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.PaymentLink?, lomi.Error?, lomi.Reply?
--- Changes a payment link. Sent once, unless `opts.idempotency_key` is given.
---@field update fun(self, id: string, params: lomi.UpdatePaymentLink, opts?: lomi.CallOptions): lomi.PaymentLink?, lomi.Error?, lomi.Reply?
--- Deactivates a payment link. Sent once, unless `opts.idempotency_key` is given.
---@field delete fun(self, id: string, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?
-- luacheck: pop

---@type table<string, lomi.contract.Operation>
return {
  create = { method = "POST", path = "/payment-links", params = CreatePaymentLink, result = "record", id = "link_id" },
  list = { method = "GET", path = "/payment-links", query = ListPaymentLinks, result = "list", pages = "cursor" },
  each = { pages_of = "list" },
  get = { method = "GET", path = "/payment-links/{id}", result = "record", id = "link_id" },
  update = { method = "PATCH", path = "/payment-links/{id}", params = UpdatePaymentLink, result = "record",
    id = "link_id" },
  delete = { method = "DELETE", path = "/payment-links/{id}", result = "body" },
}
