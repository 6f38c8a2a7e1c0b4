-- SPDX-License-Identifier: MIT
--- The CPU time of hostile input: bounded, whatever else the machine does while the specs run.

local M = {}

-- How many times slower the proofs run the same code, at most.
local SLOWER = { asan = 10, tsan = 20, valgrind = 50, coverage = 50 }
local FACTOR = SLOWER[os.getenv "SANITIZER"] or 1

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

return M
