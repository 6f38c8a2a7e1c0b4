-- SPDX-License-Identifier: MIT
--- Ctrl-C. The interpreter makes an error of it, "interrupted!", at the next thing Lua does.

local core = require "lomi.core"

local M = { STATUS = 130 } -- as the shell reports a command that SIGINT has ended

-- Seconds. The signal ends a sleep; one that comes just before it is seen this much later.
local NAP = 1

---@return boolean
function M.is(err)
  return type(err) == "string" and err:find("interrupted!", 1, true) ~= nil
end

--- Returns when Ctrl-C comes.
function M.wait()
  local _, err = pcall(function()
    while true do core.sleep(NAP) end
  end)
  if not M.is(err) then error(err, 0) end
end

return M
