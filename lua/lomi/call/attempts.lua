-- SPDX-License-Identifier: MIT
--- One call on the wire: sends it, and sends it again if that is safe and worth it, until there is a result or no point
--- in going on.

local advice = require "lomi.call.advice"
local amount_mismatch = require("lomi.call.amount").mismatch
local core = require "lomi.core"
local errors = require "lomi.errors"
local outcome = require "lomi.call.outcome"
local read_reply = require("lomi.call.reply").read
local redact = require "lomi.redact"
local retry = require "lomi.call.retry"

local max, min = math.max, math.min

local M = {}

local SHORTEST = 1 / 1000 -- seconds, written for every locale (see config): a timeout is never 0, which would mean none

--- The reply to the last attempt: given beside the result, and beside an error where there was one. Its body holds the
--- `client_secret`: it is not for a log.
---@class lomi.Reply
---@field status integer  of HTTP
---@field headers table<string, string>  names in lower case; the values of a repeated one joined with `, `
---@field request_id? string  the service's, to ask its support about
---@field idempotency_key? string  the call's, given or made; nil for a GET
---@field replayed boolean  the stored answer of an earlier request with the same key
---@field attempts integer  requests put on the wire, or tried to
---@field elapsed number  seconds, the whole call
---@field next_action? lomi.NextAction  of a new charge: what to do now; may hold the `client_secret`
---@field body string  as it came
---@field executed? boolean  of money that leaves: true: it was moved; false: this is a preview

--- What `on_attempt` is given after each attempt; fit for a log, as an error is; the idempotency key and the id in the
--- path are shown with all their digits.
---@class lomi.AttemptEvent
---@field method string  of HTTP
---@field path string  without its query
---@field attempt integer  1 for the first
---@field elapsed number  seconds of this attempt
---@field status? integer  of HTTP; nil: there was no reply
---@field kind? lomi.ErrorKind  nil: the attempt was a success
---@field code? lomi.ErrorCode|lomi.ServiceCode|string  as of the error
---@field message? string  as of the error
---@field outcome? lomi.Outcome  of the call so far
---@field request_id? string  the service's
---@field idempotency_key? string  the call's
---@field replayed boolean  the stored answer of an earlier request with the same key
---@field wait? number  seconds until the next attempt; nil: it is the last
---@field reason? string  why there is another, or none; nil after a success

-- What Lua's own interpreters raise at Ctrl-C.
local function is_interrupt(trouble)
  return type(trouble) == "string" and (trouble == "interrupted!" or trouble:find(": interrupted!$") ~= nil)
end

-- Of anything that was raised: also of an object that raises again when it is asked.
local function text_of(trouble)
  local ok, text = pcall(tostring, trouble)
  return ok and type(text) == "string" and text or "an error of type " .. type(trouble)
end

local function is_reply(reply)
  local status, headers = reply.status, reply.headers
  if type(status) ~= "number" or status % 1 ~= 0 or type(headers) ~= "table" then return false end
  for _, value in next, headers do
    if type(value) ~= "string" then return false end
  end
  return type(reply.body) == "string"
end

-- One request. Of another's transport, whatever it does against the interface is taken for the worst: it was sent.
-- What ours raises is no trouble on the way: Ctrl-C, a watchdog's hook, no memory left. It is for the program.
local function send(transport, request)
  if transport.is_curl then return transport:send(request) end
  local ok, reply, failure = pcall(transport.send, transport, request)
  if not ok then
    if is_interrupt(reply) then error(reply, 0) end
    return nil, { kind = "connection", message = "the transport raised: " .. text_of(reply) }
  end
  if type(reply) == "table" then
    if is_reply(reply) then return reply end
    return nil, { kind = "connection", message = "the transport gave a reply without status, headers or body" }
  end
  if type(failure) == "table" and type(failure.message) == "string" then
    local kind = failure.kind or "connection"
    return nil, { kind = kind, message = failure.message, sent = failure.sent, final = failure.final }
  end
  return nil, { kind = "connection", message = failure and text_of(failure) or "the transport gave no reply" }
end

-- A callback that raises must not cost a charge.
local function tell(config, request, number, elapsed, reply, err, wait, reason)
  local path = request.url:sub(#config.base_url + 1):match("^[^?]*")
  local request_id = err and err.request_id or reply and reply.request_id
  local ok, trouble = pcall(config.on_attempt, {
    method = request.method,
    path = redact.secrets(path, config.secrets),
    attempt = number,
    elapsed = elapsed,
    status = reply and reply.status,
    kind = err and err.kind,
    code = err and err.code,
    message = err and err.message,
    outcome = err and err.outcome,
    request_id = request_id and redact.id(request_id, config.secrets),
    idempotency_key = request.headers["Idempotency-Key"],
    replayed = reply ~= nil and reply.replayed,
    wait = wait,
    reason = reason,
  })
  if ok then return end
  if is_interrupt(trouble) then error(trouble, 0) end
  local message = redact.sentence("on_attempt raised: " .. text_of(trouble), config.secrets)
  local ngx = rawget(_G, "ngx")
  if ngx then ngx.log(ngx.WARN, "lomi: ", message) else io.stderr:write("lomi: warning: ", message, "\n") end
end

-- What another's transport gave is not written to: it may give it again. Ours makes a new table every time.
---@return lomi.Reply
local function new_reply(transport, raw, key, attempts, elapsed)
  local headers = raw.headers
  local reply = transport.is_curl and raw or { status = raw.status, headers = headers, body = raw.body }
  reply.request_id = headers["x-request-id"]
  reply.idempotency_key = key
  reply.replayed = headers["idempotency-cache-hit"] == "true"
  reply.attempts = attempts
  reply.elapsed = elapsed
  return reply
end

-- What went wrong in one attempt, as an error. Its outcome is the call's so far.
local function new_error(config, operation, key, trouble, reply, attempts, so_far)
  local err = errors.new(trouble.kind, trouble.message, {
    code = trouble.code,
    status = reply and reply.status,
    details = trouble.details,
    request_id = reply and (reply.request_id or trouble.request_id),
    retry_after = reply and retry.retry_after(reply.headers["retry-after"], os.time(), reply.headers.date),
    attempts = attempts,
    replayed = reply and reply.replayed,
    idempotency_key = key,
    outcome = so_far,
  }, config.secrets)
  local what_to_do = advice(err, operation)
  if what_to_do then err.message = err.message .. "; " .. what_to_do end
  return err
end

---@param config lomi.Configuration
---@param transport lomi.Transport
---@param request lomi.Request  its timeout is that of one attempt
---@param operation lomi.contract.Operation
---@param max_retries integer
---@param params? table  the call's, for an operation that `compares_amount`
---@return table|nil result
---@return lomi.Error|nil
---@return lomi.Reply|nil  of the last attempt, if it had one
function M.perform(config, transport, request, operation, max_retries, params)
  local key, timeout, mutates = request.headers["Idempotency-Key"], request.timeout, request.method ~= "GET"
  local started = transport:now()
  local deadline = started + config.deadline
  local began, attempts, so_far = started, 0, nil

  while true do
    attempts = attempts + 1
    request.timeout = max(SHORTEST, min(timeout, deadline - began))
    local raw, failure = send(transport, request)
    local ended = transport:now()
    local reply = raw and new_reply(transport, raw, key, attempts, ended - started)
    local result, trouble, next_action
    if raw then result, trouble, next_action = read_reply(raw, operation) else trouble = failure end
    if result and operation.compares_amount then
      trouble = amount_mismatch(params, result, config.amounts)
      if trouble then result = nil end
    end

    if result then
      reply.next_action = next_action
      if config.on_attempt then tell(config, request, attempts, ended - began, reply) end
      return result, nil, reply
    end

    local replayed = reply ~= nil and reply.replayed
    if mutates then
      so_far = outcome.of_call(so_far, outcome.of_attempt(failure, raw and raw.status, trouble.code), replayed)
    end
    local err = new_error(config, operation, key, trouble, reply, attempts, so_far)
    local wait, reason = retry.decide({ max_retries = max_retries, backoff = config.backoff }, {
      number = attempts,
      safe = key ~= nil or not mutates,
      kind = failure and failure.kind,
      final = failure and failure.final,
      status = err.status,
      code = err.code,
      replayed = replayed,
      retry_after = err.retry_after,
    }, deadline - ended, core.random())
    if config.on_attempt then tell(config, request, attempts, ended - began, reply, err, wait, reason) end
    if not wait then return nil, err, reply end

    transport:sleep(wait)
    began = transport:now()
    if began >= deadline then return nil, err, reply end -- on_attempt, or the machine, took its time
  end
end

return M
