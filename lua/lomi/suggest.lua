-- SPDX-License-Identifier: MIT
--- "Did you mean …": the known name nearest to a mistyped one.

local ascii = require "lomi.ascii"

local M = {}

-- Edits (insert, delete, replace, swap of neighbours) that turn a into b; nil: more than `most`.
local function distance(a, b, most)
  if math.abs(#a - #b) > most then return nil end
  local before, previous = {}, {}
  for j = 0, #b do previous[j] = j end
  for i = 1, #a do
    local row, least = { [0] = i }, i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local best = math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + cost)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        best = math.min(best, before[j - 2] + 1)
      end
      row[j] = best
      if best < least then least = best end
    end
    if least > most then return nil end
    before, previous = previous, row
  end
  return previous[#b] <= most and previous[#b] or nil
end

local MOST_NAME = 40 -- bytes; a longer one is no slip of the finger

---@param name any  what was written
---@param known table<string, any>  its keys are the names there are
---@return string|nil  the nearest of them, if it is near
function M.nearest(name, known)
  if type(name) ~= "string" or #name > MOST_NAME then return nil end
  local best, least
  local asked = ascii.lower(name):gsub("[ %-]", "_")
  for candidate in pairs(known) do
    local edits = distance(asked, candidate, math.max(2, math.floor(#candidate / 3)))
    if edits and (not least or edits < least or (edits == least and candidate < best)) then
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
