-- SPDX-License-Identifier: MIT
--- The one way of a request through the lomi. API: JSON, route, key, rate limit, body, idempotency key, work.

local ascii = require "lomi.ascii"
local answer = require "lomi.sandbox.server.answer"
local request_bodies = require "lomi.sandbox.server.request_bodies"
local form = require "lomi.sandbox.server.form"
local Idempotency = require "lomi.sandbox.server.idempotency"
local json = require "lomi.sandbox.server.json"
local Limiter = require "lomi.sandbox.server.limiter"
local OPERATIONS = require "lomi.sandbox.server.operations"
local routes = require "lomi.sandbox.server.routes"

---@class lomi.sandbox.Api
local Api = {}
Api.__index = Api

-- The general limits of the service; shown in headers only, unless a test asks for limits of its own.
local GENERAL, CHARGING = { limit = 5000, window = 900 }, { limit = 120, window = 60 }

-- A POST to these counts against the limit for charges, as does every POST of a charge.
local MONEY = {
  ["/checkout-sessions"] = true, ["/payment-requests"] = true, ["/refunds"] = true, ["/payouts"] = true,
}

---@param options table of the sandbox
---@param charges lomi.sandbox.Charges
---@param clock fun(): number seconds since the epoch
---@param merchant lomi.sandbox.Merchant
---@param deliveries lomi.sandbox.Deliveries
local function new(options, charges, clock, merchant, deliveries)
  local self = setmetatable({ options = options, charges = charges, clock = clock, merchant = merchant,
    deliveries = deliveries }, Api)
  self.idempotency = options.idempotency ~= "ignored" and Idempotency.new(json.same) or nil
  local asked = options.rate_limit
  self.enforced = asked ~= nil
  self.general = Limiter.new((asked or GENERAL).limit, (asked or GENERAL).window)
  self.charging = asked and self.general or Limiter.new(CHARGING.limit, CHARGING.window)
  return self
end

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

local BOM = "\239\187\191" -- a byte order mark in UTF-8

-- JSON is read before the route, the key or anything else is looked at.
local function read_json(call)
  call.params = {}
  if call.body == "" or not is_json(call) then return true end
  if call.body:sub(1, #BOM) == BOM then
    call.body = call.body:sub(#BOM + 1)
    call.warn "the body begins with a byte order mark, which JSON does not have"
  end
  local body, message = json.decode(call.body)
  if type(body) ~= "table" then
    return refuse_body("The body must be a JSON object" .. (message and ": " .. message or ""))
  end
  call.params = body
  return true
end

-- An operation on a record that the path names may have no body.
local function check_body(call)
  if call.method ~= "POST" and call.method ~= "PATCH" or call.body == "" and call.id then return true end
  if call.body == "" then return refuse_body "The body is empty; it must be JSON" end
  if not is_json(call) then return refuse_body "Content-Type must be application/json" end
  if call.body:find("^[ \t\r\n]*%[") then return refuse_body "The body must be a JSON object" end
  return true
end

function Api:limits(call, operation)
  local charging = call.method == "POST" and (MONEY[operation[2]] or operation[2]:find("^/charge/"))
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

local function failed(call, refusal)
  return answer.error(refusal.status or 400, call.request_id, refusal)
end

-- The operation itself, with what its row asks for.
local function work(api, call, operation)
  if operation.unsimulated then call.warn "not simulated" end
  local params, done, item, refusal = call.params
  if operation.on then item, refusal = api.merchant:find(operation.on, call.scope, call.id) end
  if operation.body and not refusal then
    params, refusal = request_bodies.check(operation.body, params, call.warn)
  end
  if not refusal then done, refusal = operation.work(api, call, params, item) end
  return done or failed(call, refusal)
end

local REFUSALS = {
  reused = { status = 409, code = "idempotency_key_reused",
    message = "This Idempotency-Key was used before with another body" },
  in_progress = { status = 409, code = "idempotency_in_progress",
    message = "The first request with this Idempotency-Key is still running; retry with the same key" },
}

-- The work under its idempotency key.
local function once(api, call, operation, recorded, works)
  local key = Idempotency.read_key(call.headers["idempotency-key"])
  if not key and operation.key_required then
    if api.options.strict then
      return failed(call, { code = "idempotency_key_required",
        message = "Idempotency-Key is required on POST " .. operation[2] })
    end
    call.warn("no Idempotency-Key: live requires one here")
  end
  call.idempotency_key = key
  local verdict, stored = "new", nil
  if key then
    local second = operation.asks_twice and call.params.confirmation_token and "\nconfirmed" or ""
    verdict, call.intent, stored = api.idempotency:begin(call.scope .. "\n" .. call.path .. "\n" .. key .. second,
      call.body, api.clock())
  end
  if REFUSALS[verdict] then return failed(call, REFUSALS[verdict]) end
  if stored then
    call.replayed = true
    return stored
  end

  if recorded and not works then return recorded end
  local done = work(api, call, operation)
  return recorded or done
end

-- The path of a route, however it was written.
local function same_path(path, ids)
  local count = 0
  return (path:gsub("{id}", function()
    count = count + 1
    return ids[count]
  end))
end

-- A parameter without a value is absent; but an empty cursor must not begin the list again.
local function query_fields(query)
  local fields = form.decode(query)
  for name, value in pairs(fields) do
    if value == "" and name ~= "cursor" then fields[name] = nil end
  end
  return fields
end

--- The answer to a request. Its idempotency key is in progress until `finish`: a caller that gives up waiting has a
--- charge all the same, and a retry meanwhile finds the key in progress.
---@param call lomi.sandbox.Call
---@param recorded lomi.sandbox.Answer? given instead of the true one, and kept under the idempotency key
---@param works boolean? the work is done even so
---@return lomi.sandbox.Answer
function Api:answer(call, recorded, works)
  local ok, refusal = read_json(call)
  if not ok then return failed(call, refusal) end
  local method = call.method == "HEAD" and "GET" or call.method -- its answer without the body
  local operation, id, second_id = routes.match(OPERATIONS, method, call.path)
  if not operation then
    return failed(call, { status = 404, message = ("Cannot %s %s"):format(call.method, call.path) })
  end
  if id == false or second_id == false then
    return failed(call, { message = "The path is not percent-encoded UTF-8" })
  end
  call.path = same_path(operation[2], { id, second_id })
  call.id, call.second_id, call.query_fields = id, second_id, query_fields(call.query)
  local key, reason = read_key(call)
  if not key then return failed(call, { status = 401, message = reason }) end
  local account = call.headers["lomi-account"] or ""
  if account ~= "" and not account:find("^acct_[A-Za-z0-9_%-]+$") then
    call.warn("Lomi-Account does not look like acct_…")
  end
  call.scope = key .. "\n" .. account
  ok, refusal = self:limits(call, operation)
  if ok then ok, refusal = check_body(call) end
  if not ok then return failed(call, refusal) end

  if call.method == "POST" and self.idempotency and not operation.ignores_key then
    return once(self, call, operation, recorded, works)
  end
  return recorded or work(self, call, operation)
end

--- The wait of an injected fault is over, or there was none.
---@param call lomi.sandbox.Call
---@param done lomi.sandbox.Answer? kept under the idempotency key; nil: a bug of ours, which leaves the key free
function Api:finish(call, done)
  local intent = call.intent
  if not intent then return end
  call.intent = nil
  if done then self.idempotency:complete(intent, done) else self.idempotency:abandon(intent) end
end

return { new = new }
