-- SPDX-License-Identifier: MIT
-- One endpoint's queue, with what it submits in the spec's hands. The rest of its rules: deliveries_spec.lua.
local EndpointQueue = require "lomi.sandbox.server.endpoint_queue"

describe("lomi.sandbox.server.endpoint_queue", function()
  local now, queue, submitted

  before_each(function()
    now, submitted = 1000, {}
    queue = EndpointQueue.new(function() return now end, function(_, delivery)
      submitted[#submitted + 1] = delivery
      table.insert(delivery.tries, {})
    end)
  end)

  local function delivery(knobs)
    return { id = "1", state = "waiting", tries = {}, endpoint = knobs or {} }
  end

  it("is idle when nothing waits, nothing is in flight, and no pause goes on", function()
    assert.is_true(queue:is_idle())
    local one = delivery { backoff = 5, attempts = 2 }
    queue:add(one, now)
    assert.is_false(queue:is_idle()) -- ready
    queue:step()
    assert.is_false(queue:is_idle()) -- in flight
    queue:ended(one, 503)
    assert.is_false(queue:is_idle()) -- to be retried
    now = now + 5
    queue:step()
    queue:ended(one, 503)
    assert.same({ "given_up", 2 }, { one.state, #submitted })
    assert.is_true(queue:is_idle())
    queue:add(delivery { out_of_order = true }, now)
    assert.is_false(queue:is_idle()) -- waits to be overtaken
  end)

  it("is not idle during the pause of an endpoint that failed ten times, unless it is trusted again", function()
    for _ = 1, 10 do
      local one = delivery { attempts = 1 }
      queue:add(one, now)
      queue:step()
      queue:ended(one)
    end
    assert.is_false(queue:is_idle())
    queue:add(delivery(), now)
    assert.equal(0.5, queue:step())
    assert.equal(10, #submitted)
    queue:trust()
    queue:step()
    assert.equal(11, #submitted)
  end)

  it("sends no webhook that was dropped, and does not keep it", function()
    local waiting, late = {}, {}
    for i = 1, 1000 do
      waiting[i], late[i] = delivery(), delivery { late = 60 }
      queue:add(waiting[i], now)
      queue:add(late[i], now)
    end
    for i = 1, 900 do
      waiting[i].state, late[i].state = "dropped", "dropped"
      queue:drop()
      queue:drop()
    end
    assert.equal(100, queue.ready:count())
    assert.is_true(queue.later:size() <= 300, queue.later:size())
    queue:step()
    assert.equal(waiting[901], submitted[1])
  end)
end)
