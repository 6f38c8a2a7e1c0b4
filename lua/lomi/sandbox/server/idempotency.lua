-- SPDX-License-Identifier: MIT
--- The answers kept for the idempotency keys of the last 24 hours. Pure: the time is passed in.
---
--- A running request is never forgotten. The oldest finished ones go when there are more than LIMITS says,
--- sooner than the service would forget them: a retry with a key that old makes a new charge.

local ascii = require "lomi.ascii"
local Fifo = require "lomi.sandbox.server.fifo"

local DAY = 24 * 60 * 60
local WEIGHT = 1000 -- bytes an intent and its answer take beside that, about
local LIMITS = { items = 100000, weight = 64 * 1024 * 1024 }

---@class lomi.sandbox.Intent one key of one organization on one path
---@field body string the request's
---@field expires number
---@field answer lomi.sandbox.Answer? nil while the first request is still running

---@class lomi.sandbox.Idempotency
local Idempotency = {}
Idempotency.__index = Idempotency

---@param same fun(a: string, b: string): boolean tells whether two bodies say the same
---@param limits { items: integer, weight: number }?
local function new(same, limits)
  return setmetatable({ same = same, by_key = {}, queue = Fifo.new(limits or LIMITS) }, Idempotency)
end

function Idempotency:forget(now)
  local queue, oldest = self.queue, self.queue:oldest()
  while oldest and (oldest.expires <= now or queue:over()) and (oldest.answer or oldest.abandoned) do
    queue:shift()
    if self.by_key[oldest.key] == oldest then self.by_key[oldest.key] = nil end
    oldest = queue:oldest()
  end
end

--- The server's reading of the header: trimmed, cut at 255 bytes; nil if nothing is left.
---@param header string?
---@return string?
local function read_key(header)
  local key = header and ascii.trim(header):sub(1, 255)
  return key ~= "" and key or nil
end

--- Says what to do with a request. "new": do it, then `complete` or `abandon` the intent.
---@param key string with all that it is scoped by
---@param body string
---@param now number
---@return "new"|"replay"|"reused"|"in_progress" verdict
---@return lomi.sandbox.Intent? intent of "new"
---@return lomi.sandbox.Answer? answer of "replay"
function Idempotency:begin(key, body, now)
  self:forget(now)
  local intent = self.by_key[key]
  if intent and intent.answer and intent.expires <= now then intent = nil end
  if not intent then
    intent = { key = key, body = body, expires = now + DAY }
    self.by_key[key] = intent
    self.queue:push(intent, #key + #body + WEIGHT)
    return "new", intent
  end
  if not self.same(intent.body, body) then return "reused" end
  if not intent.answer then return "in_progress" end
  return "replay", nil, intent.answer
end

---@param intent lomi.sandbox.Intent
---@param answer lomi.sandbox.Answer replayed from now on, errors included
function Idempotency:complete(intent, answer)
  intent.answer = answer
end

--- Forgets the key.
---@param intent lomi.sandbox.Intent
function Idempotency:abandon(intent)
  intent.abandoned = true
  if self.by_key[intent.key] == intent then self.by_key[intent.key] = nil end
end

return { new = new, read_key = read_key }
