-- SPDX-License-Identifier: MIT
--- Checkout sessions: how one is made, ends, and is paid by a charge. The payer's page is in checkout_page.lua.

local answer = require "lomi.sandbox.server.answer"
local request_bodies = require "lomi.sandbox.server.request_bodies"
local subscriptions = require "lomi.sandbox.server.subscriptions"
local views = require "lomi.sandbox.server.views"

local M = {}

local LASTS = 60 * 60 -- seconds a session is open

local FIELDS = [[created_by title description customer_id customer_email customer_name customer_phone product_id
  price_id subscription_id payment_link_id payment_request_id installment_plan_id success_url cancel_url qr_code_type
  qr_code_data spi_account_number spi_qr_code_id metadata]]
local DEFAULTS = {
  quantity = 1, allow_coupon_code = false, allow_quantity = false, require_name = true, require_email = true,
  require_phone = false, require_billing_address = false, is_pos = false, is_spi = false,
}

local refuse = answer.refuse

-- Making one ----------------------------------------------------------------------------------------------------------

-- The total of one price, or the reason to refuse the amount.
local function priced(price, amount, quantity)
  local data = price.data
  if data.pricing_model ~= "pay_what_you_want" then
    local total = data.amount * quantity
    if amount and amount ~= total then
      return refuse(("amount must be %.0f: %.0f times %.0f"):format(total, quantity, data.amount), "amount_invalid")
    end
    return total
  end
  amount = amount or data.amount * quantity
  local least, most = data.minimum_amount or 0, data.maximum_amount or math.huge
  if amount < least * quantity or amount > most * quantity then
    return refuse("amount is outside of the bounds of its price", "amount_invalid")
  end
  return amount
end

local function cart_total(merchant, scope, items, warn)
  local total, currency = 0, nil
  for _, one in ipairs(items) do
    local item, refusal = request_bodies.check("line_item", one, warn)
    if not item then return nil, refusal end
    local price
    price, refusal = merchant:find("prices", scope, item.price_id)
    if not price then return nil, refusal end
    if price.data.billing_interval then
      return refuse("A cart takes no recurring price", "line_items_recurring_not_supported")
    end
    if price.data.pricing_model == "pay_what_you_want" then
      return refuse("A cart takes no pay-what-you-want price", "line_items_pwyw_not_supported")
    end
    if currency and currency ~= price.data.currency_code then return refuse "A cart has prices of one currency" end
    total, currency = total + price.data.amount * (item.quantity or 1), price.data.currency_code
  end
  return total, nil, currency
end

--- Amount, currency and price of a session.
local function settle_amount(merchant, scope, params, warn)
  if params.line_items then
    local total, refusal, currency = cart_total(merchant, scope, params.line_items, warn)
    if not total then return nil, refusal end
    return { amount = total, currency_code = currency, quantity = 1 }
  end
  if not params.price_id and not params.product_id then
    if params.amount then return {} end
    return refuse "amount is required, unless product_id, price_id or line_items is given"
  end
  local price, refusal = merchant:find_price(scope, params)
  if not price then return nil, refusal end
  local amount
  amount, refusal = priced(price, params.amount, params.quantity or 1)
  if not amount then return nil, refusal end
  return { amount = amount, currency_code = price.data.currency_code, price = price,
    price_id = price.data.price_id, product_id = price.product.data.product_id,
    title = params.title or price.product.data.name }
end

--- A session, of a body that was checked.
---@param merchant lomi.sandbox.Merchant
---@param origin string of the pages
---@return table? session
---@return lomi.sandbox.Refusal?
function M.open(merchant, scope, params, origin, warn)
  local settled, refusal = settle_amount(merchant, scope, params, warn)
  if not settled then return nil, refusal end
  local data = {}
  for name, value in pairs(DEFAULTS) do data[name] = value end
  for name, value in pairs(params) do data[name] = value end
  for name, value in pairs(settled) do data[name] = value end
  if not data.require_name and not data.require_email and not data.require_phone
    and not (data.customer_name or data.customer_id) then
    return refuse "One of name, email and phone must be asked for, unless customer_name or customer_id is given"
  end
  data.currency_code = data.currency_code or "XOF"
  if data.integration_source then
    data.metadata = data.metadata or {}
    data.metadata.integration_source = data.integration_source
  end
  data.price, data.line_items, data.fields, data.integration_source = nil, nil, nil, nil
  data.status = "open"
  local session = merchant:keep("checkout_sessions", scope, "checkout_session_id", "cs_", data)
  session.price = settled.price
  session.expires = merchant.clock() + LASTS
  data.expires_at = views.timestamp(session.expires)
  data.checkout_url = origin .. "/checkout/" .. session.public_id
  data.amount_xof = data.currency_code == "XOF" and data.amount or merchant:in_francs(data.amount, data.currency_code)
  return session
end

--- Ends the sessions whose time is over; what was being paid for one is cancelled.
---@param app lomi.sandbox.App
function M.tick(app)
  for session in app.merchant.stores.checkout_sessions:each() do
    local was_open = session.data.status == "open"
    local ended = M.expire(app.merchant, session).data.status == "expired"
    if was_open and ended and session.charge then app.charges:cancel(session.charge, app.clock()) end
  end
end

--- Ends a session whose time is over.
function M.expire(merchant, session)
  if session.data.status == "open" and session.expires <= merchant.clock() then
    merchant:change(session, { status = "expired" })
  end
  return session
end

function M.view(merchant, session)
  local view = merchant.filled(M.expire(merchant, session).data, FIELDS)
  if view.status == "open" then view.next_action = { type = "redirect", url = view.checkout_url } end
  return view
end

-- Paying --------------------------------------------------------------------------------------------------------------

-- The charge's params: what the payer's page and the webhooks say of it.
local function charge_params(app, session, payer)
  local data, merchant = session.data, app.merchant
  local metadata = { checkout_session_id = data.checkout_session_id }
  for name, value in pairs(data.metadata or {}) do metadata[name] = value end
  local amount = data.amount
  if merchant.amounts ~= "minor" and data.currency_code ~= "XOF" then amount = amount / 100 end
  return {
    amount = amount, currency_code = data.currency_code, currency = data.currency_code,
    customer_id = payer.customer_id, customer_name = payer.name, customer_email = payer.email,
    customer = { name = payer.name, email = payer.email, phoneNumber = payer.phone },
    description = data.title or data.description, product_id = data.product_id, quantity = data.quantity,
    subscription_id = data.subscription_id, metadata = metadata,
  }
end

--- Makes the charge that pays a session.
---@param app lomi.sandbox.App
---@param method "card"|"wave"|"mtn"
---@param payer { customer_id: string?, name: string?, email: string?, phone: string? }
---@return lomi.sandbox.Charge
function M.make_charge(app, session, method, payer)
  local params, now = charge_params(app, session, payer), app.clock()
  app.merchant.opening = session
  local charge
  if method == "card" then
    charge = app.charges:create_card(session.scope, params, nil, 2048, now)
  else
    charge = app.charges:create_mobile(method, session.scope, params, nil, 2048, now, false)
  end
  app.merchant.opening = nil
  return charge
end

--- A session was paid: nothing else can pay it any more.
---@param app lomi.sandbox.App
---@param transaction table of the merchant
function M.on_paid(app, session, transaction)
  app.merchant:change(session, { status = "completed" })
  local open = session.charge
  if open and open ~= transaction.charge then app.charges:cancel(open, app.clock()) end
  if transaction.recurring then subscriptions.begin(app.merchant, session, transaction) end
  local paid = session.pays -- an invoice, or a payment request
  if paid then app.merchant:change(paid, paid.when_paid) end
end

--- Where the payer goes once the session is paid; nil: nowhere.
---@return string?
function M.success_url(session)
  local url = session.data.success_url
  return url and (url:gsub("{CHECKOUT_SESSION_ID}", (session.data.checkout_session_id:gsub("%%", "%%%%"))))
end

return M
