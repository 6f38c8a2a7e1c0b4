-- SPDX-License-Identifier: MIT
-- `make test-love`: the scene plays itself under Xvfb against its game server; the charge is slow, its first reply is
-- lost, and in the end there is exactly one, paid.

local SECONDS = 11
local DELAY = 0.5

-- Nothing stays behind: timeout ends a scene that hangs, and the shell waits for Xvfb, which keeps descriptor 3 open.
local function play(url)
  local scene = table.concat({
    "LIBGL_ALWAYS_SOFTWARE=1 SDL_AUDIODRIVER=dummy", "GAME_SERVER=" .. url, "LOVE_TEST_SECONDS=" .. SECONDS,
    "xvfb-run -a -s '-screen 0 960x540x24' timeout -k 5", SECONDS + 30, "love examples/love",
  }, " ")
  local status = os.execute(("exec 4>&1; ended=$(%s 3>&1 >&4)"):format(scene))
  return status == 0 or status == true -- as Lua 5.1 has it, or later ones
end

local server = require("examples.love.server").start(0)
local sandbox = server.sandbox
sandbox:fail { drop = "after", delay = DELAY }
sandbox:fail { delay = DELAY }
local played = play(server.url)
local charges, requests = sandbox:charges(), sandbox:requests()
server.stop()

local asked = 0
for _, request in ipairs(requests) do
  if request.path == "/charge/card" then asked = asked + 1 end
end
local charge = charges[1]
print(("the sandbox was asked %d times for a charge and holds %d%s"):format(asked, #charges,
  charge and (": %d %s, %s"):format(charge.original_amount, charge.original_currency, charge.status) or ""))
local good = played and asked == 2 and #charges == 1 and charge.status == "succeeded"
print(good and "ok" or "FAILED")
os.exit(good and 0 or 1)
