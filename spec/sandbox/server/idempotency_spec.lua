-- SPDX-License-Identifier: MIT
local Idempotency = require "lomi.sandbox.server.idempotency"

local DAY = 24 * 60 * 60

local function same(a, b) return a:lower() == b:lower() end

describe("lomi.sandbox.server.idempotency", function()
  local store

  before_each(function() store = Idempotency.new(same) end)

  it("replays the first answer to the same body", function()
    local verdict, intent = store:begin("k", "body", 0)
    assert.equal("new", verdict)
    local answer = { status = 201 }
    store:complete(intent, answer)
    local again, none, replayed = store:begin("k", "BODY", 1)
    assert.equal("replay", again)
    assert.is_nil(none)
    assert.equal(answer, replayed)
  end)

  it("refuses another body, running or done", function()
    local _, intent = store:begin("k", "body", 0)
    assert.equal("reused", (store:begin("k", "other", 0)))
    store:complete(intent, {})
    assert.equal("reused", (store:begin("k", "other", 0)))
  end)

  it("says that the first one is still running", function()
    store:begin("k", "body", 0)
    assert.equal("in_progress", (store:begin("k", "body", 0)))
  end)

  it("keeps keys apart", function()
    store:begin("k", "body", 0)
    assert.equal("new", (store:begin("l", "body", 0)))
  end)

  it("forgets after 24 hours, not a second before", function()
    local _, intent = store:begin("k", "body", 1000)
    store:complete(intent, {})
    assert.equal("replay", (store:begin("k", "body", 1000 + DAY - 1)))
    assert.equal("new", (store:begin("k", "body", 1000 + DAY)))
  end)

  it("forgets an expired key also when an older one is still running", function()
    store:begin("slow", "body", 0)
    local _, intent = store:begin("k", "body", 1)
    store:complete(intent, {})
    assert.equal("new", (store:begin("k", "body", 1 + DAY)))
    assert.equal("in_progress", (store:begin("slow", "body", 1 + DAY)))
  end)

  it("has never seen an abandoned key", function()
    local _, intent = store:begin("k", "body", 0)
    store:abandon(intent)
    assert.equal("new", (store:begin("k", "other", 0)))
  end)

  it("does not forget the successor of an abandoned key with it", function()
    local _, first = store:begin("k", "body", 0)
    store:abandon(first)
    local _, second = store:begin("k", "body", 1)
    store:complete(second, {})
    assert.equal("replay", (store:begin("k", "body", DAY)))
  end)

  it("forgets the oldest finished ones when there are too many, never a running one", function()
    store = Idempotency.new(same, { items = 2, weight = 1e9 })
    local _, running = store:begin("running", "b", 0)
    for i = 1, 5 do
      local _, intent = store:begin("k" .. i, "b", 0)
      store:complete(intent, {})
    end
    assert.equal("in_progress", (store:begin("running", "b", 0)))
    store:complete(running, {})
    for i = 6, 9 do
      local _, intent = store:begin("k" .. i, "b", 0)
      store:complete(intent, {})
    end
    assert.equal("new", (store:begin("running", "b", 0)))
    assert.equal("replay", (store:begin("k9", "b", 0)))
  end)

  it("reads keys as the server does: trimmed, cut at 255", function()
    assert.equal("a b", Idempotency.read_key("  a b\t"))
    assert.equal(("k"):rep(255), Idempotency.read_key(" " .. ("k"):rep(300)))
    assert.is_nil(Idempotency.read_key("   "))
    assert.is_nil(Idempotency.read_key(nil))
  end)
end)
