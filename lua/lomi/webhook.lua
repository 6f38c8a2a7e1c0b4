-- SPDX-License-Identifier: MIT
--- Incoming webhooks: verified over the raw bytes first, parsed afterwards. `sign` signs as the service does: for
--- tests, and for the sandbox.
---
--- Nothing that arrives from outside raises: it gives `nil, err`. These are all the codes:
---
--- | `err.code` | `err.kind` | what is wrong |
--- |---|---|---|
--- | `body_missing` | `protocol` | no raw body was given (nil): the server has not read it |
--- | `signature_missing` | `signature` | neither `X-Lomi-Signature-V1` nor `X-Lomi-Signature` |
--- | `signature_malformed` | `signature` | not as the service writes it, or given more than once |
--- | `signature_mismatch` | `signature` | the body was changed, or the secret is another endpoint's |
--- | `invalid_payload` | `protocol` | signed, but not a JSON object |
--- | `timestamp_mismatch` | `signature` | `X-Lomi-Timestamp` is not the signed `timestamp` |
--- | `timestamp_unreadable` | `protocol` | `tolerance` asked for, no V1, and no ISO 8601 `timestamp` in the body |
--- | `timestamp_out_of_tolerance` | `signature` | older, or further ahead, than `tolerance` |
---
--- Where both signatures are there, V1 decides, and the other is not looked at.
---
--- A caller's bug (no secret, a decoded body, an unknown option) raises at the caller's line. OpenSSL failing raises
--- too: it is no fault of the sender's, who must see a 5xx and try again.

local ascii = require "lomi.ascii"
local core = require "lomi.core"
local errors = require "lomi.errors"
local iso8601 = require "lomi.iso8601"
local lazy = require "lomi.lazy"

---@class lomi.webhook
local M = {}

---@class lomi.webhook.Options
---@field tolerance? number  seconds the signed time (V1's `t`, else the body's `timestamp`) may be off; nil: any age
---@field now? number  seconds since the epoch, instead of the machine's clock

--- The events the service is known to send. There may be others, `USAGE_…` and `NETWORK_…` among them: an unknown event
--- is an event.
---@alias lomi.webhook.EventName
---| "PAYMENT_CREATED"
---| "PAYMENT_SUCCEEDED"
---| "PAYMENT_FAILED"
---| "SUBSCRIPTION_CREATED"
---| "SUBSCRIPTION_UPDATED"
---| "SUBSCRIPTION_RENEWED"
---| "SUBSCRIPTION_CANCELLED"
---| "REFUND_CREATED"
---| "REFUND_COMPLETED"
---| "REFUND_FAILED"
---| "PAYOUT_CREATED"
---| "PAYOUT_COMPLETED"
---| "PAYOUT_FAILED"
---| "DISPUTE_CREATED"
---| "DISPUTE_UPDATED"
---| "DISPUTE_CLOSED"
---| "PURCHASE_FULFILLED"
---| "PAYMENT_RISK_FLAGGED"
---| "PAYMENT_RISK_BLOCKED"
---| "test.webhook"

--- The `data` of a `PAYMENT_…` event. The charge's id is not in it: find your order by the `metadata` you gave the
--- charge, and compare `amount` and `currency_code` with the order's before you call it paid.
---@class lomi.webhook.PaymentData
---@field transaction_id string  the same as in a charge's `transaction`
---@field organization_id string  yours
---@field customer_id? string
---@field amount number  what the payer paid, in `currency_code`; some events have `gross_amount` instead
---@field gross_amount? number
---@field currency_code string  such as `XOF`
---@field status "pending"|"completed"|"failed"|string
---@field provider_code string  such as `STRIPE` (cards), `WAVE`, `MTN`
---@field created_at string  ISO 8601
---@field updated_at string  ISO 8601
---@field metadata? table<string, any>  as the charge was given it

--- The signed body as it came, JSON null left out. It is an object; its fields are not checked.
---@class lomi.webhook.Event
---@field id string  the same on every redelivery: dedupe on it
---@field event lomi.webhook.EventName|string  what happened
---@field timestamp string  ISO 8601; a manual redelivery keeps the first one
---@field data lomi.webhook.PaymentData|table  to what
---@field lomi_environment string  where: the sandbox of this library says `sandbox`

local OPTIONS = { tolerance = "wait", now = "time" }

-- The headers that count, each with the spellings to ask an object for that cannot be gone through.
local HEADERS = {
  signature = { "x-lomi-signature", "X-Lomi-Signature", "HTTP_X_LOMI_SIGNATURE" },
  v1 = { "x-lomi-signature-v1", "X-Lomi-Signature-V1", "HTTP_X_LOMI_SIGNATURE_V1" },
  time = { "x-lomi-timestamp", "X-Lomi-Timestamp", "HTTP_X_LOMI_TIMESTAMP" },
}
local HEADER_OF = {}
for header, spellings in pairs(HEADERS) do HEADER_OF[spellings[1]] = header end

-- Printable ASCII without spaces and quotes, as the service makes them.
local SECRET = "^[!#-&(-_a-~]+$"

-- Loaded at the first signature: whoever requires us may never see a webhook, and pays no libcrypto.
local function hmac(secret, body)
  local mac, reason = lazy("lomi.crypto").hmac_sha256(secret, body)
  if not mac then error("lomi.webhook: " .. reason, 0) end
  return mac
end

-- Misuse, found before anything else. The checks are called straight from a public function, whose caller is level 3.

local function check_one_secret(secret, name, level)
  if type(secret) ~= "string" then
    local advice = secret == nil and "; is LOMI_WEBHOOK_SECRET set?" or ""
    error(("%s must be the endpoint's secret (whsec_…), not %s%s"):format(name, type(secret), advice), level)
  end
  if secret == "" then
    error(name .. " is empty: anyone could sign with it; it must be the endpoint's secret (whsec_…)", level)
  end
  if not secret:find(SECRET) then
    error(name .. " holds white space, quotes or control characters, as files and clipboards leave them; give the "
      .. "endpoint's secret (whsec_…) alone", level)
  end
end

-- Returns a list of secrets.
local function check_secrets(secret)
  if type(secret) ~= "table" then
    check_one_secret(secret, "secret", 4)
    return { secret }
  end
  local n = #secret
  for key in pairs(secret) do
    if type(key) ~= "number" or key < 1 or key > n or key % 1 ~= 0 then
      error("secret must be a string, or a list of strings without holes", 3)
    end
  end
  if n == 0 then error("secret is an empty list; it must hold at least one secret (whsec_…)", 3) end
  for i = 1, n do check_one_secret(secret[i], ("secret[%d]"):format(i), 4) end
  return secret
end

local function check_body(raw_body)
  if raw_body == nil or type(raw_body) == "string" then return end
  local advice = ""
  if type(raw_body) == "table" then
    advice = ": the signature covers the raw bytes; pass the body as it was received, before JSON decoding"
  end
  error(("raw_body must be a string, not %s%s"):format(type(raw_body), advice), 3)
end

local function metatable_of(value)
  local mt = getmetatable(value)
  return type(mt) == "table" and mt or {}
end

local function is_list(value)
  for key in next, value do
    if type(key) ~= "number" then return false end
  end
  return next(value) ~= nil
end

local function check_headers(headers)
  local kind, mt = type(headers), metatable_of(headers)
  if kind == "nil" or kind == "string" or mt.__pairs or mt.__index then return end
  if kind ~= "table" then
    error(("headers must be a table or the signature as a string, not %s"):format(kind), 3)
  end
  if is_list(headers) then
    error("headers must be a table from names to values, such as { [\"x-lomi-signature\"] = … }, not a list", 3)
  end
end

local function check_signature_given(signature)
  local kind = type(signature)
  if kind ~= "nil" and kind ~= "string" and kind ~= "table" then
    error(("signature must be a string or a list of strings, not %s"):format(kind), 3)
  end
  if kind == "table" and next(signature) ~= nil and not is_list(signature) then
    error("signature must be the header's value; a table of headers is for construct_event", 3)
  end
end

local function check_options(opts)
  if opts == nil then return {} end
  if type(opts) ~= "table" then error("opts must be a table, not " .. type(opts), 3) end
  local reason = lazy("lomi.rules").check(opts, OPTIONS)
  if reason then error(reason, 3) end
  return opts
end

-- Adds what a header has for a value. Libraries give a repeated header as a list, from 1 or from 0.
local function add_values(list, value)
  if type(value) ~= "table" then
    list[#list + 1] = value
    return
  end
  for i = 0, #value do list[#list + 1] = value[i] end
end

-- "X-Lomi-Signature", "HTTP_X_LOMI_SIGNATURE" and "x-lomi-signature" are one header.
local function plain_name(name)
  return (ascii.lower(name):gsub("_", "-"):gsub("^http%-", ""))
end

local function index(headers, name)
  return headers[name]
end

-- Asks an object that computes its headers, or that has a method `get` for them and cannot be gone through. Some raise
-- for a name they do not have, or give "".
local function ask(headers, spellings, may_get)
  for _, name in ipairs(spellings) do
    local ok, value = pcall(index, headers, name)
    if ok and value ~= nil and value ~= "" and type(value) ~= "function" then return value end
  end
  local _, get = pcall(index, headers, may_get and "get")
  if type(get) ~= "function" then return nil end
  for _, name in ipairs(spellings) do
    local values = { pcall(get, headers, name) }
    if table.remove(values, 1) and values[1] ~= nil and values[1] ~= "" then
      return #values == 1 and values[1] or values
    end
  end
end

---@return { signature: any[], v1: any[], time: any[] }  the values of each header
local function read_headers(headers)
  local found = { signature = {}, v1 = {}, time = {} }
  local mt = metatable_of(headers)
  if type(headers) == "table" or mt.__pairs then
    for name, value in (mt.__pairs or pairs)(headers) do
      local header = type(name) == "string" and HEADER_OF[plain_name(name)]
      if header then add_values(found[header], value) end
    end
  end
  if mt.__index then
    for header, values in pairs(found) do
      if #values == 0 then add_values(values, ask(headers, HEADERS[header], not mt.__pairs)) end
    end
  end
  return found
end

-- The same of a header's value given alone.
local function read_alone(value)
  local values = {}
  add_values(values, value)
  local is_v1 = type(values[1]) == "string" and values[1]:find("^t=") ~= nil
  return { signature = is_v1 and {} or values, v1 = is_v1 and values or {}, time = {} }
end

local function malformed(message)
  return nil, errors.new("signature", message, { code = "signature_malformed" })
end

local function read_hex(text)
  return #text == 64 and not text:find("[^0-9A-Fa-f]") and ascii.lower(text) or nil
end

-- `t=<unix seconds>,v1=<hex>`, and whatever a later version of the service adds.
local function read_v1(text)
  local parts = {}
  for part in text:gmatch("[^,]+") do
    local name, value = part:match("^ *([^= ]+)=([^ ]*) *$")
    if not name or parts[name] then return nil end
    parts[name] = value
  end
  local signature = parts.v1 and read_hex(parts.v1)
  if signature and parts.t and parts.t:find("^[0-9]+$") and #parts.t <= 12 then return signature, parts.t end
end

-- The one signature among the values found, as 64 lower-case hex digits, and the time it covers, if it is a V1; or nil,
-- error.
local function read_signature(found)
  local name, values = "X-Lomi-Signature", found.signature
  if #found.v1 > 0 then name, values = "X-Lomi-Signature-V1", found.v1 end
  if #values == 0 then
    return nil, errors.new("signature", "X-Lomi-Signature is missing: this is not from lomi., or a proxy dropped the "
      .. "header", { code = "signature_missing" })
  end
  if #values > 1 then
    return malformed(("%s was given %s; which one counts is not ours to guess")
      :format(name, #values == 2 and "twice" or #values .. " times"))
  end
  local given = type(values[1]) == "string" and values[1] or ""
  if values == found.v1 then
    local signature, time = read_v1(given)
    if signature then return signature, time end
    return malformed "X-Lomi-Signature-V1 must be t=<unix seconds>,v1=<64 hex digits>"
  end
  local signature = read_hex((given:gsub("^sha256=", "")))
  if signature then return signature end
  return malformed "X-Lomi-Signature must be 64 hex digits, with or without sha256= in front"
end

---@return true|nil ok
---@return lomi.Error|string|nil err  or the signed time of a V1, seconds since the epoch
local function check_signature(raw_body, found, secrets)
  if raw_body == nil then
    return nil, errors.new("protocol", "there is no raw body to verify; in nginx, call ngx.req.read_body() first, and "
      .. "read the file ngx.req.get_body_file() names when ngx.req.get_body_data() is nil", { code = "body_missing" })
  end
  local signature, time = read_signature(found)
  if not signature then return nil, time end
  local signed = time and time .. "." .. raw_body or raw_body
  for i = 1, #secrets do
    if lazy("lomi.crypto").equal(hmac(secrets[i], signed), signature) then return true, time end
  end
  return nil, errors.new("signature", "the signature does not match the body: either the body was changed or "
    .. "re-encoded on its way here (pass the raw bytes, before JSON decoding), or the secret is another endpoint's",
    { code = "signature_mismatch" })
end

-- An array is a table too, so the bytes are asked which one it was.
local function read_event(raw_body)
  local event, reason = core.decode(raw_body)
  if type(event) == "table" and raw_body:find("^[ \t\r\n]*{") then return event end
  local what = reason and tostring(reason) or "an object was expected"
  return nil, errors.new("protocol", "the webhook is signed, but its body is not a JSON object: " .. what,
    { code = "invalid_payload" })
end

-- os.time where it is there, since specs put a clock of their own in its place; a sandboxed state has none.
local function wall_clock()
  local library = rawget(_G, "os")
  return (type(library) == "table" and library.time or core.time)()
end

local function check_times(event, header_times, signed_time, opts)
  if #header_times > 1 or #header_times == 1 and header_times[1] ~= event.timestamp then
    return nil, errors.new("signature", "X-Lomi-Timestamp is not the timestamp in the signed body: the header was "
      .. "changed or added on its way here", { code = "timestamp_mismatch" })
  end
  if not opts.tolerance then return true end

  local sent = signed_time and tonumber(signed_time) or iso8601.parse(event.timestamp)
  if not sent then
    return nil, errors.new("protocol", "the signed body has no readable timestamp (ISO 8601, such as "
      .. "2026-11-22T10:00:00.000Z), so its age cannot be told", { code = "timestamp_unreadable" })
  end
  local age = (opts.now or wall_clock()) - sent
  if math.abs(age) > opts.tolerance then
    local off = ("%.0f s %s"):format(math.abs(age), age > 0 and "old" or "ahead of the clock here")
    return nil, errors.new("signature", ("the webhook is %s, and %s s are tolerated; a redelivery keeps its first "
      .. "timestamp"):format(off, ascii.number(opts.tolerance)), { code = "timestamp_out_of_tolerance" })
  end
  return true
end

--- Verifies an incoming webhook and gives its event. In this order: signature, JSON, times.
---
--- The names of headers may be in any case, or as CGI has them. A value may be a list (from 1 or from 0), and the
--- headers an object with `__pairs` or `__index`.
---
--- To answer it: 2xx once the event is safely stored; 4xx ends redelivery, so keep it for a refused signature; 5xx for
--- trouble of one's own, `body_missing` included.
---@param raw_body string|nil  the bytes as received, before any decoding
---@param headers table|userdata|string|nil  the request's, as the server gives them; or the signature alone
---@param secret string|string[]  the endpoint's secret (`whsec_…`), or several while it is being rotated
---@param opts? lomi.webhook.Options
---@return lomi.webhook.Event|nil event
---@return lomi.Error|nil err  kind "signature" or "protocol", see the codes above
function M.construct_event(raw_body, headers, secret, opts)
  local secrets = check_secrets(secret)
  check_body(raw_body)
  check_headers(headers)
  opts = check_options(opts)

  local is_alone = headers == nil or type(headers) == "string"
  local found = is_alone and read_alone(headers) or read_headers(headers)
  local ok, time = check_signature(raw_body, found, secrets)
  if not ok then return nil, time end
  local event, err = read_event(raw_body)
  if not event then return nil, err end
  ok, err = check_times(event, found.time, time, opts)
  if not ok then return nil, err end
  return event
end

--- Whether the signature is the body's, in constant time. The body is not parsed, its age is not looked at. The hex may
--- be in either case, `sha256=` in front of it or not.
---@param raw_body string|nil  the bytes as received
---@param signature string|string[]|nil  the value of `X-Lomi-Signature` or of `X-Lomi-Signature-V1`
---@param secret string|string[]
---@return true|nil ok
---@return lomi.Error|nil err
function M.verify(raw_body, signature, secret)
  local secrets = check_secrets(secret)
  check_body(raw_body)
  check_signature_given(signature)
  local ok, err = check_signature(raw_body, read_alone(signature), secrets)
  if not ok then return nil, err end
  return true
end

--- Signs a body as the service does, for tests: the value of `X-Lomi-Signature`, with a time of `X-Lomi-Signature-V1`.
---@param body string  the bytes that will be sent
---@param secret string
---@param time? integer  seconds since the epoch: makes a V1 of that time
---@return string signature  64 lower-case hex digits; with a time `t=<time>,v1=<hex>`
function M.sign(body, secret, time)
  check_one_secret(secret, "secret", 3)
  if type(body) ~= "string" then
    error(("body must be the bytes that will be sent, a string, not %s"):format(type(body)), 2)
  end
  if time == nil then return hmac(secret, body) end
  if type(time) ~= "number" or not (time >= 0 and time < 1e12) or time % 1 ~= 0 then
    error("time must be a whole number of seconds since the epoch", 2)
  end
  local t = ("%.0f"):format(time)
  return ("t=%s,v1=%s"):format(t, hmac(secret, t .. "." .. body))
end

return M
