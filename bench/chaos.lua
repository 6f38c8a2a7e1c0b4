-- SPDX-License-Identifier: MIT
-- The chaos proof: 10,000 charges while 30 % of the requests go wrong, retries on. Twice with one seed, which must tell
-- one story, and once more with a client too impatient for delayed replies, where timing has a say. Ends with status 1
-- if any charge is made twice, lost, or told of wrongly. `make chaos`; bench/chaos.lua [count [seed [rate]]].
local chaos = require "spec.support.chaos"

local COUNT, SEED, RATE = tonumber(arg[1]) or 10000, tonumber(arg[2]) or 42, tonumber(arg[3]) or 0.3

local function line(name, value) print(("  %-34s %s"):format(name, value)) end

-- Returns the number of violations, and the story.
local function run(title, options)
  print(title)
  local report = chaos.run(options)
  local words = {}
  for word in pairs(report.ends) do words[#words + 1] = word end
  table.sort(words)
  line("calls", report.calls)
  for _, word in ipairs(words) do line("  that ended in " .. word, report.ends[word]) end
  line("requests, on connections", ("%d, %d"):format(report.attempts, report.accepts))
  line("unknown, asked again", report.asked_again)
  line("violations", #report.violations)
  for i = 1, math.min(#report.violations, 20) do line("", report.violations[i]) end
  line("story", report.story:sub(1, 16))
  line("seconds", ("%.1f"):format(report.seconds))
  return #report.violations, report.story
end

local function title(what)
  local lua = rawget(_G, "jit") and jit.version or _VERSION
  return ("%s, seed %d, %g %% go wrong, %s"):format(what, SEED, RATE * 100, lua)
end

local weather = { count = COUNT, seed = SEED, rate = RATE, delay = 0.002 }
local first, story = run(title(COUNT .. " charges"), weather)
local second, again = run("the same once more", weather)
local third = run(title("an impatient client"),
  { count = math.ceil(COUNT / 10), seed = SEED, rate = RATE, delay = 0.1, timeout = 0.05 })

print(story == again and "same seed, same story" or "THE SAME SEED TOLD ANOTHER STORY")
local violations = first + second + third
print(violations == 0 and "zero violations" or violations .. " VIOLATIONS")
if violations > 0 or story ~= again then os.exit(1) end
