-- SPDX-License-Identifier: MIT
--- Webhooks on their way out: signed, tried again, and, if a test wants so, doubled, late, out of order or wrongly
--- signed. Works beside the requests and holds none of them up. Each endpoint has a queue, see endpoint_queue.lua.

local core = require "lomi.core"
local Fifo = require "lomi.sandbox.server.fifo"
local EndpointQueue = require "lomi.sandbox.server.endpoint_queue"
local rules = require "lomi.rules"
local json = require "lomi.sandbox.server.json"
local views = require "lomi.sandbox.server.views"

local TIMEOUT = 4 -- seconds the service waits for a 2xx
local WEIGHT = 1024 -- bytes a delivery takes beside its body, about

--- How badly webhooks are delivered.
---@class lomi.sandbox.WebhookOptions
local OPTIONS = {
  twice = { type = "boolean" }, -- every event twice, with the same id
  -- seconds an event waits before it is sent
  late = { type = "number", min = 0, max = 1e6, says = "a number of seconds, at least 0" },
  out_of_order = { type = "boolean" }, -- every other event is overtaken by the one after it
  bad_signature = { type = "boolean" }, -- one digit of the signature is wrong
  attempts = { type = "whole", min = 1, max = 20 }, -- 1 to 20, how often it is tried in all (5)
  -- seconds after the first attempt that failed, then twice as many each time (0.5)
  backoff = { type = "number", min = 0, max = 3600, says = "a number of seconds from 0 to 3600" },
}

local RULES = {
  url = { type = "string", required = true, pattern = "^https?://[^ \t-\r/]", says = "an http or https URL" },
  secret = { type = "string", required = true, secret = true, pattern = "^[!#-&(-_a-~]+$",
    says = "the endpoint's secret (whsec_…)" },
}
for name, rule in pairs(OPTIONS) do RULES[name] = rule end

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
---@field queues lomi.sandbox.EndpointQueue[] one for each endpoint, by its URL too
local Deliveries = {}
Deliveries.__index = Deliveries

---@param clock fun(): number the sandbox's, which tests may advance
---@param engine table lomi.transport.Queue  for nobody else
local function new(clock, engine)
  local self = setmetatable({ clock = clock, engine = engine, list = Fifo.new(), queues = {}, in_flight = {} },
    Deliveries)
  self.submit = function(queue, delivery) self:send(queue, delivery) end
  return self
end

--- The queue to a URL.
---@return lomi.sandbox.EndpointQueue
function Deliveries:queue(url)
  if self.queues[url] then return self.queues[url] end
  local queues = {}
  for _, queue in ipairs(self.queues) do
    if not queue:is_idle() then queues[#queues + 1], queues[queue.url] = queue, queue end
  end
  local queue = EndpointQueue.new(self.clock, self.submit)
  queue.url, queues[#queues + 1], queues[url] = url, queue, queue
  self.queues = queues
  return queue
end

--- Where to deliver from now on, and how badly.
---@return boolean? ok, string? reason
function Deliveries:set(asked)
  local reason = rules.check(asked, RULES, "field")
  if reason then return nil, reason end
  self.endpoint = asked
  self:queue(asked.url):trust()
  return true
end

function Deliveries:unset()
  self.endpoint = nil
  return true
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
  self:queue(endpoint.url):add(delivery, now)
  self.list:trim(function(oldest)
    if oldest.state ~= "waiting" then return end
    oldest.state, oldest.body = "dropped", ""
    self:queue(oldest.endpoint.url):drop()
  end)
  return delivery
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

function Deliveries:send(queue, delivery)
  local endpoint, now = delivery.endpoint, self.clock()
  local try, seconds = { time = views.timestamp(now), log_id = core.uuid4() }, ("%d"):format(math.floor(now))
  table.insert(delivery.tries, try)
  local id, err = self.engine:submit {
    method = "POST", url = endpoint.url, body = delivery.body, timeout = TIMEOUT, connect_timeout = TIMEOUT, proxy = "",
    headers = {
      ["Content-Type"] = "application/json", ["User-Agent"] = "lomi.-Webhook/1.0",
      ["X-Lomi-Signature"] = delivery.signature, ["X-Lomi-Event"] = delivery.event,
      ["X-Lomi-Signature-V1"] = ("t=%s,v1=%s"):format(seconds, signed(seconds .. "." .. delivery.body, endpoint)),
      ["X-Lomi-Timestamp"] = delivery.timestamp,
    },
  }
  if id then
    self.in_flight[id] = { queue = queue, delivery = delivery, try = try }
  else
    try.error = err.message
    queue:ended(delivery)
  end
end

-- Also with nothing in flight: connections kept alive end some day, and the engine has to hear of it.
function Deliveries:collect()
  while true do
    local id, reply, err = self.engine:step(0)
    if not id then return end
    local flight = self.in_flight[id]
    if flight then
      self.in_flight[id] = nil
      if reply then flight.try.status = reply.status else flight.try.error = err.message end
      flight.queue:ended(flight.delivery, flight.try.status)
    end
  end
end

--- Does what can be done now.
---@return number? seconds until there is something to do again; nil: never, by itself
function Deliveries:step()
  self:collect()
  local least = math.huge
  for _, queue in ipairs(self.queues) do least = math.min(least, queue:step() or math.huge) end
  least = math.min(least, self.engine:timeout() or math.huge)
  return least < math.huge and least or nil
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
