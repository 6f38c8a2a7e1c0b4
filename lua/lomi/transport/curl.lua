-- SPDX-License-Identifier: MIT
--- Requests over libcurl's connections: the blocking transport, one after the other; `Queue`, many at once, for the
--- sandbox's webhooks; `start` and `submit`, for loop.lua.

local core = require "lomi.core"
local lazy = require "lomi.lazy"
local transports = require "lomi.transport"

local Curl = transports.implement { takes_ca_file = true, takes_proxy = true }
Curl.__index = Curl

local M = {}

---@return lomi.Transport
function M.new()
  return setmetatable({}, Curl)
end

local shared = M.new()

--- All clients of a Lua state share their connections.
---@return lomi.Transport
function M.shared()
  return shared
end

--- The userdata that stands for a server in lomi.engine.
---@param server lomi.transport.Server
function M.endpoint(server)
  local endpoint = server.endpoint
  if not endpoint then
    endpoint = lazy("lomi.engine").endpoint(server.origin, server.lines, server.ca_file, server.proxy)
    server.endpoint = endpoint
  end
  return endpoint
end

local endpoint_of = M.endpoint
local library -- lomi.engine, once it is loaded

--- Loads libcurl and starts an engine.
---@param make "new"|"shared"
---@return any engine  or nil
---@return lomi.Failure|nil
function M.start(make)
  local message
  if not library then
    local ok, loaded = pcall(lazy, "lomi.engine")
    if not ok and transports.is_interrupt(loaded) then error(loaded, 0) end
    if ok then library = loaded else message = "libcurl cannot be used: " .. tostring(loaded) end
  end
  if library then
    local engine
    engine, message = library[make]() -- not protected: an error of a hook is the program's
    if engine then return engine end
  end
  return nil, { kind = "connection", message = message, sent = false }
end

-- The arguments that an engine's `submit` and `perform` take.
local function arguments(request, id)
  local server = request.server
  return server.endpoint or endpoint_of(server), request.method, request.target, request.fields, request.body,
    request.timeout, request.connect_timeout, id
end

---@param request lomi.transport.Request
---@param id? number  what `step` calls it; default: the engine's own number
---@return number|nil id
---@return lomi.Failure|nil
function M.submit(engine, request, id)
  return engine:submit(arguments(request, id))
end

function Curl:exchange(request)
  local engine = self.engine
  if not engine then
    local failure
    engine, failure = M.start("shared")
    if not engine then return nil, failure end
    self.engine = engine
  end
  return engine:perform(arguments(request))
end

--- Closes the idle connections to a server.
---@param server lomi.transport.Server
function Curl:drop_idle(server)
  self.engine:drop_idle(endpoint_of(server))
end

function Curl:sleep(seconds)
  local wake = core.now() + seconds
  local left = seconds
  while left > 0 do
    core.sleep(left)
    left = wake - core.now()
  end
end

-- ---- without waiting, and without coroutines -----------------------------------------------------

--- Requests under way on an engine of their own, for code that has an event loop already.
---@class lomi.transport.Queue
local Queue = {}
Queue.__index = Queue

---@return lomi.transport.Queue|nil
---@return lomi.Failure|nil
function M.queue()
  local engine, failure = M.start("new")
  if not engine then return nil, failure end
  return setmetatable({ engine = engine, inbox = {} }, Queue)
end

---@param request lomi.Request
---@return number|nil id
---@return lomi.Failure|nil
function Queue:submit(request)
  local parts, failure = transports.parts(self, request)
  if not parts then return nil, failure end
  return M.submit(self.engine, parts)
end

--- Does what can be done, waiting up to so many seconds for a request to end. Gives one that has, or nothing.
---@param seconds? number  0
---@return number|nil id
---@return table|nil reply
---@return lomi.Failure|nil
function Queue:step(seconds)
  if not self.inbox[1] then self.engine:step(self.inbox, seconds) end
  local id = table.remove(self.inbox, 1)
  if not id then return nil end
  local got = table.remove(self.inbox, 1)
  if got.status then return id, got end
  return id, nil, got
end

function Queue:pollfd()
  return self.engine:pollfd()
end

---@return number|nil seconds
function Queue:timeout()
  if self.inbox[1] then return 0 end
  return self.engine:timeout()
end

function Queue:close()
  self.engine:close()
end

--- Forgets all that is under way. The descriptor stays the same.
function Queue:cancel()
  self.engine:cancel()
  self.inbox = {}
end

return M
