-- SPDX-License-Identifier: MIT
--- The bodies of all requests but charges, as the service takes them.

local body_fields = require "lomi.sandbox.server.body_fields"

local M = {}

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
    payment_link_id text, quantity count, line_items some_objects,
    integration_source system|shopify|woocommerce|prestashop|magento|odoo|bubble,
    application_fee_amount money, transfer_data transfer, transfer_group short_text]],
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
    .. [[failed_payment_action pause|cancel|continue, charge_day day, first_payment_type initial|non_initial|prorated,
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
  coupon = [[code* filled, discount_type* percentage|fixed, discount_percentage percent, discount_fixed_amount money,
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
    payout_method_id text, recipient recipient, reason text, last_mile_rail wave|mtn|spi|bank, metadata object,
    confirmation_token filled]],
  payout_method = [[account_name* filled, account_number* filled, bank_name text, country text, bank_code text,
    branch_code text, payout_method_type spi|bank|mobile_money, is_default boolean]],
  evidence = "customer_name text, uncategorized_text text, files object",
  instant_settlement = [[mode* advance|rail, amount* money, currency_code* filled, payout_id filled,
    confirmation_token filled]],
}
local OBJECTS = { transfer = body_fields.fields "destination* filled, amount money",
  recipient = body_fields.fields "name* filled, phone* phone" }
for name, text in pairs(BODIES) do BODIES[name] = body_fields.fields(text, OBJECTS) end

--- Reads a body as the service does: the fields it knows.
---@param name string
---@param body table
---@param warn fun(text: string)
---@return table? params
---@return lomi.sandbox.Refusal?
function M.check(name, body, warn)
  local params, faults = body_fields.check(BODIES[name], body, warn)
  if params then return params end
  return nil, { code = body_fields.code_of(BODIES[name], body), details = faults,
    message = "Validation failed: " .. table.concat(faults, "; ") }
end

return M
