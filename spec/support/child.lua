-- SPDX-License-Identifier: MIT
--- Runs a script in a fresh interpreter of the same kind: for what only a whole process shows (its environment, its
--- locale at start) and for what might never end.

local cost = require "spec.support.cost"

local M = {}

M.LUA = os.getenv "LUA" or rawget(_G, "jit") and "luajit" or _VERSION:lower():gsub(" ", "")

-- Against what grows without end. A sanitizer reserves terabytes that it never uses.
local LIMIT = "[ -n \"$SANITIZER\" ] || ulimit -v 2000000; "

local function quote(text)
  return "'" .. text:gsub("'", [['\'']]) .. "'"
end

---@param script string
---@param env? table<string, string|false>  false: not set
---@return string output  stdout and stderr
---@return integer status  124: it did not end within 20 seconds, or more under a sanitizer or an emulator
function M.run(script, env)
  local command = { "env" }
  local set = { LUA_PATH = package.path, LUA_CPATH = package.cpath }
  for name, value in pairs(env or {}) do set[name] = value end
  for name, value in pairs(set) do
    if not value then table.insert(command, 2, "-u " .. name) end
  end
  for name, value in pairs(set) do
    if value then command[#command + 1] = quote(name .. "=" .. value) end
  end
  command[#command + 1] = ('timeout %d %s -e %s 2>&1; echo "status $?"'):format(20 * cost.FACTOR, M.LUA, quote(script))
  local pipe = assert(io.popen(LIMIT .. table.concat(command, " ")))
  local text = pipe:read("*a")
  pipe:close()
  local output, status = text:match("^(.-)\n?status (%d+)\n$")
  return output, tonumber(status)
end

return M
