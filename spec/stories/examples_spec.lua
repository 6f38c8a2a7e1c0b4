-- SPDX-License-Identifier: MIT
-- The examples do what they say, run as a reader would run them.
local child = require "spec.support.child"
local core = require "lomi.core"
local lomi = require "lomi"
local transport = require("lomi.transport.curl").new()

local function run(command)
  local pipe = assert(io.popen(("LUA_PATH=%q LUA_CPATH=%q %s 2>&1; echo \"status $?\""):format(
    package.path, package.cpath, command)))
  local output = pipe:read("*a")
  pipe:close()
  return output
end

describe("examples:", function()
  it("charge.lua creates one charge, and does not say that anybody has paid", function()
    local output = run(child.LUA .. " examples/charge.lua")
    assert.matches("a charge of 10 000 F CFA, created", output)
    assert.is_nil(output:find("charged", 1, true))
    assert.matches("15%.24 EUR", output)
    assert.matches("not a second one", output)
    assert.matches("status 0", output)
  end)

  it("love/server.lua takes an order for paid by its own payment only", function()
    local server = require("examples.love.server").start(0)
    finally(function() server.stop() end)
    local game = lomi.new { api_key = "session", environment = "sandbox", base_url = server.url }
    local order = assert(game:request("POST", "/orders", { body = { item = "golden_sail" } }))
    local function webhook(change)
      local payment = { status = "completed", amount = 1000, currency_code = "XOF", metadata = { order_id = order.id } }
      for name, value in pairs(change) do payment[name] = value end
      local body = core.encode { id = "1", event = "PAYMENT_SUCCEEDED", data = payment }
      assert.equal(200, transport:send({ method = "POST", url = server.url .. "/webhook", body = body,
        headers = { ["X-Lomi-Signature"] = lomi.webhook.sign(body, "whsec_love_example") },
        timeout = 5, connect_timeout = 5, proxy = "" }).status)
      return game:request("GET", "/orders/" .. order.id).status
    end
    for _, change in ipairs { { amount = 1 }, { currency_code = "EUR" }, { status = "pending" }, { metadata = {} } } do
      assert.equal("unpaid", webhook(change))
    end
    assert.equal("paid", webhook {})
  end)

  it("spec/ is a spec that passes", function()
    local output = run(child.LUA .. " $(command -v busted) examples/spec")
    assert.matches("5 successes / 0 failures / 0 errors", output)
  end)
end)
