-- SPDX-License-Identifier: MIT
--- A queue that knows when it holds too much: a number of items, and a weight (bytes). What
--- the sandbox keeps must not grow with the number of requests.

---@class lomi.sandbox.Fifo
---@field first integer serial of the oldest item; serials start at 1 and are never used again
---@field last integer serial of the youngest item
local Fifo = {}
Fifo.__index = Fifo

local LIMITS = { items = 10000, weight = 16 * 1024 * 1024 }

---@param limits { items: integer, weight: number }? (LIMITS)
local function new(limits)
  return setmetatable({ items = {}, weights = {}, first = 1, last = 0, weight = 0, limits = limits or LIMITS }, Fifo)
end

---@param weight number? bytes, about
---@return integer serial
function Fifo:push(item, weight)
  local serial = self.last + 1
  self.last, self.items[serial], self.weights[serial] = serial, item, weight or 0
  self.weight = self.weight + (weight or 0)
  return serial
end

--- The oldest item, taken out; nil when there is none.
function Fifo:shift()
  local serial = self.first
  local item = self.items[serial]
  if item == nil then return nil end
  self.weight = self.weight - self.weights[serial]
  self.items[serial], self.weights[serial], self.first = nil, nil, serial + 1
  return item
end

function Fifo:oldest()
  return self.items[self.first]
end

function Fifo:get(serial)
  return self.items[serial]
end

function Fifo:count()
  return self.last - self.first + 1
end

---@return boolean # whether it holds more than it should
function Fifo:over()
  return self:count() > self.limits.items or self.weight > self.limits.weight
end

--- Shifts out the oldest items until it holds no more than it should. The youngest stays, however heavy it is.
---@param on_forget fun(item: any)? told of each
function Fifo:trim(on_forget)
  while self:over() and self.first < self.last do
    local item = self:shift()
    if on_forget then on_forget(item) end
  end
end

return { new = new }
