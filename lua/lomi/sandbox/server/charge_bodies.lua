-- SPDX-License-Identifier: MIT
--- The bodies of charges, as the service takes them, and amounts of one currency in another. The service is laxer than
--- its documentation; a warning says where a request leans on that.

local ascii = require "lomi.ascii"
local body_fields = require "lomi.sandbox.server.body_fields"
local json = require "lomi.sandbox.server.json"

local M = {}

local MOST = 2 ^ 53 -- minor units: more are not exact

-- In main units, and in words; below it the service answers `amount_invalid`.
local CARD_MINIMUM = { XOF = 1000, USD = 1 / 2, EUR = 1 / 2 }
local MINIMUM_SAYS = { XOF = "1000 XOF", USD = "0.50 USD", EUR = "0.50 EUR" }

-- Digits after the decimal point an amount of main units may have; any other currency is not looked at.
local DECIMALS = { XOF = 0, USD = 2, EUR = 2 }

local EUR_IN_XOF = 655957 / 1000 -- 655.957 does not compile where a decimal point has several bytes

local OBJECTS = {
  transfer = body_fields.fields "destination* filled, amount positive",
  customer = body_fields.fields "name* filled, phoneNumber* phone, email email",
}

local PLATFORM = "application_fee_amount from_0, transfer_data transfer, transfer_group short_text"
local CARD = [[amount* lax_positive, currency_code currency_or_blank, currency %s, customer_id uuid,
  customer_email name, customer_name name, customer_phone text, description text, payment_reference text,
  product_id uuid, subscription_id uuid, quantity lax_number, metadata object, appearance_theme theme,
  appearance_border_radius lax_from_0, appearance_billing_address auto|never, hold boolean, ]] .. PLATFORM
local BY_ALIAS = body_fields.fields(CARD:format "currency_or_blank", OBJECTS)
local BY_CODE = body_fields.fields(CARD:format "any", OBJECTS) -- beside currency_code, currency is not looked at
local WAVE = body_fields.fields([[amount* from_1, currency* any_currency, customer* customer, description text,
  environment text, successUrl text, errorUrl text, ]] .. PLATFORM, OBJECTS)
local MTN = body_fields.fields([[amount* count, currency* any_currency, customer* customer, description text,
  environment text, countryCode country, productId any_uuid, subscriptionId any_uuid, quantity count, ]]
  .. PLATFORM, OBJECTS)
local CAPTURE = body_fields.fields "amount lax_positive"
local INCREMENT = body_fields.fields "amount* lax_positive"

local APPEARANCE = { "appearance_theme", "appearance_border_radius", "appearance_billing_address" }

local function refuse(code, message, details)
  return nil, { code = code, message = message, details = details }
end

local function checked(fields, body, warn)
  local params, faults = body_fields.check(fields, body, warn)
  if not params then return refuse("bad_request", table.concat(faults, "; ")) end
  return params
end

-- Amounts -------------------------------------------------------------------------------------------------------------

---@alias lomi.sandbox.Amounts "main"|"minor" the unit of USD and EUR amounts; XOF has but one

local function is_minor(code, amounts)
  return amounts == "minor" or code == "XOF"
end

local function has_fraction(amount, code, amounts)
  local decimals = amounts == "minor" and 0 or DECIMALS[code]
  if not decimals then return false end
  local units = amount * 10 ^ decimals
  return math.abs(units - math.floor(units + 1 / 2)) > 1e-6
end

-- The reason an amount cannot be charged to a card.
local function card_amount_fault(amount, code, amounts)
  local least = CARD_MINIMUM[code] * (is_minor(code, amounts) and code ~= "XOF" and 100 or 1)
  if amount < least then return ("amount must be at least %s"):format(MINIMUM_SAYS[code]) end
  return M.too_much(amount, code, amounts)
end

--- The reason an amount is more than the service takes.
---@return string?
function M.too_much(amount, code, amounts)
  if M.minor(amount, code, amounts) > MOST then return ("amount must be at most %.0f minor units"):format(MOST) end
end

--- The smallest units of the currency a card is charged in: XOF is charged in euro cents, at the fixed peg.
---@param amount number
---@param code string
---@param amounts lomi.sandbox.Amounts?
---@return number minor, string charged_currency lower case
function M.convert(amount, code, amounts)
  if code == "XOF" then return math.floor(amount / EUR_IN_XOF * 100 + 1 / 2), "eur" end
  return math.floor(M.minor(amount, code, amounts) + 1 / 2), ascii.lower(code)
end

--- An amount in minor units of its own currency.
function M.minor(amount, code, amounts)
  return is_minor(code, amounts) and amount or amount * (DECIMALS[code] and 100 or 1)
end

-- Payloads ------------------------------------------------------------------------------------------------------------

-- An id is enough: then the service looks at neither email nor name.
local function check_customer(params, warn, strict)
  local mail, name = params.customer_email, params.customer_name
  if params.customer_id then
    if mail and not body_fields.is_email(mail) then warn("customer_email is no email address") end
    return nil
  end
  if mail and not body_fields.is_email(mail) then return "customer_email must be an email address" end
  if mail and name then return nil end
  if strict or mail or name then
    return "customer_email and customer_name are required together when customer_id is omitted"
  end
  warn("no customer: live refuses a charge without customer_id or customer_email and customer_name")
end

-- The look that was asked for. An empty theme is none, but counts as asked for.
local function appearance_of(body, params)
  for _, name in ipairs(APPEARANCE) do
    if body[name] ~= nil and body[name] ~= json.null then
      return { theme = params.appearance_theme, border_radius = params.appearance_border_radius,
        billing_address = params.appearance_billing_address }
    end
  end
end

---@param body table
---@param warn fun(text: string)
---@param options { strict: boolean?, amounts: lomi.sandbox.Amounts? }
---@return table? params with `currency_code` always there
---@return lomi.sandbox.Refusal?
---@return table? appearance for the answer; nil if none was asked for
function M.card(body, warn, options)
  local has_code = type(body.currency_code) == "string" and body.currency_code ~= ""
  local params, refusal = checked(has_code and BY_CODE or BY_ALIAS, body, warn)
  if not params then return nil, refusal end
  local code = params.currency_code or params.currency or "XOF"
  if params.currency and params.currency ~= code then
    warn("currency_code and currency differ; currency_code counts")
  end
  params.currency_code, params.currency = code, nil
  local customer_fault = check_customer(params, warn, options.strict)
  if customer_fault then return refuse("bad_request", customer_fault) end
  local amount_fault = card_amount_fault(params.amount, code, options.amounts)
  if not amount_fault and has_fraction(params.amount, code, options.amounts) then
    if options.amounts == "minor" then
      amount_fault = "amount must be a whole number of minor units"
    else
      warn(("amount has a fraction that %s cannot express"):format(code))
    end
  end
  if amount_fault then return refuse("amount_invalid", amount_fault) end
  return params, nil, appearance_of(body, params)
end

-- Capture and increment, in the unit and currency of the charge.
local function amount_of_hold(fields)
  return function(body, warn, code, options)
    local params, refusal = checked(fields, body, warn)
    if not params then return nil, refusal end
    if not params.amount then return params end
    local amount_fault = card_amount_fault(params.amount, code, options.amounts)
    if has_fraction(params.amount, code, options.amounts) then
      amount_fault = ("amount has a fraction that %s cannot express"):format(code)
    end
    if amount_fault then return refuse("amount_invalid", amount_fault) end
    return params
  end
end

M.capture, M.increment = amount_of_hold(CAPTURE), amount_of_hold(INCREMENT)

-- Wave and MTN name their faults in a list.
local function mobile(fields)
  return function(body, warn, options)
    local params, faults = body_fields.check(fields, body, warn)
    if not params then return refuse("bad_request", "Validation failed", faults) end
    local reason = M.too_much(params.amount, params.currency, options.amounts)
    if options.amounts == "minor" and has_fraction(params.amount, params.currency, "minor") then
      reason = "amount must be a whole number of minor units"
    end
    if reason then return refuse("amount_invalid", reason) end
    return params
  end
end

M.wave, M.mtn = mobile(WAVE), mobile(MTN)

return M
