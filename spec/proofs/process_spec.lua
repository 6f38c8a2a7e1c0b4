-- SPDX-License-Identifier: MIT
-- What a program has besides its charges, and must keep: its descriptors, its signals, its names, its end.
local child = require "spec.support.child"
local core = require "lomi.core"
local given = require "spec.support.given"
local lomi = require "lomi"
local peer = require "spec.support.peer"
local process = require "spec_process"
local sandbox_of = require "lomi.sandbox"
local server_of = require "spec.support.server"
local socket = require "socket"
local tls = require "spec.support.tls"

local KEY = given.KEY
local MADE = '{"success":true,"data":{"id":"pi_1","client_secret":"pi_1_secret_x","amount":1524,"currency":"eur",' ..
  '"original_amount":10000,"original_currency":"XOF","status":"requires_payment_method"}}'

-- A listener whose backlog is full: what connects to it waits.
local function full_port()
  local listener, full = assert(socket.tcp()), {}
  assert(listener:bind("127.0.0.1", 0))
  assert(listener:listen(0))
  local port = math.floor((select(2, listener:getsockname())))
  for i = 1, 4 do
    full[i] = socket.tcp()
    full[i]:settimeout(0)
    full[i]:connect("127.0.0.1", port)
  end
  return port, function()
    for _, one in ipairs(full) do one:close() end
    listener:close()
  end
end

local function library(name)
  return assert(package.searchpath(name, package.cpath))
end

-- For a script in a child: `descriptors()` gives number → close-on-exec? of those that are open.
local DESCRIPTORS = [[
  local function descriptors()
    local open, close_on_exec = {}, require("spec_process").close_on_exec
    for number = 0, 99 do open[number] = close_on_exec(number) end
    return open
  end
  local function bad_ones(before)
    local bad = {}
    for number, close_on_exec in pairs(descriptors()) do
      if before[number] == nil then
        if number < 3 then bad[#bad + 1] = number .. " is a standard one" end
        if not close_on_exec then bad[#bad + 1] = number .. " is not close-on-exec" end
      end
    end
    return table.concat(bad, ", ")
  end
]]

describe("a process that charges", function()
  describe("keeps its descriptors:", function()
    it("a forked child closes none of its own after a connect that timed out", function()
      local port, free = full_port()
      local output = child.run(([[
        local process, lomi = require "spec_process", require "lomi"
        for _, transport in ipairs { "blocking", "loop" } do
          local loop = transport == "loop" and lomi.loop() or nil
          local client = lomi.new {
            api_key = "lomi_sk_test_x", base_url = "http://127.0.0.1:%d", connect_timeout = 0.1, max_retries = 0,
            transport = loop,
          }
          local function get() client:request("GET", "/") end
          if loop then loop:spawn(get) loop:run() else get() end
          local paths, files = {}, {}
          for i = 1, 8 do
            paths[i] = os.tmpname()
            files[i] = assert(io.open(paths[i], "w"))
          end
          local id = process.fork()
          if id == 0 then
            if loop then loop:close() end
            pcall(get) -- it finds out that it is a child
            collectgarbage()
            for i = 1, 8 do assert(files[i]:write("kept") and files[i]:flush()) end
            process.exit(0)
          end
          local status = process.wait(id)
          for i = 1, 8 do
            files[i]:close()
            local file = io.open(paths[i])
            if file:read("*a") ~= "kept" then status = "lost" end
            file:close()
            os.remove(paths[i])
          end
          print(transport, status)
        end
      ]]):format(port))
      free()
      assert.equal("blocking\t0\nloop\t0", output)
    end)

    it("no connection is ever descriptor 0, 1 or 2, though all three are closed", function()
      local server = peer.start { MADE, serve = [[
        local made = ...
        return function(connection, number)
          for request in function() return connection:request() end do
            say(request.target == "/charge/card" and "good" or "bad " .. request.line)
            connection:send(reply(201, made, number == 1 and "Connection: close\r\n" or ""))
            if number == 1 then return end
          end
        end]] }
      local path = os.tmpname()
      local output = child.run(([[
        %s
        local process, lomi = require "spec_process", require "lomi"
        local client = lomi.new { api_key = "lomi_sk_test_x", base_url = %q, timeout = 2, max_retries = 0 }
        local function charge() return client.charges:create_card_charge { amount = 10000 } end
        assert(charge())
        local before = descriptors()
        for number = 0, 2 do process.close(number) end
        for number = 0, 2 do before[number] = nil end
        local made, bad = 0, {}
        for i = 1, 4 do
          if charge() then made = made + 1 end
          print("order " .. i)
          io.stdout:flush()
          io.stderr:write("done\n")
          bad[i] = bad_ones(before)
        end
        local file = io.open(%q, "w")
        file:write(made, table.concat(bad))
        file:close()
        os.exit(0)
      ]]):format(DESCRIPTORS, server.url, path))
      local file = io.open(path)
      local said = file:read("*a")
      file:close()
      os.remove(path)
      for _ = 1, 5 do assert.equal("good", server:line()) end
      server:stop()
      assert.equal("4", said, output)
    end)

    it("nor is any of the engine's own, though the program begins without the three", function()
      local server, path = server_of.start(), os.tmpname()
      local output = child.run(([[
        %s
        local process, lomi = require "spec_process", require "lomi"
        for number = 0, 2 do process.close(number) end
        local before = descriptors()
        local client = lomi.new { api_key = "lomi_sk_test_x", base_url = %q, timeout = 2, max_retries = 0 }
        local loop = lomi.loop()
        loop:pollfd()
        local made = client.charges:create_card_charge { amount = 10000 } ~= nil
        local bad = bad_ones(before)
        local file = io.open(%q, "w")
        file:write(tostring(made), " ", bad)
        file:close()
        os.exit(0)
      ]]):format(DESCRIPTORS, server.url, path))
      local file = io.open(path)
      local said = file:read("*a")
      file:close()
      os.remove(path)
      server:stop()
      assert.equal("true ", said, output)
    end)

    it("all are close-on-exec: connected, connecting, in a handshake, waiting", function()
      local certificate = tls.certificate()
      local secure, server = server_of.start(certificate), server_of.start()
      server:script({ status = 201, delay = 5 }, { status = 201, delay = 5 })
      local silent = assert(socket.bind("127.0.0.1", 0))
      local port, free = full_port()
      local output = child.run(DESCRIPTORS .. ([[
        local lomi, core = require "lomi", require "lomi.core"
        local before = descriptors()
        local function client(url, transport)
          return lomi.new {
            api_key = "lomi_sk_test_x", base_url = url, transport = transport, ca_file = %q, timeout = 2,
            max_retries = 0,
          }
        end
        local function charge(one) return one.charges:create_card_charge { amount = 10000 } end
        assert(charge(client %q))
        print("blocking: " .. bad_ones(before))
        local loop = lomi.loop()
        local task = loop:spawn(charge, client(%q, loop))
        for _, url in ipairs { %q, "https://localhost:%d", "http://127.0.0.1:%d", "https://nowhere.invalid" } do
          loop:spawn(charge, client(url, loop))
        end
        local seen, deadline = "", core.now() + 2
        repeat
          loop:poll()
          seen = bad_ones(before)
          core.sleep(0.002)
        until seen ~= "" or task:done() or core.now() > deadline
        print("loop: " .. seen, task:done())
        loop:close()
      ]]):format(certificate.ca_file, secure.url, secure.url, server.url, (select(2, silent:getsockname())), port))
      free()
      silent:close()
      secure:stop()
      server:stop()
      tls.remove(certificate)
      assert.equal("blocking: \nloop: \ttrue", output)
    end)
  end)

  describe("looks up", function()
    local function skip()
      if not os.getenv "SANITIZER" then return false end
      pending "a sanitizer's library must be the first"
      return true
    end

    it("its own name never", function()
      if skip() then return end
      local server = server_of.start()
      local output = child.run(([[
        local lomi = require "lomi"
        local client = lomi.new { api_key = "lomi_sk_test_x", base_url = %q, max_retries = 0 }
        print(client.charges:create_card_charge { amount = 10000 } and "charged")
        local loop = lomi.loop()
        local on_loop = lomi.new { api_key = "lomi_sk_test_x", base_url = %q, max_retries = 0, transport = loop }
        local task = loop:spawn(function() return on_loop.charges:create_card_charge { amount = 10000 } end)
        loop:run()
        print(task:result() and "charged")
      ]]):format(server.url, server.url), { LD_PRELOAD = library "spec_names" })
      server:stop()
      assert.equal("charged\ncharged", output)
    end)

    it("a name within its deadline, and does not wait for it when it ends", function()
      if skip() then return end
      local started = core.now()
      local output, status = child.run([[
        local core, lomi = require "lomi.core", require "lomi"
        local client = lomi.new {
          api_key = "lomi_sk_test_x", base_url = "https://slow.test", timeout = 0.3, max_retries = 0,
        }
        local before = core.now()
        local _, err = client.charges:create_card_charge { amount = 10000 }
        local took = core.now() - before
        print(err.kind, err.outcome, took < 1.5 and "in time" or took)
      ]], { LD_PRELOAD = library "spec_names" })
      assert.equal("timeout\tnot_sent\tin time", output)
      assert.equal(0, status)
      assert.is_true(core.now() - started < 3, core.now() - started)
    end)
  end)

  describe("ends within 100 ms of Ctrl-C", function()
    local SCRIPT = [[
      local client = require("lomi").new { api_key = "lomi_sk_test_x", base_url = arg[1], timeout = 4, max_retries = 0 }
      io.stdout:write "go\n"
      io.stdout:flush()
      client.charges:create_card_charge { amount = 10000 }
      if arg[2] then require("lomi.core").sleep(4) end]]

    -- How long it took each time, the slowest last.
    local function interrupt(arguments, env)
      local path, all = os.tmpname(), {}
      local file = assert(io.open(path, "w"))
      file:write(SCRIPT)
      file:close()
      for i = 0, 9 do
        local command = ("echo $$; exec env %s %s %s %s 2>/dev/null"):format(env or "", child.LUA, path, arguments)
        local pipe = assert(io.popen(command))
        local id = pipe:read "*l"
        assert(pipe:read "*l" == "go")
        socket.sleep(0.006 * i) -- another moment each time
        local started = core.now()
        os.execute("kill -INT " .. id)
        pipe:read "*a"
        all[#all + 1] = core.now() - started
        pipe:close()
      end
      os.remove(path)
      table.sort(all)
      return all
    end

    -- A busy machine takes its time to load libraries and to end: the measure is a process that sleeps after a call
    -- that was refused.
    local function check(url, env)
      local most, slowest = 0.1, 0.5
      if os.getenv "SANITIZER" then most, slowest = 0.3, 2 end -- the end of the process looks for leaks there
      local all, sleeping
      for _ = 1, 3 do
        all, sleeping = interrupt(url, env), interrupt "https://127.0.0.1:1 sleep"
        if all[5] < most + sleeping[5] and all[10] < slowest + sleeping[10] then return end
      end
      assert.is_true(all[5] < most + sleeping[5], ("half: over %.3f s, asleep %.3f s"):format(all[5], sleeping[5]))
      assert.is_true(all[10] < slowest + sleeping[10], "the slowest took " .. all[10]) -- the timeout is 4 s
    end

    it("while it connects", function()
      local port, free = full_port()
      check("http://127.0.0.1:" .. port)
      free()
    end)

    it("in the TLS handshake", function()
      local silent = assert(socket.bind("127.0.0.1", 0, 64))
      check(("https://localhost:%d"):format((select(2, silent:getsockname()))))
      silent:close()
    end)

    it("while it waits for the reply", function()
      local silent = assert(socket.bind("127.0.0.1", 0, 64))
      check(("http://127.0.0.1:%d"):format((select(2, silent:getsockname()))))
      silent:close()
    end)

    it("while a name is looked up", function()
      if os.getenv "SANITIZER" then
        pending "a sanitizer's library must be the first"
        return
      end
      check("https://slow.test", "LD_PRELOAD=" .. library "spec_names")
    end)
  end)

  it("is not ended by SIGPIPE when a TLS peer is gone", function()
    local certificate = tls.certificate()
    local server = peer.start { MADE, tls = certificate, serve = [[
      local made = ...
      return function(connection)
        if connection:request() then connection:send(reply(201, made)) end
        connection:head()
        connection:reset()
      end]] }
    local output, status = child.run(([[
      local lomi = require "lomi"
      local made, lost = 0, 0
      for i = 1, 20 do
        local client = lomi.new { api_key = "lomi_sk_test_x", base_url = %q, ca_file = %q, max_retries = 0 }
        local text = ("x"):rep(i * 40000) -- the later ones are still on their way
        local ok = client.charges:create_card_charge { amount = 10000, metadata = { text = text } }
        if ok then made = made + 1 else lost = lost + 1 end
      end
      print(made, lost)
    ]]):format(server.url, certificate.ca_file))
    server:stop()
    tls.remove(certificate)
    assert.equal("10\t10", output)
    assert.equal(0, status)
  end)

  describe("may be interrupted anywhere in a blocking call:", function()
    it("the next call gets its own answer, and nothing of the first is kept", function()
      local sandbox = assert(sandbox_of.start())
      local client = lomi.new { api_key = KEY, base_url = sandbox.url, max_retries = 0 }
      local function pay(amount)
        return client.charges:create_card_charge {
          amount = amount, customer_email = "awa@example.com", customer_name = "Awa Ndiaye",
          metadata = { text = ("x"):rep(40000) }, -- comes back in the reply
        }
      end
      local function descriptors()
        local count = 0
        for number = 0, 255 do
          if process.close_on_exec(number) ~= nil then count = count + 1 end
        end
        return count
      end
      local jit = rawget(_G, "jit")
      if jit then
        jit.off()
        jit.flush()
      end
      assert(pay(22000))
      collectgarbage()
      collectgarbage()
      local before, memory, cut, wrong = descriptors(), collectgarbage "count", 0, {}
      for at = 1, 900, 3 do
        local ok = pcall(function()
          debug.sethook(function()
            debug.sethook()
            error("interrupted", 0)
          end, "", at)
          pay(11000)
          debug.sethook()
        end)
        if not ok then cut = cut + 1 end
        local charge, err = pay(22000)
        if not charge or charge.original_amount ~= 22000 then
          wrong[#wrong + 1] = ("%d: %s"):format(at, charge and charge.original_amount or tostring(err))
        end
      end
      if jit then jit.on() end
      sandbox:stop()
      collectgarbage()
      collectgarbage()
      assert.equal("", table.concat(wrong, "\n"))
      assert.is_true(cut > 100, cut)
      assert.is_true(collectgarbage "count" - memory < 1024, "memory is kept")
      assert.is_true(descriptors() <= before, "descriptors are kept")
    end)
  end)

  describe("has finalizers that", function()
    it("call the library when the process ends", function()
      for _, exit in ipairs { "", "os.exit(0, true)" } do
        local output, status = child.run([[
          local object = newproxy and newproxy(true) or setmetatable({}, {})
          getmetatable(object).__gc = function()
            local core, webhook = package.loaded["lomi.core"], package.loaded["lomi.webhook"]
            pcall(core.decode, '{"a":1}')
            pcall(core.encode, { a = 1 })
            pcall(core.uuid4)
            pcall(core.http1.parser)
            if webhook then pcall(webhook.construct_event, '{"id":"x"}', ("0"):rep(64), "whsec_x") end
            pcall(function() require("lomi").new { api_key = "lomi_sk_test_x", base_url = "http://127.0.0.1:1" } end)
          end
          if not newproxy then setmetatable(object, getmetatable(object)) end
          keep = object -- luacheck: ignore
          require "lomi.core"
          require "lomi.webhook"
        ]] .. exit)
        assert.equal("", output)
        assert.equal(0, status)
      end
    end)

    it("make charges while the process ends", function()
      local server = server_of.start()
      local output, status = child.run(([[
        local client = require("lomi").new { api_key = "lomi_sk_test_x", base_url = %q, max_retries = 0 }
        local function charge() return client.charges:create_card_charge { amount = 10000 } end
        assert(charge())
        local object = newproxy and newproxy(true) or setmetatable({}, {})
        getmetatable(object).__gc = function() pcall(charge) end
        if not newproxy then setmetatable(object, getmetatable(object)) end
        keep = object -- luacheck: ignore
      ]]):format(server.url))
      server:stop()
      assert.equal("", output)
      assert.equal(0, status)
    end)

    it("reset a parser while its result is made", function()
      local output, status = child.run [[
        local parser = require("lomi.core").http1.parser()
        local body = ("x"):rep(300000)
        local reply = "HTTP/1.1 200 OK\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
        -- Refused meanwhile, which a later LuaJIT would print.
        local function finalizer() pcall(parser.reset, parser) end
        local whole = 0
        for i = 1, 500 do
          parser:reset()
          assert(parser:feed(reply) == "done")
          for _ = 1, 3 do
            if newproxy then
              getmetatable(newproxy(true)).__gc = finalizer
            else
              setmetatable({}, { __gc = finalizer })
            end
          end
          local ok, got = pcall(parser.reply, parser)
          if ok then
            assert(got.body == body, "the body is not what was received")
            whole = whole + 1
          end
        end
        print(whole > 0)
      ]]
      assert.equal("true", output)
      assert.equal(0, status)
    end)
  end)
end)
