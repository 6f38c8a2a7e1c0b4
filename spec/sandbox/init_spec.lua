-- SPDX-License-Identifier: MIT
-- The handle and the server behind it, on real sockets.
local child = require "spec.support.child"
local core = require "lomi.core"
local sandbox = require "lomi.sandbox"
local strike = require "spec.support.strike"
local webhook = require "lomi.webhook"

local FILE = "init_spec.lua:"

describe("lomi.sandbox without its server", function()
  it("says which rock brings it, at the caller's line", function()
    local output, status = child.run [[
      local searchers = package.searchers or package.loaders
      for i, search in ipairs(searchers) do
        searchers[i] = function(name)
          if name == "lomi.httpd" then return "\n\tnot here" end
          return search(name)
        end
      end
      print(pcall(function()
        local sandbox = require("lomi.sandbox").start()
        return sandbox
      end))
    ]]
    assert.equal(0, status)
    assert.matches("^false\t[^\n]*:%d+: sandbox.start: the sandbox's server is not installed: install the rock "
      .. "lomi%-sandbox$", output)
  end)
end)

describe("lomi.sandbox", function()
  local box, transport
  local others = {}

  setup(function()
    box = assert(sandbox.start())
    transport = require("lomi.transport.curl").new()
  end)

  teardown(function()
    box:stop()
    for _, other in ipairs(others) do other:stop() end
  end)

  before_each(function() box:reset() end)

  local function start(options)
    local other = assert(sandbox.start(options))
    others[#others + 1] = other
    return other
  end

  local function request(method, path, body, key, url)
    return {
      method = method, url = (url or box.url) .. path, body = body, timeout = 60, connect_timeout = 60, proxy = "",
      headers = { ["X-API-KEY"] = "lomi_sk_test_demo", ["Content-Type"] = "application/json",
        ["Idempotency-Key"] = method == "POST" and (key or core.uuid4()) or nil },
    }
  end

  local function create(key, url)
    local reply, failure = transport:send(request("POST", "/charge/card", '{"amount":10000}', key, url))
    local data = reply and reply.status == 201 and core.decode(reply.body)
    return data and data.data, reply, failure
  end

  local function get(id)
    return core.decode(transport:send(request("GET", "/charge/card/" .. id)).body).data
  end

  -- The message, which must name a line of this file.
  local function raised(action, ...)
    local ok, message = pcall(action, ...)
    assert.is_false(ok)
    assert.matches(FILE, message, 1, true)
    return (message:gsub("^.*" .. FILE:gsub("%.", "%%.") .. "%d+: ", ""))
  end

  it("listens on a free port of 127.0.0.1", function()
    assert.matches("^http://127%.0%.0%.1:%d+$", box.url)
    assert.not_equal(box.url, start().url)
  end)

  it("refuses wrong options at the caller's line", function()
    for _, case in ipairs {
      { { prot = 1 }, 'sandbox.start: unknown field prot; did you mean "port"?' },
      { { port = "1" }, 'sandbox.start: port must be a whole number from 0 to 65535, not "1"' },
      { { strict = 1 }, "sandbox.start: strict must be true or false, not 1" },
      { { host = "localhost" }, "sandbox.start: host must be a numeric address" },
      { { idempotency = "no" }, 'sandbox.start: idempotency must be "honoured" or "ignored", not "no"' },
      { { rate_limit = 5 }, "sandbox.start: rate_limit must be a table { limit =, window = }, not 5" },
      { { rate_limit = { limit = 5 } }, "sandbox.start: rate_limit.window is missing" },
      { { tls_cert = "x", tls_key = "y" }, "sandbox.start: tls_cert must be a certificate in PEM" },
      { { tls_key = "-----BEGIN PRIVATE KEY-----" }, "sandbox.start: tls_cert and tls_key go together" },
      { { log = "loud" }, 'sandbox.start: log must be "plain" or "colour", not "loud"' },
      { "strict", "sandbox.start: expected a table of fields" },
    } do
      local message = raised(function() sandbox.start(case[1]) end)
      assert.equal(case[2], message:sub(1, #case[2]))
    end
  end)

  it("says why it cannot start", function()
    local port = tonumber(box.url:match("(%d+)$"))
    local other, why = sandbox.start { port = port }
    assert.is_nil(other)
    assert.is_string(why)
  end)

  it("makes charges, and tells of requests and charges", function()
    local charge = create("order-1")
    local seen, made = box:requests(), box:charges()
    assert.same({ 1, 1 }, { #seen, #made })
    assert.same({ "POST", "/charge/card", '{"amount":10000}', 201, "order-1" },
      { seen[1].method, seen[1].target, seen[1].body, seen[1].status, seen[1].headers["idempotency-key"] })
    assert.same({ charge.id, "order-1" }, { made[1].id, made[1].idempotency_key })
    assert.same({ 1, 1, 1 }, { box:stats().accepts, box:stats().requests, box:stats().charges })
  end)

  it("counts one connection for a hundred charges, and none of its own", function()
    for _ = 1, 100 do create() end
    assert.equal(1, box:stats().accepts)
    assert.equal(100, box:stats().charges)
  end)

  it("lists more than one reply holds", function()
    local body = core.encode { amount = 10000, description = ("x"):rep(60000) }
    for _ = 1, 40 do transport:send(request("POST", "/charge/card", body)) end
    local seen, made = box:requests(), box:charges()
    assert.same({ 40, 40, 40 }, { #seen, seen[40].number, #made })
  end)

  describe("each fault on the wire", function()
    for _, case in ipairs {
      -- fault, what the client gets, whether there is a charge
      { { status = 500 }, 500, 0 }, { { status = 503, delay = 0.01 }, 503, 0 }, { { html = true }, 502, 0 },
      { { drop = "before" }, "connection", 0 }, { { drop = "after" }, "connection", 1 },
      { { drop = "mid_body" }, "connection", 1 }, { { reset = "before" }, "connection", 0 },
      { { reset = true }, "connection", 1 }, { { reset = "mid_body" }, "connection", 1 },
      { { garbage = true }, "protocol", 1 }, { { truncate = 10 }, "connection", 1 },
      { { truncate = true }, "connection", 1 }, { { empty = true }, 201, 1 }, { { oversize = true }, "protocol", 1 },
      { { trickle = 10000 }, 201, 1 }, { { delay = 0.01 }, 201, 1 }, { { body = "{" }, 201, 1 },
    } do
      it(core.encode(case[1]), function()
        box:fail(case[1])
        local _, reply, failure = create("k")
        assert.equal(case[2], reply and reply.status or failure.kind)
        assert.equal(case[3], #box:charges())
        assert.is_string(box:requests()[1].fault)
        local charge = create("k")
        assert.equal(charge.id, box:charges()[1].id)
        assert.equal(1, #box:charges())
      end)
    end
  end)

  it("tells the same story of chaos for the same seed", function()
    local function story()
      box:reset()
      box:chaos { seed = 5, rate = 0.5, delay = 0.001 }
      for i = 1, 60 do create("k" .. i) end
      local words = {}
      for i, seen in ipairs(box:requests()) do words[i] = seen.fault or "-" end
      box:clear_faults()
      assert.is_table(create())
      return table.concat(words, ",")
    end
    local first = story()
    assert.matches("status", first, 1, true)
    assert.equal(first, story())
  end)

  it("plays the payer", function()
    local charge = create()
    assert.equal("card_declined", box:confirm(charge.id, "4000 0000 0000 0002").failure_code)
    assert.equal("requires_action", box:confirm(charge.id, "4000002500003155", { expiry = "12/99" }).status)
    assert.equal("authentication_failed", box:authenticate(charge.id, { succeeds = false }).failure_code)
    box:confirm(charge.id, "4000002500003155")
    assert.equal("succeeded", box:authenticate(charge.id).status)
    assert.equal("succeeded", get(charge.id).status)
    assert.equal("completed", get(charge.id).transaction.status)
  end)

  it("puts its clock forward", function()
    local first = create("k")
    box:advance(24 * 60 * 60)
    assert.not_equal(first.id, create("k").id)
    assert.equal(2, #box:charges())
  end)

  describe("webhooks", function()
    it("tell the whole story, signed", function()
      box:inbox("whsec_demo")
      local charge = create()
      box:confirm(charge.id, "4000000000000002")
      box:confirm(charge.id, "4242424242424242")
      for _, expected in ipairs {
        { "PAYMENT_CREATED", "pending" }, { "PAYMENT_FAILED", "failed" }, { "PAYMENT_SUCCEEDED", "completed" },
      } do
        local letter = assert(box:receive())
        local event = assert(webhook.construct_event(letter.body, letter.headers, "whsec_demo", { tolerance = 300 }))
        assert.same({ expected[1], expected[2], get(charge.id).transaction.transaction_id, 10000, "XOF" },
          { event.event, event.data.status, event.data.transaction_id, event.data.amount, event.data.currency_code })
        local seconds, v1 = letter.headers["x-lomi-signature-v1"]:match("^t=(%d+),v1=(%x+)$")
        assert.equal(webhook.sign(seconds .. "." .. letter.body, "whsec_demo"), v1)
        assert.equal(event.event, letter.headers["x-lomi-event"])
        assert.is_nil(letter.headers["x-api-key"])
      end
      local states = {}
      for i, delivery in ipairs(box:deliveries()) do states[i] = delivery.state end
      assert.equal("delivered delivered delivered", table.concat(states, " "))
    end)

    it("are told apart by event, and do not come when they were not sent", function()
      box:inbox("whsec_demo")
      box:confirm(create().id, "4242424242424242")
      assert.equal("PAYMENT_SUCCEEDED", box:receive("PAYMENT_SUCCEEDED").event)
      local letter, why = box:receive("PAYMENT_FAILED", 0)
      assert.is_nil(letter)
      assert.equal("no PAYMENT_FAILED came within 0 s", why)
    end)

    it("hold up nobody while their receiver is silent, and are tried again", function()
      -- A server that reads and answers when it is too late for this test.
      local shop = start()
      shop:fail { delay = 3, times = 5 }
      box:webhook(shop.url .. "/hook", "whsec_demo", { backoff = 0 })
      local before = core.now()
      local charge = create()
      box:confirm(charge.id, "4242424242424242")
      assert.equal("succeeded", get(charge.id).status)
      assert.is_true(core.now() - before < 1)
      assert.equal("sending", box:deliveries()[1].state)

      box:reset()
      shop = start() -- another: what was on its way to the first one may still arrive there
      shop:fail { status = 503, times = 2 }
      shop:fail { status = 200 }
      box:webhook(shop.url .. "/hook", "whsec_demo", { backoff = 600 })
      create()
      local function tried(times)
        local ends = core.now() + 5
        while core.now() < ends do
          local delivery = box:deliveries()[1]
          if delivery.attempts == times and delivery.state ~= "sending" then return delivery end
        end
      end
      assert.equal("waiting", tried(1).state)
      box:advance(600)
      assert.equal("waiting", tried(2).state)
      box:advance(1200)
      assert.equal("delivered", tried(3).state)
      local seen = shop:requests()
      assert.equal(seen[1].body, seen[3].body)
      assert.equal("POST /hook", seen[3].method .. " " .. seen[3].path)
    end)

    it("can be doubled and wrongly signed, and can end", function()
      box:inbox("whsec_demo", { twice = true, bad_signature = true })
      create()
      local first, second = assert(box:receive()), assert(box:receive())
      assert.equal(first.body, second.body)
      assert.is_nil((webhook.construct_event(first.body, first.headers, "whsec_demo")))
      box:webhook(nil)
      create()
      assert.is_nil((box:receive(nil, 0)))
    end)
  end)

  it("raises the server's sentence at the caller's line", function()
    local charge = create()
    for message, action in pairs {
      ['status must be a whole number from 200 to 599, not "x"'] = function() box:fail { status = "x" } end,
      ["rate must be a share from 0 to 1, not 3"] = function() box:chaos { rate = 3 } end,
      ['unknown field expires; did you mean "expiry"?'] = function()
        box:confirm(charge.id, "4242424242424242", { expires = "12/34" })
      end,
      ["advance must be a number of seconds, at least 0, not -1"] = function() box:advance(-1) end,
      ["the charge is requires_payment_method; only a charge that is requires_action can be authenticated"] =
        function() box:authenticate(charge.id) end,
      ["the sandbox has no charge pi_none"] = function() box:confirm("pi_none", "4242424242424242") end,
      ['confirm takes the id of a charge, such as "pi_…", not nil'] = function() box:confirm(nil, "4242") end,
      ['confirm takes the id of a charge, such as "pi_…", not "a/b"'] = function() box:confirm("a/b", "4242") end,
      ['save_card takes the id of a subscription, not "a/b"'] = function() box:save_card("a/b", "4242") end,
      ["fail takes a table of options, not number"] = function() box:fail(500) end,
      ["secret is missing; it must be the endpoint's secret (whsec_…)"] = function()
        box:webhook("http://127.0.0.1:1/")
      end,
      ["call the sandbox's methods with a colon, as in sandbox:reset()"] = function() box.reset() end,
    } do
      assert.equal(message, raised(action))
    end
  end)

  it("is driven from elsewhere just the same", function()
    local remote = assert(sandbox.connect(box.url .. "/"))
    remote:fail { status = 500 }
    assert.is_falsy((create()))
    create()
    assert.equal(1, #remote:charges())
    remote:stop()
    assert.equal(1, #box:charges())
  end)

  it("connects to sandboxes only", function()
    local none, why = sandbox.connect("http://127.0.0.1:1")
    assert.is_nil(none)
    assert.matches("http://127.0.0.1:1 does not answer", why, 1, true)
    assert.equal("sandbox.connect takes the URL of a sandbox, such as http://127.0.0.1:4010",
      raised(function() sandbox.connect("127.0.0.1:4010") end))
  end)

  it("ends when a stop that an error cut short is repeated", function()
    local other = start()
    strike.everywhere("watchdog", function() other:stop() end, function(where)
      other:stop()
      assert.is_nil((sandbox.connect(other.url)), where)
      other = start()
    end)
  end)

  it("ends once, and says so afterwards", function()
    local other = start()
    local url = other.url
    assert.equal("lomi.sandbox " .. url, tostring(other))
    other:stop()
    other:stop()
    assert.equal("lomi.sandbox " .. url .. " (stopped)", tostring(other))
    assert.equal("the sandbox is stopped", raised(function() other:requests() end))
    local _, _, failure = create(nil, url)
    assert.equal("connection", failure.kind)
  end)

  it("plays strict and old deployments", function()
    local strict, old = start { strict = true }, start { idempotency = "ignored" }
    local _, reply = create("k", strict.url)
    assert.equal(400, reply.status)
    create("k", old.url)
    create("k", old.url)
    assert.equal(2, #old:charges())
  end)

  it("speaks https with a certificate of one's own making, which its handle can trust", function()
    local key, cert = os.tmpname(), os.tmpname()
    local made = os.execute("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
      .. "-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout " .. key .. " -out " .. cert
      .. " 2>/dev/null")
    local function read(path)
      local file = assert(io.open(path))
      local text = file:read("*a")
      file:close()
      return text
    end
    assert(made == true or made == 0, "openssl req")
    local options = { tls_cert = read(cert), tls_key = read(key), ca_file = cert }
    local trusted = start(options)
    options.ca_file = nil
    local distrusted = start(options)
    assert.matches("^https://", trusted.url)
    assert.same({}, trusted:requests())
    local message = raised(function() distrusted:requests() end)
    assert.matches("does not answer", message, 1, true)
    os.remove(key)
    os.remove(cert)
  end)

  it("limits the rate when asked", function()
    local limited = start { rate_limit = { limit = 1, window = 60 } }
    create(nil, limited.url)
    local _, reply = create(nil, limited.url)
    assert.equal(429, reply.status)
    assert.is_true(tonumber(reply.headers["retry-after"]) >= 1)
  end)

  it("says which rock to install where its server is not there", function()
    local output = child.run [[
      package.preload["lomi.httpd"] = function() error("module 'lomi.httpd' not found:", 0) end
      print(pcall(require("lomi.sandbox").start))
    ]]
    assert.matches("^false\t.*sandbox%.start: .*install the rock lomi%-sandbox$", output)
  end)

  it("lets its process exit while it signs webhooks", function()
    local output, status = child.run [[
      local core, lomi = require "lomi.core", require "lomi"
      local box, loop = assert(require("lomi.sandbox").start()), lomi.loop()
      box:inbox "whsec_demo"
      local client = lomi.new { api_key = "lomi_sk_test_demo", base_url = box.url, transport = loop }
      local made = 0
      for i = 1, 300 do
        loop:spawn(function()
          client.charges:create_card_charge { amount = 10000, metadata = { order = ("ORD-"):rep(200) .. i } }
          made = made + 1
        end)
      end
      local started = core.now()
      while made < 10 and core.now() - started < 15 do loop:poll() end
      while core.now() - started < 0.15 do loop:poll() end
      os.exit(made >= 10 and 0 or 1)
    ]]
    assert.same({ "", 0 }, { output, status })
  end)

  it("holds metadata as deep as a client lets out, and lists it", function()
    local lomi = require "lomi"
    local client = lomi.new { api_key = "lomi_sk_test_demo", base_url = box.url, max_retries = 0 }
    local metadata = { "end" }
    for _ = 2, 63 do metadata = { a = metadata } end
    box:inbox("whsec_demo")
    local charge = assert(client.charges:create_card_charge { amount = 10000, customer_email = "a@b.ci",
      customer_name = "A", metadata = metadata })
    assert.equal("succeeded", box:confirm(charge.id, "4242424242424242").status)
    local received = assert(box:receive("PAYMENT_SUCCEEDED", 10))
    assert(lomi.webhook.construct_event(received.body, received.headers, "whsec_demo"))
    assert.same({ charge.id, 2 }, { box:charges()[1].id, #box:deliveries() })
    assert.equal(1, #assert(client.transactions:list()).data)
  end)

  it("holds metadata near the 1 MiB that a client lets out, and gives it back whole", function()
    box:inbox("whsec_demo")
    local body = ('{"amount":10000,"metadata":{"a":"%s"}}'):format(("x"):rep(1024 * 1024 - 200))
    local reply = assert(transport:send(request("POST", "/charge/card", body)))
    local charge = core.decode(reply.body).data
    assert.equal("succeeded", box:confirm(charge.id, "4242424242424242").status)
    local event = assert(webhook.construct_event(box:receive("PAYMENT_SUCCEEDED", 10).body,
      box:deliveries()[2].signature, "whsec_demo"))
    assert.equal(1024 * 1024 - 200, #event.data.metadata.a)
    assert.equal(1024 * 1024 - 200, #box:charges()[1].params.metadata.a)
  end)

  it("plays a service that takes minor units", function()
    local cents = start { amounts = "minor" }
    local body = '{"amount":1050,"currency_code":"EUR","customer_email":"a@b.ci","customer_name":"A"}'
    local data = core.decode(transport:send(request("POST", "/charge/card", body, nil, cents.url)).body).data
    assert.same({ 1050, "eur", 1050, "EUR" },
      { data.amount, data.currency, data.original_amount, data.original_currency })
    local page = transport:send(request("GET", ("/pay/%s?client_secret=%s"):format(data.id, data.client_secret), nil,
      nil, cents.url))
    assert.matches("€10.50", page.body, 1, true)
    local refused = transport:send(request("POST", "/charge/card", (body:gsub("1050", "1050.5")), nil, cents.url))
    assert.equal(400, refused.status)
    assert.equal("amount_invalid", core.decode(refused.body).error.code)
  end)
end)
