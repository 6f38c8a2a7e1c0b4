-- SPDX-License-Identifier: MIT
-- All figures in one table, of one run. `make bench`; `BENCH_ROUNDS=3 make bench` for a short one.
local machine = require "bench.machine"
local nginx_worker = require "bench.nginx_worker"
local process = require "bench.process"
local report = require "bench.report"
local rounds = require "bench.rounds"
local serve = require "bench.serve"

local ROUNDS = tonumber(os.getenv "BENCH_ROUNDS") or 31
local FEW, FEWER = math.min(ROUNDS, 11), math.min(ROUNDS, 5) -- of what takes a second or more
local CHARGES = 4000 -- each contender makes in a round; a shorter round is disturbed by a move to another core
local DELAY = 0.2    -- seconds, of the answer to a charge in flight

local BARE = { name = "bare libcurl loop in C" }

-- `run`: as bench/charge.lua takes it; `package`: of Debian; `aim`, `aim_tls`: see bench/report.lua
local LOMI = { name = "lomi, blocking", run = "lomi", aim = { ["lua5.4"] = 0.90, luajit = 0.70 },
  aim_tls = { ["lua5.4"] = 0.95, luajit = 0.80 } }
local LOOP = { name = "lomi on its loop, 100 at a time", run = "lomi 100" }

local CONTENDERS = {
  LOMI,
  LOOP,
  { name = "luasocket + cjson, the connection kept by hand", run = "luasocket", package = "lua-socket" },
  { name = "luasocket's socket.http + cjson, a connection each", run = "luasocket_http", package = "lua-socket" },
  { name = "lua-curl + cjson", run = "lua_curl", package = "lua-curl" },
  { name = "lua-http + cjson, its connection kept", run = "lua_http", package = "lua-http" },
}

local HANDSHAKES = { -- `way`: as bench/handshakes.lua takes it
  { name = "one client", way = "one" },
  { name = "a new client for each charge", way = "new" },
  { name = "on the loop, 100 at a time", way = "100" },
}

local SCRIPTS = {
  { name = [[require "lomi"]], script = [[require "lomi"]], aim = 1 },
  { name = [[require "lomi" and lomi.new]], script = [[require("lomi").new { api_key = "lomi_sk_test_bench" }]] },
}

local SIZES = {
  { name = "lomi.core + lomi.engine", modules = { "core", "engine" }, aim = 120 },
  { name = "lomi.core", modules = { "core" } },
  { name = "lomi.engine", modules = { "engine" } },
  { name = "lomi.crypto, for webhooks", modules = { "crypto" } },
  { name = "lomi.httpd, of the sandbox", modules = { "httpd" } },
}

local figures = report.new()

local function by_lua(fn)
  local values = {}
  for _, lua in ipairs(report.LUAS) do values[lua] = fn(lua) end
  return values
end

-- A contender on a Lua, ready for its turns; or the cell that says why there is none.
local function enter(lua, contender, server)
  local started, missing = process.contender(lua, contender.run, server)
  if started then return { process = started, costs = {} } end
  return figures:missing(("%s on %s: %s (%s)"):format(contender.package, report.NAMES[lua], missing,
    process.output("dpkg-query -W -f='Debian has ${Package} for Lua ${Lua-Versions}' " .. contender.package)))
end

local function cpu_of_charges(server, contenders, over_tls)
  local bare = enter("bare", BARE, server)
  local turns, entries = { bare }, {}
  for _, contender in ipairs(contenders) do
    entries[contender] = by_lua(function(lua)
      local entry = enter(lua, contender, server)
      if type(entry) == "table" then turns[#turns + 1] = entry end
      return entry
    end)
  end
  rounds.run(ROUNDS, turns, function(turn, round) turn.costs[round] = turn.process:charge(CHARGES) end)
  for _, turn in ipairs(turns) do turn.process:stop() end

  -- A row with what becomes of an entry's costs.
  local function row(contender, format, figure, aim)
    figures:row(contender.name, format, by_lua(function(lua)
      local entry = entries[contender][lua]
      return type(entry) == "table" and figure(entry.costs, lua) or entry
    end), aim)
  end

  local title = over_tls and "CPU of a charge over TLS" or "CPU of a charge"
  figures:section(title .. ", ratio to the bare libcurl loop in C")
  for _, contender in ipairs(contenders) do
    row(contender, "%.2f", function(costs) return rounds.ratios(costs, bare.costs) end,
      over_tls and contender.aim_tls or not over_tls and contender.aim or nil)
  end
  figures:row("lomi on its loop to lomi, blocking", "%.2f", by_lua(function(lua)
    return rounds.ratios(entries[LOOP][lua].costs, entries[LOMI][lua].costs)
  end), 1.10)
  figures:section(title .. ", µs")
  figures:row(BARE.name, "%.1f", by_lua(function() return bare.costs end))
  for _, contender in ipairs(contenders) do
    row(contender, "%.1f", function(costs) return costs end)
  end
end

local function cpu_in_nginx(worker)
  local costs = { cosockets = {}, lomi = {} }
  for handler in pairs(costs) do worker:load(handler, 1) end -- warm
  rounds.run(FEW, { "cosockets", "lomi" }, function(handler, round)
    costs[handler][round] = worker:load(handler, 1)
  end)
  figures:section(("CPU of an nginx request that charges, %d rounds"):format(FEW))
  figures:row("ratio of lomi to plain cosockets", "%.2f", { luajit = rounds.ratios(costs.lomi, costs.cosockets) },
    1.10)
  figures:row("plain cosockets, µs of the worker", "%.1f", { luajit = costs.cosockets })
  figures:row("lomi, µs of the worker", "%.1f", { luajit = costs.lomi })
end

local function handshakes()
  figures:section "TLS handshakes per 1,000 charges"
  for _, one in ipairs(HANDSHAKES) do
    figures:row(one.name, "%d", by_lua(function(lua)
      local server = serve.start { tls = true }
      local count = process.numbers(lua, "bench/handshakes.lua", server.url, server.ca_file, one.way)
      server:stop()
      return count
    end))
  end
end

-- Over an empty script: the clock is read when the script starts, and when it ends.
local function require_time()
  figures:section(("CPU over an empty script, ms, each of %d times in a new process"):format(ROUNDS))
  for _, one in ipairs(SCRIPTS) do
    local costs = by_lua(function() return {} end)
    local script = ("local started = os.clock() %s print(os.clock() - started)"):format(one.script)
    rounds.run(ROUNDS, report.LUAS, function(lua, round)
      costs[lua][round] = process.numbers(lua, "-e", script) * 1e3
    end)
    figures:row(one.name, "%.2f", costs, one.aim)
  end
end

local function memory(server)
  local each, first = {}, {}
  for _, lua in ipairs(report.LUAS) do
    each[lua], first[lua] = process.numbers(lua, "bench/memory.lua", server.url)
  end
  local function lists() return by_lua(function() return {} end) end
  local cold, warm, flying, idle = lists(), lists(), lists(), lists()
  serve.with({ delay = DELAY, late = true }, function(late)
    rounds.run(FEWER, report.LUAS, function(lua, round)
      local first_run, second_run, held, kept = process.numbers(lua, "bench/in_flight.lua", late.url, DELAY)
      cold[lua][round], warm[lua][round] = first_run / DELAY, second_run / DELAY
      flying[lua][round], idle[lua][round] = held, kept
    end)
  end)
  figures:section(("1,000 charges in flight on one thread, answered after %d ms, ratio to that"):format(DELAY * 1e3))
  figures:row("on new connections", "%.2f", cold)
  figures:row("on open ones", "%.2f", warm, 1.20)
  figures:section "Memory, KiB"
  figures:row("a client, Lua memory", "%.1f", each, 16)
  figures:row("the first client and the modules it loads, Lua memory", "%.1f", first)
  figures:row("a charge in flight, of 1,000, with its connection, resident", "%.1f", flying, 19.7)
  figures:row("an idle connection, of 1,000, resident", "%.1f", idle)
end

local function stripped(lua, module)
  local copy = os.tmpname()
  local wrong = process.output(("strip -o %s build/%s/lomi/%s.so"):format(copy, lua, module))
  if wrong ~= "" then error(wrong, 0) end
  local file = assert(io.open(copy))
  local size = file:seek("end")
  file:close()
  os.remove(copy)
  return size / 1024
end

local function sizes()
  figures:section "Stripped modules, KiB"
  for _, one in ipairs(SIZES) do
    figures:row(one.name, "%.1f", by_lua(function(lua)
      local size = 0
      for _, module in ipairs(one.modules) do size = size + stripped(lua, module) end
      return size
    end), one.aim)
  end
end

print(machine())
print(([[
Each figure is the median of %d rounds of %d charges; the least and the most are in brackets. In every round all
contenders take a turn, and a ratio compares two of the same round. CPU time is that of the client's process, garbage
collection included. All contenders post the same bytes and check the status. All but the loop in C also make the JSON,
read the reply's JSON, and take the client_secret out of it.
]]):format(ROUNDS, CHARGES))

local server, worker = serve.start(), nginx_worker.start()
local ok, wrong = pcall(function()
  cpu_of_charges(server, CONTENDERS)
  serve.with({ tls = true }, function(secure) cpu_of_charges(secure, { LOMI, LOOP }, true) end)
  cpu_in_nginx(worker)
  handshakes()
  require_time()
  memory(server)
  sizes()
end)
worker:stop()
server:stop()
if not ok then error(wrong, 0) end

figures:print()
