-- SPDX-License-Identifier: MIT
--- The operations beyond charges, as data. The money path has state: customers, sessions, links, transactions, refunds,
--- balances, products, subscriptions, webhook endpoints. The other resources are checked, kept and given back, and say
--- so in a warning.

local ascii = require "lomi.ascii"
local answer = require "lomi.sandbox.server.answer"
local bodies = require "lomi.sandbox.server.bodies"
local checkout = require "lomi.sandbox.server.checkout"
local confirmation = require "lomi.sandbox.server.confirmation"
local endpoints = require "lomi.sandbox.server.endpoints"
local json = require "lomi.sandbox.server.json"
local refunds = require "lomi.sandbox.server.refunds"
local subscriptions = require "lomi.sandbox.server.subscriptions"
local views = require "lomi.sandbox.server.views"

local NOT_SIMULATED = "not simulated"

local refuse = answer.refuse

-- One record ----------------------------------------------------------------------------------------------------------

-- How the records of a kind are shown; else as they are kept, with null for these fields.
local NULLS = {
  customers = "email phone_number whatsapp_number country city address postal_code metadata",
  refunds = "reason metadata",
  payment_links = [[description amount product_id price_id expires_at success_url cancel_url metadata created_by]],
  subscriptions = "price_id end_date next_billing_date metadata",
  coupons = [[description discount_percentage discount_fixed_amount usage_limit_value max_uses max_quantity_per_use
    valid_from expires_at applies_to_product_types]],
  payment_requests = "customer_id description payment_reference metadata created_by",
  invoices = "customer_id invoice_number due_date hosted_url pdf_url payment_url customer line_items",
}

local function view_of(service, kind, item)
  if kind == "checkout_sessions" then return checkout.view(service.merchant, item) end
  if kind == "products" then
    local view, prices = service.merchant.filled(item.data, [[description images metadata failed_payment_action
      charge_day first_payment_type trial_period_days usage_aggregation usage_unit fees]]), {}
    for i, price in ipairs(item.prices) do
      prices[i] = service.merchant.filled(price.data, "billing_interval minimum_amount maximum_amount metadata")
    end
    view.prices = prices
    return view
  end
  return service.merchant.filled(item.data, NULLS[kind] or "")
end

-- Work on the record that the path names.
---@param work fun(service: lomi.sandbox.Service, call: lomi.sandbox.Call, item: table): lomi.sandbox.Answer?, table?
local function on(kind, simulated, work)
  return function(service, call)
    if not simulated then call.warn(NOT_SIMULATED) end
    local item, fault = service.merchant:find(kind, call.scope, call.id)
    if not item then return nil, fault end
    return work(service, call, item)
  end
end

local function get(kind, simulated)
  return on(kind, simulated, function(service, _, item) return answer.ok(200, view_of(service, kind, item)) end)
end

-- `filters`: the field of a record that a parameter of the query must equal.
local function list(kind, filters, simulated)
  return function(service, call)
    if not simulated then call.warn(NOT_SIMULATED) end
    local asked = call.query_fields
    return service.merchant.stores[kind]:page(call, call.scope,
      function(item) return view_of(service, kind, item) end,
      function(item)
        if kind == "checkout_sessions" then checkout.expire(service.merchant, item) end
        for parameter, field in pairs(filters) do
          if asked[parameter] and tostring(item.data[field]) ~= asked[parameter] then return false end
        end
        return true
      end)
  end
end

local function all(kind)
  return function(service, call)
    call.warn(NOT_SIMULATED)
    return service.merchant.stores[kind]:all(call.scope, function(item) return view_of(service, kind, item) end)
  end
end

local function create(kind, body, id_field, prefix, initial, simulated)
  return function(service, call)
    if not simulated then call.warn(NOT_SIMULATED) end
    local params, fault = bodies.check(body, call.params, call.warn)
    if not params then return nil, fault end
    local data = {}
    for name, value in pairs(initial or {}) do data[name] = value end
    for name, value in pairs(params) do data[name] = value end
    local item = service.merchant:keep(kind, call.scope, id_field, prefix, data, #call.body)
    return answer.ok(201, view_of(service, kind, item))
  end
end

local function update(kind, body, simulated)
  return on(kind, simulated, function(service, call, item)
    local params, fault = bodies.check(body, call.params, call.warn)
    if not params then return nil, fault end
    return answer.ok(200, view_of(service, kind, service.merchant:change(item, params)))
  end)
end

-- An action without a body that changes a record.
local function act(kind, changes, status)
  return on(kind, false, function(service, _, item)
    return answer.ok(status, view_of(service, kind, service.merchant:change(item, changes)))
  end)
end

local function remove(kind)
  return on(kind, true, function(service, _, item)
    service.merchant.stores[kind]:remove(item)
    return answer.ok(200, { message = "Deleted" })
  end)
end

-- Archives: it is there, and no longer active.
local function deactivate(kind)
  return on(kind, true, function(service, _, item)
    service.merchant:change(item, { is_active = false })
    return answer.ok(200, { message = "Archived" })
  end)
end

-- An object that nothing is known of but that it is one.
local function fixed(kind, value, status)
  return on(kind, false, function(_, _, item) return answer.ok(status or 200, value(item)) end)
end

local function document(kind)
  return fixed(kind, function(item)
    return { hosted_url = json.null, download_url = json.null, filename = item.public_id .. ".pdf",
      mime_type = "application/pdf", expires_at = json.null }
  end)
end

-- Customers and transactions ------------------------------------------------------------------------------------------

local function create_customer(service, call)
  local params, fault = bodies.check("customer", call.params, call.warn)
  if not params then return nil, fault end
  local item = service.merchant:add_customer(call.scope, params, #call.body)
  return answer.ok(201, view_of(service, "customers", item))
end

local function has_paid(merchant, customer)
  for item in merchant.transactions:each(customer.scope) do
    if item.customer_id == customer.data.customer_id then return true end
  end
  return false
end

local CUSTOMER_TYPES = { business = true, individual = false }

local function list_customers(service, call)
  local merchant, asked, total = service.merchant, call.query_fields, 0
  local search = asked.search and ascii.lower(asked.search)
  local function keep(item)
    local data = item.data
    local text = (data.name or "") .. " " .. (data.email or "")
    if search and not ascii.lower(text):find(search, 1, true) then return false end
    if CUSTOMER_TYPES[asked.type] ~= nil and data.is_business ~= CUSTOMER_TYPES[asked.type] then return false end
    if asked.status == "active" or asked.status == "inactive" then
      return has_paid(merchant, item) == (asked.status == "active")
    end
    return true
  end
  for item in merchant.stores.customers:each(call.scope) do
    if keep(item) then total = total + 1 end
  end
  local done, fault = merchant.stores.customers:page(call, call.scope,
    function(item) return view_of(service, "customers", item) end, keep)
  if done then done.body = done.body:gsub("}$", (',"total_count":%d}'):format(total)) end
  return done, fault
end

local function transaction_view(service)
  return function(item) return service.merchant:transaction_view(item) end
end

local COMMAS = { status = "status", type = "transaction_type", currency = "currency_code",
  paymentMethod = "payment_method_code", provider = "provider_code" }

local function list_transactions(service, call)
  local merchant, asked = service.merchant, call.query_fields
  return merchant.transactions:page(call, call.scope, transaction_view(service), function(item)
    local view = merchant:transaction_view(item)
    for parameter, field in pairs(COMMAS) do
      local wanted = asked[parameter]
      if wanted and not ("," .. wanted .. ","):find("," .. view[field] .. ",", 1, true) then return false end
    end
    local at, first, last = view.created_at, asked.startDate, asked.endDate
    return not (first and at < first or last and at:sub(1, #last) > last or asked.isPos == "true")
  end)
end

local customer_transactions = on("customers", true, function(service, call, customer)
  return service.merchant.transactions:all(call.scope, transaction_view(service),
    function(item) return item.customer_id == customer.data.customer_id end)
end)

local customer_subscriptions = on("customers", true, function(service, call, customer)
  return service.merchant.stores.subscriptions:all(call.scope,
    function(item) return view_of(service, "subscriptions", item) end,
    function(item) return item.data.customer_id == customer.data.customer_id end)
end)

local function block(blocked)
  return on("customers", false, function(_, _, customer)
    local entries = {}
    for field, kind in pairs { phone_number = "phone", email = "email" } do
      if customer.data[field] then entries[#entries + 1] = { kind = kind, value = customer.data[field] } end
    end
    if blocked and not entries[1] then return refuse "There is nothing to block: neither phone nor email" end
    return answer.ok(200, { customer_id = customer.data.customer_id, blocked = blocked,
      entries = entries[1] and entries or json.null })
  end)
end

local portal = on("customers", false, function(service, call, customer)
  local params, fault = bodies.check("portal", call.params, call.warn)
  if not params then return nil, fault end
  local token = service.merchant.random()
  return answer.ok(201, service.merchant.filled({ customer_id = customer.data.customer_id,
    organization_id = service.merchant.organization, launch_token = token, expires_in_seconds = 900,
    launch_url = call.origin .. "/portal/" .. token, flow_type = params.flow_type or "portal_home",
    flow_subscription_id = params.flow_subscription_id, return_url = params.return_url,
    flow_after_completion_url = params.flow_after_completion_url },
    "flow_subscription_id return_url flow_after_completion_url"))
end)

-- Checkout ------------------------------------------------------------------------------------------------------------

local function create_session(service, call)
  local params, fault = bodies.check("checkout_session", call.params, call.warn)
  if not params then return nil, fault end
  local missing = not params.success_url and "success_url" or not params.cancel_url and "cancel_url"
  if not params.success_url and not params.cancel_url then
    return refuse "success_url and cancel_url are missing: give where the payer goes after paying, and after giving up"
  elseif missing then
    call.warn(("no %s: the payer stays on the page"):format(missing))
  end
  if params.customer_id and not service.merchant.stores.customers:find(call.scope, params.customer_id) then
    call.warn("customer_id is not known here")
  end
  local session
  session, fault = checkout.open(service.merchant, call.scope, params, call.origin, call.warn)
  if not session then return nil, fault end
  return answer.ok(201, checkout.view(service.merchant, session))
end

local function create_link(service, call)
  local params, fault = bodies.check("payment_link", call.params, call.warn)
  if not params then return nil, fault end
  local merchant = service.merchant
  if params.link_type == "instant" and not params.amount then return refuse "amount is required for an instant link" end
  if params.link_type == "product" then
    if not params.product_id then return refuse "product_id is required for a product link" end
    if params.amount then return refuse "amount is not taken for a product link" end
    local product
    product, fault = merchant:find("products", call.scope, params.product_id)
    if not product then return nil, fault end
  end
  local data = { is_active = true, quantity = 1, allow_coupon_code = false, allow_quantity = false,
    require_name = true, require_email = true, require_phone = false, require_billing_address = false }
  for name, value in pairs(params) do data[name] = value end
  local item = merchant:keep("payment_links", call.scope, "link_id", "plink_", data, #call.body)
  data.url = call.origin .. "/link/" .. item.public_id:sub(#"plink_" + 1)
  return answer.ok(201, view_of(service, "payment_links", item))
end

-- Products ------------------------------------------------------------------------------------------------------------

local MOST_PRICES = 3 -- active ones

local function add_price(service, call, product, body)
  local params, fault = bodies.check("price", body, call.warn)
  if not params then return nil, fault end
  local recurring = product.data.product_type == "recurring"
  if recurring and not params.billing_interval then return refuse "A recurring price needs a billing_interval" end
  if params.pricing_model == "pay_what_you_want" then
    if product.data.product_type ~= "one_time" then return refuse "Pay-what-you-want is for one-time products" end
    if not params.minimum_amount or params.minimum_amount > params.amount then
      return refuse("minimum_amount is required, and at most amount", "amount_invalid")
    end
  end
  if #product.prices == MOST_PRICES then return refuse "A product has at most 3 active prices" end
  params.pricing_model, params.is_active = params.pricing_model or "standard", true
  local is_default = params.is_default or not product.default_price
  params.is_default = is_default
  local price = service.merchant:keep("prices", call.scope, "price_id", "price_", params, #call.body)
  price.product, price.data.organization_id, price.data.environment = product, nil, nil
  product.prices[#product.prices + 1] = price
  if is_default then
    for _, other in ipairs(product.prices) do other.data.is_default = other == price end
    product.default_price = price
  end
  return price
end

local function create_product(service, call)
  local params, fault = bodies.check("product", call.params, call.warn)
  if not params then return nil, fault end
  if #params.prices > MOST_PRICES then return refuse "A product has at most 3 active prices" end
  local merchant, prices = service.merchant, params.prices
  params.prices = nil
  for _, body in ipairs(prices) do
    local good
    good, fault = bodies.check("price", body, function() end)
    if not good then return nil, fault end
    if params.product_type == "recurring" and not good.billing_interval then
      return refuse "A recurring price needs a billing_interval"
    end
  end
  local data = { is_active = true, display_on_storefront = true, trial_enabled = false }
  for name, value in pairs(params) do data[name] = value end
  local product = merchant:keep("products", call.scope, "product_id", "prod_", data, #call.body)
  product.prices = {}
  for _, body in ipairs(prices) do
    local price
    price, fault = add_price(service, call, product, body)
    if not price then
      merchant.stores.products:remove(product)
      return nil, fault
    end
  end
  if data.trial_enabled then call.warn("trials are " .. NOT_SIMULATED) end
  return answer.ok(201, view_of(service, "products", product))
end

local create_price = on("products", true, function(service, call, product)
  local price, fault = add_price(service, call, product, call.params)
  if not price then return nil, fault end
  return answer.ok(201, service.merchant.filled(price.data, "billing_interval minimum_amount maximum_amount metadata"))
end)

local default_price = on("products", true, function(service, call, product)
  local price, fault = service.merchant:find("prices", call.scope, call.second_id)
  if not price then return nil, fault end
  if price.product ~= product then return refuse "The price is of another product" end
  for _, other in ipairs(product.prices) do other.data.is_default = other == price end
  product.default_price = price
  return answer.ok(200, view_of(service, "products", product))
end)

local function change_prices(service, call)
  local params, fault = bodies.check("price_updates", call.params, call.warn)
  if not params then return nil, fault end
  local merchant, changes = service.merchant, {}
  for i, one in ipairs(params.updates) do
    local asked, price
    asked, fault = bodies.check("price_update", one, call.warn)
    if not asked then return nil, fault end
    if asked.price_id then
      price, fault = merchant:find("prices", call.scope, asked.price_id)
    else
      price, fault = merchant:find("products", call.scope, asked.product_id or "")
      price = price and price.default_price
    end
    if not price then return nil, fault end
    changes[i] = { price, asked.amount }
  end
  for _, change in ipairs(changes) do merchant:change(change[1], { amount = change[2] }) end
  return answer.ok(200, { updated = #changes })
end

-- Subscriptions -------------------------------------------------------------------------------------------------------

local function on_subscription(body, move)
  return on("subscriptions", true, function(service, call, item)
    local params = {}
    if body then
      local fault
      params, fault = bodies.check(body, call.params, call.warn)
      if not params then return nil, fault end
    end
    local ok, reason = move(service.merchant, item, params, call)
    if not ok then return nil, type(reason) == "table" and reason or { message = reason } end
    return answer.ok(200, view_of(service, "subscriptions", item))
  end)
end

local update_subscription = on_subscription("subscription_update", function(merchant, item, params)
  subscriptions.update(merchant, item, params)
  return true
end)
local cancel_subscription = on_subscription("subscription_cancel", function(merchant, item, params)
  return subscriptions.cancel(merchant, item, params.cancel_at_period_end)
end)
local resume_subscription = on_subscription(nil, subscriptions.resume)
local change_plan = on_subscription("subscription_plan", function(merchant, item, params, call)
  local price, fault = merchant:find("prices", call.scope, params.price_id)
  if not price then return nil, fault end
  return subscriptions.change_plan(merchant, item, price)
end)

-- Balances, and money that leaves -------------------------------------------------------------------------------------

local CURRENCIES = { XOF = true, USD = true, EUR = true }

local function balance_of(service, call, code)
  local item = service.merchant.balances:find(call.scope, ascii.lower(code))
  return item and item.amount or 0, item
end

local function list_balances(service, call)
  local asked = call.query_fields.currency
  if asked and not CURRENCIES[asked] then return refuse "currency must be one of XOF, USD, EUR" end
  if asked and not service.merchant.balances:find(call.scope, ascii.lower(asked)) then
    return nil, { status = 404, message = "There is no balance in " .. asked .. " yet" }
  end
  return service.merchant.balances:all(call.scope, function(item)
    return { currency_code = item.code, balance = item.amount, last_updated = views.timestamp(item.updated) }
  end, function(item) return not asked or item.code == asked end)
end

local function break_down(service, call)
  if not service.merchant.balances:each(call.scope)() then
    return nil, { status = 404, message = "There is no balance before the first payment" }
  end
  return service.merchant.balances:all(call.scope, function(item)
    return { currency_code = item.code, available_balance = item.amount, pending_balance = 0,
      total_balance = item.amount, unavailable_balance = 0,
      target_currency = call.query_fields.target_currency or item.code }
  end)
end

local function get_balance(service, call)
  local code = ascii.upper(call.id)
  if not CURRENCIES[code] then return refuse "currency must be one of XOF, USD, EUR" end
  local amount = balance_of(service, call, code)
  return answer.ok(200, { has_sufficient_balance = amount > 0, available_balance = amount })
end

local create_payout = confirmation("payout", function(service, call, params)
  call.warn(NOT_SIMULATED)
  if params.rail == "wave" or params.rail == "mtn" then
    return refuse("A test key makes no payout by " .. params.rail)
  end
  if params.destination == "self" and not params.payout_method_id and params.rail ~= "stellar" then
    return refuse "payout_method_id is required for a payout to oneself"
  end
  local amount = balance_of(service, call, params.currency_code)
  if params.amount > amount then return refuse("The balance is too low", "amount_invalid") end
  return { amount = params.amount, fee_amount = 0, currency_code = params.currency_code, rail = params.rail }
end, function(service, call, params)
  local merchant = service.merchant
  local payout = merchant:keep("payouts", call.scope, "payout_id", "po_", { amount = params.amount,
    currency_code = params.currency_code, payout_method_id = params.payout_method_id, status = "pending",
    kind = params.destination == "self" and "withdrawal" or "beneficiary", metadata = params.metadata }, #call.body)
  merchant:move_balance(call.scope, params.currency_code, -params.amount)
  merchant.publish("PAYOUT_CREATED", call.scope, payout.data, merchant.clock())
  return answer.ok(201, { success = true, payout_id = payout.data.payout_id, kind = payout.data.kind,
    status = "pending" })
end)

local create_instant = confirmation("instant_settlement", function(service, call, params)
  call.warn(NOT_SIMULATED)
  if params.amount > balance_of(service, call, params.currency_code) then
    return refuse("The balance is too low", "amount_invalid")
  end
  return { amount = params.amount, mode = params.mode, fee_amount = math.floor(params.amount * 2 / 100 + 1 / 2) }
end, function(service, call, params, planned)
  local item = service.merchant:keep("instant_settlements", call.scope, "instant_settlement_id", "is_", {
    mode = params.mode, status = "pending", fee_amount = planned.fee_amount,
    net_amount = params.amount - planned.fee_amount }, #call.body)
  return answer.ok(201, item.data)
end)

local function none(_, call)
  call.warn(NOT_SIMULATED)
  return { status = 200, body = '{"object":"list","data":[],"has_more":false,"next_cursor":null,"limit":20}' }
end

local function settlement_transactions(_, call)
  if not call.id:find("^[A-Z][A-Z][A-Z]:%d%d%d%d%-%d%d%-%d%d$") then
    return refuse "The id of a settlement is like XOF:2026-06-01"
  end
  return none(nil, call)
end

local function not_found(what)
  return function(_, call)
    return nil, { status = 404, message = ("No %s of this organization has the id %s"):format(what,
      call.id:sub(1, 80)) }
  end
end

local function list_providers(service, call)
  call.warn(NOT_SIMULATED)
  local items, asked = {}, call.query_fields.provider_code
  for _, code in ipairs { "CARD", "WAVE", "MTN" } do
    if not asked or asked == code then
      items[#items + 1] = json.encode { organization_id = service.merchant.organization, provider_code = code,
        is_connected = true, is_phone_verified = true, onboarding_status = "completed",
        phone_number = json.null, provider_merchant_id = json.null, metadata = json.null }
    end
  end
  return { status = 200, body = json.with_list("data", items, ',"success":true') }
end

local function create_coupon(service, call)
  local params, fault = bodies.check("coupon", call.params, call.warn)
  if not params then return nil, fault end
  params.code = ascii.upper(params.code)
  for item in service.merchant.stores.coupons:each(call.scope) do
    if item.data.code == params.code then return refuse("The code " .. params.code .. " is taken") end
  end
  call.params = params
  return create("coupons", "coupon", "coupon_id", "coup_", { is_active = true, current_uses = 0,
    customer_type = "all", usage_frequency_limit = "total", scope_type = "organization_wide" })(service, call)
end

local invoice_session = on("invoices", false, function(service, call, invoice)
  local merchant, session = service.merchant, invoice.session
  if not session then
    local fault
    session, fault = checkout.open(merchant, call.scope, { amount = invoice.data.amount, title = "Invoice",
      currency_code = invoice.data.currency_code }, call.origin, call.warn)
    if not session then return nil, fault end
    invoice.session, session.pays, invoice.paid_status = session, invoice, "paid"
  end
  return answer.ok(201, checkout.view(merchant, session))
end)

---@type lomi.sandbox.Operation[]
return {
  { "POST", "/checkout-sessions", work = create_session },
  { "GET", "/checkout-sessions", work = list("checkout_sessions", { status = "status" }, true) },
  { "GET", "/checkout-sessions/{id}", work = get("checkout_sessions", true) },

  { "GET", "/transactions", work = list_transactions },
  { "GET", "/transactions/{id}", work = on("transactions", true, function(service, _, item)
    return answer.ok(200, service.merchant:transaction_view(item))
  end) },
  { "GET", "/transactions/{id}/receipt.pdf", work = document("transactions") },

  { "POST", "/refunds", work = refunds.create, key_required = true, asks_twice = true },
  { "GET", "/refunds", work = list("refunds", { status = "status" }, true) },
  { "GET", "/refunds/{id}", work = get("refunds", true) },

  { "POST", "/customers", work = create_customer },
  { "GET", "/customers", work = list_customers },
  { "GET", "/customers/top", work = none },
  { "GET", "/customers/{id}", work = get("customers", true) },
  { "PATCH", "/customers/{id}", work = update("customers", "customer_update", true) },
  { "DELETE", "/customers/{id}", work = remove "customers" },
  { "GET", "/customers/{id}/transactions", work = customer_transactions },
  { "GET", "/customers/{id}/subscriptions", work = customer_subscriptions },
  { "POST", "/customers/{id}/block", work = block(true) },
  { "POST", "/customers/{id}/unblock", work = block(false) },
  { "POST", "/customers/{id}/portal", work = portal },
  { "GET", "/customers/{id}/portal-audit", work = fixed("customers", function()
    return { pagination = { page = 1, totalCount = 0, totalPages = 0 } }
  end) },

  { "POST", "/payment-links", work = create_link },
  { "GET", "/payment-links", work = list("payment_links", { linkType = "link_type", isActive = "is_active" }, true) },
  { "GET", "/payment-links/{id}", work = get("payment_links", true) },
  { "PATCH", "/payment-links/{id}", work = update("payment_links", "payment_link_update", true) },
  { "DELETE", "/payment-links/{id}", work = deactivate "payment_links" },

  { "POST", "/webhooks", work = endpoints.create },
  { "GET", "/webhooks", work = endpoints.list },
  { "GET", "/webhooks/deliveries", work = endpoints.deliveries },
  { "GET", "/webhooks/deliveries/{id}", work = endpoints.get_delivery },
  { "GET", "/webhooks/{id}", work = endpoints.get },
  { "PATCH", "/webhooks/{id}", work = endpoints.update },
  { "DELETE", "/webhooks/{id}", work = endpoints.delete },
  { "POST", "/webhooks/{id}/test", work = endpoints.test },
  { "POST", "/webhooks/{id}/deliveries/{id}/retry", work = endpoints.retry },

  { "POST", "/products", work = create_product },
  { "GET", "/products", work = list("products", { isActive = "is_active" }, true) },
  { "POST", "/products/prices/batch", work = change_prices },
  { "GET", "/products/{id}", work = get("products", true) },
  { "PATCH", "/products/{id}", work = update("products", "product_update", true) },
  { "DELETE", "/products/{id}", work = deactivate "products" },
  { "POST", "/products/{id}/prices", work = create_price },
  { "POST", "/products/{id}/prices/{id}/default", work = default_price },

  { "GET", "/subscriptions", work = list("subscriptions", { status = "status", customer_id = "customer_id" }, true) },
  { "GET", "/subscriptions/{id}", work = get("subscriptions", true) },
  { "PATCH", "/subscriptions/{id}", work = update_subscription },
  { "POST", "/subscriptions/{id}/cancel", work = cancel_subscription },
  { "POST", "/subscriptions/{id}/resume", work = resume_subscription },
  { "POST", "/subscriptions/{id}/change-plan", work = change_plan },
  { "GET", "/subscriptions/{id}/usage", work = fixed("subscriptions", function(item)
    return { subscription_id = item.data.subscription_id, usage = 0 }
  end) },

  { "POST", "/coupons", work = create_coupon },
  { "GET", "/coupons", work = all "coupons" },
  { "GET", "/coupons/{id}", work = get "coupons" },
  { "DELETE", "/coupons/{id}", work = remove "coupons" },
  { "GET", "/coupons/{id}/performance", work = fixed("coupons", function()
    return { total_uses = 0, total_discount_amount = 0, total_revenue = 0, average_order_value = 0 }
  end) },

  { "POST", "/payment-requests", key_required = true,
    work = create("payment_requests", "payment_request", "request_id", "req_", { status = "pending" }) },
  { "GET", "/payment-requests", work = list("payment_requests", { status = "status", customerId = "customer_id" }) },
  { "GET", "/payment-requests/{id}", work = get "payment_requests" },

  { "POST", "/invoices",
    work = create("invoices", "invoice", "customer_invoice_id", "inv_", { status = "draft", origin = "manual" }) },
  { "GET", "/invoices", work = list("invoices", { status = "status", customerId = "customer_id" }) },
  { "GET", "/invoices/{id}", work = get "invoices" },
  { "PATCH", "/invoices/{id}", work = update("invoices", "invoice_update") },
  { "GET", "/invoices/{id}/pdf", work = document("invoices") },
  { "POST", "/invoices/{id}/finalize", work = act("invoices", { status = "sent" }, 201) },
  { "POST", "/invoices/{id}/send", work = act("invoices", { status = "sent" }, 201) },
  { "POST", "/invoices/{id}/remind", work = act("invoices", {}, 201) },
  { "POST", "/invoices/{id}/void", work = act("invoices", { status = "cancelled" }, 201) },
  { "POST", "/invoices/{id}/checkout-session", work = invoice_session },

  { "POST", "/payouts", work = create_payout, key_required = true, asks_twice = true },
  { "GET", "/payouts", work = list("payouts", { status = "status" }) },
  { "GET", "/payouts/{id}", work = get "payouts" },

  { "POST", "/payout-methods", work = create("payout_methods", "payout_method", "payout_method_id", "pm_",
    { is_default = false, is_valid = false, country = "SN", payout_method_type = "bank" }) },
  { "GET", "/payout-methods", work = all "payout_methods" },

  { "GET", "/providers", work = list_providers },

  { "GET", "/accounts/balance", work = list_balances },
  { "GET", "/accounts/balance/breakdown", work = break_down },
  { "GET", "/accounts/balance/{id}", work = get_balance },

  { "GET", "/disputes", work = none },
  { "GET", "/disputes/{id}", work = not_found "dispute" },
  { "POST", "/disputes/{id}/evidence", work = not_found "dispute" },

  { "GET", "/settlements", work = none },
  { "POST", "/settlements/instant", work = create_instant, key_required = true, asks_twice = true },
  { "GET", "/settlements/instant/{id}", work = get "instant_settlements" },
  { "GET", "/settlements/{id}/transactions", work = settlement_transactions },
}
