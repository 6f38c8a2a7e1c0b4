-- SPDX-License-Identifier: MIT
-- The moves of a subscription; how one begins and renews: merchant_spec.lua.
local core = require "lomi.core"
local direct = require "spec.support.direct"
local Merchant = require "lomi.sandbox.server.merchant"
local subscriptions = require "lomi.sandbox.server.subscriptions"

local DAY = 24 * 60 * 60

describe("lomi.sandbox.server.subscriptions", function()
  local now, merchant, events, subscription

  before_each(function()
    now, events = 0, {}
    merchant = Merchant.new { random = function() return ("0"):rep(32) end, uuid = core.uuid4, organization = "o",
      clock = function() return now end,
      publish = function(event, _, data) events[#events + 1] = event .. " " .. data.status end }
    local price = { data = { price_id = "p", billing_interval = "month", amount = 5000, currency_code = "XOF" },
      product = { data = { product_id = "prod", name = "Box" } } }
    subscription = merchant:keep("subscriptions", "a", "subscription_id", "sub_", { status = "active" })
    subscription.price, subscription.params, subscription.due = price, { amount = 5000 }, 30 * DAY
  end)

  it("cancelled at once is over: nothing is due, and it is not cancelled again", function()
    assert.is_true(subscriptions.cancel(merchant, subscription, false))
    assert.same({ "cancelled", "1970-01-01" }, { subscription.data.status, subscription.data.end_date })
    assert.is_nil(subscription.due)
    local ok, reason = subscriptions.cancel(merchant, subscription, false)
    assert.is_nil(ok)
    assert.equal("The subscription is cancelled; it cannot be cancelled", reason)
    assert.same({ "SUBSCRIPTION_CANCELLED cancelled" }, events)
  end)

  it("cancelled for the end of its period goes on until then, and may be resumed", function()
    assert.is_true(subscriptions.cancel(merchant, subscription, true))
    assert.same({ "active", true, 30 * DAY }, { subscription.data.status, subscription.ends, subscription.due })
    assert.is_true(subscriptions.resume(merchant, subscription))
    assert.is_nil(subscription.ends)
    assert.is_nil((subscriptions.resume(merchant, subscription)))
    subscriptions.cancel(merchant, subscription, true)
    now = 30 * DAY
    subscriptions.tick { merchant = merchant, clock = function() return now end }
    assert.equal("cancelled", subscription.data.status)
  end)

  it("moves to another recurring price, while it is active", function()
    local weekly = { data = { price_id = "w", billing_interval = "week", amount = 1050, currency_code = "EUR" },
      product = { data = { product_id = "other", name = "Bag" } } }
    assert.is_true(subscriptions.change_plan(merchant, subscription, weekly))
    assert.same({ "w", "other", 10.5 }, { subscription.data.price_id, subscription.data.product_id,
      subscription.params.amount }) -- a charge's amount is in main units, unless the sandbox plays minor ones
    weekly.data.billing_interval = nil
    assert.matches("not a recurring one", select(2, subscriptions.change_plan(merchant, subscription, weekly)))
    subscription.data.status = "paused"
    assert.matches("is paused", select(2, subscriptions.change_plan(merchant, subscription, weekly)))
  end)

  it("paused is not due; active again it is, a period from then", function()
    subscriptions.update(merchant, subscription, { status = "paused" })
    assert.is_nil(subscription.due)
    now = 10 * DAY
    subscriptions.update(merchant, subscription, { status = "active" })
    assert.equal(40 * DAY, subscription.due)
    assert.equal("1970-02-10", subscription.data.next_billing_date)
  end)

  it("is cancelled by the refund of its first payment, paused by that of a renewal, or as the refund says", function()
    for _, case in ipairs { { true, "default", "cancelled" }, { nil, "default", "paused" }, { true, "pause", "paused" },
      { nil, "cancel", "cancelled" }, { true, "none", "active" } } do
      subscription.data.status = "active"
      local done = subscriptions.after_refund(merchant, { subscription = subscription, first = case[1] }, case[2])
      assert.same({ case[3], case[2] ~= "none", "active" },
        { subscription.data.status, done.applied, done.previous_status })
    end
  end)

  it("renews with a card that the sandbox knows", function()
    assert.is_true(subscriptions.save_card(subscription, "4242 4242 4242 4242"))
    assert.same({ "card", "4242424242424242" }, { subscription.paid_by, subscription.card })
    local ok, reason = subscriptions.save_card(subscription, "4242 4242 4242 4243")
    assert.is_nil(ok)
    assert.is_string(reason)
    assert.equal("4242424242424242", subscription.card)
  end)

  it("that a payment began shows null for what it has not", function()
    local box = direct.new()
    local product = box:call("POST", "/products", { name = "Box", product_type = "recurring",
      prices = { { amount = 5000, currency_code = "XOF", billing_interval = "month" } } }).json
    local session = box:call("POST", "/checkout-sessions", { product_id = product.product_id,
      success_url = "https://shop.example/", cancel_url = "https://shop.example/" }).json
    box:call("POST", session.checkout_url:match("/checkout/.*"), "method=wave&name=Awa&email=awa%40example.com")
    local shown = box:call("GET", "/subscriptions").json.data[1]
    assert.same({ "active", core.null, core.null }, { shown.status, shown.end_date, shown.metadata })
  end)
end)
