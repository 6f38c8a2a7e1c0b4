-- SPDX-License-Identifier: MIT
--- The blocking transport: libcurl, one request after the other.

local core = require "lomi.core"

---@class lomi.Transport  How a client waits. Three ways are ours: `curl` (blocks), `loop` (coroutines), `nginx`.
---@field send fun(self, request: lomi.Request): lomi.RawReply|nil, lomi.Failure|nil
---@field sleep fun(self, seconds: number)
---@field now fun(self): number  monotonic seconds

---@class lomi.Request
---@field method string
---@field url string
---@field headers table<string, string>
---@field body? string
---@field timeout number  seconds, the whole attempt
---@field connect_timeout number  seconds
---@field ca_file? string  for libcurl
---@field proxy? string  for libcurl: "" is none, nil is the environment's

---@class lomi.RawReply
---@field status integer
---@field headers table<string, string>  lower-case names
---@field body string

---@class lomi.Failure
---@field kind "connection"|"timeout"|"tls"|"protocol"
---@field message string
---@field sent? boolean  false: nothing of the request can have left

local Curl = { is_curl = true, now = core.now }
Curl.__index = Curl

---@return lomi.Transport
function Curl.new()
  return setmetatable({ finished = {} }, Curl)
end

local function start_engine(self)
  local ok, engine = pcall(function() return require("lomi.curl").engine() end)
  if not ok then
    return nil, { kind = "connection", message = "libcurl cannot be used: " .. tostring(engine), sent = false }
  end
  self.engine = engine
  return engine
end

function Curl:send(request)
  local engine = self.engine
  if not engine then
    local unusable
    engine, unusable = start_engine(self)
    if not engine then return nil, unusable end
  end
  local id, refused = engine:submit(request)
  if not id then return nil, refused end
  local finished = self.finished
  while true do
    -- A signal ends the step early, with nothing, so that Lua can handle it. What handles it (a hook, a finalizer) may
    -- make a call of its own meanwhile, and find our reply first.
    local other, reply, failure = engine:step(request.timeout)
    if other == id then return reply, failure end
    if other then finished[other] = { reply, failure } end
    local ours = finished[id]
    if ours then
      finished[id] = nil
      return ours[1], ours[2]
    end
  end
end

function Curl:sleep(seconds)
  local wake = core.now() + seconds
  local left = seconds
  while left > 0 do
    core.sleep(left)
    left = wake - core.now()
  end
end

return Curl
