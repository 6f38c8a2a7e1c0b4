-- SPDX-License-Identifier: MIT
--- Takes keys, client secrets, webhook secrets and card numbers out of text that may end up in a log. Its cost is
--- linear and bounded, whatever the text: a hostile server writes it.
---
--- Which secrets: those that look like the service's are known here; a client's own, its key and its proxy's password,
--- are collected in config.lua (`secrets_of`). When: errors.lua redacts every error as it is made, call/attempts.lua
--- what `on_attempt` is told; the command and the sandbox what they print or keep.

local ascii = require "lomi.ascii"

local M = {}

local MOST_TEXT = 2048 -- bytes of one text; a server's may have megabytes
local MOST_ITEMS = 200 -- of a table, all levels
local MOST_BYTES = 8192 -- of a table's texts together
local LOOK_AHEAD = 2048 -- bytes read past what is shown: a secret that begins before the cut is known as one

-- ---- card numbers -----------------------------------------------------------------------------

local FROM_12, FROM_14 = { 12, 13, 14, 15, 16, 17, 18, 19 }, { 14, 15, 16, 17, 18, 19 }
local FROM_16 = { 16, 17, 18, 19 }

-- First digits of an issuer's numbers (a range, or one value), and the lengths of these numbers.
local ISSUERS = {
  { 4, lengths = { 13, 16, 19 } }, -- Visa
  { 51, 55, lengths = { 16 } }, { 2221, 2720, lengths = { 16 } }, -- Mastercard
  { 34, lengths = { 15 } }, { 37, lengths = { 15 } }, -- American Express
  { 300, 305, lengths = FROM_14 }, { 3095, lengths = FROM_14 }, { 36, lengths = FROM_14 }, -- Diners Club
  { 38, 39, lengths = FROM_14 },
  { 3528, 3589, lengths = FROM_16 }, -- JCB
  { 60, lengths = FROM_16 }, { 644, 649, lengths = FROM_16 }, { 65, lengths = FROM_16 }, -- Discover, RuPay
  { 81, 82, lengths = FROM_16 },
  { 62, lengths = FROM_16 }, -- UnionPay
  { 2200, 2204, lengths = FROM_16 }, -- Mir
  { 5060, 5061, lengths = FROM_16 }, { 5078, 5079, lengths = FROM_16 }, -- Verve
  { 5018, lengths = FROM_12 }, { 5020, lengths = FROM_12 }, { 5038, lengths = FROM_12 }, -- Maestro
  { 5893, lengths = FROM_12 }, { 6304, lengths = FROM_12 }, { 6759, lengths = FROM_12 },
  { 6761, 6763, lengths = FROM_12 },
}

-- By a number's first four digits, the lengths a card of it may have; false: none. Filled as prefixes are seen.
local LENGTHS = setmetatable({}, {
  __index = function(known, prefix)
    local lengths = false
    for _, issuer in ipairs(ISSUERS) do
      local first, last = issuer[1], issuer[2] or issuer[1]
      local scale = 10 ^ (4 - #tostring(first))
      if prefix >= first * scale and prefix < (last + 1) * scale then lengths = issuer.lengths end
    end
    known[prefix] = lengths
    return lengths
  end,
})

local FEWEST_DIGITS = 12 -- of a card number

-- Groups of a card number are apart by a space, a hyphen, a dot, a slash, an underscore, a plus or a control character;
-- or by one of Unicode's spaces, dashes and characters that show nothing: these are the bytes of U+00A0, 00AD, 00B7,
-- 2000-2015, 202F, 205F, 2060, 2212, 3000, FEFF.
local SEPARATORS = "%z\1-\32%-./_+\127\194\160\173\183\226\128-\149\159\175\227\239\187\191"
local RUN = "%d[%d" .. SEPARATORS .. "]*"
local WIDEST_GAP = 4 -- bytes between two groups

local WORD = "[A-Za-z0-9_]"
local UUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x"

local function is_in_uuid(text, from, to)
  for start = math.max(1, to - 35), from do
    if text:find(UUID, start) then return true end
  end
  return false
end

-- Digits of one run and what is known of them, by position: sums for Luhn's check with the even, or the odd, digits
-- doubled; where groups of digits begin and end in the text.
local function read_digits(text, at, to)
  local run = { count = 0, starts = {}, begins = {}, ends = {}, even = { [0] = 0 }, odd = { [0] = 0 }, digits = {} }
  local count, last = 0, at - 1
  while at <= to do
    local digit = text:byte(at) - 48
    if digit >= 0 and digit <= 9 then
      if count == 0 or at > last + 1 then
        if at > last + 1 + WIDEST_GAP then break end
        if count > 0 then run.ends[count] = last end
        run.begins[count + 1] = at
        run.starts[#run.starts + 1] = count + 1
      end
      count, last = count + 1, at
      local doubled = digit < 5 and 2 * digit or 2 * digit - 9
      local is_even = count % 2 == 0
      run.even[count] = run.even[count - 1] + (is_even and doubled or digit)
      run.odd[count] = run.odd[count - 1] + (is_even and digit or doubled)
      run.digits[count] = digit
    end
    at = at + 1
  end
  run.ends[count] = last
  run.count = count
  return run, at
end

-- The longest card number that begins with the digit `first` and ends with a group: where it ends in the text.
local function card_end(text, run, first)
  local d = run.digits
  if run.count - first + 1 < FEWEST_DIGITS then return nil end
  local lengths = LENGTHS[d[first] * 1000 + d[first + 1] * 100 + d[first + 2] * 10 + d[first + 3]]
  if not lengths then return nil end
  local from = run.begins[first]
  for i = #lengths, 1, -1 do
    local last = first + lengths[i] - 1
    local to = run.ends[last]
    local sums = last % 2 == 0 and run.odd or run.even
    if to and (sums[last] - sums[first - 1]) % 10 == 0 then
      if to - from + 1 == lengths[i] then return to end
      -- In groups: whole ones, and not a part of a UUID.
      local is_whole = not text:sub(from - 1, from - 1):find(WORD) and not text:sub(to + 1, to + 1):find(WORD)
      if is_whole and not is_in_uuid(text, from, to) then return to end
    end
  end
end

---@param text string
---@return string
local function hide_plain_cards(text)
  local out, done = {}, 1
  local at, stop = text:find(RUN)
  while at do
    if stop - at + 1 >= FEWEST_DIGITS then
      local run
      run, stop = read_digits(text, at, stop)
      for _, first in ipairs(run.starts) do
        local from = run.begins[first]
        -- A plus stands before a phone number.
        local to = from >= done and text:byte(from - 1) ~= 43 and card_end(text, run, first)
        if to then
          out[#out + 1] = text:sub(done, from - 1) .. "[card number]"
          done = to + 1
        end
      end
    else
      stop = stop + 1
    end
    at, stop = text:find(RUN, stop)
  end
  if done == 1 then return text end
  return table.concat(out) .. text:sub(done)
end

local SEPARATOR = "[" .. SEPARATORS .. "]"
local ENCODED_TWICE = 5 -- bytes, as %2520

local function decode(hex)
  local byte = tonumber(hex, 16)
  local char = string.char(byte)
  if byte > 32 and byte < 127 then return char end
  return char:find(SEPARATOR) and " " or "?"
end

-- In a URL, a separator is percent-encoded, and so is what stands beside a number. What is no ASCII is not kept.
local function hide_cards(text)
  text = hide_plain_cards(text)
  if not text:find("%%%x%x") then return text end
  local plain = text:gsub("%%(%x%x)", decode):gsub("%%(%x%x)", decode)
  local hidden = hide_plain_cards(plain)
  return hidden ~= plain and hidden or text
end

-- ---- secrets ----------------------------------------------------------------------------------

local function hide(text, secret, instead)
  local from, to = text:find(secret, 1, true)
  if not from or secret == "" then return text end
  local out, done = {}, 1
  while from do
    out[#out + 1] = text:sub(done, from - 1)
    done = to + 1
    from, to = text:find(secret, done, true)
  end
  out[#out + 1] = text:sub(done)
  return table.concat(out, instead)
end

-- Takes a user and a password out of a URL.
local function hide_user(word)
  local from = word:find("://", 1, true)
  local at = from and word:match("^.*()@", from)
  return at and word:sub(1, from + 2) .. "[hidden]" .. word:sub(at) or nil
end

-- Patterns of the service's keys and secrets, plain and percent-encoded.
local function hide_by_form(text)
  text = text:gsub("[Ll][Oo][Mm][Ii]_([SsPp][Kk]_[A-Za-z]+)_[A-Za-z0-9_%-%%]+", "lomi_%1_[hidden]")
  text = text:gsub("_secret_[A-Za-z0-9_%-%%]+", "_secret_[hidden]")
  return (text:gsub("whsec_[A-Za-z0-9_%-+/=%%]+", "whsec_[hidden]"))
end

--- Secrets to take out wherever they stand, whatever they look like: an API key; or a list of it and others.
---@alias lomi.redact.Secrets string|string[]

--- Keys and secrets, but no card numbers: for ids, which may look like one by chance.
---@param text string
---@param secrets? lomi.redact.Secrets
---@return string
function M.secrets(text, secrets)
  if type(secrets) == "table" then
    for i, secret in ipairs(secrets) do text = hide(text, secret, i == 1 and "[api key]" or "[hidden]") end
  elseif secrets then
    text = hide(text, secrets, "[api key]")
  end
  if text:find("%", 1, true) and text:find("%%[25]*5[Ff]") then -- an underscore in a URL: %5F, or %255F
    local plain = text:gsub("%%[25]*5[Ff]", "_")
    local hidden = hide_by_form(plain)
    if hidden ~= plain then text = hidden end
  elseif text:find("_", 1, true) then
    text = hide_by_form(text)
  end
  if text:find("://", 1, true) then text = text:gsub("[\33-\126]+", hide_user) end
  return text
end

local function longest(secrets)
  if type(secrets) ~= "table" then return secrets and #secrets or 0 end
  local most = 0
  for _, secret in ipairs(secrets) do most = math.max(most, #secret) end
  return most
end

-- ---- what is shown ----------------------------------------------------------------------------

-- In UTF-8: control characters, line and paragraph separators, marks of the direction of writing, and characters that
-- show nothing (zero-width space, byte order mark, annotations, tags).
local NO_TEXT = {
  "[%z\1-\31\127]", "\194[\128-\159]", "\226\128[\139\142\143\168-\174]", "\226\129[\160-\175]", "\216\156",
  "\239\187\191", "\239\191[\185-\187]", "\243\160[\128\129][\128-\191]",
}

--- On one line, and without what a terminal obeys.
---@param text string
---@param instead? string  of each (default "?")
---@return string
function M.line(text, instead)
  if not text:find("[%z\1-\31\127\194\216\226\239\243]") then return text end
  for _, pattern in ipairs(NO_TEXT) do text = text:gsub(pattern, instead or "?") end
  return text
end

local WIDEST_CARD = 19 + 18 * WIDEST_GAP * ENCODED_TWICE

-- Secrets go first, and then the text is cut: the cut leaves no part of one.
---@param instead? string  of what is no text on one line; nil: that stays
local function show(text, secrets, most, instead, shows_cards)
  local window = text:sub(1, most + LOOK_AHEAD)
  local shown = M.secrets(instead and M.line(window, instead) or window, secrets)
  if not shows_cards then shown = hide_cards(shown) end
  if #window < #text then -- the end may be a part of a secret
    shown = shown:sub(1, -1 - math.max(WIDEST_CARD, longest(secrets)))
  elseif #shown <= most then
    return shown
  end
  local cut = math.min(most, #shown)
  while cut > 0 and (shown:byte(cut + 1) or 0) >= 128 and shown:byte(cut + 1) < 192 do cut = cut - 1 end
  return shown:sub(1, cut) .. "..."
end

--- Text as it may be shown: without secrets and card numbers, and not endless.
---@param text string
---@param secrets? lomi.redact.Secrets
---@param most? integer  bytes (2048)
---@return string
function M.text(text, secrets, most)
  return show(text, secrets, most or MOST_TEXT)
end

--- The same on one line, for a log.
---@param text string
---@param secrets? lomi.redact.Secrets
---@param most? integer  bytes (2048)
---@return string
function M.sentence(text, secrets, most)
  return show(text, secrets, most or MOST_TEXT, " ")
end

local MOST_ID = 255

--- An id as it may be shown, with all its digits, which may look like a card number by chance.
---@param text string
---@param secrets? lomi.redact.Secrets
---@return string
function M.id(text, secrets)
  return show(text, secrets, MOST_ID, "?", true)
end

-- Names of fields that are hidden whole: "client_secret", "clientSecret", "api-key" …
local HIDDEN = {
  clientsecret = true, secret = true, apikey = true, xapikey = true, authorization = true, password = true,
  cvc = true, cvv = true,
}

local function is_hidden(name)
  return type(name) == "string" and #name <= 32 and HIDDEN[ascii.lower(name):gsub("[_%-]", "")]
end

-- A number may be a card's, of 14 digits and more: 13 have times in milliseconds. From 2^53 on its last digits are
-- lost, and with them Luhn's check.
local function is_card(number)
  if number < 1e13 or number >= 1e19 or number % 1 ~= 0 then return false end
  local digits = ("%.0f"):format(number)
  if number < 2 ^ 53 then return hide_cards(digits) ~= digits end
  for _, length in ipairs(LENGTHS[tonumber(digits:sub(1, 4))] or {}) do
    if length == #digits then return true end
  end
  return false
end

local function redact(value, secrets, left)
  if type(value) == "string" then
    local most = math.min(MOST_TEXT, left.bytes)
    if most <= 0 then return "..." end
    left.bytes = left.bytes - math.min(#value, most + LOOK_AHEAD)
    return M.text(value, secrets, most)
  end
  if type(value) == "number" then return is_card(value) and "[card number]" or value end
  if type(value) ~= "table" then return value end
  local copy = {}
  for name, item in next, value do
    left.items = left.items - 1
    if left.items < 0 then break end
    if is_hidden(name) then
      copy[name] = "[hidden]"
    else
      copy[redact(name, secrets, left)] = redact(item, secrets, left)
    end
  end
  return copy
end

--- The same for a value: text and numbers anywhere in a table, as keys or values, up to a bound.
---@param value any  as decoded from JSON
---@param secrets? lomi.redact.Secrets
---@return any
function M.value(value, secrets)
  return redact(value, secrets, { items = MOST_ITEMS, bytes = MOST_BYTES })
end

return M
