-- SPDX-License-Identifier: MIT
local iso8601 = require "lomi.iso8601"

describe("lomi.iso8601", function()
  it("reads the contract's form", function()
    assert.equal(1795341600, iso8601.parse("2026-11-22T10:00:00.000Z"))
  end)

  it("reads instants on both sides of the epoch", function()
    for text, seconds in pairs {
      ["1970-01-01T00:00:00Z"] = 0,
      ["1969-12-31T23:59:59Z"] = -1,
      ["2000-02-29T00:00:00Z"] = 951782400,
      ["2000-03-01T00:00:00Z"] = 951868800,
      ["2038-01-19T03:14:08Z"] = 2147483648,
      ["2100-03-01T00:00:00Z"] = 4107542400,
      ["9999-12-31T23:59:59Z"] = 253402300799,
      ["0001-01-01T00:00:00Z"] = -62135596800,
    } do
      assert.equal(seconds, iso8601.parse(text), text)
    end
  end)

  it("agrees with the C library on every day of two centuries", function()
    local ok, year = pcall(os.date, "!%Y", 2^32)
    local wide = ok and year == "2106" -- a time_t of 32 bits knows 1902 to 2037
    for day = wide and -25567 or -24837, wide and 47482 or 24837 do -- 1900-01-01 to 2100-01-01
      local text = os.date("!%Y-%m-%dT%H:%M:%SZ", day * 86400)
      if iso8601.parse(text) ~= day * 86400 then assert.equal(day * 86400, iso8601.parse(text), text) end
    end
  end)

  it("applies the offset, across midnight too", function()
    local noon = iso8601.parse("2026-11-22T12:00:00Z")
    assert.equal(noon, iso8601.parse("2026-11-22T13:00:00+01:00"))
    assert.equal(noon, iso8601.parse("2026-11-22T02:30:00-09:30"))
    assert.equal(noon, iso8601.parse("2026-11-23T02:00:00+14:00"))
    assert.equal(noon, iso8601.parse("2026-11-22T12:00:00-00:00"))
  end)

  it("reads fractions of any length", function()
    assert.equal(0.5, iso8601.parse("1970-01-01T00:00:00.5Z"))
    assert.equal(0.125, iso8601.parse("1970-01-01T00:00:00.125+00:00"))
    assert.equal(0.999999999, iso8601.parse("1970-01-01T00:00:00." .. ("9"):rep(5000) .. "Z"))
  end)

  it("refuses what it cannot be sure of", function()
    for _, text in ipairs {
      "", "now", "1795341600", "2026-11-22", "2026-11-22T10:00:00", "2026-11-22 10:00:00Z", "2026-11-22t10:00:00z",
      "2026-11-22T10:00Z", "2026-11-22T10:00:00.Z", "2026-11-22T10:00:00,5Z", "20261122T100000Z",
      "2026-11-22T10:00:00+0100", "2026-11-22T10:00:00+01", "2026-11-22T10:00:00+24:00", "2026-11-22T10:00:00+01:60",
      "2026-11-22T10:00:00Z ", " 2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z\n", "2026-11-22T10:00:00Z\0",
      "2026-11-22T10:00:00ZZ", "2026-11-22T10:00:00.5", "2026-11-22T10:00:00.5.5Z", "-2026-11-22T10:00:00Z",
      "2026-00-22T10:00:00Z", "2026-13-22T10:00:00Z", "2026-11-00T10:00:00Z", "2026-11-31T10:00:00Z",
      "2026-02-29T10:00:00Z", "2100-02-29T10:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T10:60:00Z",
      "2026-11-22T10:00:60Z", "2026-1-22T10:00:00Z", "+2026-11-22T10:00:00Z",
    } do
      assert.is_nil(iso8601.parse(text), ("%q"):format(text))
    end
    for _, value in ipairs { 1795341600, true, {} } do assert.is_nil(iso8601.parse(value)) end
    assert.is_nil(iso8601.parse(nil))
  end)
end)
