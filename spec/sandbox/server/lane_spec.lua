-- SPDX-License-Identifier: MIT
-- One endpoint's lane, with what it submits in the spec's hands. The rest of its rules: deliveries_spec.lua.
local Lane = require "lomi.sandbox.server.lane"

describe("lomi.sandbox.server.lane", function()
  local now, lane, submitted

  before_each(function()
    now, submitted = 1000, {}
    lane = Lane.new(function() return now end, function(_, delivery)
      submitted[#submitted + 1] = delivery
      table.insert(delivery.tries, {})
    end)
  end)

  local function delivery(knobs)
    return { id = "1", state = "waiting", tries = {}, endpoint = knobs or {} }
  end

  it("is idle when nothing waits, nothing is in flight, and no pause goes on", function()
    assert.is_true(lane:is_idle())
    local one = delivery { backoff = 5, attempts = 2 }
    lane:add(one, now)
    assert.is_false(lane:is_idle()) -- ready
    lane:step()
    assert.is_false(lane:is_idle()) -- in flight
    lane:ended(one, 503)
    assert.is_false(lane:is_idle()) -- to be retried
    now = now + 5
    lane:step()
    lane:ended(one, 503)
    assert.same({ "given_up", 2 }, { one.state, #submitted })
    assert.is_true(lane:is_idle())
    lane:add(delivery { out_of_order = true }, now)
    assert.is_false(lane:is_idle()) -- waits to be overtaken
  end)

  it("is not idle during the pause of an endpoint that failed ten times, unless it is trusted again", function()
    for _ = 1, 10 do
      local one = delivery { attempts = 1 }
      lane:add(one, now)
      lane:step()
      lane:ended(one)
    end
    assert.is_false(lane:is_idle())
    lane:add(delivery(), now)
    assert.equal(0.5, lane:step())
    assert.equal(10, #submitted)
    lane:trust()
    lane:step()
    assert.equal(11, #submitted)
  end)

  it("sends no webhook that was dropped, and does not keep it", function()
    local waiting, late = {}, {}
    for i = 1, 1000 do
      waiting[i], late[i] = delivery(), delivery { late = 60 }
      lane:add(waiting[i], now)
      lane:add(late[i], now)
    end
    for i = 1, 900 do
      waiting[i].state, late[i].state = "dropped", "dropped"
      lane:drop()
      lane:drop()
    end
    assert.equal(100, lane.ready:count())
    assert.is_true(lane.later:size() <= 300, lane.later:size())
    lane:step()
    assert.equal(waiting[901], submitted[1])
  end)
end)
