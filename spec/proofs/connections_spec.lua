-- SPDX-License-Identifier: MIT
-- A connection is used again only if it is clean and alive, and a handshake that is cut is told as what it is.
local given = require "spec.support.given"
local peer = require "spec.support.peer"
local runners = require "spec.support.runners"
local tls = require "spec.support.tls"

local KEY = given.KEY

-- Answers with the number of the connection and the target; then does what the target says.
local KEPT = [[
return function(connection, number)
  for request in function() return connection:request() end do
    local body = ('{"connection":%d,"target":"%s"}'):format(number, request.target)
    local stray = reply(200, ('{"connection":%d,"target":"stray"}'):format(number))
    local bytes = reply(200, body)
    local what = request.target:match "^/(%l+)"
    if what == "record" then -- the end of the body and a stray reply in one record
      connection:send(bytes:sub(1, -#body - 1))
      sleep(0.01)
      connection:send(body .. stray)
      say "done"
    else
      connection:send(bytes)
      if what == "stray" then connection:send(stray) say "done" end
      if what == "byte" then connection:send "\n" say "done" end
      if what == "finish" then connection:finish() say "done" connection:drain() return end
      if what == "close" then connection:close() say "done" return end
      if what == "reset" then connection:reset() say "done" return end
    end
  end
end]]

-- The first four connections are opened side by side: they answer once, all together, and never again.
local SILENT = [[
local waiting = 0
return function(connection, number)
  local answered = 0
  for request in function() return connection:request() end do
    if number <= 4 then
      waiting = waiting + 1
      while waiting < 4 do sleep(0.002) end
    end
    if number > 4 or answered == 0 then connection:send(reply(200, ('{"connection":%d}'):format(number))) end
    answered = answered + 1
  end
end]]

local GIVEN_UP = SILENT:gsub("answered = answered %+ 1", [[
    if number <= 4 and answered > 0 then
      connection:send(reply(408, "", "Connection: close\r\n"))
      return
    end
    %0]])

-- Gives each request's id back. On the first connection every reply but the first comes after the one before it, again.
local LATE = [[
local last
return function(connection, number)
  for request in function() return connection:request() end do
    if number == 1 and last then
      connection:send(last)
      sleep(0.005)
    end
    last = reply(200, ('{"connection":%d,"target":"%s"}'):format(number, request.target),
      "X-Request-Id: " .. request.headers["x-request-id"] .. "\r\n")
    connection:send(last)
  end
end]]

for _, name in ipairs(runners.names(pending)) do
  describe("the " .. name .. " transport", function()
    local authority, runner, server

    setup(function()
      authority = tls.authority()
      runner = runners[name](authority.ca_file)
    end)
    teardown(function()
      runner:stop()
      tls.remove(authority)
    end)
    after_each(function() server:stop() end)

    local function perform(options, ...)
      local all = { api_key = KEY, base_url = server.url, max_retries = 0, backoff = { base = 0.001 }, timeout = 3 }
      for option, value in pairs(options) do all[option] = value end
      return runner:perform(all, { ... })
    end

    local function post(target)
      return { "request", "POST", target, { body = {} } }
    end

    for _, scheme in ipairs { "plain", "TLS" } do
      local function start()
        server = peer.start { serve = KEPT, tls = scheme == "TLS" and authority:issue() or nil }
      end

      for what, how in pairs {
        record = "a stray reply came in one piece with the last answer", stray = "a stray reply came meanwhile",
        byte = "a byte came meanwhile", finish = "the stream has ended meanwhile", close = "it was closed meanwhile",
        reset = "it was reset meanwhile",
      } do
        it(("does not send on a kept connection when %s, %s"):format(how, scheme), function()
          start()
          for i = 1, 10 do
            local first = perform({}, post("/" .. what))[1]
            assert.is_nil(first.text)
            assert.equal("/" .. what, first.result.target)
            assert.equal("done", server:line())
            local second = perform({}, post("/next/" .. i))[1]
            assert.is_nil(second.text)
            assert.equal("/next/" .. i, second.result.target)
            assert.equal(first.result.connection + 1, second.result.connection)
          end
        end)
      end

      it("sends on a kept connection when nothing has happened, " .. scheme, function()
        start()
        for i = 1, 5 do assert.equal(1, perform({}, post("/next/" .. i))[1].result.connection) end
      end)
    end

    for _, scheme in ipairs { "plain", "TLS" } do
      it("gives no call the reply to another that comes after its request, " .. scheme, function()
        server = peer.start { serve = LATE, tls = scheme == "TLS" and authority:issue() or nil }
        assert.equal("/1", perform({}, post "/1")[1].result.target)
        local got = perform({}, post "/2")[1]
        assert.is_nil(got.result)
        assert.same({ "connection", "unknown", 1 }, { got.err.kind, got.err.outcome, got.err.attempts })
        assert.matches("X-Request-Id of an earlier call", got.err.message, 1, true)
        local again = perform({}, post "/3")[1]
        assert.same({ connection = 2, target = "/3" }, again.result, again.text)
      end)

      it("retries on a fresh connection after the reply to another call, " .. scheme, function()
        server = peer.start { serve = LATE, tls = scheme == "TLS" and authority:issue() or nil }
        assert.equal("/1", perform({}, post "/1")[1].result.target)
        local got = perform({ max_retries = 1 }, post "/2")[1]
        assert.same({ connection = 2, target = "/2" }, got.result, got.text)
      end)
    end

    it("opens a fresh connection after a timeout on a kept one", function()
      server = peer.start { serve = SILENT:gsub("<= 4", "<= 1"):gsub("< 4", "< 1"):gsub("> 4", "> 1") }
      assert.equal(1, perform({}, post "/")[1].result.connection)
      local got = perform({ timeout = 0.3, max_retries = 2 }, post "/")[1]
      assert.is_nil(got.text)
      assert.equal(2, got.reply.attempts)
    end)

    describe("takes a TLS handshake that is", function()
      -- Cuts the first `count` connections in the given way.
      local function start(way, count)
        server = peer.start {
          count, tls = authority:issue(), bare = true, serve = ([[
            local count = ...
            return function(connection, number)
              if number <= count then
                %s
                return
              end
              if not connection:handshake() then return end
              while connection:request() do connection:send(reply(200, '{"fine":true}')) end
            end]]):format(way),
        }
      end

      -- The beginning of a TLS record with a ServerHello.
      local HELLO = [[connection:receive() connection:send "\22\3\3\0\122\2\0\0\118\3\3abcdefgh" sleep(0.005) ]]

      for what, way in pairs {
        ["closed at once"] = "connection:close()",
        ["reset at once"] = "connection:reset()",
        ["closed after the client's hello"] = "connection:receive() connection:close()",
        ["reset after the client's hello"] = "connection:receive() connection:reset()",
        ["ended after the client's hello"] = "connection:receive() connection:finish() connection:drain()",
        ["closed in the server's hello"] = HELLO .. "connection:close()",
        ["reset in the server's hello"] = HELLO .. "connection:reset()",
      } do
        it(what .. " for a lost connection, and tries again", function()
          start(way, 5)
          for _ = 1, 3 do
            local got = perform({}, post "/")[1]
            assert.is_nil(got.result)
            assert.equal("connection, not_sent", got.err.kind .. ", " .. got.err.outcome, got.text)
          end
          local got = perform({ max_retries = 2 }, post "/")[1]
          assert.is_nil(got.text)
          assert.equal(3, got.reply.attempts)
        end)
      end

      it("refused by the server for distrust, and does not try again", function()
        start([[connection:receive() connection:send "\21\3\3\0\2\2\70" connection:drain()]], 9) -- protocol_version
        local got = perform({ max_retries = 2 }, post "/")[1]
        -- nginx says "handshake failed" of this and of a handshake that was cut: the safe reading of both is a retry.
        local expected = name == "nginx" and { "connection", "not_sent", 3 } or { "tls", "not_sent", 1 }
        assert.same(expected, { got.err.kind, got.err.outcome, got.err.attempts }, got.text)
      end)
    end)
  end)
end

for how, serve in pairs { ["died silently"] = SILENT, ["been given up with a 408"] = GIVEN_UP } do
  describe(("when four kept connections have %s, the next call needs one attempt more:"):format(how), function()
    local server

    before_each(function() server = peer.start { serve = serve } end)
    after_each(function() server:stop() end)

    local OPTIONS = { api_key = KEY, timeout = 0.3, deadline = 10, backoff = { base = 0.001 } }

    it("loop", function()
      local lomi = require "lomi"
      local loop = lomi.loop()
      local options = { base_url = server.url, transport = loop }
      for name, value in pairs(OPTIONS) do options[name] = value end
      local client = lomi.new(options)
      local function call() return client:request("POST", "/", { body = {} }) end
      for _ = 1, 4 do loop:spawn(call) end
      loop:run()
      local task = loop:spawn(call)
      loop:run()
      local result, err, reply = task:result()
      assert.is_nil(err)
      assert.equal(5, result.connection)
      assert.equal(2, reply.attempts)
      loop:close()
    end)

    -- Runs the script with the options of a client.
    local function in_nginx(script)
      local nginx_of = require "spec.support.nginx"
      if nginx_of.missing then pending(nginx_of.missing) end
      local nginx = nginx_of.start()
      local options = { base_url = server.url }
      for name, value in pairs(OPTIONS) do options[name] = value end
      local got = nginx:run(script, options)
      nginx:stop()
      return got
    end

    it("nginx, though each call has a client of its own", function()
      local got = in_nginx [[
        local options = ...
        local function call()
          local result, err, reply = require("lomi").new(options):request("POST", "/", { body = {} })
          return err and tostring(err) or ("connection %d, attempt %d"):format(result.connection, reply.attempts)
        end
        local threads, said = {}, {}
        for i = 1, 4 do threads[i] = ngx.thread.spawn(call) end
        for _, thread in ipairs(threads) do assert(ngx.thread.wait(thread)) end
        for i = 1, 3 do said[i] = call() end
        return said
      ]]
      assert.same({ "connection 5, attempt 2", "connection 5, attempt 1", "connection 5, attempt 1" }, got)
    end)

    it("nginx", function()
      local got = in_nginx [[
        local client = require("lomi").new((...))
        local function call() return client:request("POST", "/", { body = {} }) end
        local threads = {}
        for i = 1, 4 do threads[i] = ngx.thread.spawn(call) end
        for _, thread in ipairs(threads) do assert(ngx.thread.wait(thread)) end
        local result, err, reply = call()
        if err then return tostring(err) end
        return { connection = result.connection, attempts = reply.attempts }
      ]]
      assert.same({ connection = 5, attempts = 2 }, got)
    end)
  end)
end
