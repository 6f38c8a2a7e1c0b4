-- SPDX-License-Identifier: MIT
-- Requests per second of an nginx handler that makes one charge, against the same handler written with plain cosockets
-- that sends the same bytes and does cjson.decode (nginx_handlers.lua). One worker; the two take turns, so that
-- a machine that slows down slows both; the ratio is the figure to look at. Beside it what does not depend on who else
-- uses the machine: the worker's CPU time per request. Needs wrk. `make bench-nginx`.
local nginx = require "spec.support.nginx"
local serve = require "bench.serve"

local ROUNDS, SECONDS, CONNECTIONS = 31, 1, 32

local HANDLERS = [[
  lua_socket_pool_size 64;
  location = /lomi { content_by_lua_block { require("bench.nginx_handlers").lomi(%s) } }
  location = /cosockets { content_by_lua_block { require("bench.nginx_handlers").cosockets(%s) } }
]]

local backend = serve.start() -- a process of its own
local port = backend.url:match(":(%d+)$")
local server = nginx.start { server = HANDLERS:format(port, port), http = "keepalive_requests 1000000000;" }

local function stop()
  server:stop()
  backend:stop()
end

local worker = server:run "return ngx.worker.pid()"

local function cpu_time()
  local file = assert(io.open(("/proc/%d/schedstat"):format(worker)))
  local nanoseconds = file:read("*n")
  file:close()
  return nanoseconds / 1e9
end

-- Requests per second, as wrk counts them; microseconds of the worker's CPU time for each.
local function load(path, seconds)
  local before = cpu_time()
  local pipe = assert(io.popen(("wrk -t1 -c%d -d%d -s bench/nginx_order.lua %s%s"):format(
    CONNECTIONS, seconds, server.url, path)))
  local text = pipe:read("*a")
  pipe:close()
  local rate = tonumber(text:match("Requests/sec:%s*([%d.]+)"))
  if not rate or text:find("Non%-2xx") or text:find("Socket errors") then
    error(("wrk on %s:\n%s\n%s"):format(path, text, server:log():sub(-2000)))
  end
  return rate, (cpu_time() - before) / tonumber(text:match("(%d+) requests in")) * 1e6
end

local function median(list)
  table.sort(list)
  return list[math.ceil(#list / 2)]
end

local ok, wrong = pcall(function()
  local names, rates, costs = { "cosockets", "lomi" }, { lomi = {}, cosockets = {} }, { lomi = {}, cosockets = {} }
  local rate_ratios, cost_ratios = {}, {}
  for i = 0, ROUNDS do
    for turn = 1, 2 do -- who goes first takes turns, too
      local name = names[(i + turn) % 2 + 1]
      rates[name][i], costs[name][i] = load("/" .. name, SECONDS)
    end
    rate_ratios[i] = rates.lomi[i] / rates.cosockets[i]
    cost_ratios[i] = costs.cosockets[i] / costs.lomi[i]
  end -- round 0 warms up, and does not count
  print(("a handler that makes one charge, one nginx worker, %d connections, %d rounds of %d s each"):format(
    CONNECTIONS, ROUNDS, SECONDS))
  local line = "  %-16s %6.0f requests/s  %6.1f µs of the worker's CPU for each"
  print(line:format("plain cosockets", median(rates.cosockets), median(costs.cosockets)))
  print(line:format("lomi", median(rates.lomi), median(costs.lomi)))
  local function show(name, ratios)
    print(("  ratio of %-8s %5.2f  (median of the rounds; from %.2f to %.2f)"):format(
      name, median(ratios), ratios[1], ratios[#ratios]))
  end
  show("requests", rate_ratios)
  show("CPU time", cost_ratios)
end)
stop()
if not ok then error(wrong, 0) end
