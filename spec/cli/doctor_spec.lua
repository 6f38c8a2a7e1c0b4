-- SPDX-License-Identifier: MIT
-- `lomi doctor`, in a process of its own, against a sandbox and against peers that are not well.
local child = require "spec.support.child"
local core = require "lomi.core"
local peer = require "spec.support.peer"
local sandbox_of = require "lomi.sandbox"
local tls = require "spec.support.tls"

local KEY = "lomi_sk_test_5pecK3y"
local UNSET = {
  "LOMI_SECRET_KEY", "LOMI_BASE_URL", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
  "SSL_CERT_FILE", "CURL_CA_BUNDLE", "LUA_INIT", "LUA_INIT_5_4",
}

-- Runs it, in this environment, after the Lua in env.FIRST; gives the exit status, the rows by check, and the text.
local function run(env, ...)
  local all = { LOMI_API_KEY = KEY }
  for _, name in ipairs(UNSET) do all[name] = false end
  for name, value in pairs(env) do
    if name ~= "FIRST" then all[name] = value end
  end
  local words = { '"doctor"' }
  for i, word in ipairs { ... } do words[i + 1] = ("%q"):format(word) end
  local text, status = child.run(('%s os.exit(require("lomi.cli").main { %s }, true)'):format(env.FIRST or "",
    table.concat(words, ",")), all)
  assert.is_nil(text:find("5pecK3y", 1, true), text)
  assert.is_nil(text:find("traceback", 1, true), text)
  local rows = {}
  for line in text:gmatch "[^\n]+" do
    local state, check, message = line:match "^(%a+) +(.-)  +(.*)$"
    if state then rows[check] = { state = state, message = message } end
  end
  return status, rows, text
end

local function same(state, part, row)
  assert.equal(state, row and row.state)
  assert.matches(part, row.message, 1, true)
end

describe("lomi doctor", function()
  local sandbox, servers
  setup(function() sandbox = assert(sandbox_of.start()) end)
  teardown(function() sandbox:stop() end)
  before_each(function() servers = {} end)
  after_each(function()
    for _, server in ipairs(servers) do server:stop() end
  end)

  -- A service whose clock is so many seconds ahead of ours.
  local function service_ahead(seconds)
    local server = peer.start { seconds, serve = [[
      local ahead = ...
      return function(connection)
        while connection:request() do
          local date = os.date("!Date: %a, %d %b %Y %H:%M:%S GMT\r\n", os.time() + ahead)
          connection:send(reply(200, '{"data":[]}', date))
        end
      end ]] }
    servers[#servers + 1] = server
    return server.url
  end

  it("finds nothing wrong where all is well", function()
    local status, rows, text = run({}, "--base-url", sandbox.url)
    assert.equal(0, status, text)
    for check, part in pairs {
      lomi = core.version, Lua = rawget(_G, "jit") and "LuaJIT" or _VERSION, libcurl = ", TLS by ",
      libcrypto = "OpenSSL", ["lua-cjson"] = ".", libmicrohttpd = ".", key = "LOMI_API_KEY is a secret key for tests",
      ["CA file"] = "/", proxy = "none", host = sandbox.url .. " answers, after 0.", access = "accepts the key",
      clock = "within a minute",
    } do
      same("ok", part, rows[check])
    end
    assert.matches("\n0 problems, 0 warnings$", text)
  end)

  it("says the same as one JSON object", function()
    local status, _, text = run({ LOMI_API_KEY = "lomi_pk_test_5pecK3y" }, "--json", "--base-url", sandbox.url)
    assert.equal(1, status)
    local report = assert(core.decode(text))
    assert.same({ 1, 0 }, { report.problems, report.warnings })
    local states = {}
    for _, row in ipairs(report.checks) do
      assert.is_string(row.message)
      states[row.check] = row.state
    end
    assert.same({ "problem", "ok", "ok" }, { states.key, states.host, states.clock })
  end)

  it("tells a wrong clock, and a doubtful one", function()
    local status, rows = run({}, "--base-url", service_ahead(3 * 3600 + 60))
    assert.equal(1, status)
    same("problem", "this machine's clock is 3 h behind the service's; set it", rows.clock)
    status, rows = run({}, "--base-url", service_ahead(-20 * 60 - 30))
    assert.equal(1, status)
    same("problem", "20 min ahead of the service's", rows.clock)
    status, rows = run({}, "--base-url", service_ahead(150))
    assert.equal(0, status)
    same("warning", "2 min behind", rows.clock)
  end)

  it("tells a missing CA file: the one that is given, and libcurl's own", function()
    local status, rows = run({}, "--base-url", sandbox.url, "--ca-file", "/nowhere/ca.pem")
    assert.equal(1, status)
    same("problem", "/nowhere/ca.pem: No such file", rows["CA file"])
    for _, check in ipairs { "proxy", "host", "access", "clock" } do
      same("skipped", "not checked: fix the problem with the CA file first", rows[check])
    end
    status, rows = run({}, "--base-url", sandbox.url, "--ca-file", "/")
    assert.equal(1, status)
    same("problem", "cannot read /: Is a directory; give", rows["CA file"])
    local env = { FIRST = 'require("lomi.engine").ca_file = "/nowhere/own.crt"' }
    status, rows = run(env, "--base-url", "https://127.0.0.1:1")
    assert.equal(1, status)
    same("problem", "cannot read /nowhere/own.crt: No such file or directory; install", rows["CA file"])
    same("problem", "127.0.0.1:1", rows.host)
    status, rows = run(env, "--base-url", sandbox.url) -- plain http reads none
    assert.equal(0, status)
    same("warning", "install the package ca-certificates", rows["CA file"])
  end)

  it("tells a CA file that is none, and one that is not read", function()
    local _, rows = run({}, "--base-url", sandbox.url, "--ca-file", "README.md")
    same("problem", "README.md holds no certificate", rows["CA file"])
    _, rows = run({ SSL_CERT_FILE = "/my/ca.pem" }, "--base-url", sandbox.url)
    same("warning", "is read, and not /my/ca.pem of SSL_CERT_FILE", rows["CA file"])
  end)

  it("tells a key that is missing, publishable, or of neither kind, and still tries the host", function()
    for key, part in pairs {
      [""] = "LOMI_API_KEY is not set", lomi_pk_live_5pecK3y = "LOMI_API_KEY is a publishable key, for browsers",
      ["5pecK3y"] = "begins with neither lomi_sk_test_ nor lomi_sk_live_",
      ["lomi_sk_test_5pecK3y\n"] = "LOMI_API_KEY must be printable",
    } do
      local status, rows = run({ LOMI_API_KEY = key, LOMI_BASE_URL = sandbox.url })
      assert.equal(1, status)
      same("problem", part, rows.key)
      same("ok", sandbox.url, rows.host)
      same("skipped", "the problem with the key", rows.access)
    end
    for _, request in ipairs(sandbox:requests()) do
      assert.not_matches("lomi_pk", request.headers["x-api-key"] or "")
    end
  end)

  it("tells a key that is not the host's", function()
    local status, rows = run { LOMI_API_KEY = "lomi_sk_live_5pecK3y", LOMI_BASE_URL = sandbox.url }
    assert.equal(1, status)
    same("ok", "live charges", rows.key)
    assert.same({ state = "problem",
      message = "this is a sandbox, and the key is a live one; use a test key, lomi_sk_test_…" }, rows.access)
    status, rows = run { LOMI_BASE_URL = "https://api.lomi.africa" }
    assert.equal(1, status)
    same("problem", "LOMI_BASE_URL is the live host, but the key is for sandbox", rows["base URL"])
  end)

  it("tells a host that cannot be reached", function()
    local status, rows, text = run { LOMI_BASE_URL = "http://127.0.0.1:1" }
    assert.equal(1, status)
    assert.equal("cannot connect to http://127.0.0.1:1; start the sandbox there (lomi sandbox --port 1), or unset "
      .. "LOMI_BASE_URL", rows.host.message)
    same("skipped", "not checked: fix the problem with the host first", rows.access)
    same("skipped", "not checked: fix the problem with the host first", rows.clock)
    assert.matches("\n1 problem, 0 warnings, 2 not checked$", text)
    rows = select(2, run({}, "--base-url", "http://localhost:1"))
    same("problem", ", or leave --base-url out", rows.host)
    rows = select(2, run { LOMI_BASE_URL = "https://127.0.0.1:1" }) -- the command's sandbox has no https
    assert.equal("cannot connect to https://127.0.0.1:1; check the port, and that no firewall stands between",
      rows.host.message)
    status, rows = run { LOMI_BASE_URL = "http://example.com" }
    assert.equal(1, status)
    same("problem", "LOMI_BASE_URL must be https", rows["base URL"])
  end)

  it("tells a port that speaks http", function()
    local answering = peer.start { serve = [[
      return function(connection) connection:send "HTTP/1.1 400 Bad Request\r\n\r\n" end ]] }
    local hanging_up = peer.start { serve = [[
      return function(connection)
        local first = connection:receive()
        if first and first:find "^GET" then connection:send(reply(404, "{}")) end
      end ]] }
    servers = { answering, hanging_up }
    for _, url in ipairs { answering.url, hanging_up.url, sandbox.url } do
      local status, rows = run({}, "--base-url", (url:gsub("^http:", "https:")))
      assert.equal(1, status)
      same("problem", "; this port speaks http, not https", rows.host)
    end
  end)

  it("tells a host that is not trusted, and trusts it with its CA file", function()
    local identity = tls.certificate()
    local server = assert(sandbox_of.start { tls_cert = identity.cert, tls_key = identity.key,
      ca_file = identity.ca_file })
    finally(function()
      server:stop()
      tls.remove(identity)
    end)
    local url = server.url:gsub("127%.0%.0%.1", "localhost")
    local status, rows = run({}, "--base-url", url)
    assert.equal(1, status)
    same("problem", "; check this machine's clock and the CA file", rows.host)
    status, rows = run({}, "--base-url", url, "--ca-file", identity.ca_file)
    assert.equal(0, status, rows.host and rows.host.message)
    same("ok", identity.ca_file, rows["CA file"])
  end)

  it("names a proxy without its password", function()
    local status, rows, text = run { HTTPS_PROXY = "http://awa:pa55word@127.0.0.1:1" }
    assert.equal(1, status)
    same("ok", "127.0.0.1:1", rows.proxy)
    same("problem", "; check the proxy", rows.host)
    assert.is_nil(text:find("pa55word", 1, true), text)
    assert.is_nil(text:find("awa", 1, true), text)
    status, rows, text = run { HTTPS_PROXY = "http://awa:pa55/word@127.0.0.1:1" }
    assert.equal(1, status)
    same("problem", "HTTPS_PROXY must be a URL", rows.proxy)
    assert.is_nil(text:find("pa55", 1, true), text)
  end)

  it("tells an answer that is not the service's", function()
    local server = peer.start { serve = [[
      return function(connection)
        while connection:request() do connection:send(reply(502, "<html>")) end
      end ]] }
    servers[1] = server
    local status, rows = run({}, "--base-url", server.url)
    assert.equal(0, status)
    same("warning", "HTTP status 502", rows.access)
    same("warning", "no readable Date", rows.clock)
  end)

  it("says where the sandbox is not installed", function()
    local hidden = [[package.preload["lomi.httpd"] = function() error("module 'lomi.httpd' not found:", 0) end]]
    local _, rows = run({ FIRST = hidden }, "--base-url", sandbox.url)
    same("ok", "install the rock lomi-sandbox", rows.libmicrohttpd)
  end)
end)
