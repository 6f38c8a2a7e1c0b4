-- SPDX-License-Identifier: MIT
--- Starts a real nginx with the Lua module for a spec: one worker, a free port, a directory of its own.

local cjson = require "cjson"
local files = require "spec.support.files"
local socket = require "socket"
local transport = require("lomi.transport.curl").new()

local LINES = os.getenv "LOMI_LINES" -- a directory: what ran is told there, see tools/lines.lua
local TRIES = 5 -- somebody else may take the port between our asking and nginx's

-- The tree, told by where our own modules are. nginx runs on LuaJIT, whatever runs the spec.
local ROOT = assert(package.searchpath("lomi.client", package.path)):gsub("/?lua/lomi/client%.lua$", "")
if ROOT == "" then ROOT = "." end
if not ROOT:find("^/") then ROOT = os.getenv("PWD") .. "/" .. ROOT end

-- The machine's nginx, or the one that deps.sh has unpacked.
local FOUND
for _, root in ipairs { "", ROOT .. "/build/nginx" } do
  local modules = root .. "/usr/lib/nginx/modules"
  local file = not FOUND and io.open(modules .. "/ngx_http_lua_module.so")
  if file then
    file:close()
    FOUND = { command = root .. "/usr/sbin/nginx", modules = modules, lua = root .. "/usr/share/lua/5.1/?.lua;" }
  end
end

local CONF = [[
{user}
worker_processes 1;
pid {prefix}/nginx.pid;
error_log {prefix}/error.log warn;
{modules}
{main}
events { worker_connections {connections}; }
http {
  access_log off;
  client_body_temp_path {prefix}/body;
  proxy_temp_path {prefix}/proxy;
  fastcgi_temp_path {prefix}/fastcgi;
  uwsgi_temp_path {prefix}/uwsgi;
  scgi_temp_path {prefix}/scgi;
  client_max_body_size 16m;
  lua_package_path "{root}/lua/?.lua;{root}/lua/?/init.lua;{root}/?.lua;{resty};";
  lua_package_cpath "{root}/build/luajit/?.so;;";
  init_worker_by_lua_block {
    {init_worker}
    io.stdout:write("ready\n")
    io.stdout:flush()
  }
  {http}
  server {
    listen 127.0.0.1:{port} backlog=2048;
    location = /run { content_by_lua_block { require("spec.support.nginx_app").run() } }
    {server}
  }
}
]]

local Nginx = {}
Nginx.__index = Nginx

local read, write, output_of = files.read, files.write, files.output_of

local function free_port()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  listener:close()
  return math.floor(port)
end

local function fill_in(text, values)
  return (text:gsub("{([%l_]+)}", values))
end

-- The master process, or what it said instead of starting.
local function launch(command, prefix, conf, env)
  write(prefix .. "/nginx.conf", conf)
  -- In the background: should a spec end without stopping it, pclose does not wait for it. The pipe ends when it has.
  local pipe = assert(io.popen(("env %s %s -p %s -c %s/nginx.conf -e %s/error.log -g 'daemon off;' 2>&1 & echo $!")
    :format(env, command, prefix, prefix, prefix)))
  local pid, said = pipe:read("*l"), {}
  for line in pipe:lines() do
    if line == "ready" then return pipe, pid end
    said[#said + 1] = line
  end
  pipe:close()
  return nil, table.concat(said, "\n")
end

--- Sends a Lua chunk into a request of this nginx, and gives what it returned. Raises what it raised.
---@param source string
---@param argument? any  the chunk's `...`; anything JSON has
function Nginx:run(source, argument)
  local reply, failure = self:request("POST", "/run", cjson.encode { source = source, argument = argument })
  if not reply or reply.status ~= 200 then
    error(("nginx did not run it: %s\n%s"):format(reply and reply.status or failure.message, self:log()), 2)
  end
  local answer = cjson.decode(reply.body)
  if answer.raised then error(answer.raised, 2) end
  return answer.result
end

---@return lomi.RawReply|nil
---@return lomi.Failure|nil
function Nginx:request(method, target, body, headers)
  return transport:send {
    method = method, url = self.url .. target, headers = headers or {}, body = body, timeout = 30, connect_timeout = 5,
    proxy = "",
  }
end

--- Its error log so far.
function Nginx:log()
  return read(self.prefix .. "/error.log")
end

--- Ends it, and waits until it has ended.
function Nginx:stop()
  if not self.pipe then return end
  os.execute("kill -TERM " .. self.pid)
  self.pipe:read("*a")
  self.pipe:close()
  self.pipe = nil
  os.execute("rm -rf " .. self.prefix)
end

local missing
if not FOUND then
  missing = "needs nginx and its Lua module: ./deps.sh test"
elseif not read(ROOT .. "/build/luajit/lomi/core.so") then
  missing = "nginx runs on LuaJIT: make modules LUA=luajit"
end

local M = {
  missing = missing, -- why nginx cannot run here; nil: it can
  root = ROOT,
  modules = FOUND and FOUND.modules or "",
  lua_path = ("%s/lua/?.lua;%s/lua/?/init.lua;%s;"):format(ROOT, ROOT, FOUND and FOUND.lua or ""),
  lua_cpath = ROOT .. "/build/luajit/?.so;;",
  free_port = free_port,
}

--- Each option is a piece of nginx.conf for the block it is named after; `init_worker` is Lua. `conf` is a whole one
--- instead; it must say "ready" as ours does. In all of them {prefix}, {root}, {port} and {other_port}, a second free
--- port, are filled in, in `conf` {modules} and {user} too.
---@param options? { main: string?, http: string?, server: string?, init_worker: string?, conf: string?, files: table?,
---  env: string?, connections: integer? }
---  files: name = content, put in {prefix}; env: for the shell, such as "A=1 B=2"; connections: of the worker
function M.start(options)
  options = options or {}
  assert(not M.missing, M.missing)
  local prefix = output_of("mktemp -d"):gsub("%s+$", "")
  local watch = LINES and ('require("tools.lines")("%s/nginx")\n'):format(LINES) or ""
  local fill = {
    prefix = prefix, root = ROOT,
    user = output_of("id -u"):find("^0%s") and "user root;" or "",
    modules = ("load_module %s/ndk_http_module.so;\nload_module %s/ngx_http_lua_module.so;"):format(
      FOUND.modules, FOUND.modules),
    resty = FOUND.lua,
    main = options.main or "", http = options.http or "", server = options.server or "",
    connections = tostring(options.connections or 4096),
    init_worker = watch .. (options.init_worker or ""),
  }
  for name, content in pairs(options.files or {}) do write(prefix .. "/" .. name, content) end
  local pipe, pid
  for _ = 1, TRIES do
    fill.port, fill.other_port = free_port(), free_port()
    pipe, pid = launch(FOUND.command, prefix, fill_in(fill_in(options.conf or CONF, fill), fill), options.env or "")
    if pipe then
      return setmetatable({
        pipe = pipe, pid = pid, prefix = prefix, port = fill.port, other_port = fill.other_port,
        url = "http://127.0.0.1:" .. fill.port,
      }, Nginx)
    end
    if not pid:find("bind()", 1, true) then break end
  end
  os.execute("rm -rf " .. prefix)
  error("nginx did not start: " .. pid)
end

return M
