-- SPDX-License-Identifier: MIT
-- Requests per second of an nginx handler that makes one charge, against the same handler written with plain cosockets
-- that sends the same bytes and does cjson.decode (nginx_handlers.lua). The two take turns; the ratio is the figure to
-- look at. Beside it what does not depend on who else uses the machine: the worker's CPU time per request.
-- `make bench-nginx`.
local nginx_worker = require "bench.nginx_worker"
local rounds = require "bench.rounds"

local ROUNDS, SECONDS = 31, 1

local HANDLERS = { "cosockets", "lomi" }

local worker = nginx_worker.start()
local ok, wrong = pcall(function()
  local rates, costs = { lomi = {}, cosockets = {} }, { lomi = {}, cosockets = {} }
  for _, handler in ipairs(HANDLERS) do worker:load(handler, SECONDS) end -- warm
  rounds.run(ROUNDS, HANDLERS, function(handler, round)
    costs[handler][round], rates[handler][round] = worker:load(handler, SECONDS)
  end)
  print(("a handler that makes one charge, one nginx worker, %d connections, %d rounds of %d s each"):format(
    nginx_worker.CONNECTIONS, ROUNDS, SECONDS))
  for _, handler in ipairs(HANDLERS) do
    print(("  %-16s %6.0f requests/s  %6.1f µs of the worker's CPU for each"):format(
      handler == "lomi" and "lomi" or "plain cosockets", (rounds.spread(rates[handler])),
      (rounds.spread(costs[handler]))))
  end
  local function show(name, ratios)
    print(("  ratio of %-8s %5.2f  (median of the rounds; from %.2f to %.2f)"):format(name, rounds.spread(ratios)))
  end
  show("requests", rounds.ratios(rates.lomi, rates.cosockets))
  show("CPU time", rounds.ratios(costs.lomi, costs.cosockets))
end)
worker:stop()
if not ok then error(wrong, 0) end
