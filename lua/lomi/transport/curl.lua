-- SPDX-License-Identifier: MIT
--- The blocking transport: libcurl, one request after the other.

local core = require "lomi.core"
local lazy = require "lomi.lazy"

--- How a client waits. Three ways are ours: libcurl (blocks), `lomi.loop()` (coroutines), nginx (cosockets); any object
--- with these methods is another.
---@class lomi.Transport
--- Sends one request and gives its reply, or nil and a failure. A raise, or a string for a failure, counts as
--- `connection`, sent. Never follows a redirect, never sends twice.
---@field send fun(self, request: lomi.Request): lomi.RawReply?, lomi.Failure?
--- Waits before the next attempt.
---@field sleep fun(self, seconds: number)
--- A clock in seconds that is never set back.
---@field now fun(self): number

--- What a transport is given to send.
---@class lomi.Request
---@field method string  of HTTP
---@field url string  whole
---@field headers table<string, string>  without Host and Content-Length
---@field body? string  JSON
---@field timeout number  seconds, the whole attempt
---@field connect_timeout number  seconds
---@field ca_file? string  for libcurl
---@field proxy? string  for libcurl: "" is none, nil is the environment's

--- What a transport gives back.
---@class lomi.RawReply
---@field status integer  of HTTP
---@field headers table<string, string>  names in lower case
---@field body string  decoded of its transfer coding, 4 MiB at most

--- What a transport gives when there is no reply.
---@class lomi.Failure
---@field kind "connection"|"timeout"|"tls"|"protocol"  as of the error
---@field message string  what happened
---@field sent? boolean  false: nothing of the request can have left; nil means true
---@field final? boolean  asking again here would fail in the same way: it is not retried

local Curl = { is_curl = true, now = core.now }
Curl.__index = Curl

---@return lomi.Transport
function Curl.new()
  return setmetatable({ finished = {} }, Curl)
end

local function start_engine(self)
  local ok, engine = pcall(function() return lazy("lomi.curl").engine() end)
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
