-- SPDX-License-Identifier: MIT
-- The loop: a thousand charges in flight on one thread, and the cost of a poll in a game's frame. `make bench-loop`.
local core = require "lomi.core"
local lomi = require "lomi"
local serve = require "bench.serve"

local KEY = "lomi_sk_test_bench"
local PARAMS = {
  amount = 10000, currency_code = "XOF", customer_email = "awa@example.com", customer_name = "Awa Ndiaye",
  metadata = { order_id = "ORD-1" },
}

local function rss()
  for line in io.lines("/proc/self/status") do
    local kib = line:match("^VmRSS:%s*(%d+)")
    if kib then return tonumber(kib) end
  end
end

local function quantile(sorted, q)
  return sorted[math.max(1, math.ceil(#sorted * q))]
end

local function charge(client)
  local result, err = client.charges:create_card_charge(PARAMS)
  if not result then error(tostring(err), 0) end
end

local function spawn(loop, client, count)
  local tasks = {}
  for i = 1, count do tasks[i] = loop:spawn(charge, client) end
  return tasks
end

local function finish(tasks)
  for _, task in ipairs(tasks) do task:result() end
end

local function in_flight()
  local COUNT, DELAY = 1000, 0.2
  local server = serve.start(DELAY)
  local loop = lomi.loop()
  local client = lomi.new { api_key = KEY, base_url = server.url, transport = loop }
  charge(lomi.new { api_key = KEY, base_url = server.url }) -- libcurl is loaded, the server awake
  collectgarbage()
  local before, started = rss(), core.now()
  local tasks = spawn(loop, client, COUNT)
  loop:poll()
  local halfway = started + DELAY / 2
  while core.now() < halfway do loop:poll() end
  local held = rss() - before
  loop:run()
  local cold = core.now() - started
  finish(tasks)

  started = core.now()
  tasks = spawn(loop, client, COUNT)
  loop:run()
  local warm = core.now() - started
  finish(tasks)
  server:stop()
  print(("%d charges in flight, each answered after %d ms, on one thread"):format(COUNT, DELAY * 1000))
  print(("  on new connections     %6.0f ms in all"):format(cold * 1000))
  print(("  on warm connections    %6.0f ms in all"):format(warm * 1000))
  print(("  memory                 %6.1f KiB a charge (resident set, connections included)"):format(held / COUNT))
end

local function cpu()
  local ROUNDS, COUNT = 7, 1000
  local server = serve.start(0)
  local loop = lomi.loop()
  local on_loop = lomi.new { api_key = KEY, base_url = server.url, transport = loop }
  local blocking = lomi.new { api_key = KEY, base_url = server.url }
  for _ = 1, 3 do -- connections, and tables, as large as they will be
    local tasks = spawn(loop, on_loop, COUNT)
    loop:run()
    finish(tasks)
  end
  local ratios, ours, theirs = {}, {}, {}
  for round = 1, ROUNDS do
    local before = os.clock()
    for _ = 1, COUNT do charge(blocking) end
    theirs[round] = (os.clock() - before) / COUNT
    before = os.clock()
    local tasks = spawn(loop, on_loop, COUNT)
    loop:run()
    ours[round] = (os.clock() - before) / COUNT
    finish(tasks)
    ratios[round] = ours[round] / theirs[round]
  end
  server:stop()
  for _, list in ipairs { ratios, ours, theirs } do table.sort(list) end
  print(("CPU time of a charge, %d at once on warm connections against one after the other"):format(COUNT))
  print(("  one after the other    %6.1f µs"):format(quantile(theirs, 0.5) * 1e6))
  print(("  %d at once           %6.1f µs"):format(COUNT, quantile(ours, 0.5) * 1e6))
  print(("  ratio                  %6.2f    (median of %d rounds; from %.2f to %.2f)"):format(
    quantile(ratios, 0.5), ROUNDS, ratios[1], ratios[#ratios]))
end

local function frames()
  local FRAMES, IN_FLIGHT = 600, 10
  local server = serve.start(0.1)
  local loop = lomi.loop()
  local client = lomi.new { api_key = KEY, base_url = server.url, transport = loop }
  loop:warm()
  for _ = 1, IN_FLIGHT do
    loop:spawn(function()
      while loop.alive do charge(client) end
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
  table.sort(times)
  print(("loop:poll() in %d frames at 60 Hz, %d charges in flight"):format(FRAMES, IN_FLIGHT))
  print(("  median %.3f ms, p99 %.3f ms, max %.3f ms"):format(
    quantile(times, 0.5) * 1e3, quantile(times, 0.99) * 1e3, times[#times] * 1e3))
end

in_flight()
cpu()
frames()
