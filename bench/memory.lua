-- SPDX-License-Identifier: MIT
-- Lua memory of clients that have made a charge, in KiB: of each of a thousand, and of the first, which loads the
-- modules.
--
--   memory.lua URL
local contender = require "bench.contenders.lomi"

local COUNT = 1000

local site = { origin = arg[1] }

local function held()
  collectgarbage()
  collectgarbage()
  return collectgarbage "count"
end

local function client()
  local charge = contender.new(site, "")
  charge()
  return charge
end

local clients = {}
for i = 1, COUNT do clients[i] = false end
local before = held()
local first = client()
local loaded = held()
for i = 1, COUNT do clients[i] = client() end
print((held() - loaded) / #clients, loaded - before)
first() -- it was there until now
