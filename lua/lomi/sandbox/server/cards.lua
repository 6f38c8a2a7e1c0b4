-- SPDX-License-Identifier: MIT
--- The test cards of the service, and what each of them does. Any future expiry, any CVC.

---@class lomi.sandbox.Card
---@field brand string
---@field decline string? the code it is declined with
---@field challenge boolean? 3-D Secure comes first

local CARDS = {
  ["4242424242424242"] = { brand = "visa" },
  ["5555555555554444"] = { brand = "mastercard" },
  ["378282246310005"] = { brand = "amex" },
  ["4000000000000002"] = { brand = "visa", decline = "card_declined" },
  ["4000000000009995"] = { brand = "visa", decline = "insufficient_funds" },
  ["4000000000009987"] = { brand = "visa", decline = "lost_card" },
  ["4000000000009979"] = { brand = "visa", decline = "stolen_card" },
  ["4000000000000069"] = { brand = "visa", decline = "expired_card" },
  ["4000000000000127"] = { brand = "visa", decline = "incorrect_cvc" },
  ["4000000000000119"] = { brand = "visa", decline = "processing_error" },
  ["4242424242424241"] = { brand = "visa", decline = "incorrect_number" },
  ["4000002500003155"] = { brand = "visa", challenge = true },
  ["4000008400001629"] = { brand = "visa", challenge = true, decline = "card_declined" },
}

-- What a payer is told.
local SENTENCES = {
  card_declined = "The card was declined.",
  insufficient_funds = "The card has insufficient funds.",
  lost_card = "The card was declined.",
  stolen_card = "The card was declined.",
  expired_card = "The card has expired.",
  incorrect_cvc = "The security code is incorrect.",
  processing_error = "The card could not be processed. Try again in a moment.",
  incorrect_number = "The card number is incorrect.",
  authentication_failed = "The bank could not confirm that it is you.",
}

local M = { sentences = SENTENCES }

--- A number that is no test card might be somebody's card: it goes nowhere, and is not repeated in the message.
---@param number string digits, with spaces or dashes between them as people write them
---@return lomi.sandbox.Card? card
---@return string last4 its last four digits; or why not
function M.find(number)
  local digits = number:gsub("[ %-]", "")
  local card = CARDS[digits]
  if card then return card, digits:sub(-4) end
  return nil, "not a test card number; the sandbox takes only those the service documents, "
    .. "such as 4242 4242 4242 4242 (succeeds) and 4000 0000 0000 0002 (is declined)"
end

-- The last second of the month, roughly: months are compared, in UTC.
---@param expiry string "MM/YY" or "MM/YYYY"
---@param now number seconds since the epoch
---@return boolean? past nil if it cannot be read
function M.is_past(expiry, now)
  local month, year = expiry:match("^%s*(%d%d?)%s*/%s*(%d%d%d?%d?)%s*$")
  month, year = tonumber(month), tonumber(year)
  if not month or month < 1 or month > 12 or (year > 99 and year < 1000) then return nil end
  if year < 100 then year = year + 2000 end
  local today = os.date("!*t", math.floor(now))
  return year * 12 + month < today.year * 12 + today.month
end

return M
