-- SPDX-License-Identifier: MIT
--- Paths with at most two `{id}` in them. A trailing slash, or upper case, is the same route, as the service has it.

local ascii = require "lomi.ascii"
local core = require "lomi.core"

local M = {}

---@generic T
---@param list T[] each with its method first and its path second
---@return T[] the same list
function M.compile(list)
  for _, route in ipairs(list) do
    local words = route[2]:gsub("{id}", "\1"):gsub("[%-%.]", "%%%0")
    words = words:gsub("[a-z]", function(letter) return "[" .. letter .. ascii.upper(letter) .. "]" end)
    route.pattern = "^" .. words:gsub("\1", "([^/]+)") .. "/?$"
  end
  return list
end

-- false: not percent-encoded UTF-8. nil stays nil.
local function decoded(text)
  if not text then return nil end
  if text:gsub("%%%x%x", ""):find("%", 1, true) then return false end
  text = text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  return core.encode(text) and text or false
end

---@generic T
---@param list T[]
---@return T? route
---@return string|false|nil id percent-decoded; nil where the path has none, false where it cannot be decoded
---@return string|false|nil second_id likewise
function M.match(list, method, path)
  for _, route in ipairs(list) do
    if route[1] == method then
      local from, _, id, second_id = path:find(route.pattern)
      if from then return route, decoded(id), decoded(second_id) end
    end
  end
end

return M
