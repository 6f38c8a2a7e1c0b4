-- SPDX-License-Identifier: MIT
--- The shop's pages, and the webhook that says who has paid.

local lomi = require "lomi"
local orders = require "orders"
local pages = require "pages"

local M = {}

local function setting(name)
  return assert(os.getenv(name), name .. " is not set")
end

local SHOP_URL = setting "SHOP_URL" -- as the payer's browser reaches it
local WEBHOOK_SECRET = setting "LOMI_WEBHOOK_SECRET"
local PAY_PAGE = setting "LOMI_BASE_URL" .. "/pay/" -- the sandbox's; see README.md for production

-- The price is the shop's, never the browser's.
local LAMP = { name = "Solar lamp", amount = 10000, currency = "XOF" }

-- A payer may wait for 20 seconds. The retries are for a double click, too: the second click gets 409 while the charge
-- of the first is still being made, and then the same charge.
local client = lomi.new {
  base_url = os.getenv "LOMI_BASE_URL", deadline = 20, max_retries = 6, backoff = { base = 0.5, cap = 2 },
}

-- Requests and replies ------------------------------------------------------------------------------------------------

local POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
  .. "form-action 'self' " .. PAY_PAGE:match "^%a+://[^/]+"

local function send(status, page)
  ngx.status = status
  ngx.header["Content-Type"] = "text/html; charset=utf-8"
  ngx.header["Cache-Control"] = "no-store"
  ngx.header["Content-Security-Policy"] = POLICY
  -- Other sites do not learn an order's address. With no-referrer the shop's own forms would come from Origin "null".
  ngx.header["Referrer-Policy"] = "same-origin"
  ngx.header["X-Content-Type-Options"] = "nosniff"
  ngx.print(page)
end

local function lead_to(address)
  return ngx.redirect(address, ngx.HTTP_SEE_OTHER)
end

local function to_order(order)
  return lead_to("/orders/" .. order.id)
end

-- Refuses a form that another site's page has sent (CSRF). Browsers say where a request comes from; a program that
-- says nothing has no cookie to abuse. The cookie is SameSite=Lax as well.
local function refuse_other_sites()
  local headers = ngx.req.get_headers()
  local from, origin = headers["Sec-Fetch-Site"], headers.Origin
  if from then
    if from == "same-origin" or from == "none" then return end
  elseif not origin or origin:match "^https?://(.*)$" == headers.Host then
    return
  end
  ngx.exit(ngx.HTTP_FORBIDDEN)
end

-- The cart is a cookie with the id that its order will have. A cart that is paid twice is one order.
local function cart_id()
  local id = ngx.var.cookie_cart
  return id and #id == 32 and id:find "^[0-9a-f]+$" and id or nil
end

-- The form's fields as text, without spaces at their ends.
local function read_form()
  ngx.req.read_body()
  local fields = {}
  for name, value in pairs(ngx.req.get_post_args(10)) do
    if type(value) == "string" then fields[name] = value:match "^%s*(.-)%s*$" end
  end
  return fields
end

local function check_buyer(form)
  local errors, name, email = {}, form.name or "", form.email or ""
  if name == "" or #name > 100 or name:find "%c" then errors.name = "Enter your name." end
  if #email > 200 or not email:find "^[^%s%c@]+@[^%s%c@]+%.[^%s%c@]+$" then
    errors.email = "Enter an email address, such as awa@example.com."
  end
  return errors
end

-- Paying --------------------------------------------------------------------------------------------------------------

-- The charge of an order: made at the first call, fetched later. The order's idempotency key makes two calls at once,
-- or one after a lost reply, the same charge. The service keeps a key for a day, the order keeps the id for good.
local function charge_of(order)
  if order.charge_id then return client.charges:get_card_charge(order.charge_id) end
  local charge, err = client.charges:create_card_charge({
    amount = order.amount, currency_code = order.currency, description = order.product,
    customer_name = order.name, customer_email = order.email,
    metadata = { order_id = order.id }, -- the webhook finds the order by it
  }, { idempotency_key = "order-" .. order.id })
  if charge then orders.set_charge(order.id, charge.id) end
  return charge, err
end

local PAYABLE = { requires_payment_method = true, requires_action = true }

-- Leads the payer to the bank, unless the order needs no payment any more.
local function pay(order)
  if order.state == "paid" then return to_order(order) end
  local charge, err = charge_of(order)
  if not charge then
    ngx.log(ngx.ERR, "order ", order.id, ": ", tostring(err)) -- one line, without secrets
    return send(503, pages.order(order, { failed = true }))
  end
  if not PAYABLE[charge.status] then return lead_to("/orders/" .. order.id .. "?waiting=1") end
  return lead_to(PAY_PAGE .. charge.id .. "?" .. ngx.encode_args {
    client_secret = charge.client_secret, return_url = SHOP_URL .. "/orders/" .. order.id .. "?waiting=1",
  })
end

-- Pages ---------------------------------------------------------------------------------------------------------------

--- GET /
function M.product()
  return send(200, pages.product(LAMP))
end

--- GET /cart shows the cart, POST puts the lamp into it.
function M.cart()
  local id = cart_id()
  local order = id and orders.find(id)
  if ngx.req.get_method() == "POST" then
    refuse_other_sites()
    if not id or order then id = ngx.var.request_id end -- 16 random bytes in hex
    ngx.header["Set-Cookie"] = "cart=" .. id .. "; Path=/; HttpOnly; SameSite=Lax"
      .. (SHOP_URL:find "^https:" and "; Secure" or "")
    return lead_to "/cart"
  end
  if order then return to_order(order) end
  return send(200, id and pages.cart(LAMP, {}, {}) or pages.empty_cart())
end

--- POST /orders
function M.place_order()
  refuse_other_sites()
  local id = cart_id()
  if not id then return lead_to "/cart" end
  local order = orders.find(id)
  if not order then
    local form = read_form()
    local errors = check_buyer(form)
    if next(errors) then return send(422, pages.cart(LAMP, form, errors)) end
    order = orders.place { id = id, product = LAMP.name, amount = LAMP.amount, currency = LAMP.currency,
      name = form.name, email = form.email }
  end
  return pay(order)
end

--- POST /orders/{id}/pay
function M.pay_order(id)
  refuse_other_sites()
  local order = orders.find(id)
  if not order then return ngx.exit(ngx.HTTP_NOT_FOUND) end
  return pay(order)
end

local MOST_REFRESHES = 15

--- GET /orders/{id}; back from the bank with ?waiting=1, the page loads itself again until the webhook has come.
function M.order(id)
  local order = orders.find(id)
  if not order then return ngx.exit(ngx.HTTP_NOT_FOUND) end
  local count = tonumber(ngx.var.arg_waiting)
  local waiting = order.state ~= "paid" and count and count <= MOST_REFRESHES
  if waiting then ngx.header.Refresh = ("2; url=/orders/%s?waiting=%d"):format(id, count + 1) end
  return send(200, pages.order(order, { waiting = waiting }))
end

-- The webhook ---------------------------------------------------------------------------------------------------------

--- POST /webhooks/lomi: the only place where an order becomes paid.
function M.webhook()
  ngx.req.read_body()
  local event, err = lomi.webhook.construct_event(ngx.req.get_body_data() or "", ngx.req.get_headers(), WEBHOOK_SECRET)
  if not event then
    ngx.log(ngx.WARN, tostring(err))
    return ngx.exit(ngx.HTTP_BAD_REQUEST)
  end
  if type(event.id) ~= "string" or type(event.event) ~= "string" then return ngx.exit(ngx.HTTP_BAD_REQUEST) end
  local effect = orders.take(event) -- raises if the database fails: 500, and the service delivers it again
  ngx.log(effect == "not as ordered" and ngx.ERR or ngx.NOTICE, event.event, ": ", effect)
  return ngx.exit(ngx.HTTP_NO_CONTENT)
end

return M
