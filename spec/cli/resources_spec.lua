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
      .. "timeout 60 %s %s %s 2>&1 </dev/null; echo \"status $?\""):format(package.path, package.cpath, sandbox.url,
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

  it("begins a line of a list with the record's own id, not with that of one it refers to", function()
    local made = { customer = json("customers create --name Awa").customer_id }
    for _, case in ipairs {
      { "transactions", "POST", "/charge/wave", { amount = 500, currency = "XOF",
        customer = { name = "Awa", phoneNumber = "+2250700000000" } }, "transaction_id" },
      { "invoices", "POST", "/invoices", { customer_id = made.customer, amount = 5, currency_code = "XOF" },
        "customer_invoice_id" },
      { "payment-requests", "POST", "/payment-requests", { customer_id = made.customer, amount = 5,
        currency_code = "XOF", expiry_date = "2030-01-01T00:00:00Z" }, "request_id" },
      { "checkout-sessions", "POST", "/checkout-sessions", { customer_id = made.customer, amount = 5,
        success_url = "https://shop.example/" }, "checkout_session_id" },
    } do
      local client = require("lomi").new { api_key = "lomi_sk_test_demo", base_url = sandbox.url }
      local record = assert(client:request(case[2], case[3], { body = case[4] }))
      local _, text = run(case[1] .. " list")
      assert.equal(record[case[5]], text:match "^%S+", text)
    end
  end)

  it("shows a list where nothing says what the answer is", function()
    for body, shown in pairs { ['[{"event_id":"e_1"},2]'] = "e_1\n(a record without a name)\n",
      ["[1,2]"] = "(a record", ["[]"] = "done", ["[null,1]"] = "none\n" } do
      sandbox:fail { status = 200, body = body }
      local status, text = run "webhooks delete w_1"
      assert.same({ 0, true }, { status, text:find(shown, 1, true) ~= nil }, body .. text)
    end
  end)

  it("has usage without brackets for what is required, and for nothing else", function()
    local _, text = run "refunds create --help"
    local usage = text:match "^Usage: (.-)\n\n":gsub("%s+", " ")
    assert.matches("lomi refunds create %-%-transaction TEXT %-%-amount N %[%-%-reason TEXT%]", usage)
    _, text = run "webhooks create --help"
    usage = text:match "^Usage: (.-)\n\n":gsub("%s+", " ")
    assert.matches("create %-%-url TEXT %[%-%-description TEXT%].* %-%-events TEXT %[TEXT%] %.%.%.", usage)
  end)

  it("is about something that the list of commands says", function()
    local _, text = run "--help"
    assert.not_matches("The API's", text)
    for resource in pairs(require("lomi.contract").resources) do
      if resource ~= "charges" then
        local name = resource:gsub("_", "-")
        local says = text:match("\n   " .. name:gsub("%-", "%%-") .. " +(%u[^\n]+)")
        assert.is_string(says, name)
        assert.is_nil(says:lower():find("lomi " .. name, 1, true))
      end
    end
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

  describe("on a terminal", function()
    local client, id

    before_each(function()
      client = require("lomi").new { api_key = "lomi_sk_test_demo", base_url = sandbox.url }
      assert(client.charges:create_wave_charge { amount = 10000, currency = "XOF",
        customer = { name = "Awa", phoneNumber = "+2250700000000" } })
      id = client.transactions:list().data[1].public_id
    end)

    -- The command with a terminal of its own, where `typed` is typed; without it, Ctrl-D. Gives the exit status, and
    -- what the terminal shows.
    local function on_terminal(arguments, typed)
      local command = ("env LUA_PATH=\"%s\" LUA_CPATH=\"%s\" LOMI_API_KEY=lomi_sk_test_demo LOMI_BASE_URL=%s "
        .. "TERM=xterm NO_COLOR=1 timeout --foreground 10 %s %s %s"):format(package.path, package.cpath, sandbox.url,
        LUA, SCRIPT, arguments)
      local pipe = assert(io.popen(("%s | script -qec '%s' /dev/null; echo \"status $?\""):format(
        typed and "printf '" .. typed .. "\\n'" or ":", command)))
      local text, status = pipe:read("*a"):gsub("\r", ""):match("^(.-)status (%d+)\n$")
      pipe:close()
      return tonumber(status), text
    end

    local function refunded()
      return client.transactions:get(id).refunded_amount
    end

    it("shows what would be done, asks, and does it after a y", function()
      for number, yes in ipairs { "y", "Y", "yes" } do
        local status, text = on_terminal(("refunds create --transaction %s --amount 1000"):format(id), yes)
        assert.equal(0, status, text)
        assert.matches("Nothing has been moved yet. This would be done:\n.*1 000 F CFA.*Do it%? %[y/N%] ", text)
        assert.matches("\nwaiting for 127.0.0.1 …\27[K", text, 1, true)
        assert.matches("\nstatus +completed", text)
        assert.equal(number * 1000, refunded())
      end
    end)

    it("moves nothing after anything else, nor at the end of the input", function()
      for _, no in ipairs { "n", "", "yep", false } do
        local status, text = on_terminal(("refunds create --transaction %s --amount 1000"):format(id), no)
        assert.equal(1, status, text)
        assert.matches("Do it%? %[y/N%] .*lomi: not confirmed: nothing was moved\n", text)
        assert.equal(0, refunded())
      end
    end)

    it("asks before a payout, too", function()
      local method = client.payout_methods:create { account_name = "Awa Ndiaye", account_number = "CI001" }
      local arguments = "payouts create --destination self --rail bank --amount 1000 --currency XOF --payout-method "
        .. method.payout_method_id
      local status, text = on_terminal(arguments, "n")
      assert.equal(1, status, text)
      assert.matches("Do it%? %[y/N%] .*not confirmed", text)
      assert.same({}, client.payouts:list().data)
      status, text = on_terminal(arguments, "y")
      assert.equal(0, status, text)
      assert.equal(1, #client.payouts:list().data)
    end)

    it("does not ask with --yes", function()
      local status, text = on_terminal(("refunds create --yes --transaction %s --amount 1000"):format(id))
      assert.equal(0, status, text)
      assert.is_nil(text:find("Do it?", 1, true), text)
      assert.equal(1000, refunded())
    end)
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
          assert.matches("\n%u[^\n]*: " .. row.method .. " ", text) -- no "nil: GET …"
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
