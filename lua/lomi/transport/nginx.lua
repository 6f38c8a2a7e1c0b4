-- SPDX-License-Identifier: MIT
--- The transport inside nginx: cosockets, so that a worker serves others while a call waits. libcurl is never loaded.

local core = require "lomi.core"

local head_of, new_parser, now = core.http1.head, core.http1.parser, core.now
local ceil, min, remove = math.ceil, math.min, table.remove
local get_phase = ngx.get_phase

local M = {}

local PIECE = 16 * 1024       -- bytes sent under one time limit: nginx starts it anew whenever some of them have left
local AT_ONCE = 64 * 1024     -- bytes received, at most
local LONGEST = 2 ^ 31 - 1    -- milliseconds nginx can wait
local MOST_SPARE = 64         -- parsers kept for the next calls of this worker

-- Where nginx lets Lua wait.
local WAITS = {
  server_rewrite = true, rewrite = true, access = true, content = true, timer = true, preread = true,
  ssl_cert = true, ssl_session_fetch = true, ssl_client_hello = true,
}

local function not_sent(kind, message)
  return nil, { kind = kind, message = message, sent = false }
end

local function sent(kind, message)
  return nil, { kind = kind, message = message, sent = true }
end

-- ---- where to ----------------------------------------------------------------------------------

---@class lomi.nginx.Endpoint
---@field origin string  the URL up to its path
---@field host string  for the Host header: with the port, if it is not the scheme's own
---@field address string  what nginx connects to
---@field port integer
---@field named boolean  nginx has to look the address up
---@field server_name? string  whose certificate it must be; nil: plain HTTP
---@field options { pool: string }

local function is_ip(host)
  return host:find("^%[") ~= nil or host:find("^%d+%.%d+%.%d+%.%d+$") ~= nil
end

---@return lomi.nginx.Endpoint|nil
---@return string|nil wrong
local function parse(origin)
  local scheme, host, rest = origin:match("^(%a+)://(%[[%x:.]+%])(.*)$")
  if not scheme then scheme, host, rest = origin:match("^(%a+)://([%w%-._]+)(.*)$") end
  scheme = scheme and scheme:lower()
  local own_port = ({ http = 80, https = 443 })[scheme]
  local port = rest == "" and own_port or rest and tonumber(rest:match("^:(%d+)$"))
  if not own_port or not port then return nil, origin .. " is not a URL this transport can use" end

  local name = host:lower():gsub("%.$", "")
  local server_name = scheme == "https" and name or nil
  if server_name and is_ip(name) then
    -- Given no name, nginx takes a certificate for any host; given an address, it looks for it among the names.
    return nil, ("nginx cannot check that a certificate is for the address %s: use a host name"):format(host)
  end
  return {
    origin = origin,
    host = port == own_port and host or ("%s:%d"):format(host, port),
    address = name == "localhost" and "127.0.0.1" or name, -- a resolver does not read /etc/hosts
    port = port,
    named = name ~= "localhost" and not is_ip(name),
    server_name = server_name,
    -- A name of our own: nginx's default pool would hand us a connection somebody made without verification.
    options = { pool = ("lomi:%s:%s:%d:%s"):format(scheme, name, port, server_name or "") },
  }
end

-- ---- one exchange ------------------------------------------------------------------------------

local function milliseconds(seconds)
  return min(ceil(seconds * 1000), LONGEST)
end

-- Gives the socket what is left of the time for its next operation. `given` is what it has had already, in
-- milliseconds; gives what it has now, or nil when there is none left.
local function allow(socket, deadline, given)
  local left = deadline - now()
  if left <= 0 then return nil end -- 0 would be nginx's default
  local time = milliseconds(left)
  if time ~= given then socket:settimeouts(time, time, time) end
  return time
end

-- nginx limits the lookup of a name by `resolver_timeout` only. So it is done in a thread that can be ended in time;
-- it costs next to nothing when the connection comes from the pool.
local function connect_by_name(socket, to, seconds)
  local connecting = ngx.thread.spawn(function() return socket:connect(to.address, to.port, to.options) end)
  local ok, connected, err
  if coroutine.status(connecting) == "zombie" then -- has ended
    ok, connected, err = ngx.thread.wait(connecting)
  else
    local alarm = ngx.thread.spawn(function() ngx.sleep(seconds) end)
    ok, connected, err = ngx.thread.wait(connecting, alarm)
    local in_time = not ok or connected or err
    ngx.thread.kill(in_time and alarm or connecting)
    if not in_time then err = "timeout" end
  end
  if not ok then error(connected, 0) end
  return connected, err
end

local function connect(socket, to, seconds)
  local connected, err
  if to.named then
    connected, err = connect_by_name(socket, to, seconds)
  else
    connected, err = socket:connect(to.address, to.port, to.options)
  end
  if connected then return true end
  if err:find("^no resolver defined") then
    return not_sent("connection", ("nginx has no resolver to look %s up: add 'resolver' and the address of a name"
      .. " server to the http block of nginx.conf"):format(to.address))
  end
  local kind = (err == "timeout" or err:find("(110:", 1, true)) and "timeout" or "connection"
  return not_sent(kind, ("cannot connect to %s: %s"):format(to.host, err))
end

-- What to look at in nginx.conf when a certificate is not trusted: with OpenSSL 3 a chain that is longer than allowed
-- gives the same error as an unknown authority. "" for what no setting mends.
local function trust_hint(err)
  if not (err:find("issuer", 1, true) or err:find("self.signed") or err:find("first certificate", 1, true)
      or err:find("chain too long", 1, true)) then
    return ""
  end
  return "; in the http block of nginx.conf lua_ssl_trusted_certificate must name a file of trusted authorities"
    .. " (Debian's is /etc/ssl/certs/ca-certificates.crt), and lua_ssl_verify_depth allow for the chain (3 will do; it"
    .. " is 1 unless set)"
end

local function handshake(socket, to, deadline)
  if not allow(socket, deadline) then return not_sent("timeout", "no time left for TLS with " .. to.host) end
  local done, err = socket:sslhandshake(false, to.server_name, true)
  if done then return true end
  if err == "timeout" then return not_sent("timeout", "no TLS connection to " .. to.host .. " in time") end
  return not_sent("tls", ("no trusted TLS connection to %s: %s%s"):format(to.host, err, trust_hint(err)))
end

local function write(socket, bytes, deadline, given)
  for from = 1, #bytes, PIECE do
    given = allow(socket, deadline, given)
    if not given then return sent("timeout", "the request could not be sent in time") end
    local written, err = socket:send(#bytes <= PIECE and bytes or bytes:sub(from, from + PIECE - 1))
    if not written then
      if err == "timeout" then return sent("timeout", "the request could not be sent in time") end
      return sent("connection", "the connection was lost while sending: " .. err)
    end
  end
  return given
end

-- Feeds the parser until it has a whole reply.
local function read(socket, parser, deadline, given)
  while true do
    given = allow(socket, deadline, given)
    if not given then return sent("timeout", "no complete reply in time") end
    local bytes, err = socket:receiveany(AT_ONCE)
    local state, reason, kind
    if bytes then
      state, reason, kind = parser:feed(bytes)
    elseif err == "closed" then
      state, reason, kind = parser:eof()
    elseif err == "timeout" then
      return sent("timeout", "no complete reply in time")
    else
      return sent("connection", "the connection was lost: " .. err)
    end
    if state == "done" then return true end
    if not state then return sent(kind, reason) end
  end
end

-- ---- the transport -----------------------------------------------------------------------------

local Nginx = { now = now }
Nginx.__index = Nginx

local spare = {} -- parsers without a reply

---@return lomi.Transport
function M.new()
  return setmetatable({}, Nginx)
end

-- Where the next request goes. Most go where the one before went, so that is kept. Returns why it cannot be.
local function aim(self, url)
  local slash = url:find("/", 9, true) or #url + 1
  local origin = url:sub(1, slash - 1)
  self.url = nil
  if not self.endpoint or self.endpoint.origin ~= origin then
    local endpoint, wrong = parse(origin)
    if not endpoint then return wrong end
    self.endpoint = endpoint
  end
  self.url, self.target = url, slash <= #url and url:sub(slash) or "/"
end

-- The headers are the request's own table: nobody else sends it, and a second attempt has the same ones.
local function head(request, host, target)
  local method, headers, body = request.method, request.headers, request.body
  headers["Host"] = host
  headers["Content-Length"] = body and tostring(#body) or method ~= "GET" and method ~= "DELETE" and "0" or nil
  return head_of(method, target, headers)
end

---@return lomi.RawReply|nil
---@return lomi.Failure|nil
function Nginx:send(request)
  local phase = get_phase()
  if not WAITS[phase] then
    local message = ("nginx cannot wait for a reply in its %s phase; call from ngx.timer.at(0, …) there"):format(phase)
    return nil, { kind = "connection", message = message, sent = false, final = true }
  end

  local timeout = request.timeout
  local deadline = now() + timeout
  if request.url ~= self.url then
    local refused = aim(self, request.url)
    if refused then return not_sent("tls", refused) end
  end
  local to = self.endpoint
  local bytes, unfit = head(request, to.host, self.target)
  if not bytes then return not_sent("protocol", "the request cannot be sent: " .. unfit) end
  if request.body then bytes = bytes .. request.body end

  local connect_timeout = min(request.connect_timeout, timeout)
  if connect_timeout <= 0 then return not_sent("timeout", "no time was left to connect to " .. to.host) end
  local socket, given = ngx.socket.tcp(), milliseconds(timeout)
  socket:settimeouts(milliseconds(connect_timeout), given, given)
  local ok, failure = connect(socket, to, connect_timeout)
  if not ok then return nil, failure end
  if to.server_name and socket:getreusedtimes() == 0 then
    ok, failure = handshake(socket, to, deadline - timeout + connect_timeout)
    given = nil
  end
  if ok then
    given, failure = write(socket, bytes, deadline, given)
    ok = given
  end
  if not ok then
    socket:close()
    return nil, failure
  end

  local parser = remove(spare) or new_parser()
  local reply
  ok, failure = read(socket, parser, deadline, given)
  if ok then
    local status, headers, body, keep_alive, leftover = parser:result()
    reply = { status = status, headers = headers, body = body }
    ok = keep_alive and leftover == 0 and socket:setkeepalive()
  end
  if not ok then socket:close() end
  parser:reset()
  if #spare < MOST_SPARE then spare[#spare + 1] = parser end
  return reply, failure
end

function Nginx:sleep(seconds)
  if WAITS[get_phase()] then ngx.sleep(seconds) end -- elsewhere the next attempt fails at once, as the first did
end

return M
