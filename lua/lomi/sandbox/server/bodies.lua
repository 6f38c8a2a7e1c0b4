-- SPDX-License-Identifier: MIT
--- The bodies of all requests but charges, as the service takes them. Written apart from the client's contract: the two
--- must not share a mistake.

local charge_bodies = require "lomi.sandbox.server.charge_bodies"

local M = {}

local MOST = 9999999999

local function money(least)
  return function(value)
    if type(value) == "number" and value % 1 == 0 and value >= least and value <= MOST then return value end
    return nil, ("must be a whole number of minor units from %d to %.0f"):format(least, MOST)
  end
end

local function text_like(pattern, says)
  return function(value)
    if type(value) == "string" and #value <= 2048 and value:find(pattern) then return value end
    return nil, says
  end
end

local function list_of(type_name, least)
  return function(value)
    -- An empty list has a metatable, see lomi.core.
    local good = type(value) == "table" and (getmetatable(value) ~= nil or value[1] ~= nil) and #value >= least
    for _, item in ipairs(good and value or {}) do good = good and type(item) == type_name end
    if good then return value end
    return nil, ("must be a list%s%s"):format(type_name == "string" and " of strings" or " of objects",
      least > 0 and ", not empty" or "")
  end
end

local KINDS = {
  money = money(1), money_or_none = money(0),
  url = text_like("^[Hh][Tt][Tt][Pp][Ss]?://[^/?#%z\1-\32\127][^%z\1-\32\127]*$", "must be a URL"),
  time = text_like("^%d%d%d%d%-%d%d%-%d%d", "must be a time in ISO 8601"),
  date = text_like("^%d%d%d%d%-%d%d%-%d%d$", "must be a date, YYYY-MM-DD"),
  texts = list_of("string", 0), some_texts = list_of("string", 1), objects = list_of("table", 0),
  some_objects = list_of("table", 1),
}
for name, kind in pairs(charge_bodies.kinds) do KINDS[name] = kind end

-- "name* kind, name kind, …": a star for what is required; a|b for one of these.
local function fields(text)
  local list = {}
  for name, star, kind in text:gmatch("([a-z0-9_A-Z]+)(%*?) ([a-z0-9_A-Z|]+)") do
    if kind:find("|", 1, true) then
      local choices = {}
      for choice in kind:gmatch("[^|]+") do choices[#choices + 1] = choice end
      list[#list + 1] = { name, charge_bodies.one_of(choices), required = star == "*" }
    else
      list[#list + 1] = { name, assert(KINDS[kind], kind), required = star == "*" }
    end
  end
  return list
end

local ASKED = [[require_name boolean, require_email boolean, require_phone boolean, require_billing_address boolean,
  fields objects, success_url url, cancel_url url, metadata object, allow_coupon_code boolean,
  allow_quantity boolean, ]]
local CUSTOMER = [[email email, phone_number text, whatsapp_number text, country text, city text, address text,
  postal_code text, is_business boolean, metadata object]]
local PRICE = [[amount* money_or_none, currency_code* currency, billing_interval day|week|month|year,
  included_units number, pricing_model standard|pay_what_you_want|tiered, minimum_amount money_or_none,
  maximum_amount money, is_default boolean, metadata object]]
local PRODUCT = [[description text, images texts, is_active boolean, display_on_storefront boolean, metadata object,
  fee_type_ids texts, ]]
local INVOICE = [[due_date date, description text, product_id text, price_id text, subscription_id text,
  line_items objects, metadata object, ]]

local BODIES = {
  checkout_session = ASKED .. [[amount money, currency_code currency, title text, description text, customer_id text,
    customer_email email, customer_name text, customer_phone text, customer_city text, customer_country text,
    customer_address text, customer_postal_code text, product_id filled, price_id filled, subscription_id text,
    payment_link_id text, quantity count, line_items some_objects, integration_source text,
    application_fee_amount money, transfer_data object, transfer_group text]],
  line_item = "price_id* filled, quantity count, metadata object",
  refund = [[transaction_id* filled, amount* money, reason text, refund_type full|partial,
    subscription_action default|cancel|pause|none, confirmation_token filled, reverse_transfer boolean,
    refund_application_fee boolean]],
  customer = "name* filled, " .. CUSTOMER,
  customer_update = "name filled, " .. CUSTOMER,
  portal = [[return_url url, flow_type portal_home|subscription_cancel|subscription_manage, flow_subscription_id text,
    flow_after_completion_url url]],
  payment_link = ASKED .. [[link_type* product|instant, title* filled, currency_code* currency, amount money_or_none,
    product_id filled, price_id filled, description text, expires_at time]],
  payment_link_update = ASKED .. [[title filled, description text, amount money_or_none, is_active boolean,
    expires_at time]],
  webhook = "url* url, events some_texts, authorized_events some_texts, description text, metadata object",
  webhook_update = "url url, is_active boolean, authorized_events texts, metadata object",
  product = "name* filled, product_type* one_time|recurring|usage_based, prices* some_objects, " .. PRODUCT
    .. [[failed_payment_action pause|cancel|continue, charge_day count, first_payment_type initial|non_initial|prorated,
    trial_enabled boolean, trial_period_days whole, usage_aggregation sum|max|last_during_period|last_ever,
    usage_unit text, meter_code text]],
  product_update = "name filled, " .. PRODUCT .. [[sku text, inventory_quantity whole, track_inventory boolean,
    continue_selling_when_out_of_stock boolean]],
  price = PRICE,
  price_updates = "updates* some_objects, idempotency_key text",
  price_update = "price_id filled, product_id filled, amount* money_or_none, currency_code currency",
  subscription_update = "status text, start_date date, end_date date, next_billing_date date, metadata object",
  subscription_cancel = "cancel_at_period_end boolean, cancellation_reason text",
  subscription_plan = "price_id* filled",
  coupon = [[code* filled, discount_type* percentage|fixed, discount_percentage number, discount_fixed_amount money,
    customer_type text, usage_frequency_limit text, usage_limit_value number, description text, is_active boolean,
    max_uses count, max_quantity_per_use count, valid_from time, expires_at time,
    scope_type organization_wide|specific_products|specific_prices, product_ids texts]],
  payment_request = [[amount* money, currency_code* currency, expiry_date* time, description text,
    payment_reference text, customer_id text, metadata object, channel text]],
  invoice = "customer_id* filled, amount* money, currency_code* currency, origin text, invoice_number text, "
    .. INVOICE .. "customer_details object, payment_details object, template object",
  invoice_update = INVOICE .. [[customer_id text, amount money, amount_due money_or_none,
    status draft|sent|paid|overdue|cancelled]],
  payout = [[destination* self|beneficiary, rail* wave|mtn|bank|spi|stellar, amount* money, currency_code* filled,
    payout_method_id text, recipient object, reason text, last_mile_rail wave|mtn|spi|bank, metadata object,
    confirmation_token filled]],
  payout_method = [[account_name* filled, account_number* filled, bank_name text, country text, bank_code text,
    branch_code text, payout_method_type spi|bank|mobile_money, is_default boolean]],
  evidence = "customer_name text, uncategorized_text text, files object",
  instant_settlement = [[mode* advance|rail, amount* money, currency_code* filled, payout_id filled,
    confirmation_token filled]],
}
for name, text in pairs(BODIES) do BODIES[name] = fields(text) end

-- An amount that is a number, and not a good one, has a code of its own.
local function code_of(list, body)
  for _, field in ipairs(list) do
    local kind, value = field[2], body[field[1]]
    if (kind == KINDS.money or kind == KINDS.money_or_none) and type(value) == "number" and not kind(value) then
      return "amount_invalid"
    end
  end
  return "bad_request"
end

--- Reads a body as the service does: the fields it knows.
---@param name string
---@param body table
---@param warn fun(text: string)
---@return table? params
---@return table? fault as answer.error takes it
function M.check(name, body, warn)
  local params, faults = charge_bodies.check_fields(BODIES[name], body, warn, "")
  if params then return params end
  return nil, { code = code_of(BODIES[name], body), message = "Validation failed: " .. table.concat(faults, "; "),
    details = faults }
end

return M
