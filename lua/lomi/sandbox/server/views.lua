-- SPDX-License-Identifier: MIT
--- A charge as others see it, in the API's replies, the tests, a webhook; and times as the API writes them.

local json = require "lomi.sandbox.server.json"

local M = {}

---@param seconds number since the epoch
---@return string # ISO 8601, to the millisecond
function M.timestamp(seconds)
  local whole = math.floor(seconds)
  local milliseconds = math.floor((seconds - whole) * 1000)
  return os.date("!%Y-%m-%dT%H:%M:%S", whole) .. (".%03dZ"):format(milliseconds)
end

local MONTHS = { "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
  "November", "December" }

---@param seconds number since the epoch
---@return string # "1 August 2026", in any locale
function M.day(seconds)
  local date = os.date("!*t", math.floor(seconds))
  return ("%d %s %d"):format(date.day, MONTHS[date.month], date.year)
end

---@param charge lomi.sandbox.Charge
function M.client_secret(charge)
  return charge.id .. "_secret_" .. charge.secret
end

--- CardChargeResponseDto's data, as a new charge is answered with. amount_capturable is in the unit that capture takes.
---@param charge lomi.sandbox.Charge
function M.card(charge)
  local view = {
    id = charge.id, client_secret = M.client_secret(charge), amount = charge.amount, currency = charge.currency,
    original_amount = charge.original_amount, original_currency = charge.original_currency, status = charge.status,
  }
  if charge.params.hold then
    local held = charge.status == "requires_capture"
    view.hold = true
    view.amount_capturable = held and charge.original_amount or 0
    view.capture_before = held and M.timestamp(charge.capture_before) or json.null
    view.can_increment = held
  end
  return view
end

---@param charge lomi.sandbox.Charge
---@return "pending"|"completed"|"failed"
local function transaction_status(charge)
  if charge.failure_code then return "failed" end
  return charge.status == "succeeded" and "completed" or "pending"
end

--- The same, asked for later.
---@param charge lomi.sandbox.Charge
function M.current(charge)
  local view = M.card(charge)
  view.transaction = { transaction_id = charge.transaction_id, status = transaction_status(charge) }
  return view
end

--- The answer to creating a Wave charge.
---@param charge lomi.sandbox.Charge
---@param url string where the payer pays
function M.wave(charge, url)
  local view = { transaction_id = charge.transaction_id, wave_launch_url = url, checkout_url = url, status = "PENDING",
    next_action = { type = "redirect", url = url } }
  if charge.status ~= "pending" then
    view.transactionId, view.checkoutUrl, view.status = charge.transaction_id, url, transaction_status(charge)
  end
  return view
end

--- The answer to creating an MTN charge.
---@param charge lomi.sandbox.Charge
function M.mtn(charge)
  local status = charge.status == "pending" and "PENDING" or transaction_status(charge)
  return {
    success = true,
    data = { transaction_id = charge.transaction_id, external_id = charge.id, reference_id = json.null,
      status = status },
    next_action = { type = "await_webhook", status = status },
  }
end

--- A charge as tests see it.
---@class lomi.sandbox.ListedCharge
---@field id string  `pi_…` of a card
---@field kind "card"|"wave"|"mtn"  how it is paid
---@field amount number  what is charged, in minor units of `currency`; after a capture, what was captured
---@field currency string  lower case
---@field original_amount number  as asked for, in `original_currency`; after a capture, what was captured
---@field original_currency string  `XOF`, `USD` or `EUR`
---@field status lomi.CardStatus  where it stands
---@field failure_code? string  of the last attempt to pay, such as `card_declined`
---@field last4? string  of the card last tried
---@field brand? string  of that card
---@field released? number  given back by a capture of less, in the unit of `original_amount`
---@field transaction_id string  the same as in webhooks
---@field transaction_status "pending"|"completed"|"failed"  of the last attempt to pay
---@field idempotency_key? string  it was made under
---@field created string  ISO 8601
---@field params table  as they were sent
---@field capture_before? string  ISO 8601, while an amount is held

--- For tests. Without the client_secret: what is listed ends up in logs.
---@param charge lomi.sandbox.Charge
---@return lomi.sandbox.ListedCharge
function M.listed(charge)
  local card = charge.card or {}
  return {
    id = charge.id, kind = charge.kind, amount = charge.amount, currency = charge.currency,
    original_amount = charge.original_amount, original_currency = charge.original_currency, status = charge.status,
    failure_code = charge.failure_code, last4 = card.last4, brand = card.brand, released = charge.released,
    transaction_id = charge.transaction_id, transaction_status = transaction_status(charge),
    idempotency_key = charge.key,
    created = M.timestamp(charge.created), params = charge.params,
    capture_before = charge.capture_before and M.timestamp(charge.capture_before),
  }
end

M.PROVIDERS = { card = "STRIPE", wave = "WAVE", mtn = "MTN" }
M.METHODS = { card = "CARDS", wave = "MOBILE_MONEY", mtn = "MOBILE_MONEY" }

-- The service finds or makes a customer for every charge. Here it has one of its own, told by the transaction.
local function customer_id(charge)
  return charge.params.customer_id or (charge.transaction_id:gsub("^%x+", string.reverse))
end

--- The data of a webhook's event: the transaction, as the service sends it. No id of the charge is in it: shops find
--- their order by the metadata they set.
---@param charge lomi.sandbox.Charge
---@param organization string
function M.event(charge, organization)
  local params = charge.params
  return {
    transaction_id = charge.transaction_id, organization_id = organization, customer_id = customer_id(charge),
    transaction_type = "payment", status = transaction_status(charge), amount = charge.original_amount,
    gross_amount = charge.original_amount, currency_code = charge.original_currency,
    provider_code = M.PROVIDERS[charge.kind], payment_method_code = M.METHODS[charge.kind],
    product_id = params.product_id or params.productId,
    subscription_id = params.subscription_id or params.subscriptionId,
    quantity = params.quantity or 1, description = params.description,
    metadata = params.metadata or {}, environment = "test", created_at = M.timestamp(charge.created),
    updated_at = M.timestamp(charge.updated),
  }
end

return M
