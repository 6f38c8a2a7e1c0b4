-- SPDX-License-Identifier: MIT
local direct = require "spec.support.direct"

describe("lomi.sandbox.server.admin", function()
  local sandbox, charge

  before_each(function()
    sandbox = direct.new()
    charge = sandbox:charge()
  end)

  it("says of wrong input what would be right", function()
    local confirm = "/charges/" .. charge.id .. "/confirm"
    for _, case in ipairs {
      { "/faults", { status = "500" }, "status must be a whole number from 200 to 599" },
      { "/faults", {}, "a fault needs one of" },
      { "/faults", "[]", "the body must be a JSON object" },
      { "/faults", "{", "the body must be a JSON object: " },
      { "/chaos", { rate = 2 }, "rate must be a share from 0 to 1, not 2" },
      { "/chaos", {}, "rate is missing" },
      { "/clock", { advance = -1 }, "advance must be a number of seconds, at least 0" },
      { "/clock", {}, "advance is missing" },
      { confirm, {}, "card is missing; it must be a test card number" },
      { confirm, { card = 4242 }, "card must be a test card number" },
      { confirm, { card = "4111111111111111" }, "not a test card number" },
      { confirm, { card = "4242424242424242", expiry = "soon" }, "expiry must be an expiry as MM/YY" },
      { confirm, { card = "4242424242424242", cvc = "1" }, "cvc must be a string of three or four digits" },
      { "/charges/" .. charge.id .. "/authenticate", { succeeds = 1 }, "succeeds must be true or false, not 1" },
      { "/webhook", { url = "shop", secret = "s" }, "url must be an http or https URL" },
      { "/webhook", { url = "http://127.0.0.1/" }, "secret is missing" },
      { "/webhook", { url = "http://127.0.0.1/", secret = "s", twice = 2 }, "twice must be true or false, not 2" },
      { "/inbox/take", { wait = 100 }, "wait must be a number of seconds from 0 to 25, not 100" },
      { "/reset", { hard = true }, "unknown field hard" },
    } do
      local reply = sandbox:admin("POST", case[1], case[2])
      assert.equal(400, reply.status, case[1])
      assert.equal(case[3], reply.json.error.message:sub(1, #case[3]))
      assert.falsy(reply.body:find("41111111", 1, true)) -- a request id may hold 4111 by chance
    end
  end)

  it("knows its own paths only", function()
    assert.equal(404, sandbox:admin("GET", "/nothing").status)
    assert.equal(404, sandbox:admin("PUT", "/faults").status)
    assert.equal(404, sandbox:admin("POST", "/charges/pi_none/confirm", { card = "4242424242424242" }).status)
  end)

  it("takes null for absent", function()
    assert.equal(200, sandbox:admin("POST", "/faults", '{"status":500,"code":null}').status)
  end)

  it("confirms and authenticates, and says how it ended", function()
    local path = "/charges/" .. charge.id
    local reply = sandbox:admin("POST", path .. "/confirm",
      { card = "4000000000000002", expiry = "12/99", cvc = "123" })
    assert.same({ "requires_payment_method", "card_declined", "0002" },
      { reply.json.data.status, reply.json.data.failure_code, reply.json.data.last4 })
    reply = sandbox:admin("POST", path .. "/confirm", { card = "4242424242424242", expiry = "01/20" })
    assert.equal("expired_card", reply.json.data.failure_code)
    reply = sandbox:admin("POST", path .. "/confirm", { card = "4000002500003155" })
    assert.equal("requires_action", reply.json.data.status)
    assert.equal(409, sandbox:admin("POST", path .. "/confirm", { card = "4242424242424242" }).status)
    reply = sandbox:admin("POST", path .. "/authenticate", { succeeds = false })
    assert.equal("authentication_failed", reply.json.data.failure_code)
    sandbox:admin("POST", path .. "/confirm", { card = "4000002500003155" })
    reply = sandbox:admin("POST", path .. "/authenticate")
    assert.equal("succeeded", reply.json.data.status)
    assert.equal(409, sandbox:admin("POST", path .. "/authenticate").status)
  end)

  it("lists charges with what they were asked for, without their client_secret", function()
    sandbox:charge({ metadata = { order = "1" } }, { ["Idempotency-Key"] = "order-1" })
    local reply = sandbox:admin("GET", "/charges")
    local last = reply.json.data[2]
    assert.same({ "order-1", "1", "Awa Ndiaye" },
      { last.idempotency_key, last.params.metadata.order, last.params.customer_name })
    assert.falsy(reply.body:find("_secret_", 1, true))
  end)

  it("lists nothing as a list", function()
    assert.equal('{"data":[]}', sandbox:admin("GET", "/deliveries").body)
  end)

  describe("answers no web page:", function()
    local OWN = "127.0.0.1:4010"

    local function status(headers, app)
      local sent = { Host = OWN }
      for name, value in pairs(headers) do sent[name] = value end
      return (app or sandbox):call("POST", "/_sandbox/reset", "", sent).status
    end

    for name, headers in pairs {
      ["another origin"] = { Origin = "https://evil.example" }, ["no origin to speak of"] = { Origin = "null" },
      ["another port of this machine"] = { Origin = "http://127.0.0.1:3000" },
      ["another scheme"] = { Origin = "https://" .. OWN },
      ["a name that leads here"] = { Host = "evil.example:4010" },
      ["a name that begins like this machine"] = { Host = "127.0.0.1.evil.example" },
      ["a name that ends like it"] = { Host = "evil.localhost" }, ["another address"] = { Host = "192.168.1.5:4010" },
      ["such a name, as its own origin"] = { Host = "evil.example", Origin = "http://evil.example" },
    } do
      it(name, function() assert.equal(403, status(headers)) end)
    end

    it("this machine, by any of its names, is served", function()
      for _, host in ipairs { OWN, "localhost:4010", "LOCALHOST", "[::1]:4010", "127.1.2.3" } do
        assert.equal(200, status { Host = host })
        assert.equal(200, status { Host = host, Origin = "http://" .. host })
      end
    end)

    it("a sandbox that listens elsewhere is served by address", function()
      local elsewhere = direct.new { elsewhere = true }
      assert.equal(200, status({ Host = "192.168.1.5:4010" }, elsewhere))
      assert.equal(403, status({ Host = "evil.example" }, elsewhere))
      assert.equal(403, status({ Host = "192.168.1.5", Origin = "https://evil.example" }, elsewhere))
    end)
  end)
end)
