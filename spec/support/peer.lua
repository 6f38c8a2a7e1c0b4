-- SPDX-License-Identifier: MIT
--- The other end of a connection, in a process of its own, under full control of a spec: what it sends, in which piece
--- or TLS record, and how it ends. One coroutine for each connection.
---
---     local server = peer.start { serve = [[
---       return function(connection, number)
---         while connection:request() do connection:send(reply(201, "{}")) end
---       end ]] }
---     … server.url … server:stop()

local socket = require "socket"

local PATIENCE = 60 -- seconds without any event; then whoever started it has forgotten it

-- ---- the process -----------------------------------------------------------------------------

local process -- spec_process, there only

local Connection = {}
Connection.__index = Connection

local unpack = rawget(_G, "unpack") or table.unpack

local threads = {} -- coroutine → { read = socket } or { write = socket } or { at = time }

local function spawn(action, ...)
  local co = coroutine.create(action)
  threads[co] = { at = 0, arguments = { ... } }
  return co
end

local function wait(what)
  coroutine.yield(what)
end

local function sleep(seconds)
  wait { at = socket.gettime() + seconds }
end

local function wrap(raw, context)
  raw:settimeout(0)
  raw:setoption("tcp-nodelay", true)
  return setmetatable({ socket = raw, context = context, buffer = "" }, Connection)
end

local SHORT = { timeout = true, wantread = true, wantwrite = true }

-- Calls it again until it is neither short of bytes to read nor of room to write.
local function insist(connection, action)
  while true do
    local done, why = action()
    if done or not SHORT[why] then return done end
    local writes = why == "wantwrite" or (why == "timeout" and action == connection.sending)
    wait(writes and { write = connection.socket } or { read = connection.socket })
  end
end

--- The server's half of a TLS handshake.
function Connection:handshake()
  local secure = assert(require("ssl").wrap(self.socket, self.context))
  secure:settimeout(0)
  self.socket = secure
  return insist(self, function() return secure:dohandshake() end)
end

--- Up to `n` bytes, at least one; nil at the end.
function Connection:receive(n)
  if self.buffer == "" and not self.ended then
    self.buffer = insist(self, function()
      local all, why, part = self.socket:receive(n or 65536)
      if all then return all end
      self.ended = not SHORT[why] -- LuaSec must not be asked again
      if part and part ~= "" then return part end
      return nil, why
    end) or ""
  end
  if self.buffer == "" then return nil end
  local bytes = self.buffer:sub(1, n)
  self.buffer = self.buffer:sub(#bytes + 1)
  return bytes
end

function Connection:line()
  local text = ""
  while not text:find("\n", 1, true) do
    local more = self:receive()
    if not more then return nil end
    text = text .. more
  end
  local line, rest = text:match("^(.-)\r?\n(.*)$")
  self.buffer = rest .. self.buffer
  return line
end

--- A request up to the end of its head: { method, target, headers = lower-case name → value, length }.
function Connection:head()
  local first = self:line()
  if not first then return nil end
  local request = { headers = {}, line = first }
  request.method, request.target = first:match("^(%S+) (%S+) HTTP/1%.[01]$")
  for line in function() return self:line() end do
    if line == "" then
      request.length = tonumber(request.headers["content-length"]) or 0
      self.requests = (self.requests or 0) + 1
      return request
    end
    local name, value = line:match("^([^:]+): *(.*)$")
    if name then request.headers[name:lower()] = value end
  end
end

function Connection:request()
  local request = self:head()
  if not request then return nil end
  local parts, left = {}, request.length
  while left > 0 do
    local bytes = self:receive(left)
    if not bytes then return nil end
    parts[#parts + 1], left = bytes, left - #bytes
  end
  request.body = table.concat(parts)
  return request
end

--- Over TLS up to 16 KiB are one record.
function Connection:send(bytes)
  local at = 1
  self.sending = function()
    local last, why, sent = self.socket:send(bytes, at)
    at = (last or sent or at - 1) + 1
    return last, why
  end
  return #bytes == 0 or insist(self, self.sending)
end

--- Reads and forgets what still comes.
function Connection:drain()
  self.buffer = ""
  while self:receive() do self.buffer = "" end
end

--- Ends what is sent (FIN), over TLS without saying so first.
function Connection:finish()
  process.shutdown(self.socket:getfd())
end

--- Ends the connection as it should be ended.
function Connection:close()
  self.socket:close()
end

--- RST.
function Connection:reset()
  process.reset(self.socket:getfd())
  self.socket:close()
end

local function reply(status, body, headers)
  return ("HTTP/1.1 %d X\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s"):format(
    status, headers or "", #body, body)
end

local listener

local LIBRARY = {
  sleep = sleep,
  spawn = spawn,
  --- Nobody can connect any more.
  leave = function() listener:close() end,
  --- Tells the spec a line: see Server:line().
  say = function(text)
    io.stdout:write(tostring(text), "\n")
    io.stdout:flush()
  end,
  --- A connection from here to somewhere else on this machine.
  connect = function(port)
    local raw = socket.connect("127.0.0.1", port)
    return raw and wrap(raw)
  end,
  --- The bytes of a reply with its length.
  reply = reply,
}

local function step()
  local reads, writes, due = {}, {}, nil
  for _, what in pairs(threads) do
    if what.read then reads[#reads + 1] = what.read end
    if what.write then writes[#writes + 1] = what.write end
    if what.at then due = math.min(due or what.at, what.at) end
  end
  local limit = due and math.max(0, due - socket.gettime()) or PATIENCE
  local readable, writable = socket.select(reads, writes, math.min(limit, PATIENCE))
  local now, woken = socket.gettime(), {}
  for co, what in pairs(threads) do
    if (what.read and readable[what.read]) or (what.write and writable[what.write]) or (what.at and what.at <= now) then
      woken[#woken + 1] = co
    end
  end
  if #woken == 0 and not due then os.exit(0) end
  for _, co in ipairs(woken) do
    local arguments = threads[co].arguments or {}
    threads[co] = nil
    local ok, what = coroutine.resume(co, unpack(arguments, 1, 3))
    if not ok then io.stderr:write("peer: ", tostring(what), "\n") end
    if coroutine.status(co) == "suspended" then threads[co] = what end
  end
end

local function play(path)
  process = require "spec_process"
  local load_with = rawget(_G, "setfenv") and function(file, env)
    return setfenv(assert(loadfile(file)), env) -- luacheck: ignore 113
  end or function(file, env) return assert(loadfile(file, "t", env)) end
  local options = dofile(path)
  local context = options.cert and assert(require("ssl").newcontext {
    mode = "server", protocol = "any", certificate = options.cert, key = options.key, options = { "no_sslv3" },
  })
  local serve = load_with(options.serve, setmetatable(LIBRARY, { __index = _G }))(unpack(options))
  os.remove(path)
  for _, name in ipairs { "serve", "cert", "key" } do
    if options[name] then os.remove(options[name]) end
  end
  listener = assert(socket.bind("127.0.0.1", 0, 1024))
  listener:settimeout(0)
  if options.narrow then process.narrow(listener:getfd()) end
  LIBRARY.say((select(2, listener:getsockname())))
  spawn(function()
    local count = 0
    while true do
      wait { read = listener }
      local raw = listener:accept()
      while raw do
        count = count + 1
        spawn(function(accepted, number)
          local connection = wrap(accepted, context)
          if context and not options.bare and not connection:handshake() then return end
          local ok, why = pcall(serve, connection, number)
          connection:close()
          assert(ok, why)
        end, raw, count)
        raw = listener:accept()
      end
    end
  end)
  while true do step() end
end

if ... ~= "spec.support.peer" then play((...)) end

-- ---- for a spec ------------------------------------------------------------------------------

local child = require "spec.support.child"

local M = { reply = reply }

local Server = {}
Server.__index = Server

local function write(text)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

--- A string or a number as Lua source.
function M.quote(value)
  return type(value) == "string" and ("%q"):format(value):gsub("\r", "\\r"):gsub("%z", "\\0") or tostring(value)
end

--- The next line that it says; nil when it has ended.
function Server:line()
  return self.pipe:read("*l")
end

function Server:stop()
  if not self.pipe then return end
  os.execute("kill " .. self.pid .. " 2>/dev/null")
  self.pipe:close()
  self.pipe = nil
end

--- Starts one. `serve` is Lua that gives a function(connection, number), called in a coroutine for each connection,
--- which is closed when it returns; it sees LIBRARY above, and as `...` the list's own entries (strings, numbers).
--- `bare`: it makes the TLS handshake itself. `narrow`: little can be sent to it that it does not read.
---@class spec.peer.Options
---@field [integer] string|number
---@field serve string
---@field tls? { cert: string, key: string }
---@field bare? boolean
---@field narrow? boolean

---@param options spec.peer.Options
function M.start(options)
  local lines = { ("serve = %q, bare = %s, narrow = %s,"):format(write(options.serve), tostring(options.bare or false),
    tostring(options.narrow or false)) }
  if options.tls then
    lines[#lines + 1] = ("cert = %q, key = %q,"):format(write(options.tls.cert), write(options.tls.key))
  end
  for _, value in ipairs(options) do lines[#lines + 1] = M.quote(value) .. "," end
  local path = write("return {\n" .. table.concat(lines, "\n") .. "\n}\n")
  local pipe = assert(io.popen(("echo $$; exec %s spec/support/peer.lua %s"):format(child.LUA, path)))
  local pid, port = pipe:read("*l"), assert(pipe:read("*l"), "the peer did not start")
  return setmetatable({
    pipe = pipe, pid = pid, port = tonumber(port),
    url = (options.tls and "https://localhost:" or "http://127.0.0.1:") .. port,
  }, Server)
end

return M
