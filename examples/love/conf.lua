-- SPDX-License-Identifier: MIT
-- luacheck: globals love

function love.conf(t)
  t.version = "11.4"
  t.window.title = "The golden sail"
  t.window.width, t.window.height = 960, 540
  t.window.vsync = 1
  t.window.msaa = 4
  for _, unused in ipairs { "audio", "sound", "video", "physics", "joystick", "touch", "thread" } do
    t.modules[unused] = false
  end
end
