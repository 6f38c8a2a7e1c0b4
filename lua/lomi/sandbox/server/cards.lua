-- SPDX-License-Identifier: MIT
--- The test cards of the service, and the result of each. Any future expiry, any CVC. The decision is in charges.lua
--- (`Charges:confirm`, `Charges:settle`).

---@class lomi.sandbox.Card
---@field number string as people write it
---@field brand string
---@field says string its result, in words
---@field decline string? the code it is declined with
---@field challenge boolean? 3-D Secure comes first
---@field digits string made from `number`
---@field last4 string likewise
---@field ending string five digits, which no other card ends in

-- The first ones, down to the blank line, are those that the payer's page shows at once (`OFTEN` of pay.lua). A card
-- declined for its date, and one whose 3-D Secure failed, are in charges.lua.
---@type lomi.sandbox.Card[]
local LIST = {
  { number = "4242 4242 4242 4242", brand = "visa", says = "Visa, succeeds" },
  { number = "5555 5555 5555 4444", brand = "mastercard", says = "Mastercard, succeeds" },
  { number = "3782 822463 10005", brand = "amex", says = "American Express, succeeds" },
  { number = "4000 0025 0000 3155", brand = "visa", says = "3-D Secure, then succeeds", challenge = true },
  { number = "4000 0084 0000 1629", brand = "visa", says = "3-D Secure, then declined", challenge = true,
    decline = "card_declined" },
  { number = "4000 0000 0000 0002", brand = "visa", says = "declined", decline = "card_declined" },
  { number = "4000 0000 0000 9995", brand = "visa", says = "insufficient funds", decline = "insufficient_funds" },

  { number = "4000 0000 0000 9987", brand = "visa", says = "lost card", decline = "lost_card" },
  { number = "4000 0000 0000 9979", brand = "visa", says = "stolen card", decline = "stolen_card" },
  { number = "4000 0000 0000 0069", brand = "visa", says = "expired card", decline = "expired_card" },
  { number = "4000 0000 0000 0127", brand = "visa", says = "incorrect security code", decline = "incorrect_cvc" },
  { number = "4000 0000 0000 0119", brand = "visa", says = "processing error", decline = "processing_error" },
  { number = "4242 4242 4242 4241", brand = "visa", says = "incorrect number", decline = "incorrect_number" },
  { number = "4000 0000 0000 6975", brand = "visa", says = "used too often", decline = "card_velocity_exceeded" },
  { number = "4000 0000 0000 0341", brand = "visa", says = "can be saved, not charged", decline = "card_declined" },
  { number = "4000 0082 6000 3178", brand = "visa", says = "3-D Secure, then insufficient funds", challenge = true,
    decline = "insufficient_funds" },
  { number = "4000 0027 6000 3184", brand = "visa", says = "3-D Secure always, succeeds", challenge = true },
  { number = "4000 0000 0000 3220", brand = "visa", says = "3-D Secure 2, succeeds", challenge = true },
  { number = "4000 0000 0000 3055", brand = "visa", says = "3-D Secure optional, succeeds" },
  { number = "4000 0000 0322 0000", brand = "visa", says = "3-D Secure unseen, succeeds" },
  { number = "4000 0038 0000 0446", brand = "visa", says = "3-D Secure set up before, succeeds" },
  { number = "4000 0566 5556 5556", brand = "visa", says = "Visa debit, succeeds" },
  { number = "2223 0031 2200 3222", brand = "mastercard", says = "Mastercard 2-series, succeeds" },
  { number = "5200 8282 8282 8210", brand = "mastercard", says = "Mastercard debit, succeeds" },
  { number = "5105 1051 0510 5100", brand = "mastercard", says = "Mastercard prepaid, succeeds" },
  { number = "6011 1111 1111 1117", brand = "discover", says = "Discover, succeeds" },
  { number = "3056 9300 0902 0004", brand = "diners", says = "Diners Club, succeeds" },
  { number = "3566 0020 2036 0505", brand = "jcb", says = "JCB, succeeds" },
  { number = "6200 0000 0000 0005", brand = "unionpay", says = "UnionPay, succeeds" },
}

local BY_DIGITS, BY_ENDING = {}, {}
for _, card in ipairs(LIST) do
  card.digits = card.number:gsub(" ", "")
  card.last4, card.ending = card.digits:sub(-4), card.digits:sub(-5)
  BY_DIGITS[card.digits], BY_ENDING[card.ending] = card, card
end

-- Sentences for the payer; the other codes have that of card_declined.
local SENTENCES = {
  card_declined = "The card was declined.",
  insufficient_funds = "The card has insufficient funds.",
  expired_card = "The card has expired.",
  incorrect_cvc = "The security code is incorrect.",
  processing_error = "The card could not be processed. Try again in a moment.",
  incorrect_number = "The card number is incorrect.",
  authentication_failed = "The bank could not confirm that it is you.",
}

local M = { list = LIST, sentences = SENTENCES, by_ending = BY_ENDING }

--- A number that is no test card might be somebody's card: it goes nowhere, and is not repeated in the message.
---@param number string digits, with spaces or dashes between them as people write them
---@return lomi.sandbox.Card? card
---@return string? reason
function M.find(number)
  local card = BY_DIGITS[(number:gsub("[ %-]", ""))]
  if card then return card end
  return nil, "not a test card number; the sandbox takes only those the service documents, "
    .. "such as 4242 4242 4242 4242 (succeeds) and 4000 0000 0000 0002 (is declined)"
end

-- A card is good to the end of its month. Months are compared, in UTC.
---@param expiry string "MM/YY" or "MM/YYYY"
---@param now number seconds since the epoch
---@return boolean? past nil if it cannot be read
function M.is_past(expiry, now)
  local month, year = expiry:match("^ *(%d%d?) */ *(%d%d%d?%d?) *$")
  month, year = tonumber(month), tonumber(year)
  if not month or month < 1 or month > 12 or (year > 99 and year < 1000) then return nil end
  if year < 100 then year = year + 2000 end
  local today = os.date("!*t", math.floor(now))
  return year * 12 + month < today.year * 12 + today.month
end

return M
