-- SPDX-License-Identifier: MIT
-- The parts of a charge that need no network, each by itself. For each line of its input, a count, makes each part run
-- so many times, with a reading of the CPU clock before and after: `make instructions` counts from clock to clock.
--
--   parts.lua REPLY  a body of the server's
local core = require "lomi.core"
local order = require "bench.order"
local schema = require "lomi.call.schema"

local reply = arg[1]
local operation = require(require("lomi.contract").resources.charges).create_card_charge

local PARTS = { -- in the order of bench/instructions.lua
  function() end, -- the loop itself
  function() schema.check(operation.params, order.PARAMS) end,
  function() core.encode(order.PARAMS, true) end,
  function() core.decode(reply) end,
  function() core.uuid4() end,
}

local function times(count, part)
  for _ = 1, count do part() end
end

io.stdout:setvbuf("line")
for _, part in ipairs(PARTS) do times(100, part) end
print "ready"
for count in io.lines() do
  for _, part in ipairs(PARTS) do
    os.clock()
    times(tonumber(count), part)
    os.clock()
  end
  print "done"
end
