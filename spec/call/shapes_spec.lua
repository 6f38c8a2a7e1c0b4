-- SPDX-License-Identifier: MIT
local shapes = require "lomi.call.shapes"

describe("a record", function()
  it("is bare, or in data beside success", function()
    assert.same({ id = "a" }, shapes.record({ id = "a" }, {}))
    assert.same({ id = "a" }, shapes.record({ success = true, data = { id = "a" } }, {}))
  end)

  it("has what stands beside its data, and keeps its own", function()
    assert.same({ webhook_id = "w", secret = "whsec_1", url = "own" },
      shapes.record({ data = { webhook_id = "w", url = "own" }, secret = "whsec_1", url = "other" }, {}))
  end)

  it("may have a list called data", function()
    assert.same({ data = { 1 } }, shapes.record({ data = { 1 } }, {}))
  end)

  it("is no list", function()
    assert.equal("is a list, not an object", select(2, shapes.record({ { id = "a" } }, {})))
  end)

  it("has its id, unless another answer is one", function()
    local wanted = { id = "checkout_session_id", unless = "payment_required" }
    for _, body in ipairs { {}, { checkout_session_id = "" }, { checkout_session_id = 1 },
      { data = { id = "a" } } } do
      assert.equal("has no checkout_session_id", select(2, shapes.record(body, wanted)))
    end
    assert.is_truthy(shapes.record({ checkout_session_id = "a" }, wanted))
    assert.is_truthy(shapes.record({ payment_required = true }, wanted))
  end)
end)
