-- SPDX-License-Identifier: MIT
--- The C part of the schema check. `spec/call/schema_spec.lua` has the rules themselves.
local charges = require "lomi.contract.charges"
local core = require "lomi.core"
local schema = require "lomi.call.schema"

local DTO = charges.create_card_charge.params
local UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"

local function fits(params)
  return core.fits_of(DTO)(params)
end

describe("core.fits_of", function()
  it("says yes to a charge that is right", function()
    for _, params in ipairs {
      { amount = 10000 }, { amount = 0.01 + 9999.99, customer_id = UUID },
      { amount = 10000, currency_code = "XOF", customer_email = "awa@example.com", customer_name = "Awa Ndiaye",
        metadata = { order_id = "ORD-1" }, hold = false },
    } do
      assert.is_true(fits(params))
    end
  end)

  it("says no word about anything else", function()
    for _, params in ipairs {
      {}, { amount = 0 }, { amount = 10.5 }, { amount = "1" }, { amount = 1, colour = 1 }, { amount = 1, [1] = 1 },
      { amount = 0 / 0 }, { amount = math.huge }, { amount = 1, description = core.null }, { amount = 1, hold = 1 },
      { amount = 1, customer_email = "awa@example.com" }, { amount = 1, currency = "EUR", currency_code = "EUR" },
      { amount = 1, metadata = { 1 } }, { amount = 1, currency = "XAF" }, setmetatable({ amount = 1 }, {}),
    } do
      assert.is_false(fits(params))
    end
    for _, params in ipairs { "x", 1, true, print, io.stdout } do assert.is_false(fits(params)) end
    assert.is_false(fits(nil))
  end)

  it("says no word about what encode would have to look at", function()
    local deep, endless = {}, {}
    for _ = 1, 5 do deep = { a = deep } end
    endless.a = endless
    for _, metadata in ipairs {
      { a = 1e12 }, { a = -1e12 }, { a = 0 / 0 }, { a = "\255" }, { ["\255"] = "a" }, { a = { 1 } }, { [1] = "a" },
      { a = print }, { a = core.null }, { a = core.empty_array }, { a = setmetatable({}, {}) }, setmetatable({}, {}),
      { a = ("x"):rep(65536) }, deep, endless,
    } do
      assert.is_false(fits { amount = 1, metadata = metadata })
    end
    assert.is_false(fits { amount = 1e12 })
    assert.is_false(fits { amount = 1, description = "\255" })
    local metadata = { a = { b = { c = { d = "\240\159\145\139\0\n" } } }, n = -999999999999, [""] = false, e = {} }
    local params = { amount = 1, metadata = metadata }
    assert.is_true(fits(params))
    assert.same(core.decode(core.encode(params)), core.decode(core.encode(params, true)))
  end)

  it("leaves to Lua what it does not know", function()
    local function dto(field, rule)
      field.name = "a"
      return core.fits_of { fields = { field }, rules = { rule }, required = {} }
    end
    assert.is_true(dto { type = "string" } { a = "x" })
    for _, unknown in ipairs {
      { type = "money" }, { type = "string", format = "phone" }, { type = "list" }, { type = "number", most = 3 },
      { type = "object", dto = {} }, { type = "string", enum = { "1", "2", "3", "4", "5", "6", "7", "8", "x" } },
      { type = "string", format = 1 }, {},
    } do
      assert.is_false(dto(unknown) { a = unknown.type == "number" and 1 or "x" })
      assert.is_true(dto(unknown) {})
    end
    assert.is_false(dto({ type = "string" }, { rule = "of_another_kind" }) { a = "x" })
    local many = {}
    for i = 1, 65 do many[i] = { name = "f" .. i, type = "string" } end
    assert.is_nil(core.fits_of { fields = many, rules = {}, required = {} })
    many[65] = nil
    local rules = {}
    for i = 1, 8 do rules[i] = { rule = "same", fields = { "f1", "f2" } } end
    local most = core.fits_of { fields = many, rules = rules, required = {} }
    assert.is_true(most { f1 = "x", f64 = "x" })
    assert.is_false(most { f1 = "x", f2 = "x" }) -- two of "same" are for Lua
    rules[9] = rules[1]
    assert.is_nil(core.fits_of { fields = many, rules = rules, required = {} })
  end)

  -- A null makes Lua look closer: both ways must tell the same faults.
  it("never says yes where Lua finds a fault", function()
    local VALUES = { 1, 10000, 10.5, 10.555, 0, -1, 0 / 0, "", " ", "x", "XOF", "USD", "xof", "awa@example.com", "a@b",
      "a@b.", "a@b..c", UUID, UUID:upper(), "c232ab00-9414-11ec-b3c8-9f6bdeced846", ("x"):rep(300), "dark", "auto",
      true, false, {}, { a = 1 }, { 1 }, "\1", "\127a@b.c", "a@\200.c" }
    local seed = 7
    local function random(n)
      seed = (seed * 16807) % 2147483647
      return seed % n + 1
    end
    local yes = 0
    for _ = 1, 20000 do
      local params = { amount = VALUES[random(3)] }
      for _ = 1, random(4) - 1 do params[DTO.fields[random(#DTO.fields)].name] = VALUES[random(#VALUES)] end
      local unused
      for _, field in ipairs(DTO.fields) do unused = params[field.name] == nil and field.name or unused end
      local _, quick = schema.check(DTO, params)
      params[unused] = core.null
      local _, slow = schema.check(DTO, params)
      if not quick then yes = yes + 1 end
      if quick or slow then assert.same(slow, quick) end
    end
    assert.is_true(yes > 500, yes)
  end)

  it("keeps what it compares with alive", function()
    local name = "field_" .. ("x"):rep(10)
    local check = core.fits_of { fields = { { name = name .. "_1", type = "string", enum = { "choice_" .. name } } },
      rules = {}, required = {} }
    collectgarbage()
    collectgarbage()
    assert.is_true(check { [name .. "_1"] = "choice_" .. name })
    assert.is_false(check { [name .. "_1"] = "choice_" })
  end)
end)

describe("core.is_uuid", function()
  it("takes hexadecimal digits and hyphens in their places", function()
    for _, text in ipairs { UUID, UUID:upper(), "00000000-0000-0000-0000-000000000000" } do
      assert.is_true(core.is_uuid(text))
    end
    for i = 1, 36 do
      for _, byte in ipairs { "g", "-", "\0", "/", ":", "@", "G", "`" } do
        local text = UUID:sub(1, i - 1) .. byte .. UUID:sub(i + 1)
        assert.equal(text == UUID, core.is_uuid(text))
      end
    end
    assert.is_false(core.is_uuid(UUID:sub(1, 35)))
    assert.is_false(core.is_uuid(UUID .. "0"))
    assert.is_true(core.is_uuid4(UUID))
    for _, text in ipairs { (UUID:gsub("41d3", "31d3")), (UUID:gsub("9a0c", "ca0c")), (UUID:gsub("9a0c", "\0a0c")) } do
      assert.is_false(core.is_uuid4(text))
    end
  end)
end)
