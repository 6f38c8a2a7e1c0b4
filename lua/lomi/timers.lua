-- SPDX-License-Identifier: MIT
--- A binary heap: what is due first comes out first; of two due at once, the one put in first.

local Timers = {}
Timers.__index = Timers

local function before(a, b)
  if a.at ~= b.at then return a.at < b.at end
  return a.number < b.number
end

function Timers:push(at, value)
  self.count = self.count + 1
  local heap, entry = self.heap, { at = at, value = value, number = self.count }
  local i = #heap + 1
  while i > 1 do
    local parent = (i - i % 2) / 2
    if not before(entry, heap[parent]) then break end
    heap[i] = heap[parent]
    i = parent
  end
  heap[i] = entry
end

---@return integer
function Timers:size()
  return #self.heap
end

---@return number|nil at  when the first is due
function Timers:next()
  local first = self.heap[1]
  return first and first.at
end

---@return any|nil value  the first, if it is due; nil: none is
function Timers:pop(now)
  local heap = self.heap
  local first = heap[1]
  if not first or first.at > now then return nil end
  local last = table.remove(heap)
  local size = #heap
  if size == 0 then return first.value end
  local i = 1
  while true do
    local child = 2 * i
    if child > size then break end
    if child < size and before(heap[child + 1], heap[child]) then child = child + 1 end
    if not before(heap[child], last) then break end
    heap[i] = heap[child]
    i = child
  end
  heap[i] = last
  return first.value
end

local M = {}

function M.new()
  return setmetatable({ heap = {}, count = 0 }, Timers)
end

return M
