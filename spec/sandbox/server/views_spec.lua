-- SPDX-License-Identifier: MIT
local core = require "lomi.core"
local views = require "lomi.sandbox.server.views"

local ID = "8f14e45f-ceea-467f-a0b1-5c7e1f2d3a4b"

local function charge(more)
  local all = {
    id = "pi_1", secret = "xyz", kind = "card", params = { metadata = { order = "1" } }, amount = 1524,
    currency = "eur", original_amount = 10000, original_currency = "XOF", status = "requires_payment_method",
    transaction_id = ID, created = 0, updated = 0,
  }
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

describe("lomi.sandbox.server.views", function()
  it("shows a new charge as CardChargeResponseDto has it, and no more", function()
    assert.same({
      id = "pi_1", client_secret = "pi_1_secret_xyz", amount = 1524, currency = "eur", original_amount = 10000,
      original_currency = "XOF", status = "requires_payment_method",
    }, views.card(charge()))
  end)

  it("shows the transaction from the beginning, and never the appearance", function()
    local view = views.current(charge { params = { appearance_theme = "dark" } })
    assert.same({ transaction_id = ID, status = "pending" }, view.transaction)
    assert.is_nil(view.appearance)
    assert.equal("failed", views.current(charge { failure_code = "card_declined" }).transaction.status)
    assert.equal("completed", views.current(charge { status = "succeeded" }).transaction.status)
  end)

  it("shows of a hold what can be done with it", function()
    local view = views.current(charge { params = { hold = true } })
    assert.is_true(view.hold)
    assert.same({ 0, core.null, false }, { view.amount_capturable, view.capture_before, view.can_increment })
    view = views.current(charge { params = { hold = true }, status = "requires_capture", capture_before = 0.25 })
    assert.same({ 10000, "1970-01-01T00:00:00.250Z", true },
      { view.amount_capturable, view.capture_before, view.can_increment })
    assert.is_nil(views.current(charge()).hold)
    assert.is_nil(views.current(charge()).can_increment)
  end)

  it("lists a charge without its client_secret", function()
    assert.falsy(core.encode(views.listed(charge())):find("xyz", 1, true))
  end)

  it("tells webhooks the transaction, as the service sends it, and nothing of the charge", function()
    local data = views.event(charge { failure_code = "card_declined", updated = 1.5 }, "an organization")
    assert.same({
      transaction_id = ID, organization_id = "an organization", customer_id = data.customer_id,
      transaction_type = "payment", status = "failed", amount = 10000, gross_amount = 10000, currency_code = "XOF",
      provider_code = "STRIPE", payment_method_code = "CARDS", quantity = 1, metadata = { order = "1" },
      environment = "test", created_at = "1970-01-01T00:00:00.000Z", updated_at = "1970-01-01T00:00:01.500Z",
    }, data)
    assert.is_true(core.is_uuid4 == nil or core.is_uuid4(data.customer_id))
    assert.not_equal(ID, data.customer_id)
    assert.equal("c", views.event(charge { params = { customer_id = "c" } }, "o").customer_id)
  end)

  it("tells webhooks how a payment stands in one of three words", function()
    local function status(more) return views.event(charge(more), "o").status end
    assert.same({ "pending", "completed", "failed", "pending" }, { status {}, status { status = "succeeded" },
      status { status = "canceled", failure_code = "canceled" }, status { status = "requires_action" } })
  end)

  it("answers Wave in both spellings, and a pending one in the new one alone", function()
    local url = "http://127.0.0.1/pay/wave_1"
    local action = { type = "redirect", url = url }
    assert.same({ transactionId = ID, transaction_id = ID, checkoutUrl = url, checkout_url = url, wave_launch_url = url,
      status = "completed", next_action = action }, views.wave(charge { kind = "wave", status = "succeeded" }, url))
    assert.same({ transaction_id = ID, checkout_url = url, wave_launch_url = url, status = "PENDING",
      next_action = action }, views.wave(charge { kind = "wave", status = "pending" }, url))
  end)

  it("answers MTN with data, and the payer's phone to wait for", function()
    assert.same({ success = true, data = { transaction_id = ID, external_id = "mtn_1", reference_id = core.null,
      status = "completed" }, next_action = { type = "await_webhook", status = "completed" } },
      views.mtn(charge { id = "mtn_1", kind = "mtn", status = "succeeded" }))
    local pending = views.mtn(charge { kind = "mtn", status = "pending" })
    assert.same({ "PENDING", "PENDING" }, { pending.data.status, pending.next_action.status })
  end)
end)
