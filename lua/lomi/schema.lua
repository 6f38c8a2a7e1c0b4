-- SPDX-License-Identifier: MIT
--- Checks a Lua table against a DTO of the contract and finds every fault at once. As strict as the published page: a
--- wrong type is a bug in the caller's program, better found before anything is sent.

local core = require "lomi.core"
local suggest = require "lomi.suggest"

local M = {}

---@class lomi.Fault
---@field field string  such as "amount" or "metadata.items[2].price"
---@field message string  reads on from the field's name: "must be …"

-- "h" stands for a hexadecimal digit.
local function pattern(text)
  return "^" .. text:gsub("%-", "%%-"):gsub("h", "%%x") .. "$"
end

local UUID = pattern "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh"
local UUID4 = pattern "hhhhhhhh-hhhh-4hhh-[89abAB]hhh-hhhhhhhhhhhh"

local FORMATS = {
  uuid = { pattern = UUID, message = "must be a UUID" },
  uuid4 = { pattern = UUID4, message = "must be a UUID (version 4)" },
  email = { pattern = "^[^%s@]+@[^%s@]+%.[^%s@]+$", message = "must be an email address, like awa@example.com" },
}

local ARTICLE = { number = "a number", string = "a string", boolean = "true or false", object = "an object (a table)" }

local function number_fault(field, value)
  if value ~= value or value == math.huge or value == -math.huge then return "must be a finite number" end
  if field.above and value <= field.above then return ("must be above %d"):format(field.above) end
  if field.least and value < field.least then return ("must be %d or more"):format(field.least) end
end

local function string_fault(field, value)
  if field.enum then
    for _, choice in ipairs(field.enum) do
      if value == choice then return nil end
    end
    return "must be one of " .. table.concat(field.enum, ", ")
  end
  local format = FORMATS[field.format]
  if format and not value:find(format.pattern) then return format.message end
  if field.filled and not value:find("%S") then return "must not be blank" end
end

local function object_fault(_, value)
  for key in next, value do
    if type(key) ~= "string" then return "must be an object with string keys, not a list" end
  end
end

local CHECKS = { number = number_fault, string = string_fault, object = object_fault }

---@return string|nil  what is wrong with the value
local function field_fault(field, value)
  local expected = field.type == "object" and "table" or field.type
  if type(value) ~= expected then return ("must be %s, not a %s"):format(ARTICLE[field.type], type(value)) end
  local check = CHECKS[field.type]
  return check and check(field, value)
end

-- Digits after the point of a number as it will be written: in 14 digits, whatever the locale's point.
local function decimals_of(number)
  local text = ("%.14g"):format(number)
  local mantissa, exponent = text:match("^(.-)[eE]([+-]%d+)$")
  local fraction = (mantissa or text):match("[.,](%d+)$") or ""
  return math.max(0, #fraction - (tonumber(exponent) or 0))
end

---@alias lomi.contract.Rule table
-- Over several fields. Each is called with the fields that are right so far, what was given, and a function to tell.
local RULES = {
  same = function(rule, payload, _, tell)
    local a, b = rule.fields[1], rule.fields[2]
    if payload[a] ~= nil and payload[b] ~= nil and payload[a] ~= payload[b] then
      tell(b, ("must equal %s when both are given; leave it out"):format(a))
    end
  end,

  together = function(rule, _, given, tell)
    if given[rule.unless] ~= nil then return end
    local a, b = rule.fields[1], rule.fields[2]
    if (given[a] == nil) == (given[b] == nil) then return end
    local missing, present = a, b
    if given[b] == nil then missing, present = b, a end
    tell(missing, ("is required together with %s, unless %s is given"):format(present, rule.unless))
  end,

  decimals = function(rule, payload, given, tell)
    local amount = payload[rule.field]
    if not amount or amount % 1 == 0 then return end
    local currency = payload[rule.currency[1]] or payload[rule.currency[2]]
    if not currency then
      if given[rule.currency[1]] ~= nil or given[rule.currency[2]] ~= nil then return end -- a wrong one: told already
      currency = rule.default
    end
    local most = rule.decimals[currency]
    if decimals_of(amount) <= most then return end
    tell(rule.field, most == 0 and ("must be a whole number: %s has no minor unit"):format(currency)
      or ("must have at most %d decimals in %s"):format(most, currency))
  end,
}

-- A field given as JSON null is an absent field.
local function without_null(params)
  for _, value in next, params do
    if value == core.null then
      local given = {}
      for name, kept in next, params do
        if kept ~= core.null then given[name] = kept end
      end
      return given
    end
  end
  return params
end

-- In the order the contract names the fields; the unknown ones last.
local function sort_faults(dto, faults)
  local place = {}
  for i, field in ipairs(dto.fields) do place[field.name] = i end
  table.sort(faults, function(a, b)
    local i, j = place[a.field] or math.huge, place[b.field] or math.huge
    if i ~= j then return i < j end
    return a.field < b.field
  end)
end

---@param dto lomi.contract.Dto
---@param params any  the caller's table; it is not changed
---@return table payload  the fields that are right
---@return lomi.Fault[]|nil faults  nil if all are
function M.check(dto, params)
  if type(params) ~= "table" then
    local message = ("must be a table of %s fields, not a %s"):format(dto.name, type(params))
    return {}, { { field = "params", message = message } }
  end
  local faults
  local function tell(name, message)
    faults = faults or {}
    faults[#faults + 1] = { field = name, message = message }
  end

  local given, payload = without_null(params), {}
  for name, value in next, given do
    local field = dto.by_name[name]
    if not field then
      tell(tostring(name), "is not a field of " .. dto.name .. suggest.hint(name, dto.by_name))
    else
      local wrong = field_fault(field, value)
      if wrong then tell(name, wrong) else payload[name] = value end
    end
  end
  for _, field in ipairs(dto.fields) do
    if field.required and given[field.name] == nil then tell(field.name, "is required") end
  end
  for _, rule in ipairs(dto.rules) do RULES[rule.rule](rule, payload, given, tell) end

  if faults then sort_faults(dto, faults) end
  return payload, faults
end

return M
