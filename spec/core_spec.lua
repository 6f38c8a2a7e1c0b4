-- SPDX-License-Identifier: MIT
local child = require "spec.support.child"
local core = require "lomi.core"
local files = require "spec.support.files"
local process = require "spec_process"
local rockspecs = dofile "tools/rockspecs.lua"

local read = files.read

describe("lomi.core.uuid4", function()
  it("has the shape of a random UUID", function()
    for _ = 1, 1000 do
      local text = core.uuid4()
      assert.equal(36, #text)
      assert.matches("^%x+%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x+$", text)
      assert.equal(9, text:find("-", 1, true))
      assert.equal(text:lower(), text)
    end
  end)

  it("comes once or twice at a time", function()
    local one, other = core.uuid4(2)
    assert.equal(72, #one + #other)
    assert.are_not.equal(one, other)
    assert.equal(1, select("#", core.uuid4()))
    for _, count in ipairs { 0, 3, -1, "x" } do assert.is_false(pcall(core.uuid4, count)) end
  end)

  it("never comes twice", function()
    local seen = {}
    for _ = 1, 20000 do
      local text = core.uuid4()
      assert.is_nil(seen[text])
      seen[text] = true
    end
  end)

  it("sets every other bit now and then", function()
    local digits = {}
    for _ = 1, 2000 do
      local i = 0
      for digit in core.uuid4():gmatch("%x") do
        i = i + 1
        digits[i] = digits[i] or {}
        digits[i][digit] = true
      end
    end
    for i = 1, 32 do
      local count = 0
      for _ in pairs(digits[i]) do count = count + 1 end
      assert.equal(i == 13 and 1 or i == 17 and 4 or 16, count, "digit " .. i)
    end
  end)
end)

describe("lomi.core.now", function()
  it("never goes back", function()
    local before = core.now()
    for _ = 1, 10000 do
      local now = core.now()
      assert.is_true(now >= before)
      before = now
    end
  end)

  it("counts finer than a millisecond", function()
    local finest = math.huge
    for _ = 1, 10 do
      local from = core.now()
      local now
      repeat now = core.now() until now > from
      finest = math.min(finest, now - from)
    end
    assert.is_true(finest < 0.001, finest)
  end)
end)

describe("lomi.core.time", function()
  it("is os.time with a fraction", function()
    local before = os.time()
    local now = core.time()
    assert.is_true(now >= before and now < os.time() + 1.1, now) -- os.time lags by a clock tick
  end)
end)

describe("lomi.core.sleep", function()
  it("sleeps that many seconds", function()
    local from = core.now()
    core.sleep(0.02)
    local slept = core.now() - from
    assert.is_true(slept >= 0.02 and slept < 1, slept)
  end)

  it("ends early when a signal comes, however long it was to be", function()
    local from = core.now()
    process.alarm(1)
    core.sleep(math.huge)
    assert.is_true(core.now() - from < 5)
  end)

  it("does not sleep for nothing, less than nothing, or NaN", function()
    local from = core.now()
    for _, seconds in ipairs { 0, -1, -math.huge, 0 / 0 } do core.sleep(seconds) end
    assert.is_true(core.now() - from < 0.5)
  end)

  it("raises for what is not a number", function()
    for _, value in ipairs { "soon", {}, true } do assert.has_error(function() core.sleep(value) end) end
    assert.has_error(function() core.sleep() end)
  end)
end)

describe("lomi.core.random", function()
  it("is between 0 and 1, all over", function()
    local tenths, sum = {}, 0
    for _ = 1, 10000 do
      local number = core.random()
      assert.is_true(number >= 0 and number < 1)
      tenths[math.floor(number * 10)] = true
      sum = sum + number
    end
    for i = 0, 9 do assert.is_true(tenths[i], i) end
    assert.is_true(sum > 4500 and sum < 5500, sum)
  end)

  it("differs between processes, seeds or no seeds", function()
    local script = [[math.randomseed(1); print(("%.17g"):format(require("lomi.core").random()))]]
    local first, status = child.run(script)
    assert.equal(0, status, first)
    assert.not_equal(first, (child.run(script)))
  end)
end)

describe("the version", function()
  it("is the one of src/lomi.h, everywhere", function()
    local version = read("src/lomi.h"):match('#define%s+LOMI_VERSION%s+"([^"]+)"')
    assert.matches("^%d+%.%d+%.%d+$", version)
    assert.equal(version, core.version)
    assert.equal(version, require("lomi")._VERSION)
  end)

  it("is the same in every place", function()
    local versions = rockspecs.versions(child.LUA)
    local expected = {}
    for place in pairs(versions) do expected[place] = core.version end
    assert.same(expected, versions)
    for _, place in ipairs { "src/lomi.h", "lua/lomi.lua", "CHANGELOG.md", "lomi.pc", "lomi(1)",
      ("rockspec/lomi-%s-1.rockspec"):format(core.version),
      ("rockspec/lomi-sandbox-%s-1.rockspec"):format(core.version) } do
      assert.equal(core.version, versions[place], place)
    end
  end)

  it("has rockspecs, made from those of the working tree", function()
    local count = 0
    for path, text in pairs(rockspecs.texts(core.version)) do
      assert.is_true(text == read(path), path .. " is old: make rockspecs")
      assert.matches('tag = "v' .. core.version .. '"', text, 1, true)
      count = count + 1
    end
    assert.equal(2, count)
    local sandbox = read(("rockspec/lomi-sandbox-%s-1.rockspec"):format(core.version))
    assert.matches('"lomi == ' .. core.version .. '"', sandbox, 1, true)
  end)

  it("has rockspecs that build each C module from the sources of the Makefile", function()
    local makefile = read("Makefile"):gsub("\\\n", " ")
    local function sorted(text, pattern)
      local names = {}
      for name in text:gmatch(pattern) do names[#names + 1] = name end
      table.sort(names)
      return names
    end
    local library, sandbox = read "rockspec/lomi-scm-1.rockspec", read "rockspec/lomi-sandbox-scm-1.rockspec"
    for module, text in pairs {
      core = library:match '%["lomi%.core"%].-}', engine = library:match '%["lomi%.engine"%].-}',
      crypto = library:match '%["lomi%.crypto"%].-}', httpd = sandbox,
    } do
      local sources = makefile:match("\n" .. module .. "_SRC[ ]*:=([^\n]*)")
      assert.same(sorted(sources, "%S+%.c"), sorted(text, "src/([a-z0-9_]+%.c)"), module)
    end
  end)
end)

describe("require 'lomi'", function()
  it("loads neither libcurl nor libcrypto", function()
    local output, status = child.run [[
      require "lomi"
      local loaded = require("spec_process").loaded
      for _, library in ipairs { "libcurl", "libcrypto", "libssl" } do
        if loaded(library) then print(library) end
      end
    ]]
    assert.equal(0, status, output)
    assert.equal("", output)
  end)

  it("leaves no global behind", function()
    local output, status = child.run [[
      local before = {}
      for name in pairs(_G) do before[name] = true end
      require "lomi"
      for name in pairs(_G) do if not before[name] then print(name) end end
    ]]
    assert.equal(0, status, output)
    assert.equal("", output)
  end)
end)
