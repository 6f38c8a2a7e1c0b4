-- SPDX-License-Identifier: MIT
-- The house has floors: no module stands on one above it or, through others, on itself; CONTRIBUTING.md shows them.
local files = require "spec.support.files"
local map = dofile "tools/map.lua"

local graph = map.graph()

local read = files.read

local function of(texts)
  local paths = {}
  for path in pairs(texts) do paths[#paths + 1] = path end
  table.sort(paths)
  return map.graph(paths, function(path) return texts[path] end)
end

describe("the map", function()
  it("reads require, lazy, names in tables, and #include, but no comment", function()
    local found = of {
      ["lua/lomi.lua"] = 'local a = require("lomi.config")\nlazy "lomi.client"\n-- require "lomi.webhook"',
      ["lua/lomi/client.lua"] = 'local C = { charges = "lomi.contract" }\nlocal core = require "lomi.core"',
      ["lua/lomi/config.lua"] = 'print "lomi"\nlazy(a and "lomi.url" or "lomi.client")',
      ["lua/lomi/contract/init.lua"] = "", ["lua/lomi/url.lua"] = "", ["lua/lomi/webhook.lua"] = "",
      ["src/core_lua.c"] = '#include "core.h"\n#include <stdio.h>', ["src/core.h"] = "",
    }
    assert.same({
      ["lua/lomi"] = { ["lua/lomi/config"] = true, ["lua/lomi/client"] = true },
      ["lua/lomi/client"] = { ["lua/lomi/contract/init"] = true, ["src/core_lua"] = true },
      ["lua/lomi/config"] = { ["lua/lomi/url"] = true, ["lua/lomi/client"] = true },
      ["lua/lomi/contract/init"] = {}, ["lua/lomi/url"] = {}, ["lua/lomi/webhook"] = {},
      ["src/core_lua"] = { ["src/core"] = true }, ["src/core"] = {},
    }, found)
  end)

  it("finds an arrow upwards, a module without a floor, and a circle", function()
    local found = of {
      ["lua/lomi/client.lua"] = 'require "lomi.config"', ["lua/lomi/config.lua"] = 'lazy "lomi.client"',
      ["lua/lomi/attic.lua"] = "",
    }
    assert.same({
      "lua/lomi/attic has no floor in tools/map.lua",
      "lua/lomi/config stands on lua/lomi/client, which is on a floor above",
    }, map.upwards(found))
    assert.same({ "lua/lomi/client", "lua/lomi/config", "lua/lomi/client" }, map.circle(found))
  end)

  it("has no arrow upwards", function()
    assert.is_truthy(next(graph["lua/lomi/client"]))
    assert.same({}, map.upwards(graph))
  end)

  it("has no circle", function()
    assert.is_nil(map.circle(graph))
  end)

  it("in CONTRIBUTING.md is not old", function()
    local text = read "CONTRIBUTING.md"
    local drawn = assert.is_truthy(map.drawn(text, map.picture(graph)), "CONTRIBUTING.md has no place for the map")
    assert.is_true(drawn == text, "the map in CONTRIBUTING.md is old: make map")
  end)
end)

describe("the places of CONTRIBUTING.md", function()
  it("are there", function()
    local count = 0
    for path in read("CONTRIBUTING.md"):gmatch "`([%l]+/[%w_/.]+)[`:]" do
      local file = io.open(path)
      if file then file:close() end
      assert.is_truthy(file or path:find "^build/", path)
      count = count + 1
    end
    assert.is_true(count > 60, count)
  end)

  it("have what a row names beside them", function()
    local count = 0
    for row in read("CONTRIBUTING.md"):gmatch "\n|([^\n]+)" do
      local sources, names = "", {}
      for text in row:gmatch "`([^`]+)`" do
        local file = text:find "/.*%.%a+$" and io.open(text)
        if file then
          sources = sources .. file:read "*a"
          file:close()
        elseif text:find "^[%a_]+[%w_:]*$" then
          names[#names + 1] = text
        end
      end
      for _, name in ipairs(sources ~= "" and names or {}) do
        assert.is_truthy(sources:find("%f[%w_]" .. name .. "%f[^%w_]"), name .. " is in no file of its row")
        count = count + 1
      end
    end
    assert.is_true(count > 8, count)
  end)
end)

describe("the walks of CONTRIBUTING.md", function()
  it("name functions that are there", function()
    local count = 0
    for path, name in read("CONTRIBUTING.md"):gmatch "\n%d+%. `([^`:]+%.%a+):([^`]+)`" do
      local source = "\n" .. read(path)
      local defined = path:find "%.c$" and source:find("\n[%w_ *]+%f[%w_]" .. name .. "%([^;]-%)%s*{")
        or source:find("function " .. name .. "(", 1, true)
      assert.is_truthy(defined, ("%s has no function %s"):format(path, name))
      count = count + 1
    end
    assert.is_true(count > 40, count)
  end)
end)
