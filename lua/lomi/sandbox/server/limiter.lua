-- SPDX-License-Identifier: MIT
--- Rate limits in fixed windows. Pure: the time is passed in.

---@class lomi.sandbox.Limiter
---@field limit integer requests
---@field window number seconds
local Limiter = {}
Limiter.__index = Limiter

---@param limit integer
---@param window number
local function new(limit, window)
  return setmetatable({ limit = limit, window = window, ends = 0, counts = {} }, Limiter)
end

--- Counts one request.
---@param who string
---@param now number
---@return integer remaining below zero: that many too many
---@return number wait seconds until the window ends
function Limiter:hit(who, now)
  if now >= self.ends then
    self.ends, self.counts = now + self.window, {} -- one window for all, so that nothing is kept longer than it
  end
  local count = (self.counts[who] or 0) + 1
  self.counts[who] = count
  return self.limit - count, self.ends - now
end

return { new = new }
