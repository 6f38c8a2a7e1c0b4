-- SPDX-License-Identifier: MIT
local core = require "lomi.core"
local Merchant = require "lomi.sandbox.server.merchant"
local confirmation = require "lomi.sandbox.server.confirmation"

describe("lomi.sandbox.server.confirmation", function()
  local now, service, executed

  local work = confirmation("refund", function(_, _, params)
    if params.amount > 100 then return nil, { message = "too much" } end
    return { amount = params.amount }
  end, function(_, _, params, planned)
    executed[#executed + 1] = { params.amount, planned.amount }
    return { status = 201, body = '{"done":true}' }
  end)

  before_each(function()
    now, executed = 1000, {}
    local count = 0
    service = { options = {}, merchant = Merchant.new {
      random = function()
        count = count + 1
        return ("%032x"):format(count)
      end,
      uuid = core.uuid4, clock = function() return now end, organization = "o",
    } }
  end)

  local function call(params, more)
    local one = { params = params, path = "/refunds", scope = "a", body = "", warn = function() end }
    for name, value in pairs(more or {}) do one[name] = value end
    local reply, fault = work(service, one)
    return reply and core.decode(reply.body), fault
  end

  local function body(amount, token)
    return { transaction_id = "t", amount = amount, confirmation_token = token }
  end

  it("gives a preview first, and does nothing", function()
    local preview = call(body(50))
    assert.is_true(preview.requires_confirmation)
    assert.same({ amount = 50 }, preview.preview)
    assert.equal("1970-01-01T00:26:40.000Z", preview.expires_at) -- ten minutes on
    assert.same({}, executed)
  end)

  it("does it with the preview's token, once", function()
    local token = call(body(50)).confirmation_token
    assert.is_true(call(body(50, token)).done)
    local _, fault = call(body(50, token))
    assert.matches("unknown, used or expired", fault.message)
    assert.same({ { 50, 50 } }, executed)
  end)

  it("does nothing with another body, path or organization, nor too late", function()
    local token = call(body(50)).confirmation_token
    for _, case in ipairs {
      { body(60, token), nil, "not the one that was previewed" }, { body(50, token), { path = "/payouts" }, "unknown" },
      { body(50, token), { scope = "b" }, "unknown" }, { body(50, "conf_guessed"), nil, "unknown" },
    } do
      assert.matches(case[3], (select(2, call(case[1], case[2]))).message)
    end
    now = now + 600
    assert.matches("expired", (select(2, call(body(50, token)))).message)
    assert.same({}, executed)
  end)

  it("checks and plans at both calls", function()
    assert.equal("amount_invalid", (select(2, call(body(0)))).code)
    assert.equal("too much", (select(2, call(body(101)))).message)
  end)

  it("does it at the first call where the deployment does", function()
    service.options.confirmation = "skipped"
    assert.is_true(call(body(50)).done)
    assert.same({ { 50, 50 } }, executed)
  end)
end)
