-- SPDX-License-Identifier: MIT
local Charges = require "lomi.sandbox.server.charges"

local WEEK = 7 * 24 * 60 * 60

describe("lomi.sandbox.server.charges", function()
  local charges, heard, count

  local function new_ledger(limits)
    count, heard = 0, {}
    local function random()
      count = count + 1
      return ("%032x"):format(count)
    end
    charges = Charges.new {
      random = function() return (random():reverse()) end, uuid = random, limits = limits,
      on_event = function(event, charge) heard[#heard + 1] = event .. " " .. charge.status end,
    }
  end

  before_each(function() new_ledger() end)

  local function charge(params, now)
    local all = { amount = 10000, currency_code = "XOF" }
    for name, value in pairs(params or {}) do all[name] = value end
    return charges:create_card("org", all, nil, 100, now or 0)
  end

  local function held(now)
    local it = charge({ hold = true }, now)
    assert(charges:confirm(it, "4242424242424242", nil, now or 0))
    assert.equal("requires_capture", it.status)
    return it
  end

  it("makes charges that wait for a payer", function()
    local one, other = charge(), charge()
    assert.matches("^pi_%w+$", one.id)
    assert.not_equal(one.id, other.id)
    assert.equal("requires_payment_method", one.status)
    assert.equal(one, charges:find(one.id, 0))
    assert.is_nil(charges:find("pi_other", 0))
    assert.same({ "PAYMENT_CREATED requires_payment_method", "PAYMENT_CREATED requires_payment_method" }, heard)
  end)

  it("plays every test card", function()
    for card, outcome in pairs {
      ["4242 4242 4242 4242"] = "succeeded", ["5555-5555-5555-4444"] = "succeeded", ["3782 822463 10005"] = "succeeded",
      ["4000000000000002"] = "card_declined", ["4000000000009995"] = "insufficient_funds",
      ["4000000000009987"] = "lost_card", ["4000000000009979"] = "stolen_card",
      ["4000000000000069"] = "expired_card", ["4000000000000127"] = "incorrect_cvc",
      ["4000000000000119"] = "processing_error", ["4242424242424241"] = "incorrect_number",
      ["4000002500003155"] = "requires_action", ["4000008400001629"] = "requires_action",
      ["4000056655565556"] = "succeeded", ["2223003122003222"] = "succeeded", ["5200828282828210"] = "succeeded",
      ["5105105105105100"] = "succeeded", ["6011111111111117"] = "succeeded", ["3056930009020004"] = "succeeded",
      ["3566002020360505"] = "succeeded", ["6200000000000005"] = "succeeded", ["4000000000003055"] = "succeeded",
      ["4000000003220000"] = "succeeded", ["4000003800000446"] = "succeeded",
      ["4000000000006975"] = "card_velocity_exceeded", ["4000000000000341"] = "card_declined",
      ["4000002760003184"] = "requires_action", ["4000000000003220"] = "requires_action",
      ["4000008260003178"] = "requires_action",
    } do
      local it = charge()
      assert.is_true(charges:confirm(it, card, nil, 0))
      if outcome == "succeeded" or outcome == "requires_action" then
        assert.equal(outcome, it.status)
        assert.is_nil(it.failure_code)
      else
        assert.equal("requires_payment_method", it.status)
        assert.equal(outcome, it.failure_code)
      end
    end
  end)

  it("keeps which test card was used", function()
    local it = charge()
    charges:confirm(it, "3782 822463 10005", nil, 0)
    assert.same({ "0005", "amex" }, { it.card.last4, it.card.brand })
  end)

  it("refuses a number that is no test card, without repeating it", function()
    local it = charge()
    local ok, why, misuse = charges:confirm(it, "4111111111111111", nil, 0)
    assert.is_nil(ok)
    assert.is_true(misuse)
    assert.falsy(why:find("4111", 1, true))
    assert.equal("requires_payment_method", it.status)
  end)

  it("takes another card after a declined one", function()
    local it = charge()
    charges:confirm(it, "4000000000000002", nil, 0)
    charges:confirm(it, "4242424242424242", nil, 0)
    assert.equal("succeeded", it.status)
    assert.is_nil(it.failure_code)
    assert.same({ "PAYMENT_CREATED requires_payment_method", "PAYMENT_FAILED requires_payment_method",
      "PAYMENT_SUCCEEDED succeeded" }, heard)
  end)

  it("declines any card whose expiry is past", function()
    local it = charge()
    charges:confirm(it, "4242424242424242", true, 0)
    assert.equal("expired_card", it.failure_code)
  end)

  describe("3-D Secure", function()
    it("ends as the card says", function()
      local good, bad = charge(), charge()
      charges:confirm(good, "4000002500003155", nil, 0)
      charges:confirm(bad, "4000008400001629", nil, 0)
      assert.is_true(charges:authenticate(good, true, 0))
      assert.is_true(charges:authenticate(bad, true, 0))
      assert.equal("succeeded", good.status)
      assert.equal("requires_payment_method", bad.status)
      assert.equal("card_declined", bad.failure_code)
    end)

    it("fails when the payer fails", function()
      local it = charge()
      charges:confirm(it, "4000002500003155", nil, 0)
      charges:authenticate(it, false, 0)
      assert.equal("authentication_failed", it.failure_code)
      assert.equal("requires_payment_method", it.status)
    end)

    it("is asked only where it is due", function()
      local it = charge()
      local ok, why, misuse = charges:authenticate(it, true, 0)
      assert.is_nil(ok)
      assert.is_nil(misuse)
      assert.equal("the charge is requires_payment_method; only a charge that is requires_action can be authenticated",
        why)
    end)
  end)

  it("moves nothing that is over", function()
    local paid, canceled = charge(), charge()
    charges:confirm(paid, "4242424242424242", nil, 0)
    charges:cancel(canceled, 0)
    for _, it in ipairs { paid, canceled } do
      local status = it.status
      assert.is_nil(charges:confirm(it, "4242424242424242", nil, 0))
      assert.is_nil(charges:authenticate(it, true, 0))
      assert.is_nil(charges:capture(it, nil, 0))
      assert.is_nil(charges:increment(it, 20000, 0))
      assert.is_nil(charges:cancel(it, 0))
      assert.equal(status, it.status)
    end
  end)

  it("cancels what is not paid: open, challenged, held", function()
    local open, challenged, hold = charge(), charge(), held()
    charges:confirm(challenged, "4000002500003155", nil, 0)
    for _, it in ipairs { open, challenged, hold } do
      assert.is_true(charges:cancel(it, 0))
      assert.equal("canceled", it.status)
    end
    assert.equal("PAYMENT_FAILED canceled", heard[#heard])
  end)

  describe("a hold", function()
    it("is captured whole", function()
      local it = held()
      assert.is_true(charges:capture(it, nil, 1))
      assert.equal("succeeded", it.status)
      assert.equal(10000, it.original_amount)
      assert.equal(0, it.released)
      assert.equal("PAYMENT_SUCCEEDED succeeded", heard[#heard])
    end)

    it("is captured in part, the rest released, once", function()
      local it = held()
      assert.is_true(charges:capture(it, 6000, 1))
      assert.equal(6000, it.original_amount)
      assert.equal(915, it.amount)
      assert.equal(4000, it.released)
      assert.is_nil(charges:capture(it, 1000, 1))
    end)

    it("is not captured for more than it is", function()
      local ok, why, misuse = charges:capture(held(), 10001, 1)
      assert.is_nil(ok)
      assert.is_true(misuse)
      assert.equal("amount must be at most the 10000 XOF that are held", why)
    end)

    it("grows, and only grows", function()
      local it = held()
      assert.is_true(charges:increment(it, 15000, 1))
      assert.equal(15000, it.original_amount)
      assert.equal(2287, it.amount)
      for _, amount in ipairs { 15000, 14999 } do
        local ok, _, misuse = charges:increment(it, amount, 1)
        assert.is_nil(ok)
        assert.is_true(misuse)
      end
      assert.is_true(charges:capture(it, 15000, 1))
    end)

    it("is released after a week, not before", function()
      local it = held(1000)
      charges:find(it.id, 1000 + WEEK - 1)
      assert.equal("requires_capture", it.status)
      charges:find(it.id, 1000 + WEEK)
      assert.equal("canceled", it.status)
      assert.equal("hold_expired", it.failure_code)
      assert.is_nil(charges:capture(it, nil, 1000 + WEEK))
    end)
  end)

  it("forgets the oldest beyond its limits, and counts them", function()
    new_ledger { items = 3, weight = 1e9 }
    local first = charge()
    for _ = 1, 3 do charge() end
    assert.is_nil(charges:find(first.id, 0))
    assert.equal(1, charges.forgotten)
    assert.equal(4, charges.made)
  end)

  it("has mobile money paid at once, or never", function()
    local function mobile(kind, pending)
      return charges:create_mobile(kind, "org", { amount = 500, currency = "XOF" }, nil, 0, 0, pending)
    end
    assert.same({ "succeeded", "pending" }, { mobile("wave", false).status, mobile("wave", true).status })
    local it = mobile("mtn", true)
    local ok, _, misuse = charges:confirm(it, "4242424242424242", nil, 0)
    assert.is_nil(ok)
    assert.is_true(misuse)
  end)
end)
