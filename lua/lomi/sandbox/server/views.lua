-- SPDX-License-Identifier: MIT
--- A charge as others see it: the API's replies, the tests, a webhook.

local json = require "lomi.sandbox.server.json"

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

--- A charge as tests see it.
---@class lomi.sandbox.ListedCharge
---@field id string  `pi_…` of a card
---@field kind "card"|"wave"|"mtn"  how it is paid
---@field amount number  what is charged, in minor units of `currency`; after a capture, what was captured
---@field currency string  lower case
---@field original_amount number  in main units of `original_currency`; after a capture, what was captured
---@field original_currency string  `XOF`, `USD` or `EUR`
---@field status lomi.CardStatus  where it stands
---@field failure_code? string  of the last attempt to pay, such as `card_declined`
---@field last4? string  of the card last tried
---@field brand? string  of that card
---@field released? number  main units given back by a capture of less
---@field transaction_id? string  nil until somebody has tried to pay, as is the next
---@field transaction_status? "pending"|"completed"|"failed"  of the last attempt to pay
---@field idempotency_key? string  it was made under
---@field created string  ISO 8601
---@field params table  as they were sent
---@field capture_before? string  ISO 8601, while an amount is held

--- For tests. Without the client_secret: what is listed ends up in logs.
---@param charge lomi.sandbox.Charge
---@return lomi.sandbox.ListedCharge
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
