-- SPDX-License-Identifier: MIT
--- Compares the amount of a reply with the one that was asked for. Whether the service takes USD and EUR amounts in
--- main units (10.5) or in minor ones (1050) is in doubt; nobody may be charged a hundredth, or a hundred times, in
--- silence. Pure.

local ascii = require "lomi.ascii"

local M = {}

local IN_ONE = { USD = 100, EUR = 100 } -- minor units of a main one. XOF has none: the unit makes no difference
local OTHER = { main = "minor", minor = "main" }

local function in_minor(amount, unit, currency)
  return unit == "main" and amount * IN_ONE[currency] or amount
end

---@param params? { amount: number?, currency_code: string?, currency: string? }  the call's
---@param charge table  of the reply: `amount` in minor units of `currency`
---@param unit "main"|"minor"  of `params.amount`
---@return lomi.call.reply.Cause|nil  nil: as meant, or nothing to compare
function M.mismatch(params, charge, unit)
  local meant, charged = params and params.amount, charge.amount
  if type(meant) ~= "number" or type(charged) ~= "number" or type(charge.currency) ~= "string" then return nil end
  local currency = params.currency_code or params.currency or charge.original_currency
  if not IN_ONE[currency] or ascii.upper(charge.currency) ~= currency then return nil end
  local expected = in_minor(meant, unit, currency)
  if math.abs(charged - expected) < 1 then return nil end
  local message = ("charge %s is %s minor units of %s, but %s were meant (amount = %s, amounts = %q): "
    .. "cancel it, or refund it if it is paid"):format(charge.id, ascii.number(charged), currency,
      ascii.number(expected), ascii.number(meant), unit)
  if charged == in_minor(meant, OTHER[unit], currency) then
    message = ("%s; the service takes %s units: set amounts = %q in lomi.new"):format(message, OTHER[unit], OTHER[unit])
  end
  return {
    kind = "protocol", code = "amount_mismatch", message = message,
    details = { id = charge.id, amount = charged, meant = expected, currency = currency },
  }
end

return M
