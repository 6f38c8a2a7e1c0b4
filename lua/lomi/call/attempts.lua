-- SPDX-License-Identifier: MIT
--- One call on the wire: sends the request that the client has made, and retries while it is safe and useful.

local advice = require "lomi.call.advice"
local amount_mismatch = require("lomi.call.amount").mismatch
local core = require "lomi.core"
local errors = require "lomi.errors"
local outcome = require "lomi.call.outcome"
local read_reply = require("lomi.call.reply").read
local redact = require "lomi.redact"
local retry = require "lomi.call.retry"
local transports = require "lomi.transport"

local max = math.max

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

--- The argument of `on_attempt`, after each attempt. Fit for a log, as an error is; the idempotency key and the id in
--- the path are shown in full.
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

-- A callback that raises must not cost a charge.
local function tell(config, request, number, elapsed, reply, err, wait, reason)
  local request_id = err and err.request_id or reply and reply.request_id or request.request_id
  local path = request.target:sub(#request.server.path + 1):match("^[^?]*")
  local ok, problem = pcall(config.on_attempt, {
    method = request.method,
    path = redact.secrets(path, config.secrets),
    attempt = number,
    elapsed = elapsed,
    status = reply and reply.status,
    kind = err and err.kind,
    code = err and err.code,
    message = err and err.message,
    outcome = err and err.outcome,
    request_id = redact.id(request_id, config.secrets),
    idempotency_key = request.idempotency_key,
    replayed = reply ~= nil and reply.replayed,
    wait = wait,
    reason = reason,
  })
  if ok then return end
  if transports.is_interrupt(problem) then error(problem, 0) end
  local message = redact.sentence("on_attempt raised: " .. transports.text_of(problem), config.secrets)
  local ngx = transports.in_nginx() and rawget(_G, "ngx")
  if ngx then ngx.log(ngx.WARN, "lomi: ", message) else errors.tell("lomi: warning: " .. message) end
end

-- The error of one attempt. Its outcome is the call's so far.
local function new_error(config, operation, request, cause, reply, attempts, so_far)
  local err = errors.new(cause.kind, cause.message, {
    code = cause.code,
    status = reply and reply.status,
    details = cause.details,
    request_id = reply and (reply.request_id or cause.request_id) or request.request_id,
    retry_after = reply and retry.retry_after(reply.headers["retry-after"], core.time(), reply.headers.date),
    attempts = attempts,
    replayed = reply and reply.replayed,
    idempotency_key = request.idempotency_key,
    outcome = so_far,
  }, config.secrets)
  local what_to_do = advice(err, operation)
  if what_to_do then err.message = err.message .. "; " .. what_to_do end
  return err
end

-- ---- a reply to another request -----------------------------------------------------------------

-- The service gives each request's X-Request-Id back. A reply with the id of an earlier request is a stray reply: it
-- arrived after the idle connection was checked. A stored reply also has an earlier id, but its request was the same.
local REMEMBERED = 1000 -- requests
-- The last requests sent. Each one has an index, the same in all five lists.
local ids, api_keys, accounts, targets, keys = {}, {}, {}, {}, {}
local last = 0 -- the index of the last request

local STRAY = {
  kind = "connection", message = "the reply is to another request: it has the X-Request-Id of an earlier call",
}

-- A service or a cache finds a stored reply by the idempotency key, or by a GET's target alone (true). It stores no
-- reply to a change without a key (false).
local function key_of(request)
  return request.idempotency_key or request.method == "GET"
end

local function remember(config, request)
  last = last % REMEMBERED + 1
  api_keys[last], accounts[last] = config.api_key, request.account or false
  targets[last], keys[last] = request.target, key_of(request)
  ids[last] = request.request_id
end

local function is_stray(config, reply, request)
  local id = reply.request_id
  if not id or id == request.request_id then return false end
  for i = 1, #ids do
    if ids[i] == id then
      local same = keys[i] and keys[i] == key_of(request) and targets[i] == request.target
        and accounts[i] == (request.account or false) and api_keys[i] == config.api_key
      return not same
    end
  end
  return false
end

-- Each attempt has an id of its own, so that a lost reply can be found in the service's log.
local function renew_request_id(request)
  local fields = request.fields
  for i = 1, #fields, 2 do
    if fields[i] == "X-Request-Id" then
      request.request_id = core.uuid4()
      fields[i + 1] = request.request_id
    end
  end
end

---@param config lomi.Configuration
---@param transport table  with `exchange`, see lomi.transport
---@param request lomi.transport.Request  its timeout is that of one attempt
---@param operation lomi.contract.Operation
---@param max_retries integer
---@param params? table  the call's, for an operation that `compares_amount`
---@return table|nil result
---@return lomi.Error|nil
---@return lomi.Reply|nil  of the last attempt, if it had one
function M.perform(config, transport, request, operation, max_retries, params)
  local timeout, mutates = request.timeout, request.method ~= "GET"
  local started = transport:now()
  local deadline = started + config.deadline
  local began, attempts, so_far = started, 0, nil

  while true do
    attempts = attempts + 1
    if timeout > deadline - began then request.timeout = max(SHORTEST, deadline - began) end
    remember(config, request)
    local reply, failure = transport:exchange(request)
    local ended = transport:now()
    if reply and is_stray(config, reply, request) then reply, failure = nil, STRAY end
    local result, cause, next_action
    if reply then
      reply.idempotency_key, reply.attempts, reply.elapsed = request.idempotency_key, attempts, ended - started
      result, cause, next_action = read_reply(reply, operation)
      if result and operation.compares_amount then
        cause = amount_mismatch(params, result, config.amounts)
        if cause then result = nil end
      end
    else
      cause = failure
    end

    if result then
      if next_action then reply.next_action = next_action end
      if config.on_attempt then tell(config, request, attempts, ended - began, reply) end
      return result, nil, reply
    end

    -- The reply to this request may still come. And a server that gave up an idle connection gave up the others, too.
    if (failure == STRAY or reply and reply.status == 408) and transport.drop_idle then
      transport:drop_idle(request.server)
    end
    local replayed = reply ~= nil and reply.replayed
    if mutates then
      so_far = outcome.of_call(so_far, outcome.of_attempt(failure, reply and reply.status, cause.code), replayed)
    end
    local err = new_error(config, operation, request, cause, reply, attempts, so_far)
    local wait, reason = retry.decide({ max_retries = max_retries, backoff = config.backoff }, {
      number = attempts,
      safe = request.idempotency_key ~= nil or not mutates,
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
    renew_request_id(request)
  end
end

return M
