-- SPDX-License-Identifier: MIT
--- A lomi. API on this machine: a real server, in threads of its own, to test a shop against.
---
---     local sandbox = require("lomi.sandbox").start()
---     local client = lomi.new { api_key = "lomi_sk_test_demo", base_url = sandbox.url }
---
--- This file runs in the program's Lua state; everything in sandbox/server/ runs in one of the server's own. There the
--- modules are loaded, and `new` of app.lua runs, in the thread that calls `start`; then the server's two threads take
--- turns.
--- A handle drives it over HTTP, under /_sandbox/…, so a sandbox in another process works the same way.

local ascii = require "lomi.ascii"
local core = require "lomi.core"
local rules = require "lomi.rules"

local M = {}

local TIMEOUT = 30 -- seconds; the server answers its own questions at once

---@class lomi.sandbox.RateLimit
local RATE_LIMIT = {
  limit = { type = "whole", min = 1, required = true }, -- requests, 1 or more
  window = { type = "number", above = 0, required = true, says = "a number of seconds above 0" }, -- per so many seconds
}

--- The options of `start`; all are optional.
---@class lomi.sandbox.Options
local OPTIONS = {
  port = { type = "whole", min = 0, max = 65535 }, -- 0, the default: any free one
  -- a numeric address; 127.0.0.1 unless told otherwise
  host = { type = "string", pattern = "^[%x%.:]+$", says = 'a numeric address, such as "127.0.0.1"' },
  -- as the live service where it asks for more than its documentation: a customer, a key
  strict = { type = "boolean" },
  -- the unit of USD and EUR amounts; "minor" plays a service that takes cents ("main")
  amounts = { one_of = { "main", "minor" } },
  idempotency = { one_of = { "honoured", "ignored" } }, -- "ignored" plays an old deployment ("honoured")
  -- "skipped" plays a deployment that moves money at the first call ("asked")
  confirmation = { one_of = { "asked", "skipped" } },
  -- over it is 429; nil: headers only
  rate_limit = { type = "table", says = "a table { limit =, window = }", fields = RATE_LIMIT },
  -- a certificate in PEM; with `tls_key`, the sandbox speaks https
  tls_cert = { type = "string", pattern = "BEGIN CERTIFICATE", says = "a certificate in PEM", secret = true },
  -- its private key in PEM
  tls_key = { type = "string", pattern = "PRIVATE KEY", says = "a private key in PEM", secret = true },
  -- a path: what this handle trusts when `tls_cert` is a certificate of one's own making
  ca_file = { type = "string" },
  log = { one_of = { "plain", "colour" } }, -- a line per request on standard output
}

--- A webhook as it arrived: verify it.
---@class lomi.sandbox.ReceivedWebhook
---@field event? string  as its header says
---@field headers table<string, string>  names in lower case
---@field body string  raw

---@class lomi.sandbox.Stats
---@field accepts integer  TCP connections that brought a request to the API; the handle's own are not counted
---@field requests integer  to the API
---@field charges integer  made
---@field forgotten_charges integer  of them, those there was no room for any more
---@field resets integer  calls of `reset`
---@field memory integer  bytes of the server's Lua

--- A sandbox: every method raises at the caller's line, with the server's sentence, for what it cannot do.
---@class lomi.Sandbox
---@field url string  such as `http://127.0.0.1:4010`; a client's `base_url`
local Sandbox = {}
Sandbox.__index = Sandbox

function Sandbox:__tostring()
  return ("lomi.sandbox %s%s"):format(self.url, self.stopped and " (stopped)" or "")
end

-- The reply's body; or nil, and the reason.
local function request(self, method, path, body)
  if getmetatable(self) ~= Sandbox then return nil, "call the sandbox's methods with a colon, as in sandbox:reset()" end
  if self.stopped then return nil, "the sandbox is stopped" end
  local text, faults
  if body then
    text, faults = core.encode(body)
    if not text then return nil, ("%s %s"):format(faults[1].field, faults[1].message) end
  end
  local reply, err = self.transport:send {
    method = method, url = self.url .. "/_sandbox" .. path, body = text,
    headers = text and { ["Content-Type"] = "application/json" } or {},
    timeout = TIMEOUT, connect_timeout = TIMEOUT, ca_file = self.ca_file, proxy = "",
  }
  if not reply then return nil, ("the sandbox at %s does not answer: %s"):format(self.url, err.message) end
  local decoded = core.decode(reply.body)
  if type(decoded) ~= "table" or type(decoded.error or decoded.data) ~= "table" then
    return nil, self.url .. " is not a sandbox of lomi."
  end
  if decoded.error then return nil, tostring(decoded.error.message) end
  return decoded
end

-- Raises two levels up, at the line that calls the method. So no method may end in a tail call: (…)
-- is none.
local function ask(self, method, path, body)
  local decoded, reason = request(self, method, path, body)
  if not decoded then error(reason, 3) end
  return decoded.data, decoded.next
end

local RECORDS = { charges = 'a charge, such as "pi_…"', subscriptions = "a subscription" }

local function id_path(kind, id, method)
  if type(id) ~= "string" or not id:find("^[A-Za-z0-9_%-]+$") then
    local given = type(id) == "string" and '"' .. rules.shown(id) .. '"' or type(id)
    error(("%s takes the id of %s, not %s"):format(method, RECORDS[kind], given), 3)
  end
  return ("/%s/%s/"):format(kind, id)
end

-- A table of named things beside the positional ones.
local function options_table(opts, what)
  if opts ~= nil and type(opts) ~= "table" then
    error(("%s takes a table of options, not %s"):format(what, type(opts)), 3)
  end
  local copy = {}
  for name, value in pairs(opts or {}) do copy[name] = value end
  return copy
end

--- Injects a fault into the next requests. Faults wait in a queue; the first that matches a request is used.
---@param fault lomi.sandbox.FaultOptions
function Sandbox:fail(fault)
  ask(self, "POST", "/faults", options_table(fault, "fail"))
end

--- Injects faults of all kinds at random, the same ones for the same seed.
---@param opts lomi.sandbox.ChaosOptions
function Sandbox:chaos(opts)
  ask(self, "POST", "/chaos", options_table(opts, "chaos"))
end

--- Ends the chaos, and forgets the faults that are still to come.
function Sandbox:clear_faults()
  ask(self, "DELETE", "/faults")
end

local function all(self, path, pages)
  local items, from = pages[1], pages[2]
  while from do
    local more
    more, from = ask(self, "GET", path .. "?from=" .. ("%d"):format(from))
    for _, item in ipairs(more) do items[#items + 1] = item end
  end
  return items
end

--- The requests seen since the start or the last reset, oldest first; of very many, the youngest.
---@return lomi.sandbox.Entry[] requests
function Sandbox:requests()
  return (all(self, "/requests", { ask(self, "GET", "/requests") }))
end

--- The charges, oldest first.
---@return lomi.sandbox.ListedCharge[] charges
function Sandbox:charges()
  return (all(self, "/charges", { ask(self, "GET", "/charges") }))
end

--- The webhooks sent or to be sent, oldest first.
---@return lomi.sandbox.SentWebhook[] deliveries
function Sandbox:deliveries()
  return (all(self, "/deliveries", { ask(self, "GET", "/deliveries") }))
end

--- Counts since the start or the last reset.
---@return lomi.sandbox.Stats
function Sandbox:stats()
  return (ask(self, "GET", "/stats"))
end

--- Pays a charge with a test card, as the payer's browser does.
---@param id string  of the charge
---@param card string  a test card number
---@param opts? { expiry: string?, cvc: string? }  default: an expiry to come, as MM/YY, and any CVC
---@return lomi.sandbox.ListedCharge charge  its `status`, and its `failure_code` when the card was declined
function Sandbox:confirm(id, card, opts)
  local path, body = id_path("charges", id, "confirm"), options_table(opts, "confirm")
  body.card = card
  return (ask(self, "POST", path .. "confirm", body))
end

--- Ends the 3-D Secure step as the payer does.
---@param id string  of the charge
---@param opts? { succeeds: boolean? }  false: the payer fails it
---@return lomi.sandbox.ListedCharge charge
function Sandbox:authenticate(id, opts)
  local path, body = id_path("charges", id, "authenticate"), options_table(opts, "authenticate")
  return (ask(self, "POST", path .. "authenticate", body))
end

--- The card a subscription renews with from now on: one that is declined makes its renewals fail.
---@param subscription_id string
---@param card string  a test card number
function Sandbox:save_card(subscription_id, card)
  ask(self, "POST", id_path("subscriptions", subscription_id, "save_card") .. "card", { card = card })
end

--- Puts the sandbox's clock forward: idempotency keys and holds expire, webhooks become due.
---@param seconds number  0 or more
function Sandbox:advance(seconds)
  ask(self, "POST", "/clock", { advance = seconds })
end

--- Has every event delivered to a URL, signed; without a URL, none any more.
---@param url? string  http or https
---@param secret? string  the endpoint's, `whsec_…`; required with a URL
---@param knobs? lomi.sandbox.WebhookOptions
function Sandbox:webhook(url, secret, knobs)
  if url == nil then
    ask(self, "DELETE", "/webhook")
    return
  end
  local body = options_table(knobs, "webhook")
  body.url, body.secret = url, secret
  ask(self, "POST", "/webhook", body)
end

--- Has every event delivered to the sandbox's own inbox, where `receive` waits for it.
---@param secret string  `whsec_…`, to sign with
---@param knobs? lomi.sandbox.WebhookOptions
function Sandbox:inbox(secret, knobs)
  local body = options_table(knobs, "inbox")
  body.url, body.secret = ("%s/_sandbox/inbox?world=%d"):format(self.url, ask(self, "GET", "/stats").resets), secret
  ask(self, "POST", "/webhook", body)
end

--- Takes the oldest webhook out of the inbox, waiting for it if there is none yet. It is raw: verify it.
---@param event? lomi.webhook.EventName|string  only of this event, such as "PAYMENT_FAILED"
---@param wait? number  seconds, at most 25 (5)
---@return lomi.sandbox.ReceivedWebhook? webhook
---@return string? reason  there is none
function Sandbox:receive(event, wait)
  local data = ask(self, "POST", "/inbox/take", { event = event, wait = wait or 5 })
  if data.webhook then return data.webhook end
  return nil, ("no %s came within %s s"):format(event or "webhook", ascii.number(wait or 5))
end

--- Forgets everything: charges, keys, faults, journal, webhooks; the clock goes back too.
function Sandbox:reset()
  ask(self, "POST", "/reset")
end

--- Ends the server, if it is this process's own. After that every other method raises.
function Sandbox:stop()
  if self.server then self.server:stop() end -- first of all: a stop that an error cut short is repeated
  self.stopped = true
end

Sandbox.__close = Sandbox.stop

local function handle(url, server)
  return setmetatable({ url = url, server = server, transport = require("lomi.transport.curl").new() }, Sandbox)
end

local function url_host(host)
  if host == "0.0.0.0" then return "127.0.0.1" end
  if host == "::" then return "[::1]" end
  return host:find(":", 1, true) and "[" .. host .. "]" or host
end

--- Starts a sandbox in threads of this process. Raises at the caller's line if an option is wrong.
---@param options? lomi.sandbox.Options
---@return lomi.Sandbox? sandbox  nil if it cannot listen
---@return string? reason
function M.start(options)
  options = options == nil and {} or options
  local reason = rules.check(options, OPTIONS, "field")
  if not reason and (options.tls_cert == nil) ~= (options.tls_key == nil) then
    reason = "tls_cert and tls_key go together; one of them is missing"
  end
  if reason then error("sandbox.start: " .. reason, 2) end
  local host = options.host or "127.0.0.1"
  local found, httpd = pcall(require, "lomi.httpd")
  if not found then
    if not tostring(httpd):find("module 'lomi.httpd' not found", 1, true) then error(httpd, 0) end
    error("sandbox.start: the sandbox's server is not installed: install the rock lomi-sandbox", 2)
  end
  -- The server's threads sign webhooks until the process exits: libcrypto must outlive them, and so be loaded before.
  require "lomi.crypto"
  local server
  server, reason = httpd.start {
    app = "lomi.sandbox.server.app", host = host, port = options.port or 0, tls_cert = options.tls_cert,
    tls_key = options.tls_key, reserved = "/_sandbox",
    options = assert(core.encode { strict = options.strict, amounts = options.amounts,
      idempotency = options.idempotency,
      confirmation = options.confirmation, rate_limit = options.rate_limit, log = options.log,
      tls = options.tls_cert ~= nil, elsewhere = not (host == "::1" or host:find("^127%.")) }),
  }
  if not server then return nil, reason end
  local scheme = options.tls_cert and "https" or "http"
  local self = handle(("%s://%s:%d"):format(scheme, url_host(host), server:port()), server)
  self.ca_file = options.ca_file
  return self
end

--- A handle on a sandbox that runs elsewhere, such as `lomi sandbox --port 4010`.
---@param url string  such as `http://127.0.0.1:4010`
---@return lomi.Sandbox? sandbox  nil if there is none
---@return string? reason
function M.connect(url)
  if type(url) ~= "string" or not url:find("^https?://[^/%z\1-\32?#@]+/?$") then
    error("sandbox.connect takes the URL of a sandbox, such as http://127.0.0.1:4010", 2)
  end
  local self = handle((url:gsub("/$", "")), nil)
  local decoded, reason = request(self, "GET", "")
  if not decoded then return nil, reason end
  if decoded.data.sandbox ~= "lomi" then return nil, url .. " is not a sandbox of lomi." end
  return self
end

return M
