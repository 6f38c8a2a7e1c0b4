-- SPDX-License-Identifier: MIT
local mismatch = require("lomi.call.amount").mismatch

local function charge(amount, currency, original)
  return { id = "pi_1", amount = amount, currency = currency, original_currency = original }
end

describe("the amount of a reply", function()
  it("is as meant", function()
    for _, case in ipairs {
      { { amount = 10.5, currency_code = "EUR" }, charge(1050, "eur", "EUR"), "main" },
      { { amount = 19.99, currency = "USD" }, charge(1999, "usd", "USD"), "main" },
      { { amount = 0.1 + 0.2, currency_code = "EUR" }, charge(30, "eur", "EUR"), "main" },
      { { amount = 1050, currency_code = "EUR" }, charge(1050, "eur", "EUR"), "minor" },
      { { amount = 1050 }, charge(1050, "eur", "EUR"), "minor" }, -- a capture: the reply tells the currency
      { { amount = 10.5 }, charge(1050, "eur", "EUR"), "main" },
    } do
      assert.is_nil(mismatch(case[1], case[2], case[3]))
    end
  end)

  it("is not judged in XOF, or where there is nothing to compare", function()
    for _, unit in ipairs { "main", "minor" } do
      assert.is_nil(mismatch({ amount = 10000 }, charge(1524, "eur", "XOF"), unit))
      assert.is_nil(mismatch({ amount = 10000, currency_code = "XOF" }, charge(1524, "eur", "XOF"), unit))
      assert.is_nil(mismatch({}, charge(1050, "eur", "EUR"), unit))
      assert.is_nil(mismatch(nil, charge(1050, "eur", "EUR"), unit))
      assert.is_nil(mismatch({ amount = 10 }, charge(nil, "eur", "EUR"), unit))
      assert.is_nil(mismatch({ amount = 10 }, charge("1000", "eur", "EUR"), unit))
      assert.is_nil(mismatch({ amount = 10 }, charge(7, nil, "EUR"), unit))
      assert.is_nil(mismatch({ amount = 10, currency_code = "USD" }, charge(7, "eur", "USD"), unit))
    end
  end)

  it("is an error when a hundredth, or a hundred times, was charged", function()
    for _, case in ipairs {
      { "main", 100, 100, 10000, "minor" }, { "minor", 10000, 1000000, 10000, "main" },
      { "main", 10.5, 10, 1050, nil }, { "main", 10.5, 1051, 1050, nil },
    } do
      local unit, amount, charged, expected, other = case[1], case[2], case[3], case[4], case[5]
      local trouble = mismatch({ amount = amount, currency_code = "EUR" }, charge(charged, "eur", "EUR"), unit)
      assert.same({ "protocol", "amount_mismatch" }, { trouble.kind, trouble.code })
      assert.same({ id = "pi_1", amount = charged, meant = expected, currency = "EUR" }, trouble.details)
      for _, piece in ipairs { "pi_1", tostring(charged), tostring(expected), "cancel it" } do
        assert.matches(piece, trouble.message, 1, true)
      end
      local advised = trouble.message:match 'set amounts = "(%w+)" in lomi.new'
      assert.equal(other, advised, trouble.message)
    end
  end)
end)
