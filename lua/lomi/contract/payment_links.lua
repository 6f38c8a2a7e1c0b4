-- SPDX-License-Identifier: MIT
--- Payment links: pages that many payers may pay on.

local dto = require "lomi.contract.dto"

---@class lomi.CreatePaymentLink: lomi.PayerPage
local CreatePaymentLink = dto.new("payment_links:create", {
  -- `instant` takes an amount, `product` a product
  { name = "link_type", type = "string", required = true, enum = { "product", "instant" } },
  { name = "title", type = "string", required = true, filled = true },
  { name = "currency_code", type = "string", required = true, enum = dto.CURRENCIES },
  { name = "amount", type = "money", least = 0 }, -- for instant links
  { name = "product_id", type = "string", filled = true }, -- for product links
  { name = "price_id", type = "string", filled = true },
  { name = "description", type = "string" },
  -- overrides `require_*`: items with `key`, `scope`, `type`, `visibility`, `order`
  { name = "fields", type = "list", items = "object" },
  { name = "expires_at", type = "string", format = "time" },
  dto.PAYER_PAGE,
}, {
  { rule = "needs", field = "amount", when = { link_type = "instant" } },
  { rule = "needs", field = "product_id", when = { link_type = "product" } },
})

--- Only what changes.
---@class lomi.UpdatePaymentLink: lomi.PayerPage
local UpdatePaymentLink = dto.new("payment_links:update", {
  { name = "title", type = "string", filled = true },
  { name = "description", type = "string" },
  { name = "amount", type = "money", least = 0 }, -- of instant links
  { name = "is_active", type = "boolean" },
  { name = "expires_at", type = "string", format = "time" },
  dto.PAYER_PAGE,
})

---@class lomi.ListPaymentLinks: lomi.PageQuery
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

---@type table<string, lomi.contract.Operation>
return {
  -- Creates a payment link. Gives lomi.PaymentLink.
  create = { method = "POST", path = "/payment-links", params = CreatePaymentLink, id = "link_id" },
  -- One page of payment links. Gives lomi.PaymentLink.
  list = { method = "GET", path = "/payment-links", query = ListPaymentLinks, result = "list" },
  each = { pages_of = "list" },
  -- Looks a payment link up. Gives lomi.PaymentLink.
  get = { method = "GET", path = "/payment-links/{id}", id = "link_id" },
  -- Changes a payment link. Sent once, unless `opts.idempotency_key` is given. Gives lomi.PaymentLink.
  update = { method = "PATCH", path = "/payment-links/{id}", params = UpdatePaymentLink, id = "link_id" },
  -- Deactivates a payment link. Sent once, unless `opts.idempotency_key` is given.
  delete = { method = "DELETE", path = "/payment-links/{id}", result = "body", may_be_empty = true },
}
