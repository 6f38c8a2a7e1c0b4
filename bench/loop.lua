-- SPDX-License-Identifier: MIT
-- The loop: a thousand charges in flight on one thread, and the cost of a poll in a game's frame. `make bench-loop`.
local core = require "lomi.core"
local lomi = require "lomi"
local order = require "bench.order"
local process = require "bench.process"
local rounds = require "bench.rounds"
local serve = require "bench.serve"

local function in_flight()
  local DELAY = 0.2
  local server = serve.start { delay = DELAY }
  local cold, warm, memory = process.numbers(process.LUA, "bench/in_flight.lua", server.url, DELAY)
  server:stop()
  print(("1000 charges in flight, each answered after %d ms, on one thread"):format(DELAY * 1000))
  print(("  on new connections     %6.0f ms in all"):format(cold * 1000))
  print(("  on warm connections    %6.0f ms in all"):format(warm * 1000))
  print(("  memory                 %6.1f KiB a charge (resident set, connections included)"):format(memory))
end

local function cpu()
  local ROUNDS, COUNT = 21, 2000
  local server = serve.start()
  local single = { process = process.contender(process.LUA, "lomi", server), costs = {} }
  local many = { process = process.contender(process.LUA, "lomi 1000", server), costs = {} }
  rounds.run(ROUNDS, { single, many }, function(contender, round)
    contender.costs[round] = contender.process:charge(COUNT)
  end)
  for _, one in ipairs { single.process, many.process, server } do one:stop() end
  print("CPU time of a charge, 1000 at once on warm connections against one after the other")
  print(("  one after the other    %6.1f µs"):format(rounds.spread(single.costs)))
  print(("  1000 at once           %6.1f µs"):format(rounds.spread(many.costs)))
  print(("  ratio                  %6.2f    (median of the rounds; from %.2f to %.2f)"):format(
    rounds.spread(rounds.ratios(many.costs, single.costs))))
end

local function frames()
  local FRAMES, IN_FLIGHT = 600, 10
  local server = serve.start { delay = 0.1 }
  local loop = lomi.loop()
  local client = lomi.new { api_key = order.KEY, base_url = server.url, transport = loop }
  loop:warm()
  for _ = 1, IN_FLIGHT do
    loop:spawn(function()
      while loop.alive do assert(client.charges:create_card_charge(order.PARAMS)) end
    end)
  end
  local times, due = {}, core.now()
  for i = 1, FRAMES do
    local before = core.now()
    loop:poll()
    times[i] = core.now() - before
    due = due + 1 / 60
    core.sleep(due - core.now())
  end
  loop:close()
  server:stop()
  local median, _, most = rounds.spread(times)
  print(("loop:poll() in %d frames at 60 Hz, %d charges in flight"):format(FRAMES, IN_FLIGHT))
  print(("  median %.3f ms, p99 %.3f ms, max %.3f ms"):format(
    median * 1e3, rounds.quantile(times, 0.99) * 1e3, most * 1e3))
end

in_flight()
cpu()
frames()
