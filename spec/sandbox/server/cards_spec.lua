-- SPDX-License-Identifier: MIT
local cards = require "lomi.sandbox.server.cards"

describe("lomi.sandbox.server.cards", function()
  it("finds a number as people write it", function()
    local card, last4 = cards.find("4242 4242-42424242")
    assert.equal("visa", card.brand)
    assert.equal("4242", last4)
    assert.is_nil((cards.find("4242")))
    assert.is_nil((cards.find("")))
  end)

  it("reads expiries, and tells the past by the month", function()
    local now = 1795341600 -- 2026-11-22
    assert.is_false(cards.is_past("11/26", now))
    assert.is_false(cards.is_past(" 1 / 2027 ", now))
    assert.is_true(cards.is_past("10/26", now))
    assert.is_true(cards.is_past("12/2025", now))
    for _, text in ipairs { "", "13/27", "0/27", "1227", "12/7", "12/345", "a/b" } do
      assert.is_nil(cards.is_past(text, now), text)
    end
  end)

  it("has a sentence for every way to be declined", function()
    for _, number in ipairs { "4000000000000002", "4000000000009995", "4000000000009987", "4000000000009979",
      "4000000000000069", "4000000000000127", "4000000000000119", "4242424242424241" } do
      assert.is_string(cards.sentences[cards.find(number).decline])
    end
  end)
end)
