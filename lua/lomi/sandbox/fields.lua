-- SPDX-License-Identifier: MIT
--- Checks what a test tells the sandbox against rules given as data: its options in the test's process; injected faults
--- and the like in the server's thread. Every message says what was given and what would be right. The payloads of the
--- API have rules of their own: see server/charge_bodies.lua.

---@class lomi.sandbox.Rule
---@field type "string"|"number"|"whole"|"boolean"|"table"|nil
---@field min number?
---@field max number?
---@field above number? the value must be greater
---@field one_of any[]? the only values; given with a type, values allowed beside that type
---@field fields table<string, lomi.sandbox.Rule>? of a table
---@field values lomi.sandbox.Rule? of every value of a table whose keys are free
---@field pattern string? of a string, with `says`
---@field says string? what would be right, in words; else made from the rule
---@field required boolean?
---@field secret boolean? the value is never repeated in a message

local ascii = require "lomi.ascii"
local redact = require "lomi.redact"
local suggest = require "lomi.suggest"

local M = {}

local NAMES = {
  string = "a string", number = "a number", whole = "a whole number", boolean = "true or false", table = "a table",
}

local function quoted(value)
  if type(value) == "string" then
    return #value > 40 and ('"%s…"'):format((redact.line(value:sub(1, 40)):gsub("[\128-\255]+$", "")))
      or ('"%s"'):format(redact.line(value))
  end
  if type(value) == "number" then return ascii.number(value) end
  return type(value) == "boolean" and tostring(value) or NAMES[type(value)] or ("a " .. type(value))
end

local function listed(values)
  local out = {}
  for i, value in ipairs(values) do out[i] = quoted(value) end
  local last = table.remove(out)
  return #out > 0 and table.concat(out, ", ") .. " or " .. last or last
end

local function wanted(rule)
  if rule.says then return rule.says end
  local words = rule.type and NAMES[rule.type]
  if rule.above then words = words .. " above " .. quoted(rule.above) end
  if rule.min then words = words .. (rule.max and " from " or " of at least ") .. quoted(rule.min) end
  if rule.max then words = words .. (rule.min and " to " or " up to ") .. quoted(rule.max) end
  if rule.one_of then words = (words and words .. ", or " or "") .. listed(rule.one_of) end
  return words
end

local function fits(value, rule)
  for _, allowed in ipairs(rule.one_of or {}) do
    if value == allowed then return true end
  end
  local kind = rule.type
  if kind == "number" or kind == "whole" then
    return type(value) == "number" and value == value and math.abs(value) ~= math.huge
      and (kind == "number" or value == math.floor(value))
      and not (rule.min and value < rule.min) and not (rule.max and value > rule.max)
      and not (rule.above and value <= rule.above)
  end
  return kind ~= nil and type(value) == kind and not (rule.pattern and not value:find(rule.pattern))
end

local check_fields

local function check_value(value, rule, name)
  if not fits(value, rule) then
    local given = rule.secret and "" or ", not " .. quoted(value)
    return ("%s must be %s%s"):format(name, wanted(rule), given)
  end
  if type(value) ~= "table" then return nil end
  if rule.fields then return check_fields(value, rule.fields, name .. ".") end
  for key, item in pairs(rule.values and value or {}) do
    if type(key) ~= "string" then return ("%s must have names for keys, not %s"):format(name, quoted(key)) end
    local fault = check_value(item, rule.values, name .. "." .. key)
    if fault then return fault end
  end
end

function check_fields(value, rules, prefix)
  local names = {}
  for name in pairs(value) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for _, name in ipairs(names) do
    if not rules[name] then
      return ("unknown field %s%s"):format(type(name) == "string" and prefix .. name or quoted(name),
        suggest.hint(name, rules))
    end
    local fault = check_value(value[name], rules[name], prefix .. name)
    if fault then return fault end
  end
  local missing = {}
  for name, rule in pairs(rules) do
    if rule.required and value[name] == nil then missing[#missing + 1] = name end
  end
  table.sort(missing)
  if missing[1] then
    return ("%s%s is missing; it must be %s"):format(prefix, missing[1], wanted(rules[missing[1]]))
  end
end

--- The first fault of a table, in one sentence; nil: there is none.
---@param value any
---@param rules table<string, lomi.sandbox.Rule>
---@return string? fault
function M.check(value, rules)
  if type(value) ~= "table" then return "expected a table of fields, not " .. quoted(value) end
  return check_fields(value, rules, "")
end

return M
