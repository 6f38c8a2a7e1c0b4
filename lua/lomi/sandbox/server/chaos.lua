-- SPDX-License-Identifier: MIT
--- Faults at random, the same ones every time for the same seed.

local faults = require "lomi.sandbox.server.faults"
local rules = require "lomi.rules"

-- No recorded ones: a key answered with a recorded 500 never becomes a charge, and no retry would help.
local FORMS = {
  { status = 500 }, { status = 503 }, { status = 429 }, { status = 502, html = true },
  { html = true, charged = true }, { status = 504, charged = true },
  { drop = "before" }, { drop = "after" }, { drop = "mid_body" },
  { reset = "before" }, { reset = "after" }, { reset = "mid_body" },
  { garbage = true }, { truncate = true }, { empty = true }, { oversize = true },
  { body = '{"success":true,"data":{' }, { delay = true }, { trickle = 20000 },
}

---@class lomi.sandbox.ChaosOptions
local RULES = {
  -- the share of requests that get a fault, 0 to 1
  rate = { type = "number", min = 0, max = 1, required = true, says = "a share from 0 to 1" },
  seed = { type = "whole", min = 0, max = 2 ^ 53 }, -- 0 to 2^53: the same one, the same story (1)
  -- seconds the delayed ones wait, 0 to 60 (0.01)
  delay = { type = "number", min = 0, max = 60, says = "a number of seconds from 0 to 60" },
}

---@class lomi.sandbox.Chaos
local Chaos = {}
Chaos.__index = Chaos

-- Lehmer's generator, in numbers every Lua has exactly: not math.random, which is another on each.
local MODULUS, MULTIPLIER = 2147483647, 48271

function Chaos:random()
  self.state = self.state * MULTIPLIER % MODULUS
  return self.state / MODULUS
end

---@param asked lomi.sandbox.ChaosOptions
---@return lomi.sandbox.Chaos?
---@return string? reason
local function new(asked)
  local reason = rules.check(asked, RULES, "field")
  if reason then return nil, reason end
  local self = setmetatable({ rate = asked.rate, state = (asked.seed or 1) % (MODULUS - 1) + 1, forms = {} }, Chaos)
  for _ = 1, 8 do self:random() end -- neighbouring seeds begin alike
  for i, form in ipairs(FORMS) do
    self.forms[i] = assert(faults.make(form.delay and { delay = asked.delay or 1 / 100 } or form))
  end
  return self
end

--- Always two draws, so that the n-th request has its fate whatever came before.
---@return lomi.sandbox.Fault?
function Chaos:take()
  local hit, which = self:random() < self.rate, self:random()
  if hit then return self.forms[math.floor(which * #self.forms) + 1] end
end

return { new = new }
