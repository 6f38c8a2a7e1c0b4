-- SPDX-License-Identifier: MIT
local timers = require "lomi.timers"

describe("timers", function()
  it("come out in the order they are due, whatever the order they went in", function()
    local heap = timers.new()
    local seed, expected = 42, {}
    for i = 1, 500 do
      seed = (seed * 16807) % 2147483647
      local at = seed % 100
      expected[i] = { at = at, number = i }
      heap:push(at, i)
    end
    table.sort(expected, function(a, b)
      if a.at ~= b.at then return a.at < b.at end
      return a.number < b.number -- of two due at once, the first put in
    end)
    for _, one in ipairs(expected) do
      assert.equal(one.at, heap:next())
      assert.equal(one.number, heap:pop(math.huge))
    end
    assert.is_nil(heap:next())
    assert.is_nil(heap:pop(math.huge))
  end)

  it("come out only when they are due", function()
    local heap = timers.new()
    heap:push(2, "b")
    heap:push(1, "a")
    assert.equal(2, heap:size())
    assert.is_nil(heap:pop(0.5))
    assert.equal("a", heap:pop(1))
    assert.is_nil(heap:pop(1))
    assert.equal("b", heap:pop(2))
    assert.equal(0, heap:size())
  end)
end)
