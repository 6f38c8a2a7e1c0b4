-- SPDX-License-Identifier: MIT
local ascii = require "lomi.ascii"
local cost = require "spec.support.cost"
local locale = require "spec.support.locale"

local EVERY_BYTE = {}
for byte = 0, 255 do EVERY_BYTE[byte + 1] = string.char(byte) end
EVERY_BYTE = table.concat(EVERY_BYTE)

local function check()
  assert.equal("https://api.lomi.africa", ascii.lower "HTTPS://API.LOMI.AFRICA")
  assert.equal("XOF I", ascii.upper "xof i")
  for i = 1, #EVERY_BYTE do
    local byte = EVERY_BYTE:sub(i, i)
    local is_upper, is_lower = byte >= "A" and i - 1 <= 90 and i - 1 >= 65, i - 1 >= 97 and i - 1 <= 122
    assert.equal(is_upper and string.char(i - 1 + 32) or byte, ascii.lower(byte))
    assert.equal(is_lower and string.char(i - 1 - 32) or byte, ascii.upper(byte))
  end
end

describe("lomi.ascii", function()
  it("changes the 26 letters and nothing else", check)

  it("does so under the Turkish locale", function()
    locale.need(locale.TURKISH, pending)
    locale.under(locale.TURKISH, check)
  end)
end)

describe("lomi.ascii.trim", function()
  it("takes white space away at both ends, in time with the text", function()
    for text, trimmed in pairs { [""] = "", [" "] = "", [" \t\n\v\f\r"] = "", [" a "] = "a", ["a b\r\n"] = "a b",
      ["\ta"] = "a", ["\194\160a\195\160"] = "\194\160a\195\160" } do
      assert.equal(trimmed, ascii.trim(text))
    end
    local text = "x" .. (" "):rep(1000000) .. "x"
    assert.is_true(cost.of(function() ascii.trim(text) end) < 0.5) -- it was minutes
    assert.is_true(cost.of(function() ascii.trim((" "):rep(1000000)) end) < 1)
  end)
end)

describe("lomi.ascii.number", function()
  local function numbers()
    for text, number in pairs { ["0.5"] = 1 / 2, ["-0.25"] = -1 / 4, ["10"] = 10, ["1e+20"] = 1e20, inf = math.huge } do
      assert.equal(text, ascii.number(number))
    end
  end

  it("has a point", numbers)

  it("has a point where the locale has a comma", function()
    locale.need_french(pending)
    locale.under(locale.FRENCH, numbers)
  end)
end)

-- nginx runs on LuaJIT alone, whose `lower` is ASCII's.
local FREE = { "^lua/lomi/transport/nginx%.lua$" }

local function is_free(path)
  for _, pattern in ipairs(FREE) do
    if path:find(pattern) then return true end
  end
  return false
end

-- What of a line of code follows the locale, or nil.
local function locale_dependent(line)
  if line:find "^%s*%-%-" then return nil end
  local call = line:match ":[lu][op][wp]er%(" or line:match "string%.[lu][op][wp]er" -- lower and upper
  if call then return call end
  for _, name in ipairs { "find", "match", "gmatch", "gsub" } do
    for pattern in line:gmatch("%f[%w]" .. name .. '%([^"]-"([^"]*)"') do
      local class = pattern:gsub("%%%%", ""):match "%%[aAcCgGlLpPsSuUwW]"
      if class then return class end
    end
  end
end

describe("the library", function()
  it("decides nothing with what follows the locale", function()
    for _, line in ipairs { 'x = text:lower()', 'return text:find("^%s+$")', 'text:gsub("a", "b"):gsub("%W", "")' } do
      assert.is_string(locale_dependent(line), line)
    end
    for _, line in ipairs { '-- text:lower()', 'ascii.lower(text)', '("%s"):format(text)', 'x:find("^%%s%d")' } do
      assert.is_nil(locale_dependent(line), line)
    end
    local pipe = assert(io.popen "find lua bin -name '*.lua' | sort")
    local checked = 0
    for path in pipe:lines() do
      if not is_free(path) then
        checked = checked + 1
        for line in io.lines(path) do assert.is_nil(locale_dependent(line), path .. ": " .. line) end
      end
    end
    pipe:close()
    assert.is_true(checked > 25)
  end)
end)
