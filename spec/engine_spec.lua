-- SPDX-License-Identifier: MIT
-- The engine, on real sockets: what can go wrong on the way, and what it says about it.
local child = require "spec.support.child"
local core = require "lomi.core"
local cost = require "spec.support.cost"
local curl = require "lomi.transport.curl"
local engine_of = require "lomi.engine"
local given = require "spec.support.given"
local lomi = require "lomi"
local peer = require "spec.support.peer"
local process = require "spec_process"
local raw = require "spec.support.raw_server"
local server_of = require "spec.support.server"
local socket = require "socket"
local tcp = require "spec.support.tcp"
local tls = require "spec.support.tls"

local KEY = given.KEY

local function new(url, options)
  options = options or {}
  options.api_key, options.base_url, options.max_retries = KEY, url, options.max_retries or 0
  return lomi.new(options)
end

local function charge(client)
  return client.charges:create_card_charge { amount = 10000 }
end

local function post(url)
  return { method = "POST", url = url, body = "{}", timeout = 9, connect_timeout = 9, proxy = "" }
end

-- A port of ours that refuses: it was just closed.
local function refused_port()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  listener:close()
  return port
end

describe("the engine", function()
  local server

  before_each(function() server = server_of.start() end)
  after_each(function() server:stop() end)

  describe("says of a failure what it was, and whether anything was sent:", function()
    local function check(err, kind, outcome)
      assert.equal(kind, err.kind)
      assert.equal(outcome, err.outcome)
      assert.equal(1, err.attempts)
    end

    it("a refused port", function()
      local _, err, reply = charge(new("http://127.0.0.1:" .. refused_port()))
      check(err, "connection", "not_sent")
      assert.is_nil(reply)
    end)

    it("a host that cannot be resolved", function()
      local host = ("a"):rep(64) .. ".invalid" -- too long for a name server to be asked: there may be none that answers
      local _, err = charge(new("https://" .. host))
      check(err, "connection", "not_sent")
      assert.is_truthy(err.message:find(host, 1, true), err.message)
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
      local err = cost.ends_on_time(0.2, 0.2, function()
        return select(2, charge(new("http://127.0.0.1:" .. port, { connect_timeout = 0.2 })))
      end)
      check(err, "timeout", "not_sent")
      for _, one in ipairs(full) do one:close() end
      listener:close()
    end)

    it("a reply that does not come", function()
      server:script { status = 201, delay = 10 }
      local _, err = charge(new(server.url, { timeout = 0.2 }))
      check(err, "timeout", "unknown")
    end)

    it("a reply of which only the headers come", function()
      server:script { status = 201, body = ("x"):rep(100), trickle = 0.1 }
      local _, err = charge(new(server.url, { timeout = 0.3 }))
      check(err, "timeout", "unknown")
    end)

    it("a reset in the middle of the body", function()
      server:script { status = 201, body = ("x"):rep(1000), truncate = 10, reset = true }
      local _, err = charge(new(server.url))
      check(err, "connection", "unknown")
    end)

    it("an end in the middle of the body", function()
      server:script { status = 201, body = ("x"):rep(1000), truncate = 10 }
      local _, err = charge(new(server.url))
      check(err, "connection", "unknown")
    end)

    it("a connection closed, or reset, without a reply", function()
      server:script({ drop = true }, { reset = true })
      for _ = 1, 2 do
        local _, err = charge(new(server.url))
        check(err, "connection", "unknown")
      end
    end)

    it("something that is not HTTP", function()
      server:script { raw = "SSH-2.0-OpenSSH_9.2p1\r\n" }
      local _, err = charge(new(server.url))
      check(err, "protocol", "unknown")
    end)

    it("headers of more than 64 KiB", function()
      server:script { raw = "HTTP/1.1 201 Created\r\n" .. ("X-A: " .. ("x"):rep(1000) .. "\r\n"):rep(70) .. "\r\n" }
      local _, err = charge(new(server.url))
      check(err, "protocol", "unknown")
      assert.matches("over the limit of 65536 bytes", err.message)
    end)

    it("a body of more than 4 MiB", function()
      server:script { status = 201, size = 5 * 1024 * 1024 }
      local _, err = charge(new(server.url))
      check(err, "protocol", "unknown")
      assert.matches("over the limit of 4194304 bytes", err.message)
    end)

    it("plain HTTP where TLS should be", function()
      local _, err = charge(new((server.url:gsub("^http", "https"))))
      -- The server may answer in plain text, or just end what it cannot read.
      check(err, err.kind == "connection" and "connection" or "tls", "not_sent")
    end)
  end)

  it("does not follow a redirect with the key", function()
    server:script { status = 307, headers = { Location = server.url .. "/elsewhere" } }
    local _, err = charge(new(server.url))
    assert.equal("protocol", err.kind)
    assert.equal("unknown", err.outcome)
    assert.equal(1, #server:requests())
  end)

  it("does not send again by itself when a kept-alive connection dies", function()
    server:script({ status = 201, body = '{"data":{"id":"pi_1"}}' }, { drop = true })
    local client = new(server.url)
    assert(charge(client))
    local _, err = charge(client)
    assert.equal("connection", err.kind)
    assert.equal("unknown", err.outcome)
    local requests = server:requests()
    assert.equal(2, #requests)
    assert.equal(requests[1].connection, requests[2].connection)
  end)

  it("takes a connection that the server closed meanwhile for what it is, and opens another", function()
    server:script { status = 201, headers = { Connection = "close" }, body = '{"data":{"id":"pi_1"}}' }
    local client = new(server.url)
    assert(charge(client))
    assert(charge(client))
    assert.equal(2, server:requests()[2].connection)
  end)

  it("tells apart whose transfer is finished", function()
    local one, two = curl.queue(), curl.queue()
    local request = post(server.url)
    local first, second, third = one:submit(request), two:submit(request), one:submit(request)
    local got = {}
    while #got < 2 do
      local id, reply = one:step(5)
      if id then
        assert.equal(201, reply.status)
        got[#got + 1] = id
      end
    end
    table.sort(got)
    assert.same({ first, third }, got)
    assert.equal(second, (two:step(5)))
    assert.is_nil(two:step(5))
    one:close()
    two:close()
  end)

  it("takes a request of which the peer has read the beginning as sent", function()
    local certificate = tls.certificate()
    for _, secure in ipairs { false, certificate } do
      local slow = peer.start { tls = secure or nil, narrow = true, serve = [[
        return function(connection)
          connection:receive(4096)
          sleep(9)
        end]] }
      local client = new(slow.url, { ca_file = certificate.ca_file, timeout = 1 })
      local _, err = client:request("PUT", "/x", { body = { text = ("x"):rep(900000) } })
      slow:stop()
      assert.equal("timeout", err.kind)
      assert.equal("unknown", err.outcome)
      assert.matches("could not be sent in time", err.message)
    end
    tls.remove(certificate)
  end)

  it("ends a call that is cancelled from a hook while it waits, and works again", function()
    server:script { status = 201, delay = 2, body = '{"data":{"id":"pi_1"}}' }
    local engine = engine_of.new()
    local to = engine_of.endpoint(server.url, "Host: h\r\n", nil, "")
    local waits = 0
    local jit = rawget(_G, "jit")
    if jit then jit.off() end
    debug.sethook(function()
      waits = waits + 1
      if waits == 3 then engine:cancel() end
    end, "c")
    local reply, failure = engine:perform(to, "GET", "/x", {}, nil, 5, 5)
    debug.sethook()
    if jit then jit.on() end
    assert.is_nil(reply)
    assert.same({ kind = "connection", message = "the request was cancelled", sent = true }, failure)
    assert.matches("pi_scripted", assert(engine:perform(to, "GET", "/x", {}, nil, 5, 5)).body)
    engine:close()
  end)

  it("goes on after finalizers that raise while results are taken", function()
    local output, status = child.run(([[
      if rawget(_G, "jit") then jit.off() end -- Debian 12's crashes by itself when a finalizer raises on a trace
      local core, of = require "lomi.core", require "lomi.engine"
      local engine, inbox, fields, submitted = of.new(), {}, {}, 0
      local to = of.endpoint(%q, core.http1.lines { "Host", "x" }, nil, "")
      local function raise() error("finalizer", 0) end
      local function trash()
        for _ = 1, 5 do
          if rawget(_G, "newproxy") then getmetatable(newproxy(true)).__gc = raise
          else setmetatable({}, { __gc = raise }) end
        end
      end
      pcall(collectgarbage, "setpause", 50) -- Lua 5.5 has another way
      for _ = 1, 200 do
        pcall(trash)
        local ok, id = pcall(engine.submit, engine, to, "GET", "/x", fields, nil, 5, 5)
        if ok and id then submitted = submitted + 1 end
        pcall(trash)
        pcall(engine.step, engine, inbox, 0.02)
      end
      collectgarbage("stop")
      for _ = 1, 1000 do
        if engine:running() == 0 then break end
        engine:step(inbox, 0.1)
      end
      engine:step(inbox)
      print(submitted > 50, #inbox == 2 * submitted, engine:running(), engine:timeout() ~= 0)
      os.exit(0)
    ]]):format(server.url))
    assert.equal(0, status, output)
    assert.equal("true\ttrue\t0\ttrue", (output:gsub("ERROR in finalizer: finalizer\n", ""))) -- a later LuaJIT's
  end)

  it("survives a finalizer that makes a call while a reply is read", function()
    local client, calls = new(server.url), 0
    local engine = curl.queue()
    for _ = 1, 30 do
      engine:submit(post(server.url))
      for _ = 1, 20 do
        if rawget(_G, "newproxy") then
          getmetatable(newproxy(true)).__gc = function() calls = calls + (engine:step(0) and 1 or 1) end -- luacheck: ignore
        else
          setmetatable({}, { __gc = function() calls = calls + (engine:step(0) and 1 or 1) end })
        end
      end
      collectgarbage("step")
      engine:step(1)
    end
    collectgarbage()
    assert.is_true(calls > 0)
    assert(charge(client))
    engine:close()
  end)

  it("ends with an error when somebody else closed its descriptor, and works again", function()
    local output, status = child.run(([[
      local lomi = require "lomi"
      local client = lomi.new { api_key = "lomi_sk_test_x", base_url = %q, timeout = 3, max_retries = 0 }
      assert(client.charges:create_card_charge { amount = 1 })
      local fd = require("lomi.engine").shared():pollfd()
      require("spec_process").close(fd)
      local _, err = client.charges:create_card_charge { amount = 1 }
      print(err.kind, err.outcome)
      for _ = 1, 3 do assert(client.charges:create_card_charge { amount = 1 }) end
    ]]):format(server.url))
    assert.equal(0, status, output)
    assert.equal("connection\tunknown", output) -- it had left: only the wait for the reply failed
  end)

  it("ends with an error when libcurl cannot go on, and works again", function()
    server:script { status = 201, headers = { Connection = "close" }, body = '{"data":{"id":"pi_1"}}' }
    local output, status = child.run(([[
      local client = require("lomi").new { api_key = "lomi_sk_test_x", base_url = %q, timeout = 60, max_retries = 0 }
      assert(client.charges:create_card_charge { amount = 1 })
      require("spec_process").close(require("lomi.engine").shared():pollfd()) -- the next connection cannot be watched
      local _, err = client.charges:create_card_charge { amount = 1 }
      print(err.kind, err.outcome, client.charges:create_card_charge { amount = 1 } and "charged")
      for _ = 1, 3 do assert(client.charges:create_card_charge { amount = 1 }) end
    ]]):format(server.url))
    assert.equal("connection\tnot_sent\tcharged", output)
    assert.equal(0, status)
  end)

  it("closes nothing of a forked child's own", function()
    local client = new(server.url)
    assert(charge(client))
    local pid = process.fork()
    if pid == 0 then
      local ok = pcall(function()
        -- The numbers of what was inherited are free again: the child opens files of its own on them.
        local files = {}
        for i = 1, 32 do files[i] = assert(io.open("/dev/null", "w")) end
        assert(charge(client))
        for _, file in ipairs(files) do assert(file:write("log") and file:flush()) end
      end)
      process.exit(ok and 0 or 1)
    end
    assert.equal(0, process.wait(pid))
  end)

  it("cancels what is under way when it is closed, and refuses from then on", function()
    server:script { delay = 5 }
    local engine = engine_of.new()
    local endpoint = engine_of.endpoint(server.url, "Host: h\r\n", nil, "")
    assert(engine:submit(endpoint, "GET", "/", {}, nil, 9, 9))
    assert.equal(1, engine:running())
    engine:step({}, 0.05)
    engine:close()
    engine:close()
    assert.error_matches(function() engine:step {} end, "closed")
    assert.matches("closed", tostring(engine))
    for _, method in ipairs { "submit", "perform" } do
      local none, failure = engine[method](engine, endpoint, "GET", "/", {}, nil, 9, 9)
      assert.is_nil(none)
      assert.same({ kind = "connection", message = "the engine is closed", sent = false }, failure)
    end
    assert(charge(new(server.url))) -- the others go on
  end)

  it("forgets what is under way when it is told so, and goes on", function()
    server:script({ delay = 5 }, { status = 201 })
    local queue = curl.queue()
    local fd = queue:pollfd()
    queue:submit(post(server.url))
    queue:step(0.05)
    queue:cancel()
    assert.is_nil(queue:step(0.05))
    local id = queue:submit(post(server.url))
    assert.equal(id, (queue:step(5)))
    assert.equal(fd, queue:pollfd())
    queue:close()
  end)

  it("gives replies with the ids of their requests, at once as many as there are", function()
    local engine, inbox = engine_of.new(), {}
    local endpoint = engine_of.endpoint(server.url, "Host: h\r\n", nil, "")
    local ids = {}
    for i = 1, 5 do ids[i] = engine:submit(endpoint, "GET", "/", {}, nil, 9, 9) end
    local deadline = core.now() + 5
    repeat engine:step(inbox, 1) until #inbox == 10 or core.now() > deadline
    local got = {}
    for i = 1, #inbox, 2 do
      got[#got + 1] = inbox[i]
      assert.equal(201, inbox[i + 1].status)
    end
    table.sort(got)
    assert.same(ids, got)
    engine:close()
  end)

  it("returns from a step when a signal comes", function()
    server:script { delay = 8 }
    local engine = curl.queue()
    engine:submit { method = "GET", url = server.url, timeout = 9, connect_timeout = 9, proxy = "" }
    process.alarm(1)
    local started = core.now()
    assert.is_nil(engine:step(5))
    assert.is_true(core.now() - started < 4)
    engine:close()
  end)

  it("raises for arguments that no transport here gives, and refuses a header that could add another", function()
    local engine = engine_of.new()
    local endpoint = engine_of.endpoint(server.url, "Host: h\r\n", nil, "")
    local function with(place, value)
      local arguments = { endpoint, "GET", "/", {}, "", 1, 1 }
      arguments[place] = value
      return function() return engine:submit((table.unpack or unpack)(arguments, 1, 7)) end -- luacheck: ignore
    end
    for place, value in ipairs { "http://a", 7, 7, "X-A: 1", 7, 0, 0 / 0 } do assert.has_error(with(place, value)) end
    for _, fields in ipairs { { "X-A", "1\r\nX-B: 2" }, { "X-A: 1\r\nX-B", "2" }, { "X-A", 1 } } do
      local id, failure = with(4, fields)()
      assert.is_nil(id)
      assert.same({ "protocol", false }, { failure.kind, failure.sent })
    end
    assert.equal(0, #server:requests())
    engine:close()
  end)

  it("sends exactly the headers it was given, empty ones too", function()
    local engine = curl.queue()
    local request = post(server.url)
    request.headers = {
      ["X-Empty"] = "", ["X-Blank"] = " \t", Accept = "text/plain", ["Content-Type"] = "text/csv", Expect = "",
    }
    engine:submit(request)
    assert(select(2, engine:step(5)))
    local asked = server:requests()[1]
    local function seen(name) return server_of.header(asked, name) end
    assert.same({ "", "", "text/plain", "text/csv", "" },
      { seen "X-Empty", seen "X-Blank", seen "Accept", seen "Content-Type", seen "Expect" })
    engine:close()
  end)

  it("says what became of a request whose connection was lost, though connecting again is what failed", function()
    local played = raw.start({ raw.reply(201, '{"data":{"id":"pi_1"}}') }, { gone = true })
    local client = new(played.url, { max_retries = 0 })
    assert(charge(client))
    local _, err = charge(client)
    assert.same({ "connection", "unknown" }, { err.kind, err.outcome })
    assert.matches("^the connection was %a+ before the first byte of a reply", err.message)
    assert.equal(1, played:connections())
  end)

  it("joins a repeated header, whatever its case", function()
    server:script { raw = "HTTP/1.1 201 Created\r\nX-A: 1\r\nContent-Length: 0\r\nx-a:\t2 \r\n\r\n" }
    local engine = curl.queue()
    engine:submit(post(server.url))
    local _, reply = engine:step(5)
    assert.same({ ["content-length"] = "0", ["x-a"] = "1, 2" }, reply.headers)
    engine:close()
  end)

  it("refuses a head that is too large", function()
    local queue = curl.queue()
    local id, failure = queue:submit(post(server.url .. "/" .. ("x"):rep(8 * 1024 * 1024)))
    assert.is_nil(id)
    assert.same({ "protocol", false }, { failure.kind, failure.sent })
    queue:close()
  end)

  it("takes nothing that nobody asked for as a reply, however many connections it comes on", function()
    local COUNT = 200
    if tcp.missing then pending(tcp.missing) end
    local stray, engine = peer.start { COUNT, serve = [[
      local count, asked, connections = ..., 0, {}
      local own = reply(201, '{"data":{"id":"pi_own"}}')
      return function(connection, number)
        if number == count + 1 then -- the spec's: go on
          for _, one in ipairs(connections) do one:send(reply(201, '{"data":{"id":"pi_stray"}}')) end
          return say "said"
        elseif not connection:request() then
          return
        elseif number > count then
          connection:send(own)
        else
          connections[number], asked = connection, asked + 1
          for i = 1, asked == count and count or 0 do connections[i]:send(own) end
        end
        connection:drain()
      end
    ]] }, curl.queue()
    for _ = 1, COUNT do assert(engine:submit(post(stray.url))) end
    for _ = 1, COUNT do
      local _, reply, failure = engine:step(5)
      assert(reply, failure and failure.message)
    end
    assert(socket.connect("127.0.0.1", stray.port)):close()
    assert.equal("said", stray:line())
    assert(tcp.wait_for(function() return tcp.has_come_from(stray.port) end, 10))
    engine:submit(post(stray.url))
    local _, reply = engine:step(5)
    assert.equal('{"data":{"id":"pi_own"}}', reply.body)
    engine:close()
    stray:stop()
  end)

  it("gives no id twice, though a fork takes the engine away", function()
    server:script { delay = 5 }
    local output = child.run(([[
      local process, curl = require "spec_process", require "lomi.transport.curl"
      local function post(url) return { method = "POST", url = url, timeout = 9, connect_timeout = 9, proxy = "" } end
      local engine = curl.queue()
      local before = engine:submit(post(%q))
      local pid = process.fork()
      if pid ~= 0 then print(process.wait(pid)) return end
      local after = engine:submit(post(%q))
      local ended, _, failure = engine:step(0)
      process.exit(after ~= before and ended == before and failure and 0 or 1)
    ]]):format(server.url, server.url))
    assert.equal("0", output)
  end)

  it("knows no host for a URL that names none", function()
    local engine = curl.queue()
    engine:submit(post(server.url))
    assert(select(2, engine:step(5))) -- what it had is used again
    local id, failure = engine:submit(post "somewhere.example/v1")
    assert.is_nil(id)
    assert.same({ "connection", false }, { failure.kind, failure.sent })
    engine:close()
  end)

  it("gives a call its reply though another call found it", function()
    local body = '{"data":{"id":"pi_%d"}}'
    server:script({ status = 201, body = body:format(1) }, { status = 201, body = body:format(2), delay = 0.1 })
    local client, inner = new(server.url), nil
    local perform = getmetatable(engine_of.shared()).__index.perform
    debug.sethook(function() -- as the request is about to leave
      if debug.getinfo(2, "f").func ~= perform then return end
      debug.sethook()
      inner = charge(client)
    end, "c")
    local outer = charge(client)
    debug.sethook()
    local ids = { outer.id, inner.id }
    table.sort(ids)
    assert.same({ "pi_1", "pi_2" }, ids)
  end)

  it("gives a call its own result though a hook makes another before that is read", function()
    local body = '{"data":{"id":"pi_%d"}}'
    server:script({ status = 201, body = body:format(1) }, { status = 201, body = body:format(2) })
    local engine = engine_of.new()
    local endpoint = engine_of.endpoint(server.url, "Host: h\r\n", nil, "")
    local perform, inner = engine.perform, nil
    local function get() return perform(engine, endpoint, "GET", "/", {}, nil, 9, 9) end
    debug.sethook(function() -- in what makes the reply of the first
      local info, above = debug.getinfo(2, "Sf"), debug.getinfo(3, "f")
      if inner or info.what ~= "C" or info.func == perform or not above or above.func ~= perform then return end
      debug.sethook()
      inner = get()
    end, "c")
    local outer = get()
    debug.sethook()
    assert.equal(body:format(1), outer.body)
    if inner then assert.equal(body:format(2), inner.body) end
    engine:close()
  end)

  it("gives a call its own reply though a hook steps meanwhile, which finds nothing of it", function()
    server:script { status = 201, delay = 0.2, body = '{"data":{"id":"pi_1"}}' }
    local engine, inbox, steps = engine_of.new(), {}, 0
    local endpoint = engine_of.endpoint(server.url, "Host: h\r\n", nil, "")
    debug.sethook(function() -- between the slices of the wait
      if debug.getinfo(2, "S").source ~= "return" then return end
      steps = steps + 1
      local deadline = core.now() + 0.4
      debug.sethook()
      repeat engine:step(inbox, 0.05) until core.now() > deadline
    end, "", 1)
    local reply = engine:perform(endpoint, "GET", "/", {}, nil, 9, 9)
    debug.sethook()
    assert.same({ 201, 1, {} }, { reply.status, steps, inbox })
    engine:close()
  end)

  it("sends nothing to a socket that the program opened where it had closed one of ours", function()
    local output, status = child.run(([[
      local process, socket = require "spec_process", require "socket"
      local client = require("lomi").new { api_key = "lomi_sk_test_x", base_url = %q, timeout = 2, max_retries = 0 }
      assert(client.charges:create_card_charge { amount = 1 })
      for fd = 3, 63 do process.close(fd) end -- as a daemon does
      local listener = assert(socket.bind("127.0.0.1", 0))
      local _, port = listener:getsockname()
      local own, others = {}, {}
      for i = 1, 8 do
        own[i] = assert(socket.connect("127.0.0.1", port))
        others[i] = assert(listener:accept())
      end
      client.charges:create_card_charge { amount = 1 }
      for i, other in ipairs(others) do
        other:settimeout(0)
        local _, problem, got = other:receive(1)
        assert(problem == "timeout" and got == "", "bytes on a stranger's socket")
        assert(own[i]:send "x", "a socket of the program was closed")
      end
      print "kept apart"
    ]]):format(server.url))
    assert.equal("kept apart", output)
    assert.equal(0, status)
  end)

  it("closes no file that the program opened where it had closed one of ours", function()
    local output, status = child.run(([[
      local process = require "spec_process"
      local client = require("lomi").new { api_key = "lomi_sk_test_x", base_url = %q, timeout = 2, max_retries = 2 }
      local loop = require("lomi").loop()
      loop:pollfd()
      assert(client.charges:create_card_charge { amount = 1 })
      for fd = 3, 63 do process.close(fd) end
      local files = {}
      for i = 1, 30 do
        files[i] = assert(io.tmpfile())
        files[i]:setvbuf "no"
      end
      for _ = 1, 3 do client.charges:create_card_charge { amount = 1 } end
      assert(client.charges:create_card_charge { amount = 1 })
      loop:close()
      for _, file in ipairs(files) do assert(file:write "x", "a file of the program was closed") end
      print "kept apart"
    ]]):format(server.url))
    assert.equal("kept apart", output)
    assert.equal(0, status)
  end)

  it("says so when there are no descriptors left, and works when there are", function()
    server:script { status = 201, headers = { Connection = "close" }, body = '{"data":{"id":"pi_1"}}' }
    local output, status = child.run(([[
      local process = require "spec_process", require "lomi.engine", require "lomi.transport.curl"
      local client = require("lomi").new { api_key = "lomi_sk_test_x", base_url = %q, max_retries = 0 }
      local function charge()
        local charge, err = client.charges:create_card_charge { amount = 1 }
        print(charge and "charged" or err.kind .. ", " .. err.outcome .. ": " .. err.message)
      end
      process.limit_descriptors(32)
      local function fill()
        local files = {}
        for i = 1, 32 do files[i] = io.open "/dev/null" end
        return function() for _, file in ipairs(files) do file:close() end end
      end
      local free = fill()
      charge() -- no engine yet
      free()
      charge()
      free = fill()
      charge() -- no socket
      free()
      charge()
    ]]):format(server.url))
    assert.equal(0, status, output)
    assert.matches("^connection, not_sent: [^\n]*descriptors\ncharged\nconnection, not_sent: [^\n]*\ncharged$", output)
  end)

  it("lets go of all it inherited in a forked child", function()
    local output = child.run(([[
      local process, lomi = require "spec_process", require "lomi"
      local client = lomi.new { api_key = "lomi_sk_test_x", base_url = %q }
      assert(client.charges:create_card_charge { amount = 1 })
      local pid = process.fork()
      for _ = 1, 2 do assert(client.charges:create_card_charge { amount = 1 }) end
      if pid ~= 0 then print(process.wait(pid)) else process.exit(0) end
    ]]):format(server.url))
    assert.equal("0", output)
    local connections = {}
    for i, request in ipairs(server:requests()) do connections[i] = request.connection end
    table.sort(connections)
    assert.same({ 1, 1, 1, 2, 2 }, connections)
  end)

  describe("over TLS", function()
    local certificate

    setup(function() certificate = tls.certificate() end)
    teardown(function() tls.remove(certificate) end)

    local function start()
      return server_of.start(certificate)
    end

    it("charges with a certificate it was told to trust", function()
      local secure = start()
      assert(charge(new(secure.url, { ca_file = certificate.ca_file })))
      assert(charge(new(secure.url, { ca_file = certificate.ca_file })))
      assert.equal(1, secure:requests()[2].connection)
      secure:stop()
    end)

    it("says so when there are too few descriptors, however many are left for the first call", function()
      local secure = start()
      for left = 0, 5 do
        local output, status = child.run(([[
          local process = require "spec_process"
          local client = require("lomi").new {
            api_key = "lomi_sk_test_x", base_url = %q, ca_file = %q, max_retries = 0,
          }
          local function charge()
            local charge, err = client.charges:create_card_charge { amount = 1 }
            print(charge and "charged" or err.kind .. ", " .. err.outcome .. ": " .. err.message)
          end
          process.limit_descriptors(32)
          local files = {}
          for i = 1, 32 do files[i] = io.open "/dev/null" end
          for _ = 1, %d do table.remove(files):close() end
          charge()
          for _, file in ipairs(files) do file:close() end
          charge()
        ]]):format(secure.url, certificate.ca_file, left))
        assert.equal(0, status, output)
        local first, second = output:match("^([^\n]*)\n([^\n]*)$")
        if first ~= "charged" then assert.matches("^connection, not_sent: .*out of .*descriptors", first) end
        assert.equal("charged", second)
      end
      secure:stop()
    end)

    it("sends nothing to a self-signed one", function()
      local secure = start()
      local _, err = charge(new(secure.url))
      assert.equal("tls", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.equal(0, #secure:requests())
      secure:stop()
    end)

    it("sends nothing to the wrong host", function()
      local wrong = tls.certificate { names = "DNS:api.lomi.africa" }
      finally(function() tls.remove(wrong) end)
      local secure = server_of.start(wrong)
      local _, err = charge(new(secure.url, { ca_file = wrong.ca_file, max_retries = 2 }))
      assert.equal("tls", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.equal(1, err.attempts) -- trying again would not help
      secure:stop()
    end)

    it("never shares a connection between trust of different kinds", function()
      local secure = start()
      assert(charge(new(secure.url, { ca_file = certificate.ca_file })))
      local _, err = charge(new(secure.url))
      assert.equal("tls", err.kind)
      secure:stop()
    end)

    it("keeps working on both sides of a fork, on the parent's connection in the parent", function()
      local secure = start()
      local client = new(secure.url, { ca_file = certificate.ca_file })
      assert(charge(client))
      local pid = process.fork()
      if pid == 0 then
        local ok = pcall(function()
          assert(charge(client))
          assert(charge(new(secure.url, { ca_file = certificate.ca_file })))
          collectgarbage()
          engine_of.shared():close()
        end)
        process.exit(ok and 0 or 1)
      end
      assert.equal(0, process.wait(pid))
      assert(charge(client))
      local connections = {}
      for i, request in ipairs(secure:requests()) do connections[i] = request.connection end
      assert.same({ 1, 2, 2, 1 }, connections)
      secure:stop()
    end)

    it("ends what a fork found under way, in the child only", function()
      local engine = curl.queue()
      server:script { status = 201, delay = 0.3, body = '{"data":{"id":"pi_1"}}' }
      local id = engine:submit(post(server.url))
      engine:step(0.05)
      local pid = process.fork()
      if pid == 0 then
        local finished, reply, failure = engine:step(5)
        local good = finished == id and reply == nil and failure.sent and failure.kind == "connection"
        process.exit(good and 0 or 1)
      end
      assert.equal(0, process.wait(pid))
      local finished, reply
      repeat finished, reply = engine:step(5) until finished
      assert.equal(201, reply.status)
      engine:close()
    end)

    it("is not killed by a connection that breaks while it writes", function()
      local secure = start()
      local client = new(secure.url, { ca_file = certificate.ca_file })
      assert(charge(client))
      secure:stop()
      local _, err = charge(client)
      assert.equal("connection", err.kind)
    end)
  end)

  it("works in two Lua states on two threads at once", function()
    -- The application of a second server makes charges of its own while it answers.
    local other = assert(require("lomi.httpd").start {
      app = "spec.support.scripted", options = ([[
        local client = require("lomi").new { api_key = %q, base_url = %q }
        return { handle = function()
          local made = 0
          for _ = 1, 100 do
            if client.charges:create_card_charge { amount = 10000 } then made = made + 1 end
          end
          return { status = 201, body = '{"data":{"id":"pi_1","made":' .. made .. '}}' }
        end }]]):format(KEY, server.url),
    })
    local engine = curl.queue()
    local id = engine:submit(post("http://127.0.0.1:" .. other:port()))
    engine:step(0)
    local client = new(server.url)
    for _ = 1, 100 do assert(charge(client)) end
    local finished, reply
    repeat finished, reply = engine:step(5) until finished == id
    assert.matches('"made":100', reply.body)
    assert.equal(200, #server:requests())
    engine:close()
    other:stop()
  end)

  it("keeps a deadline when the name server is silent, and does not hold up the end of the process", function()
    -- Its own mount (and, for whoever is not root, network) namespace, where the name server is a socket nobody reads.
    local script = [[
      local socket, core, lomi = require "socket", require "lomi.core", require "lomi"
      local silent = assert(socket.udp())
      assert(silent:setsockname("127.0.0.1", 53))
      -- libcurl is loaded at the first call
      lomi.new { api_key = "lomi_sk_test_x", base_url = "http://127.0.0.1:1", max_retries = 0 }:request("GET", "/")
      local client = lomi.new { api_key = "lomi_sk_test_x", base_url = "https://shop.example", deadline = 0.4 }
      local err, took
      for _ = 1, 4 do -- a busy machine may be late once
        local started = core.now()
        err = select(2, client.charges:create_card_charge { amount = 10000 })
        took = core.now() - started
        if took <= 0.45 then break end
      end
      print(err.kind, err.outcome, took <= 0.45 and "kept" or took)
    ]]
    local config = os.tmpname()
    local file = assert(io.open(config, "w"))
    file:write("nameserver 127.0.0.1\noptions timeout:3 attempts:2\n")
    file:close()
    local enter = ("unshare %s sh -c 'ip link set lo up; mount --bind %s /etc/resolv.conf"):format("-rmn", config)
    local probe = os.execute(enter .. "' >/dev/null 2>&1")
    if probe ~= true and probe ~= 0 then
      os.remove(config)
      pending("needs unshare with user namespaces, and ip")
      return
    end
    local script_file = os.tmpname()
    file = assert(io.open(script_file, "w"))
    file:write(script)
    file:close()
    local started = core.now()
    local pipe = assert(io.popen(("%s; LUA_PATH=%q LUA_CPATH=%q exec %s %s' 2>&1"):format(
      enter, package.path, package.cpath, child.LUA, script_file)))
    local output = pipe:read("*a")
    pipe:close()
    os.remove(config)
    os.remove(script_file)
    assert.equal("timeout\tnot_sent\tkept\n", output)
    assert.is_true(core.now() - started < 4) -- the resolver alone would take 6 s
  end)
end)

describe("require 'lomi'", function()
  it("loads neither libcurl nor libcrypto, and takes at most a millisecond of CPU", function()
    local output
    for _ = 1, 5 do -- a busy machine adds to it
      output = child.run [[
        local started = os.clock()
        local lomi = require "lomi"
        local took = os.clock() - started
        local client = lomi.new { api_key = "lomi_sk_test_x" }
        local loaded = require("spec_process").loaded
        print((loaded "libcurl" or loaded "libcrypto" or loaded "libssl") and "not clean" or "clean")
        print((took <= 0.001 or os.getenv "SANITIZER" or os.getenv "EMULATOR") and "quick" or took)
      ]]
      if output == "clean\nquick" then break end
    end
    assert.equal("clean\nquick", output)
  end)
end)
