-- SPDX-License-Identifier: MIT
--- The machine that the figures were measured on, as the system tells it.
local engine = require "lomi.engine"
local lomi = require "lomi"
local process = require "bench.process"

-- The first line of a file, or of what a command prints, that matches.
local function find(lines, pattern)
  for line in lines do
    local found = line:match(pattern)
    if found then return found end
  end
  error("not found: " .. pattern, 0)
end

local function printed(command, pattern)
  return find(process.output(command):gmatch("[^\n]+"), pattern)
end

---@return string  three lines
return function()
  return table.concat({
    ("lomi %s, %s, %s"):format(lomi._VERSION, printed("date -u '+%F %R UTC'", ".+"),
      find(io.lines("/etc/os-release"), '^PRETTY_NAME="(.-)"')),
    ("%s, %s cores, %s; load average at the start %s"):format(find(io.lines("/proc/cpuinfo"), "^model name%s*: (.*)"),
      printed("nproc", "%d+"), printed("uname -srm", ".+"), find(io.lines("/proc/loadavg"), "^%S+")),
    ("%s, %s, %s, %s"):format(printed("lua5.4 -v", "^Lua [%d.]+"), printed("luajit -v", "^LuaJIT %S+"),
      printed("nginx -v", "nginx/%S+"), engine.version:match("^%S+ %S+")),
  }, "\n")
end
