-- SPDX-License-Identifier: MIT
--- The transport inside nginx: cosockets, so that a worker serves others while a call waits. libcurl is never loaded.

local core = require "lomi.core"
local implement = require("lomi.transport").implement

local isyieldable, new_parser, now = core.isyieldable, core.http1.parser, core.now
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
---@field host string  as in the Host header, for messages
---@field address string  what nginx connects to
---@field port integer
---@field named boolean  nginx has to look the address up
---@field server_name? string  whose certificate it must be; nil: plain HTTP
---@field pool lomi.nginx.Pool

--- nginx's pool of idle connections to a server, one for all clients of this worker.
---@class lomi.nginx.Pool
---@field name string  without the generation
---@field generation integer  raised when the idle connections cannot be trusted any more
---@field options { pool: string }

local function is_ip(host)
  return host:find("^%[") ~= nil or host:find("^%d+%.%d+%.%d+%.%d+$") ~= nil
end

local pools = {} -- by name

local function pool_of(name)
  local pool = pools[name] or { name = name, generation = 1, options = { pool = name .. ":1" } }
  pools[name] = pool
  return pool
end

-- A kept connection died without a word, so its idle neighbours may have, too: no connection made before is used again.
-- The old ones time out. `options` are those of the dead one: another call may have renewed the pool since.
local function renew_pool(pool, options)
  if pool.options ~= options then return end
  pool.generation = pool.generation + 1
  pool.options = { pool = ("%s:%d"):format(pool.name, pool.generation) }
end

---@param server lomi.transport.Server
---@return lomi.nginx.Endpoint|nil
---@return string|nil reason
local function endpoint_of(server)
  local scheme, host = server.origin:match("^([a-z]+)://(.*)$")
  local name, port = host:match("^(.-):(%d+)$")
  name = (name or host):gsub("%.$", "")
  port = tonumber(port) or scheme == "https" and 443 or 80
  local server_name = scheme == "https" and name or nil
  if server_name and is_ip(name) then
    -- Given no name, nginx accepts a certificate for any host; given an address, it looks for it among the names.
    return nil, ("nginx cannot check that a certificate is for the address %s: use a host name"):format(name)
  end
  return {
    host = server.host,
    address = name == "localhost" and "127.0.0.1" or name, -- a resolver does not read /etc/hosts
    port = port,
    named = name ~= "localhost" and not is_ip(name),
    server_name = server_name,
    -- A name of our own: nginx's default pool would give us a connection somebody made without verification.
    pool = pool_of(("lomi:%s:%s:%d:%s"):format(scheme, name, port, server_name or "")),
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
local function connect_by_name(socket, to, options, seconds)
  local connecting = ngx.thread.spawn(function() return socket:connect(to.address, to.port, options) end)
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

-- No error of connecting: when nginx has no connection left, it tells what the system said last.
local NO_ERROR = {
  ["operation now in progress"] = true, ["resource temporarily unavailable"] = true, ["success"] = true,
}

local function connect(socket, to, options, seconds)
  local connected, err
  if to.named then
    connected, err = connect_by_name(socket, to, options, seconds)
  else
    connected, err = socket:connect(to.address, to.port, options)
  end
  if connected then return true end
  if err:find("^no resolver defined") then
    return not_sent("connection", ("nginx has no resolver to look %s up: add 'resolver' and the address of a name"
      .. " server to the http block of nginx.conf"):format(to.address))
  end
  if NO_ERROR[err] then err = "nginx has none left: raise worker_connections in nginx.conf" end
  local kind = (err == "timeout" or err:find("(110:", 1, true)) and "timeout" or "connection"
  return not_sent(kind, ("cannot connect to %s: %s"):format(to.host, err))
end

-- The settings of nginx.conf to look at when a certificate is not trusted; "" where no setting helps. With OpenSSL 3 a
-- chain that is longer than allowed gives the same error as an unknown authority.
local function trust_hint(err)
  if not (err:find("issuer", 1, true) or err:find("self.signed") or err:find("first certificate", 1, true)
      or err:find("chain too long", 1, true) or err:find("verify failed", 1, true)) then
    return ""
  end
  return "; in the http block of nginx.conf lua_ssl_trusted_certificate must name a file of trusted authorities"
    .. " (Debian's is /etc/ssl/certs/ca-certificates.crt), and lua_ssl_verify_depth allow for the chain (3 will do; it"
    .. " is 1 unless set)"
end

local CUT = { ["closed"] = true, ["handshake failed"] = true, ["broken pipe"] = true }

local function is_cut(err)
  return CUT[err] or err:find("connection reset", 1, true) ~= nil
end

local function handshake(socket, to, deadline)
  if not allow(socket, deadline) then return not_sent("timeout", "no time left for TLS with " .. to.host) end
  local done, err = socket:sslhandshake(false, to.server_name, true)
  if done then
    -- Some versions of the Lua module say so of a certificate they have just refused, and close the socket.
    if socket:getreusedtimes() then return true end
    err = "the certificate was refused (certificate verify failed)"
  end
  if err == "timeout" then return not_sent("timeout", "no TLS connection to " .. to.host .. " in time") end
  -- A refused certificate is always named; "handshake failed" is a peer that ended the handshake.
  -- Some versions of the Lua module put the code of a certificate that was refused earlier before these words.
  local cut = err:gsub("^%d+: ", "")
  if is_cut(cut) then return not_sent("connection", ("the TLS handshake with %s was cut: %s"):format(to.host, cut)) end
  return not_sent("tls", ("no trusted TLS connection to %s: %s%s"):format(to.host, err, trust_hint(err)))
end

-- `given` is the time the socket has; nil: more than is left. Gives the time it has afterwards, or nil and a failure;
-- or false: the peer takes no more, and may have answered.
local function write(socket, bytes, deadline, given)
  for from = 1, #bytes, PIECE do
    if from > 1 or not given then
      given = allow(socket, deadline, given)
      if not given then return sent("timeout", "the request could not be sent in time") end
    end
    local written, err = socket:send(#bytes <= PIECE and bytes or bytes:sub(from, from + PIECE - 1))
    if not written then
      if err == "timeout" then return sent("timeout", "the request could not be sent in time") end
      return false
    end
  end
  return given
end

-- Feeds the parser until it has a whole reply. Gives true and the size of the last piece, or nil and a failure.
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
      state, reason, kind = parser:lost(err:find("reset", 1, true) and "reset" or "lost")
    end
    if state == "done" then return true, bytes and #bytes or 0 end
    if not state then return sent(kind, reason) end
  end
end

-- ---- the transport -----------------------------------------------------------------------------

local Nginx = implement {}
Nginx.__index = Nginx

local spare = {} -- parsers without a reply

---@return lomi.Transport
function M.new()
  return setmetatable({}, Nginx)
end

local shared = M.new()

--- One is enough for all clients: it has no state.
---@return lomi.Transport
function M.shared()
  return shared
end

--- Why the code that runs now cannot wait; nil: it can, or the call fails by itself.
---@return string|nil
function Nginx:unusable()
  if not isyieldable() and WAITS[get_phase()] then
    return "a client in nginx cannot be called where Lua cannot yield: inside string.gsub, table.sort, require …"
  end
end

-- Connects the socket, TLS and all. Gives whether the connection was used before, and the time the socket has, if it is
-- not more than is left; or nil and a failure.
local function open(socket, to, options, started, timeout, connect_timeout)
  if connect_timeout <= 0 then return not_sent("timeout", "no time was left to connect to " .. to.host) end
  local given = milliseconds(timeout)
  socket:settimeouts(milliseconds(connect_timeout), given, given)
  local ok, failure = connect(socket, to, options, connect_timeout)
  if not ok then return nil, failure end
  if socket:getreusedtimes() ~= 0 then return true, given end
  if to.server_name then
    ok, failure = handshake(socket, to, started + connect_timeout)
    if not ok then
      socket:close()
      return nil, failure
    end
  end
  return false
end

local function put_back(parser)
  if #spare < MOST_SPARE then spare[#spare + 1] = parser end
end

local function talk(socket, parser, to, options, bytes, deadline, reused, given)
  local ok, last
  given, last = write(socket, bytes, deadline, given)
  if given ~= nil then ok, last = read(socket, parser, deadline, given or nil) end
  if ok then
    local reply, may_follow = parser:reply()
    -- OpenSSL may hold more that is decrypted when the last piece has just filled nginx's buffer, whose size we do not
    -- know; it is a multiple of this. The next request must not get those bytes as its reply.
    if to.server_name and last % 256 == 0 then may_follow = false end
    if not (may_follow and given and socket:setkeepalive()) then socket:close() end
    put_back(parser)
    return reply
  end
  if reused and last.kind ~= "protocol" then renew_pool(to.pool, options) end
  socket:close()
  parser:reset()
  put_back(parser)
  return nil, last
end

-- nginx gives no socket where it cannot wait.
local function refused(problem)
  local phase = get_phase()
  if WAITS[phase] then error(problem, 0) end
  local message = ("nginx cannot wait for a reply in its %s phase; call from ngx.timer.at(0, …) there"):format(phase)
  return nil, { kind = "connection", message = message, sent = false, final = true }
end

---@param request lomi.transport.Request
---@return table|nil reply
---@return lomi.Failure|nil
function Nginx:exchange(request)
  local ok, socket = pcall(ngx.socket.tcp)
  if not ok then return refused(socket) end
  local server, started, timeout = request.server, now(), request.timeout
  local to = server.cosocket
  if not to then
    local reason
    to, reason = endpoint_of(server)
    if not to then return not_sent("tls", reason) end
    server.cosocket = to
  end
  local parser = remove(spare) or new_parser()
  local bytes, reason =
    parser:request(request.method, request.target, server.lines, request.fields, request.body)
  if not bytes then return not_sent("protocol", "the request cannot be sent: " .. reason) end

  local options = to.pool.options
  local reused, given = open(socket, to, options, started, timeout, min(request.connect_timeout, timeout))
  if reused == nil then return nil, given end
  return talk(socket, parser, to, options, bytes, started + timeout, reused, given)
end

function Nginx.drop_idle(_, server)
  renew_pool(server.cosocket.pool, server.cosocket.pool.options)
end

function Nginx:sleep(seconds)
  if seconds * 1000 < 1 then return end -- nginx warns of a sleep of 0
  if WAITS[get_phase()] then ngx.sleep(seconds) end -- elsewhere the next attempt fails at once, as the first did
end

return M
