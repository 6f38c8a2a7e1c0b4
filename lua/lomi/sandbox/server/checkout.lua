-- SPDX-License-Identifier: MIT
--- Checkout sessions and payment links: how they are made, and the page a payer pays on. A payment is a charge, so it
--- has all that charges have: the card form, 3-D Secure, webhooks.

local ascii = require "lomi.ascii"
local answer = require "lomi.sandbox.server.answer"
local request_bodies = require "lomi.sandbox.server.request_bodies"
local form = require "lomi.sandbox.server.form"
local html = require "lomi.sandbox.server.html"
local iso8601 = require "lomi.iso8601"
local money = require "lomi.sandbox.server.money"
local subscriptions = require "lomi.sandbox.server.subscriptions"
local views = require "lomi.sandbox.server.views"

local M = {}

local LASTS = 60 * 60 -- seconds a session is open

local FIELDS = [[title description customer_id customer_email customer_name customer_phone product_id price_id
  subscription_id payment_link_id payment_request_id installment_plan_id success_url cancel_url qr_code_type
  qr_code_data spi_account_number spi_qr_code_id metadata]]
local DEFAULTS = {
  quantity = 1, allow_coupon_code = false, allow_quantity = false, require_name = true, require_email = true,
  require_phone = false, require_billing_address = false, is_pos = false, is_spi = false,
}

local refuse = answer.refuse

-- Making one ----------------------------------------------------------------------------------------------------------

---@return table? price an item
---@return table? fault
local function find_price(merchant, scope, params)
  if params.price_id then return merchant:find("prices", scope, params.price_id) end
  local product, fault = merchant:find("products", scope, params.product_id)
  if not product then return nil, fault end
  return product.default_price
end

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
    local item, fault = request_bodies.check("line_item", one, warn)
    if not item then return nil, fault end
    local price
    price, fault = merchant:find("prices", scope, item.price_id)
    if not price then return nil, fault end
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
    local total, fault, currency = cart_total(merchant, scope, params.line_items, warn)
    if not total then return nil, fault end
    return { amount = total, currency_code = currency, quantity = 1 }
  end
  if not params.price_id and not params.product_id then
    if params.amount then return {} end
    return refuse "amount is required, unless product_id, price_id or line_items is given"
  end
  local price, fault = find_price(merchant, scope, params)
  if not price then return nil, fault end
  local amount
  amount, fault = priced(price, params.amount, params.quantity or 1)
  if not amount then return nil, fault end
  return { amount = amount, currency_code = price.data.currency_code, price = price,
    price_id = price.data.price_id, product_id = price.product.data.product_id,
    title = params.title or price.product.data.name }
end

--- A session, of a body that was checked.
---@param merchant lomi.sandbox.Merchant
---@param origin string of the pages
---@return table? session
---@return table? fault
function M.open(merchant, scope, params, origin, warn)
  local settled, fault = settle_amount(merchant, scope, params, warn)
  if not settled then return nil, fault end
  local data = {}
  for name, value in pairs(DEFAULTS) do data[name] = value end
  for name, value in pairs(params) do data[name] = value end
  for name, value in pairs(settled) do data[name] = value end
  if not data.require_name and not data.require_email and not data.require_phone
    and not (data.customer_name or data.customer_id) then
    return refuse "One of name, email and phone must be asked for, unless customer_name or customer_id is given"
  end
  data.currency_code = data.currency_code or "XOF"
  data.price, data.line_items, data.fields = nil, nil, nil
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

-- Makes the charge that pays a session.
local function make_charge(app, session, method, payer)
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
  if paid then app.merchant:change(paid, { status = paid.paid_status }) end
end

--- Where the payer goes once the session is paid; nil: nowhere.
---@return string?
function M.success_url(session)
  local url = session.data.success_url
  return url and (url:gsub("{CHECKOUT_SESSION_ID}", (session.data.checkout_session_id:gsub("%%", "%%%%"))))
end

-- The page ------------------------------------------------------------------------------------------------------------

local FORM = [[
<form method="post" action="{action}" novalidate>
{{fields}}<button type="submit" name="method" value="card"{{focus}}>Pay by card</button>
<button type="submit" name="method" value="wave" class="second">Pay with Wave</button>
<button type="submit" name="method" value="mtn" class="second">Pay with MTN</button>
<button type="submit" name="method" value="cancel" class="second">Cancel</button>
</form>
<p class="note">Wave and MTN are paid at once here.</p>
]]

local PAYER = {
  { name = "name", label = "Name", autocomplete = "name", error = "Enter your name." },
  { name = "email", label = "Email", autocomplete = "email",
    error = "Enter an email address, such as awa@example.com." },
  { name = "phone", label = "Phone", autocomplete = "tel",
    error = "Enter a phone number, such as +225 07 00 00 00 00." },
}

local function is_right(name, value)
  if name == "email" then return #value <= 254 and value:find("^[^ \t-\r@]+@[^ \t-\r@]+%.[^ \t-\r@]+$") ~= nil end
  if name == "phone" then return value:find("^%+?[%d ().%-]+$") ~= nil and select(2, value:gsub("%d", "")) >= 6 end
  return value:find("[^ \t-\r]") ~= nil
end

local function asked_of(session, name)
  return session.data["require_" .. name] and not session.data.customer_id
end

local function session_page(session, typed, errors)
  local data, inputs, focused = session.data, {}, nil
  for _, field in ipairs(PAYER) do
    if asked_of(session, field.name) then
      local reason = errors[field.name]
      local is_first = reason and not focused
      if is_first then focused = field.name end
      inputs[#inputs + 1] = html.field(field, typed[field.name] or data["customer_" .. field.name] or "", reason,
        is_first)
    end
  end
  local title = data.title or data.description or "Payment"
  local form_html = html.filled(FORM, { action = "/checkout/" .. session.public_id, fields = table.concat(inputs),
    focus = focused and "" or " autofocus" })
  return html.page(200, focused and "Error: " .. errors[focused] or title,
    html.box(html.summary(title, money.minor(data.amount, data.currency_code)) .. form_html), nil,
    { data.success_url, data.cancel_url ~= data.success_url and data.cancel_url or nil })
end

local function ended_page(session)
  local paid = session.data.status == "completed"
  local url = paid and M.success_url(session) or session.data.cancel_url
  local content = html.outcome(paid and "good" or "bad", paid and "Payment succeeded" or "This session has ended",
    paid and "Thank you!" or "It was open for an hour. Nothing was paid.")
  if url then content = content .. html.filled('<p><a href="{url}">Back to the shop</a></p>\n', { url = url }) end
  return html.page(200, paid and "Payment succeeded" or "This session has ended", html.box(content))
end

-- A record by its public id, of whatever organization: the payer has no key.
local function find_public(store, public_id)
  for item in store:each() do
    if ascii.lower(item.public_id) == ascii.lower(public_id) then return item end
  end
end

---@return table payer
---@return table<string, string> errors by field
local function read_payer(app, session, typed)
  local payer, errors, data = {}, {}, session.data
  for _, field in ipairs(PAYER) do
    local value = typed[field.name] or data["customer_" .. field.name] or ""
    if is_right(field.name, value) then
      payer[field.name] = value
    elseif asked_of(session, field.name) then
      errors[field.name] = field.error
    end
  end
  if not next(errors) then
    payer.customer_id = data.customer_id
      or app.merchant:payer(session.scope, payer.name, payer.email, payer.phone)
  end
  return payer, errors
end

local METHODS = { card = true, wave = true, mtn = true }

local function post(app, session, typed)
  if typed.method == "cancel" then
    return session.data.cancel_url and html.redirect(session.data.cancel_url)
      or html.refusal(200, "Nothing was paid", "You can close this page and go back to the shop.")
  end
  if not METHODS[typed.method] then return session_page(session, typed, {}) end
  local payer, errors = read_payer(app, session, typed)
  if next(errors) then return session_page(session, typed, errors) end
  app.merchant:change(session, { customer_id = payer.customer_id, customer_email = payer.email,
    customer_name = payer.name, customer_phone = payer.phone })
  local charge = session.charge
  if typed.method ~= "card" or not charge then
    charge = make_charge(app, session, typed.method, payer)
    if typed.method == "card" then session.charge, charge.success_url = charge, M.success_url(session) end
  end
  if typed.method == "card" then
    return html.redirect(("/pay/%s?client_secret=%s"):format(charge.id, views.client_secret(charge)))
  end
  return html.redirect(M.success_url(session) or session.data.checkout_url:match("^[a-z]+://[^/]+(/.*)$"))
end

local function serve_session(app, call, public_id)
  local session = find_public(app.merchant.stores.checkout_sessions, public_id)
  if not session then return html.refusal(404, "No such session", "There is no such checkout session here.") end
  M.expire(app.merchant, session)
  if session.data.status ~= "open" then return ended_page(session) end
  if call.method == "POST" then return post(app, session, form.decode(call.body)) end
  return session_page(session, {}, {})
end

-- Links ---------------------------------------------------------------------------------------------------------------

--- The page of a link: a new session for everyone who opens it.
local function serve_link(app, call, code)
  local link = find_public(app.merchant.stores.payment_links, "plink_" .. code)
  local ends = link and link.data.expires_at and iso8601.parse(link.data.expires_at)
  if not link or not link.data.is_active or ends and ends <= app.clock() then
    return html.refusal(404, "This link is not active", "Ask the shop for another one.")
  end
  local data, params = link.data, {}
  for _, name in ipairs { "title", "description", "currency_code", "product_id", "price_id", "success_url",
    "cancel_url", "metadata", "allow_coupon_code", "allow_quantity", "require_name", "require_email", "require_phone",
    "require_billing_address" } do
    params[name] = data[name]
  end
  if data.link_type == "instant" then params.amount = data.amount end
  params.payment_link_id = data.link_id
  local session, fault = M.open(app.merchant, link.scope, params, call.origin, call.warn)
  if not session then return html.refusal(404, "This link cannot be paid", fault.message) end
  return html.redirect("/checkout/" .. session.public_id)
end

--- Whether a path is a page of ours.
function M.matches(path)
  return path:find("^/checkout/cs_") ~= nil or path:find("^/link/") ~= nil
end

---@param app lomi.sandbox.App
---@param call lomi.sandbox.Call
---@return table response
function M.serve(app, call)
  local public_id = call.path:match("^/checkout/(cs_[A-Za-z0-9]+)/?$")
  local code = call.path:match("^/link/([A-Za-z0-9]+)/?$")
  if call.method ~= "GET" and call.method ~= "HEAD" and not (call.method == "POST" and public_id) then
    return html.refusal(405, "Not allowed", "This page takes GET.")
  end
  return public_id and serve_session(app, call, public_id) or serve_link(app, call, code or "")
end

return M
