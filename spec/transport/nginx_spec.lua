-- SPDX-License-Identifier: MIT
-- The client in a real nginx, which runs it on LuaJIT whatever runs this spec.
local conformance = require "spec.support.conformance"
local core = require "lomi.core"
local curl = require("lomi.transport.curl").new()
local dns_of = require "spec.support.dns_server"
local given = require "spec.support.given"
local nginx_of = require "spec.support.nginx"
local peer = require "spec.support.peer"
local server_of = require "spec.support.server"
local socket = require "socket"
local tcp = require "spec.support.tcp"
local tls = require "spec.support.tls"

local KEY = given.KEY

if nginx_of.missing then
  pending("the nginx transport: " .. nginx_of.missing)
  return
end

local PERFORM = [[
  local asked = ...
  return require("spec.support.calls").perform(asked.options, asked.calls)
]]

conformance("nginx", require("spec.support.runners").nginx)

describe("the nginx transport", function()
  local authority, nginx, server, stops

  setup(function() authority = tls.authority() end)
  teardown(function() tls.remove(authority) end)

  -- What is to be stopped after the test.
  local function keep(started)
    stops[#stops + 1] = started
    return started
  end

  before_each(function()
    stops = {}
    server = keep(server_of.start())
  end)
  after_each(function()
    for _, started in ipairs(stops) do started:stop() end
  end)

  local function start(options)
    nginx = keep(nginx_of.start(options))
  end

  local function charge(url, options)
    local all = { api_key = KEY, base_url = url, max_retries = 0, backoff = { base = 0 } }
    for name, value in pairs(options or {}) do all[name] = value end
    return nginx:run(PERFORM, { options = all, calls = { { "create_card_charge", { amount = 10000 } } } })[1]
  end

  local function check(got, kind, outcome, message)
    assert.is_nil(got.result)
    assert.equal(kind, got.err.kind, got.text)
    assert.equal(outcome, got.err.outcome, got.text)
    for _, part in ipairs(type(message) == "table" and message or { message }) do
      assert.matches(part, got.err.message, 1, true, got.text)
    end
  end

  it("keeps libcurl and our libcrypto module out of the worker", function()
    start()
    assert.equal("pi_scripted", charge(server.url).result.id)
    if tcp.missing then pending "only Linux has /proc/self/maps" end
    local maps = nginx:run [[
      local file = assert(io.open("/proc/self/maps"))
      local text = file:read("*a")
      file:close()
      return text
    ]]
    assert.matches("/lomi/core.so", maps, 1, true)
    for _, other in ipairs { "libcurl", "/lomi/engine.so", "/lomi/crypto.so" } do
      assert.is_nil(maps:find(other, 1, true), other)
    end
  end)

  it("is what lomi.preload loads in nginx, and not libcurl", function()
    start { http = 'init_by_lua_block { require("lomi").preload() }' }
    assert.same({ true, true, true }, nginx:run [[
      local loaded = package.loaded
      return { loaded["lomi.transport.nginx"] ~= nil, loaded["lomi.client"] ~= nil, loaded["lomi.engine"] == nil }
    ]])
    assert.equal("pi_scripted", charge(server.url).result.id)
  end)

  describe("waits, or says that it cannot, in", function()
    -- A call that charges, for a block of nginx.conf; what came of it is kept under `name`.
    local function note(name, url)
      return ([[require("spec.support.nginx_app").note("%s", { api_key = "%s", base_url = "%s", max_retries = 1 }) ]])
        :format(name, KEY, url or server.url)
    end

    local function noted(name)
      return nginx:run([[return require("spec.support.nginx_app").noted(...)]], name)
    end

    local function check_refused(phase)
      check(noted(phase), "connection", "not_sent", { phase .. " phase", "ngx.timer.at(0, …)" })
      assert.equal(1, noted(phase).err.attempts)
      assert.equal(0, #server:requests())
    end

    for _, phase in ipairs { "rewrite", "access", "content" } do
      it(phase, function()
        start { server = ("location = /it { %s_by_lua_block { %s } }"):format(phase, note(phase)) }
        nginx:request("GET", "/it")
        assert.equal("pi_scripted", noted(phase).result.id)
      end)
    end

    it("server_rewrite", function()
      start { server = ("server_rewrite_by_lua_block { if ngx.var.uri == '/it' then %s end }"):format(note("it")) }
      nginx:request("GET", "/it")
      assert.equal("pi_scripted", noted("it").result.id)
    end)

    it("a timer", function()
      start()
      local got = nginx:run([[
        local url, key = (...).url, (...).key
        local app, ended = require "spec.support.nginx_app", require("ngx.semaphore").new()
        ngx.timer.at(0, function()
          app.note("timer", { api_key = key, base_url = url })
          ended:post()
        end)
        assert(ended:wait(5))
        return app.noted("timer")
      ]], { url = server.url, key = KEY })
      assert.equal("pi_scripted", got.result.id)
    end)

    it("ssl_certificate", function()
      local certificate = authority:issue()
      start {
        http = ([[
          server {
            listen 127.0.0.1:{other_port} ssl;
            ssl_certificate {prefix}/cert.pem;
            ssl_certificate_key {prefix}/key.pem;
            ssl_certificate_by_lua_block { %s }
            location / { return 204; }
          }]]):format(note("it")),
        files = { ["cert.pem"] = certificate.cert, ["key.pem"] = certificate.key },
      }
      assert(curl:send { method = "GET", url = ("https://localhost:%d/"):format(nginx.other_port), headers = {},
        timeout = 5, connect_timeout = 5, proxy = "", ca_file = certificate.ca_file })
      assert.equal("pi_scripted", noted("it").result.id)
    end)

    for phase, conf in pairs {
      set = "location = /it { set_by_lua_block $unused { %s return '' } return 204; }",
      header_filter = "location = /it { content_by_lua_block { ngx.say(1) } header_filter_by_lua_block { %s } }",
      body_filter = "location = /it { content_by_lua_block { ngx.say(1) } body_filter_by_lua_block { %s } }",
      log = "location = /it { content_by_lua_block { ngx.say(1) } log_by_lua_block { %s } }",
    } do
      it(phase, function()
        start { server = conf:format(note(phase)) }
        nginx:request("GET", "/it")
        check_refused(phase)
      end)
    end

    it("balancer", function()
      start {
        http = ("upstream it { server 0.0.0.1; balancer_by_lua_block { %s ngx.exit(503) } }"):format(note("balancer")),
        server = "location = /it { proxy_pass http://it; }",
      }
      nginx:request("GET", "/it")
      check_refused("balancer")
    end)

    it("init_worker", function()
      start { init_worker = note("init_worker") }
      check_refused("init_worker")
    end)

    it("init; a client made there works where it can", function()
      start { http = ([[
        init_by_lua_block {
          %s
          package.loaded.shop = require("lomi").new { api_key = "%s", base_url = "%s" }
        }]]):format(note("init"), KEY, server.url) }
      check_refused("init")
      assert.equal("pi_scripted", nginx:run [[
        local charge, err = require("shop").charges:create_card_charge { amount = 10000 }
        return charge and charge.id or tostring(err)
      ]])
    end)
  end)

  describe("finds a host", function()
    it("by the name server of `resolver`, and keeps the connection", function()
      local dns = keep(dns_of.start("shop.test"))
      start { http = ("resolver 127.0.0.1:%d;"):format(dns.port) }
      local url = server.url:gsub("127%.0%.0%.1", "shop.test")
      for _ = 1, 2 do assert.equal("pi_scripted", charge(url, { allow_http = true }).result.id) end
      local requests = server:requests()
      assert.equal(url:match("//(.*)"), server_of.header(requests[1], "Host"))
      assert.equal(1, requests[2].connection)
      check(charge("https://other.test"), "connection", "not_sent", { "other.test", "not found" })
    end)

    it("within the time for connecting, though the name server is silent", function()
      local silent = assert(socket.udp())
      assert(silent:setsockname("127.0.0.1", 0))
      start { http = ("resolver 127.0.0.1:%d;"):format((select(2, silent:getsockname()))) }
      local got = charge("https://shop.test", { connect_timeout = 0.2 })
      check(got, "timeout", "not_sent", "shop.test")
      assert.is_true(got.took > 0.15 and got.took < 3, got.took)
      assert.equal("pi_scripted", charge(server.url).result.id)
      silent:close()
    end)

    it("never without one, and says what to add", function()
      start()
      check(charge("https://shop.test"), "connection", "not_sent", { "shop.test", "'resolver'", "http block" })
    end)

    it("called localhost without one", function()
      start()
      assert.equal("pi_scripted", charge((server.url:gsub("127%.0%.0%.1", "localhost"))).result.id)
    end)

    it("by its IPv6 address", function()
      local probe = socket.tcp6()
      local there = probe:bind("::1", 0)
      probe:close()
      if not there then
        pending("this machine has no ::1")
        return
      end
      start { server = [[
        listen [::1]:{other_port};
        location = /charge/card { return 201 '{"data":{"id":"$http_host"}}'; }
      ]] }
      local host = ("[::1]:%d"):format(nginx.other_port)
      assert.equal(host, charge("http://" .. host).result.id)
    end)
  end)

  describe("trusts", function()
    local function trusting(more)
      return ("lua_ssl_trusted_certificate %s; %s"):format(authority.ca_file, more or "")
    end

    it("nobody when it is not told whom, and says what to add", function()
      local secure = keep(server_of.start(authority:issue()))
      start()
      check(charge(secure.url), "tls", "not_sent", { "lua_ssl_trusted_certificate", "http block" })
      assert.equal(0, #secure:requests())
    end)

    it("no certificate that was refused, though sslhandshake may say that all is well: 200 times", function()
      local certificate = tls.certificate()
      local secure = keep(server_of.start(certificate))
      start { http = trusting("lua_socket_log_errors off;") }
      local list = {}
      for i = 1, 200 do list[i] = { "create_card_charge", { amount = 10000 } } end
      local options = { api_key = KEY, base_url = secure.url, max_retries = 0 }
      for _, got in ipairs(nginx:run(PERFORM, { options = options, calls = list })) do
        check(got, "tls", "not_sent", "certificate")
      end
      assert.equal(0, #secure:requests())
      tls.remove(certificate)
    end)

    it("in another attempt after a handshake that was cut, though a certificate was refused before", function()
      local certificate = tls.certificate()
      finally(function() tls.remove(certificate) end)
      local secure = keep(server_of.start(certificate))
      local plain = keep(peer.start { serve = [[
        return function(connection)
          connection:send "HTTP/1.1 400 Bad Request\r\n\r\n"
          connection:drain()
        end ]] })
      start { http = trusting("lua_socket_log_errors off;") }
      check(charge(secure.url), "tls", "not_sent")
      local list = {}
      for i = 1, 1000 do list[i] = { "create_card_charge", { amount = 10000 } } end
      local options = { api_key = KEY, base_url = "https://localhost:" .. plain.port, max_retries = 0 }
      for _, got in ipairs(nginx:run(PERFORM, { options = options, calls = list })) do
        check(got, "connection", "not_sent", "cut: handshake failed")
      end
    end)

    it("no chain longer than allowed, and says what to change", function()
      local secure = keep(server_of.start(authority:issue { intermediates = 2 }))
      start { http = trusting() }
      check(charge(secure.url), "tls", "not_sent", "lua_ssl_verify_depth")
      assert.equal(0, #secure:requests())
    end)

    it("no bare address: nginx would take any host's certificate for it", function()
      local secure = keep(server_of.start(authority:issue()))
      start { http = trusting() }
      check(charge((secure.url:gsub("localhost", "127.0.0.1"))), "tls", "not_sent", { "127.0.0.1", "host name" })
      check(charge("https://[::1]:1"), "tls", "not_sent", "[::1]")
      assert.equal(0, #secure:requests())
    end)

    it("no connection that somebody else made without verification", function()
      local certificate = tls.certificate()
      finally(function() tls.remove(certificate) end)
      local secure = keep(server_of.start(certificate))
      start { http = trusting() }
      local status = nginx:run([[
        local socket = ngx.socket.tcp()
        assert(socket:connect("127.0.0.1", tonumber((...))))
        assert(socket:sslhandshake(nil, "localhost", false))
        assert(socket:send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        local status, length = socket:receive("*l"), nil
        repeat
          local line = assert(socket:receive("*l"))
          length = line:match("^Content%-Length: (%d+)") or length
        until line == ""
        assert(socket:receive(tonumber(length)))
        assert(socket:setkeepalive())
        return status
      ]], secure.url:match(":(%d+)$"))
      assert.matches("^HTTP/1.1 201", status)
      check(charge(secure.url), "tls", "not_sent")
      assert.equal(1, #secure:requests())
    end)

    it("no connection to another name at the same address", function()
      local dns = keep(dns_of.start("shop.test", "evil.test"))
      local secure = keep(server_of.start(authority:issue { names = "DNS:localhost,DNS:shop.test" }))
      start { http = trusting(("resolver 127.0.0.1:%d;"):format(dns.port)) }
      assert.equal("pi_scripted", charge((secure.url:gsub("localhost", "shop.test"))).result.id)
      assert.equal("pi_scripted", charge((secure.url:gsub("localhost", "shop.test"))).result.id)
      check(charge((secure.url:gsub("localhost", "evil.test"))), "tls", "not_sent", "evil.test")
      assert.equal(1, secure:requests()[2].connection)
    end)
  end)

  it("lets the worker serve others while calls wait", function()
    local COUNT, DELAY = 50, 1
    local answers = {}
    for i = 1, COUNT do answers[i] = { status = 201, body = '{"data":{"id":"pi_1"}}', delay = DELAY } end
    server:script((table.unpack or unpack)(answers)) -- luacheck: ignore 113
    start { server = ([[
      location = /plain { return 200 "plain"; }
      location = /charge { content_by_lua_block {
        local shop = package.loaded.shop or require("lomi").new { api_key = "%s", base_url = "%s" }
        package.loaded.shop = shop
        local charge, err = shop.charges:create_card_charge { amount = 10000 }
        ngx.print(charge and charge.id or tostring(err))
      } }]]):format(KEY, server.url) }
    local function ask(target)
      local s = assert(socket.connect("127.0.0.1", nginx.port))
      s:settimeout(5)
      assert(s:send("GET " .. target .. " HTTP/1.0\r\n\r\n"))
      return s
    end
    local function answer_of(s)
      local text = assert(s:receive("*a"))
      s:close()
      return text:match("\r\n\r\n(.*)$")
    end
    local started, waiting, slowest = core.now(), {}, 0
    for i = 1, COUNT do waiting[i] = ask("/charge") end
    repeat
      local before = core.now()
      assert.equal("plain", answer_of(ask("/plain")))
      slowest = math.max(slowest, core.now() - before)
    until core.now() - started > DELAY
    for _, s in ipairs(waiting) do assert.equal("pi_1", answer_of(s)) end
    local took = core.now() - started
    assert.is_true(took < 5 * DELAY, took) -- one after the other it would be COUNT * DELAY
    assert.is_true(slowest < DELAY, slowest)
  end)

  it("sends nothing when no time is left, rather than with nginx's own limits", function()
    start()
    for _, timeout in ipairs { 0, -1 } do
      local failure = nginx:run([[
        local url, timeout = (...).url, (...).timeout
        local _, failure = require("lomi.transport.nginx").new():send {
          method = "GET", url = url, headers = {}, timeout = timeout, connect_timeout = 10,
        }
        return failure
      ]], { url = server.url, timeout = timeout })
      assert.equal("timeout", failure.kind)
      assert.is_false(failure.sent)
    end
    assert.equal(0, #server:requests())
  end)

  it("says so when the worker has no connection left, and works when it has", function()
    start { connections = 16 }
    local said = nginx:run([[
      local client = require("lomi").new { api_key = (...).key, base_url = (...).url, max_retries = 0 }
      local function call()
        local charge, err = client.charges:create_card_charge { amount = 10000 }
        return charge and "charged" or ("%s, %s: %s"):format(err.kind, err.outcome, err.message)
      end
      local threads, said = {}, {}
      for i = 1, 20 do threads[i] = ngx.thread.spawn(call) end
      for i = 1, 20 do said[i] = select(2, assert(ngx.thread.wait(threads[i]))) end
      said[21] = call()
      return said
    ]], { key = KEY, url = server.url })
    local charged = 0
    for _, text in ipairs(said) do
      if text == "charged" then
        charged = charged + 1
      else
        assert.matches("^connection, not_sent: .*worker_connections", text)
      end
    end
    assert.is_true(charged > 1 and charged < 21, charged)
    assert.equal("charged", said[21])
  end)

  it("does not sleep for less than a millisecond, which nginx would warn of", function()
    start()
    local got = charge("http://127.0.0.1:1", { max_retries = 5, backoff = { base = 0 } })
    assert.equal(6, got.err.attempts)
    assert.is_nil(nginx:log():find("ngx.sleep", 1, true))
  end)

  it("says where the worker's environment is missing, and takes the key from there", function()
    start()
    local ok, wrong = pcall(nginx.run, nginx, [[require("lomi").new()]])
    assert.is_false(ok)
    assert.matches("env LOMI_API_KEY;", wrong, 1, true)
    start { main = "env LOMI_API_KEY=lomi_sk_test_env;" }
    assert.equal("lomi client (sandbox, sandbox.api.lomi.africa)", nginx:run [[return tostring(require("lomi").new())]])
  end)

  it("writes no secret to the error log", function()
    start()
    server:script { raw = "nonsense" }
    check(charge("https://shop.test"), "connection", "not_sent")
    check(charge(server.url), "protocol", "unknown")
    nginx:run([[
      local url, key = (...).url, (...).key
      local client = require("lomi").new {
        api_key = key, base_url = url, on_attempt = function() error("boom " .. key) end,
      }
      assert(client.charges:create_card_charge { amount = 10000 })
    ]], { url = server.url, key = KEY })
    assert.matches("on_attempt raised: .*boom", nginx:log())
    assert.is_nil(nginx:log():find(KEY, 1, true))
    assert.is_nil(nginx:log():find("pi_scripted_secret", 1, true))
  end)

  it("is all that examples/nginx needs to sell", function()
    local function example(name)
      local file = assert(io.open(nginx_of.root .. "/examples/nginx/" .. name))
      local text = file:read("*a")
      file:close()
      return text
    end
    local sandbox = keep(assert(require("lomi.sandbox").start()))
    start {
      conf = "{user}" .. example("nginx.conf"):gsub("127%.0%.0%.1:8080", "127.0.0.1:{port}"):gsub("daemon off;\n", "")
        :gsub("error_log stderr", "error_log {prefix}/error.log"):gsub("/usr/lib/nginx/modules", nginx_of.modules)
        :gsub("\nhttp {", '%0 init_worker_by_lua_block { io.stdout:write("ready\\n") io.stdout:flush() }'),
      files = { ["shop.lua"] = example("shop.lua") },
      env = ("LOMI_API_KEY=%s LOMI_WEBHOOK_SECRET=whsec_demo LOMI_BASE_URL=%s LUA_PATH='%s' LUA_CPATH='%s'"):format(
        KEY, sandbox.url, nginx_of.lua_path, nginx_of.lua_cpath),
    }
    sandbox:webhook(nginx.url .. "/webhook", "whsec_demo")

    local function buy(order)
      local reply = assert(nginx:request("POST", "/charge", order))
      return reply.status, core.decode(reply.body)
    end
    local order = '{"order":"ORD-1","item":"tea","email":"awa@example.com","name":"Awa Ndiaye"}'
    local status, bought = buy(order)
    assert.equal(201, status, nginx:log())
    local _, again = buy(order)
    assert.same(bought, again)
    local charges = sandbox:charges()
    assert.equal(1, #charges)
    assert.equal(2500, charges[1].original_amount)
    assert.equal(422, (buy '{"order":"ORD-2","item":"tea","email":"nobody","name":"Awa"}'))
    assert.equal(400, (buy '{"item":"tea"}'))
    assert.equal(400, (buy "nonsense"))
    sandbox:fail { status = 500, times = 3 }
    assert.equal(503, (buy(order:gsub("ORD%-1", "ORD-3"))))

    sandbox:confirm(charges[1].id, "4242424242424242")
    local deadline = core.now() + 5
    repeat
      local taken = 0
      for _, delivery in ipairs(sandbox:deliveries()) do
        if delivery.state == "delivered" then taken = taken + 1 end
      end
    until taken >= 2 or core.now() > deadline
    assert.matches("paid: order ORD%-1", nginx:log())

    -- A true webhook is not enough: it must be a completed payment of the order's amount, in its currency.
    local _, paid = nginx:log():gsub("paid: order", "")
    for i, change in ipairs { { amount = 1 }, { currency_code = "EUR" }, { status = "pending" },
      { metadata = { order_id = "ORD-9" } }, { metadata = core.null } } do
      local payment = { transaction_id = "t-" .. i, status = "completed", amount = 2500, currency_code = "XOF",
        metadata = { order_id = "ORD-1" } }
      for name, value in pairs(change) do payment[name] = value end
      if payment.metadata == core.null then payment.metadata = nil end
      local body = core.encode { id = "other-" .. i, event = "PAYMENT_SUCCEEDED", data = payment }
      assert.equal(204, assert(nginx:request("POST", "/webhook", body, {
        ["X-Lomi-Signature"] = require("lomi.webhook").sign(body, "whsec_demo") })).status)
      assert.matches("pays for no order: transaction t%-" .. i, nginx:log())
    end
    assert.equal(paid, select(2, nginx:log():gsub("paid: order", "")))
    local forged = assert(nginx:request("POST", "/webhook", '{"id":"1"}', { ["X-Lomi-Signature"] = ("0"):rep(64) }))
    assert.equal(400, forged.status)
  end)
end)
