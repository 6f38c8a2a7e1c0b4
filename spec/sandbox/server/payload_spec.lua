-- SPDX-License-Identifier: MIT
local core = require "lomi.core"
local payload = require "lomi.sandbox.server.payload"

local UUID = "8f14e45f-ceea-467f-a0b1-5c7e1f2d3a4b"

describe("lomi.sandbox.server.payload", function()
  local warnings

  local function warn(text) warnings[#warnings + 1] = text end

  before_each(function() warnings = {} end)

  local function body(more)
    local all = { amount = 10000, customer_email = "awa@example.com", customer_name = "Awa" }
    for name, value in pairs(more or {}) do all[name] = value end
    return all
  end

  local function card(more, strict)
    local params, fault = payload.card(body(more), warn, strict)
    return params, fault
  end

  it("takes all fields of the page, unchanged and without a word", function()
    local all = {
      amount = 10000, currency_code = "XOF", customer_id = UUID, customer_email = "awa@example.com",
      customer_name = "Awa", customer_phone = "+221770000000", description = "d", payment_reference = "r",
      product_id = UUID, subscription_id = UUID, quantity = 2, metadata = { a = { 1, core.null } },
      appearance_theme = "dark", appearance_border_radius = 0, appearance_billing_address = "never", hold = false,
    }
    assert.same(all, (payload.card(all, warn, true)))
    assert.same({}, warnings)
  end)

  it("converts XOF at the peg, rounded to the cent, and leaves the others as they are", function()
    for _, case in ipairs {
      { 10000, "XOF", 1524, "eur" }, { 1000, "XOF", 152, "eur" }, { 655957, "XOF", 100000, "eur" },
      { 10.5, "USD", 1050, "usd" }, { 0.29, "EUR", 29, "eur" }, { 1.15, "EUR", 115, "eur" },
    } do
      assert.same({ case[3], case[4] }, { payload.convert(case[1], case[2]) })
    end
  end)

  it("refuses a wrong value of each field, and says what would be right", function()
    for name, values in pairs {
      amount = { "ten", true, 0, -1, { 1 } }, currency_code = { "GBP", 1 }, currency = { "", false },
      customer_id = { "x", UUID:gsub("467f", "167f"), 1 }, customer_email = { "awa", "a b@c.d", "a@b", 1 },
      customer_name = { "  ", 1 }, customer_phone = { 1 }, description = { 1 }, payment_reference = { {} },
      product_id = { "x" }, subscription_id = { "x" }, quantity = { "two", {} }, metadata = { "x", { 1 } },
      appearance_theme = { "blue" }, appearance_border_radius = { -1, "x" }, appearance_billing_address = { "always" },
      hold = { "yes" },
    } do
      for _, value in ipairs(values) do
        local params, fault = card { [name] = value }
        assert.is_nil(params, name)
        assert.equal("bad_request", fault.code)
        assert.truthy(fault.message:find(name .. " must be ", 1, true), fault.message)
      end
    end
  end)

  it("names all faults at once", function()
    local _, fault = payload.card({ amount = "x", currency = "GBP" }, warn)
    assert.same({ "amount must be a number greater than 0", "currency must be one of XOF, USD, EUR" }, fault.details)
  end)

  it("misses the amount", function()
    local _, fault = payload.card({}, warn)
    assert.equal("amount is missing; it must be a number greater than 0", fault.message)
  end)

  it("takes null for absent", function()
    local params = card { description = core.null, currency_code = core.null }
    assert.is_nil(params.description)
    assert.equal("XOF", params.currency_code)
  end)

  describe("is as lax as the server, with a warning:", function()
    for name, case in pairs {
      ["a numeric string"] = { { amount = "10000" }, "amount", 10000 },
      ["lower-case currency"] = { { currency_code = "usd" }, "currency_code", "USD" },
      ["spaces around a name"] = { { customer_name = " Awa " }, "customer_name", "Awa" },
      ["spaces around an id"] = { { product_id = " " .. UUID }, "product_id", UUID },
      ["a blank id"] = { { product_id = " " }, "product_id", nil },
      ["two currencies"] = { { currency_code = "USD", currency = "EUR" }, "currency_code", "USD" },
      ["the renderer's light theme"] = { { appearance_theme = "stripe" }, "appearance_theme", "light" },
      ["the renderer's dark theme"] = { { appearance_theme = "night" }, "appearance_theme", "dark" },
      ["an empty theme"] = { { appearance_theme = "" }, "appearance_theme", "flat" },
      ["an unknown field"] = { { ammount = 1 }, "ammount", nil },
      ["half a franc"] = { { amount = 1000.5 }, "amount", 1000.5 },
      ["a third decimal"] = { { amount = 1.005, currency_code = "USD" }, "amount", 1.005 },
    } do
      it(name, function()
        for _, strict in ipairs { false, true } do
          warnings = {}
          local params = assert(card(case[1], strict))
          assert.equal(case[3], params[case[2]])
          assert.equal(1, #warnings, table.concat(warnings, "; "))
        end
      end)
    end
  end)

  it("takes the old alias for the currency", function()
    assert.equal("EUR", card { currency = "EUR" }.currency_code)
    assert.same({}, warnings)
  end)

  it("insists on the service's minimum", function()
    for _, case in ipairs { { 999, "XOF" }, { 0.49, "USD" }, { 0.49, "EUR" } } do
      local params, fault = card { amount = case[1], currency_code = case[2] }
      assert.is_nil(params)
      assert.equal("amount_invalid", fault.code)
    end
    assert.is_table(card { amount = 1000 })
    assert.is_table(card { amount = 0.5, currency_code = "USD" })
  end)

  describe("the customer", function()
    it("may be missing as on the page, which live would refuse", function()
      assert.is_table((payload.card({ amount = 10000 }, warn)))
      assert.truthy(warnings[1]:find("live refuses", 1, true))
    end)

    it("may not be missing when strict", function()
      local params, fault = payload.card({ amount = 10000 }, warn, true)
      assert.is_nil(params)
      assert.equal("bad_request", fault.code)
    end)

    it("is never half a pair", function()
      assert.is_nil((payload.card({ amount = 10000, customer_email = "a@b.c" }, warn)))
      assert.is_nil((payload.card({ amount = 10000, customer_name = "A" }, warn)))
    end)

    it("is an id, with or without half of the rest", function()
      assert.is_table((payload.card({ amount = 10000, customer_id = UUID, customer_name = "A" }, warn, true)))
    end)

    it("is not a blank id", function()
      assert.is_nil((payload.card({ amount = 10000, customer_id = "" }, warn, true)))
    end)
  end)

  it("checks Wave and MTN with the customer inside", function()
    local good = { amount = 500, currency = "XOF", customer = { name = "Awa", phoneNumber = "+221770000000" } }
    assert.is_table((payload.wave(good, warn)))
    assert.is_table((payload.mtn(good, warn)))
    local _, fault = payload.wave({ amount = 0, currency = 1, customer = { phoneNumber = "77" } }, warn)
    assert.same({ "amount must be a number not less than 1", "currency must be a string",
      "customer.name is missing; it must be a string that is not blank",
      "customer.phoneNumber must be a phone number as +2250700000000 (E.164)" }, fault.details)
    good.countryCode = "CIV"
    _, fault = payload.mtn(good, warn)
    assert.equal("countryCode must be a country code of two letters", fault.message)
  end)
end)
