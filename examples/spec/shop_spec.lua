-- SPDX-License-Identifier: MIT
-- How a shop tests its payments without the internet: `busted --lua=lua5.4 examples/spec`. The sandbox runs in this
-- very process; the shop below is what a real one would be, only smaller.
local lomi = require "lomi"
local sandbox = require "lomi.sandbox"

local SECRET = "whsec_of_the_shop"

local function new_shop(client)
  local shop = { orders = {} }

  function shop.buy(order)
    local charge, err = client.charges:create_card_charge({
      amount = order.amount, currency_code = "XOF", customer_email = order.email, customer_name = order.name,
      metadata = { order_id = order.id },
    }, { idempotency_key = order.id })
    if not charge then return nil, err end
    shop.orders[order.id] = { amount = order.amount, currency_code = "XOF", state = "waiting" }
    return charge
  end

  -- Handles a request as the webhook endpoint does. The order is found by the metadata that went with its charge; only
  -- a completed payment of its own amount, in its currency, pays for it.
  function shop.on_webhook(body, headers)
    local event, err = lomi.webhook.construct_event(body, headers, SECRET)
    if not event then return 400, err end
    local payment = event.data
    local order = payment.metadata and shop.orders[payment.metadata.order_id]
    if not order or payment.amount ~= order.amount or payment.currency_code ~= order.currency_code then return 200 end
    if event.event == "PAYMENT_SUCCEEDED" and payment.status == "completed" then order.state = "paid" end
    if event.event == "PAYMENT_FAILED" then order.state = "not paid" end
    return 200
  end

  return shop
end

describe("the shop", function()
  local box, shop
  local LAMP = { id = "order-1", amount = 10000, email = "awa@example.com", name = "Awa Ndiaye" }

  setup(function() box = assert(sandbox.start()) end)
  teardown(function() box:stop() end)

  before_each(function()
    box:reset()
    box:inbox(SECRET)
    shop = new_shop(lomi.new {
      api_key = "lomi_sk_test_shop", base_url = box.url, backoff = { base = 0.01, cap = 0.02 },
    })
  end)

  local function deliver(event)
    local webhook = assert(box:receive(event))
    return shop.on_webhook(webhook.body, webhook.headers)
  end

  local function signed(payment, secret)
    local body = ('{"id":"1","event":"PAYMENT_SUCCEEDED","data":%s}'):format(payment)
    return body, { ["X-Lomi-Signature"] = lomi.webhook.sign(body, secret) }
  end

  it("knows when an order is paid", function()
    local charge = assert(shop.buy(LAMP))
    box:confirm(charge.id, "4242 4242 4242 4242")
    assert.equal(200, deliver "PAYMENT_SUCCEEDED")
    assert.equal("paid", shop.orders["order-1"].state)
  end)

  it("knows when a card was declined, and takes the next one", function()
    local charge = assert(shop.buy(LAMP))
    box:confirm(charge.id, "4000 0000 0000 9995")
    deliver "PAYMENT_FAILED"
    assert.equal("not paid", shop.orders["order-1"].state)
    box:confirm(charge.id, "4242 4242 4242 4242")
    deliver "PAYMENT_SUCCEEDED"
    assert.equal("paid", shop.orders["order-1"].state)
  end)

  it("charges once when the first reply is lost", function()
    box:fail { drop = "after" }
    assert(shop.buy(LAMP))
    assert.equal(1, #box:charges())
  end)

  it("does not believe a stranger", function()
    assert(shop.buy(LAMP))
    local payment = '{"status":"completed","amount":10000,"currency_code":"XOF","metadata":{"order_id":"order-1"}}'
    assert.equal(400, (shop.on_webhook(signed(payment, "whsec_of_a_stranger"))))
    assert.equal("waiting", shop.orders["order-1"].state)
  end)

  it("does not take another payment for this one", function()
    assert(shop.buy(LAMP))
    for _, payment in ipairs {
      '{"status":"completed","amount":1,"currency_code":"XOF","metadata":{"order_id":"order-1"}}',
      '{"status":"completed","amount":10000,"currency_code":"EUR","metadata":{"order_id":"order-1"}}',
      '{"status":"pending","amount":10000,"currency_code":"XOF","metadata":{"order_id":"order-1"}}',
      '{"status":"completed","amount":10000,"currency_code":"XOF"}',
    } do
      assert.equal(200, (shop.on_webhook(signed(payment, SECRET))))
      assert.equal("waiting", shop.orders["order-1"].state)
    end
  end)
end)
