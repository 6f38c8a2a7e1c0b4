-- SPDX-License-Identifier: MIT
--- Amounts in figures, as people read them in the command and on the sandbox's pages.

local M = {}

local DECIMALS = { XOF = 0 } -- of others, 2

--- An amount in the smallest units of its currency.
---@param amount number  in the main unit
---@param code string  such as `EUR`
---@return number
function M.to_minor(amount, code)
  return math.floor(amount * 10 ^ (DECIMALS[code] or 2) + 1 / 2)
end

--- "10 000", "-1 234.50": digits in threes, as no country misreads them.
---@param minor number  in the smallest units
---@param code string  such as `EUR`
---@return string
function M.figures(minor, code)
  local decimals = DECIMALS[code] or 2
  local digits = ("%.0f"):format(math.abs(minor))
  digits = ("0"):rep(decimals + 1 - #digits) .. digits
  local whole, fraction = digits:sub(1, #digits - decimals), digits:sub(#digits - decimals + 1)
  local grouped = whole:reverse():gsub("(%d%d%d)", "%1 "):reverse():gsub("^ ", "")
  return (minor < 0 and "-" or "") .. grouped .. (decimals > 0 and "." .. fraction or "")
end

return M
