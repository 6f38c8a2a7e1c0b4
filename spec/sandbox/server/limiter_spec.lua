-- SPDX-License-Identifier: MIT
local Limiter = require "lomi.sandbox.server.limiter"

describe("lomi.sandbox.server.limiter", function()
  it("counts down for each, and starts anew with the window", function()
    local limiter = Limiter.new(2, 60)
    assert.same({ 1, 60 }, { limiter:hit("a", 100) })
    assert.same({ 0, 50 }, { limiter:hit("a", 110) })
    assert.same({ -1, 40 }, { limiter:hit("a", 120) })
    assert.equal(1, (limiter:hit("b", 120)))
    assert.equal(1, (limiter:hit("a", 160)))
  end)
end)
