-- SPDX-License-Identifier: MIT
local child = require "spec.support.child"
local cost = require "spec.support.cost"
local core = require "lomi.core"
local locale = require "spec.support.locale"
local strike = require "spec.support.strike"

local MIB = 1024 * 1024

local function encode(value)
  local text, faults = core.encode(value)
  assert(text, faults and faults[1] and (faults[1].field .. " " .. faults[1].message))
  return text
end

-- The only fault of a value, if it is of that field.
local function fault_of(value, field)
  local text, faults = core.encode(value)
  assert.is_nil(text)
  assert.equal(1, #faults)
  assert.equal(field, faults[1].field)
  assert.is_string(faults[1].message)
  return faults[1].message
end

local function nested(depth)
  local value = {}
  for _ = 2, depth do value = { a = value } end
  return value
end

describe("lomi.core.encode", function()
  it("writes what JSON can hold", function()
    for text, value in pairs {
      ["10000"] = 10000, ["-1"] = -1, ["0.5"] = 0.5, ["true"] = true, ["false"] = false, ["null"] = core.null,
      ['"Awa"'] = "Awa", ['""'] = "", ["[1,2,3]"] = { 1, 2, 3 }, ['{"a":[{"b":"c"}]}'] = { a = { { b = "c" } } },
      ["{}"] = {}, ['{"metadata":{}}'] = { metadata = {} }, ["[1,null]"] = { 1, core.null },
      ['{"metadata":{"a":null}}'] = { metadata = { a = core.null } },
    } do
      assert.equal(text, encode(value))
    end
  end)

  it("writes a whole amount without a point, whatever Lua holds it as", function()
    assert.equal('{"amount":10000}', encode { amount = 10000 })
    assert.equal('{"amount":10000}', encode { amount = 10000.0 })
    assert.equal('{"amount":10000}', encode { amount = 1e4 })
  end)

  it("takes lua-cjson's null", function()
    assert.equal(require("cjson").null, core.null)
  end)

  it("writes whole numbers that read back equal", function()
    for _, number in ipairs {
      0, 1, -1, 1e14, -1e14, 1e15, -1e15, 10 ^ 14 - 1, 99999999999999, 123456789e10, 1e22, 2 ^ 46,
    } do
      assert.equal(number, tonumber(encode(number)))
    end
  end)

  it("refuses whole numbers that would not, wherever they are, and says what to do", function()
    local numbers = {
      2 ^ 53, -2 ^ 53, 12345678901234567, 10 ^ 15 + 1, -(10 ^ 15 + 1), 10 ^ 14 + 1, 2 ^ 63, 2 ^ 62,
      math.maxinteger, math.mininteger,
    }
    for _, number in ipairs(numbers) do
      for field, value in pairs {
        amount = { amount = number },
        ["metadata.order"] = { amount = 1, metadata = { order = number } },
        ["metadata.items[2].price"] = { metadata = { items = { { price = 1 }, { price = number } } } },
      } do
        local advised = fault_of(value, field):find("send it as a string", 1, true) ~= nil
        assert.equal(field ~= "amount", advised) -- an amount is a number
      end
    end
  end)

  if math.type then
    it("tells neighbouring integers apart", function()
      local big = math.tointeger(10 ^ 15)
      assert.equal(10 ^ 15, tonumber(encode(big)))
      for _, other in ipairs { big + 1, big - 1, math.tointeger(2 ^ 53) + 1 } do
        fault_of({ amount = other }, "amount")
      end
    end)
  end

  it("writes fractions to 14 significant digits", function()
    for text, number in pairs {
      ["0.3"] = 0.1 + 0.2, ["10.5"] = 10.5, ["19.99"] = 19.99, ["0.33333333333333"] = 1 / 3, ["-0.01"] = -0.01,
      ["999999999999.25"] = 999999999999.25,
    } do
      assert.equal('{"amount":' .. text .. "}", encode { amount = number })
    end
    assert.equal(1e-7, tonumber(encode(1e-7)))
  end)

  it("refuses fractions of 10^12 and more", function()
    for _, number in ipairs { 1e12 + 0.5, -1e12 - 0.5, 2 ^ 52 - 0.5 } do fault_of({ amount = number }, "amount") end
  end)

  it("refuses numbers that are not finite", function()
    for _, number in ipairs { 0 / 0, math.huge, -math.huge } do
      assert.matches("finite", fault_of({ metadata = { a = number } }, "metadata.a"))
    end
  end)

  it("refuses what JSON cannot hold", function()
    for kind, value in pairs {
      ["function"] = print, thread = coroutine.create(print), userdata = io.stdout,
    } do
      assert.matches(kind, fault_of({ metadata = { a = value } }, "metadata.a"))
    end
  end)

  it("refuses keys that would become something else", function()
    for _, map in ipairs { { a = 1, [2] = 3 }, { "x", a = 1 }, { [5] = "x" }, { 1, nil, 3 }, { [0] = 1 }, { [1.5] = 1 },
      { [-1] = 1 }, { [true] = 1 }, { [{}] = 1 } } do
      fault_of({ metadata = map }, "metadata")
    end
  end)

  it("tells all faults at once", function()
    local text, faults = core.encode { a = 0 / 0, b = print, c = "\255", d = { 2 ^ 53 }, e = 1 }
    assert.is_nil(text)
    local fields = {}
    for i, fault in ipairs(faults) do fields[i] = fault.field end
    table.sort(fields)
    assert.same({ "a", "b", "c", "d[1]" }, fields)
  end)

  it("tells 32 at most, and of a long name the start", function()
    local value = {}
    for i = 1, 40 do value[{}] = i end
    local _, faults = core.encode(value)
    assert.equal(32, #faults)
    fault_of({ [("k"):rep(100)] = print }, ("k"):rep(64) .. "...")
    fault_of({ ["k" .. ("é"):rep(100)] = print }, "k" .. ("é"):rep(31) .. "...") -- a whole number of characters
  end)

  it("names the body when there is no field to name", function()
    for _, value in ipairs { print, "\255", 0 / 0 } do fault_of(value, "body") end
  end)

  it("leaves the value as it was", function()
    local value = { amount = 10000, metadata = { a = core.null, b = { 1.5, "x" } } }
    encode(value)
    assert.same({ amount = 10000, metadata = { a = core.null, b = { 1.5, "x" } } }, value)
  end)
end)

describe("the limits", function()
  it("allow 64 levels, both ways", function()
    local text = encode(nested(64))
    assert.same(nested(64), core.decode(text))
    local lists = ("["):rep(64) .. ("]"):rep(64)
    assert.is_table(core.decode(lists))
  end)

  it("refuse 65 levels and more, both ways", function()
    for _, depth in ipairs { 65, 100, 5000 } do
      local text, faults = core.encode(nested(depth))
      assert.is_nil(text)
      assert.matches("64", faults[1].message)
      assert.matches("^a%.a%.", faults[1].field)
    end
    for _, depth in ipairs { 65, 100, 100000 } do
      local value, wrong = core.decode(("["):rep(depth) .. ("]"):rep(depth))
      assert.is_nil(value)
      assert.is_string(wrong)
    end
  end)

  it("refuse tables that contain themselves", function()
    local direct, far, wide = {}, { b = { {} } }, {}
    direct.self = direct
    far.b[1].up = far
    wide.a, wide.b, wide.c = wide, { wide, wide }, { { wide } }
    for _, cyclic in ipairs { direct, far, wide } do
      local text, faults = core.encode { metadata = cyclic }
      assert.is_nil(text)
      assert.matches("^metadata%.", faults[1].field)
      assert.matches("contains itself", faults[1].message)
    end
  end)

  it("do not mind one table in two places", function()
    local shared = { 1 }
    assert.same({ a = { 1 }, b = { 1 } }, core.decode(encode { a = shared, b = shared }))
  end)

  it("stop a value that is small in memory and endless when written", function()
    local output, status = child.run [[
      local core = require "lomi.core"
      local value = { 1 }
      for _ = 1, 50 do value = { value, value } end
      local text, faults = core.encode(value)
      assert(text == nil and #faults > 0)
    ]]
    assert.equal(0, status, output)
  end)

  it("count a key too, and stop there", function()
    local _, faults = core.encode { [("k"):rep(2 * MIB)] = { print } }
    assert.equal(1, #faults)
    assert.matches("1 MiB", faults[1].message)
  end)

  it("allow a body of 1 MiB, to the byte", function()
    assert.equal(MIB, #encode(("x"):rep(MIB - 2)))
    assert.equal(MIB, #encode { a = ("x"):rep(MIB - 8) })
    fault_of(("x"):rep(MIB - 1), "body")
    assert.is_nil((core.encode { a = ("x"):rep(MIB - 7) }))
  end)

  it("refuse more, and name the field where there is one", function()
    assert.matches("1 MiB", fault_of({ amount = 1, description = ("x"):rep(2 * MIB) }, "description"))
    assert.matches("1 MiB", fault_of(("\1"):rep(MIB / 4), "body")) -- six bytes each when written
    local many = {}
    for i = 1, MIB / 2 do many[i] = 12 end
    assert.is_nil((core.encode(many)))
    many = {}
    for i = 1, 3000 do many["k" .. i] = ("x"):rep(1000) end
    assert.is_nil((core.encode(many)))
  end)
end)

describe("UTF-8", function()
  local GOOD = {
    "", "\0", "\127", "é", "\194\128", "\223\191", "\224\160\128", "\237\159\191", "\238\128\128", "\239\191\191",
    "\240\144\128\128", "\244\143\191\191", "Ndèye — 10 000 F CFA 💳",
  }
  local BAD = {
    overlong = { "\192\128", "\193\191", "\224\128\128", "\224\159\191", "\240\128\128\128", "\240\143\191\191" },
    surrogate = { "\237\160\128", "\237\191\191", "\237\160\189\237\178\179" },
    ["past U+10FFFF"] = { "\244\144\128\128", "\245\128\128\128", "\247\191\191\191", "\248\136\128\128\128" },
    ["no lead byte"] = { "\128", "\191", "\254", "\255", "a\128b" },
    ["cut short"] = { "\195", "\226\130", "\240\159\146", "\195(", "\226(\161", "\226\130(", "\240\159(\146" },
    latin1 = { "caf\233", "\233t\233" },
  }

  it("goes through, as text and as key", function()
    for _, text in ipairs(GOOD) do
      for padding = 0, 9 do
        local padded = ("x"):rep(padding) .. text .. ("y"):rep(padding)
        assert.same({ [padded] = padded }, core.decode(encode { [padded] = padded }))
      end
    end
  end)

  it("is insisted on when encoding, at every offset", function()
    for why, list in pairs(BAD) do
      for _, text in ipairs(list) do
        for padding = 0, 9 do
          for _, padded in ipairs { ("x"):rep(padding) .. text, ("x"):rep(padding) .. text .. ("y"):rep(9) } do
            local written, faults = core.encode { description = padded }
            assert.is_nil(written, why)
            assert.equal("description", faults[1].field)
            assert.matches("UTF%-8", faults[1].message)
          end
        end
        local written, faults = core.encode { metadata = { [text] = 1 } }
        assert.is_nil(written, why)
        assert.is_truthy(core.encode(faults[1].field), "the name shown is valid UTF-8 itself")
      end
    end
  end)

  it("is insisted on when decoding, in text and in keys", function()
    for why, list in pairs(BAD) do
      for _, text in ipairs(list) do
        for _, json in ipairs { '"%s"', '{"a":"%s"}', '{"%s":1}', '[["xxxxxxx%s"]]' } do
          local value, wrong = core.decode((json:gsub("%%s", function() return text end)))
          assert.is_nil(value, why)
          assert.is_string(wrong)
        end
      end
    end
  end)

  it("makes U+FFFD of half a surrogate pair, however it is spelled, and reads the rest", function()
    assert.equal("é\0💳/", core.decode [["\u00e9\u0000\ud83d\udcb3\/"]])
    for _, case in ipairs {
      { [[\ud83d]], "�" }, { [[\uD83D]], "�" }, { [[\uDCb3]], "�" }, { [[\udcb3\ud83d]], "��" },
      { [[\ud83dx]], "�x" }, { [[Merci \ud83d!]], "Merci �!" }, { [[\ud83d\n]], "�\n" }, { [[\ud83d\"]], '�"' },
      { [[\ud83d\ud83d\udcb3]], "�💳" }, { [[\ud83d\udcb3\udcb3]], "💳�" }, { [[\ud83d\u00e9]], "�é" },
      { [[\ud890]], "�" }, { [[\uDF0F]], "�" }, { [[\uda9a\udfa9]], "\242\182\174\169" },
      { [[\\\ud83d]], "\\�" }, { [[\\ud83d]], "\\ud83d" }, { [[\\\\ud83d]], "\\\\ud83d" },
      { [[\ud83d\\udcb3]], "�\\udcb3" },
      { [[\dud83d]] }, { [[\ud83]] }, { [[\ud83d\]] }, { [[\ud83d\u]] }, { [[\ud83g]] },
    } do
      local json, text = '"' .. case[1] .. '"', case[2]
      assert.equal(text, (core.decode(json)), json)
      assert.same(text and { { a = text, n = 1.5 } }, (core.decode('[{"a":' .. json .. ',"n":1.5}]')), json)
      assert.same(text and { [text] = {} }, (core.decode("{" .. json .. ":[]}")), json)
      assert.is_nil((core.decode('"' .. case[1])), "cut")
    end
    assert.is_nil((core.decode [[\ud83d]]))
  end)
end)

describe("an empty list", function()
  it("goes out as [] when it came as one, wherever it is", function()
    for _, json in ipairs {
      "[]", "[[]]", '{"a":[]}', '{"a":{"b":[[],[[]]]}}', '[{"a":[]},{},[1,[]],""]', '{"a":"[]"}', '{"a":"[\\"[]"}',
      "{}", '[{}]', '{"\\"[]\\\\":[]}',
    } do
      assert.equal(json, encode(core.decode(json)))
      assert.equal(json, encode(core.decode(json, true)))
    end
    assert.equal('{"a":[]}', encode(core.decode '{ "a" : [ \t\r\n ] }'))
    assert.equal("[{}]", encode(core.decode "[{}]"))
  end)

  it("is a plain table to whoever reads it", function()
    local list = core.decode('{"a":[]}').a
    assert.equal("table", type(list))
    assert.equal(0, #list)
    assert.is_nil(next(list))
    assert.is_nil(list.anything)
    list[1] = "x"
    assert.equal('["x"]', encode(list))
    list[1], list.name = nil, "x"
    assert.equal('{"name":"x"}', encode(list))
  end)

  it("is written with core.empty_array, and leaves the value as it was", function()
    local value = { tags = core.empty_array, deep = { { core.empty_array } } }
    assert.equal("[]", encode(core.empty_array))
    assert.same({ tags = {}, deep = { { {} } } }, core.decode(encode(value)))
    assert.equal('[{"a":[]}]', encode { { a = core.empty_array } })
    assert.equal(core.empty_array, value.tags)
    assert.equal(core.empty_array, value.deep[1][1])
    assert.equal('{"a":{}}', encode { a = {} })
  end)

  it("lets no unchecked text out when a finalizer changes the value meanwhile", function()
    local output, status = child.run [[
      local core = require "lomi.core"
      local rows, change = {} -- a list is written in its order: the finalizers run before its last item is reached
      for i = 1, 3000 do rows[i] = { x = i, list = core.empty_array } end
      local payload = { rows }
      local function finalizer() payload[2] = change end
      local function arm()
        if newproxy then
          getmetatable(newproxy(true)).__gc = finalizer
        else
          setmetatable({}, { __gc = finalizer })
        end
      end
      local loop = {}
      loop[1], loop[2] = loop, loop
      for _, case in ipairs {
        { "\255", "UTF%-8" }, { "\255\255\255\255", "UTF%-8" }, { '["\255"]', "UTF%-8" }, { "\192\175", "UTF%-8" },
        { loop, "64 levels" },
      } do
        local refused = false -- after the check
        change = case[1]
        for _ = 1, 1000 do
          collectgarbage "stop"
          payload[2] = "ok"
          for _ = 1, 20 do arm() end
          collectgarbage "restart"
          local text, faults = core.encode(payload)
          if text then
            assert(text:find('"ok"]', 1, true), "encoded unchecked")
          else
            assert(faults[1].message:find(case[2]), faults[1].message)
            refused = faults[1].field == "body"
            if refused then break end
          end
        end
        assert(refused, "no finalizer ran in time")
      end
    ]]
    assert.equal(0, status, output)
  end)

  it("is no name", function()
    assert.is_nil((core.decode "{[]:1}"))
    assert.is_nil((core.decode '{"a":[]:1}'))
    assert.is_nil((core.decode "[]]"))
    assert.is_nil((core.decode "[] []"))
  end)

  it("counts for the limits as anything else", function()
    local list = {}
    for i = 1, 400000 do list[i] = core.empty_array end
    fault_of(list, "body")
    assert.is_nil((core.decode(("["):rep(65) .. ("]"):rep(65))))
    assert.equal(("["):rep(64) .. ("]"):rep(64), encode(core.decode(("["):rep(64) .. ("]"):rep(64))))
  end)
end)

describe("lomi.core.decode", function()
  it("gives whole numbers as integers, where Lua has them", function()
    for text, shown in pairs {
      ["10000"] = "10000", ["10000.0"] = "10000", ["1e4"] = "10000", ["-10000"] = "-10000", ["0"] = "0",
    } do
      assert.equal(shown, tostring(core.decode(text)))
      assert.equal(shown, tostring(core.decode('{"a":[' .. text .. "]}").a[1]))
      assert.equal(shown, tostring(core.decode('{"a":{"original_amount":' .. text .. "}}").a.original_amount))
    end
    for _, number in ipairs { 2 ^ 53, -2 ^ 53, 2 ^ 53 - 1 } do
      local value = core.decode(("%.0f"):format(number))
      assert.equal(number, value)
      if math.type then assert.equal(number == 2 ^ 53 - 1 and "integer" or "float", math.type(value)) end
    end
  end)

  it("leaves larger and fractional ones as they are", function()
    for text, number in pairs {
      ["1e300"] = 1e300, ["10.5"] = 10.5, ["-0.01"] = -0.01, ["18014398509481984.0"] = 2 ^ 54,
    } do
      local value = core.decode(text)
      assert.equal(number, value)
      if math.type then assert.equal("float", math.type(value)) end
    end
  end)

  it("makes null an absent field", function()
    assert.same({ a = 1, c = { e = {} } }, core.decode '{"a":1,"b":null,"c":{"d":null,"e":{"f":null}}}')
    assert.is_nil((core.decode "null"))
    local list = core.decode "[null,2,null]"
    assert.is_nil(list[1])
    assert.equal(2, list[2])
    assert.is_nil(list[3])
    local many = {}
    for i = 1, 500 do many[i] = ('"k%d":null,"v%d":%d'):format(i, i, i) end
    local count = 0
    for name, value in pairs(core.decode("{" .. table.concat(many, ",") .. "}")) do
      assert.equal(name, "v" .. value)
      count = count + 1
    end
    assert.equal(500, count)
  end)

  it("keeps null when asked to", function()
    assert.same({ a = core.null, b = { core.null, 1 } }, core.decode('{"a":null,"b":[null,1]}', true))
  end)

  it("says what is wrong with what is not JSON", function()
    for _, text in ipairs {
      "", " ", "{", "}", "{]", '{"a":1', '{"a" 1}', "{a:1}", "{'a':1}", "[1,]", '"open', "tru", "nope", "1 2", "{}{}",
      "<html>502 Bad Gateway</html>", "NaN", "nan", "Infinity", "-Infinity", "inf", "0x10", "[NaN]", '{"a":-inf}',
      "1e999", '{"a":[-1e999]}', "\0", "\255\254{\0}\0", '{"a":1,5}',
    } do
      local value, wrong = core.decode(text)
      assert.is_nil(value, ("%q"):format(text))
      assert.is_string(wrong)
    end
  end)

  it("does not take a NUL for the end", function()
    for _, text in ipairs { "{}\0", "{}\0{}", '{"a":1}\0<html>' } do
      local value, wrong = core.decode(text)
      assert.is_nil(value, ("%q"):format(text))
      assert.is_string(wrong)
    end
  end)

  it("refuses a raw control character in a string, and nowhere else a space", function()
    for byte = 1, 31 do
      local c = string.char(byte)
      for _, json in ipairs { '"%s"', '{"a":"xxxxxxxxx%s"}', '["\\\\%s"]', '{"%s":1}', '["[]","%s"]' } do
        local value, wrong = core.decode((json:gsub("%%s", c)))
        assert.is_nil(value, ("%q"):format(json))
        assert.matches("control character", wrong)
      end
      local value = core.decode(('{%s"a"%s:%s[1]%s}%s'):gsub("%%s", c))
      assert.same(c:find "[\t\n\r]" and { a = { 1 } } or nil, value)
    end
    assert.equal("\127", core.decode '"\127"')
  end)

  it("still works after each of them", function()
    core.decode "{"
    assert.same({ a = 1 }, core.decode '{"a":1}')
  end)
end)

describe("a reply", function()
  local LARGEST = 1280 * 1024
  local VALUE = 41 -- a comma, and what a value counts beside it

  local function read(text) return (core.decode(text, false, true)) end

  it("is read up to 1.25 MiB, each value counted as 40 bytes more, and not one byte more", function()
    local frame = '{"a":"' .. '"}'
    local room = LARGEST - #frame - 40
    assert.equal(room, #read('{"a":"' .. ("x"):rep(room) .. '"}').a)
    assert.is_nil(read('{"a":"' .. ("x"):rep(room + 1) .. '"}'))
    local items = math.floor((LARGEST - 43) / (VALUE + 1))
    assert.equal(items + 1, #read("[" .. ("1,"):rep(items) .. "1]"))
    assert.is_nil(read("[" .. ("1,"):rep(items + 1) .. "1]"))
    assert.equal(items + 2, #core.decode("[" .. ("1,"):rep(items + 1) .. "1]"))
  end)

  it("may hold commas, brackets and quotes in its text, and spaces up to 4 MiB", function()
    for _, text in ipairs { ",", "[", "{", '\\"', "\\\\", "\\u0041" } do
      local body = '{"a":"' .. text:rep(math.floor(MIB / #text)) .. '"}'
      assert.is_table(read(body), text)
    end
    assert.same({}, read("{" .. (" "):rep(4 * MIB - 2) .. "}"))
  end)

  it("is small work, whatever is in it", function()
    local distinct = {}
    for i = 1, 25000 do distinct[i] = ('"%x":1'):format(i * 2654435761 % 2 ^ 32) end
    for name, text in pairs {
      lists = "[" .. ("[],"):rep(1300000) .. "1]", numbers = "[" .. ("1,"):rep(2000000) .. "1]",
      names = "{" .. table.concat(distinct, ",") .. "}", text = '["' .. ("x"):rep(4 * MIB - 4) .. '"]',
      digits = "[" .. ("1"):rep(4 * MIB - 2) .. "]", white = "[" .. ("\t"):rep(4 * MIB - 2) .. "]",
      halves = '["' .. ("\\ud83d"):rep(180000) .. '"]', escapes = '["' .. ("\\n"):rep(600000) .. '"]',
      brackets = ("]"):rep(4 * MIB),
    } do
      assert.is_true(cost.of(function() read(text) end) < 0.05, name)
    end
  end)
end)

describe("a decimal comma", function()
  local DATA = { amount = 10.5, whole = 10000, big = 1e15, small = 1e-7 }

  local function round_trip()
    local text = encode { amount = 10.5 }
    assert.equal('{"amount":10.5}', text)
    assert.equal(10.5, core.decode(text).amount)
    assert.same(DATA, core.decode(encode(DATA)))
    assert.is_nil((core.decode '{"amount":10,5}'))
    assert.same({ 10, 5 }, core.decode "[10,5]")
  end

  before_each(function() locale.need_french(pending) end)

  it("does not get into numbers when the locale comes later, or goes", function()
    round_trip()
    locale.under(locale.FRENCH, round_trip)
    round_trip()
    locale.under(locale.FRENCH, function() assert.equal(10.5, core.decode "10.5") end)
    assert.equal(10.5, core.decode "10.5")
    locale.under(locale.FRENCH, function() assert.equal("10.5", encode(10.5)) end)
    assert.equal("10.5", encode(10.5))
  end)

  it("does not get into numbers when the locale was there first", function()
    local output, status = child.run([[
      assert(os.setlocale("fr_FR.UTF-8"))
      local core = require "lomi.core"
      local function check()
        assert(core.encode { amount = 10.5 } == '{"amount":10.5}')
        assert(core.decode('{"amount":10.5}').amount == 10.5)
      end
      check()
      assert(os.setlocale "C")
      check()
      assert(os.setlocale("fr_FR.UTF-8"))
      check()
    ]])
    assert.equal(0, status, output)
  end)

  it("does not change what is refused", function()
    locale.under(locale.FRENCH, function()
      fault_of({ amount = 10 ^ 15 + 1 }, "amount")
      fault_of({ amount = 1e12 + 0.5 }, "amount")
      assert.equal(1e15, core.decode(encode(1e15)))
    end)
  end)
end)

describe("a decimal point of several bytes", function()
  local path

  setup(function() path = locale.make { "ps_AF", "fr_FR" } end)
  teardown(function() locale.remove(path) end)

  -- Runs the script, with a function that checks the codec, in a process that knows these locales.
  local function run(script)
    if not path then pending "localedef makes no ps_AF.UTF-8 here" end
    local output, status = child.run([[
      local core
      local function check()
        core = core or require "lomi.core"
        assert(core.encode { amount = 10.5 } == '{"amount":10.5}')
        assert(core.decode('{"amount":10.5}').amount == 10.5)
        assert(core.decode(core.encode { big = 1e15 }).big == 1e15)
        assert(not core.decode '{"amount":10,5}' and not core.decode "{")
      end
    ]] .. script .. " print 'done'", { LOCPATH = path })
    assert.same({ "done", 0 }, { output, status })
  end

  it("does not end the process when it is there first", function()
    run [[
      assert(os.setlocale "ps_AF.UTF-8")
      check()
      assert(os.setlocale "C")
      check()
    ]]
  end)

  it("lets the client be loaded, and charge", function()
    run [[
      local reply = '{"success":true,"data":{"id":"pi_1","client_secret":"s","amount":1050,"currency":"eur",'
        .. '"original_amount":10.5,"original_currency":"EUR","status":"requires_payment_method"}}'
      local sent
      assert(os.setlocale "ps_AF.UTF-8")
      local client = require("lomi").new { api_key = "lomi_sk_test_demo", transport = {
        now = os.clock, sleep = function() end,
        send = function(_, request) sent = request.body return { status = 201, headers = {}, body = reply } end,
      } }
      local charge = assert(client.charges:create_card_charge {
        amount = 21 / 2, currency_code = "EUR", customer_email = "awa@example.com", customer_name = "Awa Ndiaye",
      })
      assert(charge.original_amount == 21 / 2 and sent:find('"amount":10.5', 1, true))
    ]]
  end)

  it("lets the sandbox be started, and charge", function()
    run [[
      assert(os.setlocale "ps_AF.UTF-8")
      local sandbox = require("lomi.sandbox").start()
      local client = require("lomi").new { api_key = "lomi_sk_test_demo", base_url = sandbox.url }
      local charge = assert(client.charges:create_card_charge {
        amount = 21 / 2, currency_code = "EUR", customer_email = "awa@example.com", customer_name = "Awa Ndiaye",
      })
      assert(charge.amount == 1050)
      assert(sandbox:confirm(charge.id, "4242424242424242").status == "succeeded")
      local ok, message = pcall(sandbox.fail, sandbox, { delay = -1 / 2 })
      assert(message:find("not -0.5", 1, true), message)
      sandbox:stop()
    ]]
  end)

  it("lets every module be compiled", function()
    run [[
      assert(os.setlocale "ps_AF.UTF-8")
      for path in io.popen("find lua -name '*.lua'"):lines() do assert(loadfile(path)) end
    ]]
  end)

  it("does not end the process when it comes later, and goes", function()
    run [[
      check()
      for _, name in ipairs { "ps_AF.UTF-8", "C", "fr_FR.UTF-8", "ps_AF.UTF-8", "fr_FR.UTF-8", "C" } do
        assert(os.setlocale(name))
        check()
      end
    ]]
  end)
end)

describe("the shared lua-cjson", function()
  it("is neither changed nor listened to", function()
    local output, status = child.run [[
      local cjson = require "cjson"
      local function settings()
        return table.concat({ cjson.encode_number_precision(), cjson.encode_max_depth(), cjson.decode_max_depth(),
          tostring(cjson.decode_invalid_numbers()) }, " ")
      end
      local before = settings()
      local core = require "lomi.core"
      assert(core.encode { 1.5 } and core.decode "[1.5]" and not core.decode "[")
      assert(settings() == before, settings())
      cjson.encode_number_precision(3)
      cjson.encode_invalid_numbers(true)
      cjson.decode_invalid_numbers(true)
      cjson.encode_max_depth(1)
      cjson.decode_max_depth(1)
      assert(core.encode { a = { 1234.5678 } } == '{"a":[1234.5678]}')
      assert(core.decode('{"a":[1234.5678]}').a[1] == 1234.5678)
      assert(not core.decode "[NaN]" and not core.encode { 0 / 0 })
    ]]
    assert.equal(0, status, output)
  end)

  it("may have empty arrays, as OpenResty's fork does, which are then ours", function()
    local output, status = child.run [=[
      local cjson = require "cjson"
      local mark = debug.upvalueid(function() return cjson end, 1) -- a light userdata that is not null
      local fork = { new = cjson.new, empty_array = mark, empty_array_mt = {}, array_mt = {} }
      package.loaded.cjson = fork
      local core = require "lomi.core"
      assert(core.empty_array == mark)
      assert(core.encode { a = { mark } } == '{"a":[[]]}')
      for _, mt in ipairs { fork.empty_array_mt, fork.array_mt } do
        assert(core.encode { setmetatable({}, mt), setmetatable({ 1 }, mt), {} } == "[[],[1],{}]")
      end
      assert(getmetatable(core.decode "[]") == fork.empty_array_mt)
    ]=]
    assert.equal(0, status, output)
  end)

  it("may be missing something, which the error names", function()
    for given, named in pairs {
      ["{ encode = print, decode = print, null = 0 }"] = "no function new", ["true"] = "no function new",
      ["{ new = function() return {} end }"] = "no function encode_number_precision",
    } do
      local output, status = child.run("package.loaded.cjson = " .. given .. " local core = require 'lomi.core'")
      assert.equal(1, status)
      assert.matches("lomi needs lua%-cjson.*module cjson has " .. named, output)
    end
  end)

  it("that cannot be loaded says why itself", function()
    local output, status = child.run [[
      package.loaded.cjson = nil
      package.preload.cjson = function() error("built for another Lua", 0) end
      local ok, problem = pcall(require, "lomi.core")
      print(ok, (tostring(problem):gsub("\n.*", "")))
    ]]
    assert.equal(0, status, output)
    assert.matches("^false\t.*built for another Lua", output)
  end)

  it("may be cjson.safe, which raises nothing", function()
    local output, status = child.run [[
      package.loaded.cjson = require "cjson.safe"
      local core = require "lomi.core"
      assert(core.encode { a = 1.5 } == '{"a":1.5}')
      local value, wrong = core.decode "{"
      assert(value == nil and wrong:find "Expected")
    ]]
    assert.equal(0, status, output)
  end)
end)

describe("Ctrl-C, whose hook acts at any call,", function()
  for name, action in pairs {
    encode = function() return core.encode { amount = 10000, list = {} } end,
    decode = function() return core.decode '{"data":{"amount":10000,"list":[]}}' end,
  } do
    it("is no fault of the value in " .. name, function()
      strike.everywhere("interrupted!", action, function(where, ok, why)
        assert.is_false(ok, where)
        assert.equal("interrupted!", why, where)
      end)
    end)
  end
end)
