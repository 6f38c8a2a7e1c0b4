-- SPDX-License-Identifier: MIT
-- Endpoints as records; what is delivered to them: merchant_spec.lua.
local direct = require "spec.support.direct"
local endpoints = require "lomi.sandbox.server.endpoints"

describe("lomi.sandbox.server.operations.webhooks", function()
  local URL, EVENTS = "https://shop.example/hook", { "PAYMENT_SUCCEEDED" }
  local app

  before_each(function() app = direct.new() end)

  local function create(url, more)
    local body = { url = url, events = EVENTS }
    for name, value in pairs(more or {}) do body[name] = value end
    return app:call("POST", "/webhooks", body)
  end

  it("shows the secret once", function()
    local reply = create(URL)
    assert.equal(201, reply.status)
    assert.matches("^whsec_%x+$", reply.json.secret)
    local shown = app:call("GET", "/webhooks/" .. reply.json.data.webhook_id)
    assert.same(EVENTS, shown.json.authorized_events)
    assert.is_nil(shown.body:find("whsec_", 1, true))
    assert.is_nil(app:call("GET", "/webhooks").body:find("whsec_", 1, true))
  end)

  it("is https, or on this machine, which live refuses", function()
    for _, url in ipairs { "http://127.0.0.1:8080/hook", "http://LOCALHOST/hook", "http://[::1]:1/" } do
      local reply = create(url)
      assert.equal(201, reply.status)
      assert.equal("live refuses a local url", reply.headers["X-Sandbox-Warning"])
    end
    for url, reason in pairs {
      ["http://shop.example/"] = "url must be https", ["http://10.0.0.1/"] = "url must be https",
      ["https://user:pw@shop.example/"] = "no user info", ["shop.example"] = "url must be a URL",
    } do
      local reply = create(url)
      assert.equal(400, reply.status)
      assert.matches(reason, reply.json.error.message)
    end
    assert.equal(3, #app:call("GET", "/webhooks").json)
    app = direct.new { strict = true }
    assert.matches("must not be local", create("http://127.0.0.1:8080/hook").json.error.message)
  end)

  it("hears of its events, while it is active and on this machine", function()
    local id = create("http://127.0.0.1:9/hook").json.data.webhook_id
    create(URL)
    local merchant = app.app.merchant
    local scope = merchant.stores.webhooks:each()().scope
    local function urls(event)
      local list = {}
      for i, endpoint in ipairs(endpoints.of_event(merchant, scope, event)) do list[i] = endpoint.url end
      return list
    end
    assert.same({ "http://127.0.0.1:9/hook" }, urls "PAYMENT_SUCCEEDED")
    assert.same({}, urls "PAYMENT_FAILED")
    app:call("PATCH", "/webhooks/" .. id, { authorized_events = { "PAYMENT_FAILED" } })
    assert.same({}, urls "PAYMENT_SUCCEEDED")
    assert.same({ "http://127.0.0.1:9/hook" }, urls "PAYMENT_FAILED")
    app:call("PATCH", "/webhooks/" .. id, { is_active = false })
    assert.same({}, urls "PAYMENT_FAILED")
  end)

  it("keeps its secret when its URL changes", function()
    local id = create("http://127.0.0.1:9/hook").json.data.webhook_id
    local item = app.app.merchant.stores.webhooks:each()()
    local secret = item.endpoint.secret
    app:call("PATCH", "/webhooks/" .. id, { url = "http://127.0.0.1:10/hook" })
    assert.same({ "http://127.0.0.1:10/hook", secret }, { item.endpoint.url, item.endpoint.secret })
  end)

  it("lists what was delivered to one that is named, in pages that there are", function()
    local id = create("http://127.0.0.1:9/hook").json.data.webhook_id
    assert.same({}, app:call("GET", "/webhooks/deliveries?webhookId=" .. id).json)
    for query, reason in pairs { [""] = "webhookId is missing", ["webhookId=" .. id .. "&limit=0"] = "limit must be",
      ["webhookId=" .. id .. "&limit=101"] = "limit must be", ["webhookId=" .. id .. "&offset=-1"] = "offset a whole",
      ["webhookId=" .. id .. "&offset=0.5"] = "offset a whole", ["webhookId=" .. id .. "&offset=x"] = "offset a whole",
      ["webhookId=" .. id .. "&offset=1"] = "beyond the end" } do
      local reply = app:call("GET", "/webhooks/deliveries?" .. query)
      assert.equal(400, reply.status)
      assert.matches(reason, reply.json.error.message)
    end
    assert.equal(404, app:call("GET", "/webhooks/deliveries/none").status)
    assert.equal(404, app:call("GET", "/webhooks/deliveries?webhookId=none").status)
  end)

  it("elsewhere gets no test event: the sandbox sends to this machine only", function()
    local id = create(URL).json.data.webhook_id
    assert.matches("to this machine only", app:call("POST", "/webhooks/" .. id .. "/test").json.error.message)
  end)
end)
