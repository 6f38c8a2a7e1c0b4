-- SPDX-License-Identifier: MIT
-- What happens to a payment from beginning to end: the shop's client, the payer's card, the signed webhooks, against
-- the real sandbox on real sockets.
local lomi = require "lomi"
local sandbox = require "lomi.sandbox"

local SECRET = "whsec_a_secret_of_the_specs"
local AWA = {
  amount = 10000, currency_code = "XOF", customer_email = "awa@example.com", customer_name = "Awa Ndiaye",
  metadata = { order_id = "ORD-1" },
}

describe("the story of", function()
  local box, charges

  setup(function() box = assert(sandbox.start {}) end)
  teardown(function() box:stop() end)

  before_each(function()
    box:reset()
    box:inbox(SECRET)
    charges = lomi.new({ api_key = "lomi_sk_test_demo", base_url = box.url }).charges
  end)

  local function with(more)
    local params = {}
    for name, value in pairs(AWA) do params[name] = value end
    for name, value in pairs(more) do params[name] = value end
    return params
  end

  -- The event as a shop takes it: verified, then parsed. `advanced`: the seconds the sandbox's clock was put forward.
  local function arrives(name, advanced)
    local letter = assert(box:receive(name))
    local event = assert(lomi.webhook.construct_event(letter.body, letter.headers, SECRET,
      { tolerance = 300, now = os.time() + (advanced or 0) }))
    assert.equal(name, event.event)
    return event.data
  end

  local function nothing_arrives(name)
    assert.is_nil((box:receive(name, 0)))
  end

  local function get(charge)
    return assert(charges:get_card_charge(charge.id))
  end

  it("a declined card, and another that pays", function()
    local charge, _, reply = charges:create_card_charge(AWA)
    assert.same({ type = "client_secret", client_secret = charge.client_secret }, reply.next_action)
    assert.same({ "requires_payment_method", 1524, "eur", 10000, "XOF" },
      { charge.status, charge.amount, charge.currency, charge.original_amount, charge.original_currency })
    assert.equal("pending", get(charge).transaction.status)
    local created = arrives "PAYMENT_CREATED"
    assert.same({ get(charge).transaction.transaction_id, "pending", 10000, "XOF", "ORD-1" },
      { created.transaction_id, created.status, created.amount, created.currency_code, created.metadata.order_id })

    assert.equal("card_declined", box:confirm(charge.id, "4000 0000 0000 0002").failure_code)
    local failed = arrives "PAYMENT_FAILED"
    assert.same({ created.transaction_id, "failed", 10000, "XOF", "ORD-1" },
      { failed.transaction_id, failed.status, failed.amount, failed.currency_code, failed.metadata.order_id })
    assert.same({ "requires_payment_method", "failed" }, { get(charge).status, get(charge).transaction.status })
    nothing_arrives "PAYMENT_SUCCEEDED"

    box:confirm(charge.id, "4242 4242 4242 4242")
    local succeeded = arrives "PAYMENT_SUCCEEDED"
    assert.same({ "completed", failed.transaction_id, "ORD-1" },
      { succeeded.status, succeeded.transaction_id, succeeded.metadata.order_id })

    local paid = get(charge)
    assert.same({ "succeeded", "completed", succeeded.transaction_id, charge.client_secret },
      { paid.status, paid.transaction.status, paid.transaction.transaction_id, paid.client_secret })
    nothing_arrives(nil)
  end)

  it("a card for every way to be declined", function()
    local charge = assert(charges:create_card_charge(AWA))
    for number, code in pairs {
      ["4000000000000002"] = "card_declined", ["4000000000009995"] = "insufficient_funds",
      ["4000000000009987"] = "lost_card", ["4000000000009979"] = "stolen_card", ["4000000000000069"] = "expired_card",
      ["4000000000000127"] = "incorrect_cvc", ["4000000000000119"] = "processing_error",
      ["4242424242424241"] = "incorrect_number",
    } do
      assert.equal(code, box:confirm(charge.id, number).failure_code)
      assert.equal("failed", arrives("PAYMENT_FAILED").status)
      assert.equal("requires_payment_method", get(charge).status)
    end
    nothing_arrives "PAYMENT_SUCCEEDED"
  end)

  it("a card for every way to pay", function()
    for _, number in ipairs { "4242424242424242", "5555555555554444", "3782 822463 10005" } do
      local charge = assert(charges:create_card_charge(AWA))
      box:confirm(charge.id, number, { expiry = "12/99", cvc = "1234" })
      assert.equal(get(charge).transaction.transaction_id, arrives("PAYMENT_SUCCEEDED").transaction_id)
      assert.equal("succeeded", get(charge).status)
    end
  end)

  describe("3-D Secure:", function()
    local charge

    before_each(function() charge = assert(charges:create_card_charge(AWA)) end)

    it("the bank is sure, and the card pays", function()
      assert.equal("requires_action", box:confirm(charge.id, "4000 0025 0000 3155").status)
      assert.same({ "requires_action", "pending" }, { get(charge).status, get(charge).transaction.status })
      nothing_arrives "PAYMENT_SUCCEEDED"
      box:authenticate(charge.id)
      assert.equal("completed", arrives("PAYMENT_SUCCEEDED").status)
      assert.equal("succeeded", get(charge).status)
    end)

    it("the bank is sure, and the card is declined", function()
      box:confirm(charge.id, "4000 0084 0000 1629")
      assert.equal("requires_action", get(charge).status)
      nothing_arrives "PAYMENT_FAILED"
      assert.equal("card_declined", box:authenticate(charge.id).failure_code)
      assert.equal("failed", arrives("PAYMENT_FAILED").status)
      assert.equal("requires_payment_method", get(charge).status)
    end)

    it("the payer fails, and passes the second time", function()
      box:confirm(charge.id, "4000 0025 0000 3155")
      assert.equal("authentication_failed", box:authenticate(charge.id, { succeeds = false }).failure_code)
      assert.equal("failed", arrives("PAYMENT_FAILED").status)
      assert.equal("requires_payment_method", get(charge).status)
      box:confirm(charge.id, "4000 0025 0000 3155")
      box:authenticate(charge.id)
      assert.equal("completed", arrives("PAYMENT_SUCCEEDED").status)
    end)

    it("the shop cancels in the middle of it", function()
      box:confirm(charge.id, "4000 0025 0000 3155")
      assert.same({ id = charge.id, status = "canceled" }, assert(charges:cancel_card_charge(charge.id)))
      assert.equal("failed", arrives("PAYMENT_FAILED").status)
      assert.has_error(function() box:authenticate(charge.id) end)
      assert.equal("canceled", get(charge).status)
    end)
  end)

  describe("a hold:", function()
    local charge

    before_each(function()
      charge = assert(charges:create_card_charge(with { hold = true }))
      box:confirm(charge.id, "4242424242424242")
    end)

    local function conflict(_, err)
      assert.same({ "conflict", 409, "rejected" }, { err.kind, err.status, err.outcome })
    end

    it("it grows, part of it is captured, the rest released", function()
      local held = get(charge)
      assert.same({ "requires_capture", 10000, true, "pending" },
        { held.status, held.amount_capturable, held.can_increment, held.transaction.status })
      assert.matches("^%d%d%d%d%-%d%d%-%d%dT", held.capture_before)
      nothing_arrives "PAYMENT_SUCCEEDED"

      local more = assert(charges:increment_card_hold(charge.id, { amount = 15000 }))
      assert.same({ "requires_capture", 15000, 15000 },
        { more.status, more.amount_capturable, more.original_amount })

      local captured = assert(charges:capture_card_charge(charge.id, { amount = 12000 }))
      assert.same({ "succeeded", 12000, 1829, 0, false },
        { captured.status, captured.original_amount, captured.amount, captured.amount_capturable,
          captured.can_increment })
      assert.is_nil(captured.capture_before)
      assert.equal(12000, arrives("PAYMENT_SUCCEEDED").amount)
      assert.equal("succeeded", get(charge).status)
      assert.equal(3000, box:charges()[1].released)

      conflict(charges:capture_card_charge(charge.id, { amount = 3000 }))
      conflict(charges:increment_card_hold(charge.id, { amount = 20000 }))
      conflict(charges:cancel_card_charge(charge.id))
      nothing_arrives "PAYMENT_SUCCEEDED"
    end)

    it("all of it is captured, and a lost reply does not capture twice", function()
      box:fail { drop = "after", match = { path = "/charge/card/*/capture" } }
      local captured, err, reply = charges:capture_card_charge(charge.id)
      assert.is_nil(err)
      assert.same({ "succeeded", 10000, 2, true },
        { captured.status, captured.original_amount, reply.attempts, reply.replayed })
      assert.equal(10000, arrives("PAYMENT_SUCCEEDED").amount)
      nothing_arrives "PAYMENT_SUCCEEDED"
    end)

    it("more than is held is refused, and so is less than is held for an increment", function()
      for _, call in ipairs {
        { "capture_card_charge", 10001 }, { "increment_card_hold", 10000 }, { "increment_card_hold", 9999 },
      } do
        local _, err = charges[call[1]](charges, charge.id, { amount = call[2] })
        assert.same({ "invalid_request", 400, "amount_invalid", "rejected" },
          { err.kind, err.status, err.code, err.outcome })
      end
      assert.equal(10000, get(charge).amount_capturable)
    end)

    it("it is given up, and all of it released", function()
      assert(charges:cancel_card_charge(charge.id))
      assert.same({ "canceled", 0, false },
        { get(charge).status, get(charge).amount_capturable, get(charge).can_increment })
      conflict(charges:capture_card_charge(charge.id))
      assert.equal("failed", arrives("PAYMENT_FAILED").status)
    end)

    it("it expires", function()
      local week = 7 * 24 * 60 * 60
      box:advance(week - 60)
      assert.equal("requires_capture", get(charge).status)
      box:advance(60)
      assert.equal("canceled", get(charge).status)
      assert.equal("failed", arrives("PAYMENT_FAILED", week).status)
      assert.equal("hold_expired", box:charges()[1].failure_code)
      conflict(charges:capture_card_charge(charge.id))
    end)

    it("a charge that is none has nothing to capture", function()
      local plain = assert(charges:create_card_charge(AWA))
      box:confirm(plain.id, "4242424242424242")
      conflict(charges:capture_card_charge(plain.id))
      assert.is_nil(get(plain).amount_capturable)
    end)
  end)

  describe("Wave and MTN:", function()
    local MOBILE = { amount = 5000, currency = "XOF", customer = { name = "Awa", phoneNumber = "+2250700000000" } }

    for kind, method in pairs { wave = "create_wave_charge", mtn = "create_mtn_charge" } do
      it(kind .. " is paid, pending or failed, as the scenario says", function()
        local charge, _, reply = charges[method](charges, MOBILE)
        local made = charge.data or charge
        local event = arrives "PAYMENT_SUCCEEDED"
        assert.same({ "completed", made.transaction_id, kind:upper(), "completed" }, { made.status,
          event.transaction_id, event.provider_code, event.status })
        assert.equal(kind == "wave" and "redirect" or "await_webhook", reply.next_action.type)
        assert.equal(charge.checkout_url, reply.next_action.url)

        charge = assert(charges[method](charges, MOBILE, { scenario = "pending" }))
        assert.equal("PENDING", (charge.data or charge).status)
        nothing_arrives "PAYMENT_SUCCEEDED"
        nothing_arrives "PAYMENT_FAILED"

        local failed, err = charges[method](charges, MOBILE, { scenario = "failed" })
        assert.is_nil(failed)
        assert.same({ 400, "bad_request", "rejected" }, { err.status, err.code, err.outcome })
        nothing_arrives "PAYMENT_FAILED"
      end)
    end

    it("a lost reply does not ask the payer twice", function()
      box:fail { drop = "after" }
      local charge, _, reply = charges:create_wave_charge(MOBILE)
      assert.same({ 2, true }, { reply.attempts, reply.replayed })
      assert.equal(1, #box:charges())
      assert.equal(charge.transaction_id, box:charges()[1].transaction_id)
    end)
  end)

  it("a webhook that comes twice, and one that somebody else signed", function()
    box:inbox(SECRET, { twice = true })
    box:confirm(assert(charges:create_card_charge(AWA)).id, "4242424242424242")
    local seen, count = {}, 0
    for _ = 1, 2 do
      local letter = assert(box:receive "PAYMENT_SUCCEEDED")
      local event = assert(lomi.webhook.construct_event(letter.body, letter.headers, SECRET))
      if not seen[event.id] then count = count + 1 end
      seen[event.id] = true
    end
    assert.equal(1, count)

    box:reset()
    box:inbox(SECRET, { bad_signature = true })
    assert(charges:create_card_charge(AWA))
    local letter = assert(box:receive "PAYMENT_CREATED")
    local event, err = lomi.webhook.construct_event(letter.body, letter.headers, SECRET)
    assert.is_nil(event)
    assert.same({ "signature", "signature_mismatch" }, { err.kind, err.code })
  end)
end)
