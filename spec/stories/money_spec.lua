-- SPDX-License-Identifier: MIT
-- Whatever happens on the way, nobody is charged twice, or another amount: the client against the real sandbox, which
-- counts the charges.
local child = require "spec.support.child"
local core = require "lomi.core"
local given = require "spec.support.given"
local locale = require "spec.support.locale"
local lomi = require "lomi"
local sandbox = require "lomi.sandbox"

local KEY, AWA = given.KEY, given.AWA

describe("a charge", function()
  local box
  local others = {}

  setup(function() box = assert(sandbox.start {}) end)

  teardown(function()
    box:stop()
    for _, other in ipairs(others) do other:stop() end
  end)

  before_each(function() box:reset() end)

  local function start(options)
    local other = assert(sandbox.start(options))
    others[#others + 1] = other
    return other
  end

  local function client(options, at)
    options = options or {}
    options.api_key, options.base_url = KEY, (at or box).url
    options.backoff = options.backoff or { base = 0.001, cap = 0.002 }
    return lomi.new(options).charges
  end

  -- The statuses answered, as the service sent them, and that every request had the same idempotency key.
  local function statuses(key)
    local seen = {}
    for i, request in ipairs(box:requests()) do
      assert.equal(key, request.headers["idempotency-key"])
      seen[i] = request.status
    end
    return seen
  end

  local function one_charge(charge)
    local made = box:charges()
    assert.equal(1, #made)
    assert.equal(charge.id, made[1].id)
  end

  describe("is made once when the reply is lost:", function()
    for _, fault in ipairs {
      { drop = "after" }, { drop = "mid_body" }, { reset = "after" }, { reset = "mid_body" }, { truncate = 20 },
    } do
      it(core.encode(fault), function()
        box:fail(fault)
        local charge, err, reply = client():create_card_charge(AWA, { idempotency_key = "order-1" })
        assert.is_nil(err)
        assert.same({ 201, 2, true, "order-1" },
          { reply.status, reply.attempts, reply.replayed, reply.idempotency_key })
        one_charge(charge)
        assert.equal(2, box:stats().requests)
        statuses "order-1"
      end)
    end

    it("the client gave up waiting, and the first request still runs", function()
      box:fail { delay = 0.5 }
      local charge, err, reply = client({ timeout = 0.1, max_retries = 100, backoff = { base = 0.02, cap = 0.02 } })
        :create_card_charge(AWA, { idempotency_key = "order-1" })
      assert.is_nil(err)
      assert.is_true(reply.replayed)
      assert.is_true(reply.attempts >= 3, reply.attempts)
      one_charge(charge)
      local seen = statuses "order-1"
      assert.equal(409, seen[2])
    end)

    it("the caller asks again, after an unknown outcome", function()
      box:fail { drop = "after" }
      local charges = client { max_retries = 0 }
      local charge, err = charges:create_card_charge(AWA)
      assert.is_nil(charge)
      assert.same({ "connection", "unknown", 1 }, { err.kind, err.outcome, err.attempts })
      assert.equal(1, box:stats().requests)
      assert.equal(1, #box:charges())
      local again, _, reply = charges:create_card_charge(AWA, { idempotency_key = err.idempotency_key })
      assert.is_true(reply.replayed)
      one_charge(again)
    end)
  end)

  it("is made once when 500 came twice before", function()
    box:fail { status = 500, times = 2 }
    local charge, err, reply = client():create_card_charge(AWA, { idempotency_key = "order-1" })
    assert.is_nil(err)
    assert.same({ 3, false }, { reply.attempts, reply.replayed })
    assert.same({ 500, 500, 201 }, statuses "order-1")
    one_charge(charge)
  end)

  it("is not made again and again when the service stored its 500", function()
    box:fail { status = 500, recorded = true }
    local charge, err = client():create_card_charge(AWA)
    assert.is_nil(charge)
    assert.same({ "api", true, 2, "unknown" }, { err.kind, err.replayed, err.attempts, err.outcome })
    assert.matches("look it up", err.message)
    assert.same({}, box:charges())
  end)

  it("waits as long as 429 says", function()
    box:fail { status = 429, retry_after = 1 }
    local started = core.now()
    local charge, _, reply = client():create_card_charge(AWA)
    assert.is_true(core.now() - started >= 1)
    assert.equal(2, reply.attempts)
    one_charge(charge)
  end)

  it("is one request with max_retries = 0, whatever comes back", function()
    for _, fault in ipairs { { status = 500 }, { status = 429 }, { drop = "before" }, { reset = "before" } } do
      box:reset()
      box:fail(fault)
      local _, err = client({ max_retries = 0 }):create_card_charge(AWA)
      assert.equal(1, err.attempts)
      assert.equal(1, box:stats().requests)
      assert.same({}, box:charges())
    end
  end)

  it("is one request too on a kept-alive connection that dies under it", function()
    local charges = client { max_retries = 0 }
    assert(charges:create_card_charge(AWA))
    for _, fault in ipairs { { drop = "before" }, { reset = "before" } } do
      box:fail(fault)
      local before = box:stats()
      local _, err = charges:create_card_charge(AWA)
      assert.same({ "connection", "unknown" }, { err.kind, err.outcome })
      assert.equal(before.requests + 1, box:stats().requests)
      assert.equal(before.accepts, box:stats().accepts)
      assert(charges:create_card_charge(AWA))
    end
  end)

  it("that is refused is none", function()
    local charges = client()
    local _, err = charges:create_card_charge({ amount = 500 })
    assert.same({ "invalid_request", "amount_invalid", "rejected" }, { err.kind, err.code, err.outcome })
    local gone = start {}
    local elsewhere = client(nil, gone)
    gone:stop()
    _, err = elsewhere:create_card_charge(AWA)
    assert.same({ "connection", "not_sent", 3 }, { err.kind, err.outcome, err.attempts })
    assert.same({}, box:charges())
  end)

  it("that is refused is so when it is asked again because the refusal was lost", function()
    box:fail { drop = "after" }
    local _, err = client():create_card_charge({ amount = 500 })
    assert.same({ "amount_invalid", "rejected", true, 2 }, { err.code, err.outcome, err.replayed, err.attempts })
    assert.same({}, box:charges())
  end)

  it("keeps its key to itself", function()
    local charges = client()
    local charge = assert(charges:create_card_charge(AWA, { idempotency_key = "order-1" }))
    local _, err = charges:create_card_charge({ amount = 20000 }, { idempotency_key = "order-1" })
    assert.same({ "conflict", "idempotency_key_reused", "rejected", 1 },
      { err.kind, err.code, err.outcome, err.attempts })
    one_charge(charge)
  end)

  it("is another one for the same key a day later, and for no key at an old deployment", function()
    local charges = client()
    local first = assert(charges:create_card_charge(AWA, { idempotency_key = "order-1" }))
    box:advance(24 * 60 * 60 - 60)
    assert.equal(first.id, assert(charges:create_card_charge(AWA, { idempotency_key = "order-1" })).id)
    box:advance(60)
    assert.not_equal(first.id, assert(charges:create_card_charge(AWA, { idempotency_key = "order-1" })).id)

    local old = start { idempotency = "ignored" }
    old:fail { drop = "after" }
    local _, _, reply = client(nil, old):create_card_charge(AWA)
    assert.same({ 2, false }, { reply.attempts, reply.replayed })
    assert.equal(2, #old:charges())
  end)

  it("of the page's own example is made, with a warning; strict wants a customer", function()
    local charge, _, reply = client():create_card_charge { amount = 10000 }
    assert.equal(10000, charge.original_amount)
    assert.matches("live refuses a charge without customer_id", reply.headers["x-sandbox-warning"])
    assert.equal('{"amount":10000}', box:requests()[1].body)

    local strict = start { strict = true }
    local refused, err = client(nil, strict):create_card_charge { amount = 10000 }
    assert.is_nil(refused)
    assert.same({ "invalid_request", 400, "bad_request", "rejected" }, { err.kind, err.status, err.code, err.outcome })
    assert.matches("customer_email and customer_name are required", err.message)
    assert(client(nil, strict):create_card_charge(AWA))
    assert.equal(1, #strict:charges())
  end)

  it("takes every field unchanged", function()
    local params = {
      amount = 10.55, currency_code = "USD", currency = "USD", customer_id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
      customer_email = "awa@example.com", customer_name = "Awa Ndiaye", customer_phone = "+221770000000",
      description = "Commande № 1, «été» \"é\" \\ / \n\t", payment_reference = "ORD-1",
      product_id = "7c9e6679-7425-40de-944b-e07fc1f90ae7", subscription_id = "16fd2706-8baf-433b-82eb-8c7fada847da",
      quantity = 3, metadata = { order_id = "ORD-1", nested = { list = { 1, 2.5, "x" }, yes = true, no = false } },
      appearance_theme = "dark", appearance_border_radius = 4.5, appearance_billing_address = "never", hold = true,
    }
    local charge, _, reply = client():create_card_charge(params)
    assert.is_nil(reply.headers["x-sandbox-warning"])
    assert.same(params, core.decode(box:requests()[1].body))
    local taken = box:charges()[1].params
    taken.currency = params.currency -- the service keeps one of the two names
    assert.same(params, taken)
    assert.same({ 1055, "usd", 10.55, "USD", "requires_payment_method" },
      { charge.amount, charge.currency, charge.original_amount, charge.original_currency, charge.status })
    assert.same({ theme = "dark", border_radius = 4.5, billing_address = "never" }, charge.appearance)
  end)

  it("is 10000 on every Lua, not 10000.0", function()
    local charge = assert(client():create_card_charge(AWA))
    assert.equal("10000 1524", charge.original_amount .. " " .. charge.amount)
  end)

  describe("of 10.5 USD is that, under a locale with a decimal comma,", function()
    local DOLLARS = { amount = 10.5, currency_code = "USD", metadata = { rate = 0.25 } }

    before_each(function() locale.need_french(pending) end)

    local function charged(charges)
      local charge = assert(charges:create_card_charge(DOLLARS))
      local looked_up = assert(charges:get_card_charge(charge.id))
      return { charge.original_amount, charge.amount, looked_up.original_amount }
    end

    local function arrived()
      local body = box:requests()[1].body
      assert.matches('"amount":10.5', body, 1, true)
      assert.matches('"rate":0.25', body, 1, true)
      local params = box:charges()[1].params
      assert.same({ 10.5, 0.25 }, { params.amount, params.metadata.rate })
    end

    it("set after the client is made", function()
      local charges = client()
      assert.same({ 10.5, 1050, 10.5 }, locale.under(locale.FRENCH, function() return charged(charges) end))
      arrived()
    end)

    it("set before the client is made, and taken back after", function()
      local charges
      assert.same({ 10.5, 1050, 10.5 }, locale.under(locale.FRENCH, function()
        charges = client()
        return charged(charges)
      end))
      arrived()
      assert.same({ 10.5, 1050, 10.5 }, charged(charges))
    end)

    it("set before anything is loaded", function()
      local output, status = child.run(([[
        assert(os.setlocale(%q))
        local box = assert(require("lomi.sandbox").start {})
        local charges = require("lomi").new({ api_key = %q, base_url = box.url }).charges
        local charge = assert(charges:create_card_charge { amount = 10.5, currency_code = "USD" })
        assert(charge.original_amount == 10.5 and charge.amount == 1050)
        assert(box:charges()[1].original_amount == 10.5)
        io.write(box:requests()[1].body)
        box:stop()
      ]]):format(locale.FRENCH, KEY))
      assert.same({ 0, 10.5 }, { status, (core.decode(output) or {}).amount }, output)
      assert.matches('"amount":10.5', output, 1, true)
    end)
  end)
end)
