-- SPDX-License-Identifier: MIT
--- The lomi. API: its operations as data, and the one way a request goes through them: route, key, rate limit,
--- idempotency, work.

local ascii = require "lomi.ascii"
local answer = require "lomi.sandbox.server.answer"
local Idempotency = require "lomi.sandbox.server.idempotency"
local json = require "lomi.sandbox.server.json"
local Limiter = require "lomi.sandbox.server.limiter"
local form = require "lomi.sandbox.server.form"
local charge_bodies = require "lomi.sandbox.server.charge_bodies"
local resources = require "lomi.sandbox.server.resources"
local routes = require "lomi.sandbox.server.routes"
local views = require "lomi.sandbox.server.views"

---@class lomi.sandbox.Operation
---@field [1] string method
---@field [2] string path
--- An answer, or nil and what answer.error takes.
---@field work fun(service: lomi.sandbox.Service, call: lomi.sandbox.Call): lomi.sandbox.Answer?, table?
---@field key_required boolean? strict insists on an idempotency key
---@field ignores_key boolean? an idempotency key changes nothing
---@field asks_twice boolean? the second call, with a confirmation_token, has another body under the same key

---@class lomi.sandbox.Service
local Service = {}
Service.__index = Service

-- The general limits of the service; shown in headers only, unless a test asks for limits of its own.
local GENERAL, CHARGING = { limit = 5000, window = 900 }, { limit = 120, window = 60 }

---@param options table of the sandbox
---@param ledger lomi.sandbox.Ledger
---@param clock fun(): number seconds since the epoch
---@param merchant lomi.sandbox.Merchant
---@param deliveries lomi.sandbox.Deliveries
---@return lomi.sandbox.Service
local function new(options, ledger, clock, merchant, deliveries)
  local self = setmetatable({ options = options, ledger = ledger, clock = clock, merchant = merchant,
    deliveries = deliveries }, Service)
  self.idempotency = options.idempotency ~= "ignored" and Idempotency.new(json.same) or nil
  local asked = options.rate_limit
  self.enforced = asked ~= nil
  self.general = Limiter.new((asked or GENERAL).limit, (asked or GENERAL).window)
  self.charging = asked and self.general or Limiter.new(CHARGING.limit, CHARGING.window)
  return self
end

local WEIGHT = 1200 -- bytes a charge takes beside its body, about

-- Operations ---------------------------------------------------------------------------------------------------------

local function find_charge(service, call)
  local charge = service.ledger:find(call.id, service.clock())
  if charge and charge.kind == "card" and charge.scope == call.scope then return charge end
  return nil, { status = 404, message = "No card charge of this organization has the id " .. call.id }
end

-- A move of the ledger as the API reports it.
local function refusal(reason, misuse)
  return nil, { status = misuse and 400 or 409, code = misuse and "amount_invalid" or nil, message = reason }
end

local function create_card(service, call)
  local params, fault, appearance = charge_bodies.card(call.params, call.warn, service.options)
  if not params then return nil, fault end
  local charge = service.ledger:create_card(call.scope, params, call.idempotency_key, WEIGHT + #call.body,
    service.clock())
  call.charge = charge
  local data = views.card(charge)
  data.appearance = appearance
  return answer.ok(201, { success = true, data = data,
    next_action = { type = "client_secret", client_secret = data.client_secret } })
end

local function get_card(service, call)
  local charge, fault = find_charge(service, call)
  if not charge then return nil, fault end
  call.charge = charge
  return answer.ok(200, { success = true, data = views.current(charge) })
end

local function cancel_card(service, call)
  local charge, fault = find_charge(service, call)
  if not charge then return nil, fault end
  call.charge = charge
  local ok, reason = service.ledger:cancel(charge, service.clock())
  if not ok and service.options.strict then return nil, { status = 500 } end -- as the service does
  if not ok then return refusal(reason) end
  return answer.ok(201, { success = true, data = { id = charge.id, status = charge.status } })
end

-- Capture and increment: an amount, and a move of the ledger.
local function move(name)
  return function(service, call)
    local charge, fault = find_charge(service, call)
    if not charge then return nil, fault end
    call.charge = charge
    local params
    params, fault = charge_bodies[name](call.params, call.warn, charge.original_currency, service.options)
    if not params then return nil, fault end
    local ok, reason, misuse = service.ledger[name](service.ledger, charge, params.amount, service.clock())
    if not ok then return refusal(reason, misuse) end
    return answer.ok(200, { success = true, data = views.current(charge) })
  end
end

local function create_mobile(kind)
  return function(service, call)
    local params, fault = charge_bodies[kind](call.params, call.warn, service.options)
    if not params then return nil, fault end
    local scenario = ascii.lower(call.headers["x-scenario-key"] or "")
    if scenario == "failed" then return nil, { message = "Charge failed (test scenario)" } end
    local charge = service.ledger:create_mobile(kind, call.scope, params, call.idempotency_key, WEIGHT + #call.body,
      service.clock(), scenario == "pending")
    call.charge = charge
    return answer.ok(201, views[kind](charge, call.origin .. "/pay/" .. charge.id))
  end
end

---@type lomi.sandbox.Operation[]
local OPERATIONS = {
  { "POST", "/charge/card", work = create_card, key_required = true },
  { "GET", "/charge/card/{id}", work = get_card },
  { "POST", "/charge/card/{id}/cancel", work = cancel_card, ignores_key = true },
  { "POST", "/charge/card/{id}/capture", work = move "capture", key_required = true },
  { "POST", "/charge/card/{id}/increment", work = move "increment", key_required = true },
  { "POST", "/charge/wave", work = create_mobile "wave", key_required = true },
  { "POST", "/charge/mtn", work = create_mobile "mtn", key_required = true },
}
for _, operation in ipairs(resources) do OPERATIONS[#OPERATIONS + 1] = operation end
routes.compile(OPERATIONS)

-- The way there -----------------------------------------------------------------------------------------------------

local LONGEST_KEY = 255 -- bytes; keys are kept for the rate limits

local KEY_HEADERS = { "x-api-key", "x-lomi-api-key", "authorization" }

-- A live key has no business here, whichever header it came in, and even beside a good one.
local function read_key(call)
  local key
  for _, name in ipairs(KEY_HEADERS) do
    local value = call.headers[name]
    if value and value:find("lomi_[sp]k_live") then
      return nil, "This is a sandbox: it refuses live keys. Use a test key (lomi_sk_test_…), and roll this one if it "
        .. "should not have come here"
    end
    if value and name == "authorization" then value = value:match("^Bearer ([^ \t]+)$") end
    if value ~= "" then key = key or value end
  end
  if not key then return nil, "No API key: send a secret test key (lomi_sk_test_…) in X-API-KEY" end
  if key:find("^lomi_pk_") then
    return nil, "A publishable key (lomi_pk_…) is for the browser; this API takes a secret test key (lomi_sk_test_…)"
  end
  if #key > LONGEST_KEY or not key:find("^lomi_sk_test_[A-Za-z0-9_%-]+$") then
    return nil, "The API key is malformed; a secret test key looks like lomi_sk_test_…"
  end
  return key
end

local function is_json(call)
  return ascii.lower(call.headers["content-type"] or ""):match("^([^ \t;]*)[ \t]*%f[;%z]") == "application/json"
end

local function refuse_body(message)
  return nil, { code = "bad_request", message = message }
end

-- JSON is read before the route, the key or anything else is looked at.
local function read_json(call)
  call.params = {}
  if call.body == "" or not is_json(call) then return true end
  local body, message = json.decode(call.body)
  if type(body) ~= "table" then
    return refuse_body("The body must be a JSON object" .. (message and ": " .. message or ""))
  end
  call.params = body
  return true
end

-- An operation on a charge needs no body.
local function check_body(call)
  if call.method ~= "POST" and call.method ~= "PATCH" or call.body == "" and call.id then return true end
  if call.body == "" then return refuse_body "The body is empty; it must be JSON" end
  if not is_json(call) then return refuse_body "Content-Type must be application/json" end
  if call.body:find("^[ \t\r\n]*%[") then return refuse_body "The body must be a JSON object" end
  return true
end

function Service:limits(call)
  local charging = call.method == "POST"
  local limiter = charging and self.charging or self.general
  local remaining, wait = limiter:hit(call.scope, self.clock())
  call.reply_headers["X-RateLimit-Limit"] = ("%d"):format(limiter.limit)
  call.reply_headers["X-RateLimit-Remaining"] = ("%d"):format(math.max(remaining, 0))
  call.reply_headers["X-RateLimit-Window-Seconds"] = ("%d"):format(math.ceil(limiter.window))
  if self.enforced and remaining < 0 then
    return nil, { status = 429, retry_after = math.max(math.ceil(wait), 1), limit = limiter.limit }
  end
  return true
end

local function failed(call, fault)
  return answer.error(fault.status or 400, call.request_id, fault)
end

-- The operation itself.
local function work(service, call, operation)
  local done, fault = operation.work(service, call)
  return done or failed(call, fault)
end

local REFUSALS = {
  reused = { status = 409, code = "idempotency_key_reused",
    message = "This Idempotency-Key was used before with another body" },
  in_progress = { status = 409, code = "idempotency_in_progress",
    message = "The first request with this Idempotency-Key is still running; retry with the same key" },
}

-- The work under its idempotency key.
local function once(service, call, operation, recorded, works)
  local key = Idempotency.read_key(call.headers["idempotency-key"])
  if not key and operation.key_required then
    if service.options.strict then
      return failed(call, { code = "idempotency_key_required",
        message = "Idempotency-Key is required on POST " .. operation[2] })
    end
    call.warn("no Idempotency-Key: live requires one here")
  end
  call.idempotency_key = key
  local verdict, stored = "new", nil
  if key then
    local second = operation.asks_twice and call.params.confirmation_token and "\nconfirmed" or ""
    local route = call.path:gsub("/$", "")
    verdict, call.intent, stored = service.idempotency:begin(call.scope .. "\n" .. route .. "\n" .. key .. second,
      call.body, service.clock())
  end
  if REFUSALS[verdict] then return failed(call, REFUSALS[verdict]) end
  if stored then
    call.replayed = true
    return stored
  end

  if recorded and not works then return recorded end
  local done = work(service, call, operation)
  return recorded or done
end

--- The answer to a request. Its idempotency key is in progress until `finish`: a caller that gives up waiting has a
--- charge all the same, and a retry meanwhile finds the key in progress.
---@param call lomi.sandbox.Call
---@param recorded lomi.sandbox.Answer? given instead of the true one, and kept under the idempotency key
---@param works boolean? the work is done even so
---@return lomi.sandbox.Answer
function Service:answer(call, recorded, works)
  local ok, fault = read_json(call)
  if not ok then return failed(call, fault) end
  local operation, id, second_id = routes.match(OPERATIONS, call.method, call.path)
  if not operation then
    return failed(call, { status = 404, message = ("Cannot %s %s"):format(call.method, call.path) })
  end
  call.id, call.second_id, call.query_fields = id, second_id, form.decode(call.query)
  local key, reason = read_key(call)
  if not key then return failed(call, { status = 401, message = reason }) end
  local account = call.headers["lomi-account"]
  if account and not account:find("^acct_[A-Za-z0-9_%-]+$") then call.warn("Lomi-Account does not look like acct_…") end
  call.scope = key .. "\n" .. (account or "")
  ok, fault = self:limits(call)
  if ok then ok, fault = check_body(call) end
  if not ok then return failed(call, fault) end

  if call.method == "POST" and self.idempotency and not operation.ignores_key then
    return once(self, call, operation, recorded, works)
  end
  return recorded or work(self, call, operation)
end

--- The wait of an injected fault is over, or there was none.
---@param call lomi.sandbox.Call
---@param done lomi.sandbox.Answer? kept under the idempotency key; nil: a bug of ours, which leaves the key free
function Service:finish(call, done)
  local intent = call.intent
  if not intent then return end
  call.intent = nil
  if done then self.idempotency:complete(intent, done) else self.idempotency:abandon(intent) end
end

return { new = new }
