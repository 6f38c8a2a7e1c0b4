-- SPDX-License-Identifier: MIT
local charges = require "lomi.contract.charges"
local core = require "lomi.core"
local cost = require "spec.support.cost"
local locale = require "spec.support.locale"
local schema = require "lomi.call.schema"

local DTO = charges.create_card_charge.params
local V4 = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
local V1 = "c232ab00-9414-11ec-b3c8-9f6bdeced846"
local LONG = ("x"):rep(10000)

-- The 16 fields of the published page in its order, and what a later revision of it adds; `right` and `wrong` are
-- values of the right type.
local FIELDS = {
  { "amount", "number", right = { 10000, 1, 1e15 }, wrong = { 0, -1, 0 / 0, math.huge, -math.huge } },
  { "currency_code", "string", right = { "XOF", "USD", "EUR" }, wrong = { "xof", "XAF", "", " XOF", "usd" } },
  { "currency", "string", right = { "XOF", "USD", "EUR" }, wrong = { "xof", "GBP", "", "EUR " } },
  { "customer_id", "string", right = { V4, V4:upper() },
    wrong = { V1, "", "cus_1", "{" .. V4 .. "}", V4 .. "\n", " " .. V4, V4:gsub("%-", ""), V4:sub(1, 35), V4 .. "0",
      (V4:gsub("^3", "g")), (V4:gsub("9a0c", "ca0c")), "00000000-0000-0000-0000-000000000000" } },
  { "customer_email", "string", right = { "awa@example.com", "a@b.c", "awa.ndiaye+1@mail.example.sn", "é@exämple.com",
      ("a"):rep(250) .. "@b.c", "a@b..c" },
    wrong = { ("a"):rep(251) .. "@b.c", "a\1@b.c", "a@b.", "a@.", "a@.c", "\0a@b.c", "", " ", "awa", "awa@",
      "@example.com", "a@b", "a b@c.d", "a@b .c", " a@b.c", "a@b.c ", "a@b.c\n", "a@@b.c", "a@b@c.d" } },
  { "customer_name", "string", right = { "Awa Ndiaye", "x", " Awa ", "아와", ("x"):rep(255) },
    wrong = { ("x"):rep(256), "", " ", "   ", "\t\r\n" } },
  { "customer_phone", "string", right = { "+221770000000", "" }, wrong = { ("1"):rep(65) } },
  { "description", "string", right = { "", "Commande 1", LONG } },
  { "payment_reference", "string", right = { "ORD-1", "" } },
  { "product_id", "string", right = { V4, V1 }, wrong = { "", "prod_1", V4 .. "0", "g" .. V4:sub(2), " " .. V4 } },
  { "subscription_id", "string", right = { V4, V1 }, wrong = { "", "sub_1", V4 .. "0", "g" .. V4:sub(2), V4 .. " " } },
  { "quantity", "number", right = { 1, 12 }, wrong = { 0 / 0, math.huge } },
  { "metadata", "object", right = { {}, { order_id = "ORD-1", nested = { list = { 1, 2 } } }, { none = core.null } },
    wrong = { { "a" }, { 1, 2 }, { a = 1, [1] = 2 } } },
  { "appearance_theme", "string", right = { "light", "dark", "flat" }, wrong = { "", "stripe", "Light", "night" } },
  { "appearance_border_radius", "number", right = { 0, 4, 2.5 }, wrong = { -1, -0.5, 0 / 0, math.huge } },
  { "appearance_billing_address", "string", right = { "auto", "never" }, wrong = { "", "always", "AUTO" } },
  { "hold", "boolean", right = { true, false } },
}

local OF_TYPE = {
  number = { 1 }, string = { "10000" }, boolean = { true, false }, table = { {} }, ["function"] = { print },
  userdata = { io.stdout }, thread = { coroutine.create(print) },
}

-- A good payload, with one field put in (and a pair kept whole).
local function with(name, value, more)
  local params = { amount = 10000, customer_email = "awa@example.com", customer_name = "Awa Ndiaye" }
  params[name] = value
  for key, item in pairs(more or {}) do params[key] = item end
  return params
end

local function faults_of(params)
  local _, faults = schema.check(DTO, params)
  return faults
end

local function fields_of(faults)
  local names = {}
  for i, fault in ipairs(faults or {}) do names[i] = fault.field end
  return names
end

local function only_fault(name, params)
  local faults = faults_of(params)
  assert.same({ name }, fields_of(faults))
  return faults[1].message
end

describe("the fields of a card charge", function()
  it("has the fields of the published page, in its order, and only amount is required", function()
    local names, required = {}, {}
    for i, field in ipairs(DTO.fields) do
      names[i] = field.name
      if field.required then required[#required + 1] = field.name end
    end
    local expected = {}
    for i, field in ipairs(FIELDS) do expected[i] = field[1] end
    for _, name in ipairs { "application_fee_amount", "transfer_data", "transfer_group" } do
      expected[#expected + 1] = name -- for platforms; the page does not have them
    end
    assert.same(expected, names)
    assert.same({ "amount" }, required)
  end)

  for _, field in ipairs(FIELDS) do
    local name, kind = field[1], field[2]

    it("lets a right " .. name .. " through unchanged", function()
      for _, value in ipairs(field.right) do
        local params = with(name, value)
        local payload, faults = schema.check(DTO, params)
        assert.is_nil(faults, faults and faults[1].message)
        assert.same(value, payload[name])
        assert.equal(type(value), type(payload[name]))
        assert.same(with(name, value), payload)
        assert.same(with(name, value), params)
      end
    end)

    it("refuses a wrong type for " .. name, function()
      for other, values in pairs(OF_TYPE) do
        if other ~= (kind == "object" and "table" or kind) then
          for _, value in ipairs(values) do
            local message = only_fault(name, with(name, value))
            assert.matches(kind == "boolean" and "true or false" or kind, message)
            assert.matches(other, message)
          end
        end
      end
    end)

    it("refuses a wrong value for " .. name, function()
      for _, value in ipairs(field.wrong or {}) do
        assert.is_true(#only_fault(name, with(name, value)) > 0)
      end
    end)
  end

  it("names the choices of an enum", function()
    for name, choices in pairs {
      currency_code = { "XOF", "USD", "EUR" }, currency = { "XOF", "USD", "EUR" },
      appearance_theme = { "light", "dark", "flat" }, appearance_billing_address = { "auto", "never" },
    } do
      local message = only_fault(name, with(name, "no"))
      for _, choice in ipairs(choices) do assert.matches(choice, message) end
    end
  end)

  it("never shows the value refused", function()
    for _, field in ipairs(FIELDS) do
      if field[2] == "string" and field.wrong and field[1] ~= "customer_name" and field[1] ~= "customer_phone" then
        local message = only_fault(field[1], with(field[1], "4242424242424242\n"))
        assert.is_nil(message:find("4242", 1, true))
      end
    end
  end)

  it("takes the page's own example", function()
    local payload, faults = schema.check(DTO, { amount = 10000 })
    assert.is_nil(faults)
    assert.same({ amount = 10000 }, payload)
  end)

  it("wants an amount", function()
    assert.same({ "amount" }, fields_of(faults_of {}))
    assert.matches("required", faults_of({})[1].message)
  end)

  it("takes null for an absent field", function()
    for _, field in ipairs(FIELDS) do
      local name = field[1]
      local params = { amount = 10000, customer_id = V4 }
      params[name] = core.null
      if name == "amount" then
        assert.matches("required", only_fault("amount", params))
      else
        local payload, faults = schema.check(DTO, params)
        assert.is_nil(faults)
        assert.is_nil(payload[name])
        assert.equal(core.null, params[name])
      end
    end
  end)

  it("refuses params that are not a table", function()
    for _, params in ipairs { "amount=10000", 10000, true, print, io.stdout } do
      assert.same({ "params" }, fields_of(faults_of(params)))
    end
    assert.same({ "params" }, fields_of(faults_of(nil)))
    assert.same({ "params" }, fields_of(faults_of(core.null)))
  end)
end)

describe("the customer rule", function()
  local EMAIL, NAME = "awa@example.com", "Awa Ndiaye"

  it("lets pass a pair, an id, both, or none", function()
    for _, params in ipairs {
      { amount = 1 }, { amount = 1, customer_email = EMAIL, customer_name = NAME }, { amount = 1, customer_id = V4 },
      { amount = 1, customer_id = V4, customer_email = EMAIL }, { amount = 1, customer_id = V4, customer_name = NAME },
      { amount = 1, customer_id = V4, customer_email = EMAIL, customer_name = NAME },
      { amount = 1, customer_phone = "+221770000000" },
    } do
      assert.same({}, fields_of(faults_of(params)))
    end
  end)

  it("refuses half a pair, and names the missing half", function()
    assert.matches("customer_email", only_fault("customer_name", { amount = 1, customer_email = EMAIL }))
    assert.matches("customer_name", only_fault("customer_email", { amount = 1, customer_name = NAME }))
    only_fault("customer_name", { amount = 1, customer_email = EMAIL, customer_name = core.null })
    only_fault("customer_email", { amount = 1, customer_name = NAME, customer_id = core.null })
  end)
end)

describe("the currency alias", function()
  it("may say the same again", function()
    for _, currency in ipairs { "XOF", "USD", "EUR" } do
      local params = with("currency", currency, { currency_code = currency })
      local payload, faults = schema.check(DTO, params)
      assert.is_nil(faults)
      assert.same(params, payload)
    end
  end)

  it("may not say something else", function()
    local faults = faults_of(with("currency", "EUR", { currency_code = "USD" }))
    assert.equal(1, #faults)
    assert.is_true(faults[1].field == "currency" or faults[1].field == "currency_code")
    assert.matches("currency", faults[1].message)
  end)
end)

describe("an amount", function()
  local GOOD = {
    { 10000 }, { 10000, "XOF" }, { 10000.0, "XOF" }, { 1e14, "XOF" }, { 10, "USD" }, { 10.5, "USD" }, { 10.55, "USD" },
    { 19.99, "EUR" }, { 0.5, "EUR" }, { 0.01, "EUR" }, { 0.1 + 0.2, "EUR" }, { 1.1 * 3, "USD" },
    { 123456789012.34, "USD" }, { 999999999999.99, "EUR" }, { 4.35 * 100 / 100, "EUR" },
  }
  local BAD = {
    { 0.5 }, { 10000.5 }, { 10000.5, "XOF" }, { 0.01, "XOF" }, { 1e-9, "XOF" }, { 99999999999.5, "XOF" },
    { 10.555, "USD" }, { 1.005, "EUR" }, { 0.001, "EUR" }, { 1e-7, "USD" }, { 1e-10, "EUR" }, { 1 / 3, "EUR" },
    { 12345678901.234, "EUR" },
  }

  local function check()
    for _, name in ipairs { "currency_code", "currency" } do
      for _, case in ipairs(GOOD) do
        local payload, faults = schema.check(DTO, { amount = case[1], [name] = case[2] })
        assert.is_nil(faults, tostring(case[1]) .. " " .. tostring(case[2]))
        assert.equal(case[1], payload.amount)
      end
      for _, case in ipairs(BAD) do
        local message = only_fault("amount", { amount = case[1], [name] = case[2] })
        assert.matches(case[2] or "XOF", message)
      end
    end
  end

  it("has the decimals its currency has", check)

  it("has them under any locale", function()
    locale.need_french(pending)
    locale.under(locale.FRENCH, check)
  end)

  it("is not judged by a currency that is wrong itself", function()
    only_fault("currency_code", { amount = 10.5, currency_code = "usd" })
    only_fault("currency", { amount = 10.5, currency = 3 })
  end)
end)

describe("an unknown field", function()
  it("names the nearest known one", function()
    for wrong, known in pairs {
      ammount = "amount", amout = "amount", currencyCode = "currency_code", customer_mail = "customer_email",
      custmer_name = "customer_name", metdata = "metadata", meta_data = "metadata", qantity = "quantity",
      appearence_theme = "appearance_theme", appearance_billing_adress = "appearance_billing_address",
      descripton = "description", productid = "product_id", Amount = "amount",
    } do
      local message = only_fault(wrong, with(wrong, "x"))
      assert.matches(('did you mean "%s"'):format(known), message, 1, true, wrong)
    end
  end)

  it("names none when none is near", function()
    for _, wrong in ipairs { "zzz", "capture_method", "hold_until_friday", ("a"):rep(5000), "" } do
      assert.is_nil(only_fault(wrong, with(wrong, 1)):find("did you mean", 1, true), wrong)
    end
  end)

  it("costs little when there are thousands, and the first few are told, always the same", function()
    local params = with("amount", 1)
    for i = 1, 20000 do params[("f%05d"):format(i) .. ("x"):rep(i % 60)] = 1 end
    params[1], params[true] = 1, 1
    local faults = faults_of(params)
    assert.is_true(cost.of(function() faults_of(params) end) < 0.1)
    assert.equal(8, #faults)
    assert.same({ "1", "f00001x", "f00002xx" }, { faults[1].field, faults[2].field, faults[3].field })
    assert.matches("; nor are 19994 others$", faults[8].message)
  end)

  it("may be of any type", function()
    only_fault("1", with(1, "x"))
    only_fault("true", with(true, "x"))
  end)
end)

describe("the cost of a format", function()
  local VALUES = {
    "a@" .. ("a."):rep(100000) .. " ", ("a"):rep(200000) .. "@", ("@"):rep(200000), "a@" .. ("."):rep(200000),
    (" "):rep(200000), ("1 "):rep(100000), ("+"):rep(200000), ("0-"):rep(100000), ("a-"):rep(100000),
  }

  it("is small, whatever the text", function()
    for _, resource in ipairs { charges.create_card_charge.params, charges.create_mtn_charge.params } do
      for _, field in ipairs(resource.fields) do
        for _, value in ipairs(VALUES) do
          local customer = { email = value, phoneNumber = value, name = value }
          local params = { customer = customer, [field.name] = value }
          assert.is_true(cost.of(function() schema.check(resource, params) end) < 0.05, field.name)
        end
      end
    end
  end)
end)

describe("an amount in minor units", function()
  it("is a whole number, in every currency and without one", function()
    for _, currency in ipairs { "XOF", "USD", "EUR" } do
      assert.is_nil((select(2, schema.check(DTO, { amount = 1050, currency_code = currency }, "minor"))))
      local _, faults = schema.check(DTO, { amount = 10.5, currency_code = currency }, "minor")
      assert.same({ "amount" }, fields_of(faults))
      assert.matches('amounts = "minor"', faults[1].message)
    end
    for _, name in ipairs { "capture_card_charge", "increment_card_hold" } do
      local dto = charges[name].params
      assert.is_nil((select(2, schema.check(dto, { amount = 1050 }, "minor"))))
      assert.is_nil((select(2, schema.check(dto, { amount = 10.5 }, "main"))))
      assert.same({ "amount" }, fields_of(select(2, schema.check(dto, { amount = 10.5 }, "minor"))))
    end
  end)
end)

describe("all faults of a payload", function()
  it("come in one list, in the contract's order, the unknown ones last", function()
    local params, expected = { zeta = 1, alpha = 1 }, {}
    for i, field in ipairs(FIELDS) do
      params[field[1]] = print
      expected[i] = field[1]
    end
    expected[#expected + 1], expected[#expected + 2] = "alpha", "zeta"
    for _ = 1, 5 do assert.same(expected, fields_of(faults_of(params))) end
  end)

  it("are those of fields and those of rules together", function()
    assert.same({ "amount", "customer_name", "product_id", "appearance_theme", "colour" }, fields_of(faults_of {
      appearance_theme = "blue", colour = "red", product_id = "p", amount = 0.5, customer_email = "awa@example.com",
    }))
    assert.same({ "amount", "currency", "customer_email" }, fields_of(faults_of {
      currency_code = "USD", currency = "EUR", customer_name = "Awa",
    }))
  end)
end)

describe("an object with fields of its own", function()
  local WAVE = charges.create_wave_charge.params
  local MTN = charges.create_mtn_charge.params
  local AWA = { name = "Awa", phoneNumber = "0700000000" }

  local function wave(customer, more)
    local params = { amount = 5000, currency = "XOF", customer = customer }
    for name, value in pairs(more or {}) do params[name] = value end
    return params
  end

  local function only(dto, name, params)
    local _, faults = schema.check(dto, params)
    assert.same({ name }, fields_of(faults))
    return faults[1].message
  end

  it("goes through unchanged when it is right", function()
    for _, customer in ipairs {
      AWA, { name = "Awa Ndiaye", phoneNumber = "+2250700000000", email = "awa@example.com" },
    } do
      local params = wave(customer)
      local payload, faults = schema.check(WAVE, params)
      assert.is_nil(faults)
      assert.equal(params, payload)
    end
  end)

  it("has its faults named with where they are", function()
    assert.same({ "amount", "customer.name", "customer.phoneNumber", "customer.email", "successUrl", "colour",
      "customer.phone" }, fields_of(select(2, schema.check(WAVE, wave(
      { name = " ", phoneNumber = "07", email = "awa", phone = "1" }, { amount = 0, successUrl = 1,
        colour = "red" })))))
    assert.matches('did you mean "phoneNumber"', only(WAVE, "customer.phone_number",
      wave { name = "Awa", phoneNumber = "0700000000", phone_number = "+2250700000000" }))
    assert.equal("is required", only(WAVE, "customer.name", wave { phoneNumber = "0700000000" }))
    assert.equal("is required", only(WAVE, "customer.phoneNumber", wave { name = "Awa" }))
    assert.matches("string", only(WAVE, "customer.name", wave { name = 7, phoneNumber = "0700000000" }))
  end)

  it("is wanted, as an object", function()
    assert.equal("is required", only(WAVE, "customer", wave(nil)))
    assert.equal("is required", only(WAVE, "customer", wave(core.null)))
    assert.matches("an object", only(WAVE, "customer", wave "Awa"))
    assert.matches("not a list", only(WAVE, "customer", wave { "Awa" }))
  end)

  it("beside it MTN wants a whole amount and quantity, Wave the decimals of its currency", function()
    local euro = wave(AWA, { amount = 10.5, currency = "EUR" })
    assert.is_nil((select(2, schema.check(WAVE, euro))))
    assert.equal("must be a whole number", only(MTN, "amount", euro))
    assert.equal("must be a whole number", only(MTN, "amount", wave(AWA, { amount = 10.5 })))
    assert.equal("must be a whole number", only(MTN, "quantity", wave(AWA, { quantity = 1.5 })))
    assert.equal("must be 1 or more", only(MTN, "quantity", wave(AWA, { quantity = 0 })))
    assert.is_nil((select(2, schema.check(MTN, wave(AWA, { quantity = 2 })))))
  end)

  it("takes null for an absent field, and leaves the caller's tables alone", function()
    local customer = { name = "Awa", phoneNumber = "0700000000", email = core.null }
    local params = wave(customer)
    local payload, faults = schema.check(WAVE, params)
    assert.is_nil(faults)
    assert.same(wave { name = "Awa", phoneNumber = "0700000000" }, payload)
    assert.equal(core.null, customer.email)
    assert.equal(customer, params.customer)
    assert.equal("is required", only(WAVE, "customer.name", wave { name = core.null, phoneNumber = "0700000000" }))
  end)

  it("has a phone number in E.164, or as dialled at home", function()
    for _, right in ipairs { "+2250700000000", "+221770000000", "+1234567", "+123456789012345", "0700000000",
      "+225 07 00 00 00 00", "07.00.00.00.00", "002250700000000", "(225) 07-00-00-00-00", "123456" } do
      assert.is_nil((select(2, schema.check(WAVE, wave { name = "Awa", phoneNumber = right }))), right)
    end
    for _, wrong in ipairs { "", "+", "12345", "+1234567890123456", "+22507000o0000", "+2250700000000\n", " 0700000000",
      "awa@example.com", "0700000000x", "()()()()", "+22507" .. (" "):rep(40) .. "00000000" } do
      assert.matches("E.164", only(WAVE, "customer.phoneNumber", wave { name = "Awa", phoneNumber = wrong }))
    end
  end)

  it("comes with a country of two letters", function()
    for _, right in ipairs { "CI", "BJ", "ci" } do
      assert.is_nil((select(2, schema.check(MTN, wave(AWA, { countryCode = right })))), right)
    end
    for _, wrong in ipairs { "", "C", "CIV", "C1", "225", " CI", "CI\n", "é" } do
      assert.matches("two letters", only(MTN, "countryCode", wave(AWA, { countryCode = wrong })))
    end
  end)

  it("comes with an amount of 1 or more, in the decimals of a currency that is known", function()
    for _, right in ipairs { { 1, "XOF" }, { 1.5, "USD" }, { 10.25, "EUR" }, { 10.125, "GHS" } } do
      assert.is_nil((select(2, schema.check(WAVE, wave(AWA, { amount = right[1], currency = right[2] })))))
    end
    for _, wrong in ipairs { { 0.99, "EUR" }, { 0, "XOF" }, { -1, "XOF" }, { 1.5, "XOF" }, { 1.125, "USD" },
      { 1.5, "xof" }, { 1.5, " XOF " } } do
      only(WAVE, "amount", wave(AWA, { amount = wrong[1], currency = wrong[2] }))
    end
    assert.equal("must not be blank", only(WAVE, "currency", wave(AWA, { currency = " " })))
  end)
end)

describe("a field", function()
  local dto = require "lomi.contract.dto"

  -- What is wrong with one value of one field; nil: nothing.
  local function fault(field, value)
    field.name = "f"
    local _, faults = schema.check(dto.new("test", { field }), { f = value })
    return faults and faults[1].field .. " " .. faults[1].message
  end

  local KINDS = {
    money = { { type = "money" }, right = { 1, 10000, 9999999999 },
      wrong = { 0, -1, 0.5, 10.5, 1e10, 0 / 0, math.huge, "1" } },
    ["money from 0"] = { { type = "money", least = 0 }, right = { 0, 1 }, wrong = { -1, 0.1 } },
    integer = { { type = "integer", least = 1, most = 100 }, right = { 1, 100 }, wrong = { 0, 101, 1.5, "1", true } },
    ["a number with a limit"] = { { type = "number", above = 0, most = 100 }, right = { 0.5, 100 },
      wrong = { 0, 100.5 } },
    ["a short string"] = { { type = "string", longest = 3 }, right = { "", "abc" }, wrong = { "abcd", "éé" } },
    id = { { type = "string", format = "id" }, right = { V4, V1, V4:upper(), "txn_23456789ABCDEF", "cus_1" },
      wrong = { "", "x", "txn_", "_1", "ORD-1", V4 .. "0", "txn_1\n", "txn_a/b", "TXN_1" } },
    url = { { type = "string", format = "url" }, right = { "https://a.example", "HTTP://localhost:1/x?y={Z}#z",
      "http://[::1]/" }, wrong = { "", "a.example", "ftp://a", "https://", "https:///x", "https://a b", "https://a\n",
      "javascript:alert(1)", "https://" .. ("a"):rep(3000) } },
    endpoint = { { type = "string", format = "endpoint" }, right = { "https://a.example/hook", "http://127.0.0.1:1/",
      "http://localhost/", "http://[::1]:1/" }, wrong = { "http://a.example/", "http://127.0.0.1.a.example/",
      "http://localhost@a.example/", "http://10.0.0.1/", "https://", "" } },
    date = { { type = "string", format = "date" }, right = { "2026-11-27" },
      wrong = { "", "27.11.2026", "2026-11-27T" } },
    time = { { type = "string", format = "time" }, right = { "2026-11-27", "2026-11-27T12:00:00Z",
      "2026-11-27T12:00:00.123+01:00" }, wrong = { "", "today", "12:00", "2026-11-27 12:00" } },
    ["a list of strings"] = { { type = "list", items = "string" }, right = { { "a" }, { "a", "b" }, {} },
      wrong = { "a", { 1 }, { "a", {} }, { a = "b" }, { [2] = "a" }, { "a", x = 1 }, { [1.5] = "a" } } },
    ["a list of objects, one at least"] = { { type = "list", items = "object", least = 1 }, right = { { {} } },
      wrong = { {}, { "a" } } },
  }
  for name, kind in pairs(KINDS) do
    it("may be " .. name, function()
      for _, right in ipairs(kind.right) do assert.is_nil(fault(kind[1], right)) end
      for _, wrong in ipairs(kind.wrong) do assert.matches("^f must ", fault(kind[1], wrong) or "no fault", 1) end
    end)
  end

  it("may be a list of objects with fields", function()
    local item = dto.new("item", {
      { name = "price_id", type = "string", required = true }, { name = "quantity", type = "integer", least = 1 } })
    local cart = dto.new("cart", { { name = "items", type = "list", items = item } })
    local params = { items = { { price_id = "a" }, { price_id = "b", quantity = core.null } } }
    local payload, faults, _ = schema.check(cart, params)
    assert.is_nil(faults)
    assert.same({ items = { { price_id = "a" }, { price_id = "b" } } }, payload)
    assert.equal(core.null, params.items[2].quantity)
    _, faults = schema.check(cart, { items = { { price_id = "a" }, { quantity = 0, pirce_id = "b" }, "c" } })
    local found = {}
    for i, one in ipairs(faults) do found[i] = one.field end
    assert.same({ "items[2].pirce_id", "items[2].price_id", "items[2].quantity", "items[3]" }, found)
  end)

  it("is a list even when it is empty", function()
    local images = dto.new("product", { { name = "images", type = "list", items = "string" } })
    for _, empty in ipairs { {}, core.empty_array } do
      local payload, faults = schema.check(images, { images = empty })
      assert.is_nil(faults)
      assert.equal('{"images":[]}', core.encode(payload))
    end
    assert.matches("1 or more", fault({ type = "list", items = "string", least = 1 }, core.empty_array))
  end)

  it("may be needed because of another, or instead of another", function()
    local link = dto.new("link", {
      { name = "amount", type = "money" }, { name = "kind", type = "string" }, { name = "rail", type = "string" },
      { name = "a", type = "string" }, { name = "b", type = "string" }, { name = "c", type = "string" },
    }, {
      { rule = "needs", field = "amount", when = { kind = "instant" }, unless = { rail = "free" } },
      { rule = "any_of", fields = { "a", "b", "c" } },
    })
    local function wrong(params)
      local _, faults = schema.check(link, params)
      return faults and #faults == 1 and faults[1].field .. " " .. faults[1].message or faults
    end
    assert.is_nil(wrong { b = "x" })
    assert.is_nil(wrong { c = "x", kind = "product" })
    assert.is_nil(wrong { c = "x", kind = "instant", rail = "free" })
    assert.is_nil(wrong { c = "x", kind = "instant", amount = 1 })
    assert.equal("amount is required when kind is instant", wrong { a = "x", kind = "instant" })
    assert.equal("a is required, unless b or c is given", wrong { a = core.null })
  end)

  it("costs no more than its length, whatever is in it", function()
    for _, format in ipairs { "id", "url", "endpoint", "date", "time" } do
      for _, unit in ipairs { "a", "a_", "1", "/", "https://a/", "2026-11-27", " " } do
        local text = unit:rep(100000) .. " "
        assert.is_true(cost.of(function()
          assert.is_truthy(fault({ type = "string", format = format }, text))
        end) < 0.2, format)
      end
    end
  end)
end)
