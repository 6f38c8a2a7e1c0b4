-- SPDX-License-Identifier: MIT
--- Locales: with another decimal point, and the Turkish one, where the lower case of "I" is not "i".

local M = {}

M.FRENCH = "fr_FR.UTF-8"
M.TURKISH = "tr_TR.UTF-8"

--- Ends the test as pending if the machine does not have it.
function M.need(name, pending)
  local before = os.setlocale()
  local there = os.setlocale(name)
  os.setlocale(before)
  local language, charset = name:match("^(.-)%.(.*)$")
  if not there then pending(("no %s: run `localedef -i %s -f %s %s` as root"):format(name, language, charset, name)) end
end

function M.need_french(pending)
  M.need(M.FRENCH, pending)
end

--- Makes UTF-8 locales in a new directory, to be the LOCPATH of a process.
---@return string|nil path  nil: this machine cannot make them
function M.make(names)
  local path = os.tmpname()
  os.remove(path)
  os.execute("mkdir " .. path)
  for _, name in ipairs(names) do
    os.execute(("localedef -i %s -f UTF-8 %s/%s.UTF-8 2>/dev/null"):format(name, path, name))
    local made = io.open(("%s/%s.UTF-8/LC_NUMERIC"):format(path, name))
    if not made then return M.remove(path) end
    made:close()
  end
  return path
end

function M.remove(path)
  if path then os.execute("rm -r " .. path) end
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
