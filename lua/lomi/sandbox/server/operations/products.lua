-- SPDX-License-Identifier: MIT
--- Products and their prices.

local answer = require "lomi.sandbox.server.answer"
local request_bodies = require "lomi.sandbox.server.request_bodies"
local records = require "lomi.sandbox.server.operations.records"

local MOST_PRICES = 3 -- active ones

local refuse = answer.refuse

-- The field that a price of a product of this type needs.
local NEEDS = { recurring = "billing_interval", usage_based = "included_units" }

local function check_needed(product_type, price)
  local field = NEEDS[product_type]
  if not field or price[field] then return true end
  return refuse(("A price of a %s product needs %s"):format(product_type, field))
end

local function make_default(product, price)
  for _, other in ipairs(product.prices) do other.data.is_default = other == price end
  product.default_price = price
end

-- `params`: a price's, which were checked.
local function add_price(api, call, product, params)
  local good, refusal = check_needed(product.data.product_type, params)
  if not good then return nil, refusal end
  if params.pricing_model == "pay_what_you_want" then
    if product.data.product_type ~= "one_time" then return refuse "Pay-what-you-want is for one-time products" end
    if not params.minimum_amount or params.minimum_amount > params.amount then
      return refuse("minimum_amount is required, and at most amount", "amount_invalid")
    end
  end
  if #product.prices == MOST_PRICES then return refuse "A product has at most 3 active prices" end
  params.pricing_model, params.is_active = params.pricing_model or "standard", true
  params.is_default = params.is_default or not product.default_price
  local price = api.merchant:keep("prices", call.scope, "price_id", "price_", params, #call.body)
  price.product, params.organization_id, params.environment = product, nil, nil
  product.prices[#product.prices + 1] = price
  if params.is_default then make_default(product, price) end
  return price
end

local function create(api, call, params)
  if #params.prices > MOST_PRICES then return refuse "A product has at most 3 active prices" end
  local merchant, prices = api.merchant, {}
  for i, body in ipairs(params.prices) do
    local price, refusal = request_bodies.check("price", body, call.warn)
    local good = price
    if price then good, refusal = check_needed(params.product_type, price) end
    if not good then return nil, refusal end
    prices[i] = price
  end
  local data = { is_active = true, display_on_storefront = true, trial_enabled = false }
  for name, value in pairs(params) do data[name] = value end
  data.prices = nil
  local product = merchant:keep("products", call.scope, "product_id", "prod_", data, #call.body)
  product.prices = {}
  for _, price_params in ipairs(prices) do
    local price, refusal = add_price(api, call, product, price_params)
    if not price then
      merchant.stores.products:remove(product)
      return nil, refusal
    end
  end
  if data.trial_enabled then call.warn "trials are not simulated" end
  return answer.ok(201, records.view(merchant, product))
end

local function create_price(api, call, params, product)
  local price, refusal = add_price(api, call, product, params)
  if not price then return nil, refusal end
  return answer.ok(201, records.view(api.merchant, price))
end

local function set_default(api, call, _, product)
  local price, refusal = api.merchant:find("prices", call.scope, call.second_id)
  if not price then return nil, refusal end
  if price.product ~= product then return refuse "The price is of another product" end
  make_default(product, price)
  return answer.ok(200, records.view(api.merchant, product))
end

local function change_prices(api, call, params)
  local merchant, changes = api.merchant, {}
  for i, one in ipairs(params.updates) do
    local asked, refusal = request_bodies.check("price_update", one, call.warn)
    local price
    if asked then price, refusal = merchant:find_price(call.scope, asked) end
    if not price then return nil, refusal end
    changes[i] = { price, asked.amount }
  end
  for _, change in ipairs(changes) do merchant:change(change[1], { amount = change[2] }) end
  return answer.ok(200, { updated = #changes })
end

---@type lomi.sandbox.Operation[]
return {
  { "POST", "/products", body = "product", work = create },
  { "GET", "/products", work = records.list("products", { isActive = "is_active" }) },
  { "POST", "/products/prices/batch", body = "price_updates", work = change_prices },
  { "GET", "/products/{id}", on = "products", work = records.get },
  { "PATCH", "/products/{id}", on = "products", body = "product_update", work = records.update },
  { "DELETE", "/products/{id}", on = "products", work = records.archive },
  { "POST", "/products/{id}/prices", on = "products", body = "price", work = create_price },
  { "POST", "/products/{id}/prices/{id}/default", on = "products", work = set_default },
}
