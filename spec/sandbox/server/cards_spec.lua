-- SPDX-License-Identifier: MIT
local cards = require "lomi.sandbox.server.cards"

describe("lomi.sandbox.server.cards", function()
  it("finds a number as people write it", function()
    local card = cards.find("4242 4242-42424242")
    assert.same({ "visa", "4242" }, { card.brand, card.last4 })
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
    for _, card in ipairs(cards.list) do
      if card.decline then
        assert.is_string(cards.sentences[card.decline] or cards.sentences.card_declined, card.number)
      end
    end
  end)

  it("names every card by digits that no other ends in", function()
    assert.equal(29, #cards.list)
    for _, card in ipairs(cards.list) do assert.equal(card, cards.by_ending[card.ending], card.number) end
  end)
end)
