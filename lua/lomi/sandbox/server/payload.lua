-- SPDX-License-Identifier: MIT
--- What the service takes for a payload. It is laxer than its documentation; where a request leans on that, a warning
--- says so, for the documentation promises nothing of it.

local json = require "lomi.sandbox.server.json"

local M = {}

local CURRENCIES = { XOF = true, USD = true, EUR = true }

-- The main unit, per currency; below it the service answers `amount_invalid`.
local CARD_MINIMUM = { XOF = 1000, USD = 0.5, EUR = 0.5 }

local EUR_IN_XOF = 655.957

-- A kind turns a value into what the service makes of it, or gives nil and what it must be. `warn` notes a laxity.
-- false stands for "as if it were not there".

local function number(rule)
  return function(value, warn, name)
    if type(value) == "string" and value:find("^%s*[+-]?%d+%.?%d*%s*$") then
      warn(name .. " is a string; it should be a number")
      value = tonumber(value)
    end
    local good = type(value) == "number" and not (rule.above and value <= rule.above)
      and not (rule.least and value < rule.least)
    if good then return value end
    return nil, "must be a number" .. (rule.above and " greater than " .. rule.above or "")
      .. (rule.least and " not less than " .. rule.least or "")
  end
end

local function string_of(value)
  if type(value) == "string" then return value end
  return nil, "must be a string"
end

local function filled(value, warn, name)
  local text = type(value) == "string" and value:match("^%s*(.-)%s*$")
  if not text or text == "" then return nil, "must be a string that is not blank" end
  if text ~= value then warn(name .. " has spaces around it") end
  return text
end

local UUID4 = "^" .. ("%x"):rep(8) .. "%-" .. ("%x"):rep(4) .. "%-4" .. ("%x"):rep(3) .. "%-[89abAB]" .. ("%x"):rep(3)
  .. "%-" .. ("%x"):rep(12) .. "$"

local function uuid4(value, warn, name)
  local text = type(value) == "string" and value:match("^%s*(.-)%s*$")
  if text == "" then
    warn(name .. " is blank")
    return false
  end
  if not text or not text:find(UUID4) then return nil, "must be a UUID v4" end
  if text ~= value then warn(name .. " has spaces around it") end
  return text
end

local function email(value)
  if type(value) == "string" and value:find("^[^%s@]+@[^%s@]+%.[^%s@]+$") then return value end
  return nil, "must be an email address"
end

local function currency(value, warn, name)
  local upper = type(value) == "string" and value:upper()
  if not CURRENCIES[upper] then return nil, "must be one of XOF, USD, EUR" end
  if upper ~= value then warn(name .. " is not in upper case") end
  return upper
end

local function one_of(values, aliases)
  return function(value, warn, name)
    for _, known in ipairs(values) do
      if value == known then return value end
    end
    local alias = type(value) == "string" and aliases and aliases[value]
    if not alias then return nil, "must be one of " .. table.concat(values, ", ") end
    warn(('%s "%s" is taken for "%s"'):format(name, value, alias))
    return alias
  end
end

local function boolean(value)
  if type(value) == "boolean" then return value end
  return nil, "must be true or false"
end

local function object(value)
  if type(value) == "table" and value[1] == nil then return value end
  return nil, "must be an object"
end

local function phone(value)
  if type(value) == "string" and value:find("^%+[1-9]%d+$") and #value >= 8 and #value <= 16 then return value end
  return nil, "must be a phone number as +2250700000000 (E.164)"
end

local function country(value)
  if type(value) == "string" and value:find("^%a%a$") then return value:upper() end
  return nil, "must be a country code of two letters"
end

-- Filled in below, for an object with fields of its own.
local check_fields

local function nested(fields)
  return function(value, warn, name)
    if type(value) ~= "table" or value[1] ~= nil then return nil, "must be an object" end
    return check_fields(fields, value, warn, name .. ".")
  end
end

-- Lists, so that faults and warnings come in one order.
local CARD = {
  { "amount", number { above = 0 }, required = true },
  { "currency_code", currency },
  { "currency", currency },
  { "customer_id", uuid4 },
  { "customer_email", email },
  { "customer_name", filled },
  { "customer_phone", string_of },
  { "description", string_of },
  { "payment_reference", string_of },
  { "product_id", uuid4 },
  { "subscription_id", uuid4 },
  { "quantity", number {} },
  { "metadata", object },
  { "appearance_theme", one_of({ "light", "dark", "flat" }, { stripe = "light", night = "dark", [""] = "flat" }) },
  { "appearance_border_radius", number { least = 0 } },
  { "appearance_billing_address", one_of { "auto", "never" } },
  { "hold", boolean },
}

local CUSTOMER = {
  { "name", filled, required = true },
  { "phoneNumber", phone },
  { "email", email },
}

local WAVE = {
  { "amount", number { least = 1 }, required = true },
  { "currency", string_of, required = true },
  { "customer", nested(CUSTOMER), required = true },
  { "description", string_of },
  { "environment", string_of },
  { "successUrl", string_of },
  { "errorUrl", string_of },
}

local MTN = {
  { "amount", number { least = 1 }, required = true },
  { "currency", string_of, required = true },
  { "customer", nested(CUSTOMER), required = true },
  { "description", string_of },
  { "environment", string_of },
  { "countryCode", country },
  { "productId", uuid4 },
  { "subscriptionId", uuid4 },
  { "quantity", number {} },
}

local CAPTURE = { { "amount", number { above = 0 } } }
local INCREMENT = { { "amount", number { above = 0 }, required = true } }

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
    if not known[name] then unknown[#unknown + 1] = tostring(name):sub(1, 40) end
  end
  table.sort(unknown)
  for _, name in ipairs(unknown) do warn("unknown field " .. prefix .. name) end
  if faults[1] then return nil, faults end
  return params
end

local function refused(code, faults)
  return nil, { code = code, message = table.concat(faults, "; "), details = faults }
end

local function checked(fields, body, warn)
  local params, faults = check_fields(fields, body, warn, "")
  if not params then return refused("bad_request", faults) end
  return params
end

-- From here on a fault is what answer.error takes.

local function check_customer(params, warn, strict)
  if params.customer_id then return nil end
  local has_email, has_name = params.customer_email ~= nil, params.customer_name ~= nil
  if has_email and has_name then return nil end
  if strict or has_email or has_name then
    return "customer_email and customer_name are required together when customer_id is omitted"
  end
  warn("no customer: live refuses a charge without customer_id or customer_email and customer_name")
end

--- The smallest units of the currency a card is charged in: XOF is charged in euro cents, at the fixed peg.
---@param amount number in the main unit of `code`
---@param code string
---@return number minor, string charged_currency lower case
function M.convert(amount, code)
  if code == "XOF" then return math.floor(amount / EUR_IN_XOF * 100 + 0.5), "eur" end
  return math.floor(amount * 100 + 0.5), code:lower()
end

---@param body table
---@param warn fun(text: string)
---@param strict boolean
---@return table? params with `currency_code` always there
---@return table? fault
function M.card(body, warn, strict)
  local params, fault = checked(CARD, body, warn)
  if not params then return nil, fault end
  local code = params.currency_code or params.currency or "XOF"
  if params.currency and params.currency ~= code then
    warn("currency_code and currency differ; currency_code is taken")
  end
  params.currency_code, params.currency = code, nil
  local customer_fault = check_customer(params, warn, strict)
  if customer_fault then return refused("bad_request", { customer_fault }) end
  if params.amount < CARD_MINIMUM[code] then
    return refused("amount_invalid", { ("amount must be at least %g %s"):format(CARD_MINIMUM[code], code) })
  end
  local hundredths = params.amount * (code == "XOF" and 1 or 100)
  if math.abs(hundredths - math.floor(hundredths + 0.5)) > 1e-6 then
    warn(("amount has a fraction that %s cannot express"):format(code))
  end
  return params
end

function M.wave(body, warn) return checked(WAVE, body, warn) end
function M.mtn(body, warn) return checked(MTN, body, warn) end
function M.capture(body, warn) return checked(CAPTURE, body, warn) end
function M.increment(body, warn) return checked(INCREMENT, body, warn) end

return M
