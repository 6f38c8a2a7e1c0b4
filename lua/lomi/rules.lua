-- SPDX-License-Identifier: MIT
--- The one checker of option tables: rules as data. A rule is one of
---
--- - the name of a kind (below) or of a Lua type, or "any";
--- - a list of the strings to choose from;
--- - a table that says more: `lomi.rules.Rule`.
---
--- A message says what would be right and, where a table says so, what was given: a program's options may be secrets.

local ascii = require "lomi.ascii"
local redact = require "lomi.redact"
local suggest = require "lomi.suggest"

local M = {}

---@class lomi.rules.Rule
---@field type "string"|"number"|"whole"|"boolean"|"table"|nil
---@field min number?
---@field max number?
---@field above number? the value must be greater
---@field one_of any[]? the only values; given with a type, values allowed beside that type
---@field fields table<string, string|string[]|lomi.rules.Rule>? of a table
---@field values lomi.rules.Rule? of every value of a table whose keys are free
---@field pattern string? of a string, with `says`
---@field says string? what would be right, in words; else made from the rule
---@field required boolean?
---@field secret boolean? the value is never repeated in a message
---@field refusal (fun(value: any): string?)? in place of all of these: "must be …", or nil

local KINDS = {
  any = { refusal = function() end },
  seconds = { type = "number", above = 0, says = "a number of seconds above 0", secret = true },
  wait = { type = "number", min = 0, says = "a number of seconds, 0 or more", secret = true },
  time = { type = "number", says = "a number of seconds since the epoch", secret = true },
  count = { type = "whole", min = 0, says = "a whole number, 0 or more", secret = true },
  transport = { refusal = function(value)
    local kind = type(value)
    if kind ~= "table" and kind ~= "userdata" then
      return "must be an object with send, sleep and now, not a " .. kind
    end
    for _, method in ipairs { "send", "sleep", "now" } do
      local found, method_value = pcall(function() return value[method] end)
      if not found and method_value == "not enough memory" then error(method_value, 0) end
      if not found or type(method_value) ~= "function" then return ("has no method %s"):format(method) end
    end
  end },
}
for _, name in ipairs { "string", "boolean", "table", "function" } do
  KINDS[name] = { refusal = function(value)
    if type(value) ~= name then return ("must be a %s, not a %s"):format(name, type(value)) end
  end }
end

local NAMES = {
  string = "a string", number = "a number", whole = "a whole number", boolean = "true or false", table = "a table",
}

local MOST_SHOWN = 40 -- bytes of a text

--- A caller's text as a message shows it: on one line, at most 40 bytes, without keys and card numbers.
---@param text string
---@return string
function M.shown(text)
  return redact.sentence(text, nil, MOST_SHOWN)
end

local function quoted(value)
  if type(value) == "string" then return '"' .. M.shown(value) .. '"' end
  if type(value) == "number" then return ascii.number(value) end
  return type(value) == "boolean" and tostring(value) or NAMES[type(value)] or "a " .. type(value)
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
      and (kind == "number" or value % 1 == 0)
      and not (rule.min and value < rule.min) and not (rule.max and value > rule.max)
      and not (rule.above and value <= rule.above)
  end
  return kind ~= nil and type(value) == kind and not (rule.pattern and not value:find(rule.pattern))
end

-- The first required option that is not there.
local function missing(options, rules)
  local first
  for name, rule in pairs(rules) do
    if rule.required and options[name] == nil and not (first and first < name) then first = name end
  end
  if first then return first, "is missing; it must be " .. wanted(rules[first]) end
end

-- Finds the fault of one value, and the field that has it: `name`, or a part of it.
local function fault_of(name, value, rule)
  if type(rule) == "string" then
    rule = KINDS[rule]
  elseif rule[1] then
    rule = { one_of = rule, secret = true }
  end
  if rule.refusal then
    local reason = rule.refusal(value)
    return reason and name, reason
  end
  if not fits(value, rule) then
    return name, ("must be %s%s"):format(wanted(rule), rule.secret and "" or ", not " .. quoted(value))
  end
  if rule.fields then
    local inner, reason, hint = M.first_fault(value, rule.fields)
    if not inner then inner, reason = missing(value, rule.fields) end
    return inner and name .. "." .. inner, reason, hint
  end
  for key, item in pairs(rule.values and value or {}) do
    if type(key) ~= "string" then return name, "must have names for keys, not " .. quoted(key) end
    local inner, reason = fault_of(key, item, rule.values)
    if inner then return name .. "." .. M.shown(inner), reason end
  end
end

--- The first option, by name, that is unknown or wrong.
---@param options table
---@param rules table<string, string|string[]|lomi.rules.Rule>
---@return string|nil name  nil: all are right
---@return string|nil reason  reads on from the name: "must be …"; nil: there is no such option
---@return string|nil hint  for an unknown one: "; did you mean …"
function M.first_fault(options, rules)
  local first, first_reason, first_hint, first_option
  for option, value in next, options do
    local name, reason, hint = tostring(option), nil, nil
    if rules[option] then name, reason, hint = fault_of(name, value, rules[option]) end
    if name and not (first and first < name) then
      first, first_reason, first_hint, first_option = name, reason, hint, option
    end
  end
  if first and not rules[first_option] then first, first_hint = M.shown(first), suggest.hint(first_option, rules) end
  return first, first_reason, first_hint
end

--- The same in one sentence, which also tells of a required option that is missing; nil if all are right.
---@param options any
---@param rules table<string, string|string[]|lomi.rules.Rule>
---@param noun? string  what an option is called ("option")
---@return string|nil
function M.check(options, rules, noun)
  noun = noun or "option"
  if type(options) ~= "table" then return ("expected a table of %ss, not %s"):format(noun, quoted(options)) end
  local name, reason, hint = M.first_fault(options, rules)
  if not name then name, reason = missing(options, rules) end
  if not name then return nil end
  return reason and ("%s %s"):format(name, reason) or ("unknown %s %s%s"):format(noun, name, hint)
end

--- Text that may go into a header: printable ASCII, without outer spaces, so that no value can add a header.
---@param value any
---@param most? integer  bytes
---@return string|nil reason  it is refused
function M.header_fault(value, most)
  if type(value) ~= "string" then return "must be a string, not a " .. type(value) end
  if value == "" then return "must not be empty" end
  if most and #value > most then return ("must be at most %d bytes long"):format(most) end
  if value:find("[^\32-\126]") then return "must be printable ASCII, without line breaks" end
  if value:byte(1) == 32 or value:byte(-1) == 32 then return "must not begin or end with a space" end
end

return M
