-- SPDX-License-Identifier: MIT
local advice = require "lomi.call.advice"

describe("the advice at the end of a message", function()
  local function of(err, operation)
    return advice(err, operation or {})
  end

  it("is for an unknown outcome", function()
    assert.is_nil(of { outcome = "rejected", idempotency_key = "k" })
    assert.is_nil(of { outcome = "not_sent", idempotency_key = "k" })
    assert.is_nil(of {})
    assert.matches("retry with the same idempotency_key", of { outcome = "unknown", idempotency_key = "k" })
    assert.matches("look it up before a retry", of { outcome = "unknown" })
  end)

  it("is to look it up where a retry tells nothing", function()
    for _, err in ipairs { { outcome = "unknown", idempotency_key = "k", replayed = true, status = 500 } } do
      assert.matches("look it up instead", of(err))
    end
    local told = of({ outcome = "unknown", idempotency_key = "k", status = 500 }, { ignores_key = true })
    assert.matches("look it up", told)
    assert.is_nil(told:find("retry", 1, true))
  end)

  it("is not added to a message that has its own", function()
    assert.is_nil(of { outcome = "unknown", code = "amount_mismatch", idempotency_key = "k" })
  end)

  it("is to use another key for a reused one", function()
    assert.matches("use a new key", of { outcome = "rejected", code = "idempotency_key_reused" })
  end)
end)
