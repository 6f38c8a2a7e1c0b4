-- SPDX-License-Identifier: MIT
local request_bodies = require "lomi.sandbox.server.request_bodies"

describe("lomi.sandbox.server.request_bodies", function()
  local warnings

  local function check(name, body)
    warnings = {}
    return request_bodies.check(name, body, function(text) warnings[#warnings + 1] = text end)
  end

  -- All reasons of a refusal, and its code.
  local function refused(name, body)
    local params, fault = check(name, body)
    assert.is_nil(params)
    return table.concat(fault.details, "; "), fault.code
  end

  it("gives the fields that it knows, and warns of others", function()
    assert.same({ transaction_id = "t", amount = 5 }, check("refund", { transaction_id = "t", amount = 5, colour = 1 }))
    assert.matches("colour", warnings[1])
  end)

  it("names everything that is wrong at once", function()
    local reasons, code = refused("payment_link", { link_type = "other", title = " ", success_url = "shop" })
    for _, field in ipairs { "link_type", "title", "currency_code", "success_url" } do
      assert.matches(field, reasons)
    end
    assert.equal("bad_request", code)
  end)

  it("takes money from 1 to 9,999,999,999 whole minor units, with a code of its own for another amount", function()
    for _, amount in ipairs { 1, 9999999999 } do
      assert.is_table((check("refund", { transaction_id = "t", amount = amount })))
    end
    for _, amount in ipairs { 0, -1, 0.5, 10000000000 } do
      local reasons, code = refused("refund", { transaction_id = "t", amount = amount })
      assert.matches("amount must be a whole number of minor units from 1", reasons)
      assert.equal("amount_invalid", code)
    end
    assert.equal("bad_request", (select(2, refused("refund", { transaction_id = "t", amount = "5" }))))
  end)

  it("keeps the bounds of a day, a discount and a group", function()
    local coupon = { code = "A", discount_type = "percentage" }
    for discount, good in pairs { [0] = false, [0.5] = true, [100] = true, [100.5] = false, [-1] = false } do
      coupon.discount_percentage = discount
      assert.equal(good, check("coupon", coupon) ~= nil, discount)
    end
    local product = { name = "P", product_type = "recurring", prices = { { amount = 1 } } }
    for day, good in pairs { [0] = false, [1] = true, [31] = true, [32] = false, [1.5] = false } do
      product.charge_day = day
      assert.equal(good, check("product", product) ~= nil, day)
    end
    assert.is_table((check("checkout_session", { transfer_group = ("g"):rep(128) })))
    assert.matches("transfer_group", refused("checkout_session", { transfer_group = ("g"):rep(129) }))
    assert.matches("transfer_data.destination is missing",
      refused("checkout_session", { transfer_data = { amount = 1 } }))
    assert.matches("integration_source must be one of", refused("checkout_session", { integration_source = "x" }))
    local payout = { destination = "beneficiary", rail = "wave", amount = 1, currency_code = "XOF", recipient = {} }
    assert.equal("recipient.name is missing; it must be a string that is not blank; recipient.phone is missing; it "
      .. "must be a phone number, such as +2250700000000 or 07 00 00 00 00", (refused("payout", payout)))
  end)

  it("takes nothing for the price of a product", function()
    assert.is_table((check("price", { amount = 0, currency_code = "XOF" })))
  end)

  it("takes lists that are lists", function()
    local webhook = { url = "https://shop.example/hook", events = { "REFUND_FAILED" } }
    assert.same(webhook, check("webhook", webhook))
    for _, events in ipairs { {}, { 1 }, { a = "b" }, "REFUND_FAILED" } do
      assert.matches("events must be a list of strings, not empty",
        refused("webhook", { url = webhook.url, events = events }))
    end
  end)

  it("takes URLs, dates and times", function()
    for name, case in pairs {
      cancel_url = { "checkout_session", right = { "http://shop.example", "HTTPS://shop.example/a?b#c" },
        wrong = { "shop.example", "ftp://shop.example/", "https://", "https://a b/" } },
      due_date = { "invoice_update", right = { "2026-11-27" },
        wrong = { "27.11.2026", "2026-11-27T00:00:00Z", 20261127 } },
      valid_from = { "coupon", right = { "2026-11-27", "2026-11-27T12:00:00Z" }, wrong = { "tomorrow" } },
    } do
      local rest = case[1] == "coupon" and { code = "A", discount_type = "fixed" } or {}
      for _, value in ipairs(case.right) do
        rest[name] = value
        assert.equal(value, check(case[1], rest)[name])
      end
      for _, value in ipairs(case.wrong) do
        rest[name] = value
        assert.matches(name .. " must be", refused(case[1], rest))
      end
    end
  end)
end)
