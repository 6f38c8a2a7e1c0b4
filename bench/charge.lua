-- SPDX-License-Identifier: MIT
-- CPU time of one charge: ours, all of it (check, encode, send, decode), against a bare C loop that posts the same
-- bytes to the same server (bench/bare.c). The two take turns, so that a machine that slows down slows both; the ratio
-- is the figure to look at. `make bench`.
local core = require "lomi.core"
local lomi = require "lomi"
local serve = require "bench.serve"

local ROUNDS, COUNT = 11, 2000
local KEY = "lomi_sk_test_bench"
local PARAMS = {
  amount = 10000, currency_code = "XOF", customer_email = "awa@example.com", customer_name = "Awa Ndiaye",
  metadata = { order_id = "ORD-1" },
}


local function run(command)
  local pipe = assert(io.popen(command))
  local line = pipe:read("*l")
  pipe:close()
  return (assert(line, command))
end

local server = serve.start()
local url = server.url

local client = lomi.new { api_key = KEY, base_url = url }

local function ours(count)
  local before = os.clock()
  for _ = 1, count do
    local charge, err = client.charges:create_card_charge(PARAMS)
    if not charge then error(tostring(err)) end
  end
  return os.clock() - before
end

-- The bytes and headers that we send, for the bare loop to send.
local headers
do
  local spy = { now = core.now, sleep = core.sleep, send = function(_, request)
    headers = request.headers
    return nil, "only looking"
  end }
  lomi.new { api_key = KEY, transport = spy, max_retries = 0 }.charges:create_card_charge(PARAMS)
end
local arguments = {}
for name, value in pairs(headers) do arguments[#arguments + 1] = ("'%s: %s'"):format(name, value) end
local bare_command = ("build/bare %s/charge/card '%s' %d %s"):format(
  url, core.encode(PARAMS), COUNT, table.concat(arguments, " "))

local function bare()
  return tonumber(run(bare_command))
end

local function median(list)
  table.sort(list)
  return list[math.ceil(#list / 2)]
end

ours(100)
local ratios, mine, theirs = {}, {}, {}
for i = 1, ROUNDS do
  theirs[i], mine[i] = bare(), ours(COUNT)
  ratios[i] = mine[i] / theirs[i]
end
server:stop()

local lua = rawget(_G, "jit") and jit.version or _VERSION
print(("CPU time of one charge, %d rounds of %d, %s"):format(ROUNDS, COUNT, lua))
print(("  bare C loop  %6.1f µs"):format(median(theirs) / COUNT * 1e6))
print(("  lomi         %6.1f µs"):format(median(mine) / COUNT * 1e6))
print(("  ratio        %6.2f    (median of the rounds; from %.2f to %.2f)"):format(
  median(ratios), ratios[1], ratios[#ratios]))
