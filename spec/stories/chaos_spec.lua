-- SPDX-License-Identifier: MIT
-- The chaos proof in short; bench/chaos.lua is the long one.
local chaos = require "spec.support.chaos"

describe("in weather where 30 % of the requests go wrong,", function()
  local function sum(ends, pattern)
    local count = 0
    for word, number in pairs(ends) do
      if word:find(pattern) then count = count + number end
    end
    return count
  end

  it("500 charges are made once or not at all, as told, and one seed tells one story", function()
    local weather = { count = 500, seed = 42, rate = 0.3, delay = 0.002 }
    local report = chaos.run(weather)
    assert.same({}, report.violations)
    assert.equal(530, report.calls)
    -- It was bad weather, and every ending but "raised" came up.
    assert.is_true(report.attempts > 600, report.attempts)
    for _, ending in ipairs { "^charge$", "^unknown, ", "^rejected, ", "^not_sent, " } do
      assert.is_true(sum(report.ends, ending) > 0, ending)
    end
    assert.equal(report.asked_again, sum(report.ends, "^unknown, "))

    local again = chaos.run(weather)
    assert.same({}, again.violations)
    assert.equal(report.story, again.story)
    assert.same(report.ends, again.ends)
  end)

  it("and the client gives up waiting before the reply comes, it is no different", function()
    local report = chaos.run { count = 100, seed = 7, rate = 0.3, delay = 0.1, timeout = 0.05 }
    assert.same({}, report.violations)
  end)

  it("a service that ignores idempotency keys is found out", function()
    local report = chaos.run { count = 100, seed = 42, rate = 0.3, delay = 0.002,
      sandbox = { idempotency = "ignored" } }
    assert.matches("2 charges under one key", table.concat(report.violations, "\n"))
  end)
end)
