-- SPDX-License-Identifier: MIT
local direct = require "spec.support.direct"

local FORM = { ["Content-Type"] = "application/x-www-form-urlencoded" }

describe("lomi.sandbox.pay", function()
  local sandbox, charge

  before_each(function()
    sandbox = direct.new()
    charge = sandbox:charge()
  end)

  local function show(secret)
    return sandbox:call("GET", "/pay/" .. charge.id .. "?client_secret=" .. (secret or charge.client_secret))
  end

  local function submit(fields, secret)
    local parts = { "client_secret=" .. (secret or charge.client_secret) }
    for name, value in pairs(fields) do
      parts[#parts + 1] = name .. "=" .. value:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end)
    end
    return sandbox:call("POST", "/pay/" .. charge.id, table.concat(parts, "&"), FORM)
  end

  local function card(number, more)
    local fields = { card = number, expiry = "12/99", cvc = "123" }
    for name, value in pairs(more or {}) do fields[name] = value end
    return submit(fields)
  end

  local function status() return sandbox:call("GET", "/charge/card/" .. charge.id).json.data.status end
  local function says(text, page) assert.truthy(page.body:find(text, 1, true), page.body) end

  it("is a form with labels, without script", function()
    local page = show()
    assert.equal(200, page.status)
    assert.equal("text/html; charset=utf-8", page.headers["Content-Type"])
    for _, name in ipairs { "card", "expiry", "cvc" } do
      says(('<label for="%s">'):format(name), page)
      says(('id="%s"'):format(name), page)
    end
    says("Pay 10 000 XOF", page)
    says('name="viewport"', page)
    assert.falsy(page.body:lower():find("<script", 1, true))
    assert.truthy(page.headers["Content-Security-Policy"]:find("default-src 'none'", 1, true))
  end)

  it("opens for the client_secret only", function()
    for _, secret in ipairs { "", "x", charge.id } do
      assert.equal(404, show(secret).status)
      assert.equal(404, submit({ card = "4242424242424242", expiry = "12/99", cvc = "123" }, secret).status)
    end
    assert.equal(404, sandbox:call("GET", "/pay/" .. charge.id).status)
    assert.equal(404, sandbox:call("GET", "/pay/pi_none?client_secret=x").status)
    assert.equal("requires_payment_method", status())
  end)

  it("pays", function()
    says("Payment succeeded", card("4242 4242 4242 4242"))
    assert.equal("succeeded", status())
    says("Payment succeeded", show())
    says("Payment succeeded", card("4000000000000002"))
    assert.equal("succeeded", status())
  end)

  it("says that a card is declined, and takes another", function()
    says("The card was declined.", card("4000 0000 0000 0002"))
    says("insufficient funds", card("4000000000009995"))
    assert.equal("requires_payment_method", status())
    says("Payment succeeded", card("4242424242424242"))
  end)

  it("asks for 3-D Secure, and ends as the payer and the card say", function()
    says("3-D Secure", card("4000002500003155"))
    says("could not confirm that it is you", submit { challenge = "fail" })
    card("4000002500003155")
    says("3-D Secure", show())
    says("Payment succeeded", submit { challenge = "pass" })

    charge = sandbox:charge()
    card("4000008400001629")
    says("The card was declined.", submit { challenge = "pass" })
  end)

  it("asks again for what it cannot read, and repeats none of it", function()
    says("Check the expiry date", card("4242424242424242", { expiry = "soon" }))
    says("Check the security code", card("4242424242424242", { cvc = "12a" }))
    local page = card("4111 1111 1111 1111")
    says("Only test cards", page)
    assert.falsy(page.body:find("4111", 1, true))
    says("The card has expired", card("4242424242424242", { expiry = "01/20" }))
    assert.equal("requires_payment_method", status())
  end)

  it("takes no HTML from a charge", function()
    charge = sandbox:charge { description = [["><script>alert('1')</script>{amount}&]] }
    local page = show()
    says("&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;{amount}&amp;", page)
    assert.falsy(page.body:find("<script", 1, true))
  end)

  it("writes amounts as people do", function()
    charge = sandbox:charge { amount = 1234567.5, currency_code = "USD" }
    says("Pay 1 234 567.50 USD", show())
    charge = sandbox:charge { amount = 10.05, currency_code = "EUR" }
    says("Pay 10.05 EUR", show())
  end)

  it("shows a hold and a canceled charge for what they are", function()
    charge = sandbox:charge { hold = true }
    says("held on your card", card("4242424242424242"))
    sandbox:call("POST", "/charge/card/" .. charge.id .. "/cancel")
    says("canceled", show())
  end)

  it("takes no other method", function()
    assert.equal(405, sandbox:call("PUT", "/pay/" .. charge.id .. "?client_secret=" .. charge.client_secret).status)
  end)
end)
