-- SPDX-License-Identifier: MIT
--- The one error shape. Everything that goes into it is redacted here, so that it is fit for a log.

local redact = require "lomi.redact"

local M = {}

---@alias lomi.ErrorKind
---| "invalid_request"  refused by us before sending, or by the server (400, 422): see `fields`, `details`
---| "authentication"   401: the key is missing or wrong
---| "permission"       403
---| "not_found"        404: no such resource for this organization
---| "conflict"         409
---| "rate_limited"     429: see `retry_after`
---| "api"              5xx: the service had trouble
---| "connection"       DNS, connecting, or the connection was lost
---| "timeout"          no complete reply in time (or 408)
---| "tls"              no trusted TLS connection
---| "protocol"         the reply is not HTTP or JSON as agreed
---| "signature"        a webhook that must not be trusted

---@alias lomi.Outcome
---| "not_sent"  nothing of the request can have left
---| "rejected"  the service refused it: no payer can pay anything of it
---| "unknown"   it may have been carried out: ask again with the same idempotency key

---@class lomi.Error
---@field kind lomi.ErrorKind
---@field message string
---@field code? string  the server's `error.code`, or ours
---@field status? integer  of the last reply
---@field details? any  the server's `error.details`
---@field fields? lomi.Fault[]  all faults of a payload at once
---@field request_id? string
---@field retry_after? number  seconds
---@field attempts? integer  requests put on the wire, or tried to
---@field replayed? boolean  the server's stored answer to an earlier request
---@field idempotency_key? string
---@field outcome? lomi.Outcome  of a call that changes something
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
  return (line:gsub("%c+", " "))
end

function Error.__concat(a, b)
  return tostring(a) .. tostring(b)
end

---@param kind lomi.ErrorKind
---@param message string
---@param facts? table  any other field of lomi.Error
---@param key? string  a secret to take out besides the patterns known, such as the API key in use
---@return lomi.Error
function M.new(kind, message, facts, key)
  local err = {}
  for name, value in pairs(facts or {}) do err[name] = value end
  err.kind = kind
  err.message = redact.text(message, key)
  err.code = err.code and redact.text(err.code, key)
  err.details = redact.value(err.details, key)
  err.fields = redact.value(err.fields, key)
  -- Not what looks like a card number in an id; and the idempotency key as it is, for whoever asks again with another
  -- one charges twice.
  err.request_id = err.request_id and redact.secrets(err.request_id:gsub("%c", "?"), key)
  return setmetatable(err, Error)
end

--- The error for a payload: one sentence that names every fault.
---@param faults lomi.Fault[]
---@param facts? table
---@param key? string
---@return lomi.Error
function M.invalid(faults, facts, key)
  local sentences = {}
  for i, fault in ipairs(faults) do sentences[i] = fault.field .. " " .. fault.message end
  facts = facts or {}
  facts.code = facts.code or "invalid_parameters"
  facts.fields = faults
  return M.new("invalid_request", table.concat(sentences, "; "), facts, key)
end

---@param value any
---@return boolean
function M.is_error(value)
  return getmetatable(value) == Error
end

return M
