-- SPDX-License-Identifier: MIT
--- The seam between a client and what carries its requests: the interface, and the one wrapper around
--- somebody else's transport.
---
--- Ours (`curl`, `nginx`, a loop) have a method `exchange(request)` beside the interface's `send`. It takes the parts
--- of a request as the client has them, so that no URL and no header table is made only to be taken apart again.
--- And a method `drop_idle(server)`: no idle connection to that server is used again.

local core = require "lomi.core"
local urls = require "lomi.url"

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

--- The request that `send` takes.
---@class lomi.Request
---@field method string  HTTP method
---@field url string  absolute
---@field headers table<string, string>  without Host and Content-Length
---@field body? string  JSON
---@field timeout number  seconds, the whole attempt
---@field connect_timeout number  seconds, until TCP and TLS are up
---@field ca_file? string  for libcurl
---@field proxy? string  for libcurl: "" is none, nil is the environment's

--- The reply that `send` gives.
---@class lomi.RawReply
---@field status integer  HTTP status
---@field headers table<string, string>  names in lower case
---@field body string  without its transfer coding, 4 MiB at most

--- The failure that `send` gives when there is no reply.
---@class lomi.Failure
---@field kind "connection"|"timeout"|"tls"|"protocol"  as in the error
---@field message string  one sentence
---@field sent? boolean  false: nothing of the request can have left; nil counts as true
---@field final? boolean  another attempt would fail in the same way

--- Where a client's requests go, and what they all carry. One for each client.
---@class lomi.transport.Server
---@field origin string  scheme://host[:port]
---@field path string  of the base URL: goes before every request's path
---@field host string  value of the Host header
---@field headers string[]  name, value, name, value, …: in every request
---@field lines string  the same, and Host, as text
---@field ca_file? string
---@field proxy? string  "": none; nil: from the environment

--- A request as a client has it.
---@class lomi.transport.Request
---@field server lomi.transport.Server
---@field method string  HTTP method
---@field target string  path and query
---@field fields string[]  name, value, …: the headers of this request alone, without Content-Length
---@field body? string
---@field timeout number  seconds, the whole attempt
---@field connect_timeout number  seconds, until TCP and TLS are up
---@field account? string  the value of `Lomi-Account`
---@field idempotency_key? string
---@field request_id string

local M = {}

---@param url lomi.Url
---@param headers string[]
---@return lomi.transport.Server
function M.server(url, headers, ca_file, proxy)
  local name = url.host:find(":", 1, true) and "[" .. url.host .. "]" or url.host
  local own_port = url.scheme == "https" and 443 or 80
  local host = url.port == own_port and name or ("%s:%d"):format(name, url.port)
  local all = { "Host", host }
  for i, text in ipairs(headers) do all[i + 2] = text end
  return {
    origin = url.scheme .. "://" .. host, path = url.path, host = host, headers = headers,
    lines = assert(core.http1.lines(all)), ca_file = ca_file, proxy = proxy,
  }
end

-- ---- the interface on ours ---------------------------------------------------------------------

local servers = setmetatable({}, { __mode = "k" }) -- by owner: that of its last request

local function server_of(owner, request)
  local url = request.url
  local origin, path = url:match("^([A-Za-z]+://[^/?#]+)(.*)$")
  if not origin then return nil, "the URL is not absolute" end
  local server = servers[owner]
  if not server or server.url ~= origin or server.ca_file ~= request.ca_file or server.proxy ~= request.proxy then
    local parsed, reason = urls.parse(origin)
    if not parsed then return nil, "the URL " .. reason end
    server = M.server(parsed, {}, request.ca_file, request.proxy)
    server.url = origin
    servers[owner] = server
  end
  return server, path:sub(1, 1) == "/" and path or "/" .. path
end

--- The parts of a whole request, for a program that uses one of our transports in one of its own.
---@param owner table  keeps what is known of the server
---@param request lomi.Request
---@return lomi.transport.Request|nil
---@return lomi.Failure|nil
function M.parts(owner, request)
  local server, target = server_of(owner, request)
  if not server then return nil, { kind = "connection", message = target, sent = false, final = true } end
  local fields = {}
  for name, value in pairs(request.headers or {}) do
    fields[#fields + 1], fields[#fields + 2] = name, value
  end
  return {
    server = server, method = request.method, target = target, fields = fields, body = request.body,
    timeout = request.timeout, connect_timeout = request.connect_timeout or request.timeout,
  }
end

local function send(self, request)
  local reason = self.unusable and self:unusable() -- a client has looked already
  if reason then error(reason, 0) end
  local parts, failure = M.parts(self, request)
  if not parts then return nil, failure end
  local reply
  reply, failure = self:exchange(parts)
  if not reply then return nil, failure end
  return { status = reply.status, headers = reply.headers, body = reply.body }
end

--- Makes a class one of ours: gives it `send`, which its `exchange` carries out.
function M.implement(class)
  class.send = send
  class.now = core.now
  return class
end

-- ---- somebody else's ---------------------------------------------------------------------------

--- Interrupts of Lua's own interpreters are for the program, never for an error object.
---@return boolean
function M.is_interrupt(problem)
  return type(problem) == "string" and (problem == "interrupted!" or problem:find(": interrupted!$") ~= nil)
end

--- The text of anything that was raised, also of an object that raises when it is converted.
---@return string
function M.text_of(problem)
  local ok, text = pcall(tostring, problem)
  return ok and type(text) == "string" and text or "an error of type " .. type(problem)
end

local Foreign = {}
Foreign.__index = Foreign

local function is_reply(reply)
  local status, headers = reply.status, reply.headers
  if type(status) ~= "number" or status % 1 ~= 0 or type(headers) ~= "table" then return false end
  for _, value in next, headers do
    if type(value) ~= "string" then return false end
  end
  return type(reply.body) == "string"
end

local KINDS = { connection = true, timeout = true, tls = true, protocol = true } -- of failures

local function failed(message)
  return nil, { kind = "connection", message = message }
end

local function header_table(request)
  local headers, server = {}, request.server
  for i = 1, #server.headers, 2 do headers[server.headers[i]] = server.headers[i + 1] end
  for i = 1, #request.fields, 2 do headers[request.fields[i]] = request.fields[i + 1] end
  return headers
end

-- A reply is copied: its owner may give the same table again.
local function carry(inner, request)
  local reply, failure = inner:send {
    method = request.method, url = request.server.origin .. request.target, headers = header_table(request),
    body = request.body, timeout = request.timeout, connect_timeout = request.connect_timeout,
  }
  if type(reply) == "table" then
    if not is_reply(reply) then return failed("the transport gave a reply without status, headers or body") end
    local headers = reply.headers
    return {
      status = reply.status, headers = headers, body = reply.body, request_id = headers["x-request-id"],
      replayed = headers["idempotency-cache-hit"] == "true",
    }
  end
  if type(failure) == "table" and type(failure.message) == "string" then
    return nil, {
      kind = KINDS[failure.kind] and failure.kind or "connection", message = failure.message, sent = failure.sent,
      final = failure.final,
    }
  end
  return failed(failure and M.text_of(failure) or "the transport gave no reply")
end

-- A violation of the interface counts as the worst case: the request was sent.
function Foreign:exchange(request)
  local ok, reply, failure = pcall(carry, self.inner, request)
  if ok then return reply, failure end
  if M.is_interrupt(reply) then error(reply, 0) end
  return failed("the transport raised: " .. M.text_of(reply))
end

-- A raise here must not hide what is known of the attempts before: the next one follows at once.
function Foreign:sleep(seconds)
  local ok, problem = pcall(self.inner.sleep, self.inner, seconds)
  if not ok and M.is_interrupt(problem) then error(problem, 0) end
end

function Foreign:now()
  return self.inner:now()
end

-- ---- the choice --------------------------------------------------------------------------------

--- nginx's cosockets are there; a table that a spec put in the place of `ngx` has none.
---@return boolean
function M.in_nginx()
  local ngx = rawget(_G, "ngx")
  local socket, config = type(ngx) == "table" and ngx.socket, type(ngx) == "table" and ngx.config
  return type(socket) == "table" and socket.tcp ~= nil and ngx.get_phase ~= nil
    and type(config) == "table" and config.nginx_version ~= nil
end

--- Ours, or somebody else's wrapped. Decided once, when the client is made.
---@param given lomi.Transport
---@return table transport  with `exchange`
function M.of(given)
  local found, exchange = pcall(function() return given.exchange end)
  if found and exchange and given.send == send then return given end
  return setmetatable({ inner = given }, Foreign)
end

return M
