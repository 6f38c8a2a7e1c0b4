-- SPDX-License-Identifier: MIT
-- A thousand charges in flight on one thread, each answered after DELAY seconds: prints the seconds until all are done
-- on new connections, the same on warm ones, and what each adds to the resident set, in KiB: a charge in flight, and a
-- connection that is idle afterwards.
--
--   in_flight.lua URL DELAY
local core = require "lomi.core"
local lomi = require "lomi"
local order = require "bench.order"

local COUNT = 1000

local url, delay = arg[1], tonumber(arg[2])

local function rss()
  for line in io.lines("/proc/self/status") do
    local kib = line:match("^VmRSS:%s*(%d+)")
    if kib then return tonumber(kib) end
  end
end

local function charge(client)
  local result, err = client.charges:create_card_charge(order.PARAMS)
  if not result then error(tostring(err), 0) end
end

local loop = lomi.loop()
local client = lomi.new { api_key = order.KEY, base_url = url, transport = loop }

-- Gives the seconds, and what the resident set was halfway.
local function all_at_once()
  local started = core.now()
  local tasks = {}
  for i = 1, COUNT do tasks[i] = loop:spawn(charge, client) end
  loop:poll()
  while core.now() < started + delay / 2 do loop:poll() end
  local held = rss()
  loop:run()
  local took = core.now() - started
  for _, task in ipairs(tasks) do task:result() end
  return took, held
end

charge(lomi.new { api_key = order.KEY, base_url = url }) -- libcurl is loaded, the server awake
collectgarbage()
local before = rss()
local cold, held = all_at_once()
local warm = all_at_once()
collectgarbage()
collectgarbage()
print(cold, warm, (held - before) / COUNT, (rss() - before) / COUNT)
