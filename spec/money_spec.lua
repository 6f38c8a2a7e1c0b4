-- SPDX-License-Identifier: MIT
local money = require "lomi.money"

describe("lomi.money", function()
  it("writes figures in threes, with the decimals of the currency", function()
    for expected, given in pairs {
      ["0"] = { 0, "XOF" }, ["999"] = { 999, "XOF" }, ["10 000"] = { 10000, "XOF" }, ["1 234 567"] = { 1234567, "XOF" },
      ["0.00"] = { 0, "EUR" }, ["0.05"] = { 5, "EUR" }, ["-0.05"] = { -5, "EUR" }, ["12 345.67"] = { 1234567, "USD" },
      ["-100.00"] = { -10000, "GHS" }, ["9 007 199 254 740 992"] = { 2 ^ 53, "XOF" },
    } do
      assert.equal(expected, money.figures(given[1], given[2]))
    end
  end)

  it("takes main units to the nearest smallest one", function()
    for _, row in ipairs { { 10000, "XOF", 10000 }, { 10.5, "EUR", 1050 }, { 0.29, "USD", 29 }, { 0.999, "EUR", 100 },
      { -0.05, "EUR", -5 } } do
      assert.equal(row[3], money.to_minor(row[1], row[2]))
    end
  end)
end)
