-- SPDX-License-Identifier: MIT
--- Text and numbers, whatever the locale of the process, which `string.lower`, `string.upper` and the classes `%a %c %l
--- %p %s %u %w` follow: under tr_TR the lower case of "I" is not "i". Nothing in this library is decided with them.

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

--- A number in digits, with a point whatever the locale's is.
---@param number number
---@return string  14 digits at most
function M.number(number)
  return (("%.14g"):format(number):gsub("[^0-9A-Za-z+-]+", "."))
end

local SPACE = { [9] = true, [10] = true, [11] = true, [12] = true, [13] = true, [32] = true }

--- Text without the white space around it. A pattern such as `^ *(.-) *$` takes time with the square of the spaces.
---@param text string
---@return string
function M.trim(text)
  local from, to = 1, #text
  while SPACE[text:byte(from)] do from = from + 1 end
  while to > from and SPACE[text:byte(to)] do to = to - 1 end
  return text:sub(from, to)
end

return M
