-- SPDX-License-Identifier: MIT
--- The straight line of a call: check → encode → send (again, if it is safe) → decode → table.
--- The methods are made from the contract; none is written by hand. `send` makes the idempotency key and the request
--- id; for a retry, call/attempts.lua keeps the key and makes a new id.

local arguments = require "lomi.call.arguments"
local attempts = require "lomi.call.attempts"
local contract = require "lomi.contract"
local core = require "lomi.core"
local default_transport = require "lomi.transport.default"
local errors = require "lomi.errors"
local lazy = require "lomi.lazy"
local schema = require "lomi.call.schema"
local transports = require "lomi.transport"

local M = {}

--- The last argument of a resource's methods. An unknown name, or a value of the wrong type for `timeout`,
--- `max_retries` or `extra`, raises at the caller's line; a wrong `idempotency_key` or `account` is an error.
---@class lomi.CallOptions
---@field idempotency_key? string  1 to 255 printable bytes, one for one intent; default: a new UUID v4 for every call
---@field timeout? number  seconds, one attempt; instead of the client's
---@field max_retries? integer  instead of the client's
---@field account? string  instead of the client's
---@field extra? table<string, any>  undeclared fields of the body or the query, unchecked: for what the API adds

--- The last argument of Wave and MTN charges.
---@class lomi.ScenarioOptions: lomi.CallOptions
---@field scenario? "pending"|"failed"  how it shall end, instead of well; test keys only

--- The last argument of `client:request`.
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
local REQUEST = { result = "body" } -- the operation of `client:request`
local DELETION = { result = "body", may_be_empty = true } -- likewise

local function refuse(config, faults, method)
  local facts = { attempts = 0, outcome = method ~= "GET" and "not_sent" or nil }
  return nil, errors.invalid(faults, facts, config.secrets)
end

-- Some transports cannot be used just anywhere; such a call is the program's bug. Raises at the line that called the
-- method that calls this.
local function check_place(config)
  local transport = config.carrier or default_transport()
  local reason = transport.unusable and transport:unusable()
  if reason then error(reason, 3) end
  return transport
end

local function send(config, transport, method, path, body, operation, opts, params)
  local key, id = method ~= "GET" and opts.idempotency_key or nil
  if method == "POST" and not key then id, key = core.uuid4(2) else id = core.uuid4() end
  local fields
  if key and body then
    fields = { "Content-Type", "application/json", "X-Request-Id", id, "Idempotency-Key", key }
  elseif key then
    fields = { "X-Request-Id", id, "Idempotency-Key", key }
  elseif body then
    fields = { "Content-Type", "application/json", "X-Request-Id", id }
  else
    fields = { "X-Request-Id", id }
  end
  local account, scenario = opts.account or config.account, opts.scenario
  if account then fields[#fields + 1], fields[#fields + 2] = "Lomi-Account", account end
  if scenario then fields[#fields + 1], fields[#fields + 2] = "X-Scenario-Key", scenario end
  local server = config.server
  return attempts.perform(config, transport, {
    server = server,
    method = method,
    target = server.path .. path,
    fields = fields,
    body = body,
    timeout = opts.timeout or config.timeout,
    connect_timeout = config.connect_timeout,
    account = account,
    idempotency_key = key,
    request_id = id,
  }, operation, opts.max_retries or config.max_retries, params)
end

-- One list of all that is wrong; nil while nothing is.
local function add(faults, more)
  if not faults or not more then return faults or more end
  for _, fault in ipairs(more) do faults[#faults + 1] = fault end
  return faults
end

-- The message for a method that was called with a dot.
local function colon(resource, name)
  return ("call it with a colon: client.%s:%s(…)"):format(resource.name, name)
end

local function with_extra_options(opts, extra)
  local all = { extra = {} }
  for name, value in next, opts or NO_OPTIONS do all[name] = name == "extra" and all.extra or value end
  for _, fields in ipairs { opts and opts.extra or NO_OPTIONS, extra } do
    for name, value in next, fields do all.extra[name] = value end
  end
  return all
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

-- Checks, encodes and sends one operation. Takes the ids of the path, the fields of the body or of the query, and opts,
-- which have been checked.
local function make_executor(config, operation)
  local method = operation.method
  local dto = operation.params or operation.query
  local ids = {}
  for name in operation.path:gmatch("{([A-Za-z0-9_]+)}") do ids[#ids + 1] = name end

  return function(transport, id, second_id, fields, opts)
    local faults, path, body = opts and arguments.faults(opts, config.secrets, config.environment), operation.path, nil
    for i = 1, #ids do
      local filled, reason = arguments.fill_id(path, id)
      if reason then faults = add(faults, { { field = ids[i], message = reason } }) end
      path, id = filled or path, second_id
    end
    if dto then
      if fields == nil and not dto.required[1] then fields = {} end
      local payload, payload_faults, is_simple = schema.check(dto, fields, config.amounts)
      if payload_faults then faults = add(faults, payload_faults) end
      if opts and opts.extra then
        local extra_faults
        payload, extra_faults = with_extra(payload, opts.extra, dto)
        is_simple = nil
        faults = add(faults, extra_faults)
      end
      if operation.params then
        local inexact
        body, inexact = core.encode(payload, is_simple)
        if inexact then faults = add(faults, inexact) end
      else
        local query, reason = arguments.query(payload)
        if reason then faults = add(faults, { { field = "query", message = reason } }) end
        path = path .. (query or "")
      end
    elseif opts and opts.extra then
      faults = add(faults, { { field = "extra", message = "has no place here: this request has no fields" } })
    end
    if faults then return refuse(config, faults, method) end
    return send(config, transport, method, path, body, operation, opts or NO_OPTIONS, fields)
  end
end

-- A method of a resource. Takes the ids of the path, then the fields, then opts; less what the operation does not have.
local function make_operation(config, resource, name, operation)
  local _, ids = operation.path:gsub("{[A-Za-z0-9_]+}", "")
  local has_fields = operation.params or operation.query
  local known = operation.scenario and arguments.SCENARIO_CALL or arguments.CALL
  local execute = make_executor(config, operation)

  return function(self, a, b, c, d)
    if self ~= resource.object then error(colon(resource, name), 2) end
    local fields, opts = a, b
    if ids == 1 then fields, opts = b, c elseif ids == 2 then fields, opts = c, d end
    if not has_fields then fields, opts = nil, fields end
    if opts ~= nil then arguments.check_options(opts, known, 2) end
    local transport = check_place(config)
    if not operation.asks_twice then return execute(transport, a, b, fields, opts) end
    local result, err, reply = execute(transport, a, b, fields, opts)
    if not result then return nil, err, reply end
    reply.executed = result.requires_confirmation ~= true
    if reply.executed then return result, nil, reply end
    local complete = lazy("lomi.call.confirmation").complete
    return complete(result, fields, opts or NO_OPTIONS, reply.idempotency_key), nil, reply
  end
end

-- The second call of an operation that asks twice.
local function make_confirmation(config, resource, name, operation)
  local confirmed = {}
  for key, value in next, operation do confirmed[key] = value end
  confirmed.asks_twice, confirmed.confirmed = nil, true
  local execute = make_executor(config, confirmed)

  return function(self, preview, opts)
    if self ~= resource.object then error(colon(resource, name), 2) end
    if opts ~= nil then arguments.check_options(opts, arguments.CALL, 2) end
    local transport = check_place(config)
    local params, both, faults = lazy("lomi.call.confirmation").second_call(preview, opts)
    if faults then return refuse(config, faults, operation.method) end
    local result, err, reply = execute(transport, nil, nil, params, both)
    if result then reply.executed = true end
    return result, err, reply
  end
end

-- `each` of a list. The place is checked at every round: the first one may be elsewhere than where it was made.
local function make_each(config, resource, name, operation)
  local _, ids = operation.path:gsub("{[A-Za-z0-9_]+}", "")
  local execute = make_executor(config, operation)
  local function wrong_page(message) return errors.new("protocol", message, nil, config.secrets) end

  return function(self, a, b, c)
    if self ~= resource.object then error(colon(resource, name), 2) end
    local id, query, opts = nil, a, b
    if ids == 1 then id, query, opts = a, b, c end
    if opts ~= nil then arguments.check_options(opts, arguments.CALL, 2) end
    local transport
    local function fetch(asked, undeclared)
      return execute(transport, id, nil, asked, undeclared and with_extra_options(opts, undeclared) or opts)
    end
    local next_item = lazy("lomi.call.pages").each(fetch, wrong_page, query, operation.pages)
    return function()
      transport = check_place(config)
      return next_item()
    end
  end
end

-- A method, made from its row of the contract.
local function make_method(config, resource, name, row)
  local of = row.pages_of or row.confirms
  if not of then return make_operation(config, resource, name, row) end
  local make = row.pages_of and make_each or make_confirmation
  return make(config, resource, name, resource.operations[of])
end

-- A resource makes its methods when they are first used: a row that is added to the contract is a method at once.
local function make_resource(config, name, operations)
  local resource = { name = name, operations = operations }
  resource.object = setmetatable({}, {
    __index = function(self, verb)
      local row = operations[verb]
      if not row then return nil end
      local method = make_method(config, resource, verb, row)
      rawset(self, verb, method)
      return method
    end,
  })
  return resource.object
end

local function make_request(config, client)
  local function execute(transport, method, path, opts)
    local faults, query, body = arguments.faults(opts, config.secrets), "", nil
    local reason = arguments.path_fault(path)
    if reason then faults = add(faults, { { field = "path", message = reason } }) end
    if opts.query ~= nil then
      query, reason = arguments.query(opts.query)
      if reason then faults = add(faults, { { field = "query", message = reason } }) end
    end
    if opts.body ~= nil then
      local inexact
      body, inexact = core.encode(opts.body)
      faults = add(faults, inexact)
    end
    if faults then return refuse(config, faults, method) end
    return send(config, transport, method, path .. query, body, method == "DELETE" and DELETION or REQUEST, opts)
  end

  return function(self, method, path, opts)
    if self ~= client then error("call it with a colon: client:request(method, path, opts)", 2) end
    if not METHODS[method] then error("method must be GET, POST, PUT, PATCH or DELETE", 2) end
    if opts ~= nil then arguments.check_options(opts, arguments.REQUEST, 2) end
    local transport = check_place(config)
    if method == "GET" and opts and opts.body ~= nil then error("a GET has no body; give opts.query", 2) end
    return execute(transport, method, path, opts or NO_OPTIONS)
  end
end

-- luacheck: push ignore 631
--- A client has its key in a closure, in no field. `tostring(client)` names its environment and host.
---@class lomi.Client
--- Any other endpoint, with the same guarantees. Gives the whole decoded body, or an empty table where a 204 or a
--- deletion has none. `path` begins with a slash and holds no query. Raises at the caller's line for another method than GET, POST, PUT, PATCH, DELETE.
---@field request fun(self, method: "GET"|"POST"|"PUT"|"PATCH"|"DELETE", path: string, opts?: lomi.RequestOptions): table?, lomi.Error?, lomi.Reply?
-- luacheck: pop

--- The configuration, key and all, stays in the closures: no field of the client holds it.
---@param config lomi.Configuration
---@return lomi.Client
function M.new(config)
  local client = {}
  config.server = transports.server(config.url, {
    "X-API-KEY", config.api_key, "Accept", "application/json", "User-Agent", USER_AGENT,
  }, config.ca_file, config.proxy)
  config.carrier = config.transport and transports.of(config.transport)
  if config.carrier and config.carrier.expect then config.carrier:expect(config.server) end -- a loop, to be warmed
  lazy(contract.resources.charges) -- now, while files can be read: a process may chroot before its first charge
  if not config.carrier and not transports.in_nginx() then lazy "lomi.transport.curl" end
  client.request = make_request(config, client)
  local description = ("lomi client (%s, %s)"):format(config.environment, config.host)
  return setmetatable(client, {
    __index = function(self, name)
      local module = contract.resources[name]
      if not module then return nil end
      local resource = make_resource(config, name, lazy(module))
      rawset(self, name, resource)
      return resource
    end,
    __tostring = function() return description end,
    __name = "lomi.Client",
  })
end

return M
