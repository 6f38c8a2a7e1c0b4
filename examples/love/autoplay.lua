-- SPDX-License-Identifier: MIT
-- luacheck: globals love
--- Plays the scene by itself, for `make test-love`: presses the button, twice, pays as the payer does, measures the
--- frames, and quits with the status of a program: 0 if the sail was sold.

local FRAME = 1 / 60
local BUY_AT = 1 -- second; before that the window appears, and the connection is made
local CARD = "card=4242424242424242&expiry=12%2F39&cvc=123&client_secret="

-- Seconds. Wide, for a busy machine; what waits for the charge takes longer than that all the same.
local LONGEST_POLL, P99_POLL, LONGEST_ANSWER = 0.1, FRAME, 0.25

local function quantile(sorted, q)
  return sorted[math.max(1, math.ceil(#sorted * q))]
end

local function report(name, times)
  if not times[1] then return print(("  %-12s never"):format(name)) end
  table.sort(times)
  print(("  %-12s median %6.2f ms   p99 %6.2f ms   max %6.2f ms"):format(
    name, quantile(times, 0.5) * 1e3, quantile(times, 0.99) * 1e3, times[#times] * 1e3))
end

-- The player in her browser, sending the form of the page where she pays.
local function pay(shop, url)
  local page, secret = url:match("^(.-)%?client_secret=(.*)$")
  shop.loop:spawn(function()
    assert(shop.loop:send {
      method = "POST", url = page, body = CARD .. secret, timeout = 10, connect_timeout = 10, proxy = "",
      headers = { ["Content-Type"] = "application/x-www-form-urlencoded" },
    })
  end)
end

-- Another player, who asks the game server something while it charges: how long she waits for each answer.
local function ask_meanwhile(shop, answers)
  shop.loop:spawn(function()
    repeat
      local before = love.timer.getTime()
      shop.client:request("GET", "/orders/none")
      answers[#answers + 1] = love.timer.getTime() - before
      shop.loop:sleep(0.02)
    until shop.state ~= "ordering"
  end)
end

-- Without a screen nothing else holds LÖVE's own loop, which ends each frame with this call, to 60 Hz.
local function pace()
  local sleep, due = love.timer.sleep, love.timer.getTime()
  function love.timer.sleep()
    local now = love.timer.getTime()
    due = math.max(due + FRAME, now)
    sleep(due - now)
  end
end

---@param shop Shop
---@param press fun()  the button
---@param seconds number  to play in all
return function(shop, press, seconds)
  local frames, work, polls, answers = {}, {}, {}, {}
  local now = love.timer.getTime
  local started, pressed, sold_after = now(), false, nil
  local update, draw, poll = love.update, love.draw, shop.loop.poll
  local began, last

  function shop.warm(self)
    local before = now()
    local warm = getmetatable(self).warm(self)
    print(("loop:warm() took %.1f ms, before the first frame"):format((now() - before) * 1e3))
    return warm
  end

  function love.errorhandler(message)
    io.stderr:write(debug.traceback(tostring(message)), "\n")
  end

  function love.system.openURL(url)
    pay(shop, url)
    return true
  end

  function shop.loop.poll(loop)
    local before = now()
    local alive = poll(loop)
    if pressed then polls[#polls + 1] = now() - before end
    return alive
  end

  local function finish()
    print(("%d frames at 60 Hz from the press of the button on, %s"):format(#frames,
      sold_after and ("sold after %.2f s"):format(sold_after) or "and nothing sold"))
    report("frame", frames)
    report("update, draw", work)
    report("loop:poll()", polls)
    report("game server", answers)
    local smooth = polls[1] and quantile(polls, 0.99) <= P99_POLL and polls[#polls] <= LONGEST_POLL
    if not smooth then print("loop:poll() holds the frames up, or is not called") end
    local prompt = answers[1] and answers[#answers] <= LONGEST_ANSWER
    if not prompt then print("the game server answers nobody while it charges") end
    love.event.quit(smooth and prompt and sold_after and 0 or 1)
  end

  function love.update(dt)
    began = now()
    if pressed then frames[#frames + 1] = began - last end
    last = began
    if not pressed and began - started > BUY_AT then
      pressed = began
      press()
      press() -- an impatient player: still one order
      ask_meanwhile(shop, answers)
    end
    update(dt)
    if shop.state == "sold" and not sold_after then sold_after = now() - pressed end
    if shop.state == "failed" or now() - started > seconds then finish() end
  end

  function love.draw()
    draw()
    if pressed then work[#work + 1] = now() - began end
  end

  pace()
end
