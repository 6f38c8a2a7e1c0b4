-- SPDX-License-Identifier: MIT
--- Checkout sessions: pages of the service where a payer chooses how to pay.

local dto = require "lomi.contract.dto"

---@class lomi.LineItem
local LineItem = dto.new("line_items", {
  { name = "price_id", type = "string", required = true, filled = true }, -- `price_…` or a UUID
  { name = "quantity", type = "integer", least = 1 }, -- 1 or more (1)
  { name = "metadata", type = "object" },
})

--- Where a platform sends its share.
---@class lomi.SessionTransfer
local SessionTransfer = dto.new("transfer_data", {
  { name = "destination", type = "string", required = true, filled = true }, -- `acct_…`
  { name = "amount", type = "money" },
})

--- Needs an `amount`, or what it follows from: `product_id`, `price_id` or `line_items`. The sandbox insists on a
--- `success_url` or a `cancel_url`.
---@class lomi.CreateCheckoutSession: lomi.PayerPage
local CreateCheckoutSession = dto.new("checkout_sessions:create", {
  { name = "amount", type = "money" }, -- 10000 is 10 000 F CFA, or 100.00 USD or EUR
  { name = "currency_code", type = "string", enum = dto.CURRENCIES }, -- default: the organization's
  { name = "title", type = "string" },
  { name = "description", type = "string" },
  { name = "customer_id", type = "string", format = "id" },
  { name = "customer_email", type = "string", format = "email" }, -- prefills the page, as do the next ones
  dto.plain("string", "customer_name", "customer_phone", "customer_city", "customer_country", "customer_address",
    "customer_postal_code"),
  -- a UUID or `prod_…`; the amount comes from its default price
  { name = "product_id", type = "string", filled = true },
  { name = "price_id", type = "string", filled = true }, -- a UUID or `price_…`; the amount comes from it
  { name = "subscription_id", type = "string", format = "id" },
  { name = "payment_link_id", type = "string", format = "id" },
  { name = "quantity", type = "integer", least = 1 }, -- 1 or more (1)
  dto.PAYER_PAGE,
  -- overrides `require_*`: items with `key`, `scope`, `type`, `visibility`, `order`
  { name = "fields", type = "list", items = "object" },
  -- a cart: `product_id`, `price_id` and `quantity` are ignored
  { name = "line_items", type = "list", items = LineItem, least = 1 },
  { name = "integration_source", type = "string" }, -- such as `woocommerce`
  { name = "application_fee_amount", type = "money" }, -- for network operators
  { name = "transfer_data", type = "object", dto = SessionTransfer },
  { name = "transfer_group", type = "string", longest = 128 },
}, { { rule = "any_of", fields = { "amount", "product_id", "price_id", "line_items" } } })

---@class lomi.ListCheckoutSessions: lomi.PageQuery
local ListCheckoutSessions = dto.page_query("checkout_sessions:list", {
  { name = "status", type = "string", enum = { "open", "completed", "expired" } },
})

--- Where a payer pays. When the customer has an unpaid blocking invoice, the service answers `payment_required` and
--- `blocking_invoice` instead of a session.
---@class lomi.CheckoutSession: lomi.Record, lomi.PayerPage
---@field checkout_session_id? string
---@field status? string  `open`, `completed` or `expired`
---@field amount? integer  minor units of `currency_code`
---@field amount_xof? integer  whole F CFA
---@field currency_code? string
---@field checkout_url? string  send the payer there
---@field title? string
---@field description? string
---@field customer_id? string
---@field customer_email? string
---@field customer_name? string
---@field customer_phone? string
---@field product_id? string
---@field price_id? string
---@field subscription_id? string
---@field payment_link_id? string
---@field payment_request_id? string
---@field installment_plan_id? string
---@field quantity? integer
---@field is_pos? boolean
---@field is_spi? boolean
---@field qr_code_type? string  `static` or `dynamic`
---@field qr_code_data? table
---@field spi_account_number? string
---@field spi_qr_code_id? string
---@field created_by? string
---@field expires_at? string  an hour after it was created
---@field next_action? table  while open: what the payer does next
---@field payment_required? boolean  true: an invoice must be paid first
---@field reason? string  of `payment_required`
---@field blocking_invoice? table  `invoice_id`, `invoice_number`, `amount_remaining`, `currency_code`, `checkout_url`

--- Hosted checkout: create a session, send the payer to its `checkout_url`, and wait for the webhook.
---@class lomi.CheckoutSessions

---@type table<string, lomi.contract.Operation>
return {
  -- Creates a checkout session. The payment sends webhooks; the session itself sends none. Gives lomi.CheckoutSession.
  create = { method = "POST", path = "/checkout-sessions", params = CreateCheckoutSession,
    id = "checkout_session_id", unless = "payment_required" },
  -- One page of sessions. Gives lomi.CheckoutSession.
  list = { method = "GET", path = "/checkout-sessions", query = ListCheckoutSessions, result = "list" },
  each = { pages_of = "list" },
  -- Looks a session up. Gives lomi.CheckoutSession.
  get = { method = "GET", path = "/checkout-sessions/{id}", id = "checkout_session_id" },
}
