-- SPDX-License-Identifier: MIT
--- The bodies of charges, as the service takes them. It is laxer than its documentation; a warning says where a request
--- leans on that.

local ascii = require "lomi.ascii"
local json = require "lomi.sandbox.server.json"

local M = {}

local MOST = 2 ^ 53 -- minor units: more are not exact

local CURRENCIES = { XOF = true, USD = true, EUR = true }

-- In main units, and in words; below it the service answers `amount_invalid`.
local CARD_MINIMUM = { XOF = 1000, USD = 1 / 2, EUR = 1 / 2 }
local MINIMUM_SAYS = { XOF = "1000 XOF", USD = "0.50 USD", EUR = "0.50 EUR" }

-- Digits after the decimal point an amount of main units may have; any other currency is not looked at.
local DECIMALS = { XOF = 0, USD = 2, EUR = 2 }

local EUR_IN_XOF = 655957 / 1000 -- 655.957 does not compile where a decimal point has several bytes

-- A kind turns a value into what the service makes of it, or gives nil and what it must be. `warn` notes a laxity.
-- false stands for "as if it were not there".

local LONGEST_NUMBER = 64 -- bytes of a number in a string

-- A number in a string, in decimal notation; nil: it is none.
local function read_number(text)
  if #text > LONGEST_NUMBER then return nil end
  local sign, whole, fraction, rest = ascii.trim(text):match("^([+-]?)(%d*)%.?(%d*)(.*)$")
  local exponent = rest == "" and 0 or rest:match("^[eE]([+-]?%d+)$")
  if #whole + #fraction == 0 or not exponent then return nil end
  return tonumber(("%s%s%se%.0f"):format(sign, whole, fraction, exponent - #fraction)) -- no point: locales differ
end

local function number(rule)
  return function(value, warn, name)
    if rule.lax and type(value) == "string" then
      value = read_number(value)
      if value then warn(name .. " is a string; it should be a number") end
    end
    local good = type(value) == "number" and value < math.huge and not (rule.above and value <= rule.above)
      and not (rule.least and value < rule.least) and not (rule.whole and value % 1 ~= 0)
    if good then return value end
    return nil, (rule.whole and "must be a whole number" or "must be a number")
      .. (rule.above and " greater than " .. rule.above or "") .. (rule.least and " not less than " .. rule.least or "")
  end
end

local function string_of(value)
  if type(value) == "string" then return value end
  return nil, "must be a string"
end

local function trimmed(value, warn, name)
  local text = ascii.trim(value)
  if text ~= value then warn(name .. " has spaces around it") end
  return text
end

local function filled(value)
  if type(value) == "string" and value:find("[^ \t-\r]") then return value end
  return nil, "must be a string that is not blank"
end

-- A card's customer: blank is absent.
local function name_or_blank(value, warn, name)
  if type(value) ~= "string" then return nil, "must be a string" end
  local text = trimmed(value, warn, name)
  return text ~= "" and text
end

local function string_up_to(bytes)
  return function(value)
    if type(value) == "string" and #value <= bytes then return value end
    return nil, ("must be a string of at most %d bytes"):format(bytes)
  end
end

local UUID4 = "^" .. ("%x"):rep(8) .. "%-" .. ("%x"):rep(4) .. "%-4" .. ("%x"):rep(3) .. "%-[89abAB]" .. ("%x"):rep(3)
  .. "%-" .. ("%x"):rep(12) .. "$"

local function uuid4(value, warn, name)
  local text = type(value) == "string" and ascii.trim(value)
  if text == "" then
    warn(name .. " is blank")
    return false
  end
  if not text or not text:find(UUID4) then return nil, "must be a UUID v4" end
  if text ~= value then warn(name .. " has spaces around it") end
  return text
end

local EMAIL = "^[^ \t-\r@]+@[^ \t-\r@]+%.[^ \t-\r@]+$"
local EMAIL_MAX = 254 -- bytes; also what keeps the pattern cheap

local function is_email(text)
  return #text <= EMAIL_MAX and text:find(EMAIL) ~= nil
end

local function email(value)
  if type(value) == "string" and is_email(value) then return value end
  return nil, "must be an email address"
end

local function currency(value, warn, name)
  local upper = type(value) == "string" and ascii.upper(value)
  if not CURRENCIES[upper] then return nil, "must be one of XOF, USD, EUR" end
  if upper ~= value then warn(name .. " is not in upper case") end
  return upper
end

local function one_of(values, aliases)
  return function(value, warn, name)
    for _, known in ipairs(values) do
      if value == known then return value end
    end
    local alias
    if type(value) == "string" and aliases then alias = aliases[value] end
    if alias == nil then return nil, "must be one of " .. table.concat(values, ", ") end
    warn(('%s "%s" is treated as %s'):format(name, value, alias or "no theme"))
    return alias
  end
end

local function boolean(value)
  if type(value) == "boolean" then return value end
  return nil, "must be true or false"
end

-- An empty list has a metatable, see lomi.core; its first item may be a null.
local function is_object(value)
  return type(value) == "table" and value[1] == nil and getmetatable(value) == nil
end

local function object(value)
  if is_object(value) then return value end
  return nil, "must be an object"
end

-- In full (E.164), or as dialled at home.
local function phone(value)
  if type(value) == "string" and value:find("^%+?[%d \t-\r.%-()/]+$") then
    local _, digits = value:gsub("%d", "")
    if digits >= 6 and digits <= 15 then return value end
  end
  return nil, "must be a phone number, such as +2250700000000 or 07 00 00 00 00"
end

local function country(value)
  if type(value) == "string" and value:find("^[A-Za-z][A-Za-z]$") then return ascii.upper(value) end
  return nil, "must be a country code of two letters"
end

-- Filled in below, for an object with fields of its own.
local check_fields

local function nested(fields)
  return function(value, warn, name)
    if not is_object(value) then return nil, "must be an object" end
    return check_fields(fields, value, warn, name .. ".")
  end
end

-- Lists, so that faults and warnings come in one order.
local PLATFORM = {
  { "application_fee_amount", number { least = 0 } },
  { "transfer_data", nested {
    { "destination", filled, required = true },
    { "amount", number { above = 0 } },
  } },
  { "transfer_group", string_up_to(128) },
}

local CARD = {
  { "amount", number { above = 0, lax = true }, required = true },
  { "currency_code", currency },
  { "currency", currency },
  { "customer_id", uuid4 },
  { "customer_email", name_or_blank },
  { "customer_name", name_or_blank },
  { "customer_phone", string_of },
  { "description", string_of },
  { "payment_reference", string_of },
  { "product_id", uuid4 },
  { "subscription_id", uuid4 },
  { "quantity", number { lax = true } },
  { "metadata", object },
  { "appearance_theme", one_of({ "light", "dark", "flat" }, { stripe = "light", night = "dark", [""] = false }) },
  { "appearance_border_radius", number { least = 0, lax = true } },
  { "appearance_billing_address", one_of { "auto", "never" } },
  { "hold", boolean },
  PLATFORM[1], PLATFORM[2], PLATFORM[3],
}

local APPEARANCE = { "appearance_theme", "appearance_border_radius", "appearance_billing_address" }

local CUSTOMER = {
  { "name", filled, required = true },
  { "phoneNumber", phone, required = true },
  { "email", email },
}

local WAVE = {
  { "amount", number { least = 1 }, required = true },
  { "currency", filled, required = true },
  { "customer", nested(CUSTOMER), required = true },
  { "description", string_of },
  { "environment", string_of },
  { "successUrl", string_of },
  { "errorUrl", string_of },
  PLATFORM[1], PLATFORM[2], PLATFORM[3],
}

local MTN = {
  { "amount", number { least = 1, whole = true }, required = true },
  { "currency", filled, required = true },
  { "customer", nested(CUSTOMER), required = true },
  { "description", string_of },
  { "environment", string_of },
  { "countryCode", country },
  { "productId", uuid4 },
  { "subscriptionId", uuid4 },
  { "quantity", number { least = 1, whole = true } },
  PLATFORM[1], PLATFORM[2], PLATFORM[3],
}

local CAPTURE = { { "amount", number { above = 0, lax = true } } }
local INCREMENT = { { "amount", number { above = 0, lax = true }, required = true } }

local MOST_UNKNOWN = 100 -- fields of a body that are named

---@return table? params
---@return string[]? faults
function check_fields(fields, body, warn, prefix)
  local params, faults, known = {}, {}, {}
  for _, field in ipairs(fields) do
    local name, kind = field[1], field[2]
    known[name] = true
    local value = body[name]
    if value == json.null then value = nil end
    if value ~= nil then
      local taken, fault = kind(value, warn, prefix .. name)
      if type(fault) == "table" then
        for _, inner in ipairs(fault) do faults[#faults + 1] = inner end
      elseif taken == nil then
        faults[#faults + 1] = prefix .. name .. " " .. fault
      end
      if taken == false and kind ~= boolean then taken = nil end
      params[name] = taken
    elseif field.required then
      local _, fault = kind(nil, warn, prefix .. name)
      faults[#faults + 1] = prefix .. name .. " is missing; it " .. fault
    end
  end
  local unknown = {}
  for name in pairs(body) do
    if not known[name] and #unknown < MOST_UNKNOWN then unknown[#unknown + 1] = tostring(name):sub(1, 40) end
  end
  table.sort(unknown)
  for _, name in ipairs(unknown) do warn("unknown field " .. prefix .. name) end
  if faults[1] then return nil, faults end
  return params
end

-- From here on a fault is what answer.error takes.

local function refuse(code, message, details)
  return nil, { code = code, message = message, details = details }
end

local function checked(fields, body, warn)
  local params, faults = check_fields(fields, body, warn, "")
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
    if mail and not is_email(mail) then warn("customer_email is no email address") end
    return nil
  end
  if mail and not is_email(mail) then return "customer_email must be an email address" end
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
---@return table? fault
---@return table? appearance for the answer; nil if none was asked for
function M.card(body, warn, options)
  local params, fault = checked(CARD, body, warn)
  if not params then return nil, fault end
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
    local params, fault = checked(fields, body, warn)
    if not params then return nil, fault end
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
    local params, faults = check_fields(fields, body, warn, "")
    if not params then return refuse("bad_request", "Validation failed", faults) end
    local fault = M.too_much(params.amount, params.currency, options.amounts)
    if options.amounts == "minor" and has_fraction(params.amount, params.currency, "minor") then
      fault = "amount must be a whole number of minor units"
    end
    if fault then return refuse("amount_invalid", fault) end
    return params
  end
end

M.wave, M.mtn = mobile(WAVE), mobile(MTN)

-- For the bodies of the other resources.
M.check_fields = check_fields
M.kinds = { text = string_of, filled = filled, currency = currency, boolean = boolean, object = object, email = email,
  number = number {}, whole = number { whole = true }, count = number { least = 1, whole = true }, phone = phone }
M.one_of = one_of

return M
