-- SPDX-License-Identifier: MIT
-- What a refund may be, and what it changes; the whole way of one: merchant_spec.lua.
local core = require "lomi.core"
local direct = require "spec.support.direct"

describe("lomi.sandbox.server.operations.refunds", function()
  local app

  before_each(function() app = direct.new { confirmation = "skipped" } end)

  -- A Wave charge is a completed transaction at once.
  local function paid(amount, headers)
    app:call("POST", "/charge/wave", { amount = amount, currency = "XOF",
      customer = { name = "Awa", phoneNumber = "+2250700000000" } }, headers)
    return app:call("GET", "/transactions").json.data[1].transaction_id
  end

  local function refund(params, key)
    return app:call("POST", "/refunds", params, { ["Idempotency-Key"] = key or core.uuid4() })
  end

  local function transaction(id) return app:call("GET", "/transactions/" .. id).json end

  local function balance() return app:call("GET", "/accounts/balance/XOF").json.available_balance end

  local function says(text, response)
    assert.equal(400, response.status)
    assert.matches(text, response.json.error.message, 1, true)
  end

  it("of all of it makes the transaction refunded, and keeps the payment's fee", function()
    local id = paid(1000)
    assert.equal(970, balance())
    local reply = refund { transaction_id = id, amount = 1000 }
    assert.same({ 201, "completed", 1000 }, { reply.status, reply.json.status, reply.json.refunded_amount })
    assert.same({ "refunded", 1000 }, { transaction(id).status, transaction(id).refunded_amount })
    assert.equal(-30, balance())
  end)

  it("of a part leaves it completed, until the parts are all of it", function()
    local id = paid(1000)
    for i, amount in ipairs { 400, 599, 1 } do
      assert.equal(201, refund({ transaction_id = id, amount = amount }).status)
      assert.equal(i == 3 and "refunded" or "completed", transaction(id).status)
    end
    assert.equal(3, #app:call("GET", "/refunds").json.data)
    says("already fully refunded", refund { transaction_id = id, amount = 1 })
  end)

  it("is what its refund_type says", function()
    local id = paid(1000)
    says("refund_type is full, but the amount is part of the transaction",
      refund { transaction_id = id, amount = 999, refund_type = "full" })
    says("refund_type is partial, but the amount is all of the transaction",
      refund { transaction_id = id, amount = 1000, refund_type = "partial" })
    assert.equal(201, refund({ transaction_id = id, amount = 1000, refund_type = "full" }).status)
  end)

  it("of a pending transaction is refused", function()
    local id = paid(1000, { ["X-Scenario-Key"] = "pending" })
    says("The transaction is pending; only a completed one can be refunded", refund { transaction_id = id, amount = 1 })
    assert.same({}, app:call("GET", "/refunds").json.data)
  end)

  it("under one idempotency key happens once", function()
    local id = paid(1000)
    local first = refund({ transaction_id = id, amount = 400 }, "refund-1")
    local again = refund({ transaction_id = id, amount = 400 }, "refund-1")
    assert.equal(first.body, again.body)
    assert.equal(400, transaction(id).refunded_amount)
    assert.equal(409, refund({ transaction_id = id, amount = 500 }, "refund-1").status)
  end)
end)
