-- SPDX-License-Identifier: MIT
--- The sandbox's application: every request comes in here, and is the API's, the payer's page's, or a test's.
--- Runs in the server's Lua state: `new` in the thread that starts the server, the rest in the server's two threads,
--- which take turns. `handle` may yield seconds to wait.

local core = require "lomi.core"
local redact = require "lomi.redact"
local curl = require "lomi.transport.curl"
local Chaos = require "lomi.sandbox.server.chaos"
local Deliveries = require "lomi.sandbox.server.deliveries"
local Fifo = require "lomi.sandbox.server.fifo"
local Inbox = require "lomi.sandbox.server.inbox"
local RequestJournal = require "lomi.sandbox.server.request_journal"
local Charges = require "lomi.sandbox.server.charges"
local Merchant = require "lomi.sandbox.server.merchant"
local Api = require "lomi.sandbox.server.api"
local admin = require "lomi.sandbox.server.admin"
local answer = require "lomi.sandbox.server.answer"
local checkout_page = require "lomi.sandbox.server.checkout_page"
local checkout_sessions = require "lomi.sandbox.server.checkout_sessions"
local faults = require "lomi.sandbox.server.faults"
local endpoints = require "lomi.sandbox.server.endpoints"
local access_log = require "lomi.sandbox.server.access_log"
local pay = require "lomi.sandbox.server.pay"
local subscriptions = require "lomi.sandbox.server.subscriptions"
local views = require "lomi.sandbox.server.views"

-- Connections remembered as counted; one that is older and still used is counted again.
local CONNECTIONS = { items = 65536, weight = math.huge }

---@class lomi.sandbox.Call one request on its way through
---@field method string
---@field path string without the query
---@field query string?
---@field body string
---@field headers table<string, string> the request's, by lower-case name; a repeated one joined by ", "
---@field params table the body, where it is JSON
---@field request_id string the caller's own, where it sent one
---@field reply_headers table<string, string>
---@field warn fun(text: string)
---@field id string? from the path
---@field second_id string? likewise
---@field query_fields table<string, string>
---@field origin string scheme, host and port as the client sees them
---@field warnings string[]
---@field scope string whose request it is: the key, and the account
---@field idempotency_key string?
---@field intent lomi.sandbox.Intent? of the key, while it is in progress
---@field replayed boolean?
---@field charge lomi.sandbox.Charge? what it was about
---@field fault string? the injected fault, in words
---@field bug string? why the sandbox itself failed

---@class lomi.sandbox.App
local App = {}
App.__index = App

---@param options string JSON, as init.lua has checked them
local function new(options)
  local self = setmetatable({}, App)
  self.options = assert(core.decode(options))
  self.wall, self.mono = os.time(), core.now()
  self.clock = function() return self.wall + (core.now() - self.mono) + self.offset end
  self:reset()
  return self
end

local function random_hex()
  return (core.uuid4():gsub("-", ""))
end

--- Resets all state. A request in flight completes against the old state.
function App:reset()
  self.resets = (self.resets or -1) + 1
  self.offset = 0
  self.journal = RequestJournal.new()
  self.inbox = Inbox.new()
  if self.engine then self.engine:cancel() else self.engine = assert(curl.queue()) end
  self.deliveries = Deliveries.new(self.clock, self.engine)
  local deliveries = self.deliveries
  self.charges = Charges.new {
    random = random_hex,
    uuid = core.uuid4,
    amounts = self.options.amounts,
    on_event = function(event, charge, now)
      local more = self.merchant:on_charge(event, charge, now)
      local targets = endpoints.of_event(self.merchant, charge.scope, event)
      if not deliveries.endpoint and not targets[1] then return end
      local data = views.event(charge, self.charges.organization)
      for name, value in pairs(more) do data[name] = value end
      deliveries:publish(event, data, now, targets)
    end,
  }
  self.merchant = Merchant.new {
    random = random_hex, uuid = core.uuid4, clock = self.clock, organization = self.charges.organization,
    amounts = self.options.amounts,
    publish = function(event, scope, data, now)
      deliveries:publish(event, data, now, endpoints.of_event(self.merchant, scope, event))
    end,
    on_session_paid = function(_, session, transaction) checkout_sessions.on_paid(self, session, transaction) end,
  }
  self.api = Api.new(self.options, self.charges, self.clock, self.merchant, deliveries)
  self.connections, self.counted = Fifo.new(CONNECTIONS), {}
  self:clear_faults()
  return true
end

function App:clear_faults()
  self.faults, self.chaos = faults.queue(), nil
  return true
end

---@return boolean? ok, string? reason
function App:set_chaos(asked)
  local chaos, reason = Chaos.new(asked)
  if not chaos then return nil, reason end
  self.chaos = chaos
  return true
end

function App:advance(seconds)
  self.offset = self.offset + seconds
  self.charges:expire(self.clock())
  checkout_sessions.tick(self)
  subscriptions.tick(self)
end

function App:stats()
  return {
    accepts = self.connections.last,
    requests = self.journal.entries.last,
    charges = self.charges.made,
    resets = self.resets,
    forgotten_charges = self.charges.forgotten,
    memory = math.floor(collectgarbage("count") * 1024),
  }
end

-- A connection counts from its first request that is not a test's.
local function count_connection(app, serial)
  if app.counted[serial] then return end
  app.counted[serial] = true
  app.connections:push(serial)
  app.connections:trim(function(oldest) app.counted[oldest] = nil end)
end

local MOST_WARNINGS = 20 -- kept of one request, whose sender could cause any number

-- Adds a warning to a list. A name in it is the caller's.
local function warn(warnings, text)
  if #warnings < MOST_WARNINGS then
    warnings[#warnings + 1] = redact.secrets(text)
  elseif #warnings == MOST_WARNINGS then
    warnings[#warnings + 1] = "there are more warnings than these"
  end
end

local function open(app, request)
  local path, query = request.target:match("^([^?#]*)%??([^#]*)")
  local headers = request.headers
  local request_id = headers["x-request-id"]
  local call = {
    method = request.method, path = path, query = query ~= "" and query or nil, body = request.body or "",
    headers = headers, request_id = request_id and request_id ~= "" and request_id or core.uuid4(),
    reply_headers = {}, warnings = {},
  }
  call.warn = function(text) warn(call.warnings, text) end
  call.origin = (app.options.tls and "https" or "http") .. "://" .. (headers.host or "127.0.0.1")
  return call
end

local function header_text(text)
  return (text:gsub("…", "..."):gsub("[^\32-\126]", "?"))
end

-- An answer as the server sends it.
local function to_response(call, done)
  local headers = { ["Content-Type"] = "application/json; charset=utf-8", ["X-Request-Id"] = done.request_id
    or call.request_id }
  for name, value in pairs(call.reply_headers) do headers[name] = value end
  for name, value in pairs(done.headers or {}) do headers[name] = value end
  if call.warnings[1] then
    headers["X-Sandbox-Warning"] = header_text(table.concat(call.warnings, "; ")):sub(1, 4000)
  end
  return { status = done.status, headers = headers, body = done.body }
end

-- The API, with an injected fault if one is due.
local function serve_api(app, call)
  local fault = app.faults:take(call.method, call.path)
  if not fault and app.chaos then fault = app.chaos:take() end
  if not fault then
    local done = app.api:answer(call)
    app.api:finish(call, done)
    if call.replayed then call.reply_headers["Idempotency-Cache-Hit"] = "true" end
    return to_response(call, done), true
  end

  call.fault = fault.description
  local done
  if fault.charged then done = app.api:answer(call, faults.recorded(fault, call.request_id), fault.works) end
  if fault.delay then coroutine.yield(fault.delay) end
  app.api:finish(call, done)
  local leaving = faults.answer(fault, done, call.request_id)
  if call.replayed and done and leaving.status == done.status then
    call.reply_headers["Idempotency-Cache-Hit"] = "true"
  end
  return faults.send(fault, to_response(call, leaving))
end

local function serve_page(app, call, page)
  local response = page.serve(app, call)
  response.headers["X-Request-Id"] = call.request_id
  return response, true
end

---@param request table { method, target, headers, body, connection }
---@return table response as the server takes it
function App:handle(request)
  local call = open(self, request)
  if admin.matches(call.path) then return to_response(call, admin.answer(self, call)) end

  count_connection(self, request.connection)
  local started = core.now()
  local entry = self.journal:add(request, call.path, call.query, self.clock(), call.request_id)
  local page = checkout_page.matches(call.path) and checkout_page or nil
  if pay.matches(call.path) then page, entry.body = pay, "[hidden]" end -- a card number may be in it
  local ok, response, arrives = pcall(page and serve_page or serve_api, self, call, page)
  if not ok then
    call.bug = tostring(response)
    self.api:finish(call)
    response = to_response(call, answer.error(500, call.request_id, { message = "The sandbox itself failed: "
      .. call.bug }))
    arrives = true
  end
  entry.status, entry.fault, entry.replayed = arrives and response.status or nil, call.fault, call.replayed
  entry.warnings = call.warnings[1] and call.warnings or nil
  local style = self.options.log
  if style and not access_log.request(style, call, entry, core.now() - started, self.clock()) then
    self.options.log = nil
    io.stderr:write "lomi: requests are printed no more: standard output cannot be written\n"
  end
  return response
end

--- The work beside the requests: webhooks.
---@return number? seconds until there is something to do again
function App:step()
  return self.deliveries:step()
end

--- Readable when `step` has something to do.
function App:pollfd()
  return self.engine:pollfd()
end

return { new = new }
