-- SPDX-License-Identifier: MIT
--- JSON as the sandbox needs it: lomi.core refuses to write what it cannot write exactly, a server must answer all the
--- same. What core refuses (15 digits, bytes that are not UTF-8, tables too deep) is written here the long way.

local core = require "lomi.core"

local M = { null = core.null }

local MAX_DEPTH = 60

local function text(value)
  value = value:gsub("\1", "\\x01")
  if core.encode(value) then return value end
  return (value:gsub("[\128-\255]", function(byte) return ("\\x%02X"):format(byte:byte()) end))
end

-- A number in exact digits, as a string marked to lose its quotes again once it is JSON.
local function digits(value)
  if value == math.floor(value) and math.abs(value) < 2 ^ 63 then return ("\1%.0f\1"):format(value) end
  return "\1" .. ("%.17g"):format(value):gsub(",", ".") .. "\1"
end

local function writable(value, depth)
  if type(value) == "string" then return text(value) end
  if type(value) == "number" then return math.abs(value) >= 1e11 and digits(value) or value end
  if type(value) ~= "table" then return value end
  if depth > MAX_DEPTH then return "(too deep)" end
  local copy = {}
  for key, item in pairs(value) do
    copy[type(key) == "string" and text(key) or key] = writable(item, depth + 1)
  end
  return copy
end

---@return string # never fails
function M.encode(value)
  local encoded = core.encode(value)
  if encoded then return encoded end
  encoded = assert(core.encode(writable(value, 1)))
  return (encoded:gsub('"\\u0001([%d%.eE+-]+)\\u0001"', "%1"))
end

--- An object with one list, which stays a list when it is empty (an empty Lua table is written as an object).
---@param name string
---@param items string[] encoded
---@param rest string? further members, encoded, each with its leading comma
function M.with_list(name, items, rest)
  return ('{"%s":[%s]%s}'):format(name, table.concat(items, ","), rest or "")
end

--- Nulls are kept, as M.null.
---@return any value, string? message # nil, message
function M.decode(encoded)
  return core.decode(encoded, true)
end

local function equal(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, item in pairs(a) do
    if not equal(item, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

--- Whether two texts say the same thing: key order, spaces and spelling of numbers aside.
---@param a string
---@param b string
function M.same(a, b)
  if a == b then return true end
  local left, right = core.decode(a, true), core.decode(b, true)
  return left ~= nil and right ~= nil and equal(left, right)
end

return M
