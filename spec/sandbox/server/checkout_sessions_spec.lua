-- SPDX-License-Identifier: MIT
-- What a session costs, and how it ends; how one is paid: merchant_spec.lua, and in a browser.
local direct = require "spec.support.direct"

describe("lomi.sandbox.server.checkout_sessions", function()
  local app

  before_each(function() app = direct.new() end)

  local function product(price, more)
    local body = { name = "Box", product_type = "one_time", prices = { price } }
    for name, value in pairs(more or {}) do body[name] = value end
    local reply = app:call("POST", "/products", body)
    assert.equal(201, reply.status, reply.body)
    return reply.json, reply.json.prices[1]
  end

  local function says(code, text, reply)
    assert.matches(text, reply.error.message, 1, true)
    assert.equal(code, reply.error.code)
  end

  it("costs its price, as many times as there are", function()
    local box, price = product { amount = 5000, currency_code = "EUR" }
    for _, params in ipairs { { product_id = box.product_id }, { price_id = price.price_id },
      { price_id = price.price_id, amount = 10000, quantity = 2 } } do
      local session = app:open_session(params)
      assert.same({ 5000 * (params.quantity or 1), "EUR", "Box" },
        { session.amount, session.currency_code, session.title })
    end
    says("amount_invalid", "amount must be 10000: 2 times 5000",
      app:open_session { price_id = price.price_id, quantity = 2, amount = 5000 })
  end)

  it("costs what the payer's own price may be, and no other", function()
    local _, price = product { amount = 1000, currency_code = "XOF", pricing_model = "pay_what_you_want",
      minimum_amount = 500, maximum_amount = 2000 }
    for _, amount in ipairs { 500, 2000 } do
      assert.equal(amount, app:open_session({ price_id = price.price_id, amount = amount }).amount)
    end
    for _, amount in ipairs { 499, 2001 } do
      says("amount_invalid", "outside of the bounds", app:open_session { price_id = price.price_id, amount = amount })
    end
  end)

  it("sums a cart, of one currency and of prices that are paid once", function()
    local _, one = product { amount = 1000, currency_code = "XOF" }
    local _, two = product { amount = 250, currency_code = "XOF" }
    local _, euro = product { amount = 250, currency_code = "EUR" }
    local _, monthly = product({ amount = 1, currency_code = "XOF", billing_interval = "month" },
      { product_type = "recurring" })
    local _, free = product { amount = 1, currency_code = "XOF", pricing_model = "pay_what_you_want",
      minimum_amount = 1 }
    local function cart(price)
      return app:open_session {
        line_items = { { price_id = one.price_id }, { price_id = price.price_id, quantity = 4 } },
      }
    end
    assert.equal(2000, cart(two).amount)
    says("bad_request", "prices of one currency", cart(euro))
    says("line_items_recurring_not_supported", "no recurring price", cart(monthly))
    says("line_items_pwyw_not_supported", "no pay-what-you-want price", cart(free))
  end)

  it("asks the payer for a name, an email or a phone, unless the customer is known", function()
    local asked = { amount = 500, require_name = false, require_email = false }
    says("bad_request", "One of name, email and phone must be asked for", app:open_session(asked))
    asked.customer_name = "Awa"
    assert.equal("open", app:open_session(asked).status)
  end)

  it("ends after an hour", function()
    local session = app:open_session { amount = 500 }
    app:admin("POST", "/clock", { advance = 3600 })
    assert.equal("expired", app:call("GET", "/checkout-sessions/" .. session.checkout_session_id).json.status)
  end)
end)
