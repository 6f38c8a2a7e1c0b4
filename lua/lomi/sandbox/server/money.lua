-- SPDX-License-Identifier: MIT
--- Amounts as a payer reads them.

local M = {}

local NBSP = "\194\160"

--- "10 000 F CFA", "$1 234.50": digits in threes, as no country misreads them.
---@param amount number in the currency's main unit
---@param currency string
function M.main(amount, currency)
  local text, cents = ("%.0f"):format(amount), ""
  if currency ~= "XOF" then
    local hundredths = math.floor(amount * 100 + 1 / 2)
    text, cents = ("%.0f"):format(math.floor(hundredths / 100)), (".%02.0f"):format(hundredths % 100)
  end
  local grouped = text:reverse():gsub("(%d%d%d)", "%1 "):reverse():gsub("^ ", ""):gsub(" ", NBSP) .. cents
  if currency == "EUR" then return "€" .. grouped end
  if currency == "USD" then return "$" .. grouped end
  return grouped .. NBSP .. (currency == "XOF" and "F" .. NBSP .. "CFA" or currency)
end

--- The same of an amount in minor units.
function M.minor(amount, currency)
  return M.main(currency == "XOF" and amount or amount / 100, currency)
end

return M
