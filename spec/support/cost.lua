-- SPDX-License-Identifier: MIT
--- Limits of time that hold whatever else the machine does while the specs run: the CPU time of hostile input, and how
--- late a deadline is kept.

local core = require "lomi.core"

local M = {}

-- How many times slower the proofs run the same code, at most, and an emulator of another processor (tools/matrix.sh).
local SLOWER = { asan = 10, tsan = 20, valgrind = 50, coverage = 50, qemu = 40 }
local FACTOR = SLOWER[os.getenv "SANITIZER" or os.getenv "EMULATOR"] or 1

M.FACTOR = FACTOR

--- The seconds of CPU that a call takes: the least of three, since a busy machine only adds to them.
---@param fn fun()
---@return number seconds
function M.of(fn)
  local least = math.huge
  for _ = 1, 3 do
    collectgarbage()
    local before = os.clock()
    fn()
    least = math.min(least, os.clock() - before)
    if least == 0 then break end
  end
  return least / FACTOR
end

--- Fails unless a call ends on time: after `due` seconds, and at most `slack` seconds later. A busy machine
--- is late now and then, so that a late call is made again, up to four times.
---@param due number
---@param slack number
---@generic T
---@param fn fun(): T
---@return T result  of the call that ended on time
function M.ends_on_time(due, slack, fn)
  local took
  for _ = 1, 5 do
    local started = core.now()
    local result = fn()
    took = core.now() - started
    assert(took >= due, ("it ended after %.3f s, %.3f s is the least"):format(took, due))
    if took <= due + slack * FACTOR then return result end
  end
  error(("it ended after %.3f s, five times later than %.3f s"):format(took, due + slack * FACTOR), 2)
end

return M
