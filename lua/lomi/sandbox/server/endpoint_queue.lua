-- SPDX-License-Identifier: MIT
--- The webhooks on their way to one endpoint. First attempts go one at a time, in the order of the events; attempts
--- after a failed one do not hold up the others. An endpoint that fails again and again is left alone for a while,
--- longer each time. Each endpoint has a queue of its own, so that a dead one holds up no other.

local Fifo = require "lomi.sandbox.server.fifo"
local timers = require "lomi.timers"

local MAX_IN_FLIGHT = 32
local SWAP_WITHIN = 1 -- seconds an event waits for one to be overtaken by
local FAILURES = 10 -- attempts in a row that fail before the endpoint is left alone
local PAUSE = { least = 1 / 10, most = 60 } -- seconds
local FEW = 64 -- dropped webhooks that are not worth a clean-up
local UNBOUNDED = { items = math.huge, weight = math.huge } -- `Deliveries` bounds them, and says what it dropped

---@class lomi.sandbox.EndpointQueue
---@field ready lomi.sandbox.Fifo first attempts whose time has come
---@field later table timers
---@field flying integer
---@field swap lomi.sandbox.Delivery? the one that waits to be overtaken
local EndpointQueue = {}
EndpointQueue.__index = EndpointQueue

---@param clock fun(): number the sandbox's
---@param submit fun(queue: lomi.sandbox.EndpointQueue, delivery: lomi.sandbox.Delivery) sends it, then calls `ended`
local function new(clock, submit)
  return setmetatable({
    clock = clock, submit = submit, ready = Fifo.new(UNBOUNDED), later = timers.new(), dropped = 0, flying = 0,
    first_in_flight = false, failures = 0, pause = 0, paused_until = 0,
  }, EndpointQueue)
end

--- Whether nothing would be lost with it.
function EndpointQueue:is_idle()
  return self.flying == 0 and not self.swap and not self.later:next() and not self.ready:oldest()
    and self.clock() >= self.paused_until
end

--- Forgets how badly the endpoint did.
function EndpointQueue:trust()
  self.failures, self.pause, self.paused_until = 0, 0, 0
end

---@param delivery lomi.sandbox.Delivery
---@param now number
function EndpointQueue:add(delivery, now)
  local endpoint = delivery.endpoint
  if (endpoint.late or 0) > 0 then
    self.later:push(now + endpoint.late, delivery)
  elseif endpoint.out_of_order and not self.swap then
    self.swap, delivery.due = delivery, now + SWAP_WITHIN
  else
    self.ready:push(delivery)
    if self.swap and self.swap.id ~= delivery.id then self:end_swap() end
  end
end

-- The webhook that waited to be overtaken waits no more.
function EndpointQueue:end_swap()
  self.ready:push(self.swap)
  self.swap = nil
end

--- Told of a webhook that was dropped while it waited here.
function EndpointQueue:drop()
  while self.ready:oldest() and self.ready:oldest().state == "dropped" do self.ready:shift() end
  self.dropped = self.dropped + 1
  if self.dropped <= math.max(FEW, self.later:size() / 2) then return end
  local all, kept = self.later, timers.new()
  while all:next() do
    local at, delivery = all:next(), all:pop(math.huge)
    if delivery.state ~= "dropped" then kept:push(at, delivery) end
  end
  self.later, self.dropped = kept, 0
end

function EndpointQueue:send(delivery)
  if #delivery.tries == 0 then self.first_in_flight = true end
  delivery.state, self.flying = "sending", self.flying + 1
  self.submit(self, delivery)
end

-- Whether the endpoint works: any answer but a 5xx says so.
function EndpointQueue:learn(works, backoff)
  if works then return self:trust() end
  self.failures = self.failures + 1
  local now = self.clock()
  if self.failures < FAILURES or now < self.paused_until then return end
  self.pause = math.min(math.max(2 * self.pause, backoff, PAUSE.least), PAUSE.most)
  self.paused_until = now + self.pause
end

--- An attempt has ended. 2xx is done, 4xx ends it, all else is retried.
---@param status integer? nil: there was no answer
function EndpointQueue:ended(delivery, status)
  self.flying = self.flying - 1
  if #delivery.tries == 1 then self.first_in_flight = false end
  local attempts, backoff = delivery.endpoint.attempts or 5, delivery.endpoint.backoff or 1 / 2
  self:learn(status and status < 500, backoff)
  if status and status >= 200 and status < 300 then
    delivery.state = "delivered"
  elseif status and status >= 400 and status < 500 then
    delivery.state = "refused"
  elseif #delivery.tries >= attempts then
    delivery.state = "given_up"
  else
    delivery.state = "waiting"
    self.later:push(self.clock() + backoff * 2 ^ (#delivery.tries - 1), delivery)
  end
end

-- Whether one more may be sent now. To an endpoint that failed again and again goes one at a time, after a pause.
function EndpointQueue:has_place(now)
  if self.failures < FAILURES then return self.flying < MAX_IN_FLIGHT end
  return self.flying == 0 and now >= self.paused_until
end

-- Those that have waited long enough: first attempts go to the end of the queue, retries straight out.
function EndpointQueue:wake(now)
  if self.swap and self.swap.due <= now then self:end_swap() end
  while self:has_place(now) do
    local delivery = self.later:pop(now)
    if not delivery then break end
    if delivery.state ~= "dropped" then
      if #delivery.tries == 0 then self.ready:push(delivery) else self:send(delivery) end
    end
  end
end

-- Seconds until the clock alone makes something happen.
function EndpointQueue:seconds_to_wait(now)
  local due = math.min(self.later:next() or math.huge, self.swap and self.swap.due or math.huge)
  if self.ready:oldest() and not self.first_in_flight then due = now end
  if self.failures >= FAILURES then due = math.max(due, self.paused_until) end
  -- When every place is taken, the next thing to happen is that one becomes free.
  local full = self.flying >= (self.failures < FAILURES and MAX_IN_FLIGHT or 1)
  if full or due == math.huge then return nil end
  return math.max(due - now, 0)
end

--- Sends what can be sent now.
---@return number? seconds until there is something to do again; nil: never, by the clock alone
function EndpointQueue:step()
  local now = self.clock()
  self:wake(now)
  while not self.first_in_flight and self.ready:oldest() and self:has_place(now) do
    local delivery = self.ready:shift()
    if delivery.state == "waiting" then self:send(delivery) end
  end
  return self:seconds_to_wait(self.clock())
end

return { new = new }
