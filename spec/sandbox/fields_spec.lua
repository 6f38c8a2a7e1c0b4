-- SPDX-License-Identifier: MIT
local fields = require "lomi.sandbox.fields"

local RULES = {
  port = { type = "whole", min = 0, max = 65535 },
  rate = { type = "number", above = 0 },
  when = { one_of = { true, "before", "after" } },
  cut = { type = "whole", min = 0, one_of = { true } },
  name = { type = "string", pattern = "^%a+$", says = "a word" },
  secret = { type = "string", secret = true },
  inner = { type = "table", fields = { limit = { type = "whole", min = 1, required = true } } },
  free = { type = "table", values = { type = "string" } },
}

describe("lomi.sandbox.fields", function()
  it("finds nothing wrong with what fits", function()
    for _, good in ipairs {
      {}, { port = 0 }, { port = 65535 }, { rate = 0.5 }, { when = true }, { when = "after" }, { cut = 3 },
      { cut = true }, { name = "abc" }, { inner = { limit = 1 } }, { free = { a = "b" } },
    } do
      assert.is_nil(fields.check(good, RULES))
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
      local message = fields.check(case[1], RULES)
      assert.equal(case[2], message and message:sub(1, #case[2]))
    end
  end)

  it("takes a table and nothing else", function()
    assert.equal('expected a table of fields, not "x"', fields.check("x", RULES))
  end)

  it("does not repeat a secret", function()
    assert.equal("secret must be a string", fields.check({ secret = 4242 }, RULES))
  end)
end)
