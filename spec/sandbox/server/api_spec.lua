-- SPDX-License-Identifier: MIT
-- The API's operations, through the application.
local core = require "lomi.core"
local cost = require "spec.support.cost"
local direct = require "spec.support.direct"
local locale = require "spec.support.locale"

describe("lomi.sandbox.server.api", function()
  local sandbox

  before_each(function() sandbox = direct.new() end)

  local function post(path, body, headers) return sandbox:call("POST", path, body, headers) end
  local function get(path, headers) return sandbox:call("GET", path, nil, headers) end

  local function confirm(id, card)
    return sandbox:admin("POST", "/charges/" .. id .. "/confirm", { card = card or "4242424242424242" })
  end

  describe("the page's own example", function()
    it("is a charge, with a warning of what live would say", function()
      local reply = post("/charge/card", '{"amount": 10000}')
      assert.equal(201, reply.status)
      assert.is_true(reply.json.success)
      local data = reply.json.data
      assert.same({ 1524, "eur", 10000, "XOF", "requires_payment_method" },
        { data.amount, data.currency, data.original_amount, data.original_currency, data.status })
      assert.matches(data.id .. "_secret_", data.client_secret, 1, true)
      assert.matches("no customer", reply.headers["X-Sandbox-Warning"], 1, true)
      assert.falsy(reply.headers["X-Sandbox-Warning"]:find("[^\32-\126]"))
    end)

    it("is what live says when strict", function()
      sandbox = direct.new { strict = true }
      local reply = post("/charge/card", '{"amount": 10000}', { ["Idempotency-Key"] = "k" })
      assert.equal(400, reply.status)
      assert.equal("bad_request", reply.json.error.code)
      assert.matches("customer_email", reply.json.error.message, 1, true)
    end)
  end)

  it("warns of nothing when there is nothing to warn of", function()
    local _, reply = sandbox:charge()
    assert.equal(201, reply.status)
    assert.is_nil(reply.headers["X-Sandbox-Warning"])
  end)

  describe("the key", function()
    for name, headers in pairs {
      missing = { ["X-API-KEY"] = false },
      publishable = { ["X-API-KEY"] = "lomi_pk_test_demo" },
      live = { ["X-API-KEY"] = "lomi_sk_live_demo" },
      ["of no form"] = { ["X-API-KEY"] = "demo" },
      ["without a name"] = { ["X-API-KEY"] = "lomi_sk_test_" },
      ["with a space"] = { ["X-API-KEY"] = "lomi_sk_test_a b" },
      ["live beside a good one"] = { Authorization = "Bearer lomi_sk_live_demo" },
      ["in lower-case bearer"] = { ["X-API-KEY"] = false, Authorization = "bearer " .. direct.KEY },
      ["after two spaces"] = { ["X-API-KEY"] = false, Authorization = "Bearer  " .. direct.KEY },
      blank = { ["X-API-KEY"] = "" },
      ["as Basic"] = { ["X-API-KEY"] = false, Authorization = "Basic bG9taTo=" },
    } do
      it(name .. " is 401", function()
        local reply = get("/charge/card/pi_1", headers)
        assert.equal(401, reply.status)
        assert.equal("unauthorized", reply.json.error.code)
        assert.falsy(reply.body:find("_demo", 1, true))
      end)
    end

    -- A page that sends X-API-KEY, or JSON, is asked for permission by its browser first.
    it("gives a web page no permission to send a key", function()
      local page = { Origin = "https://evil.example", ["Access-Control-Request-Method"] = "POST",
        ["Access-Control-Request-Headers"] = "x-api-key,content-type", ["X-API-KEY"] = false }
      for _, method in ipairs { "OPTIONS", "POST" } do
        local reply = sandbox:call(method, "/charge/card", "", page)
        assert.is_true(reply.status >= 400, reply.status)
        for name in pairs(reply.headers) do assert.is_nil(name:lower():match("^access%-control")) end
      end
      assert.equal(401, sandbox:call("POST", "/charge/card", '{"amount":1000}', { Origin = "https://evil.example",
        ["X-API-KEY"] = false, ["Content-Type"] = "text/plain" }).status)
      assert.same({}, sandbox:admin("GET", "/charges").json.data)
    end)

    it("live is refused by name", function()
      local reply = get("/charge/card/pi_1", { ["X-API-KEY"] = "lomi_sk_live_demo" })
      assert.matches("refuses live keys", reply.json.error.message, 1, true)
    end)

    for header, value in pairs {
      ["X-API-KEY"] = direct.KEY, ["X-Lomi-API-Key"] = direct.KEY, Authorization = "Bearer " .. direct.KEY,
    } do
      it("may come in " .. header .. ", beside a blank X-API-KEY", function()
        assert.equal(404, get("/charge/card/pi_1", { ["X-API-KEY"] = header == "X-API-KEY" and value or "",
          [header] = value }).status)
      end)
    end
  end)

  describe("what it cannot read is 400:", function()
    for name, case in pairs {
      ["no body"] = { "" },
      ["broken JSON"] = { '{"amount":' },
      ["a list"] = { "[1]" },
      ["a string"] = { '"amount"' },
      ["a raw control character"] = { '{"amount":1000,"description":"a\1b"}' },
      ["a raw newline"] = { '{"amount":1000,"description":"a \\" \\\\ ] b\nc"}' },
      ["bytes"] = { '{"amount":1000,"description":"\255"}' },
      ["a form"] = { "amount=1000", { ["Content-Type"] = "application/x-www-form-urlencoded" } },
      ["JSON of no declared type"] = { '{"amount":10000}', { ["Content-Type"] = false } },
    } do
      it(name, function()
        local headers = { ["Idempotency-Key"] = "k" }
        for key, value in pairs(case[2] or {}) do headers[key] = value end
        local reply = post("/charge/card", case[1], headers)
        assert.equal(400, reply.status)
        assert.equal("bad_request", reply.json.error.code)
        -- It was nobody's answer yet: the key is as good as new.
        assert.equal(201, post("/charge/card", '{"amount":10000}', { ["Idempotency-Key"] = "k" }).status)
      end)
    end
  end)

  it("answers unknown routes and wrong methods with 404", function()
    for _, route in ipairs { { "GET", "/" }, { "GET", "/charge/card" }, { "PUT", "/charge/card" },
      { "DELETE", "/charge/card/pi_1" }, { "POST", "/charge/cards" }, { "GET", "/charge/card/a/b" } } do
      local reply = sandbox:call(route[1], route[2])
      assert.equal(404, reply.status)
      assert.equal("not_found", reply.json.error.code)
    end
  end)

  it("answers HEAD as GET", function()
    local charge = sandbox:charge()
    assert.equal(200, sandbox:call("HEAD", "/charge/card/" .. charge.id).status)
    assert.equal(404, sandbox:call("HEAD", "/charge/card/pi_none").status)
    assert.equal(404, sandbox:call("HEAD", "/charge/card").status)
  end)

  it("takes a path in upper case for the same route, and the same intent", function()
    local body, key = '{"amount":10000}', { ["Idempotency-Key"] = "k" }
    local first = post("/charge/card", body, key)
    assert.equal(201, first.status)
    assert.equal(first.body, post("/CHARGE/Card/", body, key).body)
    assert.equal(200, get("/Charge/CARD/" .. first.json.data.id).status)
    assert.equal(404, get("/charge/card/" .. first.json.data.id:upper()).status)
  end)

  it("takes a trailing slash and a query", function()
    local charge = sandbox:charge()
    assert.equal(200, get("/charge/card/" .. charge.id .. "/?a=b").status)
  end)

  it("treats a path with a slash at its end as the same path, for a confirmation and a cursor too", function()
    for i = 1, 2 do
      post("/charge/wave", { amount = 1000 * i, currency = "XOF",
        customer = { name = "Awa", phoneNumber = "+2250700000000" } })
    end
    local refund = { transaction_id = get("/transactions").json.data[1].transaction_id, amount = 500 }
    for _, paths in ipairs { { "/refunds/", "/refunds" }, { "/refunds", "/refunds/" } } do
      refund.confirmation_token = nil
      refund.confirmation_token = post(paths[1], refund).json.confirmation_token
      assert.equal(201, post(paths[2], refund).status)
    end
    local page = get("/transactions/?limit=1").json
    assert.equal(200, get("/transactions?limit=1&cursor=" .. page.next_cursor).status)
  end)

  it("shows a charge to its organization only", function()
    local charge = sandbox:charge()
    assert.equal(charge.id, get("/charge/card/" .. charge.id).json.data.id)
    assert.equal(404, get("/charge/card/" .. charge.id, { ["X-API-KEY"] = "lomi_sk_test_other" }).status)
    assert.equal(404, get("/charge/card/" .. charge.id, { ["Lomi-Account"] = "acct_1" }).status)
    assert.equal(404, get("/charge/card/pi_none").status)
  end)

  it("reads white space and escapes in JSON for what they are", function()
    local reply = post("/charge/card", '{\r\n\t"amount": 10000,\n\t"description": "a \\" \\\\ ] \\n"}\n')
    assert.equal(201, reply.status)
  end)

  it("skips a byte order mark, and says so", function()
    local body, key = '{"amount":10000,"customer_email":"a@b.ci","customer_name":"A"}', { ["Idempotency-Key"] = "k" }
    local reply = post("/charge/card", "\239\187\191" .. body, key)
    assert.equal(201, reply.status)
    assert.matches("byte order mark", reply.headers["X-Sandbox-Warning"], 1, true)
    assert.equal(reply.body, post("/charge/card", body, key).body)
    assert.equal(400, post("/charge/card", "\239\187\191").status)
  end)

  it("refuses an id that is no percent-encoded UTF-8", function()
    for _, id in ipairs { "%zz", "%FF", "%" } do
      local reply = get("/charge/card/" .. id, { ["X-API-KEY"] = false })
      assert.same({ 400, "bad_request" }, { reply.status, reply.json.error.code }, id)
      assert.equal(400, sandbox:admin("POST", "/charges/" .. id .. "/confirm", { card = "4242424242424242" }).status)
    end
  end)

  it("takes a parameter without a value, and a blank account, as absent", function()
    local charge = sandbox:charge()
    local reply = get("/transactions?status=&limit=", { ["Lomi-Account"] = "" })
    assert.equal(200, reply.status)
    assert.equal(1, #reply.json.data)
    assert.equal(20, reply.json.limit)
    assert.is_nil(reply.headers["X-Sandbox-Warning"])
    assert.equal(200, get("/charge/card/" .. charge.id, { ["Lomi-Account"] = "" }).status)
  end)

  it("reads the body before anything else", function()
    assert.equal(400, post("/nowhere", "{").status)
    assert.equal(400, post("/charge/card", "{", { ["X-API-KEY"] = false }).status)
  end)

  it("takes over the caller's request id, and gives it back", function()
    local reply = get("/charge/card/pi_1", { ["X-Request-Id"] = "req-7" })
    assert.same({ "req-7", "req-7" }, { reply.headers["X-Request-Id"], reply.json.request_id })
    reply = get("/charge/card/pi_1", { ["X-Request-Id"] = "" })
    assert.matches("^%x+%-%x+%-4", reply.headers["X-Request-Id"])
    assert.equal(reply.headers["X-Request-Id"], reply.json.request_id)
  end)

  it("says what to do next", function()
    local charge, reply = sandbox:charge()
    assert.same({ type = "client_secret", client_secret = charge.client_secret }, reply.json.next_action)
    assert.is_nil(get("/charge/card/" .. charge.id).json.next_action)
  end)

  it("answers an empty theme with an empty appearance", function()
    local _, reply = sandbox:charge { appearance_theme = "" }
    assert.matches('"appearance":{}', reply.body, 1, true)
  end)

  it("answers a second cancel as the service does when strict, whatever the key", function()
    sandbox = direct.new { strict = true }
    local charge = sandbox:charge()
    local key = { ["Idempotency-Key"] = "k" }
    assert.equal(201, post("/charge/card/" .. charge.id .. "/cancel", "", key).status)
    local again = post("/charge/card/" .. charge.id .. "/cancel", "", key)
    assert.same({ 500, "internal_error" }, { again.status, again.json.error.code })
    assert.is_nil(again.headers["Idempotency-Cache-Hit"])
    assert.equal("canceled", get("/charge/card/" .. charge.id).json.data.status)
  end)

  it("cancels once", function()
    local charge = sandbox:charge()
    local reply = post("/charge/card/" .. charge.id .. "/cancel")
    assert.equal(201, reply.status)
    assert.same({ success = true, data = { id = charge.id, status = "canceled" } }, reply.json)
    local again = post("/charge/card/" .. charge.id .. "/cancel")
    assert.equal(409, again.status)
    assert.equal("conflict", again.json.error.code)
    assert.equal("canceled", get("/charge/card/" .. charge.id).json.data.status)
  end)

  it("names all faults of a payload at once", function()
    local reply = post("/charge/card", { amount = "x", currency = "GBP" })
    assert.equal(400, reply.status)
    assert.matches("amount must be .*; currency must be ", reply.json.error.message)
    assert.equal(core.null, reply.json.error.details)
  end)

  it("refuses amounts that no number holds exactly", function()
    for _, amount in ipairs { '"1e400"', "1e307", '"-1e400"', "1e16", '"1e16"' } do
      for _, currency in ipairs { "XOF", "EUR" } do
        local reply = post("/charge/card",
          ('{"amount":%s,"currency_code":"%s","customer_email":"a@b.ci","customer_name":"A"}'):format(amount, currency))
        assert.equal(400, reply.status, amount)
        assert.is_table(reply.json, reply.body)
      end
    end
    local reply = post("/charge/wave",
      '{"amount":1e307,"currency":"EUR","customer":{"name":"A","phoneNumber":"0700000000"}}')
    assert.equal("amount_invalid", reply.json.error.code)
  end)

  it("refuses JSON that only lua-cjson takes", function()
    local text = '{"amount":%s,"customer_email":"a@b.ci","customer_name":"A.b \\". 1.","description":"-."}'
    assert.equal(201, post("/charge/card", text:format "10000").status)
    assert.equal(201, post("/charge/card", text:format "10000.0").status)
    for _, number in ipairs { "10000.", "1.e5", "10000. ", "-.5" } do
      local reply = post("/charge/card", text:format(number))
      assert.equal(400, reply.status, number)
      assert.matches("a number has a point with no digits", reply.json.error.message, 1, true)
    end
  end)

  it("takes a list, an empty one too, for no object", function()
    for _, list in ipairs { "[]", "[1]", "[null]" } do
      for _, text in ipairs { '"metadata":%s', '"transfer_data":%s' } do
        local reply = post("/charge/card",
          '{"amount":10000,"customer_email":"a@b.ci","customer_name":"Awa",' .. text:format(list) .. "}")
        assert.equal(400, reply.status)
        assert.matches("must be an object", reply.json.error.message, 1, true)
      end
    end
  end)

  it("reads a body by its exact type", function()
    for type_, status in pairs {
      ["application/json"] = 201, ["APPLICATION/JSON"] = 201, ["application/json;charset=utf-8"] = 201,
      ["Application/Json ; charset=utf-8"] = 201, ["application/jsonx"] = 400, ["application/json-patch+json"] = 400,
      ["application/json, text/plain"] = 400, ["text/json"] = 400, [""] = 400,
    } do
      local reply = post("/charge/card", '{"amount":10000}', { ["Content-Type"] = type_ })
      assert.equal(status, reply.status, type_)
    end
  end)

  it("takes as long as a request is, whatever is in it", function()
    local long = 200000
    local spaces, many = "x" .. (" "):rep(long) .. "x", {}
    for i = 1, 20000 do many["field" .. i] = 1 end
    for name, request in pairs {
      ["a name"] = { "/charge/card", { amount = 10000, customer_name = spaces } },
      ["an id"] = { "/charge/card", { amount = 10000, customer_id = spaces } },
      ["an amount"] = { "/charge/card", { amount = ("1"):rep(long) .. "x" } },
      ["an idempotency key"] = { "/charge/card", { amount = 10000 }, { ["Idempotency-Key"] = spaces } },
      ["a query"] = { "/customers?" .. ("a"):rep(long), "{}" },
      ["a form"] = { "/pay/pi_1", ("a"):rep(long) },
      ["a type"] = { "/charge/card", "{}", { ["Content-Type"] = "application/json" .. spaces } },
      ["unknown fields"] = { "/charge/card", many },
      ["an email"] = { "/charge/wave", { customer = { email = ("a@"):rep(long / 2) } } },
      ["a phone number"] = { "/charge/wave", { customer = { phoneNumber = ("1 "):rep(long / 2) .. "x" } } },
    } do
      -- A tenth of it, mostly; it was minutes.
      assert.is_true(cost.of(function() post(request[1], request[2], request[3]) end) < 0.5, name)
    end
  end)

  it("warns of so much, and not of more", function()
    local body = { amount = 10000 }
    for i = 1, 1000 do body["field" .. i] = i end
    local reply = post("/charge/card", body)
    assert.equal(201, reply.status)
    assert.matches("there are more warnings than these", reply.headers["X-Sandbox-Warning"], 1, true)
    local entry = sandbox:admin("GET", "/requests").json.data[1]
    assert.equal(21, #entry.warnings)
  end)

  it("takes no key of more than 255 bytes", function()
    assert.equal(404, get("/charge/card/x", { ["X-API-KEY"] = "lomi_sk_test_" .. ("a"):rep(242) }).status)
    assert.equal(401, get("/charge/card/x", { ["X-API-KEY"] = "lomi_sk_test_" .. ("a"):rep(243) }).status)
  end)

  describe("under the Turkish locale", function()
    for _, name in ipairs { locale.TURKISH, "tr_TR.ISO-8859-9" } do
      it("reads names and codes as ever (" .. name .. ")", function()
        locale.need(name, pending)
        locale.under(name, function()
          local wave = { amount = 100, currency = "XOF" }
          wave.customer = { name = "Voil\195\160", phoneNumber = "0700000000" }
          local json = { ["Content-Type"] = "APPLICATION/JSON", ["X-Scenario-Key"] = "FAILED" }
          assert.equal("Charge failed (test scenario)", post("/charge/wave", wave, json).json.error.message)
          json["X-Scenario-Key"] = "PENDING"
          assert.equal("PENDING", post("/charge/wave", wave, json).json.status)
          wave.countryCode = "ci"
          assert.equal(201, post("/charge/mtn", wave, json).status)
          local charges = sandbox:admin("GET", "/charges").json.data
          assert.equal("CI", charges[#charges].params.countryCode)
          local reply = post("/charge/card", { amount = 1 / 4, currency_code = "EUR", customer_email = "a@b.ci",
            customer_name = "Awa" })
          assert.equal("amount must be at least 0.50 EUR", reply.json.error.message)
        end)
      end)
    end
  end)

  it("answers amounts of 15 digits exactly", function()
    local charge = sandbox:charge { amount = 1e15 }
    assert.equal(1e15, charge.original_amount)
    assert.equal(math.floor(1e17 / 655.957 + 0.5), charge.amount)
  end)

  describe("idempotency", function()
    local function create(key, body, headers)
      local all = { ["Idempotency-Key"] = key }
      for name, value in pairs(headers or {}) do all[name] = value end
      return post("/charge/card", body or '{"amount":10000}', all)
    end

    local function count() return #sandbox:admin("GET", "/charges").json.data end

    it("is of a route, which has a slash at its end or not", function()
      local body = '{"amount":10000}'
      local first = post("/charge/card", body, { ["Idempotency-Key"] = "k" })
      local again = post("/charge/card/", body, { ["Idempotency-Key"] = "k" })
      assert.equal(first.body, again.body)
      assert.equal(1, count())
    end)

    it("replays the first answer, and makes one charge", function()
      local first, again = create("k"), create(" k ", '{ "amount" : 1e4 }')
      assert.equal(first.body, again.body)
      assert.equal(201, again.status)
      assert.equal("true", again.headers["Idempotency-Cache-Hit"])
      assert.is_nil(first.headers["Idempotency-Cache-Hit"])
      assert.equal(1, count())
    end)

    it("replays errors too, with their request id", function()
      local first, again = create("k", '{"amount":1}'), create("k", '{"amount":1}')
      assert.equal(400, again.status)
      assert.equal(first.body, again.body)
      assert.equal("true", again.headers["Idempotency-Cache-Hit"])
      assert.equal(again.json.request_id, again.headers["X-Request-Id"])
    end)

    it("refuses the key of another body", function()
      create("k")
      local reply = create("k", '{"amount":20000}')
      assert.equal(409, reply.status)
      assert.equal("idempotency_key_reused", reply.json.error.code)
      assert.equal(1, count())
    end)

    it("keeps organizations, accounts and paths apart", function()
      create("k")
      assert.equal(201, create("k", '{"amount":20000}', { ["X-API-KEY"] = "lomi_sk_test_other" }).status)
      assert.equal(201, create("k", '{"amount":20000}', { ["Lomi-Account"] = "acct_1" }).status)
      local wave = post("/charge/wave", { amount = 500, currency = "XOF", customer = { name = "Awa",
        phoneNumber = "+221770000000" } }, { ["Idempotency-Key"] = "k" })
      assert.equal(201, wave.status)
      assert.equal(4, count())
    end)

    it("does not remember what never got as far: 401, 404", function()
      create("k", nil, { ["X-API-KEY"] = false })
      assert.equal(201, create("k").status)
    end)

    it("forgets after 24 hours", function()
      local first = create("k")
      sandbox:admin("POST", "/clock", { advance = 24 * 60 * 60 - 60 })
      assert.equal(first.body, create("k").body)
      sandbox:admin("POST", "/clock", { advance = 60 })
      assert.not_equal(first.body, create("k").body)
      assert.equal(2, count())
    end)

    it("is insisted on when strict, but for cancel", function()
      sandbox = direct.new { strict = true }
      local reply = post("/charge/card", { amount = 10000, customer_email = "a@b.c", customer_name = "A" })
      assert.equal(400, reply.status)
      assert.equal("idempotency_key_required", reply.json.error.code)
      local charge = sandbox:charge()
      assert.equal(201, post("/charge/card/" .. charge.id .. "/cancel").status)
    end)

    it("is warned about when missing", function()
      local reply = post("/charge/card", { amount = 10000, customer_email = "a@b.c", customer_name = "A" })
      assert.equal("no Idempotency-Key: live requires one here", reply.headers["X-Sandbox-Warning"])
    end)

    it("is ignored by an old deployment: a second charge", function()
      sandbox = direct.new { idempotency = "ignored" }
      assert.not_equal(create("k").body, create("k").body)
      assert.equal(201, create("k", '{"amount":20000}').status)
      assert.equal(3, count())
    end)
  end)

  describe("rate limits", function()
    it("are headers, by default", function()
      local charge, reply = sandbox:charge()
      assert.same({ "120", "119", "60" }, { reply.headers["X-RateLimit-Limit"],
        reply.headers["X-RateLimit-Remaining"], reply.headers["X-RateLimit-Window-Seconds"] })
      reply = get("/charge/card/" .. charge.id)
      assert.same({ "5000", "4999", "900" }, { reply.headers["X-RateLimit-Limit"],
        reply.headers["X-RateLimit-Remaining"], reply.headers["X-RateLimit-Window-Seconds"] })
      for _ = 1, 130 do
        charge, reply = sandbox:charge()
        assert.is_string(charge.id)
      end
      assert.equal(201, reply.status)
      assert.equal("0", reply.headers["X-RateLimit-Remaining"])
    end)

    it("are the tight ones for what moves or asks for money only", function()
      for path, limit in pairs { ["/charge/wave"] = "120", ["/charge/card/x/cancel"] = "120", ["/refunds"] = "120",
        ["/payouts"] = "120", ["/checkout-sessions"] = "120", ["/payment-requests"] = "120", ["/customers"] = "5000",
        ["/products"] = "5000", ["/settlements/instant"] = "5000" } do
        assert.equal(limit, post(path, "{}").headers["X-RateLimit-Limit"], path)
      end
      assert.equal("5000", get("/refunds").headers["X-RateLimit-Limit"])
    end)

    it("are kept when asked for", function()
      sandbox = direct.new { rate_limit = { limit = 2, window = 60 } }
      sandbox:charge()
      sandbox:charge()
      local _, reply = sandbox:charge()
      assert.equal(429, reply.status)
      assert.equal("rate_limit_exceeded", reply.json.error.code)
      assert.equal(2, reply.json.error.details.limit)
      local wait = tonumber(reply.headers["Retry-After"])
      assert.equal(wait, reply.json.error.details.retry_after_seconds)
      assert.is_true(wait >= 1 and wait <= 60)
      assert.equal(404, get("/charge/card/pi_1", { ["X-API-KEY"] = "lomi_sk_test_other" }).status)
      sandbox:admin("POST", "/clock", { advance = wait })
      _, reply = sandbox:charge()
      assert.equal(201, reply.status)
    end)
  end)

  describe("a hold", function()
    local charge

    before_each(function() charge = sandbox:charge { hold = true } end)

    it("can be incremented and captured in part, the rest released", function()
      assert.equal(409, post("/charge/card/" .. charge.id .. "/capture").status)
      confirm(charge.id)
      local view = get("/charge/card/" .. charge.id).json.data
      assert.same({ "requires_capture", 10000, true }, { view.status, view.amount_capturable, view.can_increment })
      assert.matches("^%d+%-%d+%-%d+T", view.capture_before)

      local more = post("/charge/card/" .. charge.id .. "/increment", { amount = 15000 })
      assert.equal(200, more.status)
      assert.equal(15000, more.json.data.amount_capturable)

      local part = post("/charge/card/" .. charge.id .. "/capture", { amount = 6000 })
      assert.equal(200, part.status)
      assert.same({ "succeeded", 6000, 915, 0 }, { part.json.data.status, part.json.data.original_amount,
        part.json.data.amount, part.json.data.amount_capturable })
      assert.equal(9000, sandbox:admin("GET", "/charges").json.data[1].released)
      assert.equal(409, post("/charge/card/" .. charge.id .. "/capture").status)
    end)

    it("refuses amounts that make no sense", function()
      confirm(charge.id)
      for path, bodies in pairs {
        capture = { { amount = 10001 }, { amount = 0 }, { amount = "x" }, { amount = 999 }, { amount = 5000.5 } },
        increment = { { amount = 10000 }, { amount = 10000.5 }, { amount = 9999 }, {}, { amount = -1 } },
      } do
        for _, body in ipairs(bodies) do
          assert.equal(400, post("/charge/card/" .. charge.id .. "/" .. path, body).status)
        end
      end
      assert.equal("requires_capture", get("/charge/card/" .. charge.id).json.data.status)
    end)

    it("is released when nobody captures it in time", function()
      confirm(charge.id)
      sandbox:admin("POST", "/clock", { advance = 7 * 24 * 60 * 60 + 1 })
      assert.equal("canceled", get("/charge/card/" .. charge.id).json.data.status)
      assert.equal(409, post("/charge/card/" .. charge.id .. "/capture").status)
    end)
  end)

  describe("mobile money", function()
    local function mobile(kind, scenario)
      local customer = { name = "Awa", phoneNumber = "+221770000000" }
      return post("/charge/" .. kind, { amount = 500, currency = "XOF", customer = customer },
        { ["X-Scenario-Key"] = scenario or false, ["Idempotency-Key"] = core.uuid4() })
    end

    it("ends as the scenario says", function()
      for _, kind in ipairs { "wave", "mtn" } do
        for scenario, status in pairs { [""] = "completed", maybe = "completed", pending = "PENDING",
          Pending = "PENDING" } do
          local reply = mobile(kind, scenario)
          assert.equal(201, reply.status)
          local data = reply.json.data or reply.json
          assert.equal(status, data.status)
          assert.is_string(data.transaction_id)
        end
        local reply = mobile(kind, "FAILED")
        assert.same({ 400, "bad_request", "Charge failed (test scenario)" },
          { reply.status, reply.json.error.code, reply.json.error.message })
      end
    end)

    it("gives Wave's payers somewhere to go", function()
      local url = mobile("wave", "pending").json.checkout_url
      local page = sandbox:call("GET", url:match("^http://127%.0%.0%.1:4010(/.*)$"))
      assert.equal(200, page.status)
    end)

    it("is not a card charge", function()
      mobile("wave")
      local id = sandbox:admin("GET", "/charges").json.data[1].id
      assert.equal(404, get("/charge/card/" .. id).status)
      assert.equal(400, confirm(id).status)
    end)
  end)
end)
