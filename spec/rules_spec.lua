-- SPDX-License-Identifier: MIT
local rules = require "lomi.rules"

local RULES = {
  timeout = "seconds", pause = "wait", tries = "count", name = "string", call = "function", anything = "any",
  unit = { "main", "minor" }, backoff = { base = "wait", cap = "wait" }, transport = "transport",
  now = "time",
}

local function fault(options)
  return rules.first_fault(options, RULES)
end

describe("the first fault of options", function()
  it("is none where all are right", function()
    assert.is_nil((fault {}))
    assert.is_nil((fault {
      timeout = 0.1, pause = 0, tries = 0, name = "", call = print, anything = false, unit = "minor",
      backoff = { base = 1, cap = 0 }, transport = { send = print, sleep = print, now = print },
    }))
    assert.is_nil((fault { backoff = {}, now = -1.5 }))
  end)

  it("is a value of a wrong kind", function()
    for name, values in pairs {
      timeout = { 0, -1, 0 / 0, math.huge, "1", true }, pause = { -1, 0 / 0, math.huge, "1" },
      tries = { -1, 0.5, math.huge, 0 / 0, "1" }, name = { 1, true, {} }, call = { "print", {} },
      unit = { "", "Main", 1, true, {} }, backoff = { 1, "x", false }, transport = { 1, {}, { send = print }, print },
      now = { "1", 0 / 0, -math.huge, true },
    } do
      for _, value in ipairs(values) do
        local found, reason = fault { [name] = value }
        assert.equal(name, found)
        assert.matches("^[mh][ua]s", reason) -- must, has
      end
    end
    local _, reason = fault { unit = "x" }
    assert.equal('must be "main" or "minor"', reason)
  end)

  it("is named with where it is", function()
    assert.same({ "backoff.base", "must be a number of seconds, 0 or more" }, { fault { backoff = { base = -1 } } })
  end)

  it("is an unknown name, with the nearest known one", function()
    local name, reason, hint = fault { timeuot = 1 }
    assert.equal("timeuot", name)
    assert.is_nil(reason)
    assert.equal('; did you mean "timeout"?', hint)
    name, reason, hint = fault { backoff = { bse = 1 } }
    assert.equal("backoff.bse", name)
    assert.is_nil(reason)
    assert.equal('; did you mean "base"?', hint)
    assert.equal("1", (fault { "x" }))
  end)
end)

describe("the first fault in one sentence", function()
  it("begins with the option's name, or says that there is no such option", function()
    assert.is_nil(rules.check({ name = "x" }, RULES))
    assert.equal('unit must be "main" or "minor"', rules.check({ unit = 1 }, RULES))
    assert.equal("backoff.base must be a number of seconds, 0 or more", rules.check({ backoff = { base = -1 } }, RULES))
    assert.equal('unknown option timeuot; did you mean "timeout"?', rules.check({ timeuot = 1 }, RULES))
  end)
end)

describe("a header's value", function()
  it("is printable ASCII without outer spaces", function()
    assert.is_nil(rules.header_fault "order 1~")
    assert.is_nil(rules.header_fault(("x"):rep(255), 255))
    for _, value in ipairs { "", " a", "a ", "a\n", "a\r\nX: 1", "a\0", "\127", "é", 1, true, {} } do
      assert.is_string(rules.header_fault(value))
    end
    assert.matches("255", rules.header_fault(("x"):rep(256), 255))
  end)
end)
