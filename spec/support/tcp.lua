-- SPDX-License-Identifier: MIT
--- TCP connections as Linux tells them: for specs that wait until something has come, or until a connection is closed.

local core = require "lomi.core"

local M = {}

local there = io.open "/proc/net/tcp"
if there then there:close() end
M.missing = not there and "only Linux has /proc/net/tcp" or nil -- why a spec that needs it is pending

-- The lines of a table of Linux, split into words; the first is the header.
local function rows(name)
  local list = {}
  for line in io.lines("/proc/net/" .. name) do
    local words = {}
    for word in line:gmatch "%S+" do words[#words + 1] = word end
    list[#list + 1] = words
  end
  table.remove(list, 1)
  return list
end

--- Whether all that was sent from this port has come.
function M.has_come_from(port)
  local from = (":%04X"):format(port)
  for _, row in ipairs(rows "tcp") do
    if row[2]:sub(-5) == from and not row[5]:find "^00000000:" then return false end
  end
  return true
end

--- Whether this process holds a TCP socket that is neither listening nor connected to one of these ports, also one
--- whose connection was reset.
---@param ports table<integer, true>
function M.holds_others(ports)
  local alive = {}
  for _, row in ipairs(rows "tcp") do
    local to, status = tonumber(row[3]:match ":(%x+)$", 16), row[4]
    alive[row[10]] = status == "0A" or (status == "01" and ports[to]) or nil
  end
  for _, name in ipairs { "tcp6", "udp", "udp6" } do
    for _, row in ipairs(rows(name)) do alive[row[10]] = true end
  end
  for _, row in ipairs(rows "unix") do alive[row[7]] = true end
  local pipe = assert(io.popen "ls -l /proc/$PPID/fd 2>/dev/null")
  local sockets = pipe:read "*a"
  pipe:close()
  for inode in sockets:gmatch "socket:%[(%d+)%]" do
    if not alive[inode] then return true end
  end
  return false
end

--- Looks every few milliseconds until `condition()` is true, for some seconds at most.
---@param condition fun(): boolean
---@param seconds number
---@return boolean held
function M.wait_for(condition, seconds)
  local deadline = core.now() + seconds
  while not condition() do
    if core.now() > deadline then return false end
    core.sleep(0.005)
  end
  return true
end

return M
