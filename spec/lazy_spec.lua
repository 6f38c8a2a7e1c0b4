-- SPDX-License-Identifier: MIT
local children = require "spec.support.child"

describe("what is loaded at its first use", function()
  local lazy, loads

  before_each(function()
    lazy = dofile(package.searchpath("lomi.lazy", package.path)) -- one that has loaded nothing
    loads = 0
    package.preload["lomi.spec_outer"] = function() return { inner = require "lomi.spec_inner" } end
    package.preload["lomi.spec_inner"] = function()
      loads = loads + 1
      if loads == 1 then error("not enough memory", 0) end
      return { loads = loads }
    end
  end)

  after_each(function()
    for _, name in ipairs { "lomi.spec_outer", "lomi.spec_inner" } do
      package.preload[name], package.loaded[name] = nil, nil
    end
  end)

  it("is loaded once", function()
    loads = 1
    local module = lazy "lomi.spec_outer"
    assert.equal(module, lazy "lomi.spec_outer")
    assert.equal(2, module.inner.loads)
  end)

  it("is not half loaded when that fails, nor is what it needs", function()
    local ok, trouble = pcall(lazy, "lomi.spec_outer")
    assert.is_false(ok)
    assert.matches("not enough memory", trouble, 1, true)
    assert.equal(2, lazy("lomi.spec_outer").inner.loads)
  end)
end)

describe("what was loaded", function()
  local child = require "spec.support.child"

  it("stays where require and package are taken away", function()
    local output, status = child.run [[
      local lomi = require "lomi"
      lomi.preload()
      require, package, dofile, loadfile, load = nil, nil, nil, nil, nil
      print(#lomi.webhook.sign("body", "whsec_x"), tostring(lomi.new { api_key = "lomi_sk_test_x" }))
    ]]
    assert.equal("64\tlomi client (sandbox, sandbox.api.lomi.africa)", output)
    assert.equal(0, status)
  end)

  it("stays where package.loaded is emptied, too", function()
    local output, status = child.run [[
      local lomi = require "lomi"
      lomi.preload()
      for name in pairs(package.loaded) do
        if name:find "^lomi" then package.loaded[name] = nil end
      end
      package.path, package.cpath = "", ""
      local client = lomi.new { api_key = "lomi_sk_test_x", base_url = "http://127.0.0.1:1", max_retries = 0 }
      local secret = "whsec_x"
      local body = '{"id":"e-1","event":"PAYMENT_SUCCEEDED","timestamp":"2026-11-27T00:00:00Z","data":{}}'
      local headers = { ["X-Lomi-Signature"] = lomi.webhook.sign(body, secret) }
      print(lomi.empty_array ~= nil, lomi.webhook.construct_event(body, headers, secret, { tolerance = 1e9 }).id)
      print(select(2, client.charges:create_card_charge { amount = 10000 }).kind)
      print(select(2, client.refunds:list()).kind, lomi.loop():close())
    ]]
    assert.equal("true\te-1\nconnection\nconnection", output)
    assert.equal(0, status)
  end)

  it("is told how to be loaded where files cannot be read any more", function()
    local output, status = child.run [[
      local lomi = require "lomi"
      package.path, package.cpath = "", ""
      print(pcall(function() return lomi.webhook end))
    ]]
    assert.equal(0, status)
    assert.matches("^false\t.*module 'lomi%.webhook' not found:.*\tlomi%.preload%(%) loads every part", output)
  end)
end)

describe("modules that were built for another Lua", function()
  it("are named, with the command that builds them for this one", function()
    local other = rawget(_G, "jit") and "lua5.4" or "luajit"
    local file = io.open(("build/%s/lomi/core.so"):format(other))
    if not file then pending(("no build for %s"):format(other)) end
    file:close()
    local output = children.run("print(pcall(require('lomi').new))", { LUA_CPATH = ("./build/%s/?.so"):format(other) })
    assert.matches("^false\tlomi was built for another Lua than ", output)
    assert.matches("make install LUA=" .. children.LUA, output, 1, true)
  end)
end)
