-- SPDX-License-Identifier: MIT
--- Reads a reply as the contract has it: a result, or what kind of error it is. Pure.

local core = require "lomi.core"
local lazy = require "lomi.lazy"

local M = {}

local MOST_REASONS = 3
local MOST_ERROR = 131072 -- bytes of an error's body that is read: the service's are small, another's may be hostile

local KIND_OF_STATUS = {
  [401] = "authentication", [403] = "permission", [404] = "not_found", [408] = "timeout", [409] = "conflict",
  [429] = "rate_limited",
}

local function kind_of_status(status)
  local kind = KIND_OF_STATUS[status]
  if kind then return kind end
  if status >= 500 then return "api" end
  return status >= 400 and "invalid_request" or "protocol"
end

---@return table|nil error  the contract's error object of a 4xx or 5xx body; nil: it has another shape
---@return string|nil request_id
local function read_error(body)
  if #body > MOST_ERROR then return nil end
  local decoded = core.decode(body, false, true)
  local found = type(decoded) == "table" and decoded.error
  if type(found) ~= "table" or type(found.code) ~= "string" then return nil end
  return found, type(decoded.request_id) == "string" and decoded.request_id or nil
end

-- "Validation failed" alone helps nobody: the first reasons are in `details`.
local function with_reasons(message, details)
  if type(details) ~= "table" then return message end
  local reasons = {}
  for i = 1, MOST_REASONS do
    if type(details[i]) ~= "string" then break end
    reasons[i] = details[i]
  end
  if #reasons == 0 or message == reasons[1] or message:find(": " .. reasons[1], 1, true) then return message end
  return ("%s: %s%s"):format(message, table.concat(reasons, "; "), details[#reasons + 1] ~= nil and "; …" or "")
end

-- Two codes are in use for a key that came with another body before.
local function read_code(status, found)
  if status == 409 and found.code == "conflict" and found.message == "idempotency_key_conflict" then
    return "idempotency_key_reused"
  end
  return found.code
end

-- The result of a 2xx, or what is wrong with it: a kind and a message. Fourth, the next_action beside the result.
local function read_success(reply, wanted)
  local gives = wanted.result or "record"
  local decoded, unreadable = core.decode(reply.body, false, true)
  if type(decoded) ~= "table" then
    if reply.body == "" then
      -- An empty success that names no request may be a proxy's.
      if wanted.may_be_empty and reply.request_id or reply.status == 204 and gives == "body" then return {} end
      unreadable = "it is empty"
    end
    unreadable = unreadable or "it is not an object"
    return nil, "protocol", ("the reply (%d) is not the JSON agreed on: %s"):format(reply.status, unreadable)
  end
  if decoded.success ~= nil and decoded.success ~= true then
    return nil, "api", ("the service answered %d, but success: %s"):format(reply.status, tostring(decoded.success))
  end
  if gives == "body" then return decoded, nil, nil, decoded.next_action end
  if gives ~= "data" then
    local shapes = lazy "lomi.call.shapes"
    local result, reason
    if gives == "list" then result, reason = shapes.page(decoded, reply.body) end
    if gives == "record" then result, reason = shapes.record(decoded, wanted) end
    if result then return result, nil, nil, gives == "record" and result.next_action or nil end
    return nil, "protocol", ("the reply (%d) %s"):format(reply.status, reason)
  end
  local data = decoded.data
  if type(data) ~= "table" or type(data.id) ~= "string" or data.id == "" then
    return nil, "protocol", ("the reply (%d) has no data with an id"):format(reply.status)
  end
  return data, nil, nil, decoded.next_action
end

---@class lomi.call.reply.Cause
---@field kind lomi.ErrorKind
---@field message string
---@field code? string  of an error in the contract's shape; nil: it has another shape
---@field details? any
---@field request_id? string  of the body

---@param raw lomi.RawReply
---@param wanted lomi.contract.Operation  its `result` says which part of the reply is the result
---@return table|nil result
---@return lomi.call.reply.Cause|nil cause
---@return lomi.NextAction|nil next_action
function M.read(raw, wanted)
  if raw.status >= 200 and raw.status < 300 then
    local result, kind, message, next_action = read_success(raw, wanted)
    if result then return result, nil, next_action end
    return nil, { kind = kind, message = message }
  end
  local cause = { kind = kind_of_status(raw.status) }
  local found, request_id = read_error(raw.body)
  if found then
    cause.code, cause.details, cause.request_id = read_code(raw.status, found), found.details, request_id
    local message = type(found.message) == "string" and found.message:find "[^ ]" and found.message or found.code
    cause.message = with_reasons(message, found.details)
  else
    cause.message = ("status %d, not in the API's error format: from a proxy in between?"):format(raw.status)
  end
  return nil, cause
end

return M
