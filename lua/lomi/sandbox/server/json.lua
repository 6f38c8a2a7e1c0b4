-- SPDX-License-Identifier: MIT
--- JSON as the sandbox needs it. lomi.core refuses to write some values; a server must answer all the same. Such
--- values (15 digits, bytes that are not UTF-8, tables too deep, more than 1 MiB) are written here piece by piece.

local core = require "lomi.core"

local M = { null = core.null }

local MAX_DEPTH = 60
local CHUNK = 64 * 1024 -- bytes of a long string that are encoded at a time

local function escaped_bytes(text)
  return (text:gsub("[\128-\255]", function(byte) return ("\\x%02X"):format(byte:byte()) end))
end

-- Cut between characters; text that is not UTF-8 may be cut anywhere.
local function string_json(value)
  local parts, from = {}, 1
  while from <= #value do
    local to = math.min(from + CHUNK - 1, #value)
    for _ = 1, 3 do
      local following = value:byte(to + 1)
      if following and following >= 0x80 and following < 0xC0 then to = to - 1 end
    end
    local piece = value:sub(from, to)
    parts[#parts + 1] = (core.encode(piece) or core.encode(escaped_bytes(piece))):sub(2, -2)
    from = to + 1
  end
  return '"' .. table.concat(parts) .. '"'
end

-- In exact digits, whatever the locale's point.
local function number_json(value)
  if value ~= value or value == math.huge or value == -math.huge then return "null" end
  if value == math.floor(value) and math.abs(value) < 2 ^ 63 then return ("%.0f"):format(value) end
  return (("%.17g"):format(value):gsub("[^%deE+-]+", "."))
end

local function long_way(value, depth)
  if type(value) ~= "table" or next(value) == nil then
    local encoded = core.encode(value)
    if encoded then return encoded end
    return type(value) == "string" and string_json(value) or number_json(value)
  end
  if depth > MAX_DEPTH then return '"(too deep)"' end
  local parts = {}
  if value[1] ~= nil then
    for i, item in ipairs(value) do parts[i] = long_way(item, depth + 1) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for name, item in pairs(value) do
    parts[#parts + 1] = long_way(name, depth + 1) .. ":" .. long_way(item, depth + 1)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

---@return string # never fails
function M.encode(value)
  return core.encode(value) or long_way(value, 1)
end

--- An item of a list in an object: readable with both around it, where it alone nests as deep as clients read.
---@return string # never fails
function M.encode_item(value)
  local around = core.encode { { value } }
  return around and around:sub(3, -3) or long_way(value, 3)
end

--- An object with one list, which stays a list when it is empty (an empty Lua table is written as an object).
---@param name string
---@param items string[] encoded, by encode_item
---@param rest string? further members, encoded, each with its leading comma
function M.with_list(name, items, rest)
  return ('{"%s":[%s]%s}'):format(name, table.concat(items, ","), rest or "")
end

-- A number such as `1.` or `-.5`, which JSON forbids and lua-cjson lets pass.
local function has_bare_point(encoded)
  return encoded:find("%.[^%d]") ~= nil or encoded:find("-.", 1, true) ~= nil
end

-- The reason why the text is no JSON although lua-cjson lets it pass; nil: it is as lua-cjson says.
local function laxity(encoded)
  if not encoded:find("[^\32-\255]") and not has_bare_point(encoded) then return nil end
  local done, quote = 1, encoded:find('"', 1, true)
  while quote do
    if has_bare_point(encoded:sub(done, quote)) then break end
    local from, ends = quote + 1, nil
    repeat
      local at = encoded:find("[^\32\33\35-\91%]\94-\255]", from) -- a quote, a backslash or a control character
      if not at then return nil end
      local byte = encoded:byte(at)
      if byte == 34 then
        ends = at
      elseif byte ~= 92 then
        return "a string holds a control character that is not escaped"
      end
      from = at + 2
    until ends
    done = ends + 1
    quote = encoded:find('"', done, true)
  end
  if has_bare_point(encoded:sub(done)) then return "a number has a point with no digits beside it" end
end

--- Nulls are kept, as M.null.
---@return any value, string? message # nil, message
function M.decode(encoded)
  local reason = laxity(encoded)
  if reason then return nil, reason end
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
