-- SPDX-License-Identifier: MIT
local rules = require "lomi.rules"
local cost = require "spec.support.cost"

local RULES = {
  timeout = "seconds", pause = "wait", tries = "count", name = "string", call = "function", anything = "any",
  unit = { "main", "minor" }, backoff = { type = "table", fields = { base = "wait", cap = "wait" } },
  transport = "transport", now = "time",
}

local FULL = {
  port = { type = "whole", min = 0, max = 65535 },
  rate = { type = "number", above = 0 },
  when = { one_of = { true, "before", "after" } },
  cut = { type = "whole", min = 0, one_of = { true } },
  name = { type = "string", pattern = "^%a+$", says = "a word" },
  secret = { type = "string", secret = true },
  inner = { type = "table", fields = { limit = { type = "whole", min = 1, required = true } } },
  free = { type = "table", values = { type = "string" } },
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

describe("what a caller wrote, in a message", function()
  it("is short, on one line, without a key and a card number", function()
    local key = "lomi_sk_test_" .. ("Qx7"):rep(8)
    for _, name in ipairs { key, ("a"):rep(30) .. key, ("x"):rep(1e5), "\27[31m\n\226\128\174", ("é"):rep(30) } do
      for _, sentence in ipairs { rules.check({ [name] = 1 }, RULES), rules.check({ unit = name }, RULES) } do
        assert.is_true(#sentence < 300, #sentence)
        assert.is_nil(sentence:find "[%z\1-\31\127]", sentence)
        assert.is_nil(sentence:find("Qx7", 1, true), sentence)
        assert.is_nil(sentence:find("\226\128\174", 1, true))
      end
    end
    assert.equal(("é"):rep(20) .. "...", rules.shown(("é"):rep(30)))
    assert.equal("lomi_sk_test_[hidden]", rules.shown(key))
    assert.equal("card [card number]", rules.shown "card 4242 4242 4242 4242")
  end)

  it("is found among many in little time", function()
    local many = {}
    for i = 1, 20000 do many["option" .. i] = i end
    assert.is_true(cost.of(function() rules.check(many, RULES) end) < 0.2)
    assert.matches("^unknown option option1; the known ones are ", rules.check(many, RULES))
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

describe("rules that say more", function()
  it("finds nothing wrong with what fits", function()
    for _, good in ipairs {
      {}, { port = 0 }, { port = 65535 }, { rate = 0.5 }, { when = true }, { when = "after" }, { cut = 3 },
      { cut = true }, { name = "abc" }, { inner = { limit = 1 } }, { free = { a = "b" } },
    } do
      assert.is_nil(rules.check(good, FULL))
    end
  end)

  it("says what was given and what would be right", function()
    for _, case in ipairs {
      { { port = "1" }, 'port must be a whole number from 0 to 65535, not "1"' },
      { { port = 1.5 }, "port must be a whole number from 0 to 65535, not 1.5" },
      { { port = 65536 }, "port must be a whole number from 0 to 65535, not 65536" },
      { { port = 0 / 0 }, "port must be a whole number from 0 to 65535, not " },
      { { rate = 0 }, "rate must be a number above 0, not 0" },
      { { rate = math.huge }, "rate must be a number above 0, not inf" },
      { { when = "later" }, 'when must be true, "before" or "after", not "later"' },
      { { cut = false }, "cut must be a whole number of at least 0, or true, not false" },
      { { name = "a b" }, 'name must be a word, not "a b"' },
      { { inner = 3 }, "inner must be a table, not 3" },
      { { inner = {} }, "inner.limit is missing; it must be a whole number of at least 1" },
      { { inner = { limit = 0 } }, "inner.limit must be a whole number of at least 1, not 0" },
      { { free = { a = 1 } }, "free.a must be a string, not 1" },
      { { prot = 1 }, 'unknown field prot; did you mean "port"?' },
      { { completely_other = 1 }, "unknown field completely_other; the known ones are cut, free, inner, name, " },
      { { [1] = "port" }, "unknown field 1; the known ones are " },
    } do
      local message = rules.check(case[1], FULL, "field")
      assert.equal(case[2], message and message:sub(1, #case[2]))
    end
  end)

  it("takes a table and nothing else", function()
    assert.equal('expected a table of fields, not "x"', rules.check("x", FULL, "field"))
  end)

  it("does not repeat a secret", function()
    assert.equal("secret must be a string", rules.check({ secret = 4242 }, FULL))
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
