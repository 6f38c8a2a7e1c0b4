-- SPDX-License-Identifier: MIT
local money = require "lomi.sandbox.server.money"

describe("lomi.sandbox.server.money", function()
  -- With a plain space for the no-break one.
  local function plain(text) return (text:gsub("\194\160", " ")) end

  it("writes an amount in its main unit, digits in threes", function()
    for expected, given in pairs {
      ["0 F CFA"] = { 0, "XOF" }, ["999 F CFA"] = { 999, "XOF" }, ["10 000 F CFA"] = { 10000, "XOF" },
      ["1 234 567 F CFA"] = { 1234567, "XOF" }, ["€10.50"] = { 10.5, "EUR" }, ["$1 234.05"] = { 1234.05, "USD" },
      ["$0.99"] = { 0.99, "USD" }, ["€1.00"] = { 0.999, "EUR" }, ["5.00 GHS"] = { 5, "GHS" },
    } do
      assert.equal(expected, plain(money.main(given[1], given[2])))
    end
  end)

  it("writes an amount in minor units", function()
    assert.equal("10 000 F CFA", plain(money.minor(10000, "XOF")))
    assert.equal("€10.50", plain(money.minor(1050, "EUR")))
    assert.equal("$0.01", plain(money.minor(1, "USD")))
  end)

  it("breaks in no line", function()
    assert.is_nil(money.main(10000, "XOF"):find(" ", 1, true))
  end)
end)
