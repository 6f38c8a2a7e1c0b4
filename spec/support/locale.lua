-- SPDX-License-Identifier: MIT
--- A locale with a decimal comma.

local M = {}

M.FRENCH = "fr_FR.UTF-8"

--- Ends the test as pending if the machine does not have it.
function M.need_french(pending)
  local before = os.setlocale()
  local there = os.setlocale(M.FRENCH)
  os.setlocale(before)
  if not there then pending("no fr_FR.UTF-8: run `localedef -i fr_FR -f UTF-8 fr_FR.UTF-8` as root") end
end

--- Calls `action` under the locale, puts the old one back, and gives what it gave.
function M.under(name, action)
  local before = os.setlocale()
  assert(os.setlocale(name))
  local results = { pcall(action) }
  os.setlocale(before)
  if not results[1] then error(results[2], 0) end
  return results[2]
end

return M
