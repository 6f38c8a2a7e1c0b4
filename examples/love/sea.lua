-- SPDX-License-Identifier: MIT
-- luacheck: read globals love
--- The moving parts: the sea at dusk, a pirogue, and its sail. Nothing here knows of the shop.

local g = love.graphics
local sin, cos, pi = math.sin, math.cos, math.pi

local WIDTH, HEIGHT, HORIZON = 960, 540, 300
local BOAT_X = 600

local M = {}

local function paint(hex, alpha)
  local r, green, b = hex:match("(%x%x)(%x%x)(%x%x)")
  g.setColor(tonumber(r, 16) / 255, tonumber(green, 16) / 255, tonumber(b, 16) / 255, alpha or 1)
end

-- ---- the sky -------------------------------------------------------------------------------------

local function gradient(bands)
  local vertices = {}
  for _, band in ipairs(bands) do
    local y, r, green, b = band[1], band[2], band[3], band[4]
    vertices[#vertices + 1] = { 0, y, 0, 0, r, green, b, 1 }
    vertices[#vertices + 1] = { WIDTH, y, 0, 0, r, green, b, 1 }
  end
  return g.newMesh(vertices, "strip", "static")
end

local sky = gradient {
  { 0, 0.10, 0.09, 0.25 }, { 120, 0.33, 0.17, 0.40 }, { 220, 0.85, 0.40, 0.36 }, { HORIZON + 8, 1, 0.76, 0.44 },
}

local function draw_sky(time)
  g.setColor(1, 1, 1)
  g.draw(sky)
  for i = 1, 40 do -- stars, where the sky is dark
    local x, y = i * i * 97.3 % WIDTH, i * i * i * 3.7 % 130
    g.setColor(1, 1, 1, (0.25 + 0.2 * sin(time * 1.7 + i)) * (1 - y / 140))
    g.circle("fill", x, y, i % 3 == 0 and 1.6 or 1)
  end
  for ring = 5, 1, -1 do
    paint("ffe9b0", 0.07)
    g.circle("fill", 300, HORIZON - 18, 46 + ring * 16 + 2 * sin(time + ring))
  end
  paint("fff3cf")
  g.circle("fill", 300, HORIZON - 18, 46)
  for i = 0, 4 do -- clouds
    local x = (i * 270 + time * (6 + i)) % (WIDTH + 300) - 150
    local y = 92 + i * 31 % 74
    paint("ffd0b0", 0.16)
    g.ellipse("fill", x, y, 92, 9)
    g.ellipse("fill", x + 26, y - 9, 52, 9)
    g.ellipse("fill", x - 40, y + 7, 60, 6)
  end
  paint("4a2a4d") -- a cape, far away
  g.polygon("fill", 690, HORIZON + 8, 770, HORIZON - 26, 842, HORIZON - 34, WIDTH, HORIZON - 58, WIDTH, HORIZON + 8)
end

local function draw_gulls(time)
  paint("2a1a33", 0.8)
  g.setLineWidth(2)
  for i = 0, 2 do
    local x, y = (150 + i * 46 + time * 22) % (WIDTH + 80) - 40, 150 + i * 17 + 6 * sin(time + i)
    local flap = 7 * sin(time * 6 + i * 2)
    g.line(x - 13, y - flap, x - 5, y - 3, x, y, x + 5, y - 3, x + 13, y - flap)
  end
end

-- ---- the sea -------------------------------------------------------------------------------------

local STEP = 12 -- pixels between two points of a wave

local waves = {
  { y = HORIZON, height = 2, length = 70, speed = 0.5, top = { 0.62, 0.36, 0.43 }, foot = { 0.30, 0.21, 0.42 } },
  { y = 345, height = 5, length = 110, speed = 0.8, top = { 0.36, 0.25, 0.45 }, foot = { 0.17, 0.17, 0.38 } },
  { y = 405, height = 8, length = 150, speed = 1.1, top = { 0.20, 0.20, 0.43 }, foot = { 0.09, 0.12, 0.30 } },
  { y = 468, height = 11, length = 210, speed = 1.5, top = { 0.12, 0.15, 0.35 }, foot = { 0.04, 0.06, 0.18 } },
}

local function level(wave, x, time)
  return wave.y + wave.height * (sin(x / wave.length * 2 * pi / 2 + time * wave.speed)
    + 0.4 * sin(x / wave.length * 5 - time * wave.speed * 1.3))
end

for _, wave in ipairs(waves) do
  wave.vertices = {}
  for i = 0, WIDTH / STEP do
    local top, foot = wave.top, wave.foot
    wave.vertices[i * 2 + 1] = { i * STEP, wave.y, 0, 0, top[1], top[2], top[3], 1 }
    wave.vertices[i * 2 + 2] = { i * STEP, HEIGHT, 0, 0, foot[1], foot[2], foot[3], 1 }
  end
  wave.mesh = g.newMesh(wave.vertices, "strip", "stream")
end

local function draw_wave(wave, time)
  for i = 0, WIDTH / STEP do wave.vertices[i * 2 + 1][2] = level(wave, i * STEP, time) end
  wave.mesh:setVertices(wave.vertices)
  g.setColor(1, 1, 1)
  g.draw(wave.mesh)
end

local function draw_glitter(time)
  for i = 0, 9 do -- the sun's way over the water
    local y = HORIZON + 6 + i * 9
    local width = (26 + i * 5) * (0.75 + 0.25 * sin(time * 2.3 + i * 1.9))
    paint("ffdf9e", 0.5 - i * 0.045)
    g.rectangle("fill", 300 - width + 6 * sin(time + i), y, width * 2, 3, 1.5)
  end
end

-- ---- the boat ------------------------------------------------------------------------------------

local HULL = love.math.triangulate { -150, -30, -118, -10, -60, 2, 60, 2, 118, -10, 156, -38, 112, 20, 60, 32,
  -60, 32, -108, 20 }

local function draw_hull()
  paint("3b1f1a")
  for _, triangle in ipairs(HULL) do g.polygon("fill", triangle) end
  for i, colour in ipairs { "1f8a4c", "f2c53d", "c8322f" } do
    paint(colour)
    g.polygon("fill", -122 + i * 6, -14 + i * 7, -62, -1 + i * 7, -62, 4 + i * 7, -118 + i * 6, -9 + i * 7)
    g.rectangle("fill", -62, -1 + i * 7, 124, 5)
    g.polygon("fill", 122 - i * 6, -14 + i * 7, 62, -1 + i * 7, 62, 4 + i * 7, 118 - i * 6, -9 + i * 7)
  end
end

local function draw_sail(time, gold)
  local belly = 14 + 5 * sin(time * 1.4)
  paint("5a3524")
  g.setLineWidth(7)
  g.line(-14, 6, -8, -176)
  g.setLineWidth(5)
  g.line(-92, -40, 66, -216)
  local cloth = { { -90, -40 }, { 62, -212 }, { 62 + belly, -150 }, { 58 + belly, -84 }, { 34, -30 } }
  local points = {}
  for _, point in ipairs(cloth) do points[#points + 1], points[#points + 2] = point[1], point[2] end
  g.setColor(0.93 + 0.07 * gold, 0.88 - 0.08 * gold, 0.80 - 0.50 * gold)
  g.polygon("fill", points)
  for i = 1, 4 do -- seams
    local t = i / 5
    g.setColor(0.55, 0.40 + 0.05 * gold, 0.30 - 0.2 * gold, 0.45)
    g.setLineWidth(1.5)
    g.line(-90 + 152 * t, -40 - 172 * t, 34 + (28 + belly) * t, -30 - 120 * t)
  end
  if gold < 1 then -- the old one is patched
    paint("b58a63", 0.9 * (1 - gold))
    g.polygon("fill", 6, -92, 30, -98, 33, -72, 9, -68)
    paint("7d8aa0", 0.9 * (1 - gold))
    g.polygon("fill", -38, -62, -20, -70, -16, -52, -32, -46)
  end
end

-- gold: 0 to 1. `since`: seconds since it turned.
local function draw_sparks(time, gold, since)
  for i = 1, 26 do
    local age = (since * 0.45 + i / 26) % 1
    local angle = i * 2.4 + time * 0.2
    local reach = 60 + 120 * age
    g.setColor(1, 0.88, 0.45, gold * (1 - age) * (0.5 + 0.5 * sin(time * 5 + i)))
    g.circle("fill", 10 + reach * cos(angle), -120 + reach * sin(angle) * 0.8, 1.2 + 2.2 * (1 - age))
  end
end

local function draw_boat(time, gold, since)
  local wave = waves[3]
  local left, right = level(wave, BOAT_X - 70, time), level(wave, BOAT_X + 70, time)
  g.push()
  g.translate(BOAT_X, (left + right) / 2 - 28)
  g.rotate(math.atan2(right - left, 140) * 0.8)
  draw_sail(time, gold)
  if gold > 0 then draw_sparks(time, gold, since) end
  draw_hull()
  g.pop()
end

---@param time number  seconds
---@param sold_at? number  when the golden sail was hoisted
function M.draw(time, sold_at)
  local since = sold_at and time - sold_at or 0
  local gold = sold_at and math.min(1, since / 0.8) or 0
  draw_sky(time)
  draw_gulls(time)
  draw_wave(waves[1], time)
  draw_glitter(time)
  draw_wave(waves[2], time)
  draw_boat(time, gold, since)
  draw_wave(waves[3], time)
  draw_wave(waves[4], time)
end

return M
