-- SPDX-License-Identifier: MIT
--- The checker of the client's option tables: rules as data. sandbox/fields.lua checks what comes as JSON. A rule is
--- one of
---
--- - the name of a kind (below) or of a Lua type, or "any";
--- - a list of the strings to choose from;
--- - a table of rules, for an option that is a table of options itself.

local suggest = require "lomi.suggest"

local M = {}

---@alias lomi.rules.Rule string|string[]|table<string, lomi.rules.Rule>

local function is_finite(value)
  return type(value) == "number" and value == value and value < math.huge and value > -math.huge
end

-- Why a value of the kind is refused; nil: it is right.
local KINDS = {
  any = function() end,
  seconds = function(value)
    if not is_finite(value) or value <= 0 then return "must be a number of seconds above 0" end
  end,
  wait = function(value)
    if not is_finite(value) or value < 0 then return "must be a number of seconds, 0 or more" end
  end,
  time = function(value)
    if not is_finite(value) then return "must be a number of seconds since the epoch" end
  end,
  count = function(value)
    if not is_finite(value) or value < 0 or value % 1 ~= 0 then return "must be a whole number, 0 or more" end
  end,
  transport = function(value)
    local kind = type(value)
    if kind ~= "table" and kind ~= "userdata" then
      return "must be an object with send, sleep and now, not a " .. kind
    end
    for _, method in ipairs { "send", "sleep", "now" } do
      local found, method_value = pcall(function() return value[method] end)
      if not found and method_value == "not enough memory" then error(method_value, 0) end
      if not found or type(method_value) ~= "function" then return ("has no method %s"):format(method) end
    end
  end,
}

local function choice_fault(choices, value)
  for _, choice in ipairs(choices) do
    if value == choice then return nil end
  end
  return ('must be "%s"'):format(table.concat(choices, '" or "'))
end

local function kind_fault(kind, value)
  local check = KINDS[kind]
  if check then return check(value) end
  if type(value) ~= kind then return ("must be a %s, not a %s"):format(kind, type(value)) end
end

--- The first option that is unknown or wrong.
---@param options table
---@param rules table<string, lomi.rules.Rule>
---@return string|nil name  nil: all are right
---@return string|nil reason  reads on from the name: "must be …"; nil: there is no such option
---@return string|nil hint  for an unknown one: "; did you mean …"
function M.first_fault(options, rules)
  for name, value in next, options do
    local rule = rules[name]
    if not rule then return tostring(name), nil, suggest.hint(name, rules) end
    local reason
    if type(rule) == "string" then
      reason = kind_fault(rule, value)
    elseif rule[1] then
      reason = choice_fault(rule, value)
    elseif type(value) ~= "table" then
      reason = kind_fault("table", value)
    else
      local inner, inner_reason, hint = M.first_fault(value, rule)
      if inner then return ("%s.%s"):format(name, inner), inner_reason, hint end
    end
    if reason then return name, reason end
  end
end

--- The same in one sentence; nil if all are right.
---@return string|nil
function M.check(options, rules)
  local name, reason, hint = M.first_fault(options, rules)
  if not name then return nil end
  return reason and ("%s %s"):format(name, reason) or ("unknown option %s%s"):format(name, hint)
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
  if value:find("^ ") or value:find(" $") then return "must not begin or end with a space" end
end

return M
