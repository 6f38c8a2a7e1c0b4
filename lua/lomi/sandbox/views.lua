-- SPDX-License-Identifier: MIT
--- A charge as others see it: the API's replies, the tests, a webhook.

local json = require "lomi.sandbox.json"

local M = {}

---@param seconds number since the epoch
---@return string # ISO 8601, to the millisecond
function M.timestamp(seconds)
  local whole = math.floor(seconds)
  local milliseconds = math.floor((seconds - whole) * 1000)
  return os.date("!%Y-%m-%dT%H:%M:%S", whole) .. (".%03dZ"):format(milliseconds)
end

local function appearance(params)
  local theme, radius, billing = params.appearance_theme, params.appearance_border_radius,
    params.appearance_billing_address
  if theme == nil and radius == nil and billing == nil then return nil end
  return { theme = theme, border_radius = radius, billing_address = billing }
end

---@param charge lomi.sandbox.Charge
function M.client_secret(charge)
  return charge.id .. "_secret_" .. charge.secret
end

--- CardChargeResponseDto's data, as a new charge is answered with.
---@param charge lomi.sandbox.Charge
function M.created(charge)
  return {
    id = charge.id, client_secret = M.client_secret(charge), amount = charge.amount, currency = charge.currency,
    original_amount = charge.original_amount, original_currency = charge.original_currency, status = charge.status,
    appearance = appearance(charge.params),
  }
end

--- The same, asked for later. amount_capturable is in the unit that capture takes.
---@param charge lomi.sandbox.Charge
function M.current(charge)
  local view = M.created(charge)
  view.transaction = charge.transaction_status
    and { transaction_id = charge.transaction_id, status = charge.transaction_status } or json.null
  if charge.params.hold then
    local held = charge.status == "requires_capture"
    view.amount_capturable = held and charge.original_amount or 0
    view.capture_before = held and M.timestamp(charge.capture_before) or json.null
    view.can_increment = held
  end
  return view
end

--- For tests. Without the client_secret: what is listed ends up in logs.
---@param charge lomi.sandbox.Charge
function M.listed(charge)
  local view = {
    id = charge.id, kind = charge.kind, amount = charge.amount, currency = charge.currency,
    original_amount = charge.original_amount, original_currency = charge.original_currency, status = charge.status,
    failure_code = charge.failure_code, last4 = charge.last4, brand = charge.brand, released = charge.released,
    transaction_id = charge.transaction_status and charge.transaction_id,
    transaction_status = charge.transaction_status, idempotency_key = charge.key,
    created = M.timestamp(charge.created), params = charge.params,
    capture_before = charge.capture_before and M.timestamp(charge.capture_before),
  }
  return view
end

--- The data of a webhook's event: the amount as the merchant asked for it.
---@param event string
---@param charge lomi.sandbox.Charge
function M.event(event, charge)
  local params = charge.params
  local failed = event == "PAYMENT_FAILED" and charge.status ~= "canceled"
  return {
    transaction_id = charge.transaction_id, charge_id = charge.id, amount = charge.original_amount,
    currency = charge.original_currency, status = failed and "failed" or charge.status,
    failure_code = event == "PAYMENT_FAILED" and charge.failure_code or nil, metadata = params.metadata or {},
    payment_method = charge.kind, payment_reference = params.payment_reference, description = params.description,
    customer_email = params.customer_email or (params.customer and params.customer.email),
    customer_name = params.customer_name or (params.customer and params.customer.name),
  }
end

return M
