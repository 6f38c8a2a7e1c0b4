-- SPDX-License-Identifier: MIT
-- `lomi RESOURCE VERB`, in a process of its own, against a sandbox.
local core = require "lomi.core"
local LUA = require("spec.support.child").LUA
local SCRIPT = assert(package.searchpath("lomi.cli", package.path))

describe("lomi RESOURCE VERB", function()
  local sandbox
  setup(function() sandbox = assert(require("lomi.sandbox").start()) end)
  teardown(function() sandbox:stop() end)
  before_each(function() sandbox:reset() end)

  local function run(arguments)
    local pipe = assert(io.popen(("LUA_PATH='%s' LUA_CPATH='%s' LOMI_API_KEY=lomi_sk_test_demo LOMI_BASE_URL=%s "
      .. "timeout 10 %s %s %s 2>&1 </dev/null; echo \"status $?\""):format(package.path, package.cpath, sandbox.url,
      LUA, SCRIPT, arguments)))
    local text, status = pipe:read("*a"):match("^(.-)status (%d+)\n$")
    pipe:close()
    return tonumber(status), text
  end

  local function json(arguments)
    local status, text = run(arguments .. " --json")
    assert.equal(0, status, text)
    return assert(core.decode(text))
  end

  it("creates, lists and shows", function()
    local customer = json("customers create --name 'Awa Ndiaye' --email awa@example.com --is-business false "
      .. "--metadata a=b")
    assert.same({ "Awa Ndiaye", false, "b" }, { customer.name, customer.is_business, customer.metadata.a })
    local status, text = run("customers get " .. customer.customer_id)
    assert.equal(0, status)
    assert.matches("customer_id%s+" .. customer.customer_id:gsub("%-", "%%-"), text)
    status, text = run "customers list --limit 1"
    assert.equal(0, status)
    assert.matches("Awa Ndiaye  awa@example.com", text)
    assert.equal("none\n", select(2, run "transactions list --limit 10"))
  end)

  it("makes a refund with --yes, and none where nobody can be asked", function()
    local lomi = require "lomi"
    local client = lomi.new { api_key = "lomi_sk_test_demo", base_url = sandbox.url }
    assert(client.charges:create_wave_charge { amount = 10000, currency = "XOF",
      customer = { name = "Awa", phoneNumber = "+2250700000000" } })
    local id = client.transactions:list().data[1].public_id
    local status, text = run(("refunds create --transaction %s --amount 4000"):format(id))
    assert.equal(2, status)
    assert.matches("%-%-yes", text)
    assert.equal(0, client.transactions:get(id).refunded_amount)
    assert.equal("completed", json(("refunds create --transaction-id %s --amount 4000 --yes"):format(id)).status)
    assert.equal(4000, client.transactions:get(id).refunded_amount)
    status, text = run "balances list"
    assert.equal(0, status)
    assert.matches("5 700 F CFA", text)
  end)

  it("says what is wrong in the words of the command line", function()
    local status, text = run "refunds create --yes --amount 1.5"
    assert.equal(2, status)
    assert.matches("%-%-amount takes a whole number", text)
    status, text = run "refunds create --yes --amount 1"
    assert.equal(2, status)
    assert.matches("%-%-transaction is required", text)
    status, text = run "refunds get unknown"
    assert.equal(1, status)
    assert.matches("not_found", text)
    status = run "refunds steal"
    assert.equal(2, status)
  end)

  it("explains every verb, with an example that is a good command line", function()
    local contract, count = require "lomi.contract", 0
    for resource, module in pairs(contract.resources) do
      for verb, row in pairs(require(module)) do
        if row.method and resource ~= "charges" then
          local words = (resource .. " " .. verb):gsub("_", "-")
          local status, text = run(words .. " --help")
          assert.equal(0, status, text)
          assert.matches(": " .. row.method .. " " .. row.path .. ".\n", text, 1, true)
          local example = assert(text:match("\nExample:\n   lomi (.+)\n$"), text)
          assert.equal(words, example:sub(1, #words))
          status, text = run(example)
          assert.is_true(status == 0 or status == 1, example .. "\n" .. text)
          count = count + 1
        end
      end
    end
    assert.is_true(count > 70, count)
  end)

  it("gives no traceback, whatever the service answers", function()
    for _, body in ipairs {
      '{"data":[1,"x",null,[],{"refund_id":{}}]}', '{"data":[],"next_cursor":"\\u001b"}', "[]", "[[]]", "[1]",
      '{"success":true,"data":{"refund_id":"r","amount":[],"currency_code":{}}}', '{"refund_id":"r","1":{},"":1e308}',
    } do
      for _, arguments in ipairs { "refunds list", "refunds get r",
        "refunds create --transaction t --amount 1 --yes" } do
        sandbox:fail { status = 200, body = body, headers = { ["Content-Type"] = "application/json" } }
        local status, text = run(arguments)
        assert.is_true(status <= 2, text)
        assert.not_matches("traceback", text)
        assert.not_matches("a bug", text)
        sandbox:clear_faults()
      end
    end
  end)

  it("reads its verbs behind a -- too, and none from other words", function()
    assert.equal("none\n", select(2, run "-- transactions list"))
    local status, text = run "transactions"
    assert.equal(2, status)
    assert.matches("a command is required", text)
  end)

  it("shows no secret", function()
    local status, text = run "webhooks create --url https://shop.example/hook --events PAYMENT_SUCCEEDED REFUND_FAILED"
    assert.equal(0, status)
    assert.is_nil(text:find("whsec_", 1, true))
  end)
end)
