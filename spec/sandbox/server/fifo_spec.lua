-- SPDX-License-Identifier: MIT
local Fifo = require "lomi.sandbox.server.fifo"

describe("lomi.sandbox.server.fifo", function()
  it("gives items back in order, under serials that are never used again", function()
    local fifo = Fifo.new { items = 10, weight = 10 }
    assert.equal(1, fifo:push("a"))
    assert.equal(2, fifo:push("b"))
    assert.equal("a", fifo:oldest())
    assert.equal("a", fifo:shift())
    assert.equal(3, fifo:push("c"))
    assert.is_nil(fifo:get(1))
    assert.equal("c", fifo:get(3))
    assert.equal(2, fifo:count())
  end)

  it("is over by number", function()
    local fifo = Fifo.new { items = 2, weight = 1000 }
    fifo:push("a") fifo:push("b")
    assert.is_false(fifo:over())
    fifo:push("c")
    assert.is_true(fifo:over())
    fifo:shift()
    assert.is_false(fifo:over())
  end)

  it("is over by weight, and forgets the weight of what is taken out", function()
    local fifo = Fifo.new { items = 1000, weight = 10 }
    fifo:push("a", 6)
    fifo:push("b", 6)
    assert.is_true(fifo:over())
    fifo:shift()
    assert.is_false(fifo:over())
    assert.equal(6, fifo.weight)
  end)

  it("has nothing to give when it is empty", function()
    local fifo = Fifo.new { items = 1, weight = 1 }
    assert.is_nil(fifo:shift())
    assert.is_nil(fifo:oldest())
    assert.equal(0, fifo:count())
  end)
end)
