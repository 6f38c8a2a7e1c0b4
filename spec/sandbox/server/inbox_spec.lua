-- SPDX-License-Identifier: MIT
local Inbox = require "lomi.sandbox.server.inbox"

describe("lomi.sandbox.server.inbox", function()
  local inbox

  before_each(function()
    inbox = Inbox.new()
    for i, event in ipairs { "A", "B", "A" } do
      inbox:add({ ["x-lomi-event"] = event, ["x-lomi-signature"] = "s" .. i }, "body " .. i)
    end
  end)

  it("gives what came in order, raw", function()
    assert.same({ event = "A", headers = { ["x-lomi-event"] = "A", ["x-lomi-signature"] = "s1" }, body = "body 1" },
      inbox:take())
    assert.equal("body 2", inbox:take().body)
    assert.equal("body 3", inbox:take().body)
    assert.is_nil(inbox:take())
  end)

  it("gives one event and leaves those before it", function()
    assert.equal("body 2", inbox:take("B").body)
    assert.is_nil(inbox:take("B"))
    assert.equal("body 1", inbox:take().body)
    assert.equal("body 3", inbox:take().body)
  end)
end)
