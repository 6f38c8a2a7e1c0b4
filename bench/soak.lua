-- SPDX-License-Identifier: MIT
-- The soak: 200,000 charges while 10 % of the requests go wrong, with a new client every 100, one after the other and
-- on loops that come and go, a third over TLS. Ends with status 1 if at the end the process holds over 1 MiB more than
-- after 20,000, or other descriptors, or if any charge is made twice, lost, or told of wrongly. `make soak`, which also
-- sets malloc up; bench/soak.lua [count [every]]. What LuaJIT has compiled is dropped after each reading.
local soak = require "spec.support.soak"

local COUNT, EVERY = tonumber(arg[1]) or 200000, tonumber(arg[2]) or 20000
local WEATHER = { rate = 0.1, delay = 0.15, timeout = 0.1 } -- the client does not wait for delayed replies
assert(COUNT % EVERY == 0 and COUNT > EVERY, "count must be a multiple of every, and more: the end is read, too")

io.stdout:setvbuf "line"
local lua = rawget(_G, "jit") and jit.version or _VERSION
print(("%d charges, a new client every 100, %g %% go wrong, %s"):format(COUNT, WEATHER.rate * 100, lua))
print "   charges   resident memory   of it Lua's   descriptors   seconds"
local report = soak.run {
  count = COUNT, every = EVERY, rate = WEATHER.rate, delay = WEATHER.delay, timeout = WEATHER.timeout,
  on_reading = function(reading)
    print(("  %8d  %12d KiB  %8d KiB  %12d  %8.0f"):format(reading.charges, reading.resident, reading.lua,
      reading.descriptors, reading.seconds))
  end,
}

local function line(name, value) print(("  %-34s %s"):format(name, value)) end

local words = {}
for word in pairs(report.ends) do words[#words + 1] = word end
table.sort(words)
line("calls", report.calls)
for _, word in ipairs(words) do line("  that ended in " .. word, report.ends[word]) end
line("asked again in fair weather", report.asked_again)
line("charges made", report.made)
line("requests told of, gone wrong", ("%d, %.1f %%"):format(report.attempts, report.gone_wrong / report.attempts * 100))
line("violations", #report.violations)
for i = 1, math.min(#report.violations, 20) do line("", report.violations[i]) end

local first, last, kept = report.readings[1], report.readings[#report.readings], soak.kept(report.readings)
print(("from %d charges to %d: %+d KiB of resident memory, %+d descriptors"):format(first.charges, last.charges,
  last.resident - first.resident, last.descriptors - first.descriptors))
print(kept[1] and "KEPT: " .. table.concat(kept, ", ") or "nothing is kept")
if kept[1] or #report.violations > 0 then os.exit(1) end
