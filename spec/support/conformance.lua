-- SPDX-License-Identifier: MIT
--- A client behaves the same however it waits. The same specs for every transport:
---
---     conformance("curl", function(ca_file) … return runner end)
---
--- `start(ca_file)` gives a runner whose clients trust that authority: runner:perform(options, calls) as calls.lua has
--- it, and runner:stop().

local busted = require "busted"
local given = require "spec.support.given"
local peer = require "spec.support.peer"
local raw = require "spec.support.raw_server"
local server_of = require "spec.support.server"
local socket = require "socket"
local tls = require "spec.support.tls"

local describe, it, assert = busted.describe, busted.it, busted.assert -- a module does not see them as globals
local setup, teardown, before_each, after_each = busted.setup, busted.teardown, busted.before_each, busted.after_each

local KEY, AWA = given.KEY, given.AWA
local CHARGE = '{"success":true,"data":{"id":"pi_1","amount":1524}}'

local function error_body(code, message)
  return ('{"error":{"code":"%s","message":"%s","details":null},"request_id":"req-1"}'):format(code, message or code)
end

local function failing(status, code, headers)
  local all = { ["Content-Type"] = "application/json" }
  for name, value in pairs(headers or {}) do all[name] = value end
  return { status = status, headers = all, body = error_body(code) }
end

-- A port of ours that refuses: it was just closed.
local function refused_port()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  listener:close()
  return math.floor(port)
end

local function conformance(name, start)
  describe("the " .. name .. " transport", function()
    local authority, runner, server

    setup(function()
      authority = tls.authority()
      runner = start(authority.ca_file)
    end)
    teardown(function()
      runner:stop()
      tls.remove(authority)
    end)
    before_each(function() server = server_of.start() end)
    after_each(function() server:stop() end)

    local function perform(url, options, ...)
      local all = { api_key = KEY, base_url = url, max_retries = 0, backoff = { base = 0 } }
      for option, value in pairs(options or {}) do all[option] = value end
      return runner:perform(all, { ... })
    end

    local function charge(url, options, opts)
      return perform(url, options, { "create_card_charge", AWA, opts })[1]
    end

    local function check(got, kind, outcome, attempts)
      assert.is_nil(got.result)
      assert.equal(kind, got.err.kind, got.text)
      assert.equal(outcome, got.err.outcome, got.text)
      assert.equal(attempts or 1, got.err.attempts, got.text)
    end

    describe("sends", function()
      it("a charge as it is, and gives what came of it", function()
        server:script { status = 201, body = CHARGE, headers = {
          ["Content-Type"] = "application/json", ["X-Request-Id"] = "req-7", ["Idempotency-Cache-Hit"] = "true" } }
        local got = charge(server.url, nil, { idempotency_key = "order-1", account = "acct_1" })
        assert.same({ id = "pi_1", amount = 1524 }, got.result)
        assert.equal(201, got.reply.status)
        assert.equal("req-7", got.reply.request_id)
        assert.equal("req-7", got.reply.headers["x-request-id"])
        assert.equal("order-1", got.reply.idempotency_key)
        assert.is_true(got.reply.replayed)
        assert.equal(1, got.reply.attempts)
        local request = server:requests()[1]
        local header = server_of.header
        assert.equal("POST", request.method)
        assert.equal("/charge/card", request.target)
        assert.equal(KEY, header(request, "X-API-KEY"))
        assert.equal("order-1", header(request, "Idempotency-Key"))
        assert.equal("acct_1", header(request, "Lomi-Account"))
        assert.equal("application/json", header(request, "Content-Type"))
        assert.equal("application/json", header(request, "Accept"))
        assert.matches("^lomi%-lua/", header(request, "User-Agent"))
        assert.equal(server.url:match("//(.*)"), header(request, "Host"))
        assert.equal(tostring(#request.body), header(request, "Content-Length"))
        assert.is_nil(header(request, "Transfer-Encoding"))
        assert.is_nil(header(request, "Expect"))
        assert.matches('"amount":10000[,}]', request.body)
      end)

      it("a GET without a body, and a POST without one with its length", function()
        perform(server.url, nil, { "get_card_charge", "pi_1" }, { "cancel_card_charge", "pi_1" })
        local get, cancel = server:requests()[1], server:requests()[2]
        assert.equal("GET /charge/card/pi_1", get.method .. " " .. get.target)
        assert.is_nil(server_of.header(get, "Content-Length"))
        assert.is_nil(server_of.header(get, "Idempotency-Key"))
        assert.equal("POST /charge/card/pi_1/cancel", cancel.method .. " " .. cancel.target)
        assert.equal("0", server_of.header(cancel, "Content-Length"))
        assert.is_nil(server_of.header(cancel, "Content-Type"))
      end)

      it("targets as they are, under the path of the base URL", function()
        perform(server.url .. "/v1/", nil,
          { "request", "GET", "/a/%2F%2e//b", { query = { q = "x y&z" } } }, { "request", "DELETE", "/things/1" })
        local requests = server:requests()
        assert.equal("/v1/a/%2F%2e//b?q=x%20y%26z", requests[1].target)
        assert.equal("DELETE /v1/things/1", requests[2].method .. " " .. requests[2].target)
      end)

      it("big bodies whole", function()
        local text = ("0123456789abcdef"):rep(60000) -- near the limit of 1 MiB
        local got = perform(server.url, nil, { "request", "POST", "/notes", { body = { text = text } } })[1]
        assert.is_nil(got.text)
        assert.equal('{"text":"' .. text .. '"}', server:requests()[1].body)
      end)
    end)

    describe("reads", function()
      local long = ("0123456789"):rep(20000)

      local function read(...)
        local played = raw.start(...)
        local got = perform(played.url, nil, { "get_card_charge", "pi_1" }, { "get_card_charge", "pi_2" })
        return got[1], got[2], played:connections()
      end

      it("chunked replies, and keeps the connection", function()
        local first, second, connections = read(
          raw.chunked(200, '{"data":{"id":"', "pi_1", '"}}'),
          raw.chunked(200, '{"data":{"id":"', long, '"}}'))
        assert.equal("pi_1", first.result.id)
        assert.equal(long, second.result.id)
        assert.equal(1, connections)
      end)

      it("chunks with extensions and trailers", function()
        local first, second, connections = read(
          { 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n1;a=b\r\n{\r\n',
            '15;c\r\n"data":{"id":"pi_1"}}\r\n0\r\nX-T: 1\r\n\r\n' },
          { raw.reply(200, CHARGE) })
        assert.equal("pi_1", first.result.id)
        assert.equal("pi_1", second.result.id)
        assert.equal(1, connections)
      end)

      it("replies that come a byte at a time", function()
        local bytes = {}
        for byte in raw.reply(200, '{"data":{"id":"pi_1"}}'):gmatch(".") do bytes[#bytes + 1] = byte end
        local first, second, connections = read(bytes, { raw.reply(200, CHARGE) })
        assert.equal("pi_1", first.result.id)
        assert.equal("pi_1", second.result.id)
        assert.equal(1, connections)
      end)

      it("replies after interim ones", function()
        local first, second = read(
          { "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", raw.reply(200, CHARGE) },
          { "HTTP/1.1 100 Continue\r\n\r\n" .. raw.reply(200, CHARGE) })
        assert.equal("pi_1", first.result.id)
        assert.is_nil(first.reply.headers.link)
        assert.equal("pi_1", second.result.id)
      end)

      it("a reply without a length until the connection ends, and then opens another", function()
        local first, second, connections = read(
          { "HTTP/1.1 200 OK\r\n\r\n", '{"data":', '{"id":"pi_1"}}', close = true }, { raw.reply(200, CHARGE) })
        assert.equal("pi_1", first.result.id)
        assert.equal("pi_1", second.result.id)
        assert.equal(2, connections)
      end)

      it("replies of 4 MiB", function()
        local body = CHARGE .. (" "):rep(4 * 1024 * 1024 - #CHARGE)
        local first, second = read({ raw.reply(200, body) }, raw.chunked(200, body))
        assert.equal("pi_1", first.result.id)
        assert.equal("pi_1", second.result.id)
      end)

      it("nothing where there is nothing", function()
        server:script { status = 204 }
        assert.same({}, perform(server.url, nil, { "request", "DELETE", "/things/1" })[1].result)
      end)
    end)

    describe("is told the answer to a request that is still being sent,", function()
      local refusing, secure

      -- /json or /html, then how the connection ends.
      local REFUSES = [[
        local ANSWERS = {
          json = reply(413, '{"error":{"code":"payload_too_large","message":"too large","details":null},' ..
            '"request_id":"req-1"}', "Connection: close\r\n"),
          html = "HTTP/1.1 413 X\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: 6\r\n\r\n<html>",
        }
        return function(connection)
          local request = connection:head()
          if not request then return end
          local answer, ending = request.target:match "^/(%l+)/(%l+)$"
          connection:send(ANSWERS[answer])
          if ending == "reset" then -- the answer has come: it is acknowledged
            sleep(0.02)
            return connection:reset()
          end
          connection:finish()
          connection:drain()
        end]]

      setup(function()
        refusing = peer.start { serve = REFUSES }
        secure = peer.start { serve = REFUSES, tls = authority:issue() }
      end)
      teardown(function()
        refusing:stop()
        secure:stop()
      end)

      local BIG = { text = ("0123456789abcdef"):rep(60000) } -- near the limit of 1 MiB

      for _, case in ipairs {
        { "in the API's format, then the end", "/json/finish", "rejected" },
        { "in the API's format, then a reset", "/json/reset", "rejected" },
        { "of a proxy, then the end", "/html/finish", "unknown" },
        { "of a proxy, then a reset", "/html/reset", "unknown" },
      } do
        it(case[1], function()
          for _, url in ipairs { refusing.url, secure.url } do
            local call = { "request", "POST", case[2], { body = BIG } }
            local got = perform(url, { timeout = 5 }, call)[1]
            check(got, "invalid_request", case[3])
            assert.equal(413, got.err.status)
          end
        end)
      end
    end)

    describe("keeps connections", function()
      local TWICE = { { "create_card_charge", AWA }, { "create_card_charge", AWA } }

      local function connections(options)
        local got = perform(server.url, options, TWICE[1], TWICE[2])
        local requests = server:requests()
        assert.equal(2, #requests)
        return requests[2].connection, got
      end

      it("open for the next request", function()
        assert.equal(1, (connections()))
      end)

      it("after an error that the service answered", function()
        server:script(failing(400, "bad_request"))
        assert.equal(1, (connections()))
      end)

      it("no longer than the service wants", function()
        server:script { status = 201, body = CHARGE, headers = { Connection = "close" } }
        assert.equal(2, (connections()))
      end)

      it("not after a reply that was not whole", function()
        server:script { status = 201, body = CHARGE, delay = 1 }
        local _, got = connections { timeout = 0.2 }
        check(got[1], "timeout", "unknown")
        assert.equal("pi_scripted", got[2].result.id)
        assert.equal(2, server:requests()[2].connection)
      end)

      it("not after a reply with more bytes behind it: they would be taken for the next answer", function()
        local forged = raw.reply(200, '{"data":{"id":"pi_forged"}}')
        local played = raw.start({ raw.reply(200, CHARGE) .. forged }, { raw.reply(200, CHARGE) })
        local got = perform(played.url, nil, { "get_card_charge", "pi_1" }, { "get_card_charge", "pi_1" })
        assert.equal(2, played:connections())
        assert.equal("pi_1", got[2].result.id)
      end)

      it("and sends nothing again by itself when a kept one dies", function()
        server:script({ status = 201, body = CHARGE }, { drop = true })
        local number, got = connections()
        check(got[2], "connection", "unknown")
        assert.equal(1, number)
      end)

      it("and asks again with the same key when a kept one dies, if it may", function()
        server:script({ status = 201, body = CHARGE }, { drop = true })
        local got = perform(server.url, { max_retries = 1 }, TWICE[1], TWICE[2])
        assert.equal("pi_scripted", got[2].result.id)
        assert.equal(2, got[2].reply.attempts)
        local requests = server:requests()
        assert.equal(3, #requests)
        assert.equal(server_of.header(requests[2], "Idempotency-Key"), server_of.header(requests[3], "Idempotency-Key"))
      end)
    end)

    describe("says what the service refused:", function()
      for _, case in ipairs {
        { 400, "validation_failed", "invalid_request", "rejected" },
        { 401, "unauthorized", "authentication", "rejected" },
        { 403, "forbidden", "permission", "rejected" }, { 404, "not_found", "not_found", "rejected" },
        { 409, "idempotency_key_reused", "conflict", "rejected" },
        { 409, "idempotency_in_progress", "conflict", "unknown" },
        { 408, "request_timeout", "timeout", "unknown" }, { 422, "unprocessable", "invalid_request", "rejected" },
        { 429, "rate_limit_exceeded", "rate_limited", "rejected" },
        { 500, "internal_error", "api", "unknown" }, { 503, "service_unavailable", "api", "unknown" },
      } do
        local status, code, kind, outcome = case[1], case[2], case[3], case[4]
        it(status .. " " .. code, function()
          server:script(failing(status, code, { ["Retry-After"] = "7" }))
          local got = charge(server.url)
          check(got, kind, outcome)
          assert.equal(code, got.err.code)
          assert.equal(status, got.err.status)
          assert.equal("req-1", got.err.request_id)
          assert.equal(7, got.err.retry_after)
          assert.equal(status, got.reply.status)
        end)
      end

      it("with an outcome only for what changes something", function()
        server:script(failing(404, "not_found"))
        local got = perform(server.url, nil, { "get_card_charge", "pi_1" })[1]
        check(got, "not_found", nil)
      end)

      it("and does not follow a redirect with the key", function()
        server:script { status = 307, headers = { Location = server.url .. "/elsewhere" } }
        check(charge(server.url), "protocol", "unknown")
        assert.equal(1, #server:requests())
      end)

      it("and takes a proxy's page for what it is", function()
        server:script({ status = 403, headers = { ["Content-Type"] = "text/html" }, body = "<html>no</html>" },
          { status = 502, body = "" }, { status = 200, body = "<html>login</html>" })
        check(charge(server.url), "permission", "unknown")
        check(charge(server.url), "api", "unknown")
        check(charge(server.url), "protocol", "unknown")
      end)
    end)

    describe("says what went wrong on the way:", function()
      local function names_limit(got, limit, in_bytes)
        assert.is_truthy(got.err.message:find(limit, 1, true) or got.err.message:find(in_bytes, 1, true), got.text)
      end

      it("a port that refuses", function()
        local got = charge("http://127.0.0.1:" .. refused_port())
        check(got, "connection", "not_sent")
        assert.is_nil(got.reply)
      end)

      it("a host that cannot be found", function()
        local host = ("a"):rep(64) .. ".invalid" -- too long for a name server to be asked, which may never answer
        local got = charge("https://" .. host)
        check(got, "connection", "not_sent")
        assert.is_truthy(got.err.message:find(host, 1, true), got.text)
      end)

      it("a connection that is never accepted", function()
        local listener = assert(socket.tcp())
        assert(listener:bind("127.0.0.1", 0))
        assert(listener:listen(0))
        local _, port = listener:getsockname()
        local full = {}
        for i = 1, 4 do -- more than the backlog takes: what comes after them waits
          full[i] = socket.tcp()
          full[i]:settimeout(0)
          full[i]:connect("127.0.0.1", port)
        end
        local got = charge("http://127.0.0.1:" .. math.floor(port), { connect_timeout = 0.2 })
        check(got, "timeout", "not_sent")
        assert.is_true(got.took > 0.15 and got.took < 3, got.took)
        for _, one in ipairs(full) do one:close() end
        listener:close()
      end)

      it("a reply that does not come", function()
        server:script { status = 201, delay = 10 }
        local got = charge(server.url, { timeout = 0.2 })
        check(got, "timeout", "unknown")
        assert.is_true(got.took > 0.15 and got.took < 3, got.took)
      end)

      it("a reply that trickles for longer than it may", function()
        server:script { status = 201, body = ("x"):rep(1000), trickle = 50 }
        local got = charge(server.url, { timeout = 0.3 })
        check(got, "timeout", "unknown")
        assert.is_true(got.took > 0.25 and got.took < 3, got.took)
      end)

      it("a connection closed without a reply", function()
        server:script { drop = true }
        check(charge(server.url), "connection", "unknown")
      end)

      it("a reset without a reply", function()
        server:script { reset = true }
        check(charge(server.url), "connection", "unknown")
      end)

      it("an end in the middle of the body", function()
        server:script { status = 201, body = ("x"):rep(1000), truncate = 10 }
        check(charge(server.url), "connection", "unknown")
      end)

      it("an end in the middle of a chunk", function()
        local parts = raw.chunked(201, "0123456789")
        local played = raw.start { parts[1], "a\r\n01234", close = true }
        check(charge(played.url), "connection", "unknown")
        played:connections()
      end)

      it("a reset in the middle of the body", function()
        server:script { status = 201, body = ("x"):rep(1000), truncate = 10, reset = true }
        check(charge(server.url), "connection", "unknown")
      end)

      it("something that is not HTTP", function()
        server:script { raw = "SSH-2.0-OpenSSH_9.2p1\r\n" }
        check(charge(server.url), "protocol", "unknown")
      end)

      it("headers of more than 64 KiB", function()
        server:script { raw = "HTTP/1.1 201 Created\r\n" .. ("X-A: " .. ("x"):rep(1000) .. "\r\n"):rep(70) .. "\r\n" }
        local got = charge(server.url)
        check(got, "protocol", "unknown")
        names_limit(got, "64 KiB", "65536 bytes")
      end)

      it("a body of more than 4 MiB, announced or not", function()
        local half, mebibyte = ("x"):rep(2 * 1024 * 1024), ("x"):rep(1024 * 1024)
        for _, reply in ipairs {
          { raw.reply(201, half .. half .. "x") }, raw.chunked(201, half, half .. "x"),
          raw.chunked(201, mebibyte, mebibyte, mebibyte, mebibyte, "x"),
        } do
          local played = raw.start(reply)
          local got = charge(played.url)
          check(got, "protocol", "unknown")
          names_limit(got, "4 MiB", "4194304 bytes")
          played:connections()
        end
      end)

      it("JSON that is not what was agreed on", function()
        for _, body in ipairs { "", "[]", "17", '{"success":true}', '{"data":', '{"data":{"id":"\255"}}' } do
          local played = raw.start { raw.reply(201, body) }
          check(charge(played.url), "protocol", "unknown")
          played:connections()
        end
      end)

      it("a request that cannot be sent as it is", function()
        local got = perform(server.url, nil, { "create_card_charge", { amount = -1 } },
          { "create_card_charge", AWA, { idempotency_key = "a\r\nX-Evil: 1" } }, { "get_card_charge", "../x" })
        for i, outcome in ipairs { "not_sent", "not_sent" } do check(got[i], "invalid_request", outcome, 0) end
        check(got[3], "invalid_request", nil, 0)
        assert.equal(0, #server:requests())
      end)
    end)

    describe("keeps a deadline within 50 ms", function()
      -- One try of a few is enough: the machine may be busy.
      local function keeps(seconds, try)
        local best = math.huge
        for _ = 1, 10 do
          local got = try()
          assert.is_true(got.took >= seconds - 0.001, got.took)
          best = math.min(best, got.took)
          if best < seconds + 0.05 then return end
        end
        error(("at best it took %.3f seconds, not %.3f"):format(best, seconds))
      end

      it("while it connects", function()
        local listener = assert(socket.tcp())
        assert(listener:bind("127.0.0.1", 0))
        assert(listener:listen(0))
        local port, full = math.floor((select(2, listener:getsockname()))), {}
        for i = 1, 4 do -- more than the backlog takes: what comes after them waits
          full[i] = socket.tcp()
          full[i]:settimeout(0)
          full[i]:connect("127.0.0.1", port)
        end
        for _, limits in ipairs {
          { connect_timeout = 0.201, timeout = 4 }, { connect_timeout = 4, timeout = 0.201 },
          { connect_timeout = 4, timeout = 4, deadline = 0.201 },
        } do
          keeps(0.201, function()
            local got = charge("http://127.0.0.1:" .. port, limits)
            check(got, "timeout", "not_sent")
            return got
          end)
        end
        for _, one in ipairs(full) do one:close() end
        listener:close()
      end)

      it("in the TLS handshake", function()
        local silent = assert(socket.bind("127.0.0.1", 0))
        local url = ("https://localhost:%d"):format((select(2, silent:getsockname())))
        keeps(0.201, function()
          local got = charge(url, { connect_timeout = 0.201, timeout = 4 })
          check(got, "timeout", "not_sent")
          return got
        end)
        silent:close()
      end)

      it("while it sends", function()
        local deaf = assert(socket.bind("127.0.0.1", 0))
        local url = ("http://127.0.0.1:%d"):format((select(2, deaf:getsockname())))
        local text = ("0123456789abcdef"):rep(60000)
        keeps(0.301, function()
          local got = perform(url, { timeout = 0.301 }, { "request", "POST", "/notes", { body = { text = text } } })[1]
          check(got, "timeout", "unknown")
          return got
        end)
        deaf:close()
      end)

      it("while it waits, and while it reads", function()
        for _, answer in ipairs {
          { status = 201, delay = 5 }, { status = 201, body = ("x"):rep(1000), trickle = 50 },
        } do
          keeps(0.201, function()
            local own = server_of.start() -- a request of the last try may still be on its way to the other one
            own:script(answer)
            local got = charge(own.url, { timeout = 0.201 })
            own:stop()
            check(got, "timeout", "unknown")
            return got
          end)
        end
      end)
    end)

    describe("asks again", function()
      local function keys()
        local seen = {}
        for i, request in ipairs(server:requests()) do seen[i] = server_of.header(request, "Idempotency-Key") end
        return seen
      end

      it("after trouble that passes, with the same key", function()
        server:script(failing(503, "service_unavailable"), { drop = true }, { status = 201, body = CHARGE })
        local got = charge(server.url, { max_retries = 2 })
        assert.equal("pi_1", got.result.id)
        assert.equal(3, got.reply.attempts)
        local seen = keys()
        assert.equal(3, #seen)
        assert.equal(seen[1], seen[2])
        assert.equal(seen[1], seen[3])
        assert.matches("^%x+%-%x+%-4%x+%-[89ab]%x+%-%x+$", seen[1])
      end)

      it("as often as it may, and no more", function()
        for _ = 1, 3 do server:script(failing(500, "internal_error"), failing(500, "internal_error")) end
        check(charge(server.url, { max_retries = 1 }), "api", "unknown", 2)
        assert.equal(2, #server:requests())
      end)

      it("after a reply whose head is cut, with the same key", function()
        for _, at in ipairs { 1, 8, 20, 60 } do
          local whole = raw.reply(201, CHARGE)
          local played = raw.start({ whole:sub(1, at), close = true }, { whole })
          local got = charge(played.url, { max_retries = 1 })
          assert.is_nil(got.text)
          assert.equal(2, got.reply.attempts)
          assert.equal(2, played:connections())
        end
      end)

      it("not for what stays as it is", function()
        server:script(failing(400, "bad_request"))
        check(charge(server.url, { max_retries = 2 }), "invalid_request", "rejected")
        server:script(failing(500, "internal_error", { ["Idempotency-Cache-Hit"] = "true" }))
        check(charge(server.url, { max_retries = 2 }), "api", "unknown")
      end)

      it("after the wait the service asks for", function()
        server:script(failing(429, "rate_limit_exceeded", { ["Retry-After"] = "1" }))
        local got = charge(server.url, { max_retries = 1 })
        assert.equal("pi_scripted", got.result.id)
        assert.is_true(got.took > 0.95 and got.took < 2, got.took)
      end)

      it("and learns from a replayed refusal what became of the first attempt", function()
        server:script({ drop = true }, failing(400, "amount_invalid", { ["Idempotency-Cache-Hit"] = "true" }))
        check(charge(server.url, { max_retries = 1 }), "invalid_request", "rejected", 2)
      end)

      it("and forgets no attempt: one that may have arrived stays unknown", function()
        server:script({ drop = true }, failing(400, "amount_invalid"))
        check(charge(server.url, { max_retries = 1 }), "invalid_request", "unknown", 2)
      end)

      it("where nothing was sent, still: not sent", function()
        check(charge("http://127.0.0.1:" .. refused_port(), { max_retries = 2 }), "connection", "not_sent", 3)
      end)

      it("within the deadline of the call, in all", function()
        server:script({ status = 201, delay = 5 }, { status = 201, delay = 5 }, { status = 201, delay = 5 })
        local got = charge(server.url, { max_retries = 5, timeout = 0.4, deadline = 1.1 })
        check(got, "timeout", "unknown", 3)
        assert.is_true(got.took > 1.05 and got.took < 3, got.took)
        server:script(failing(503, "service_unavailable", { ["Retry-After"] = "2" }))
        got = charge(server.url, { max_retries = 5, deadline = 1 })
        check(got, "api", "unknown")
        assert.is_true(got.took < 0.9, got.took)
      end)
    end)

    describe("over TLS", function()
      local secure, own

      after_each(function()
        if secure then secure:stop() end
        if own then tls.remove(own) end
        secure, own = nil, nil
      end)

      it("charges, and keeps the connection", function()
        secure = server_of.start(authority:issue())
        local got = perform(secure.url, nil, { "create_card_charge", AWA }, { "create_card_charge", AWA })
        assert.is_nil(got[1].text)
        assert.equal("pi_scripted", got[2].result.id)
        assert.equal(1, secure:requests()[2].connection)
      end)

      it("charges through a chain of authorities", function()
        secure = server_of.start(authority:issue { intermediates = 2 })
        assert.is_nil(charge(secure.url).text)
      end)

      for what, make in pairs {
        ["the wrong host"] = function() return authority:issue { names = "DNS:api.lomi.africa" } end,
        ["an expired certificate"] = function() return authority:issue { expired = true } end,
        ["a certificate nobody vouches for"] = function() return tls.certificate() end,
      } do
        it("sends nothing to " .. what, function()
          local certificate = make()
          own = certificate.directory and certificate
          secure = server_of.start(certificate)
          check(charge(secure.url, { max_retries = 2 }), "tls", "not_sent") -- trying again would not help
          if own then -- this spec trusts it, and can ask
            assert.equal(0, #secure:requests())
          end
        end)
      end

      it("sends nothing where plain HTTP is spoken", function()
        local plain = peer.start { serve = [[
          return function(connection)
            say(connection:receive():find("HTTP", 1, true) and "a request" or "no request")
            connection:send(reply(400, ""))
            connection:drain() -- an end with bytes unread would be a reset, which may overtake the answer
          end ]] }
        local got, came = charge((plain.url:gsub("^http://127.0.0.1", "https://localhost"))), plain:line()
        plain:stop()
        check(got, name == "nginx" and "connection" or "tls", "not_sent") -- nginx has one word for all that ends TLS
        assert.equal("no request", came)
      end)

      it("sends nothing to who does not answer the handshake in time", function()
        local listener = assert(socket.bind("127.0.0.1", 0))
        local _, port = listener:getsockname()
        local got = charge("https://localhost:" .. math.floor(port), { connect_timeout = 0.2 })
        check(got, "timeout", "not_sent")
        assert.is_true(got.took > 0.15 and got.took < 3, got.took)
        listener:close()
      end)
    end)
  end)
end

return conformance
