-- SPDX-License-Identifier: MIT
local Chaos = require "lomi.sandbox.server.chaos"

local function story(asked, length)
  local chaos = assert(Chaos.new(asked))
  local words = {}
  for i = 1, length do
    local fault = chaos:take()
    words[i] = fault and fault.description .. tostring(fault.charged) or "-"
  end
  return words
end

describe("lomi.sandbox.server.chaos", function()
  it("tells the same story for the same seed, and another for another", function()
    assert.same(story({ seed = 42, rate = 0.3 }, 500), story({ seed = 42, rate = 0.3 }, 500))
    assert.not_same(story({ seed = 42, rate = 0.3 }, 500), story({ seed = 43, rate = 0.3 }, 500))
  end)

  -- The same words on every Lua.
  it("begins so", function()
    assert.equal("- | - | oversizetrue | - | - | reset aftertrue | - | -",
      table.concat(story({ seed = 42, rate = 0.3 }, 8), " | "))
  end)

  it("keeps to its rate, and uses every form", function()
    local hits, seen, kinds = 0, {}, 0
    for _, word in ipairs(story({ seed = 7, rate = 0.3 }, 10000)) do
      if word ~= "-" then
        hits = hits + 1
        if not seen[word] then seen[word], kinds = true, kinds + 1 end
      end
    end
    assert.is_true(hits > 2800 and hits < 3200, hits)
    assert.equal(19, kinds)
  end)

  it("is fair weather at rate 0, and none at 1", function()
    for _, word in ipairs(story({ rate = 0 }, 100)) do assert.equal("-", word) end
    for _, word in ipairs(story({ rate = 1 }, 100)) do assert.not_equal("-", word) end
  end)

  it("says what is wrong", function()
    for message, asked in pairs {
      ["rate is missing; it must be a share from 0 to 1"] = { seed = 1 },
      ["rate must be a share from 0 to 1, not 30"] = { rate = 30 },
      ["seed must be a whole number from 0 to 9.007199254741e+15, not 1.5"] = { rate = 0, seed = 1.5 },
      ["delay must be a number of seconds from 0 to 60, not -1"] = { rate = 0, delay = -1 },
    } do
      local chaos, why = Chaos.new(asked)
      assert.is_nil(chaos)
      assert.equal(message, why)
    end
  end)
end)
