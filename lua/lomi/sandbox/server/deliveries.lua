-- SPDX-License-Identifier: MIT
--- Webhooks on their way out: signed, tried again, and, if a test wants so, doubled, late, out of order or wrongly
--- signed. Works beside the requests and holds none of them up.
---
--- First attempts go one at a time, in the order of the events; attempts after a failed one do not hold up the others.
--- An endpoint that fails again and again is left alone for a while, longer each time.

local core = require "lomi.core"
local Fifo = require "lomi.sandbox.server.fifo"
local fields = require "lomi.sandbox.server.fields"
local json = require "lomi.sandbox.server.json"
local timers = require "lomi.timers"
local views = require "lomi.sandbox.server.views"

local LIMITS = { items = 10000, weight = 16 * 1024 * 1024 }
local TIMEOUT = 4 -- seconds the service waits for a 2xx
local WEIGHT = 1024 -- bytes a delivery takes beside its body, about
local MAX_IN_FLIGHT = 32
local SWAP_WITHIN = 1 -- seconds an event waits for one to be overtaken by
local FAILURES = 10 -- attempts in a row that fail before the endpoint is left alone
local PAUSE = { least = 0.1, most = 60 } -- seconds

---@type table<string, lomi.sandbox.Rule>
local RULES = {
  url = { type = "string", required = true, pattern = "^https?://[^%s/]", says = "an http or https URL" },
  secret = { type = "string", required = true, secret = true, pattern = "^[!#-&(-_a-~]+$",
    says = "the endpoint's secret (whsec_…)" },
  twice = { type = "boolean" },
  late = { type = "number", min = 0, max = 1e6, says = "a number of seconds, at least 0" },
  out_of_order = { type = "boolean" },
  bad_signature = { type = "boolean" },
  attempts = { type = "whole", min = 1, max = 20 },
  backoff = { type = "number", min = 0, max = 3600, says = "a number of seconds from 0 to 3600" },
}

---@class lomi.sandbox.Delivery
---@field number integer
---@field event string
---@field state "waiting"|"sending"|"delivered"|"refused"|"given_up"|"dropped"
---@field tries table[] one per attempt: time, and status or error
---@field due number? by the sandbox's clock, of the one that waits to be overtaken
---@field endpoint table as it was when the event happened

---@class lomi.sandbox.Deliveries
---@field endpoint table? as set
---@field list lomi.sandbox.Fifo of deliveries
local Deliveries = {}
Deliveries.__index = Deliveries

---@param clock fun(): number the sandbox's, which tests may advance
---@param engine table lomi.transport.Queue  for nobody else
---@return lomi.sandbox.Deliveries
local function new(clock, engine)
  return setmetatable({
    clock = clock, engine = engine, list = Fifo.new(LIMITS),
    ready = Fifo.new({ items = math.huge, weight = math.huge }), -- first attempts whose time has come
    later = timers.new(),
    in_flight = {}, flying = 0, first_in_flight = false,
    failures = 0, pause = 0, paused_until = 0,
  }, Deliveries)
end

--- Where to deliver from now on, and how badly.
---@return boolean? ok, string? why
function Deliveries:set(asked)
  local wrong = fields.check(asked, RULES)
  if wrong then return nil, wrong end
  self.endpoint, self.failures, self.pause, self.paused_until = asked, 0, 0, 0
  return true
end

function Deliveries:unset()
  self.endpoint = nil
  return true
end

function Deliveries:wait(delivery, due)
  delivery.state = "waiting"
  if self.later:size() >= 2 * LIMITS.items then -- at least half of it was dropped
    local all, kept = self.later, timers.new()
    while all:next() do
      local at, one = all:next(), all:pop(math.huge)
      if one.state ~= "dropped" then kept:push(at, one) end
    end
    self.later = kept
  end
  self.later:push(due, delivery)
end

-- In ---------------------------------------------------------------------------------------------------------------

local function signed(text, endpoint)
  local signature = require("lomi.webhook").sign(text, endpoint.secret)
  if endpoint.bad_signature then
    signature = signature:gsub("^%x", function(digit) return digit == "0" and "1" or "0" end)
  end
  return signature
end

--- One delivery of an event, to one endpoint.
---@return lomi.sandbox.Delivery
function Deliveries:add(endpoint, event, body, timestamp, id, now)
  local delivery = {
    event = event, id = id, body = body, timestamp = timestamp, endpoint = endpoint, tries = {}, state = "waiting",
    signature = signed(body, endpoint),
  }
  delivery.number = self.list:push(delivery, #body + WEIGHT)
  self.list:trim(function(oldest)
    if oldest.state == "waiting" then oldest.state, oldest.body = "dropped", "" end
  end)
  while self.ready:oldest() and self.ready:oldest().state == "dropped" do self.ready:shift() end
  if (endpoint.late or 0) > 0 then
    self:wait(delivery, now + endpoint.late)
  elseif endpoint.out_of_order and not self.swap then
    self.swap, delivery.due = delivery, now + SWAP_WITHIN
  else
    self.ready:push(delivery)
    if self.swap and self.swap.id ~= id then self:end_swap() end
  end
  return delivery
end

-- What waited to be overtaken waits no more.
function Deliveries:end_swap()
  self.ready:push(self.swap)
  self.swap = nil
end

---@param event string
---@param data table
---@param now number
---@param endpoints table[]? beside the one that was set: those of the API
function Deliveries:publish(event, data, now, endpoints)
  local targets = { self.endpoint }
  for _, endpoint in ipairs(endpoints or {}) do targets[#targets + 1] = endpoint end
  if not targets[1] then return end
  local id, timestamp = core.uuid4(), views.timestamp(now)
  local body = json.encode { id = id, event = event, timestamp = timestamp, data = data, lomi_environment = "sandbox" }
  for _, endpoint in ipairs(targets) do
    for _ = 1, endpoint.twice and 2 or 1 do self:add(endpoint, event, body, timestamp, id, now) end
  end
end

-- Out -----------------------------------------------------------------------------------------------------------------

function Deliveries:send(delivery)
  local tries, first, endpoint = delivery.tries, #delivery.tries == 0, delivery.endpoint
  local now = self.clock()
  local try, seconds = { time = views.timestamp(now), log_id = core.uuid4() }, ("%d"):format(math.floor(now))
  tries[#tries + 1] = try
  local id, refused = self.engine:submit {
    method = "POST", url = endpoint.url, body = delivery.body, timeout = TIMEOUT, connect_timeout = TIMEOUT, proxy = "",
    headers = {
      ["Content-Type"] = "application/json", ["User-Agent"] = "lomi.-Webhook/1.0",
      ["X-Lomi-Signature"] = delivery.signature, ["X-Lomi-Event"] = delivery.event,
      ["X-Lomi-Signature-V1"] = ("t=%s,v1=%s"):format(seconds, signed(seconds .. "." .. delivery.body, endpoint)),
      ["X-Lomi-Timestamp"] = delivery.timestamp,
    },
  }
  if not id then return self:ended(delivery, try, nil, refused) end
  delivery.state = "sending"
  self.in_flight[id], self.flying = { delivery = delivery, try = try, first = first }, self.flying + 1
  if first then self.first_in_flight = true end
end

-- Whether the endpoint works: any answer but a 5xx says so.
function Deliveries:learn(works, backoff)
  if works then
    self.failures, self.pause = 0, 0
    return
  end
  self.failures = self.failures + 1
  local now = self.clock()
  if self.failures < FAILURES or now < self.paused_until then return end
  self.pause = math.min(math.max(2 * self.pause, backoff, PAUSE.least), PAUSE.most)
  self.paused_until = now + self.pause
end

-- 2xx is done, 4xx ends it, all else is retried.
function Deliveries:ended(delivery, try, reply, failure)
  if reply then try.status = reply.status else try.error = failure.message end
  local attempts, backoff = delivery.endpoint.attempts or 5, delivery.endpoint.backoff or 0.5
  self:learn(reply and reply.status < 500, backoff)
  if reply and reply.status >= 200 and reply.status < 300 then
    delivery.state = "delivered"
  elseif reply and reply.status >= 400 and reply.status < 500 then
    delivery.state = "refused"
  elseif #delivery.tries >= attempts then
    delivery.state = "given_up"
  else
    self:wait(delivery, self.clock() + backoff * 2 ^ (#delivery.tries - 1))
  end
end

-- Also with nothing in flight: connections kept alive end some day, and the engine has to hear of it.
function Deliveries:collect()
  while true do
    local id, reply, failure = self.engine:step(0)
    if not id then return end
    local flight = self.in_flight[id]
    if flight then
      self.in_flight[id], self.flying = nil, self.flying - 1
      if flight.first then self.first_in_flight = false end
      self:ended(flight.delivery, flight.try, reply, failure)
    end
  end
end

-- Whether one more may be sent now. To an endpoint that failed again and again goes one at a time, after a pause.
function Deliveries:has_place(now)
  if self.failures < FAILURES then return self.flying < MAX_IN_FLIGHT end
  return self.flying == 0 and now >= self.paused_until
end

-- What has waited long enough: first attempts go to the end of the queue, others straight out.
function Deliveries:wake(now)
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
function Deliveries:seconds_to_wait(now)
  local due = math.min(self.later:next() or math.huge, self.swap and self.swap.due or math.huge)
  if self.ready:oldest() and not self.first_in_flight then due = now end
  if self.failures >= FAILURES then due = math.max(due, self.paused_until) end
  -- When every place is taken, the next thing to happen is that one becomes free.
  local full = self.flying >= (self.failures < FAILURES and MAX_IN_FLIGHT or 1)
  if full or due == math.huge then return nil end
  return math.max(due - now, 0)
end

--- Does what can be done now.
---@return number? seconds until there is something to do again; nil: never, by itself
function Deliveries:step()
  self:collect()
  local now = self.clock()
  self:wake(now)
  while not self.first_in_flight and self.ready:oldest() and self:has_place(now) do
    local delivery = self.ready:shift()
    if delivery.state == "waiting" then self:send(delivery) end
  end
  local seconds, engine = self:seconds_to_wait(self.clock()), self.engine:timeout()
  if seconds and engine then return math.min(seconds, engine) end
  return seconds or engine
end

--- A webhook as tests see it: what was sent, and how it went.
---@class lomi.sandbox.SentWebhook
---@field number integer  counts them
---@field id string  the event's, the same on every delivery of it
---@field event string  its name
---@field url string  where it is sent
---@field state "waiting"|"sending"|"delivered"|"refused"|"given_up"|"dropped"  refused: answered with a 4xx
---@field timestamp string  ISO 8601, as signed
---@field signature string  hex
---@field body string  as signed
---@field attempts integer  so far
---@field tries? { time: string, status: integer?, error: string? }[]  one per attempt; nil before the first
---@field status? integer  what the last attempt was answered

---@param delivery lomi.sandbox.Delivery
---@return lomi.sandbox.SentWebhook
function Deliveries.view(delivery)
  return {
    number = delivery.number, id = delivery.id, event = delivery.event, url = delivery.endpoint.url,
    state = delivery.state,
    timestamp = delivery.timestamp, signature = delivery.signature, body = delivery.body,
    attempts = #delivery.tries, tries = delivery.tries[1] and delivery.tries or nil,
    status = delivery.tries[1] and delivery.tries[#delivery.tries].status or nil,
  }
end

return { new = new }
