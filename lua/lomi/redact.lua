-- SPDX-License-Identifier: MIT
--- Takes keys, client secrets, webhook secrets and card numbers out of text that may end up in a log.

local M = {}

local function luhn(digits)
  local sum, double = 0, false
  for i = #digits, 1, -1 do
    local digit = digits:byte(i) - 48
    if double then
      digit = digit * 2
      if digit > 9 then digit = digit - 9 end
    end
    sum, double = sum + digit, not double
  end
  return sum % 10 == 0
end

local function hide_card(text)
  local digits = text:gsub("[ %-]", "")
  if #digits >= 13 and #digits <= 19 and luhn(digits) then return "[card number]" end
end

---@param text string
---@param key? string  a secret to take out wherever it stands, whatever it looks like
---@return string
function M.text(text, key)
  if key and key ~= "" then
    local from, to = text:find(key, 1, true)
    while from do
      text = text:sub(1, from - 1) .. "[api key]" .. text:sub(to + 1)
      from, to = text:find(key, from, true)
    end
  end
  text = text:gsub("lomi_([sp]k_%a+)_[%w_%-]+", "lomi_%1_[hidden]")
  text = text:gsub("_secret_[%w_%-]+", "_secret_[hidden]")
  text = text:gsub("whsec_[%w_%-+/=]+", "whsec_[hidden]")
  text = text:gsub("%f[%w%-]%d[%d %-]+%d%f[^%w%-]", hide_card) -- not a part of a UUID
  return text
end

--- The same for a value: strings anywhere in a table, as keys or values. A field named `client_secret` is hidden whole.
---@param value any  as decoded from JSON
---@param key? string
---@return any
function M.value(value, key)
  if type(value) == "string" then return M.text(value, key) end
  if type(value) ~= "table" then return value end
  local copy = {}
  for name, item in next, value do
    if name == "client_secret" then
      copy[name] = "[hidden]"
    else
      copy[M.value(name, key)] = M.value(item, key)
    end
  end
  return copy
end

return M
