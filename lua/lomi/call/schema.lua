-- SPDX-License-Identifier: MIT
--- Checks a Lua table against a DTO of the contract and finds every fault at once. It is as strict as the published
--- page: a wrong type is a bug in the caller's program, better found before anything is sent. Whether all is right, as
--- it mostly is, src/schema_lua.c finds.

local ascii = require "lomi.ascii"
local core = require "lomi.core"
local suggest = require "lomi.suggest"

local empty_array = core.empty_array
local null, huge, type, next, find = core.null, math.huge, type, next, string.find

local M = {}

--- One thing that is wrong with what a call was given.
---@class lomi.Fault
---@field field string  such as "amount" or "metadata.items[2].price"
---@field message string  reads on from the field's name: "must be …"

-- E.164, or as dialled at home: 6 to 15 digits, which spaces, dots, hyphens and parentheses may group.
local function is_phone(value)
  if not find(value, "^%+?[0-9(][0-9 .()%-]*$") then return false end
  local _, digits = value:gsub("[0-9]", "")
  return digits >= 6 and digits <= 15
end

-- A public id, like txn_…, is an id wherever a UUID is one.
local function is_id(value)
  return core.is_uuid(value) or find(value, "^[a-z]+_[0-9A-Za-z]+$") ~= nil
end

---@return string|nil scheme
---@return string|nil host
local function url_parts(value)
  if find(value, "[%z\1-\32\127]") then return nil end
  local scheme, rest = value:match("^([Hh][Tt][Tt][Pp][Ss]?)://([^/?#@]+)%f[/?#%z]")
  if scheme then return scheme, rest:match("^%[[0-9A-Fa-f:.]+%]") or rest:match("^[^:]+") end
end

local function is_url(value)
  local _, host = url_parts(value)
  return host ~= nil
end

local LOOPBACK = { ["127.0.0.1"] = true, ["[::1]"] = true, localhost = true }

-- The service takes https only. A sandbox on this machine takes http too.
local function is_endpoint(value)
  local scheme, host = url_parts(value)
  return host ~= nil and (#scheme == 5 or LOOPBACK[host] ~= nil)
end

-- No pattern here backtracks; `longest` (bytes) keeps any from reading far.
local FORMATS = {
  uuid = { longest = 36, is = core.is_uuid, message = "must be a UUID" },
  uuid4 = { longest = 36, is = core.is_uuid4, message = "must be a UUID (version 4)" },
  id = { longest = 255, is = is_id, message = "must be an id: a UUID, or a public one like txn_…" },
  email = { longest = 254, is = core.is_email, message = "must be an email address, like awa@example.com" },
  phone = { longest = 32, is = is_phone,
    message = "must be a phone number, like +2250700000000 (E.164) or 07 00 00 00 00" },
  country = { longest = 2, pattern = "^[A-Za-z][A-Za-z]$", message = "must be a country code of two letters, like CI" },
  url = { longest = 2048, is = is_url, message = "must be an http or https URL" },
  endpoint = { longest = 2048, is = is_endpoint,
    message = "must be an https URL (http only on a loopback host, for a sandbox)" },
  date = { longest = 10, pattern = "^[0-9][0-9][0-9][0-9]%-[0-9][0-9]%-[0-9][0-9]$",
    message = "must be a date, like 2026-11-27" },
  time = { longest = 40, pattern = "^[0-9][0-9][0-9][0-9]%-[0-9][0-9]%-[0-9][0-9][T0-9:.Zz+-]*$",
    message = "must be a time in ISO 8601, like 2026-11-27T12:00:00Z" },
}

local ARTICLE = {
  number = "a number", integer = "a whole number", money = "a whole number of minor units", string = "a string",
  boolean = "true or false", object = "an object (a table)", list = "a list (a table)",
}

local MOST_MONEY = 9999999999

local function number_fault(field, value, least, most)
  if value ~= value or value == huge or value == -huge then return "must be a finite number" end
  if field.above and value <= field.above then return ("must be above %d"):format(field.above) end
  if least and value < least then return ("must be %d or more"):format(least) end
  if most and value > most then return ("must be %.0f or less"):format(most) end
end

local CHECKS = {
  number = function(field, value) return number_fault(field, value, field.least, field.most) end,

  integer = function(field, value)
    return number_fault(field, value, field.least, field.most) or value % 1 ~= 0 and "must be a whole number" or nil
  end,

  money = function(field, value)
    return number_fault(field, value, field.least or 1, MOST_MONEY)
      or value % 1 ~= 0 and "must be a whole number of minor units: 1050 is 10.50 EUR, or 1 050 F CFA" or nil
  end,

  string = function(field, value)
    if field.choices then
      if not field.choices[value] then return "must be one of " .. table.concat(field.enum, ", ") end
      return nil
    end
    local format, longest = FORMATS[field.format], field.longest
    if format then
      if #value > format.longest then return format.message end
      if not (format.is or find)(value, format.pattern) then return format.message end
    end
    if longest and #value > longest then return ("must be at most %d bytes long"):format(longest) end
    if field.filled and not find(value, "[^%z\1-\32]") then return "must not be blank" end
  end,

  object = function(_, value)
    for key in next, value do
      if type(key) ~= "string" then return "must be an object with string keys, not a list" end
    end
  end,

  list = function(field, value)
    if value == empty_array then value = {} end
    local count = #value
    for key in next, value do
      if type(key) ~= "number" or key % 1 ~= 0 or key < 1 or key > count then return "must be a list without gaps" end
    end
    if field.least and count < field.least then return ("must have %d or more items"):format(field.least) end
    if type(field.items) ~= "string" then return end
    for i = 1, count do
      if type(value[i]) ~= (field.items == "object" and "table" or field.items) then
        return ("must hold %s only: item %d is a %s"):format(field.items == "object" and "objects" or "strings", i,
          type(value[i]))
      end
    end
  end,

  boolean = function() end,
}

-- The table has no metatable: all that get this far have none.
local function is_given(params, name)
  local value = params[name]
  return value ~= nil and value ~= null
end

-- Digits after the point of a number as it will be written: in 14 digits, whatever the locale's point.
local function decimals_of(number)
  local text = ("%.14g"):format(number)
  local mantissa, exponent = text:match("^(.-)[eE]([+-]%d+)$")
  local fraction = (mantissa or text):match("[.,](%d+)$") or ""
  return math.max(0, #fraction - (tonumber(exponent) or 0))
end

---@alias lomi.contract.Rule table  `rule` names one of these; what else is in it is theirs
-- Over several fields: given the rule, the fields that are right, all that were given, and the unit of amounts. Each
-- returns the name of the field at fault and what is wrong with it, or nothing.
local RULES = {
  same = function(rule, payload)
    local a, b = rule.fields[1], rule.fields[2]
    local one, other = payload[a], payload[b]
    if one ~= nil and other ~= nil and one ~= other then
      return b, ("must equal %s when both are given; leave it out"):format(a)
    end
  end,

  together = function(rule, _, given)
    local a, b = rule.fields[1], rule.fields[2]
    local has_a, has_b = is_given(given, a), is_given(given, b)
    if has_a == has_b or is_given(given, rule.unless) then return end
    local missing, present = a, b
    if has_a then missing, present = b, a end
    return missing, ("is required together with %s, unless %s is given"):format(present, rule.unless)
  end,

  any_of = function(rule, _, given)
    for _, name in ipairs(rule.fields) do
      if is_given(given, name) then return end
    end
    local others = table.concat(rule.fields, ", ", 2)
    return rule.fields[1], ("is required, unless %s is given"):format((others:gsub(", ([^,]*)$", " or %1")))
  end,

  needs = function(rule, _, given)
    local name, value = next(rule.when)
    if given[name] ~= value or is_given(given, rule.field) then return end
    for other, excuse in next, rule.unless or {} do
      if given[other] == excuse then return end
    end
    return rule.field, ("is required when %s is %s"):format(name, tostring(value))
  end,

  -- Without a currency, as in a capture, only minor units are known to be whole.
  decimals = function(rule, payload, given, unit)
    local amount = payload[rule.field]
    if not amount or amount % 1 == 0 then return end
    if unit == "minor" then return rule.field, 'must be a whole number of minor units, as amounts = "minor" says' end
    if not rule.currency then return end
    local first, second = rule.currency[1], rule.currency[2]
    local currency = payload[first] or payload[second]
    if not currency then
      if is_given(given, first) or is_given(given, second) then return end -- a wrong one: told already
      currency = rule.default
    end
    local most = rule.decimals[currency]
      or #currency < 64 and rule.decimals[ascii.upper(currency:match("[A-Za-z]+") or "")] -- Wave and MTN: any text
    if not most or decimals_of(amount) <= most then return end
    return rule.field, most == 0 and ("must be a whole number: %s has no minor unit"):format(currency)
      or ("must have at most %d decimals in %s"):format(most, currency)
  end,
}

local function number_fields(dto, prefix, place, count)
  for _, field in ipairs(dto.fields) do
    count = count + 1
    place[prefix .. field.name] = count
    if field.dto then count = number_fields(field.dto, prefix .. field.name .. ".", place, count) end
  end
  return count
end

-- In the order the contract names the fields; the unknown ones last.
local function sort_faults(dto, faults)
  local place = {}
  number_fields(dto, "", place, 0)
  table.sort(faults, function(a, b)
    local i, j = place[a.field] or math.huge, place[b.field] or math.huge
    if i ~= j then return i < j end
    return a.field < b.field
  end)
end

local function add(faults, name, message)
  faults = faults or {}
  faults[#faults + 1] = { field = name, message = message }
  return faults
end

local function put(changes, name, value)
  changes = changes or {}
  changes[name] = value
  return changes
end

-- `changes`: a value in place of the one given, by name; false: none.
local function with(params, changes)
  local payload = {}
  for name, value in next, params do
    if changes[name] == nil then payload[name] = value else payload[name] = changes[name] or nil end
  end
  return payload
end

-- For each DTO the C check of the common case: is all of it right?
local FITS = setmetatable({}, { __mode = "k" })

local function never() return false end

local function prepare(dto)
  FITS[dto] = core.fits_of(dto) or never
  return FITS[dto]
end

local MOST_UNKNOWN, MOST_HINTS = 8, 3

-- Keeps the first few names, in order: a payload may have thousands that are unknown.
local function keep(unknown, name)
  unknown = unknown or { total = 0 }
  unknown.total = unknown.total + 1
  local at = #unknown + 1
  while at > 1 and name < unknown[at - 1] do at = at - 1 end
  if at <= MOST_UNKNOWN then
    table.insert(unknown, at, name)
    unknown[MOST_UNKNOWN + 1] = nil
  end
  return unknown
end

local function add_unknown(faults, unknown, dto)
  for i, name in ipairs(unknown) do
    local message = ("is not a field of %s"):format(dto.name)
    if i <= MOST_HINTS then message = message .. suggest.hint(name, dto.by_name) end
    if i == #unknown and unknown.total > i then
      message = ("%s; nor are %d others"):format(message, unknown.total - i)
    end
    faults = add(faults, name, message)
  end
  return faults
end

-- The objects of a list. Gives a list with the fields that are right; `items` itself if all of them are.
local function check_items(name, dto, items, faults)
  local list = items
  for i = 1, #items do
    local object, inner = M.check(dto, items[i])
    for _, fault in ipairs(inner or {}) do
      local field = fault.field == "params" and "" or "." .. fault.field
      faults = add(faults, ("%s[%d]%s"):format(name, i, field), fault.message)
    end
    if object ~= items[i] then
      if list == items then
        list = {}
        for j = 1, #items do list[j] = items[j] end
      end
      list[i] = object
    end
  end
  return list, faults
end

---@param dto lomi.contract.Dto
---@param params any  the caller's table; it is not changed. A field that is JSON null is an absent one
---@param unit? "main"|"minor"  of amounts ("main")
---@return table payload  the fields that are right; `params` itself if all of it is
---@return lomi.Fault[]|nil faults  nil if all are right
---@return true|nil is_simple  the JSON needs no check of its own
function M.check(dto, params, unit)
  local fits = FITS[dto] or prepare(dto)
  if fits(params) then return params, nil, true end
  if type(params) ~= "table" then
    return {}, add(nil, "params", ("must be a table of %s fields, not a %s"):format(dto.name, type(params)))
  end
  if getmetatable(params) ~= nil then return {}, add(nil, "params", "must be a plain table, without a metatable") end
  local by_name, faults, changes, unknown = dto.by_name, nil, nil, nil
  for name, value in next, params do
    local field, reason = by_name[name], nil
    if not field then
      unknown = keep(unknown, tostring(name))
      changes = put(changes, name, false)
    elseif value == null then
      changes = put(changes, name, false)
    elseif type(value) ~= field.lua_type and not (value == empty_array and field.type == "list") then
      reason = ("must be %s, not a %s"):format(ARTICLE[field.type], type(value))
    else
      reason = CHECKS[field.type](field, value)
      if field.dto and not reason then
        local object, inner = M.check(field.dto, value, unit)
        for _, fault in ipairs(inner or {}) do faults = add(faults, name .. "." .. fault.field, fault.message) end
        if object ~= value then changes = put(changes, name, object) end
      elseif field.type == "list" and not reason and (value == empty_array or next(value) == nil) then
        changes = put(changes, name, empty_array) -- an empty table would go out as an object
      elseif type(field.items) == "table" and not reason then
        local list
        list, faults = check_items(name, field.items, value, faults)
        if list ~= value then changes = put(changes, name, list) end
      end
    end
    if reason then
      faults = add(faults, name, reason)
      changes = put(changes, name, false)
    end
  end
  local payload = changes and with(params, changes) or params
  local required, rules = dto.required, dto.rules
  for i = 1, #required do
    if not is_given(params, required[i]) then faults = add(faults, required[i], "is required") end
  end
  for i = 1, #rules do
    local name, reason = RULES[rules[i].rule](rules[i], payload, params, unit)
    if name then faults = add(faults, name, reason) end
  end
  if unknown then faults = add_unknown(faults, unknown, dto) end
  if faults then sort_faults(dto, faults) end
  return payload, faults
end

return M
