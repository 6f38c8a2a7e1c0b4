-- SPDX-License-Identifier: MIT
--- Webhooks on their way out: signed, tried again, and, if a test wants so, doubled, late, out of order or wrongly
--- signed. Works beside the requests and holds none of them up.
---
--- First attempts go one at a time, in the order of the events; attempts after a failed one do not hold up the others.

local core = require "lomi.core"
local Fifo = require "lomi.sandbox.server.fifo"
local fields = require "lomi.sandbox.server.fields"
local json = require "lomi.sandbox.server.json"
local views = require "lomi.sandbox.server.views"

local LIMITS = { items = 10000, weight = 16 * 1024 * 1024 }
local TIMEOUT = 4 -- seconds the service waits for a 2xx
local MAX_IN_FLIGHT = 32
local SWAP_WITHIN = 1 -- seconds an event waits for one to be overtaken by

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
---@field due number by the sandbox's clock

---@class lomi.sandbox.Deliveries
---@field endpoint table? as set
---@field list lomi.sandbox.Fifo of deliveries
local Deliveries = {}
Deliveries.__index = Deliveries

---@param clock fun(): number the sandbox's, which tests may advance
---@param engine table a handle on lomi.curl's engine, for nobody else
---@return lomi.sandbox.Deliveries
local function new(clock, engine)
  return setmetatable({
    clock = clock, engine = engine, list = Fifo.new(LIMITS),
    ready = Fifo.new({ items = math.huge, weight = math.huge }), -- first attempts whose time has come
    later = {}, next_due = math.huge,                           -- what has to wait, in no order
    in_flight = {}, flying = 0, first_in_flight = false,
  }, Deliveries)
end

--- Where to deliver from now on, and how badly.
---@return boolean? ok, string? why
function Deliveries:set(asked)
  local wrong = fields.check(asked, RULES)
  if wrong then return nil, wrong end
  self.endpoint = asked
  return true
end

function Deliveries:unset()
  self.endpoint = nil
  return true
end

function Deliveries:wait(delivery, due)
  delivery.due, delivery.state = due, "waiting"
  self.later[#self.later + 1] = delivery
  self.next_due = math.min(self.next_due, due)
end

local function signed(body, endpoint)
  local signature = require("lomi.webhook").sign(body, endpoint.secret)
  if endpoint.bad_signature then
    signature = signature:gsub("^%x", function(digit) return digit == "0" and "1" or "0" end)
  end
  return signature
end

function Deliveries:add(event, body, timestamp, id, now)
  local endpoint = self.endpoint
  local delivery = {
    event = event, id = id, body = body, timestamp = timestamp, url = endpoint.url, tries = {}, state = "waiting",
    signature = signed(body, endpoint), attempts = endpoint.attempts or 5, backoff = endpoint.backoff or 0.5,
  }
  delivery.number = self.list:push(delivery, #body + 512)
  while self.list:over() and self.list:count() > 1 do
    local oldest = self.list:shift()
    if oldest.state == "waiting" then oldest.state, oldest.body = "dropped", "" end
  end
  if (endpoint.late or 0) > 0 then
    self:wait(delivery, now + endpoint.late)
  elseif endpoint.out_of_order and not self.swap then
    self.swap = delivery
    self:wait(delivery, now + SWAP_WITHIN)
  else
    self.ready:push(delivery)
    if self.swap and self.swap.id ~= id then
      self.swap.due, self.next_due = now, now
      self.swap = nil
    end
  end
end

---@param event string
---@param data table
---@param now number
function Deliveries:publish(event, data, now)
  if not self.endpoint then return end
  local id, timestamp = core.uuid4(), views.timestamp(now)
  local body = json.encode { id = id, event = event, timestamp = timestamp, data = data, lomi_environment = "sandbox" }
  for _ = 1, self.endpoint.twice and 2 or 1 do self:add(event, body, timestamp, id, now) end
end

function Deliveries:send(delivery)
  local tries, first = delivery.tries, #delivery.tries == 0
  local try = { time = views.timestamp(self.clock()) }
  tries[#tries + 1] = try
  local id, refused = self.engine:submit {
    method = "POST", url = delivery.url, body = delivery.body, timeout = TIMEOUT, connect_timeout = TIMEOUT, proxy = "",
    headers = {
      ["Content-Type"] = "application/json", ["User-Agent"] = "lomi.-Webhook/1.0",
      ["X-Lomi-Signature"] = delivery.signature, ["X-Lomi-Event"] = delivery.event,
      ["X-Lomi-Timestamp"] = delivery.timestamp,
    },
  }
  if not id then return self:ended(delivery, try, nil, refused) end
  delivery.state = "sending"
  self.in_flight[id], self.flying = { delivery = delivery, try = try, first = first }, self.flying + 1
  if first then self.first_in_flight = true end
end

-- 2xx is done, 4xx ends it, all else is tried again.
function Deliveries:ended(delivery, try, reply, failure)
  if reply then try.status = reply.status else try.error = failure.message end
  if reply and reply.status >= 200 and reply.status < 300 then
    delivery.state = "delivered"
  elseif reply and reply.status >= 400 and reply.status < 500 then
    delivery.state = "refused"
  elseif #delivery.tries >= delivery.attempts then
    delivery.state = "given_up"
  else
    self:wait(delivery, self.clock() + delivery.backoff * 2 ^ (#delivery.tries - 1))
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

-- What has waited long enough: first attempts go to the end of the queue, others straight out.
function Deliveries:wake(now)
  if now < self.next_due then return end
  local due, still = {}, {}
  self.next_due = math.huge
  for _, delivery in ipairs(self.later) do
    if delivery.due <= now and self.flying + #due < MAX_IN_FLIGHT then
      due[#due + 1] = delivery
    elseif delivery.state ~= "dropped" then
      still[#still + 1] = delivery
      self.next_due = math.min(self.next_due, delivery.due)
    end
  end
  self.later = still
  for _, delivery in ipairs(due) do
    if delivery == self.swap then self.swap = nil end
    if #delivery.tries == 0 then
      self.ready:push(delivery)
    elseif delivery.state == "waiting" then
      self:send(delivery)
    end
  end
end

--- Does what can be done now.
---@return number? seconds until there is something to do again; nil: never, by itself
function Deliveries:step()
  self:collect()
  self:wake(self.clock())
  while not self.first_in_flight and self.flying < MAX_IN_FLIGHT and self.ready:oldest() do
    local delivery = self.ready:shift()
    if delivery.state == "waiting" then self:send(delivery) end
  end
  local seconds = self.next_due < math.huge and math.max(self.next_due - self.clock(), 0) or nil
  -- When every place is taken, the next thing to happen is that one becomes free.
  if self.flying >= MAX_IN_FLIGHT then seconds = nil end
  local engine = self.engine:timeout()
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
    number = delivery.number, id = delivery.id, event = delivery.event, url = delivery.url, state = delivery.state,
    timestamp = delivery.timestamp, signature = delivery.signature, body = delivery.body,
    attempts = #delivery.tries, tries = delivery.tries[1] and delivery.tries or nil,
    status = delivery.tries[1] and delivery.tries[#delivery.tries].status or nil,
  }
end

return { new = new }
