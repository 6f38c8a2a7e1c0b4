-- SPDX-License-Identifier: MIT
local core = require "lomi.core"
local cost = require "spec.support.cost"
local given = require "spec.support.given"
local lomi = require "lomi"
local server_of = require "spec.support.server"

local header = server_of.header
local KEY, AWA = given.KEY, given.AWA

local function error_body(code, message, details)
  return assert(core.encode {
    error = { code = code, message = message or "a sentence", details = details or core.null }, request_id = "req-1",
  })
end

describe("a client", function()
  local server, client

  local function new(options)
    options.api_key, options.base_url = options.api_key or KEY, options.base_url or server.url
    options.backoff = options.backoff or { base = 0.001, cap = 0.002 }
    return lomi.new(options)
  end

  before_each(function()
    server = server_of.start()
    client = new {}
  end)

  after_each(function() server:stop() end)

  describe("puts on the wire", function()
    it("what the contract says, and nothing else", function()
      assert(client.charges:create_card_charge(AWA, { idempotency_key = "order-1", account = "acct_1" }))
      local request = server:requests()[1]
      assert.equal("POST", request.method)
      assert.equal("/charge/card", request.target)
      assert.same(AWA, core.decode(request.body))
      local headers = request.headers
      assert.same({
        ["host"] = server.url:match("//(.*)"),
        ["x-api-key"] = KEY,
        ["accept"] = "application/json",
        ["content-type"] = "application/json",
        ["content-length"] = tostring(#request.body),
        ["idempotency-key"] = "order-1",
        ["lomi-account"] = "acct_1",
        ["x-request-id"] = headers["x-request-id"],
        ["user-agent"] = headers["user-agent"],
      }, headers)
      assert.matches("^lomi%-lua/%d+%.%d+%.%d+ %(Lua", headers["user-agent"])
      assert.matches("^%x+%-%x+%-4%x+%-%x+%-%x+$", headers["x-request-id"])
    end)

    it("the page's own example as it stands", function()
      assert(client.charges:create_card_charge { amount = 10000 })
      assert.equal('{"amount":10000}', server:requests()[1].body)
    end)

    it("a GET without body, content type or idempotency key", function()
      assert(client.charges:get_card_charge("pi_1"))
      local request = server:requests()[1]
      assert.equal("GET", request.method)
      assert.equal("/charge/card/pi_1", request.target)
      assert.equal("", request.body)
      assert.is_nil(header(request, "Content-Type"))
      assert.is_nil(header(request, "Idempotency-Key"))
    end)

    it("an id percent-encoded", function()
      client.charges:get_card_charge("pi 1?x=%2F#é")
      assert.equal("/charge/card/pi%201%3Fx%3D%252F%23%C3%A9", server:requests()[1].target)
    end)

    it("a cancel as a POST without body, with a key", function()
      assert(client.charges:cancel_card_charge("pi_1"))
      local request = server:requests()[1]
      assert.equal("POST", request.method)
      assert.equal("/charge/card/pi_1/cancel", request.target)
      assert.is_nil(header(request, "Content-Type"))
      assert.equal("0", header(request, "Content-Length"))
      assert.matches("^%x+%-%x+%-4%x+%-%x+%-%x+$", header(request, "Idempotency-Key"))
    end)

    it("a new idempotency key for every call, the same for its every attempt", function()
      server:script({ status = 503 }, { status = 503 })
      local _, _, reply = client.charges:create_card_charge(AWA)
      client.charges:create_card_charge(AWA)
      local keys = {}
      for i, request in ipairs(server:requests()) do keys[i] = header(request, "Idempotency-Key") end
      assert.equal(4, #keys)
      assert.equal(keys[1], keys[2])
      assert.equal(keys[1], keys[3])
      assert.not_equal(keys[1], keys[4])
      assert.equal(keys[1], reply.idempotency_key)
    end)

    it("any endpoint through request, the query sorted and encoded", function()
      local body = assert(client:request("GET", "/charges", { query = { limit = 10, after = "é&", all = true } }))
      assert.is_true(body.success)
      assert.equal("/charges?after=%C3%A9%26&all=true&limit=10", server:requests()[1].target)
      assert(client:request("POST", "/refunds", { body = { amount = 1 }, idempotency_key = "r-1" }))
      local request = server:requests()[2]
      assert.equal('{"amount":1}', request.body)
      assert.equal("r-1", header(request, "Idempotency-Key"))
    end)

    it("undeclared fields by extra", function()
      assert(client.charges:create_card_charge({ amount = 1 }, { extra = { locale = "fr" } }))
      assert.same({ amount = 1, locale = "fr" }, core.decode(server:requests()[1].body))
    end)

    it("1,000 charges in a row over one connection, of several clients too", function()
      local other = new {}
      for _ = 1, 500 do
        assert(client.charges:create_card_charge(AWA))
        assert(other.charges:create_card_charge(AWA))
      end
      local requests = server:requests()
      assert.equal(1000, #requests)
      assert.equal(1, requests[1000].connection)
    end)
  end)

  describe("gives back", function()
    it("the charge as a plain table, and the reply", function()
      server:script {
        status = 201, headers = { ["X-Request-Id"] = "req-7", ["X-Custom"] = "a" },
        body = '{"success":true,"data":{"id":"pi_1","original_amount":10000,"appearance":null}}',
      }
      local charge, err, reply = client.charges:create_card_charge(AWA)
      assert.is_nil(err)
      assert.equal("10000", tostring(charge.original_amount))
      assert.same({ id = "pi_1", original_amount = 10000 }, charge)
      assert.equal(201, reply.status)
      assert.equal("req-7", reply.request_id)
      assert.equal("a", reply.headers["x-custom"])
      assert.equal(1, reply.attempts)
      assert.is_false(reply.replayed)
      assert.is_true(reply.elapsed >= 0 and reply.elapsed < 5)
      assert.matches('"pi_1"', reply.body)
    end)

    it("any 2xx as a success", function()
      server:script({ status = 200, body = '{"success":true,"data":{"id":"pi_1","status":"canceled"}}' })
      assert.equal("canceled", assert(client.charges:cancel_card_charge("pi_1")).status)
    end)

    it("an empty table for a 204 of request", function()
      server:script { status = 204 }
      assert.same({}, (client:request("DELETE", "/thing")))
    end)
  end)

  describe("names what a reply means:", function()
    local cases = {
      { 400, "bad_request", "invalid_request", "rejected" },
      { 400, "amount_invalid", "invalid_request", "rejected" },
      { 401, "unauthorized", "authentication", "rejected" },
      { 403, "forbidden", "permission", "rejected" },
      { 404, "not_found", "not_found", "rejected" },
      { 408, "timeout", "timeout", "unknown" },
      { 409, "conflict", "conflict", "rejected" },
      { 409, "idempotency_key_reused", "conflict", "rejected" },
      { 409, "idempotency_in_progress", "conflict", "unknown" },
      { 422, "validation_failed", "invalid_request", "rejected" },
      { 429, "rate_limit_exceeded", "rate_limited", "rejected" },
      { 500, "internal_error", "api", "unknown" },
      { 503, "service_unavailable", "api", "unknown" },
      { 302, "moved", "protocol", "unknown" },
    }
    for _, case in ipairs(cases) do
      local status, code, kind, outcome = case[1], case[2], case[3], case[4]
      it(("%d %s is %s, %s"):format(status, code, kind, outcome), function()
        server:script { status = status, body = error_body(code, "too bad", { limit = 3 }) }
        local charge, err, reply = client.charges:create_card_charge(AWA, { max_retries = 0 })
        assert.is_nil(charge)
        assert.equal(kind, err.kind)
        assert.equal(outcome, err.outcome)
        assert.equal(status, err.status)
        assert.equal(code, err.code)
        assert.matches("^too bad", err.message)
        assert.same({ limit = 3 }, err.details)
        assert.equal("req-1", err.request_id)
        assert.equal(1, err.attempts)
        assert.equal(status, reply.status)
        assert.equal(reply.idempotency_key, err.idempotency_key)
      end)
    end

    it("a GET has no outcome", function()
      server:script { status = 404, body = error_body("not_found") }
      local _, err = client.charges:get_card_charge("pi_1")
      assert.equal("not_found", err.kind)
      assert.is_nil(err.outcome)
    end)

    it("for a cancellation, which ignores keys, it says to look", function()
      server:script { status = 500, body = error_body("internal_error") }
      local _, err = client.charges:cancel_card_charge("pi_1", { max_retries = 0 })
      assert.equal("unknown", err.outcome)
      assert.matches("look it up", err.message)
      assert.is_nil(err.message:find("retry", 1, true))
    end)

    it("another amount than meant, in USD and EUR, is protocol, unknown, and not retried", function()
      local function ask(method, unit, charged, ...)
        server:script { status = 201, body = assert(core.encode { success = true, data = {
          id = "pi_1", amount = charged, currency = "eur", original_currency = "EUR" } }) }
        local charges = new({ amounts = unit }).charges
        return charges[method](charges, ...)
      end
      local EUR = { amount = 100, currency_code = "EUR", customer_email = "a@b.c", customer_name = "Awa" }
      assert(ask("create_card_charge", "main", 10000, EUR))
      assert(ask("create_card_charge", "minor", 100, EUR))
      assert(ask("capture_card_charge", "main", 1050, "pi_1", { amount = 10.5 }))
      assert(ask("capture_card_charge", "main", 1050, "pi_1"))
      for _, call in ipairs {
        { "create_card_charge", "main", 100, EUR }, { "create_card_charge", "minor", 10000, EUR },
        { "capture_card_charge", "main", 10, "pi_1", { amount = 10 } },
        { "increment_card_hold", "minor", 1000, "pi_1", { amount = 10 } },
      } do
        local before = #server:requests()
        local charge, err, reply = ask((table.unpack or unpack)(call)) -- luacheck: ignore 113
        assert.is_nil(charge)
        assert.same({ "protocol", "amount_mismatch", "unknown", 201 }, { err.kind, err.code, err.outcome, err.status })
        assert.matches("pi_1", err.message)
        assert.matches("cancel it", err.message)
        assert.is_nil(err.message:find("same idempotency_key", 1, true))
        assert.equal(1, reply.attempts)
        assert.equal(before + 1, #server:requests())
      end
    end)

    it("for unknown, the message says what to do", function()
      server:script { status = 500, body = error_body("internal_error") }
      local _, err = client.charges:create_card_charge(AWA, { max_retries = 0 })
      assert.matches("retry with the same idempotency_key", err.message)
      server:script {
        status = 500, headers = { ["Idempotency-Cache-Hit"] = "true" }, body = error_body("internal_error"),
      }
      _, err = client.charges:create_card_charge(AWA)
      assert.is_true(err.replayed)
      assert.equal(1, err.attempts)
      assert.matches("look it up instead", err.message)
    end)

    local unreadable = {
      ["HTML from a proxy with 502"] = { { status = 502, headers = { ["Content-Type"] = "text/html" },
        body = "<html>Bad Gateway</html>" }, "api" },
      ["HTML from a proxy with 403"] = { { status = 403, body = "<html>no</html>" }, "permission" },
      ["200 with broken JSON"] = { { status = 200, body = '{"success":tru' }, "protocol" },
      ["201 with an empty body"] = { { status = 201, body = "" }, "protocol" },
      ["201 without data"] = { { status = 201, body = '{"success":true}' }, "protocol" },
      ["201 with a list"] = { { status = 201, body = "[1]" }, "protocol" },
      ["201 with text that is not UTF-8"] = { { status = 201, size = 10 }, "protocol" },
      ["201 with success: false"] = { { status = 201, body = '{"success":false}' }, "api" },
      ["201 with success that is not a boolean"] = {
        { status = 201, body = '{"success":"no","data":{"id":"pi_1"}}' }, "api" },
      ["201 with data that is no charge"] = { { status = 201, body = '{"success":true,"data":{}}' }, "protocol" },
      ["a body of 5 MiB"] = { { status = 201, size = 5 * 1024 * 1024 }, "protocol" },
      ["a number too large"] = { { status = 201, body = '{"data":{"amount":1e999}}' }, "protocol" },
    }
    for name, case in pairs(unreadable) do
      it(name .. " is " .. case[2] .. ", unknown", function()
        server:script(case[1])
        local _, err = client.charges:create_card_charge(AWA, { max_retries = 0 })
        assert.equal(case[2], err.kind)
        assert.equal("unknown", err.outcome)
        assert.is_nil(err.code)
      end)
    end
  end)

  describe("asks again", function()
    it("when it is safe, and says how often", function()
      server:script({ status = 500, body = error_body("internal_error") }, { drop = true })
      local charge, err, reply = client.charges:create_card_charge(AWA)
      assert.is_nil(err)
      assert.equal("pi_scripted", charge.id)
      assert.equal(3, reply.attempts)
    end)

    it("not with max_retries = 0: exactly one request", function()
      server:script({ status = 500, body = error_body("internal_error") })
      client.charges:create_card_charge(AWA, { max_retries = 0 })
      assert.equal(1, #server:requests())
    end)

    it("not a PUT without idempotency key, but one with", function()
      server:script({ status = 503 }, { status = 503 })
      local _, err = client:request("PUT", "/thing", { body = { a = 1 } })
      assert.equal(1, err.attempts)
      assert.matches("look it up before a retry", err.message)
      assert(client:request("PUT", "/thing", { body = { a = 1 }, idempotency_key = "k" }))
      assert.equal(3, #server:requests())
    end)

    it("after at least the second that 429 asks for", function()
      server:script { status = 429, headers = { ["Retry-After"] = "1" }, body = error_body("rate_limit_exceeded") }
      local started = core.now()
      local _, _, reply = client.charges:create_card_charge(AWA)
      assert.is_true(core.now() - started >= 1)
      assert.equal(2, reply.attempts)
    end)

    it("not if the wait would pass the deadline", function()
      server:script { status = 429, headers = { ["Retry-After"] = "30" }, body = error_body("rate_limit_exceeded") }
      local started = core.now()
      local _, err = new({ deadline = 10 }).charges:create_card_charge(AWA)
      assert.is_true(core.now() - started < 5)
      assert.equal(30, err.retry_after)
      assert.equal(1, err.attempts)
    end)

    it("within the deadline of the call, kept within 50 ms", function()
      -- It ends before the deadline where the next wait would pass it.
      local err = cost.ends_on_time(0.3, 0.15, function()
        server:script({ status = 200, delay = 30 }, { status = 200, delay = 30 }, { status = 200, delay = 30 })
        return select(2, new({ deadline = 0.4, timeout = 0.15 }).charges:create_card_charge(AWA))
      end)
      assert.equal("timeout", err.kind)
      assert.equal("unknown", err.outcome)
      assert.equal(3, err.attempts)
    end)
  end)

  describe("combines its attempts:", function()
    it("timeout, then 401: unknown", function()
      server:script({ status = 200, delay = 5 }, { status = 401, body = error_body("unauthorized") })
      local _, err = new({ timeout = 0.1 }).charges:create_card_charge(AWA)
      assert.equal("authentication", err.kind)
      assert.equal(2, err.attempts)
      assert.equal("unknown", err.outcome)
    end)

    it("reply lost, then a refused port: unknown", function()
      server:script({ drop = true })
      local cut = new { on_attempt = function(event) if event.attempt == 1 then server:stop() end end }
      local _, err = cut.charges:create_card_charge(AWA)
      assert.equal("connection", err.kind)
      assert.equal(3, err.attempts)
      assert.equal("unknown", err.outcome)
    end)

    it("reply lost, then a replayed 4xx: rejected", function()
      server:script({ drop = true }, {
        status = 400, headers = { ["Idempotency-Cache-Hit"] = "true" }, body = error_body("amount_invalid"),
      })
      local _, err = client.charges:create_card_charge(AWA)
      assert.equal("rejected", err.outcome)
      assert.is_true(err.replayed)
    end)

    it("429, then a refused port: rejected", function()
      server:script({ status = 429, body = error_body("rate_limit_exceeded") })
      local cut = new { on_attempt = function(event) if event.attempt == 1 then server:stop() end end }
      local _, err = cut.charges:create_card_charge(AWA)
      assert.equal("connection", err.kind)
      assert.equal("rejected", err.outcome)
    end)
  end)

  describe("is not deceived:", function()
    it("bytes nobody asked for on a kept connection are not the answer to the next charge", function()
      local charge = '{"success":true,"data":{"id":"pi_%d"}}'
      local function whole(id)
        local body = charge:format(id)
        return ("HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s"):format(#body, body)
      end
      -- One reply too many: it comes once the first charge has its own, on a connection that is kept.
      local socket = require "socket"
      local listener = assert(socket.bind("127.0.0.1", 0))
      local _, port = listener:getsockname()
      local loop, answered, accepted = lomi.loop(), 0, {}
      local raw = new { base_url = "http://127.0.0.1:" .. port, max_retries = 0, timeout = 2, transport = loop }
      listener:settimeout(0)
      local function serve()
        local peer = listener:accept()
        if peer then
          peer:settimeout(0)
          accepted[#accepted + 1] = peer
        end
        for _, one in ipairs(accepted) do
          local text, _, part = one:receive(65536)
          if (text or part or ""):find("POST", 1, true) then
            answered = answered + 1
            one:send(whole(answered))
            if answered == 1 then one:send(whole(666)) end
          end
        end
      end
      local ids = {}
      local function one_charge()
        local task = loop:spawn(function() return raw.charges:create_card_charge(AWA) end)
        while loop:poll() > 0 do serve() end
        local result, err = task:result()
        return result and result.id or err.kind
      end
      for i = 1, 3 do ids[i] = one_charge() end
      for _, one in ipairs(accepted) do one:close() end
      listener:close()
      loop:close()
      assert.same({ "pi_1", "pi_2", "pi_3" }, ids)
    end)

    it("a table that is not all there is refused: what its metatable adds would not be sent", function()
      for _, params in ipairs {
        setmetatable({ amount = 10000 }, { __index = { currency_code = "USD" } }),
        setmetatable({}, { __index = AWA }),
        { amount = 10000, metadata = setmetatable({}, { __index = { order = "1" } }) },
      } do
        local _, err = client.charges:create_card_charge(params)
        assert.equal("invalid_request", err.kind)
        assert.matches("metatable", err.message)
      end
      assert.has_error(function() client.charges:create_card_charge(AWA, setmetatable({}, {})) end)
      assert.equal(0, #server:requests())
    end)

    it("a Retry-After that looks like a card number is a number all the same", function()
      server:script { status = 503, headers = { ["Retry-After"] = "4242424242424242" }, body = error_body("x") }
      local _, err = client.charges:create_card_charge(AWA)
      assert.equal(1e9, err.retry_after) -- no longer is read
      assert.equal(1, err.attempts)
    end)

    it("trailers are not headers", function()
      server:script { raw = "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" ..
        "Idempotency-Cache-Hit: true\r\n\r\n" }
      local _, err, reply = client.charges:create_card_charge(AWA, { max_retries = 0 })
      assert.is_false(err.replayed)
      assert.is_nil(reply.headers["idempotency-cache-hit"])
    end)

    it("a message of megabytes is cut", function()
      server:script { status = 400, body = error_body("bad_request", ("1 "):rep(200000)) }
      local started = core.now()
      local _, err = client.charges:create_card_charge(AWA)
      assert.is_true(#tostring(err) < 3000)
      assert.is_true(core.now() - started < 1)
    end)
  end)

  it("does not make a refused port unknown because on_attempt took its time", function()
    local slow = new { base_url = "http://127.0.0.1:1", deadline = 0.05, on_attempt = function() core.sleep(0.06) end }
    local _, err = slow.charges:create_card_charge(AWA)
    assert.equal("connection", err.kind)
    assert.equal("not_sent", err.outcome)
    assert.equal(1, err.attempts)
  end)

  it("takes calls made while another is waiting, from a hook or a finalizer", function()
    local nested = 0
    local function interfere()
      if nested < 5 then
        nested = nested + 1
        debug.sethook()
        assert(client.charges:get_card_charge("pi_nested"))
        debug.sethook(interfere, "", 3)
      end
    end
    if rawget(_G, "jit") then jit.off() end -- luacheck: ignore
    debug.sethook(interfere, "", 3)
    local charge = client.charges:create_card_charge(AWA)
    debug.sethook()
    if rawget(_G, "jit") then jit.on() end -- luacheck: ignore
    assert.equal("pi_scripted", charge.id)
    assert.equal(5, nested)
  end)

  describe("refuses before any socket is opened", function()
    local deep = {}
    do
      local inner = deep
      for _ = 1, 100 do
        inner.a = {}
        inner = inner.a
      end
    end
    local cyclic = {}
    cyclic.a = cyclic
    local bad = {
      ["no params"] = { nil, "params" },
      ["params that are text"] = { "10000", "params" },
      ["half a XOF"] = { { amount = 0.5 }, "amount" },
      ["a third decimal of a euro"] = { { amount = 10.005, currency_code = "EUR" }, "amount" },
      ["cyclic metadata"] = { { amount = 1, metadata = cyclic }, "metadata" },
      ["metadata 100 deep"] = { { amount = 1, metadata = deep }, "metadata" },
      ["invalid UTF-8"] = { { amount = 1, description = "\255" }, "description" },
      ["a description of 2 MiB"] = { { amount = 1, description = ("x"):rep(2 ^ 21) }, "description" },
      ["an amount no double keeps"] = { { amount = 2 ^ 53 }, "amount" },
    }
    for name, case in pairs(bad) do
      it(name, function()
        local charge, err, reply = client.charges:create_card_charge(case[1])
        assert.is_nil(charge)
        assert.is_nil(reply)
        assert.equal("invalid_request", err.kind)
        assert.equal("not_sent", err.outcome)
        assert.equal(0, err.attempts)
        assert.equal(case[2], err.fields[1].field:match("^%w+"))
        assert.equal(0, #server:requests())
      end)
    end

    it("bad ids, keys and accounts, all at once", function()
      local evil = { account = "a\r\nX-Evil: 1", idempotency_key = ("k"):rep(256) }
      local _, err = client.charges:get_card_charge("../x", evil)
      local fields = {}
      for i, fault in ipairs(err.fields) do fields[i] = fault.field end
      table.sort(fields)
      assert.same({ "account", "id", "idempotency_key" }, fields)
      for _, id in ipairs { "", ".", "..", "a/b", 7, {}, false } do
        local _, wrong = client.charges:get_card_charge(id)
        assert.equal("id", wrong.fields[1].field)
      end
      for _, path in ipairs { "charges", "", "//../x", "/a b", "/a?b", "/a\r\nb", 7 } do
        local _, wrong = client:request("POST", path)
        assert.equal("path", wrong.fields[1].field)
      end
      assert.equal(0, #server:requests())
    end)

    it("a declared field in extra", function()
      local _, err = client.charges:create_card_charge({ amount = 1 }, { extra = { amount = 2 } })
      assert.equal("extra.amount", err.fields[1].field)
    end)

    it("an extra field that JSON cannot carry exactly, beside fields that are right", function()
      local _, err = client.charges:create_card_charge({ amount = 1 }, { extra = { big = 2 ^ 60 + 2 ^ 10 } })
      assert.equal("big", err.fields[1].field)
    end)
  end)

  describe("raises at the caller's line", function()
    local here = "^spec/client_spec%.lua:%d+: "
    local misuses = {
      ["a dot for a colon"] = function() client.charges.create_card_charge(AWA) end,
      ["a dot for a colon in request"] = function() client.request("GET", "/x") end,
      ["an unknown option"] = function() client.charges:create_card_charge(AWA, { idempotencykey = "x" }) end,
      ["options that are no table"] = function() client.charges:create_card_charge(AWA, "key") end,
      ["a negative timeout"] = function() client.charges:create_card_charge(AWA, { timeout = -1 }) end,
      ["an unknown method"] = function() client:request("get", "/x") end,
      ["a GET with a body"] = function() client:request("GET", "/x", { body = {} }) end,
    }
    for name, misuse in pairs(misuses) do
      it("for " .. name, function()
        local ok, message = pcall(misuse)
        assert.is_false(ok)
        assert.matches(here, (message:gsub("^%./", "")))
      end)
    end

    it("with a suggestion", function()
      assert.error_matches(function() client.charges:create_card_charge(AWA, { idempotencykey = "x" }) end,
        'did you mean "idempotency_key"')
    end)
  end)

  describe("tells on_attempt", function()
    it("of every attempt", function()
      server:script({ status = 503, body = error_body("service_unavailable") })
      local events = {}
      local watched = new { on_attempt = function(event) events[#events + 1] = event end }
      assert(watched.charges:create_card_charge(AWA, { idempotency_key = "k" }))
      assert.equal(2, #events)
      assert.equal("api", events[1].kind)
      assert.equal(503, events[1].status)
      assert.is_true(events[1].wait >= 0)
      assert.equal("unknown", events[1].outcome)
      assert.is_nil(events[2].kind)
      assert.is_nil(events[2].wait)
      assert.equal(201, events[2].status)
      assert.equal("/charge/card", events[2].path)
      assert.equal("k", events[2].idempotency_key)
    end)

    it("and survives an object that raises when it is printed", function()
      local stderr = io.stderr
      io.stderr = { write = function() end } -- luacheck: ignore
      local hostile = setmetatable({}, { __tostring = function() error("again") end })
      local charge = new({ on_attempt = function() error(hostile) end }).charges:create_card_charge(AWA)
      io.stderr = stderr -- luacheck: ignore
      assert.equal("pi_scripted", charge.id)
    end)

    it("and survives what it raises", function()
      local stderr, written = io.stderr, {}
      io.stderr = { write = function(_, ...) written[#written + 1] = table.concat { ... } end } -- luacheck: ignore
      local charge = new({ on_attempt = function() error("boom " .. KEY) end }).charges:create_card_charge(AWA)
      io.stderr = stderr -- luacheck: ignore
      assert.equal("pi_scripted", charge.id)
      assert.matches("on_attempt raised: .*boom", written[1])
      assert.is_nil(written[1]:find(KEY, 1, true))
    end)
  end)

  it("shows no secret anywhere: not the key, not a client_secret", function()
    local seen = {}
    local watched = new {
      on_attempt = function(event) seen[#seen + 1] = event end,
    }
    local secret = "pi_9_secret_abc"
    server:script(
      { status = 500, body = error_body("internal_error", "key " .. KEY .. " and " .. secret) },
      { status = 400, body = error_body("bad_request", secret, { key = KEY, client_secret = "plain", [KEY] = secret,
        card = "4242 4242 4242 4242" }) })
    local _, err = watched.charges:create_card_charge(AWA)
    seen[#seen + 1] = err
    seen[#seen + 1] = tostring(err)
    seen[#seen + 1] = err .. ""
    seen[#seen + 1] = tostring(watched)
    seen[#seen + 1] = watched
    local function search(value, path, visited)
      if type(value) == "string" then
        for _, leak in ipairs { KEY, "secret_abc", "plain", "4242 4242" } do
          assert.is_nil(value:find(leak, 1, true), path)
        end
      elseif type(value) == "table" and not visited[value] then
        visited[value] = true
        for k, v in pairs(value) do
          search(k, path, visited)
          search(v, path .. "." .. tostring(k), visited)
        end
      end
    end
    search(seen, "seen", {})
    assert.equal(6, #seen - 1)
  end)

  describe("works through any transport of the interface", function()
    local function with(send)
      return lomi.new { api_key = KEY, backoff = { base = 0 }, transport = {
        send = send, sleep = function() end, now = core.now,
      } }
    end

    it("taking a raise or a plain string for the worst: sent", function()
      for _, send in ipairs {
        function() error("socket trouble " .. KEY) end,
        function() return nil, "socket trouble" end,
        function() return nil end,
        function() return {} end,
        function() return { status = 0 / 0, headers = {}, body = "{}" } end,
        function() return { status = 201, headers = { ["x-request-id"] = 5 }, body = "{}" } end,
        function() return { status = 429, headers = { ["retry-after"] = 3 }, body = "{}" } end,
      } do
        local _, err = with(send).charges:create_card_charge(AWA)
        assert.equal("connection", err.kind)
        assert.equal("unknown", err.outcome)
        assert.equal(3, err.attempts)
        assert.is_nil(tostring(err):find(KEY, 1, true))
      end
    end)

    it("believing sent = false only when it is said", function()
      local _, err = with(function() return nil, { kind = "timeout", message = "x" } end)
        .charges:create_card_charge(AWA)
      assert.equal("unknown", err.outcome)
      _, err = with(function() return nil, { kind = "timeout", message = "x", sent = false } end)
        .charges:create_card_charge(AWA)
      assert.equal("not_sent", err.outcome)
    end)

    it("and lets an interrupt through, not what only sounds like one", function()
      for _, level in ipairs { 0, 1 } do
        assert.error_matches(function()
          with(function() error("interrupted!", level) end).charges:create_card_charge(AWA)
        end, "interrupted!")
      end
      local _, err = with(function() error("stream interrupted!") end).charges:create_card_charge(AWA)
      assert.same({ "connection", "unknown" }, { err.kind, err.outcome })
    end)
  end)
end)
