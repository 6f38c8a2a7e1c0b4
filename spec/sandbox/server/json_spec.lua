-- SPDX-License-Identifier: MIT
local core = require "lomi.core"
local json = require "lomi.sandbox.server.json"

describe("lomi.sandbox.server.json", function()
  it("writes what core refuses: whole numbers of 15 digits and more, exactly", function()
    assert.equal('{"amount":152449017237411}', json.encode { amount = 152449017237411 })
    assert.equal('{"amount":-9007199254740991}', json.encode { amount = -9007199254740991 })
  end)

  it("writes large fractions", function()
    local text = json.encode { amount = 1234567890123.5 }
    assert.equal(1234567890123.5, core.decode(text).amount)
  end)

  it("writes bytes that are not UTF-8, visibly, wherever they stand", function()
    assert.equal("caf\\xE9", core.decode(json.encode { text = "caf\233" }).text)
    assert.equal(1, core.decode(json.encode { ["\255"] = 1 })["\\xFF"])
  end)

  it("does not take a string for one of its own numbers", function()
    local decoded = core.decode(json.encode { a = "\0015\1", b = "\255" })
    assert.equal("\0015\1", decoded.a)
  end)

  it("writes tables that are too deep", function()
    local deep = {}
    for _ = 1, 100 do deep = { deep } end
    assert.is_table(core.decode(json.encode(deep)))
  end)

  it("writes more than 1 MiB, lists and nulls too, without cutting a character", function()
    local long = ("é"):rep(600 * 1024)
    local decoded = core.decode(json.encode { list = { long, json.null, true, "x" }, object = { a = long } }, true)
    assert.is_true(decoded.list[1] == long and decoded.object.a == long)
    assert.same({ json.null, true, "x" }, { decoded.list[2], decoded.list[3], decoded.list[4] })
    assert.equal(1024 * 1024, #core.decode(json.encode { ("\255"):rep(256 * 1024) })[1])
  end)

  it("refuses control characters inside strings, and takes white space between them", function()
    for byte = 0, 31 do
      local value, why = json.decode('{"a":"b' .. string.char(byte) .. '"}')
      assert.is_nil(value)
      assert.is_string(why)
    end
    assert.same({ a = '\n"\\', b = "]" }, json.decode('{\r\n\t"a" : "\\n\\"\\\\",\n"b":"]"}\n'))
    assert.is_nil((json.decode('{"a\n":1}')))
    assert.is_nil((json.decode('\n"')))
  end)

  it("writes an item that can be read with the list and the object around it", function()
    for depth = 55, 70 do
      local value = {}
      for _ = 2, depth do value = { a = value } end
      local list = json.with_list("data", { json.encode_item(value), json.encode_item(value) })
      local read = core.decode(list)
      assert.is_table(read, depth)
      if depth <= 62 then assert.same({ value, value }, read.data) end
    end
    assert.equal('{"a":[1,2]}', json.encode_item { a = { 1, 2 } })
    assert.equal('"a"', json.encode_item "a")
  end)

  it("keeps an empty list a list", function()
    assert.equal('{"data":[]}', json.with_list("data", {}))
    assert.equal('{"data":[1,2],"next":3}', json.with_list("data", { "1", "2" }, ',"next":3'))
  end)

  it("knows the same JSON from another", function()
    assert.is_true(json.same('{"a":1,"b":[1,{"c":null}]}', ' { "b" : [1.0, {"c":null}], "a":1e0 }'))
    for _, pair in ipairs {
      { '{"a":1}', '{"a":2}' }, { '{"a":1}', '{"a":1,"b":2}' }, { '{"a":1,"b":2}', '{"a":1}' },
      { '{"a":[1,2]}', '{"a":[2,1]}' }, { '{"a":null}', "{}" }, { '{"a":"1"}', '{"a":1}' }, { "{", "[" },
    } do
      assert.is_false(json.same(pair[1], pair[2]), pair[1] .. " " .. pair[2])
    end
    assert.is_true(json.same("{", "{"))
  end)
end)
