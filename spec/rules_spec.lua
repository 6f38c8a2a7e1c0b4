-- SPDX-License-Identifier: MIT
local rules = require "lomi.rules"

local RULES = {
  timeout = "seconds", pause = "wait", tries = "count", name = "string", call = "function", anything = "any",
  unit = { "main", "minor" }, backoff = { base = "wait", cap = "wait" }, transport = "transport",
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
    assert.is_nil((fault { backoff = {} }))
  end)

  it("is a value of a wrong kind", function()
    for name, values in pairs {
      timeout = { 0, -1, 0 / 0, math.huge, "1", true }, pause = { -1, 0 / 0, math.huge, "1" },
      tries = { -1, 0.5, math.huge, 0 / 0, "1" }, name = { 1, true, {} }, call = { "print", {} },
      unit = { "", "Main", 1, true, {} }, backoff = { 1, "x", false }, transport = { 1, {}, { send = print }, print },
    } do
      for _, value in ipairs(values) do
        local found, wrong = fault { [name] = value }
        assert.equal(name, found)
        assert.matches("^[mh][ua]s", wrong) -- must, has
      end
    end
    local _, wrong = fault { unit = "x" }
    assert.equal('must be "main" or "minor"', wrong)
  end)

  it("is named with where it is", function()
    assert.same({ "backoff.base", "must be a number of seconds, 0 or more" }, { fault { backoff = { base = -1 } } })
  end)

  it("is an unknown name, with the nearest known one", function()
    local name, wrong, hint = fault { timeuot = 1 }
    assert.equal("timeuot", name)
    assert.is_nil(wrong)
    assert.equal('; did you mean "timeout"?', hint)
    name, wrong, hint = fault { backoff = { bse = 1 } }
    assert.equal("backoff.bse", name)
    assert.is_nil(wrong)
    assert.equal('; did you mean "base"?', hint)
    assert.equal("1", (fault { "x" }))
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
