-- SPDX-License-Identifier: MIT
local cost = require "spec.support.cost"
local httpd = require "lomi.httpd"
local libkqueue = require "spec.support.libkqueue"
local socket = require "socket"

local PATIENCE = 20 * cost.FACTOR -- seconds until a spec that hangs fails

describe("lomi.httpd", function()
  local servers, sockets

  before_each(function()
    servers, sockets = {}, {}
  end)

  after_each(function()
    for _, s in ipairs(sockets) do s:close() end
    for _, s in ipairs(servers) do s:stop() end
  end)

  local function start(source, options)
    options = options or {}
    options.app, options.options = "spec.support.scripted", source
    local server = assert(httpd.start(options))
    servers[#servers + 1] = server
    return server
  end

  --- A server whose application is `function app:handle(request) <body> end`.
  local function handling(body, options)
    return start("local app = {} function app:handle(request) " .. body .. " end return app", options)
  end

  local function connect(server)
    local s = assert(socket.connect("127.0.0.1", server:port()))
    s:settimeout(PATIENCE)
    s:setoption("tcp-nodelay", true)
    sockets[#sockets + 1] = s
    return s
  end

  local function send(s, target, body)
    body = body or ""
    assert(s:send(("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"):format(target, #body, body)))
  end

  --- { status, headers = { [lower-case name] = value } }
  local function receive_head(s)
    local reply = { headers = {} }
    reply.status = tonumber(assert(s:receive("*l")):match "^HTTP/1.1 (%d%d%d) ")
    for line in function() return assert(s:receive("*l")) end do
      if line == "" then break end
      local name, value = line:match "^([^:]+): (.*)$"
      reply.headers[name:lower()] = value
    end
    return reply
  end

  local function receive(s)
    local reply = receive_head(s)
    local length = tonumber(reply.headers["content-length"] or 0)
    reply.body = length == 0 and "" or assert(s:receive(length))
    return reply
  end

  --- One request on a connection of its own.
  local function ask(server, target, body)
    local s = connect(server)
    send(s, target or "/", body)
    return receive(s)
  end

  --- All that comes until the end, and whether that was a clean one.
  local function receive_all(s)
    local all, err, partial = s:receive("*a")
    return all or partial, err == nil
  end

  local function assert_error(reply, status, code, message)
    assert.equal(status, reply.status)
    assert.equal("application/json", reply.headers["content-type"])
    assert.equal(code, reply.body:match '^{"error":{"code":"([^"]*)"')
    assert.matches(message, reply.body, 1, true)
    assert.matches('","details":null}}$', reply.body)
  end

  describe("a request", function()
    it("has the target as it was sent, query and escapes included", function()
      local server = handling "return { body = request.target }"
      for _, target in ipairs { "/", "/a%2Fb%20c?x=%26&y=+&y", "/..//./%2e?", "/?a=b?c#d" } do
        assert.equal(target, ask(server, target).body)
      end
    end)

    it("has the method", function()
      local server = handling "return { body = request.method }"
      local s = connect(server)
      s:send "PATCH / HTTP/1.0\r\n\r\n"
      assert.matches("PATCH$", (receive_all(s)))
    end)

    it("has the headers by lower-case name, without outer white space, repeated ones joined", function()
      local server = handling [[
        local lines = {}
        for name, value in pairs(request.headers) do lines[#lines + 1] = name .. "=" .. value end
        table.sort(lines)
        return { body = table.concat(lines, "|") }
      ]]
      local s = connect(server)
      s:send "GET / HTTP/1.1\r\nX-b: 2\r\nHost: x\r\nx-B: \t1 \t\r\nCookie: k=v; l=w\r\nX-EMPTY: \r\n\r\n"
      assert.equal("cookie=k=v; l=w|host=x|x-b=2, 1|x-empty=", receive(s).body)
    end)

    it("has the body byte for byte, and the empty string for none", function()
      local server = handling "return { body = request.body }"
      local every_byte = {}
      for i = 0, 255 do every_byte[#every_byte + 1] = string.char(i) end
      local bytes = table.concat(every_byte)
      assert.equal(bytes, ask(server, "/", bytes).body)
      assert.equal(bytes:rep(2000), ask(server, "/", bytes:rep(2000)).body)
      assert.equal("", ask(server, "/", "").body)
      local s = connect(server)
      s:send "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
      assert.equal("", receive(s).body)
    end)

    it("has a chunked body put together", function()
      local server = handling "return { body = request.body }"
      local s = connect(server)
      s:send "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"
      s:send "3\r\ncde\r\n0\r\n\r\n"
      assert.equal("abcde", receive(s).body)
    end)

    it("tells connections apart and counts them", function()
      local server = handling "return { body = tostring(request.connection) }"
      local first = connect(server)
      send(first, "/")
      assert.equal("1", receive(first).body)
      local second = connect(server)
      send(second, "/")
      assert.equal("2", receive(second).body)
      send(first, "/")
      assert.equal("1", receive(first).body)
    end)

    it("with a body over 2 MiB is answered 413, and the application never sees it", function()
      local server = start [[
        local seen = 0
        local app = {}
        function app:handle(request)
          seen = seen + 1
          return { body = seen .. " " .. #request.body }
        end
        return app
      ]]
      local limit = 2 * 1024 * 1024
      local s = connect(server)
      send(s, "/", ("x"):rep(limit + 1))
      assert_error(receive(s), 413, "payload_too_large", "2 MiB")
      send(s, "/", ("x"):rep(limit))
      assert.equal("1 " .. limit, receive(s).body)
    end)

    it("that is not HTTP, or never ends, does no harm to others", function()
      local server = handling "return { body = 'fine' }"
      local s = connect(server)
      s:send "\0\1\2 what\r\n\r\n"
      connect(server):send "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"
      connect(server):send "GET /half"
      connect(server):send("GET / HTTP/1.1\r\nHost: x\r\nX: " .. ("x"):rep(300 * 1024))
      for _ = 1, 3 do assert.equal("fine", ask(server).body) end
    end)
  end)

  describe("a reply", function()
    it("has the status, the headers and the body given, and a date", function()
      local server = handling [[
        return { status = 201, headers = { ["X-One"] = "1", ["Content-Type"] = "text/x" }, body = "a\0b" }
      ]]
      local reply = ask(server)
      assert.equal(201, reply.status)
      assert.equal("1", reply.headers["x-one"])
      assert.equal("text/x", reply.headers["content-type"])
      assert.truthy(reply.headers.date)
      assert.equal("a\0b", reply.body)
    end)

    it("is an empty 200 by default", function()
      local reply = ask(handling "return {}")
      assert.equal(200, reply.status)
      assert.equal("", reply.body)
    end)

    it("has no body with 204 and 304, and the connection stays good", function()
      local server = handling "return { status = tonumber(request.body) }"
      local s = connect(server)
      for _, status in ipairs { 204, 304, 200 } do
        send(s, "/", tostring(status))
        assert.equal(status, receive(s).status)
      end
    end)

    it("closes the connection when it says so", function()
      local server = handling "return { headers = { Connection = 'close' }, body = 'bye' }"
      local s = connect(server)
      send(s, "/")
      local all, clean = receive_all(s)
      assert.is_true(clean)
      assert.matches("\r\nConnection: close\r\n", all)
      assert.matches("\r\n\r\nbye$", all)
    end)

    it("is chunked when it says so", function()
      local server = handling "return { headers = { ['Transfer-Encoding'] = 'chunked' }, body = 'abc' }"
      local s = connect(server)
      s:send "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
      assert.matches("\r\n\r\n3\r\nabc\r\n0\r\n\r\n$", (receive_all(s)))
    end)

    it("of several megabytes arrives whole", function()
      local server = handling "return { body = ('0123456789'):rep(500000) }"
      assert.equal(("0123456789"):rep(500000), ask(server).body)
    end)

    it("answers requests sent ahead in their order", function()
      local server = handling "if request.body == '1' then coroutine.yield(0.02) end return { body = request.body }"
      local s = connect(server)
      for i = 1, 5 do send(s, "/", tostring(i)) end
      for i = 1, 5 do assert.equal(tostring(i), receive(s).body) end
    end)
  end)

  describe("a handler that waits", function()
    -- /wait is answered when somebody has asked for /go.
    local WAITING = [[
      local app = {}
      function app:handle(request)
        if request.target == "/go" then app.go = true end
        while request.target == "/wait" and not app.go do coroutine.yield(0.001) end
        return { body = request.target }
      end
      return app
    ]]

    it("is resumed after the time it asked for, and not before", function()
      local server = handling "coroutine.yield(0.03) coroutine.yield(0.03) return { body = 'late' }"
      local before = socket.gettime()
      assert.equal("late", ask(server).body)
      assert.is_true(socket.gettime() - before >= 0.06)
    end)

    it("holds nobody up", function()
      local server = start(WAITING)
      local waiting = connect(server)
      send(waiting, "/wait")
      assert.equal("/go", ask(server, "/go").body)
      assert.equal("/wait", receive(waiting).body)
    end)

    it("leaves room for 200 connections at once", function()
      local server = start(WAITING)
      local waiting, others = connect(server), {}
      send(waiting, "/wait")
      for i = 1, 200 do others[i] = connect(server) end
      for i = 1, 200 do send(others[i], "/" .. i) end
      for i = 200, 1, -1 do assert.equal("/" .. i, receive(others[i]).body) end
      send(others[1], "/go")
      assert.equal("/go", receive(others[1]).body)
      assert.equal("/wait", receive(waiting).body)
    end)

    it("wakes in the order of the times asked for", function()
      local server = start [[
        local app, waiting, woken = {}, 0, {}
        function app:handle(request)
          if request.target == "/woken" then
            while #woken < 4 do coroutine.yield(0.005) end
            return { body = table.concat(woken, " ") }
          end
          waiting = waiting + 1
          while waiting < 4 do coroutine.yield(0.001) end
          coroutine.yield(tonumber(request.body))
          woken[#woken + 1] = request.body
          return {}
        end
        return app
      ]]
      for _, seconds in ipairs { "0.15", "0.05", "0.2", "0.1" } do send(connect(server), "/", seconds) end
      assert.equal("0.05 0.1 0.15 0.2", ask(server, "/woken").body)
    end)

    it("runs to its end when the client has gone, and then nothing breaks", function()
      local server = start [[
        local app, ended = {}, 0
        function app:handle(request)
          if request.target == "/ended" then
            while ended < 2 do coroutine.yield(0.001) end
            return { body = tostring(ended) }
          end
          app.go = app.go or request.target == "/go"
          while not app.go do coroutine.yield(0.001) end
          ended = ended + 1
          return { body = ("x"):rep(1000000) }
        end
        return app
      ]]
      local gone = connect(server)
      send(gone, "/")
      gone:close()
      send(connect(server), "/go")
      assert.equal("2", ask(server, "/ended").body)
    end)
  end)

  describe("a fault:", function()
    it("drop closes without a byte", function()
      local server = handling "return { drop = true }"
      local s = connect(server)
      send(s, "/", "body")
      socket.select({ s }, nil, PATIENCE)
      assert.is_nil(s:getoption "error") -- no RST
      assert.same({ nil, "closed", "" }, { s:receive("*a") })
    end)

    it("reset is a RST without a byte", function()
      local server = handling "return { reset = true }"
      local s = connect(server)
      send(s, "/", "body")
      socket.select({ s }, nil, PATIENCE)
      assert.truthy(s:getoption "error")
      assert.equal("", (receive_all(s)))
    end)

    it("raw is those bytes and nothing else, then the end", function()
      local server = handling "return { raw = request.body }"
      for _, bytes in ipairs { "garb\0age", "", ("0123456789"):rep(200000) } do
        local s = connect(server)
        send(s, "/", bytes)
        assert.equal(bytes, (receive_all(s)))
      end
    end)

    it("truncate announces the whole body, sends a part and ends cleanly", function()
      local server = handling "return { body = 'hello world', truncate = tonumber(request.body) }"
      for _, n in ipairs { 5, 0, 10 } do
        local s = connect(server)
        send(s, "/", tostring(n))
        assert.equal("11", receive_head(s).headers["content-length"])
        assert.equal(("hello world"):sub(1, n), (receive_all(s)))
      end
      local s = connect(server)
      send(s, "/", "5")
      assert.is_true(select(2, receive_all(s)))
    end)

    it("truncate with reset sends the part and then a RST", function()
      local server = handling [[
        local body = ("0123456789"):rep(300000)
        return { body = body, truncate = tonumber(request.body), reset = true }
      ]]
      for _, n in ipairs { 5, 2999999 } do
        local s = connect(server)
        send(s, "/", tostring(n))
        local all, clean = receive_all(s)
        assert.is_false(clean)
        assert.equal(n, #all:match "\r\n\r\n(.*)$")
        assert.matches("\r\nContent-Length: 3000000\r\n", all:sub(1, 1000), 1, true)
      end
    end)

    it("trickle sends the head at once and the body at its pace", function()
      local server = handling "return { body = 'abcde', trickle = 50 }"
      local s = connect(server)
      local before = socket.gettime()
      send(s, "/")
      assert.equal("abcde", receive(s).body)
      assert.is_true(socket.gettime() - before >= 0.1)
      send(s, "/")
      assert.equal("abcde", receive(s).body)
    end)

    it("trickle may be slower than a byte per second, and holds nobody up", function()
      local server = handling [[
        return request.target == "/slow" and { body = "abc", trickle = 0.001 } or { body = "quick" }
      ]]
      local slow = connect(server)
      send(slow, "/slow")
      assert.equal(200, receive_head(slow).status)
      assert.equal("quick", ask(server).body)
      slow:settimeout(0)
      assert.same({ nil, "timeout", "" }, { slow:receive(1) })
    end)

    it("leaves other connections alone", function()
      local server = handling "return request.target == '/' and { body = 'ok' } or { [request.target:sub(2)] = true }"
      local good = connect(server)
      for _, fault in ipairs { "drop", "reset" } do
        local s = connect(server)
        send(s, "/" .. fault)
        receive_all(s)
        send(good, "/")
        assert.equal("ok", receive(good).body)
      end
    end)
  end)

  describe("trouble in the application", function()
    local function trouble(body)
      local server = handling(body)
      local first, second = ask(server), ask(server)
      assert.equal(first.status, second.status) -- it lives on
      return first
    end

    it("that raises is a 500 with the traceback", function()
      local reply = trouble "coroutine.yield(0) error('it \"broke\"')"
      assert_error(reply, 500, "internal_error", [[it \"broke\"\nstack traceback:\n]])
    end)

    it("that raises an object is told by its text", function()
      assert_error(trouble "error(setmetatable({}, { __tostring = function() return 'my error' end }))", 500,
        "internal_error", "my error")
      assert_error(trouble "error({})", 500, "internal_error", "(error object is a table value)")
      assert_error(trouble "error(setmetatable({}, { __tostring = function() error({}) end }))", 500,
        "internal_error", "(error object is a table value)")
    end)

    it("like a reply that is none is a 500 that says what is wrong", function()
      for body, message in pairs {
        ["return 5"] = "must return a table, not number",
        ["return"] = "must return a table, not nil",
        ["return { status = 'x' }"] = "response.status must be a number",
        ["return { status = 99 }"] = "whole number from 200 to 999",
        ["return { status = 200.5 }"] = "whole number from 200 to 999",
        ["return { body = {} }"] = "response.body must be a string, not table",
        ["return { raw = 5 }"] = "response.raw must be a string, not number",
        ["return { headers = 5 }"] = "response.headers must be a table, not number",
        ["return { headers = { 'x' } }"] = "must be name = string, not number = string",
        ["return { headers = { a = {} } }"] = "must be name = string, not string = table",
        ["return { headers = { a = 'x\\0y' } }"] = "contains a NUL",
        ["return { headers = { a = 'x\\ny' } }"] = "response.headers: a: not a header",
        ["return { headers = { ['Content-Length'] = '5' } }"] = "response.headers: Content-Length: not a header",
        ["return { drop = true, raw = 'x' }"] = "only the last two go together",
        ["return { trickle = 1, reset = true, body = 'x' }"] = "only the last two go together",
        ["return { trickle = 0, body = 'x' }"] = "more than 0 bytes per second",
        ["return { trickle = 0/0, body = 'x' }"] = "response.trickle must be a number",
        ["return { truncate = 3, body = 'abc' }"] = "fewer than the body's 3",
        ["return { truncate = 0.5, body = 'abc' }"] = "whole number of bytes",
        ["coroutine.yield('x')"] = "app:handle yielded string",
        ["coroutine.yield()"] = "app:handle yielded nothing",
        ["coroutine.yield(-1)"] = "app:handle yielded a number out of range",
        ["coroutine.yield(0/0)"] = "app:handle yielded a number out of range",
        ["coroutine.yield(1/0)"] = "app:handle yielded a number out of range",
      } do
        assert_error(trouble(body), 500, "internal_error", message)
      end
    end)
  end)

  describe("app:step", function()
    local function udp_socket()
      local udp = socket.udp()
      sockets[#sockets + 1] = udp
      udp:settimeout(PATIENCE)
      assert(udp:setsockname("127.0.0.1", 0))
      return udp
    end

    it("is called when its time has come", function()
      local udp = udp_socket()
      start(([[
        local udp = require("socket").udp()
        local app, steps = { handle = function() end }, 0
        function app:step()
          steps = steps + 1
          if steps < 10 then return 0.001 end
          udp:sendto("ten steps", "127.0.0.1", %d)
        end
        return app
      ]]):format(select(2, udp:getsockname())))
      assert.equal("ten steps", udp:receive())
    end)

    it("is called after events, and when the descriptor of app:pollfd is readable", function()
      local server = start [[
        local udp = require("socket").udp()
        udp:setsockname("127.0.0.1", 0)
        udp:settimeout(0)
        local app = {}
        function app:pollfd() return udp:getfd() end
        function app:step()
          local data, ip, port = udp:receivefrom()
          if data then udp:sendto("got " .. data, ip, port) end
        end
        function app:handle() return { body = tostring(select(2, udp:getsockname())) } end
        return app
      ]]
      local udp = udp_socket()
      udp:setpeername("127.0.0.1", tonumber(ask(server).body))
      for i = 1, 3 do
        udp:send("datagram " .. i)
        assert.equal("got datagram " .. i, udp:receive())
      end
    end)

    it("that fails keeps no core busy, though nobody reads the descriptor any more", function()
      local server = start [[
        local udp = require("socket").udp()
        udp:setsockname("127.0.0.1", 0)
        local app = {}
        function app:pollfd() return udp:getfd() end
        function app:step()
          if require("socket").select({ udp }, nil, 0)[1] then error "step broke" end
        end
        function app:handle() return { body = tostring(select(2, udp:getsockname())) } end
        return app
      ]]
      local udp = udp_socket()
      udp:setpeername("127.0.0.1", tonumber(ask(server).body))
      udp:send "unread"
      repeat until ask(server).status == 500
      local before = os.clock() -- of all threads of this process
      socket.select(nil, nil, 0.3)
      assert.is_true(os.clock() - before < 0.1)
    end)

    it("that fails makes every later reply say so", function()
      for body, message in pairs {
        ["error('step broke')"] = "app:step failed: app:1: step broke",
        ["return 'x'"] = "app:step must return seconds or nil, not string",
        ["return -1"] = "app:step must return seconds or nil, not -1",
      } do
        local server = start(([[
          local app = {} function app:step() %s end function app:handle() return {} end return app
        ]]):format(body))
        assert_error(ask(server), 500, "internal_error", message)
      end
    end)
  end)

  describe("start", function()
    local function failure(source, options)
      options = options or {}
      options.app, options.options = options.app or "spec.support.scripted", source
      local server, err = httpd.start(options)
      servers[#servers + 1] = server or nil
      assert.is_nil(server)
      return err
    end

    local function has(text, err)
      assert.matches(text, tostring(err), 1, true)
    end

    it("gives nil and the reason for an application that does not start", function()
      has("module 'spec.support.no_such_module' not found", failure(nil, { app = "spec.support.no_such_module" }))
      has("no function new", failure(nil, { app = "string" }))
      has("app:1: no luck", failure "error 'no luck'")
      has("no luck", failure "error(setmetatable({}, { __tostring = function() return 'no luck' end }))")
      has("without a method handle", failure "return {}")
      has("without a method handle", failure "return 5")
      has("app:pollfd must return a descriptor or nil",
        failure "return { handle = print, pollfd = function() return {} end }")
      has("app:pollfd returned", failure "return { handle = print, pollfd = function() return 999999 end }")
    end)

    it("gives nil and the reason for a port in use and for a host that is no address", function()
      local server = handling "return {}"
      has(("cannot listen on 127.0.0.1 port %d: Address already in use"):format(server:port()),
        failure("return { handle = print }", { port = server:port() }))
      has("'lomi.africa' is not a numeric address", failure("return { handle = print }", { host = "lomi.africa" }))
    end)

    it("gives nil and the reason for a certificate that is none", function()
      has("PEM", failure("return { handle = print }", { tls_cert = "x", tls_key = "y" }))
    end)

    it("raises for a caller's mistake, at the caller's line", function()
      for message, call in pairs {
        ["table expected"] = function() httpd.start "x" end,
        ["app must be the name of a module"] = function() httpd.start {} end,
        ["app must be a string, not table"] = function() httpd.start { app = {} } end,
        ["port must be a whole number from 0 to 65535"] = function() httpd.start { app = "x", port = 65536 } end,
        ["port must be a whole number from 0 to 65535, not string"] = function()
          httpd.start { app = "x", port = "80" }
        end,
        ["host contains a NUL"] = function() httpd.start { app = "x", host = "a\0b" } end,
        ["options must be a string, not boolean"] = function() httpd.start { app = "x", options = true } end,
        ["tls_cert and tls_key go together"] = function() httpd.start { app = "x", tls_key = "k" } end,
      } do
        local ok, err = pcall(call)
        assert.is_false(ok)
        has(message, err)
        assert.matches("^[^:]*httpd_spec.lua:%d+:", err)
      end
    end)

    it("hands options over byte for byte", function()
      local server = start "local s = '\0\1\255' return { handle = function() return { body = s } end }"
      assert.equal("\0\1\255", ask(server).body)
    end)

    it("does not hand over package.preload", function()
      package.preload["spec.support.none"] = function() end
      local server = handling "return { body = tostring(package.preload['spec.support.none']) }"
      package.preload["spec.support.none"] = nil
      assert.equal("nil", ask(server).body)
    end)

    it("gives the application the starter's package.path and package.cpath", function()
      local path, cpath = package.path, package.cpath
      package.path, package.cpath = path .. ";/somewhere/?.lua", cpath .. ";/somewhere/?.so"
      local server = handling "return { body = package.path .. '\\n' .. package.cpath }"
      local expected = package.path .. "\n" .. package.cpath
      package.path, package.cpath = path, cpath
      assert.equal(expected, ask(server).body)
    end)

    it("runs several servers side by side", function()
      local one, two = handling "return { body = 'one' }", handling "return { body = 'two' }"
      assert.are_not.equal(one:port(), two:port())
      assert.equal("two", ask(two).body)
      one:stop()
      assert.equal("two", ask(two).body)
    end)
  end)

  describe("stop", function()
    it("ends every connection, idle, waiting or trickling, and frees the port", function()
      local server = handling [[
        if request.target == "/wait" then coroutine.yield(1000) end
        return { body = "abc", trickle = request.target == "/slow" and 0.001 or nil }
      ]]
      local idle, waiting, slow = connect(server), connect(server), connect(server)
      send(waiting, "/wait")
      send(slow, "/slow")
      receive_head(slow)
      send(idle, "/")
      receive(idle)
      server:stop()
      for _, s in ipairs { idle, waiting, slow } do assert.equal("", (receive_all(s))) end
      assert.is_nil((socket.connect("127.0.0.1", server:port())))
      local again = handling("return { body = 'again' }", { port = server:port() })
      assert.equal("again", ask(again).body)
    end)

    it("may be called twice, and the handle still answers", function()
      local server = handling "return {}"
      local port = server:port()
      assert.equal("lomi.httpd: port " .. port, tostring(server))
      server:stop()
      server:stop()
      assert.equal(port, server:port())
      assert.equal(("lomi.httpd: port %d (stopped)"):format(port), tostring(server))
    end)

    it("is not for anything else", function()
      local server = handling "return {}"
      assert.error_matches(function() server.stop({}) end, "lomi.httpd.server")
    end)

    it("is what closing the variable does, where Lua can", function()
      local close = getmetatable(handling "return {}").__close
      local server = handling "return {}"
      close(server, nil)
      assert.is_nil((socket.connect("127.0.0.1", server:port())))
    end)

    it("is not what garbage collection does", function()
      local server = handling "return { body = 'still here' }"
      local held = setmetatable({ server }, { __mode = "v" })
      servers, server = {}, { port = (function(port) return function() return port end end)(server:port()) }
      collectgarbage()
      collectgarbage()
      assert.equal("still here", ask(server).body)
      assert.truthy(held[1])
      servers[1] = held[1]
    end)

    it("leaves nothing for the collector", function()
      local held = setmetatable({ handling "return {}" }, { __mode = "k" })
      local weak = setmetatable({ held[1] }, { __mode = "v" })
      held[1]:stop()
      held, servers = nil, {} -- luacheck: ignore 311
      collectgarbage()
      collectgarbage()
      assert.is_nil(weak[1])
    end)
  end)

  describe("a process", function()
    --- Runs a script with the same interpreter and paths; its output, and its exit status.
    local function run(script, env)
      local file = os.tmpname()
      local f = assert(io.open(file, "w"))
      f:write("package.path, package.cpath = ", ("%q, %q\n"):format(package.path, package.cpath), script)
      f:close()
      local i = 0
      while arg[i - 1] do i = i - 1 end
      local pipe = io.popen(("%s timeout %d %s %s 2>&1; echo \"status $?\""):format(env or "", PATIENCE, arg[i], file))
      local output = pipe:read "*a"
      pipe:close()
      os.remove(file)
      return output
    end

    local START = [[
      local httpd, socket = require "lomi.httpd", require "socket"
      local server = assert(httpd.start { app = "spec.support.scripted", options =
        "return { handle = function() coroutine.yield(1000) end, step = function() return 0.001 end }" })
      local client = socket.connect("127.0.0.1", server:port())
      client:send "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    ]]

    it("ends by itself without a stop, at the end of the script and by os.exit", function()
      assert.equal("status 0\n", run(START))
      assert.equal("status 3\n", run(START .. "os.exit(3)"))
      assert.equal("status 3\n", run(START .. "os.exit(3, true)"))
      assert.equal("status 0\n", run(START .. "server:stop() os.exit(0)"))
    end)

    it("that ends by an error says just that", function()
      local output = run(START .. "error 'oops'")
      assert.matches("oops", output)
      assert.matches("status 1\n$", output)
    end)

    it("is ended by an application that calls os.exit", function()
      assert.equal("status 5\n", run [[
        local server = assert(require("lomi.httpd").start { app = "spec.support.scripted", options =
          "return { handle = function() os.exit(5) end }" })
        local client = require("socket").connect("127.0.0.1", server:port())
        client:send "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        client:receive "*a"
      ]])
    end)

    it("that has used up its descriptors is served all the same, and afterwards", function()
      libkqueue.cannot(pending, "libkqueue has descriptors of its own, and closes them in its own time")
      assert.equal("served 6\nserved 1\nstopped with 0 more\nstatus 0\n", run([[
        local httpd, socket = require "lomi.httpd", require "socket"
        local function fill()
          local files, file = {}, io.open "/dev/null"
          while file do files[#files + 1], file = file, io.open "/dev/null" end
          return files
        end
        local function give_back(files, most)
          for _ = 1, most do table.remove(files):close() end
        end
        local function ask(port, clients)
          local client = assert(socket.connect("127.0.0.1", port))
          clients[#clients + 1] = client
          client:settimeout(15)
          client:send "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
          return assert(client:receive "*l") == "HTTP/1.1 200 OK" and 1 or 0
        end
        local files = fill()
        local room = #files
        give_back(files, room)
        local server = assert(httpd.start { app = "spec.support.scripted",
          options = "return { handle = function() return {} end }" })
        local port = server:port()
        local clients, served = {}, 0
        files = fill()
        for _ = 1, 6 do
          give_back(files, 1)
          served = served + ask(port, clients)
        end
        print("served " .. served)
        give_back(files, #files)
        print("served " .. ask(port, clients))
        for _, client in ipairs(clients) do client:close() end
        server:stop()
        files = fill()
        print("stopped with " .. room - #files .. " more")
      ]], "ulimit -n 48;"))
    end)

    local ffi = rawget(_G, "jit") and require "ffi"

    -- In a forked child ThreadSanitizer starts no thread; AddressSanitizer's malloc may wait for ever for a lock that a
    -- thread of the parent held.
    local forkable = ffi and not ({ asan = true, tsan = true })[os.getenv "SANITIZER"]

    it("that was forked leaves the parent's server alone", forkable and function()
      assert.equal("parent still serves\nstatus 0\n", run([[
        local ffi = require "ffi"
        ffi.cdef "int fork(void); int waitpid(int, int *, int);"
        local httpd, socket = require "lomi.httpd", require "socket"
        local function serve(word)
          return assert(httpd.start { app = "spec.support.scripted", options =
            "return { handle = function() return { raw = '" .. word .. "' } end }" })
        end
        local function ask(server)
          local client = assert(socket.connect("127.0.0.1", server:port()))
          client:settimeout(15)
          client:send "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
          return client:receive "*a"
        end
        local server = serve "still serves"
        local child = ffi.C.fork()
        if child == 0 then
          assert(ask(server) == "still serves")
          local own = serve "of the child"
          assert(ask(own) == "of the child")
          local port = server:port()
          server:stop()
          assert(server:port() == port)
          server, own = nil
          collectgarbage() collectgarbage()
          os.exit(0, true)
        end
        local status = ffi.new "int[1]"
        ffi.C.waitpid(child, status, 0)
        assert(status[0] == 0)
        print("parent " .. ask(server))
        server:stop()
        assert(not socket.connect("127.0.0.1", server:port()))
      ]]))
    end or nil)
  end)

  it("speaks TLS with the certificate it was given", function()
    local key, cert = os.tmpname(), os.tmpname()
    assert(os.execute(("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
      .. "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout %s -out %s 2>/dev/null"):format(key, cert)))
    local function slurp(name)
      local f = assert(io.open(name))
      local text = f:read "*a"
      f:close()
      return text
    end
    local server = handling("return { body = 'secret ' .. request.target .. request.connection }",
      { tls_cert = slurp(cert), tls_key = slurp(key) })
    local pipe = io.popen(([[printf 'GET /%%s HTTP/1.1\r\nHost: x\r\n\r\n' a | sed 's/Host: x/&\r\nConnection: close/' |
      timeout %d openssl s_client -quiet -verify_return_error -verify_ip 127.0.0.1 -CAfile %s -connect 127.0.0.1:%d \
      2>/dev/null]]):format(PATIENCE, cert, server:port()))
    local output = pipe:read "*a"
    pipe:close()
    os.remove(key)
    os.remove(cert)
    assert.matches("^HTTP/1.1 200 OK\r\n", output)
    assert.matches("\r\n\r\nsecret /a1$", output)
  end)

  it("uses no more memory after many requests", function()
    local server = handling [[
      if request.target == "/count" then
        collectgarbage() collectgarbage()
        return { body = tostring(collectgarbage "count") }
      end
      if request.target == "/wait" then coroutine.yield(0) end
      if request.target == "/error" then error "x" end
      return { body = request.body }
    ]]
    local s = connect(server)
    local function many()
      for _ = 1, 100 do
        for i = 1, 100 do send(s, i % 10 == 0 and "/wait" or i % 10 == 1 and "/error" or "/", "some body") end
        for _ = 1, 100 do receive(s) end
      end
      send(s, "/count")
      return tonumber(receive(s).body) -- KiB
    end
    local before = many()
    assert.is_true(many() - before < 32)
  end)

  it("does not wait for ever for a peer that does not read its reply", function()
    local ends, began = {}, socket.gettime()
    for i, reply in ipairs { "body = body", "raw = body", "body = body, truncate = #body - 1, reset = true" } do
      ends[i] = connect(handling("local body = ('x'):rep(2^25) return { " .. reply .. " }", { patience = 1 }))
      send(ends[i], "/")
    end
    for _, s in ipairs(ends) do
      local why
      repeat -- once the server has closed, what comes from its peer is answered by a RST
        why = select(2, s:send " ")
        socket.select(nil, nil, 0.01)
      until why or socket.gettime() > began + PATIENCE
      assert.equal("closed", why)
      assert.is_true(socket.gettime() >= began + 1)
    end
  end)

  describe("slow peers", function()
    -- The server is in a process with few descriptors, so that those of this one do not count.
    local SCRIPT = [[
      local server = assert(require("lomi.httpd").start { app = "spec.support.scripted", reserved = "/kept",
        options = "local app = {} function app:handle(request) if request.target == '/wait' then "
          .. "coroutine.yield(600) end return { body = request.target } end return app" })
      io.stdout:write(("%d\n"):format(server:port())) io.stdout:flush()
      io.read("*l")
    ]]
    local LUA = require("spec.support.child").LUA
    local pipe, server, gate, path

    before_each(function()
      gate, path = os.tmpname(), os.tmpname()
      os.remove(gate)
      assert(os.execute("mkfifo " .. gate))
      local file = assert(io.open(path, "w"))
      file:write(SCRIPT)
      file:close()
      -- The pipe it reads from closes with this process, whatever becomes of the spec.
      pipe = assert(io.popen(("ulimit -n 64; LUA_PATH='%s' LUA_CPATH='%s' exec %s %s <>%s"):format(package.path,
        package.cpath, LUA, path, gate)))
      local port = assert(tonumber(pipe:read("*l")))
      server = { port = function() return port end }
    end)

    after_each(function()
      local out = assert(io.open(gate, "w"))
      out:write("\n")
      out:close()
      pipe:close()
      os.remove(gate)
      os.remove(path)
    end)

    it("give way, the one that kept the server waiting longest first", function()
      local slow = {}
      for i = 1, 100 do
        slow[i] = connect(server)
        slow[i]:send "POST / HTTP/1.1\r\nHost: x\r\nContent-"
      end
      for _ = 1, 3 do
        local s = connect(server)
        send(s, "/hello")
        assert.equal("/hello", receive(s).body)
        s:close()
      end
      assert.equal("closed", (select(2, slow[1]:receive(1))))
      slow[100]:send "Length: 2\r\n\r\nab"
      assert.equal("/", receive(slow[100]).body)
    end)

    it("leave room for what is reserved, though every handler is busy", function()
      local busy = {}
      for i = 1, 80 do
        busy[i] = connect(server)
        send(busy[i], "/wait")
      end
      local s = connect(server)
      send(s, "/kept/charges")
      local reply = receive(s)
      assert.same({ 200, "/kept/charges" }, { reply.status, reply.body })
      busy[1]:settimeout(0)
      assert.equal("timeout", (select(2, busy[1]:receive(1))))
    end)
  end)
end)
