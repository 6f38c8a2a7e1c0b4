-- SPDX-License-Identifier: MIT
local core = require "lomi.core"
local views = require "lomi.sandbox.server.views"

local function charge(more)
  local all = {
    id = "pi_1", secret = "xyz", kind = "card", params = { metadata = { order = "1" } }, amount = 1524,
    currency = "eur", original_amount = 10000, original_currency = "XOF", status = "requires_payment_method",
    transaction_id = "t", created = 0,
  }
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

describe("lomi.sandbox.server.views", function()
  it("shows a new charge as CardChargeResponseDto has it, and no more", function()
    assert.same({
      id = "pi_1", client_secret = "pi_1_secret_xyz", amount = 1524, currency = "eur", original_amount = 10000,
      original_currency = "XOF", status = "requires_payment_method",
    }, views.created(charge()))
  end)

  it("shows the appearance if any of it was sent", function()
    assert.same({ theme = "dark" }, views.created(charge { params = { appearance_theme = "dark" } }).appearance)
    assert.same({ border_radius = 0 },
      views.created(charge { params = { appearance_border_radius = 0 } }).appearance)
  end)

  it("shows a transaction once somebody has tried to pay", function()
    assert.equal(core.null, views.current(charge()).transaction)
    assert.same({ transaction_id = "t", status = "failed" },
      views.current(charge { transaction_status = "failed" }).transaction)
  end)

  it("shows of a hold what can be done with it", function()
    local view = views.current(charge { params = { hold = true } })
    assert.same({ 0, core.null, false }, { view.amount_capturable, view.capture_before, view.can_increment })
    view = views.current(charge { params = { hold = true }, status = "requires_capture", capture_before = 0.25 })
    assert.same({ 10000, "1970-01-01T00:00:00.250Z", true },
      { view.amount_capturable, view.capture_before, view.can_increment })
    assert.is_nil(views.current(charge()).can_increment)
  end)

  it("lists a charge without its client_secret", function()
    assert.falsy(core.encode(views.listed(charge())):find("xyz", 1, true))
  end)

  it("tells webhooks the amount as it was asked for", function()
    local data = views.event("PAYMENT_FAILED", charge { failure_code = "card_declined" })
    assert.same({ "t", 10000, "XOF", "failed", "card_declined", "1" }, { data.transaction_id, data.amount,
      data.currency, data.status, data.failure_code, data.metadata.order })
    assert.equal("canceled", views.event("PAYMENT_FAILED", charge { status = "canceled" }).status)
    assert.falsy(core.encode(data):find("xyz", 1, true))
  end)
end)
