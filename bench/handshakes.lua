-- SPDX-License-Identifier: MIT
-- TLS handshakes of 1,000 charges, as the server counts them: the connections it accepts, each of which has one.
--
--   handshakes.lua URL CA_FILE WAY: "one" client for all, "new" ones for each, or so many charges at a time on a loop
local lomi = require "lomi"
local contender = require "bench.contenders.lomi"
local order = require "bench.order"

local COUNT = 1000

local url, ca_file, way = arg[1], arg[2], arg[3]
local site = { origin = url, ca_file = ca_file }

if way == "new" then
  for _ = 1, COUNT do contender.new(site, "")() end
else
  local charge, each = contender.new(site, way == "one" and "" or way)
  if each then
    each(COUNT, charge)
  else
    for _ = 1, COUNT do charge() end
  end
end

-- Asked on one of the connections that are open: all clients of a Lua share them.
local answer = assert(lomi.new { api_key = order.KEY, base_url = url, ca_file = ca_file }:request("GET", "/accepts"))
print(answer.accepts)
