-- SPDX-License-Identifier: MIT
--- The fields of request bodies: their kinds, a notation for lists of them, and the check. Written apart from the
--- client's contract and its check: the two must not share a mistake.

local ascii = require "lomi.ascii"
local json = require "lomi.sandbox.server.json"

local M = {}

local CURRENCIES = { XOF = true, USD = true, EUR = true }

-- A kind turns a value into what the service makes of it, or gives nil and what it must be. `warn` notes a laxity.
-- false stands for "as if it were not there".

local function is_string(value)
  return type(value) == "string"
end

-- An empty list has a metatable, see lomi.core; its first item may be a null.
local function is_object(value)
  return type(value) == "table" and value[1] == nil and getmetatable(value) == nil
end

-- A kind that keeps a right value unchanged.
local function exactly(is_right, says)
  return function(value)
    if is_right(value) then return value end
    return nil, says
  end
end

-- A string, not too long for a pattern.
local function like(pattern, says)
  return exactly(function(value) return type(value) == "string" and #value <= 2048 and value:find(pattern) end, says)
end

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
      and not (rule.least and value < rule.least) and not (rule.most and value > rule.most)
      and not (rule.whole and value % 1 ~= 0)
    if good then return value end
    return nil, (rule.whole and "must be a whole number" or "must be a number")
      .. (rule.above and " greater than " .. rule.above or "") .. (rule.least and " not less than " .. rule.least or "")
      .. (rule.most and " and at most " .. rule.most or "")
  end
end

-- In UTF-8, the white space of Unicode: the service trims it, and finds it in an email, as it does a space.
local SPACES = {
  ["\194\160"] = "  ", ["\225\154\128"] = "   ", ["\226\128[\128-\138\168\169\175]"] = "   ",
  ["\226\129\159"] = "   ", ["\227\128\128"] = "   ", ["\239\187\191"] = "   ",
}

-- The same with spaces of ASCII, as many as there are bytes.
local function with_plain_spaces(text)
  if not text:find("[\194\225-\227\239]") then return text end
  for space, plain in pairs(SPACES) do text = text:gsub(space, plain) end
  return text
end

local function trim(text)
  local plain = with_plain_spaces(text)
  local from = plain:find("[^ \t-\r]") or #plain + 1
  return text:sub(from, from + #ascii.trim(plain) - 1)
end

local function trimmed(value, warn, name)
  local text = trim(value)
  if text ~= value then warn(name .. " has spaces around it") end
  return text
end

-- A card's customer: blank is absent.
local function name_or_blank(value, warn, name)
  if type(value) ~= "string" then return nil, "must be a string" end
  local text = trimmed(value, warn, name)
  return text ~= "" and text
end

-- x: a hex digit.
local function uuid_pattern(form)
  return "^" .. form:gsub("x", "%%x"):gsub("%-", "%%-") .. "$"
end

local UUID = uuid_pattern "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
local UUID4 = uuid_pattern "xxxxxxxx-xxxx-4xxx-[89abAB]xxx-xxxxxxxxxxxx"

local function uuid4(value, warn, name)
  local text = type(value) == "string" and trim(value)
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
  return #text <= EMAIL_MAX and with_plain_spaces(text):find(EMAIL) ~= nil
end

local function currency(value, warn, name)
  local upper = type(value) == "string" and ascii.upper(value)
  if not CURRENCIES[upper] then return nil, "must be one of XOF, USD, EUR" end
  if upper ~= value then warn(name .. " is not in upper case") end
  return upper
end

-- A card's currency: blank is absent.
local function currency_or_blank(value, warn, name)
  if value ~= "" then return currency(value, warn, name) end
  warn(name .. " is blank")
  return false
end

-- Of Wave and MTN: any code.
local function any_currency(value, warn, name)
  local code = type(value) == "string" and ascii.upper(ascii.trim(value))
  if not code or code == "" then return nil, "must be a string that is not blank" end
  if code ~= value then warn(name .. " is not a code in upper case") end
  return code
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

-- In full (E.164), or as dialled at home.
local function is_phone(value)
  if not is_string(value) or not value:find("^%+?[%d \t-\r.%-()/]+$") then return false end
  local _, digits = value:gsub("%d", "")
  return digits >= 6 and digits <= 15
end

local function country(value)
  if type(value) == "string" and value:find("^[A-Za-z][A-Za-z]$") then return ascii.upper(value) end
  return nil, "must be a country code of two letters"
end

local function nested(fields)
  return function(value, warn, name)
    if not is_object(value) then return nil, "must be an object" end
    return M.check(fields, value, warn, name .. ".")
  end
end

local MOST = 9999999999

local function money(least)
  return exactly(function(value)
    return type(value) == "number" and value % 1 == 0 and value >= least and value <= MOST
  end, ("must be a whole number of minor units from %d to %.0f"):format(least, MOST))
end

local function list_of(type_name, least)
  return function(value)
    local good = type(value) == "table" and (getmetatable(value) ~= nil or value[1] ~= nil) and #value >= least
    for _, item in ipairs(good and value or {}) do good = good and type(item) == type_name end
    if good then return value end
    return nil, ("must be a list%s%s"):format(type_name == "string" and " of strings" or " of objects",
      least > 0 and ", not empty" or "")
  end
end

local KINDS = {
  text = exactly(is_string, "must be a string"),
  short_text = exactly(function(value) return is_string(value) and #value <= 128 end,
    "must be a string of at most 128 bytes"),
  filled = exactly(function(value) return is_string(value) and value:find("[^ \t-\r]") end,
    "must be a string that is not blank"),
  boolean = exactly(function(value) return type(value) == "boolean" end, "must be true or false"),
  object = exactly(is_object, "must be an object"),
  email = exactly(function(value) return is_string(value) and is_email(value) end, "must be an email address"),
  phone = exactly(is_phone, "must be a phone number, such as +2250700000000 or 07 00 00 00 00"),
  name = name_or_blank, currency = currency, any_currency = any_currency, country = country, uuid = uuid4,
  any = exactly(function() return true end, ""), currency_or_blank = currency_or_blank,
  any_uuid = like(UUID, "must be a UUID"),
  number = number {}, positive = number { above = 0 }, from_0 = number { least = 0 }, from_1 = number { least = 1 },
  whole = number { whole = true }, count = number { least = 1, whole = true },
  day = number { least = 1, most = 31, whole = true }, percent = number { above = 0, most = 100 },
  lax_number = number { lax = true }, lax_positive = number { above = 0, lax = true },
  lax_from_0 = number { least = 0, lax = true },
  theme = one_of({ "light", "dark", "flat" }, { stripe = "light", night = "dark", [""] = false }),
  money = money(1), money_or_none = money(0),
  url = like("^[Hh][Tt][Tt][Pp][Ss]?://[^/?#%z\1-\32\127][^%z\1-\32\127]*$", "must be a URL"),
  time = like("^%d%d%d%d%-%d%d%-%d%d", "must be a time in ISO 8601"),
  date = like("^%d%d%d%d%-%d%d%-%d%d$", "must be a date, YYYY-MM-DD"),
  texts = list_of("string", 0), some_texts = list_of("string", 1), objects = list_of("table", 0),
  some_objects = list_of("table", 1),
}

--- The fields of a body, of a text: "name* kind, name kind, …". A star stands for what is required, a|b for one of
--- these. Lists, so that faults and warnings come in one order.
---@param text string
---@param objects table<string, table[]>?  more kinds: objects with fields of their own
---@return table[]
function M.fields(text, objects)
  local list = {}
  for name, star, kind in text:gmatch("([a-z0-9_A-Z]+)(%*?) ([a-z0-9_A-Z|]+)") do
    local take = KINDS[kind]
    if kind:find("|", 1, true) then
      local choices = {}
      for choice in kind:gmatch("[^|]+") do choices[#choices + 1] = choice end
      take = one_of(choices)
    elseif not take then
      take = nested(objects[kind])
    end
    list[#list + 1] = { name, take, required = star == "*" }
  end
  return list
end

local MOST_UNKNOWN = 100 -- fields of a body that are named

--- Reads a body as the service does: the fields it knows.
---@param fields table[]
---@param body table
---@param warn fun(text: string)
---@param prefix string? of names in messages
---@return table? params
---@return string[]? faults
function M.check(fields, body, warn, prefix)
  prefix = prefix or ""
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
      if taken == false and kind ~= KINDS.boolean then taken = nil end
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

-- An amount that is a number, and not a good one, has a code of its own.
---@return "amount_invalid"|"bad_request"
function M.code_of(fields, body)
  for _, field in ipairs(fields) do
    local kind, value = field[2], body[field[1]]
    if (kind == KINDS.money or kind == KINDS.money_or_none) and type(value) == "number" and not kind(value) then
      return "amount_invalid"
    end
  end
  return "bad_request"
end

--- Whether a text is an address.
M.is_email = is_email

--- Whether a text is a UUID of any version.
function M.is_uuid(text)
  return text:find(UUID) ~= nil
end

return M
