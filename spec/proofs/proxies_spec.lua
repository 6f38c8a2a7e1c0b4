-- SPDX-License-Identifier: MIT
-- Proxies: only CONNECT is asked of them, and what goes wrong there is told as it is, without their password.
local child = require "spec.support.child"
local core = require "lomi.core"
local given = require "spec.support.given"
local peer = require "spec.support.peer"
local runners = require "spec.support.runners"
local server_of = require "spec.support.server"
local socket = require "socket"
local tls = require "spec.support.tls"

local KEY, AWA = given.KEY, given.AWA
local PASSWORD = "Hunter2Secret"

-- What it does is told by the host that is asked for. Every request line is said.
local SERVE = [[
local good = ...
local HTML = "<html><body>no such luck</body></html>"
local ANSWERS = {
  ["r407.test"] = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\n" ..
    "Content-Length: 0\r\n\r\n",
  ["r407html.test"] = reply(407, HTML, "Proxy-Authenticate: Basic realm=x\r\nConnection: close\r\n"),
  ["r407chunked.test"] = "HTTP/1.1 407 X\r\nProxy-Authenticate: Basic realm=x\r\n" ..
    "Transfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
  ["r103.test"] = "HTTP/1.1 103 Early Hints\r\n\r\n",
  ["r502.test"] = reply(502, HTML, "Connection: close\r\n"),
  ["r502kept.test"] = reply(502, HTML),
  ["r403.test"] = reply(403, '{"error":{"code":"forbidden","message":"no","details":null},"request_id":"r"}'),
  ["r301.test"] = "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
  ["garbage.test"] = "SSH-2.0-OpenSSH_9.2p1\r\n\r\n",
  ["half.test"] = "HTTP/1.1 200 Conn",
  ["stray.test"] = "HTTP/1.1 200 Connection established\r\n\r\n" .. reply(201, '{"data":{"id":"pi_stray"}}'),
  ["closed.test"] = "",
}
return function(connection)
  local request = connection:head()
  if not request then return end
  say(request.line)
  local host, port = request.target:match "^(.-):(%d+)$"
  if host == "shop.test" and request.method == "CONNECT" then
    local target = connect(tonumber(good))
    connection:send "HTTP/1.1 200 Connection established\r\n\r\n"
    spawn(function()
      for bytes in function() return target:receive() end do connection:send(bytes) end
      connection:finish()
    end)
    for bytes in function() return connection:receive() end do target:send(bytes) end
    target:close()
  elseif host == "reset.test" then
    connection:reset()
  elseif host == "hang.test" then
    connection:drain()
  else
    connection:send(ANSWERS[host] or reply(400, "not a CONNECT"))
    if host == "closed.test" or host == "half.test" or host == "garbage.test" then connection:finish() end
    connection:drain()
  end
end]]

-- host → kinds that are right
local FAULTS = {
  ["r407.test"] = "connection", ["r407html.test"] = "connection", ["r502.test"] = "connection",
  ["r502kept.test"] = "connection", ["r403.test"] = "connection", ["r301.test"] = "connection",
  ["r103.test"] = "connection", ["r407chunked.test"] = "connection",
  ["garbage.test"] = "connection", ["half.test"] = "connection", ["closed.test"] = "connection",
  ["reset.test"] = "connection", ["hang.test"] = "timeout",
}

for _, name in ipairs { "curl", "loop" } do -- nginx takes no proxy
  describe("through a proxy, the " .. name .. " transport", function()
    local authority, runner, server, proxy

    setup(function()
      authority = tls.authority()
      runner = runners[name](authority.ca_file)
    end)
    teardown(function()
      runner:stop()
      tls.remove(authority)
    end)
    after_each(function()
      proxy:stop()
      if server then server:stop() end
      server = nil
    end)

    local function start(certificate)
      server = certificate ~= false and server_of.start(certificate) or nil
      proxy = peer.start { serve = SERVE, server and tonumber(server.url:match(":(%d+)$")) or 0 }
    end

    local function perform(url, options, ...)
      local all = {
        api_key = KEY, base_url = url, allow_http = true, max_retries = 0, backoff = { base = 0 },
        connect_timeout = 0.3, proxy = ("http://shopuser:%s@127.0.0.1:%d"):format(PASSWORD, proxy.port),
      }
      for option, value in pairs(options) do all[option] = value end
      return runner:perform(all, { ... })
    end

    -- The first line of every request to the proxy so far.
    local function asked()
      local mark = assert(socket.connect("127.0.0.1", proxy.port))
      assert(mark:send("GET /mark HTTP/1.1\r\n\r\n"))
      local lines = {}
      for line in function() return proxy:line() end do
        if line:find("/mark", 1, true) then break end
        lines[#lines + 1] = line
      end
      mark:close()
      return lines
    end

    for _, scheme in ipairs { "http", "https" } do
      it("charges by CONNECT, and keeps the connection, " .. scheme, function()
        start(scheme == "https" and authority:issue { names = "DNS:shop.test" } or nil)
        local secure = scheme == "https"
        local got = perform(scheme .. "://shop.test", { connect_timeout = 5 }, { "create_card_charge", AWA },
          { "create_card_charge", AWA })
        assert.is_nil(got[1].text)
        assert.equal("pi_scripted", got[2].result.id)
        assert.same({ ("CONNECT shop.test:%d HTTP/1.1"):format(secure and 443 or 80) }, asked())
      end)
    end

    it("sends the password to the proxy only, and the key to the service only", function()
      start()
      assert.is_nil(perform("http://shop.test", {}, { "create_card_charge", AWA })[1].text)
      local request = server:requests()[1]
      assert.is_nil(server_of.header(request, "Proxy-Authorization"))
      assert.equal(KEY, server_of.header(request, "X-API-KEY"))
      assert.equal("shop.test", server_of.header(request, "Host"))
    end)

    for host, kind in pairs(FAULTS) do
      it(("says what is wrong with %s"):format(host), function()
        start(false)
        for _, scheme in ipairs { "http", "https" } do
          local got = perform(scheme .. "://" .. host, {}, { "create_card_charge", AWA })[1]
          assert.is_nil(got.result)
          assert.equal(kind .. ", not_sent", got.err.kind .. ", " .. tostring(got.err.outcome), got.text)
          assert.matches("127.0.0.1", got.err.message, 1, true, got.text)
          assert.matches("proxy", got.err.message:lower(), 1, true, got.text)
          assert.is_nil(got.reply)
          for _, text in ipairs { got.text, got.err.message, core.encode(got.err) } do
            assert.is_nil(text:find(PASSWORD, 1, true))
            assert.is_nil(text:find("shopuser", 1, true))
          end
          assert.is_true(got.took < 3, got.took)
        end
        assert.same({ ("CONNECT %s:80 HTTP/1.1"):format(host), ("CONNECT %s:443 HTTP/1.1"):format(host) }, asked())
      end)
    end

    it("sends nothing where a reply to nothing comes with the proxy's answer", function()
      start(false)
      local got = perform("http://stray.test", {}, { "create_card_charge", AWA })[1]
      assert.is_nil(got.result)
      assert.equal("connection, not_sent", got.err.kind .. ", " .. tostring(got.err.outcome), got.text)
      assert.matches("to http://stray.test through the proxy 127.0.0.1:%d+ was closed, or something", got.err.message)
    end)

    it("tries again: nothing was sent", function()
      start(false)
      for host, kind in pairs { ["r502.test"] = "connection", ["reset.test"] = "connection" } do
        local got = perform("https://" .. host, { max_retries = 2 }, { "create_card_charge", AWA })[1]
        assert.same({ kind, "not_sent", 3 }, { got.err.kind, got.err.outcome, got.err.attempts })
      end
    end)

    it("trusts an https proxy by the same authorities", function()
      proxy = peer.start { serve = SERVE, 0, tls = authority:issue() }
      for _, scheme in ipairs { "http", "https" } do
        local got = perform(scheme .. "://r502.test", {
          proxy = ("https://shopuser:%s@localhost:%d"):format(PASSWORD, proxy.port), connect_timeout = 5,
        }, { "create_card_charge", AWA })[1]
        assert.equal("connection, not_sent", got.err.kind .. ", " .. got.err.outcome, got.text)
        assert.matches("the proxy localhost:%d+ did not connect to .*: HTTP status 502", got.err.message)
      end
    end)

    it("says that the service's certificate is not trusted, and names both", function()
      start(authority:issue { names = "DNS:elsewhere.test" })
      local got = perform("https://shop.test", { connect_timeout = 5 }, { "create_card_charge", AWA })[1]
      assert.equal("tls, not_sent", got.err.kind .. ", " .. got.err.outcome, got.text)
      assert.matches("no trusted TLS connection to https://shop.test through the proxy 127.0.0.1:%d+: ",
        got.err.message)
      assert.is_nil(got.text:find(PASSWORD, 1, true))
    end)

    it("says that the proxy's name cannot be resolved", function()
      start(false)
      local got = perform("https://shop.test", {
        -- Too long for a name server to be asked, which may never answer.
        proxy = ("http://shopuser:%s@%s.invalid:1"):format(PASSWORD, ("a"):rep(64)), connect_timeout = 5,
      }, { "create_card_charge", AWA })[1]
      assert.equal("connection, not_sent", got.err.kind .. ", " .. got.err.outcome, got.text)
      assert.matches("the proxy's host name cannot be resolved", got.err.message)
      assert.is_nil(got.text:find(PASSWORD, 1, true))
    end)

    it("says that the proxy cannot be reached", function()
      start(false)
      proxy:stop()
      local got = perform("https://shop.test", {}, { "create_card_charge", AWA })[1]
      assert.equal("connection, not_sent", got.err.kind .. ", " .. got.err.outcome, got.text)
      assert.matches("127.0.0.1", got.err.message, 1, true, got.text)
      assert.is_nil(got.text:find(PASSWORD, 1, true))
    end)
  end)
end

describe("a proxy of the environment", function()
  it("is named, without its password, when it refuses or is not there", function()
    local proxy = peer.start { serve = SERVE, 0 }
    local script = [[
      local client = require("lomi").new { api_key = "lomi_sk_test_x", base_url = "https://r502.test", max_retries = 0 }
      local _, err = client.charges:create_card_charge { amount = 10000 }
      print(err.kind, err.outcome, err.message)
    ]]
    local url = ("http://shopuser:%s@127.0.0.1:%d"):format(PASSWORD, proxy.port)
    local refused = child.run(script, { HTTPS_PROXY = url, https_proxy = false, ALL_PROXY = false, all_proxy = false })
    proxy:stop()
    local gone = child.run(script, { HTTPS_PROXY = false, https_proxy = false, ALL_PROXY = url, all_proxy = false })
    assert.matches("^connection\tnot_sent\tthe proxy 127.0.0.1:%d+ did not connect to https://r502.test", refused)
    assert.matches("^connection\tnot_sent\tcannot connect to https://r502.test through the proxy", gone)
    for _, text in ipairs { refused, gone } do assert.is_nil(text:find(PASSWORD, 1, true)) end
  end)

  it("is libcurl's to find where a program uses the transport itself", function()
    local proxy = peer.start { serve = SERVE, 0 }
    local url = ("http://shopuser:%s@127.0.0.1:%d"):format(PASSWORD, proxy.port)
    local function messages_of(addresses, https_proxy)
      return child.run(([[
        local transport = require("lomi.transport.curl").shared()
        for to in ("%s"):gmatch "[^ ]+" do
          print((select(2, transport:send { method = "GET", url = to, headers = {}, timeout = 2 })).message)
        end
      ]]):format(addresses), { HTTPS_PROXY = https_proxy, https_proxy = false, ALL_PROXY = false, all_proxy = false })
    end
    local output = messages_of("https://r502.test/ http://127.0.0.1:1/", url)
    proxy:stop()
    assert.matches("^the proxy of the environment did not connect to https://r502.test: HTTP status 502\n", output)
    assert.matches("\ncannot connect to http://127.0.0.1:1: ", output)
    assert.matches("^cannot connect to https://127.0.0.1:1: ", messages_of("https://127.0.0.1:1/", false))
    assert.is_nil(output:find(PASSWORD, 1, true))
  end)
end)
