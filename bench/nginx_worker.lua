-- SPDX-License-Identifier: MIT
--- One nginx worker with the handlers of bench/nginx_handlers.lua, and a server for them to charge against. Needs wrk.
local nginx = require "spec.support.nginx"
local process = require "bench.process"
local serve = require "bench.serve"

local HANDLERS = [[
  lua_socket_pool_size 64;
  location = /lomi { content_by_lua_block { require("bench.nginx_handlers").lomi(%s) } }
  location = /cosockets { content_by_lua_block { require("bench.nginx_handlers").cosockets(%s) } }
]]

local M = { CONNECTIONS = 32 }

local Worker = {}
Worker.__index = Worker

function M.start()
  local backend = serve.start()
  local port = backend.url:match(":(%d+)$")
  local ok, server = pcall(nginx.start, {
    server = HANDLERS:format(port, port), http = "keepalive_requests 1000000000;",
  })
  if not ok then
    backend:stop()
    error(server, 0)
  end
  return setmetatable({ backend = backend, server = server, pid = server:run "return ngx.worker.pid()" }, Worker)
end

function Worker:stop()
  self.server:stop()
  self.backend:stop()
end

local function cpu_time(pid)
  local file = assert(io.open(("/proc/%d/schedstat"):format(pid)))
  local nanoseconds = file:read("*n")
  file:close()
  return nanoseconds / 1e9
end

--- Has a handler asked for some seconds.
---@param handler "lomi"|"cosockets"
---@param seconds integer
---@return number cost  microseconds of the worker's CPU time for a request
---@return number rate  requests per second
function Worker:load(handler, seconds)
  local before = cpu_time(self.pid)
  local text = process.output(("wrk -t1 -c%d -d%d -s bench/nginx_order.lua %s/%s"):format(
    M.CONNECTIONS, seconds, self.server.url, handler))
  local rate = tonumber(text:match("Requests/sec:%s*([%d.]+)"))
  if not rate or text:find("Non%-2xx") or text:find("Socket errors") then
    error(("wrk on /%s:\n%s\n%s"):format(handler, text, self.server:log():sub(-2000)), 0)
  end
  return (cpu_time(self.pid) - before) / tonumber(text:match("(%d+) requests in")) * 1e6, rate
end

return M
