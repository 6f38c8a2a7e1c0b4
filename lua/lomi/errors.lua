-- SPDX-License-Identifier: MIT
--- The one error shape. `message`, `code` and `request_id` are redacted, bounded and put on one line here; `details`
--- and `fields` are redacted and bounded, but keep their line breaks; the idempotency key stays as it is.
--- `tostring(err)` is one line, fit for a log.

local redact = require "lomi.redact"

local M = {}

--- The kind of an error.
---@alias lomi.ErrorKind
---| "invalid_request"  refused by us before sending, or by the server (400, 422): see `fields`, `details`
---| "authentication"   401: the key is missing or wrong
---| "permission"       403: the key may not do that
---| "not_found"        404: no such resource for this organization
---| "conflict"         409: see `code`
---| "rate_limited"     429: see `retry_after`
---| "api"              5xx: the service had trouble; or a 2xx that says `success: false`
---| "connection"       DNS, connecting, or the connection was lost
---| "timeout"          no complete reply in time (or 408)
---| "tls"              no trusted TLS connection
---| "protocol"         the reply is not HTTP or JSON as agreed
---| "signature"        a webhook that must not be trusted

--- The fate of a call that changes something, over all its attempts. `rejected` is of this call alone: if an
--- earlier one with the same key ended `unknown`, a 401, 403 or 429 says nothing of that one. Retry later with the key,
--- until there is a result or a replayed answer, or look the charge up.
---@alias lomi.Outcome
---| "not_sent"  nothing of the request can have left: try again, or show the error
---| "rejected"  this call was refused: fix what `message` and `fields` name; a 429: wait, then retry with the key
---| "unknown"   it may have been carried out: do what the end of `message` says, mostly a retry with the same key

--- The codes this library gives itself. Those of webhooks have a table of their own, with `lomi.webhook`.
---@alias lomi.ErrorCode
---| "invalid_parameters"  `invalid_request`: refused before anything was sent; `fields` says what is wrong
---| "amount_mismatch"     `protocol`, outcome `unknown`: the charge has another amount than meant
---| "interrupted"         `connection`, of the `lomi` command only: Ctrl-C ended a call, its outcome is unknown

--- The codes the service is known to give. There may be others.
---@alias lomi.ServiceCode
---| "bad_request"               400: a field is wrong
---| "validation_failed"         400: a field is wrong
---| "amount_invalid"            400: too little (the least is 1 000 XOF, 0.50 USD or EUR), or not for this charge
---| "idempotency_key_required"  400: never of our POSTs, which carry one
---| "unauthorized"              401: the key is missing or wrong
---| "forbidden"                 403: the key may not do that
---| "api_access_suspended"      403: the organization has no access for the moment
---| "not_found"                 404: no such resource for this organization
---| "conflict"                  409: the resource is not in a state that allows it
---| "idempotency_key_reused"    409: the key came with another body before, and that request stands
---| "idempotency_in_progress"   409: the first request with this key still runs; retried
---| "rate_limit_exceeded"       429: retried after `retry_after`, if that is at most 60 s
---| "internal_error"            500: retried
---| "service_unavailable"       503: retried

--- The error of a call. `tostring(err)` is one line fit for a log, and `..` works on it. API keys,
--- `client_secret`s and card numbers are taken out of all of it; the idempotency key and ids are shown with all their
--- digits.
---@class lomi.Error
---@field kind lomi.ErrorKind  what went wrong
---@field message string  a sentence; for an unknown outcome it ends with what to do
---@field code? lomi.ErrorCode|lomi.ServiceCode|string  ours, or the service's `error.code`
---@field status? integer  of the last reply
---@field details? any  the service's `error.details`, as decoded from JSON
---@field fields? lomi.Fault[]  all faults of a payload at once
---@field request_id? string  the service's, to ask its support about
---@field retry_after? number  seconds the service asks to wait
---@field attempts? integer  requests put on the wire, or tried to; 0: refused before
---@field replayed? boolean  the service's stored answer to an earlier request with the same key
---@field idempotency_key? string  the call's, for a retry
---@field outcome? lomi.Outcome  of a call that changes something; nil for a GET and for a webhook
local Error = {}
Error.__index = Error
Error.__name = "lomi.Error"

local SHOWN = { "code", "status", "outcome", "request_id", "idempotency_key" }

--- One line.
function Error:__tostring()
  local facts = {}
  for _, name in ipairs(SHOWN) do
    local value = rawget(self, name)
    if value ~= nil then facts[#facts + 1] = ("%s: %s"):format(name, tostring(value)) end
  end
  local line = ("lomi: %s: %s"):format(self.kind, self.message)
  if #facts > 0 then line = ("%s (%s)"):format(line, table.concat(facts, ", ")) end
  return redact.line(line, " ")
end

function Error.__concat(a, b)
  return tostring(a) .. tostring(b)
end

local MOST_CODE = 128 -- bytes

---@param kind lomi.ErrorKind
---@param message string
---@param facts? table  any other field of lomi.Error
---@param secrets? lomi.redact.Secrets  to take out besides the patterns known, such as the API key in use
---@return lomi.Error
function M.new(kind, message, facts, secrets)
  local err = {}
  for name, value in pairs(facts or {}) do err[name] = value end
  err.kind = kind
  err.message = redact.sentence(message, secrets)
  err.code = err.code and redact.sentence(err.code, secrets, MOST_CODE)
  err.details = redact.value(err.details, secrets)
  err.fields = redact.value(err.fields, secrets)
  -- Not what looks like a card number in an id; and the idempotency key as it is: a retry with another key charges
  -- twice.
  err.request_id = err.request_id and redact.id(err.request_id, secrets)
  return setmetatable(err, Error)
end

local MOST_FAULTS, MOST_FIELD = 20, 80 -- faults told of one payload; bytes of a field's name

--- The error for a payload: one sentence that names every fault, up to a bound.
---@param faults lomi.Fault[]
---@param facts? table
---@param secrets? lomi.redact.Secrets
---@return lomi.Error
function M.invalid(faults, facts, secrets)
  local told, sentences = {}, {}
  for i = 1, math.min(#faults, MOST_FAULTS) do
    local field = redact.sentence(faults[i].field, secrets, MOST_FIELD)
    told[i] = { field = field, message = faults[i].message }
    sentences[i] = field .. " " .. faults[i].message
  end
  if #faults > #told then sentences[#sentences + 1] = ("and %d more"):format(#faults - #told) end
  facts = facts or {}
  facts.code = facts.code or "invalid_parameters"
  facts.fields = told
  return M.new("invalid_request", table.concat(sentences, "; "), facts, secrets)
end

--- A line on standard error; through print where the state has no io library.
---@param line string
function M.tell(line)
  local library = rawget(_G, "io")
  if type(library) == "table" and library.stderr then
    library.stderr:write(line, "\n")
  else
    print(line)
  end
end

---@param value any
---@return boolean
function M.is_error(value)
  return getmetatable(value) == Error
end

return M
