-- SPDX-License-Identifier: MIT
--- "Did you mean …": the known name nearest to a mistyped one.

local M = {}

-- Edits (insert, delete, replace, swap of neighbours) that turn a into b.
local function distance(a, b)
  local before, previous = {}, {}
  for j = 0, #b do previous[j] = j end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local best = math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + cost)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        best = math.min(best, before[j - 2] + 1)
      end
      row[j] = best
    end
    before, previous = previous, row
  end
  return previous[#b]
end

---@param name any  what was written
---@param known table<string, any>  its keys are the names there are
---@return string|nil  the nearest of them, if it is near
function M.nearest(name, known)
  if type(name) ~= "string" or #name > 64 then return nil end
  local best, least
  local asked = name:lower():gsub("[%s%-]", "_")
  for candidate in pairs(known) do
    local edits = distance(asked, candidate)
    local near = edits <= math.max(2, math.floor(#candidate / 3))
    if near and (not least or edits < least or (edits == least and candidate < best)) then
      best, least = candidate, edits
    end
  end
  return best
end

local MOST_LISTED = 16

--- `; did you mean "…"?`, or the names there are, or nothing where they are many.
---@param name any
---@param known table<string, any>
---@return string
function M.hint(name, known)
  local nearest = M.nearest(name, known)
  if nearest then return ('; did you mean "%s"?'):format(nearest) end
  local names = {}
  for candidate in pairs(known) do names[#names + 1] = candidate end
  if #names > MOST_LISTED then return "" end
  table.sort(names)
  return "; the known ones are " .. table.concat(names, ", ")
end

return M
