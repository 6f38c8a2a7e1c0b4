-- SPDX-License-Identifier: MIT
local suggest = require "lomi.suggest"

local KNOWN = {
  amount = true, currency = true, currency_code = true, customer_id = true, customer_email = true, customer_name = true,
  customer_phone = true, metadata = true, quantity = true, max_retries = true, api_key = true,
}

describe("lomi.suggest.nearest", function()
  it("finds the name that was meant", function()
    for written, meant in pairs {
      amount = "amount", ammount = "amount", amoutn = "amount", amont = "amount", Amount = "amount", AMOUNT = "amount",
      currencyCode = "currency_code", ["currency-code"] = "currency_code", ["currency code"] = "currency_code",
      currancy = "currency", customer_emial = "customer_email", customer_mail = "customer_email", apikey = "api_key",
      maxRetries = "max_retries", max_retires = "max_retries", customer_nmae = "customer_name", apiKey = "api_key",
    } do
      assert.equal(meant, suggest.nearest(written, KNOWN), written)
    end
  end)

  it("finds none when none is near", function()
    for _, written in ipairs { "", "zzz", "hold", "x", "environment", ("amount"):rep(20), ("a"):rep(1e6) } do
      assert.is_nil(suggest.nearest(written, KNOWN), written:sub(1, 20))
    end
    assert.is_nil(suggest.nearest("amount", {}))
  end)

  it("takes anything for a name", function()
    for _, written in ipairs { 1, true, {}, print } do assert.is_nil(suggest.nearest(written, KNOWN)) end
    assert.is_nil(suggest.nearest(nil, KNOWN))
  end)

  it("always gives the same of two that are as near", function()
    local names, backwards = {}, {}
    for i = 1, 9 do names["name" .. i] = true end
    for i = 9, 1, -1 do backwards["name" .. i] = true end
    assert.equal(suggest.nearest("name", names), suggest.nearest("name", backwards))
    assert.is_string(suggest.nearest("name", names))
  end)
end)

describe("lomi.suggest.hint", function()
  it("asks", function()
    assert.equal('; did you mean "amount"?', suggest.hint("ammount", KNOWN))
  end)

  it("names what there is when nothing is near, unless it is much", function()
    for _, name in ipairs { "zzz", 1, "" } do
      assert.equal("; the known ones are amount, currency", suggest.hint(name, { currency = 1, amount = 1 }))
    end
    local much = {}
    for i = 1, 17 do much["name" .. i] = 1 end
    assert.equal("", suggest.hint("zzz", much))
  end)
end)
