-- SPDX-License-Identifier: MIT
-- Hosts of other kinds: a state without os, io and debug; one that loads nothing any more; a process that has gone to
-- another directory.
local child = require "spec.support.child"
local sandbox_of = require "lomi.sandbox"
local tls = require "spec.support.tls"

local CHARGE = [[
  local function charge(client)
    local made, err = client.charges:create_card_charge { amount = 10000, customer_email = "awa@example.com",
      customer_name = "Awa Ndiaye" }
    return made and made.original_amount or tostring(err)
  end
]]

local function listed(command)
  local pipe = assert(io.popen(command))
  local lines = {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  return lines
end

describe("a state without os, io and debug", function()
  local sandbox
  setup(function() sandbox = assert(sandbox_of.start()) end)
  teardown(function() sandbox:stop() end)
  before_each(function() sandbox:reset() end)

  local function run(script, env)
    local output, status = child.run(([[
      for _, name in ipairs { "os", "io", "debug" } do _G[name], package.loaded[name] = nil, nil end
      local URL = %q
    ]]):format(sandbox.url) .. CHARGE .. script, env)
    assert.not_matches("nil value", output)
    assert.equal(0, status, output)
    return output
  end

  it("charges", function()
    assert.equal("10000", run [[
      local lomi = require "lomi"
      print(charge(lomi.new { api_key = "lomi_sk_test_x", base_url = URL }))
    ]])
  end)

  it("charges on a loop, and tells of a task that failed", function()
    local output = run [[
      local loop = require("lomi").loop()
      local client = require("lomi").new { api_key = "lomi_sk_test_x", base_url = URL, transport = loop }
      local task = loop:spawn(function() return charge(client) end)
      loop:spawn(function() error("lost") end)
      loop:run()
      print(task:result())
      loop:close()
      collectgarbage()
      collectgarbage()
    ]]
    assert.matches("^10000\n", output)
    assert.matches("lomi: a task of a loop failed: .*lost", output)
  end)

  it("reads a refusal, its Retry-After too", function()
    sandbox:fail { status = 503, headers = { ["Retry-After"] = "Fri, 31 Dec 1999 23:59:59 GMT" } }
    assert.equal("10000", run [[
      print(charge(require("lomi").new { api_key = "lomi_sk_test_x", base_url = URL }))
    ]])
  end)

  it("warns of an on_attempt that raises", function()
    assert.equal("lomi: warning: on_attempt raised: oops\n10000", run [[
      print(charge(require("lomi").new { api_key = "lomi_sk_test_x", base_url = URL,
        on_attempt = function() error("oops", 0) end }))
    ]])
  end)

  it("verifies a webhook, its age too", function()
    assert.equal("e-1\tnil\ttimestamp_out_of_tolerance", run [[
      local webhook = require("lomi").webhook
      local body = '{"id":"e-1","event":"TEST","timestamp":"2026-11-22T10:00:00.000Z","data":{}}'
      local signature = webhook.sign(body, "whsec_x")
      local none, err = webhook.construct_event(body, signature, "whsec_x", { tolerance = 1 })
      print(webhook.construct_event(body, signature, "whsec_x").id, none, err.code)
    ]])
  end)

  it("says that it cannot read the key from the environment", function()
    assert.matches("api_key is missing: give it, .*; this Lua state has no os.getenv to read it with", run([[
      print(pcall(require("lomi").new, { base_url = URL }))
    ]], { LOMI_API_KEY = "lomi_sk_test_x" }))
  end)

  it("takes a CA file, which libcurl reads at the first connection", function()
    local identity = tls.certificate()
    local server = assert(sandbox_of.start { tls_cert = identity.cert, tls_key = identity.key })
    finally(function()
      server:stop()
      tls.remove(identity)
    end)
    local output = run(([[
      for _, path in ipairs { %q, "/nowhere.pem" } do
        print(charge(require("lomi").new { api_key = "lomi_sk_test_x", base_url = %q, ca_file = path }))
      end
    ]]):format(identity.ca_file, (server.url:gsub("127.0.0.1", "localhost"))))
    assert.matches("^10000\nlomi: tls: .*/nowhere.pem", output)
  end)
end)

describe("lomi.preload", function()
  it("loads every part of the client", function()
    local output, status = child.run [[
      require("lomi").preload()
      for name in pairs(package.loaded) do print(name) end
    ]]
    assert.equal(0, status, output)
    local loaded = {}
    for name in output:gmatch "[^\n]+" do loaded[name] = true end
    local count = 0
    for _, path in ipairs(listed "find lua -name '*.lua' -not -path '*/cli*' -not -path '*/sandbox/*'") do
      local name = path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")
      if name ~= "lomi.transport.nginx" and name ~= "lomi.money" then -- money: the command's and the sandbox's
        assert.is_true(loaded[name], name)
        count = count + 1
      end
    end
    assert.is_true(count > 40, count)
    for _, name in ipairs { "lomi.core", "lomi.engine", "lomi.crypto" } do assert.is_true(loaded[name], name) end
    assert.is_nil(loaded["lomi.httpd"])
  end)

  it("makes a charge work where nothing can be loaded any more", function()
    local sandbox = assert(sandbox_of.start())
    finally(function() sandbox:stop() end)
    local output, status = child.run(CHARGE .. ([[
      local lomi = require "lomi"
      lomi.preload()
      package.path, package.cpath = "", ""
      local searchers = package.searchers or package.loaders
      for i = #searchers, 1, -1 do searchers[i] = nil end
      require, package = nil, nil
      local client = lomi.new { api_key = "lomi_sk_test_x", base_url = %q }
      print(charge(client), #client.customers:list().data, lomi.webhook.sign("x", "whsec_x") ~= nil)
      local loop = lomi.loop()
      loop:close()
      client.refunds:create { transaction_id = "x", amount = 1 }
      for refund in client.refunds:each() do print(refund) end
    ]]):format(sandbox.url))
    assert.equal("10000\t1\ttrue", output)
    assert.equal(0, status)
  end)
end)
