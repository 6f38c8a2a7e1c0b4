-- SPDX-License-Identifier: MIT
local convert = require "lomi.cli.convert"

describe("lomi.cli.convert", function()
  local function refuses(name, ...)
    for _, text in ipairs { ... } do
      local value, wrong = convert[name](text)
      assert.is_nil(value, text)
      assert.matches("^%-%-" .. (name == "seconds" and "tolerance" or name) .. " takes ", wrong)
    end
  end

  it("takes plain amounts only", function()
    assert.equal(10000, convert.amount "10000")
    assert.equal(10.5, convert.amount "10.5")
    refuses("amount", "", " 1", "1 ", "1,5", "1e4", "0x10", "1.", ".5", "-1", "+1", "1.2.3", "nan", "inf", "1_000")
  end)

  it("takes a name and a value, the value as it is", function()
    assert.same({ name = "a", value = "b=c d" }, convert.metadata "a=b=c d")
    assert.same({ name = "a", value = "" }, convert.metadata "a=")
    assert.same({ name = "a", value = "1\n2" }, convert.metadata "a=1\n2")
    refuses("metadata", "", "a", "=b")
  end)

  it("takes ports, addresses and seconds", function()
    assert.equal(0, convert.port "0")
    assert.equal(65535, convert.port "65535")
    refuses("port", "", "65536", "-1", "1.0", "0x1", "99999999999999999999")
    assert.equal("127.0.0.1", convert.host "127.0.0.1")
    assert.equal("::1", convert.host "::1")
    refuses("host", "", "localhost", "127.0.0.1:80", "fe80::1%lo")
    assert.equal(1.5, convert.seconds "1.5")
    refuses("seconds", "", "-1", "1s", "inf")
  end)

  it("shows what was given, without driving the terminal, and not all of it", function()
    local _, wrong = convert.amount(("\27"):rep(100))
    assert.matches('not "' .. ("?"):rep(40) .. '..."', wrong, 1, true)
  end)
end)
