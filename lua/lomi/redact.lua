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

local function is_card(digits)
  return #digits >= 13 and #digits <= 19 and luhn(digits)
end

local UUID = "^%d%d%d%d%d%d%d%d%-%d%d%d%d%-%d%d%d%d%-%d%d%d%d%-%d%d%d%d%d%d%d%d%d%d%d%d$"

-- In a run of digit groups ("4242 4242 4242 4242 12"), hides those that make a card number together.
local function hide_groups(run)
  if run:find(UUID) then return nil end
  local groups = {}
  for from, digits, to in run:gmatch("()(%d+)()") do groups[#groups + 1] = { from = from, digits = digits, to = to } end
  local out, done, i = {}, 1, 1
  while i <= #groups do
    local digits, last = "", nil
    for j = i, #groups do
      digits = digits .. groups[j].digits
      if #digits > 19 then break end
      if is_card(digits) then last = j end
    end
    if last then
      out[#out + 1] = run:sub(done, groups[i].from - 1) .. "[card number]"
      done, i = groups[last].to, last
    end
    i = i + 1
  end
  return table.concat(out) .. run:sub(done)
end

---@param text string
---@return string
local function hide_cards(text)
  text = text:gsub("%d+", function(digits) return is_card(digits) and "[card number]" or nil end)
  -- Groups apart by a space (also one that does not break), a hyphen or a dot; whole ones, not a part of a UUID.
  return (text:gsub("%f[%w]%d[%d %-.\194\160]+%d%f[%W]", hide_groups))
end

--- Keys and secrets, but no card numbers: for ids, which may look like one by chance.
---@param text string
---@param key? string  a secret to take out wherever it stands, whatever it looks like
---@return string
function M.secrets(text, key)
  if key and key ~= "" then
    local out, done = {}, 1
    local from, to = text:find(key, 1, true)
    while from do
      out[#out + 1] = text:sub(done, from - 1)
      done = to + 1
      from, to = text:find(key, done, true)
    end
    out[#out + 1] = text:sub(done)
    text = table.concat(out, "[api key]")
  end
  if not text:find("_", 1, true) and not text:find("://", 1, true) then return text end
  text = text:gsub("[Ll][Oo][Mm][Ii]_([SsPp][Kk]_%a+)_[%w_%-]+", "lomi_%1_[hidden]")
  text = text:gsub("_secret_[%w_%-]+", "_secret_[hidden]")
  text = text:gsub("whsec_[%w_%-+/=]+", "whsec_[hidden]")
  return (text:gsub("://[^/@%s]+@", "://[hidden]@")) -- a proxy's password
end

--- On one line, and without what a terminal obeys: control characters, those of Unicode's C1 in UTF-8 among them.
---@param text string
---@param instead? string  of each (default "?")
---@return string
function M.line(text, instead)
  return (text:gsub("%c", instead or "?"):gsub("\194[\128-\159]", instead or "?"))
end

local MOST_TEXT = 2048 -- bytes of one text; what a server says may be megabytes
local MOST_ITEMS = 200 -- of a table, all levels

-- Names of fields that are hidden whole: "client_secret", "clientSecret", "api-key" …
local HIDDEN = {
  clientsecret = true, secret = true, apikey = true, xapikey = true, authorization = true, password = true,
  cvc = true, cvv = true,
}

local function is_hidden(name)
  return type(name) == "string" and #name <= 32 and HIDDEN[name:lower():gsub("[_%-]", "")]
end

--- Text as it may be shown: without secrets and card numbers, and not endless.
---@param text string
---@param key? string
---@return string
function M.text(text, key)
  if #text <= MOST_TEXT then return hide_cards(M.secrets(text, key)) end
  -- A secret that the first cut leaves a part of is behind the second.
  text = M.secrets(text:sub(1, 2 * MOST_TEXT), key)
  return hide_cards(text:sub(1, MOST_TEXT)) .. "..."
end

local function redact(value, key, budget)
  if type(value) == "string" then return M.text(value, key) end
  if type(value) == "number" then return is_card(("%.0f"):format(value)) and "[card number]" or value end
  if type(value) ~= "table" then return value end
  local copy = {}
  for name, item in next, value do
    budget.items = budget.items - 1
    if budget.items < 0 then break end
    if is_hidden(name) then
      copy[name] = "[hidden]"
    else
      copy[redact(name, key, budget)] = redact(item, key, budget)
    end
  end
  return copy
end

--- The same for a value: text and numbers anywhere in a table, as keys or values, up to a bound.
---@param value any  as decoded from JSON
---@param key? string
---@return any
function M.value(value, key)
  return redact(value, key, { items = MOST_ITEMS })
end

return M
