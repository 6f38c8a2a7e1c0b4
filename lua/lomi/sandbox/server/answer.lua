-- SPDX-License-Identifier: MIT
--- Answers in the shapes of the service.

local rules = require "lomi.rules"
local json = require "lomi.sandbox.server.json"

---@class lomi.sandbox.Answer
---@field status integer
---@field body string
---@field headers table<string, string>? beside those every answer has
---@field request_id string? of an error: the header must repeat what the body says, also when it is replayed

--- Why the API does not do what it is asked.
---@class lomi.sandbox.Refusal
---@field status integer? (400)
---@field code string? (the status's)
---@field message string? (the status's)
---@field details any
---@field retry_after number? seconds

local M = {}

-- The code an error of this status has unless told otherwise.
local CODES = {
  [400] = "bad_request", [401] = "unauthorized", [403] = "forbidden", [404] = "not_found", [408] = "request_timeout",
  [409] = "conflict", [413] = "payload_too_large", [429] = "rate_limit_exceeded", [500] = "internal_error",
  [502] = "bad_gateway", [503] = "service_unavailable", [504] = "gateway_timeout",
}

local MESSAGES = {
  [403] = "This key may not do that", [404] = "Not found", [408] = "The request took too long",
  [409] = "The resource is not in a state that allows this", [429] = "Too many requests",
  [500] = "Something went wrong on our side", [502] = "Bad gateway",
  [503] = "The service is not available for the moment", [504] = "Gateway timeout",
}

---@param status integer
---@param value table the body
---@param headers table<string, string>?
---@return lomi.sandbox.Answer
function M.ok(status, value, headers)
  return { status = status, body = json.encode(value), headers = headers }
end

--- How an operation refuses a request.
---@param message string
---@param code string? default: that of the status, 400
---@return nil
---@return lomi.sandbox.Refusal
function M.refuse(message, code)
  return nil, { message = message, code = code }
end

--- The same for a record that is not there.
---@param what string the kind of record
---@param id string
---@return nil
---@return lomi.sandbox.Refusal
function M.not_found(what, id)
  return nil, { status = 404, message = ("No %s of this organization has the id %s"):format(what, rules.shown(id)) }
end

---@param status integer
---@param request_id string
---@param what lomi.sandbox.Refusal|lomi.sandbox.Fault
---@return lomi.sandbox.Answer
function M.error(status, request_id, what)
  local details = what.details
  if details == nil and status == 429 and what.retry_after then
    details = { retry_after_seconds = what.retry_after, limit = what.limit }
  end
  local body = {
    error = {
      code = what.code or CODES[status] or "http_" .. status,
      message = what.message or MESSAGES[status] or "HTTP " .. status,
      details = details == nil and json.null or details,
    },
    request_id = request_id,
  }
  local headers = what.retry_after and { ["Retry-After"] = ("%d"):format(math.ceil(what.retry_after)) } or nil
  return { status = status, body = json.encode(body), headers = headers, request_id = request_id }
end

return M
