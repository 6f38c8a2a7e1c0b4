-- SPDX-License-Identifier: MIT
-- luacheck: globals love
-- A LÖVE scene that sells a golden sail while the sea goes on moving. How to run it: README.md beside this file.

local sea = require "sea"
local Shop = require "shop"

local GAME_SERVER = os.getenv "GAME_SERVER" or "http://127.0.0.1:4020" -- in a real game: the https address of yours
local SESSION = "player-1"                                             -- from when the player logged in

local BUTTON = { x = 40, y = 464, width = 270, height = 46 }

local shop, fonts
local time, sold_at = 0, nil
local longest, measured_from = 0, 1 -- of the frames; the first second is the window's

-- ---- what is said --------------------------------------------------------------------------------

local LABELS = {
  open = "Buy  ·  1 000 F CFA", ordering = "One moment …", paying = "Open the page again",
  sold = "Fair winds!", failed = "Try again",
}

local function message()
  if shop.state == "ordering" then return "Asking the game server. The sea does not wait." end
  if shop.state == "paying" then return "Pay on the page in your browser; come back any time." end
  if shop.state == "sold" then return "Paid. The golden sail is yours." end
  if shop.state == "failed" then
    return shop.err.outcome == "unknown" and "No answer came. Try again: you cannot be charged twice."
      or "That did not work. Nothing was ordered."
  end
  return "Yours has seen better days."
end

-- ---- what is done --------------------------------------------------------------------------------

local function show_page(url)
  if not love.system.openURL(url) then print("pay here: " .. url) end
end

local function press()
  if shop.state == "paying" then show_page(shop.pay_url) else shop:buy("golden_sail", show_page) end
end

local function over_button(x, y)
  return x >= BUTTON.x and x < BUTTON.x + BUTTON.width and y >= BUTTON.y and y < BUTTON.y + BUTTON.height
end

function love.mousepressed(x, y, button)
  if button == 1 and over_button(x, y) then press() end
end

function love.keypressed(key)
  if key == "escape" then love.event.quit() end
  if key == "return" or key == "space" then press() end
end

function love.load()
  fonts = { title = love.graphics.newFont(24), text = love.graphics.newFont(15), small = love.graphics.newFont(12) }
  shop = Shop.new(GAME_SERVER, SESSION)
  local seconds = tonumber(os.getenv "LOVE_TEST_SECONDS")
  if seconds then require("autoplay")(shop, press, seconds) end
  if not shop:warm() then print("no game server at " .. GAME_SERVER .. "; see README.md") end
end

function love.update(dt)
  time = time + dt
  if time > measured_from then longest = math.max(longest, dt) end
  local before = shop.state
  shop:update() -- all that lomi does in a frame
  if shop.state == "sold" and not sold_at then sold_at = time end
  if shop.state == "failed" and before ~= "failed" then print(tostring(shop.err)) end
end

-- ---- what is seen --------------------------------------------------------------------------------

local function draw_panel()
  local g = love.graphics
  g.setColor(0.05, 0.05, 0.13, 0.82)
  g.rectangle("fill", 20, 380, 440, 146, 14)
  g.setColor(1, 0.86, 0.52)
  g.setFont(fonts.title)
  g.print("The golden sail", 40, 396)
  g.setColor(0.90, 0.88, 0.92)
  g.setFont(fonts.text)
  g.print(message(), 40, 432)

  local waiting = shop.state == "ordering" or shop.state == "paying"
  local idle = shop.state == "sold" or shop.state == "ordering"
  local over = not idle and over_button(love.mouse.getPosition())
  if idle then g.setColor(0.32, 0.30, 0.40) else g.setColor(0.96, over and 0.80 or 0.72, over and 0.40 or 0.28) end
  g.rectangle("fill", BUTTON.x, BUTTON.y, BUTTON.width, BUTTON.height, 10)
  if idle then g.setColor(0.90, 0.88, 0.92) else g.setColor(0.13, 0.08, 0.10) end
  g.printf(LABELS[shop.state], BUTTON.x, BUTTON.y + 14, BUTTON.width, "center")
  if waiting then
    g.setLineWidth(4)
    g.setColor(1, 0.86, 0.52)
    g.arc("line", "open", BUTTON.x + BUTTON.width + 36, BUTTON.y + 23, 13, time * 5, time * 5 + 4.2)
  end
end

function love.draw()
  local g = love.graphics
  sea.draw(time, sold_at)
  draw_panel()
  g.setFont(fonts.small)
  g.setColor(1, 1, 1, 0.75)
  g.printf(("%d frames/s, the longest %.0f ms"):format(love.timer.getFPS(), longest * 1000), 0, 12, 946, "right")
end
