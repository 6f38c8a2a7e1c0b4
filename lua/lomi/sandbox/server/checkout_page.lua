-- SPDX-License-Identifier: MIT
--- The pages that a payer pays a checkout session on, or a payment link, which opens a session. A payment is a charge,
--- so it has all that charges have: the card form, 3-D Secure, webhooks.

local ascii = require "lomi.ascii"
local form = require "lomi.sandbox.server.form"
local html = require "lomi.sandbox.server.html"
local is_email = require("lomi.sandbox.server.body_fields").is_email
local iso8601 = require "lomi.iso8601"
local money = require "lomi.sandbox.server.money"
local sessions = require "lomi.sandbox.server.checkout_sessions"
local views = require "lomi.sandbox.server.views"

local M = {}

-- Sessions ------------------------------------------------------------------------------------------------------------

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
  if name == "email" then return is_email(value) end
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
  local url = paid and sessions.success_url(session) or session.data.cancel_url
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
    charge = sessions.make_charge(app, session, typed.method, payer)
    if typed.method == "card" then session.charge, charge.success_url = charge, sessions.success_url(session) end
  end
  if typed.method == "card" then
    return html.redirect(("/pay/%s?client_secret=%s"):format(charge.id, views.client_secret(charge)))
  end
  return html.redirect(sessions.success_url(session) or session.data.checkout_url:match("^[a-z]+://[^/]+(/.*)$"))
end

local function serve_session(app, call, public_id)
  local session = find_public(app.merchant.stores.checkout_sessions, public_id)
  if not session then return html.refusal(404, "No such session", "There is no such checkout session here.") end
  sessions.expire(app.merchant, session)
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
  local session, refusal = sessions.open(app.merchant, link.scope, params, call.origin, call.warn)
  if not session then return html.refusal(404, "This link cannot be paid", refusal.message) end
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
