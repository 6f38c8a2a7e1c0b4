-- SPDX-License-Identifier: MIT
local output = require "lomi.cli.output"

describe("lomi.cli.output", function()
  it("writes money as a person does", function()
    assert.equal("10 000 F CFA", output.money(10000, "XOF"))
    assert.equal("999 F CFA", output.money(999, "XOF"))
    assert.equal("1 234 567.50 EUR", output.money(1234567.5, "EUR"))
    assert.equal("0.29 USD", output.money(0.29, "usd"))
    assert.equal("15.24 EUR", output.minor(1524, "eur"))
    assert.equal("0.05 EUR", output.minor(5, "eur"))
    assert.equal("0.00 EUR", output.minor(0, "eur"))
    assert.equal("-0.05 EUR", output.minor(-5, "eur"))
    assert.equal("12 345.67 USD", output.minor(1234567, "usd"))
  end)

  it("has nothing to write where there is no amount", function()
    assert.is_nil(output.money(nil, "XOF"))
    assert.is_nil(output.minor("1524", "eur"))
  end)

  it("takes control characters out", function()
    assert.equal("a?[2Jb", output.clean "a\27[2Jb")
  end)
end)
