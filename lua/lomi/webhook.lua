-- SPDX-License-Identifier: MIT
--- Incoming webhooks: verified over the raw bytes first, parsed afterwards.
---
--- What arrives from outside never raises, it gives `nil, err`; these are all the codes:
---
--- | `err.code` | `err.kind` | what is wrong |
--- |---|---|---|
--- | `body_missing` | `protocol` | no raw body was given (nil): the server has not read it |
--- | `signature_missing` | `signature` | no `X-Lomi-Signature` |
--- | `signature_malformed` | `signature` | not 64 hex digits, or given more than once |
--- | `signature_mismatch` | `signature` | the body was changed, or the secret is another endpoint's |
--- | `invalid_payload` | `protocol` | signed, but not a JSON object |
--- | `timestamp_mismatch` | `signature` | `X-Lomi-Timestamp` is not the signed `timestamp` |
--- | `timestamp_unreadable` | `protocol` | `tolerance` asked for, and no ISO 8601 `timestamp` in the body |
--- | `timestamp_out_of_tolerance` | `signature` | older, or further ahead, than `tolerance` |
---
--- A caller's bug (no secret, a decoded body, an unknown option) raises at the caller's line. OpenSSL failing raises
--- too: it is no fault of the sender's, who must see a 5xx and try again.

local core = require "lomi.core"
local errors = require "lomi.errors"
local iso8601 = require "lomi.iso8601"
local lazy = require "lomi.lazy"

---@class lomi.webhook
local M = {}

---@class lomi.webhook.Options
---@field tolerance? number  seconds a body's timestamp may be off, either way; nil (the default) does not check age
---@field now? number  seconds since the epoch, instead of the machine's clock

--- The events the service is known to send. There may be others.
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
---| "test.webhook"

--- What the `data` of a `PAYMENT_…` event has at least; a declined card's has a `failure_code` in the sandbox.
---@class lomi.webhook.PaymentData
---@field transaction_id string  the same as in a charge's `transaction`
---@field amount number  in main units of `currency`
---@field currency string  such as `XOF`
---@field status string  such as `succeeded` or `failed`
---@field metadata table<string, any>  as the charge was given it
---@field failure_code? string  such as `card_declined`

--- The signed body as it came, JSON null left out. That it is an object is checked; what is in it is the sender's.
---@class lomi.webhook.Event
---@field id string  the same on every redelivery: dedupe on it
---@field event lomi.webhook.EventName|string  what happened
---@field timestamp string  ISO 8601; a manual redelivery keeps the first one
---@field data lomi.webhook.PaymentData|table  to what
---@field lomi_environment string  where: the sandbox of this library says `sandbox`

local OPTIONS = { tolerance = true, now = true }

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

local function check_headers(headers, name)
  local kind = type(headers)
  if kind ~= "nil" and kind ~= "string" and kind ~= "table" then
    error(("%s must be a table or the signature as a string, not %s"):format(name, kind), 3)
  end
end

local function is_number(n)
  return type(n) == "number" and n == n
end

local function check_options(opts)
  if opts == nil then return {} end
  if type(opts) ~= "table" then error("opts must be a table, not " .. type(opts), 3) end
  for key in pairs(opts) do
    if not OPTIONS[key] then
      error(("unknown option %s; there are tolerance and now"):format(tostring(key)), 3)
    end
  end
  if opts.tolerance ~= nil and not (is_number(opts.tolerance) and opts.tolerance >= 0) then
    error("tolerance must be a number of seconds, 0 or more", 3)
  end
  if opts.now ~= nil and not is_number(opts.now) then
    error("now must be a number of seconds since the epoch", 3)
  end
  return opts
end

-- The values a header has, under all the spellings of its name. HTTP libraries give a repeated one as a list.
local function header_values(headers, lower_name)
  local values = {}
  for name, value in pairs(headers) do
    if type(name) == "string" and name:lower() == lower_name then
      if type(value) ~= "table" then value = { value } end
      for i = 1, #value do values[#values + 1] = value[i] end
    end
  end
  return values
end

-- One signature out of the values found, as 64 lower-case hex digits; or nil, error.
local function read_signature(values)
  if #values == 0 then
    return nil, errors.new("signature", "X-Lomi-Signature is missing: this is not from lomi., or a proxy dropped the "
      .. "header", { code = "signature_missing" })
  end
  if #values > 1 then
    return nil, errors.new("signature", ("X-Lomi-Signature was given %s; which one counts is not ours to guess")
      :format(#values == 2 and "twice" or #values .. " times"), { code = "signature_malformed" })
  end
  local given = values[1]
  if type(given) == "string" then
    local hex = given:gsub("^sha256=", "")
    if #hex == 64 and not hex:find("%X") then return hex:lower() end
  end
  return nil, errors.new("signature", "X-Lomi-Signature must be 64 hex digits, with or without sha256= in front",
    { code = "signature_malformed" })
end

local function check_signature(raw_body, values, secrets)
  if raw_body == nil then
    return nil, errors.new("protocol", "there is no raw body to verify; in nginx, call ngx.req.read_body() first, and "
      .. "read the file ngx.req.get_body_file() names when ngx.req.get_body_data() is nil", { code = "body_missing" })
  end
  local signature, err = read_signature(values)
  if not signature then return nil, err end
  for i = 1, #secrets do
    local expected = hmac(secrets[i], raw_body)
    if lazy("lomi.crypto").equal(expected, signature) then return true end
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

local function check_times(event, header_times, opts)
  if #header_times > 1 or #header_times == 1 and header_times[1] ~= event.timestamp then
    return nil, errors.new("signature", "X-Lomi-Timestamp is not the timestamp in the signed body: the header was "
      .. "changed or added on its way here", { code = "timestamp_mismatch" })
  end
  if not opts.tolerance then return true end

  local sent = iso8601.parse(event.timestamp)
  if not sent then
    return nil, errors.new("protocol", "the signed body has no readable timestamp (ISO 8601, such as "
      .. "2026-11-22T10:00:00.000Z), so its age cannot be told", { code = "timestamp_unreadable" })
  end
  local age = (opts.now or os.time()) - sent
  if math.abs(age) > opts.tolerance then
    local off = ("%.0f s %s"):format(math.abs(age), age > 0 and "old" or "ahead of the clock here")
    return nil, errors.new("signature", ("the webhook is %s, and %g s are tolerated; a redelivery keeps its first "
      .. "timestamp"):format(off, opts.tolerance), { code = "timestamp_out_of_tolerance" })
  end
  return true
end

--- Verifies an incoming webhook and gives its event. In this order: signature, JSON, times.
---
--- To answer it: 2xx once the event is safely stored; 4xx ends redelivery, so keep it for a refused signature; 5xx for
--- trouble of one's own, `body_missing` included.
---@param raw_body string|nil  the bytes as received, before any decoding
---@param headers table|string|nil  the request's: names in any case, a value may be a list; or the signature alone
---@param secret string|string[]  the endpoint's secret (`whsec_…`), or several while it is being rotated
---@param opts? lomi.webhook.Options
---@return lomi.webhook.Event|nil event
---@return lomi.Error|nil err  kind "signature" or "protocol", see the codes above
function M.construct_event(raw_body, headers, secret, opts)
  local secrets = check_secrets(secret)
  check_body(raw_body)
  check_headers(headers, "headers")
  opts = check_options(opts)

  local signatures, times = { headers }, {}
  if type(headers) == "table" then
    signatures = header_values(headers, "x-lomi-signature")
    times = header_values(headers, "x-lomi-timestamp")
  end
  local ok, err = check_signature(raw_body, signatures, secrets)
  if not ok then return nil, err end
  local event
  event, err = read_event(raw_body)
  if not event then return nil, err end
  ok, err = check_times(event, times, opts)
  if not ok then return nil, err end
  return event
end

--- Whether the signature is the body's, in constant time. The body is not parsed, its age is not looked at.
---@param raw_body string|nil  the bytes as received
---@param signature string|string[]|nil  the value of `X-Lomi-Signature`: hex in either case, `sha256=` in front or not
---@param secret string|string[]
---@return true|nil ok
---@return lomi.Error|nil err
function M.verify(raw_body, signature, secret)
  local secrets = check_secrets(secret)
  check_body(raw_body)
  check_headers(signature, "signature")
  if type(signature) == "table" and signature[1] == nil and next(signature) ~= nil then
    error("signature must be the header's value; a table of headers is for construct_event", 2)
  end
  local values = type(signature) == "table" and signature or { signature }
  local ok, err = check_signature(raw_body, values, secrets)
  return ok, err
end

--- Signs a body as the service does, for tests.
---@param body string  the bytes that will be sent
---@param secret string
---@return string hex  64 lower-case digits, the value of `X-Lomi-Signature`
function M.sign(body, secret)
  check_one_secret(secret, "secret", 3)
  if type(body) ~= "string" then
    error(("body must be the bytes that will be sent, a string, not %s"):format(type(body)), 2)
  end
  return (hmac(secret, body))
end

return M
