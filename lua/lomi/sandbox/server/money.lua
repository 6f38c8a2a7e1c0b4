-- SPDX-License-Identifier: MIT
--- Amounts as a payer reads them.

local money = require "lomi.money"

local M = {}

local NBSP = "\194\160"

--- "10 000 F CFA", "$1 234.50".
---@param amount number in minor units
---@param currency string
function M.minor(amount, currency)
  local figures = money.figures(amount, currency):gsub(" ", NBSP)
  if currency == "EUR" then return "€" .. figures end
  if currency == "USD" then return "$" .. figures end
  return figures .. NBSP .. (currency == "XOF" and "F" .. NBSP .. "CFA" or currency)
end

--- The same of an amount in the currency's main unit.
function M.main(amount, currency)
  return M.minor(money.to_minor(amount, currency), currency)
end

return M
