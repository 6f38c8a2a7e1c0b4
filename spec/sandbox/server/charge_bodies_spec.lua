-- SPDX-License-Identifier: MIT
local core = require "lomi.core"
local charge_bodies = require "lomi.sandbox.server.charge_bodies"

local UUID = "8f14e45f-ceea-467f-a0b1-5c7e1f2d3a4b"

describe("lomi.sandbox.server.charge_bodies", function()
  local warnings

  local function warn(text) warnings[#warnings + 1] = text end

  before_each(function() warnings = {} end)

  local function body(more)
    local all = { amount = 10000, customer_email = "awa@example.com", customer_name = "Awa" }
    for name, value in pairs(more or {}) do all[name] = value end
    return all
  end

  local function card(more, options)
    local params, fault, appearance = charge_bodies.card(body(more), warn, options or {})
    return params, fault, appearance
  end

  local STRICT = { strict = true }

  it("takes all fields of the page, unchanged and without a word", function()
    local all = {
      amount = 10000, currency_code = "XOF", customer_id = UUID, customer_email = "awa@example.com",
      customer_name = "Awa", customer_phone = "+221770000000", description = "d", payment_reference = "r",
      product_id = UUID, subscription_id = UUID, quantity = 2, metadata = { a = { 1, core.null } },
      appearance_theme = "dark", appearance_border_radius = 0, appearance_billing_address = "never", hold = false,
      application_fee_amount = 0, transfer_data = { destination = "acct_1", amount = 1 }, transfer_group = "g",
    }
    assert.same(all, (charge_bodies.card(all, warn, STRICT)))
    assert.same({}, warnings)
  end)

  it("converts XOF at the peg, rounded to the cent, and leaves the others as they are", function()
    for _, case in ipairs {
      { 10000, "XOF", 1524, "eur" }, { 1000, "XOF", 152, "eur" }, { 655957, "XOF", 100000, "eur" },
      { 10.5, "USD", 1050, "usd" }, { 0.29, "EUR", 29, "eur" }, { 1.15, "EUR", 115, "eur" },
    } do
      assert.same({ case[3], case[4] }, { charge_bodies.convert(case[1], case[2]) })
    end
  end)

  it("refuses a wrong value of each field, and says what would be right", function()
    for name, values in pairs {
      amount = { "ten", true, 0, -1, { 1 } }, currency_code = { "GBP", 1 }, currency = { " ", false },
      customer_id = { "x", UUID:gsub("467f", "167f"), 1 },
      customer_email = { "awa", "a b@c.d", "a@b", 1, "a@" .. ("b"):rep(254) .. ".ci" },
      customer_name = { 1 }, customer_phone = { 1 }, description = { 1 }, payment_reference = { {} },
      product_id = { "x" }, subscription_id = { "x" }, quantity = { "two", {} }, metadata = { "x", { 1 } },
      appearance_theme = { "blue" }, appearance_border_radius = { -1, "x" }, appearance_billing_address = { "always" },
      hold = { "yes" }, application_fee_amount = { -1, "x" }, transfer_data = { "acct_1", { 1 } },
      transfer_group = { 1, ("g"):rep(129) },
    } do
      for _, value in ipairs(values) do
        local params, fault = card { [name] = value }
        assert.is_nil(params, name)
        assert.equal("bad_request", fault.code)
        assert.matches(name .. " must be ", fault.message, 1, true)
      end
    end
  end)

  it("names all faults at once", function()
    local _, fault = charge_bodies.card({ amount = "x", currency = "GBP" }, warn, {})
    assert.equal("amount must be a number greater than 0; currency must be one of XOF, USD, EUR", fault.message)
    assert.is_nil(fault.details)
  end)

  it("misses the amount", function()
    local _, fault = charge_bodies.card({}, warn, {})
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
      ["a blank currency"] = { { currency_code = "", currency = "EUR" }, "currency_code", "EUR" },
      ["a blank alias"] = { { currency = "" }, "currency_code", "XOF" },
      ["an alias that is no currency"] = { { currency_code = "USD", currency = "GBP" }, "currency_code", "USD" },
      ["an alias that is no string"] = { { currency_code = "USD", currency = 5 }, "currency_code", "USD" },
      ["two currencies"] = { { currency_code = "USD", currency = "EUR" }, "currency_code", "USD" },
      ["the renderer's light theme"] = { { appearance_theme = "stripe" }, "appearance_theme", "light" },
      ["the renderer's dark theme"] = { { appearance_theme = "night" }, "appearance_theme", "dark" },
      ["an empty theme"] = { { appearance_theme = "" }, "appearance_theme", nil },
      ["a number in scientific notation"] = { { amount = "1e4" }, "amount", 10000 },
      ["spaces around an email"] = { { customer_email = " awa@example.com " }, "customer_email", "awa@example.com" },
      ["a wrong email beside an id"] = { { customer_id = UUID, customer_email = "awa" }, "customer_email", "awa" },
      ["an unknown field"] = { { ammount = 1 }, "ammount", nil },
      ["half a franc"] = { { amount = 1000.5 }, "amount", 1000.5 },
      ["a third decimal"] = { { amount = 1.005, currency_code = "USD" }, "amount", 1.005 },
    } do
      it(name, function()
        for _, options in ipairs { {}, STRICT } do
          warnings = {}
          local params = assert(card(case[1], options))
          assert.equal(case[3], params[case[2]])
          assert.equal(1, #warnings, table.concat(warnings, "; "))
        end
      end)
    end
  end)

  it("takes the white space of Unicode for a space", function()
    for _, space in ipairs { "\194\160", "\226\128\137", "\226\128\168", "\227\128\128", "\239\187\191",
      "\t \194\160 " } do
      local params = assert(card { customer_name = space .. "Awa" .. space .. "N" .. space,
        customer_email = space .. "awa@example.com" .. space, product_id = UUID .. space, subscription_id = space })
      assert.same({ "Awa" .. space .. "N", "awa@example.com", UUID },
        { params.customer_name, params.customer_email, params.product_id })
      assert.is_nil(params.subscription_id)
      assert.is_nil((card { customer_name = space }))
      assert.is_nil((card { customer_email = "a" .. space .. "b@example.com" }))
    end
    assert.equal("é", card { customer_name = "é" }.customer_name)
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
      assert.is_table((charge_bodies.card({ amount = 10000 }, warn, {})))
      assert.matches("live refuses", warnings[1], 1, true)
    end)

    it("may not be missing when strict", function()
      local params, fault = charge_bodies.card({ amount = 10000 }, warn, STRICT)
      assert.is_nil(params)
      assert.equal("bad_request", fault.code)
    end)

    it("is never half a pair", function()
      assert.is_nil((charge_bodies.card({ amount = 10000, customer_email = "a@b.c" }, warn, {})))
      assert.is_nil((charge_bodies.card({ amount = 10000, customer_name = "A" }, warn, {})))
    end)

    it("is an id, with or without half of the rest", function()
      assert.is_table((charge_bodies.card({ amount = 10000, customer_id = UUID, customer_name = "A" }, warn, STRICT)))
    end)

    it("is not a blank id", function()
      assert.is_nil((charge_bodies.card({ amount = 10000, customer_id = "" }, warn, STRICT)))
    end)
  end)

  it("takes any currency of Wave and MTN, in upper case and without spaces", function()
    local params = charge_bodies.wave({ amount = 21 / 2, currency = " eur", customer = { name = "Awa",
      phoneNumber = "0700000000" } }, warn, {})
    assert.equal("EUR", params.currency)
    assert.same({ "currency is not a code in upper case" }, warnings)
    assert.equal(1050, charge_bodies.minor(params.amount, params.currency))
  end)

  it("checks Wave and MTN with the customer inside", function()
    local good = { amount = 500, currency = "XOF", customer = { name = "Awa", phoneNumber = "+221770000000" } }
    for _, number in ipairs { "+221770000000", "07 00 00 00 00", "(225) 07-00.00/00" } do
      good.customer.phoneNumber = number
      assert.is_table((charge_bodies.wave(good, warn, {})))
      assert.is_table((charge_bodies.mtn(good, warn, {})))
    end
    local _, fault = charge_bodies.wave({ amount = 0, currency = " ", customer = { phoneNumber = "77" } }, warn, {})
    assert.same({ "bad_request", "Validation failed" }, { fault.code, fault.message })
    assert.same({ "amount must be a number not less than 1", "currency must be a string that is not blank",
      "customer.name is missing; it must be a string that is not blank",
      "customer.phoneNumber must be a phone number, such as +2250700000000 or 07 00 00 00 00" }, fault.details)
    _, fault = charge_bodies.wave({ amount = "500", currency = "XOF", customer = { name = "Awa" } }, warn, {})
    assert.same({ "amount must be a number not less than 1", "customer.phoneNumber is missing; it must be a phone "
      .. "number, such as +2250700000000 or 07 00 00 00 00" }, fault.details)
    good.countryCode, good.amount, good.quantity = "CIV", 1.5, 0
    _, fault = charge_bodies.mtn(good, warn, {})
    assert.same({ "amount must be a whole number not less than 1", "countryCode must be a country code of two letters",
      "quantity must be a whole number not less than 1" }, fault.details)
  end)

  it("takes a UUID of any version for the product and the subscription of an MTN charge, and nothing else", function()
    local body_ = { amount = 500, currency = "XOF", customer = { name = "Awa", phoneNumber = "0700000000" } }
    for _, field in ipairs { "productId", "subscriptionId" } do
      for _, value in ipairs { UUID, (UUID:gsub("467f", "167f")), UUID:upper() } do
        body_[field] = value
        assert.equal(value, charge_bodies.mtn(body_, warn, {})[field])
      end
      for _, value in ipairs { "", " " .. UUID, UUID .. "0", "x", 1 } do
        body_[field] = value
        local _, fault = charge_bodies.mtn(body_, warn, {})
        assert.same({ field .. " must be a UUID" }, fault.details)
      end
      body_[field] = nil
    end
  end)

  it("gives back the appearance that was asked for, an empty theme as none", function()
    local function appearance(more) return (select(3, card(more))) end
    assert.is_nil(appearance {})
    assert.same({ theme = "dark" }, appearance { appearance_theme = "night" })
    assert.same({ border_radius = 0 }, appearance { appearance_border_radius = 0 })
    assert.same({}, appearance { appearance_theme = "" })
  end)

  it("refuses of a hold what a currency cannot express, and what is below the least of a card", function()
    for _, move in ipairs { "capture", "increment" } do
      for _, case in ipairs { { 10000.5, "XOF" }, { 999, "XOF" }, { 10.001, "USD" }, { 0.49, "EUR" } } do
        local params, fault = charge_bodies[move]({ amount = case[1] }, warn, case[2], {})
        assert.same({ nil, "amount_invalid" }, { params, fault.code }, case[1])
      end
      assert.same({ amount = 10.01 }, (charge_bodies[move]({ amount = 10.01 }, warn, "USD", {})))
      assert.same({ amount = 1000 }, (charge_bodies[move]({ amount = 1000 }, warn, "XOF", {})))
    end
    assert.same({}, (charge_bodies.capture({}, warn, "XOF", {})))
  end)

  describe("amounts in minor units", function()
    local MINOR = { amounts = "minor" }

    it("are whole, whatever the currency", function()
      for _, case in ipairs { { 1050, "USD", 1050 }, { 50, "EUR", 50 }, { 10000, "XOF", 1524 } } do
        assert(card({ amount = case[1], currency_code = case[2] }, MINOR))
        assert.equal(case[3], (charge_bodies.convert(case[1], case[2], "minor")))
      end
      for _, case in ipairs { { 1050.5, "USD" }, { 10000.5, "XOF" }, { 49, "EUR" }, { 999, "XOF" } } do
        local params, fault = card({ amount = case[1], currency_code = case[2] }, MINOR)
        assert.same({ nil, "amount_invalid" }, { params, fault.code }, case[1])
      end
      assert.is_nil((charge_bodies.capture({ amount = 10.5 }, warn, "USD", MINOR)))
      local wave = { amount = 10.5, currency = "USD", customer = { name = "Awa", phoneNumber = "0700000000" } }
      assert.equal("amount_invalid", select(2, charge_bodies.wave(wave, warn, MINOR)).code)
      assert.is_table((charge_bodies.wave(wave, warn, {})))
    end)
  end)
end)
