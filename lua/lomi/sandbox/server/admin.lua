-- SPDX-License-Identifier: MIT
--- The operations under /_sandbox, by which tests drive the sandbox, as data. `init.lua` is their client.

local ascii = require "lomi.ascii"
local core = require "lomi.core"
local answer = require "lomi.sandbox.server.answer"
local cards = require "lomi.sandbox.server.cards"
local rules = require "lomi.rules"
local json = require "lomi.sandbox.server.json"
local routes = require "lomi.sandbox.server.routes"
local subscriptions = require "lomi.sandbox.server.subscriptions"
local views = require "lomi.sandbox.server.views"

local MOMENT = 5 / 1000 -- seconds between two looks for a webhook
local PAGE = 1024 * 1024 -- bytes of a list in one reply, about; clients hold 4 MiB at most

local M = {}

-- Lists are read in pages: ?from=SERIAL, and `next` says where the next one begins.
local function page(call, queue, view)
  local from = tonumber((call.query or ""):match("from=(%d+)")) or 0
  local items, size, serial = {}, 0, math.max(from, queue.first)
  while serial <= queue.last and size < PAGE do
    local item = queue:get(serial)
    item = json.encode_item(view and view(item) or item)
    items[#items + 1], size, serial = item, size + #item, serial + 1
  end
  local rest = serial <= queue.last and (',"next":%d'):format(serial) or nil
  return { status = 200, body = json.with_list("data", items, rest) }
end

local function ok(data)
  return answer.ok(200, { data = data })
end

-- Answers what was done, or what was wrong with the body.
local function done(accepted, reason)
  if not accepted then return nil, { message = reason } end
  return ok {}
end

local function find_charge(app, call)
  local charge = app.charges:find(call.id, app.clock())
  if charge then return charge end
  return nil, { status = 404, message = "the sandbox has no charge " .. rules.shown(call.id) }
end

-- Answers a change of a charge's status: with the charge, or with the reason.
local function moved(charge, accepted, reason, misuse)
  if accepted then return ok(views.listed(charge)) end
  return nil, { status = misuse and 400 or 409, message = reason }
end

local EXPIRY = "an expiry as MM/YY, such as 12/34"

local CONFIRM = {
  card = { type = "string", required = true, secret = true, says = 'a test card number, such as "4242424242424242"' },
  expiry = { type = "string", says = EXPIRY },
  cvc = { type = "string", pattern = "^%d%d%d%d?$", says = "a string of three or four digits", secret = true },
}

local function confirm(app, call, body)
  local charge, refusal = find_charge(app, call)
  if not charge then return nil, refusal end
  local past
  if body.expiry then
    past = cards.is_past(body.expiry, app.clock())
    if past == nil then return nil, { message = "expiry must be " .. EXPIRY } end
  end
  return moved(charge, app.charges:confirm(charge, body.card, past, app.clock()))
end

local function authenticate(app, call, body)
  local charge, refusal = find_charge(app, call)
  if not charge then return nil, refusal end
  return moved(charge, app.charges:authenticate(charge, body.succeeds ~= false, app.clock()))
end

local function save_card(app, call, body)
  for item in app.merchant.stores.subscriptions:each() do
    if item.data.subscription_id == call.id then return done(subscriptions.save_card(item, body.card)) end
  end
  return nil, { status = 404, message = "the sandbox has no subscription " .. rules.shown(call.id) }
end

local TAKE = {
  event = { type = "string" },
  wait = { type = "number", min = 0, max = 25, says = "a number of seconds from 0 to 25" },
}

-- Waits for the webhook without holding up anybody: the one it waits for comes in through this very server.
local function take_webhook(app, _, body)
  local ends = core.now() + (body.wait or 0)
  while true do
    local webhook = app.inbox:take(body.event)
    if webhook then return ok { webhook = webhook } end
    if core.now() >= ends then return ok {} end
    coroutine.yield(MOMENT)
  end
end

local OPERATIONS = routes.compile {
  { "GET", "/_sandbox", work = function(app)
    return ok { sandbox = "lomi", strict = app.options.strict == true }
  end },
  { "GET", "/_sandbox/stats", work = function(app) return ok(app:stats()) end },
  { "GET", "/_sandbox/requests", work = function(app, call)
    return page(call, app.journal.entries)
  end },
  { "GET", "/_sandbox/charges", work = function(app, call)
    app.charges:expire(app.clock())
    return page(call, app.charges.queue, views.listed)
  end },
  { "POST", "/_sandbox/faults", work = function(app, _, body) return done(app.faults:add(body)) end },
  { "DELETE", "/_sandbox/faults", work = function(app) return done(app:clear_faults()) end },
  { "POST", "/_sandbox/chaos", work = function(app, _, body) return done(app:set_chaos(body)) end },
  { "POST", "/_sandbox/charges/{id}/confirm", fields = CONFIRM, work = confirm },
  { "POST", "/_sandbox/charges/{id}/authenticate", fields = { succeeds = { type = "boolean" } },
    work = authenticate },
  { "POST", "/_sandbox/subscriptions/{id}/card", fields = { card = CONFIRM.card }, work = save_card },
  { "POST", "/_sandbox/clock",
    fields = { advance = { type = "number", min = 0, max = 1e9, required = true,
      says = "a number of seconds, at least 0" } },
    work = function(app, _, body)
      app:advance(body.advance)
      return ok { now = views.timestamp(app.clock()) }
    end },
  { "POST", "/_sandbox/webhook", work = function(app, _, body) return done(app.deliveries:set(body)) end },
  { "DELETE", "/_sandbox/webhook", work = function(app) return done(app.deliveries:unset()) end },
  { "GET", "/_sandbox/deliveries", work = function(app, call)
    return page(call, app.deliveries.list, app.deliveries.view)
  end },
  { "POST", "/_sandbox/inbox", raw = true, work = function(app, call)
    -- One on its way when the sandbox was reset belongs to the world before.
    local world = tonumber((call.query or ""):match("world=(%d+)"))
    if not world or world == app.resets then app.inbox:add(call.headers, call.body) end
    return ok {}
  end },
  { "POST", "/_sandbox/inbox/take", fields = TAKE, work = take_webhook },
  { "POST", "/_sandbox/reset", fields = {}, work = function(app) return done(app:reset()) end },
}

local function decoded(call)
  if call.body == "" then return {} end
  local body, message = json.decode(call.body)
  if type(body) ~= "table" or call.body:find("^[ \t\r\n]*%[") then
    return nil, "the body must be a JSON object" .. (message and ": " .. message or "")
  end
  for name, value in pairs(body) do
    if value == json.null then body[name] = nil end
  end
  return body
end

-- A page in the developer's browser must not drive or read the sandbox: neither from another origin, nor by a name of
-- its own that leads to this machine (DNS rebinding).
local function is_foreign(app, call)
  local origin, host = call.headers.origin, ascii.lower(call.headers.host or "localhost")
  if origin and ascii.lower(origin) ~= ascii.lower(call.origin) then return true end
  local name = host:match("^(%[.*%])") or host:match("^[^:]*")
  if name == "localhost" or name == "[::1]" or name:find("^127%.%d+%.%d+%.%d+$") then return false end
  return not (app.options.elsewhere and name:find("^[%[%x:%.%]]+$"))
end

--- Whether a path is ours.
function M.matches(path)
  return path == "/_sandbox" or path:find("^/_sandbox/") ~= nil
end

---@param app lomi.sandbox.App
---@param call lomi.sandbox.Call
---@return lomi.sandbox.Answer
function M.answer(app, call)
  if is_foreign(app, call) then
    return answer.error(403, call.request_id, { message = "/_sandbox/ answers to this machine, not to web pages: Host "
      .. "must be 127.0.0.1, [::1] or localhost, and Origin, if there is one, the sandbox itself" })
  end
  local operation, id = routes.match(OPERATIONS, call.method, call.path)
  if not operation then
    return answer.error(404, call.request_id, { message = ("the sandbox has no %s %s"):format(call.method, call.path) })
  end
  if id == false then
    return answer.error(400, call.request_id, { message = "the path is not percent-encoded UTF-8" })
  end
  call.id = id
  local body, reason
  if not operation.raw then body, reason = decoded(call) end
  if body and operation.fields then reason = rules.check(body, operation.fields, "field") end
  if reason then return answer.error(400, call.request_id, { message = reason }) end
  local reply, refusal = operation.work(app, call, body)
  return reply or answer.error(refusal.status or 400, call.request_id, refusal)
end

return M
