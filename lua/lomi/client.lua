-- SPDX-License-Identifier: MIT
--- The straight line of a call: check → encode → send (again, if it is safe) → decode → table.
--- The methods are made from the contract; none is written by hand.

local arguments = require "lomi.call.arguments"
local contract = require "lomi.contract"
local core = require "lomi.core"
local errors = require "lomi.errors"
local exchange = require "lomi.call.attempts"
local lazy = require "lomi.lazy"
local schema = require "lomi.call.schema"

local M = {}

--- What the methods of `client.charges` take last. An unknown name, or a value of the wrong type for `timeout`,
--- `max_retries` or `extra`, raises at the caller's line; a wrong `idempotency_key` or `account` is an error.
---@class lomi.CallOptions
---@field idempotency_key? string  1 to 255 printable bytes, one for one intent; default: a new UUID v4 for every call
---@field timeout? number  seconds, one attempt; instead of the client's
---@field max_retries? integer  instead of the client's
---@field account? string  instead of the client's
---@field extra? table<string, any>  undeclared fields for the payload, unchecked: for what the API adds before we do

--- What Wave and MTN charges take last.
---@class lomi.ScenarioOptions: lomi.CallOptions
---@field scenario? "pending"|"failed"  how it shall end, instead of well; test keys only

--- What `client:request` takes last.
---@class lomi.RequestOptions
---@field idempotency_key? string  default: a new UUID v4 for a POST; a PUT, PATCH or DELETE without one is sent once
---@field timeout? number  seconds, one attempt; instead of the client's
---@field max_retries? integer  instead of the client's
---@field account? string  instead of the client's
---@field body? any  what is sent as JSON, 1 MiB at most; not with a GET
---@field query? table<string, string|number|boolean>  percent-encoded

local USER_AGENT = ("lomi-lua/%s (%s)"):format(core.version, rawget(_G, "jit") and "LuaJIT" or _VERSION)
local METHODS = { GET = true, POST = true, PUT = true, PATCH = true, DELETE = true }
local NO_OPTIONS = {}
local REQUEST = { gives = "body" } -- the operation of `client:request`

local function refuse(config, faults, method)
  local facts = { attempts = 0, outcome = method ~= "GET" and "not_sent" or nil }
  return nil, errors.invalid(faults, facts, config.secrets)
end

-- Chosen at each call: a client made while nginx reads its configuration must work in its workers.
local function transport_of(config)
  local chosen = config.transport or config.chosen_transport
  if not chosen then
    local name = rawget(_G, "ngx") and "lomi.transport.nginx" or "lomi.transport.curl"
    chosen = lazy(name).new()
    config.chosen_transport = chosen
  end
  return chosen
end

-- Some transports cannot be used just anywhere; to try is the program's bug. Raises at the line of who called the
-- method that calls this.
local function check_place(config)
  local transport = config.transport
  local wrong = transport and transport.unusable and transport:unusable()
  if wrong then error(wrong, 3) end
end

local function send(config, method, path, body, operation, opts, params)
  local key = method ~= "GET" and opts.idempotency_key or nil
  if method == "POST" and not key then key = core.uuid4() end
  return exchange.perform(config, transport_of(config), {
    method = method,
    url = config.base_url .. path,
    headers = {
      ["X-API-KEY"] = config.api_key,
      ["Accept"] = "application/json",
      ["User-Agent"] = USER_AGENT,
      ["Content-Type"] = body and "application/json" or nil,
      ["Idempotency-Key"] = key,
      ["Lomi-Account"] = opts.account or config.account,
      ["X-Scenario-Key"] = opts.scenario,
    },
    body = body,
    timeout = opts.timeout or config.timeout,
    connect_timeout = config.connect_timeout,
    ca_file = config.ca_file,
    proxy = config.proxy,
  }, operation, opts.max_retries or config.max_retries, params)
end

-- One list of all that is wrong; nil while nothing is.
local function add(faults, more)
  if not faults or not more then return faults or more end
  for _, fault in ipairs(more) do faults[#faults + 1] = fault end
  return faults
end

-- Declared fields go through their check; `extra` is for what the contract does not name.
local function with_extra(payload, extra, dto)
  local all, faults = {}, nil
  for name, value in next, payload do all[name] = value end
  for name, value in next, extra do
    if dto.by_name[name] then
      faults = add(faults, { { field = "extra." .. name, message = "is a declared field; give it in params" } })
    else
      all[name] = value
    end
  end
  return all, faults
end

local function make_operation(config, charges, name, operation)
  local method, dto = operation.method, operation.params
  local has_id = operation.path:find("{id}", 1, true)
  local known = operation.scenario and arguments.SCENARIO_CALL or arguments.CALL

  local function execute(id, params, opts)
    local faults, path, body = opts and arguments.faults(opts, config.secrets, config.environment), operation.path, nil
    if has_id then
      local wrong
      path, wrong = arguments.fill_id(path, id)
      if wrong then faults = add(faults, { { field = "id", message = wrong } }) end
    end
    if dto then
      if params == nil and not dto.required[1] then params = {} end
      local payload, wrongs = schema.check(dto, params, config.amounts)
      if wrongs then faults = add(faults, wrongs) end
      if opts and opts.extra then
        local extra_faults
        payload, extra_faults = with_extra(payload, opts.extra, dto)
        faults = add(faults, extra_faults)
      end
      local inexact
      body, inexact = core.encode(payload)
      if inexact then faults = add(faults, inexact) end
    elseif opts and opts.extra then
      faults = add(faults, { { field = "extra", message = "has no place here: this request has no body" } })
    end
    if faults then return refuse(config, faults, method) end
    return send(config, method, path, body, operation, opts or NO_OPTIONS, params)
  end

  -- Takes (id, params, opts), less what the operation does not have.
  return function(self, ...)
    if self ~= charges then error(("call it with a colon: client.charges:%s(…)"):format(name), 2) end
    local id, params, opts
    if has_id and dto then
      id, params, opts = ...
    elseif has_id then
      id, opts = ...
    else
      params, opts = ...
    end
    if opts ~= nil then arguments.check_options(opts, known, 2) end
    check_place(config)
    return execute(id, params, opts)
  end
end

local function make_request(config, client)
  local function execute(method, path, opts)
    local faults, query, body = arguments.faults(opts, config.secrets), "", nil
    local wrong = arguments.path_fault(path)
    if wrong then faults = add(faults, { { field = "path", message = wrong } }) end
    if opts.query ~= nil then
      query, wrong = arguments.query(opts.query)
      if wrong then faults = add(faults, { { field = "query", message = wrong } }) end
    end
    if opts.body ~= nil then
      local inexact
      body, inexact = core.encode(opts.body)
      faults = add(faults, inexact)
    end
    if faults then return refuse(config, faults, method) end
    return send(config, method, path .. query, body, REQUEST, opts)
  end

  return function(self, method, path, opts)
    if self ~= client then error("call it with a colon: client:request(method, path, opts)", 2) end
    if not METHODS[method] then error("method must be GET, POST, PUT, PATCH or DELETE", 2) end
    if opts ~= nil then arguments.check_options(opts, arguments.REQUEST, 2) end
    check_place(config)
    if method == "GET" and opts and opts.body ~= nil then error("a GET has no body; give opts.query", 2) end
    return execute(method, path, opts or NO_OPTIONS)
  end
end

-- luacheck: push ignore 631
--- A client has its key in a closure, in no field. `tostring(client)` names its environment and host.
---@class lomi.Client
---@field charges lomi.Charges  card, Wave and MTN charges
--- Any other endpoint, with the same guarantees. Gives the whole decoded body; an empty table for a 204. `path` begins
--- with a slash and holds no query. Raises at the caller's line for another method than GET, POST, PUT, PATCH, DELETE.
---@field request fun(self, method: "GET"|"POST"|"PUT"|"PATCH"|"DELETE", path: string, opts?: lomi.RequestOptions): table?, lomi.Error?, lomi.Reply?

--- Every method gives the result, or nil and an error; then the reply, where there was one. What may come from data
--- (params, ids, idempotency key, account) never raises; a `.` for a `:` or an unknown name in `opts` does, at the
--- caller's line.
---@class lomi.Charges
--- Creates a card charge. Its `client_secret` goes to the payer's browser, which pays it.
---@field create_card_charge fun(self, params: lomi.CreateCardCharge, opts?: lomi.CallOptions): lomi.CardCharge?, lomi.Error?, lomi.Reply?
--- Looks a card charge up. A GET: an error has no outcome.
---@field get_card_charge fun(self, id: string, opts?: lomi.CallOptions): lomi.CardCharge?, lomi.Error?, lomi.Reply?
--- Cancels a card charge that is not paid, or releases its hold.
---@field cancel_card_charge fun(self, id: string, opts?: lomi.CallOptions): lomi.CanceledCharge?, lomi.Error?, lomi.Reply?
--- Takes what a hold has blocked: all of it without an amount, else less, and the rest is released. Once only.
---@field capture_card_charge fun(self, id: string, params?: lomi.CaptureCardCharge, opts?: lomi.CallOptions): lomi.CardCharge?, lomi.Error?, lomi.Reply?
--- Raises a hold to a new total.
---@field increment_card_hold fun(self, id: string, params: lomi.IncrementCardHold, opts?: lomi.CallOptions): lomi.CardCharge?, lomi.Error?, lomi.Reply?
--- Creates a Wave charge; the payer goes to its `checkoutUrl`.
---@field create_wave_charge fun(self, params: lomi.CreateWaveCharge, opts?: lomi.ScenarioOptions): lomi.MobileCharge?, lomi.Error?, lomi.Reply?
--- Creates an MTN Mobile Money charge.
---@field create_mtn_charge fun(self, params: lomi.CreateMtnCharge, opts?: lomi.ScenarioOptions): lomi.MobileCharge?, lomi.Error?, lomi.Reply?
-- luacheck: pop

--- The configuration, key and all, stays in the closures: no field of the client holds it.
---@param config lomi.Configuration
---@return lomi.Client
function M.new(config)
  local client, charges = {}, {}
  local transport = config.transport
  if transport and transport.is_curl and transport.expect then -- a loop, to be warmed
    transport:expect(config.base_url, config.ca_file, config.proxy)
  end
  for name, operation in pairs(lazy(contract.resources.charges)) do
    charges[name] = make_operation(config, charges, name, operation)
  end
  client.charges = charges
  client.request = make_request(config, client)
  local description = ("lomi client (%s, %s)"):format(config.environment, config.host)
  return setmetatable(client, { __tostring = function() return description end, __name = "lomi.Client" })
end

return M
