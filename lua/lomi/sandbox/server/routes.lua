-- SPDX-License-Identifier: MIT
--- Paths with at most two `{id}` in them. A trailing slash is the same route, as the service has it.

local M = {}

---@generic T
---@param list T[] each with its method first and its path second
---@return T[] the same list
function M.compile(list)
  for _, route in ipairs(list) do
    route.pattern = "^" .. route[2]:gsub("[%-%.]", "%%%0"):gsub("{id}", "([^/]+)") .. "/?$"
  end
  return list
end

local function decoded(text)
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

---@generic T
---@param list T[]
---@return T? route
---@return string? id percent-decoded; nil where the path has none
---@return string? second_id likewise
function M.match(list, method, path)
  for _, route in ipairs(list) do
    if route[1] == method then
      local from, _, id, second_id = path:find(route.pattern)
      if from then return route, id and decoded(id), second_id and decoded(second_id) end
    end
  end
end

return M
