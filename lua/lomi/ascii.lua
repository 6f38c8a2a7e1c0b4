-- SPDX-License-Identifier: MIT
--- Letters compared as ASCII. `string.lower`, `string.upper` and the classes `%a %c %l %p %s %u %w` follow the locale
--- of the process: under tr_TR the lower case of "I" is not "i". Nothing in this library decides anything with them.

local M = {}

local LOWER, UPPER = {}, {}
for byte = 65, 90 do
  local upper, lower = string.char(byte), string.char(byte + 32)
  LOWER[upper], UPPER[lower] = lower, upper
end

---@param text string
---@return string
function M.lower(text)
  return (text:gsub("[A-Z]", LOWER))
end

---@param text string
---@return string
function M.upper(text)
  return (text:gsub("[a-z]", UPPER))
end

return M
