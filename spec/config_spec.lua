-- SPDX-License-Identifier: MIT
local child = require "spec.support.child"
local lomi = require "lomi"

local SECRET = "q7Zx9LmPw3"
local TEST, LIVE = "lomi_sk_test_" .. SECRET, "lomi_sk_live_" .. SECRET
local NAN, INF = 0 / 0, math.huge

local TRANSPORT = { send = print, sleep = print, now = print } -- never called

local function options(more)
  local made = { api_key = TEST }
  for name, value in pairs(more or {}) do made[name] = value end
  return made
end

-- The message of the raise, which must be one, blame this file's line, and show no secret.
---@param about? string  what the message must name
local function refused(given, about)
  local line
  local ok, message = pcall(function()
    line = debug.getinfo(1, "l").currentline + 1
    local client = lomi.new(given)
    return client
  end)
  assert.is_false(ok, "accepted, though wrong: " .. tostring(about))
  assert.is_string(message)
  local place = ("%s:%d: "):format(debug.getinfo(1, "S").short_src, line)
  assert.equal(place, message:sub(1, #place))
  for _, secret in ipairs { SECRET, "hunter2" } do assert.is_nil(message:find(secret, 1, true), message) end
  assert.is_nil(message:find("%c"), message)
  if about then assert.matches(about, message, 1, true) end
  return message
end

local function accepted(given)
  local client = lomi.new(given)
  assert.is_table(client.charges)
  return client
end

describe("lomi.new", function()
  it("takes every option", function()
    accepted { api_key = TEST }
    accepted {
      api_key = TEST, environment = "sandbox", base_url = "https://sandbox.api.lomi.africa", account = "acct_1",
      timeout = 30, connect_timeout = 10.5, deadline = 60, max_retries = 0, backoff = { base = 0.1, cap = 2 },
      transport = TRANSPORT, on_attempt = print, allow_http = false,
    }
    accepted(options { ca_file = "src/lomi.h", proxy = "http://proxy.example:3128" })
    accepted(options { backoff = {} })
    accepted(options { backoff = { base = 1 } })
  end)

  it("takes no answer for no options", function()
    for _, wrong in ipairs { "x", 1, true, print } do refused(wrong) end
    refused(TEST)
  end)

  it("leaves the options as they were", function()
    local given = { api_key = TEST, base_url = "http://127.0.0.1:4010/", backoff = { base = 1 } }
    accepted(given)
    assert.same({ api_key = TEST, base_url = "http://127.0.0.1:4010/", backoff = { base = 1 } }, given)
  end)

  it("raises for unknown options, and suggests", function()
    for wrong, known in pairs {
      apikey = "api_key", api_kye = "api_key", apiKey = "api_key", time_out = "timeout", baseUrl = "base_url",
      base_uri = "base_url", enviroment = "environment", max_retrys = "max_retries", conect_timeout = "connect_timeout",
      deadlin = "deadline", transprot = "transport", on_atempt = "on_attempt", cafile = "ca_file",
      allowHttp = "allow_http", acount = "account", backof = "backoff", Proxy = "proxy",
    } do
      local message = refused(options { [wrong] = 1 }, wrong)
      assert.matches(('did you mean "%s"'):format(known), message, 1, true)
    end
    refused(options { zzz = 1 }, "zzz")
    refused { TEST }
    refused(options { backoff = { bse = 1 } }, "bse")
    refused(options { backoff = { 1, 2 } }, "backoff")
  end)

  describe("raises for a wrong", function()
    local numbers = { "30", "", true, false, {}, print, NAN, INF, -INF, -1, -0.001 }
    local seconds = { 0 }
    for i, value in ipairs(numbers) do seconds[i + 1] = value end
    local WRONG = {
      api_key = { 1, true, false, {}, "", " ", TEST .. "\r\nX-Evil: 1", TEST .. "\n", " " .. TEST, TEST .. " ",
        TEST .. "\0", "lomi_sk_test_é" .. SECRET, "lomi_sk_test_", "lomi_sk_live_" },
      environment = { 1, true, false, {}, "", "prod", "test", "Live", "SANDBOX", "live " },
      base_url = { 1, true, false, {}, "" },
      account = { 1, true, false, {}, "", " ", "acct_1\r\nX-Evil: 1", "acct_1\n", "acct\r1", "acct\0", " acct", "acct ",
        ("a"):rep(256) },
      timeout = seconds, connect_timeout = seconds, deadline = seconds,
      max_retries = { "2", true, false, {}, NAN, INF, -INF, -1, 1.5 },
      backoff = { 1, "x", true, false, { base = "1" }, { base = -1 }, { base = NAN }, { base = INF }, { cap = "8" },
        { cap = -1 }, { cap = NAN }, { cap = INF }, { cap = false } },
      transport = { "curl", 1, true, false, print, {}, { send = print }, { send = print, sleep = print },
        { send = 1, sleep = print, now = print }, io.stdout },
      on_attempt = { "print", 1, true, false, {} },
      ca_file = { 1, true, false, {}, "", "/does/not/exist.pem" },
      proxy = { 1, true, false, {}, "http://proxy:3128\r\nX-Evil: 1", "http://a proxy" },
      allow_http = { 1, "yes", "true", {}, print },
      amounts = { 1, "", "cents", "Main", true, false, {} },
    }
    for name, values in pairs(WRONG) do
      it(name, function()
        for _, value in ipairs(values) do refused(options { [name] = value }, name) end
      end)
    end
  end)

  it("raises for ca_file and proxy where they do nothing", function()
    refused(options { ca_file = "src/lomi.h", transport = TRANSPORT }, "ca_file")
    refused(options { proxy = "http://proxy.example:3128", transport = TRANSPORT }, "proxy")
  end)
end)

describe("a proxy", function()
  local BAD = {
    "shopuser:Hunter2/Secret@127.0.0.1:1", "http://shopuser:Hunter2/Secret@127.0.0.1:1",
    "http://shopuser:Hunter2 Secret@127.0.0.1:1", "http://shopuser:Hunter2@Secret@127.0.0.1:1",
    "http://shopuser:Hunter2\nSecret@127.0.0.1:1", "http://shopuser:Hunter2#Secret@127.0.0.1", "ftp://u:Hunter2@p:1",
    "http://shopuser:Hunter2?Secret@127.0.0.1:1", "http://shopuser:Hunter2\\Secret@p:1", "http://Hunter2:Secret",
    "http:/shopuser:Hunter2@127.0.0.1:1", "//shopuser:Hunter2@127.0.0.1:1", "http://u:Hunter2@", "http://u:Hunter2@p:x",
    "http://u:Hunter2@p:1/Secret", "HTTP//u:Hunter2@p:1",
  }

  it("that cannot be read is refused and never shown", function()
    for _, proxy in ipairs(BAD) do
      local ok, message = pcall(lomi.new, options { proxy = proxy })
      assert.is_false(ok, proxy)
      assert.matches("proxy must be a URL", message, 1, true)
      for _, part in ipairs { "Hunter2", "Secret", "shopuser" } do assert.is_nil(message:find(part, 1, true)) end
    end
  end)

  it("of the environment that cannot be read is refused and never shown", function()
    for _, name in ipairs { "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy" } do
      for _, proxy in ipairs { BAD[1], BAD[3], BAD[4] } do
        local env = { HTTPS_PROXY = false, https_proxy = false, ALL_PROXY = false, all_proxy = false }
        env[name] = proxy
        local output = child.run([[
          print(pcall(require("lomi").new, { api_key = "lomi_sk_test_demo" }))
          assert(require("lomi").new { api_key = "lomi_sk_test_demo", base_url = "http://127.0.0.1:1" })
        ]], env)
        assert.matches(name .. " must be a URL", output, 1, true)
        assert.is_nil(output:find "Hunter2" or output:find "Secret" or output:find "shopuser", output)
      end
    end
  end)

  it("is a URL; of the environment, it may lack a scheme", function()
    for _, proxy in ipairs { "http://proxy:3128", "https://u:p%40ss@proxy.example:3128/", "socks5h://[::1]:1080",
      "http://u:a!b$c&d'e(f)*+,;=~g@10.0.0.1" } do
      accepted(options { proxy = proxy, base_url = "https://proxied.example" })
    end
    refused(options { proxy = "proxy.example:3128" }, "proxy")
    local output, status = child.run([[
      local check = require("lomi.config").check
      local config = assert(check { api_key = "lomi_sk_test_demo" })
      assert(config.proxy == "user:Hunter%322@proxy.example:3128", config.proxy)
      assert(config.secrets[2] == "Hunter%322" and config.secrets[3] == "Hunter22")
      assert(check { api_key = "lomi_sk_test_demo", base_url = "http://127.0.0.1:1" }.proxy == "")
      assert(check { api_key = "lomi_sk_test_demo", base_url = "http://a.example", allow_http = true }.proxy == "")
      local own = { send = print, sleep = print, now = print }
      assert(check { api_key = "lomi_sk_test_demo", transport = own }.proxy == nil)
      local token = check { api_key = "lomi_sk_test_demo", proxy = "http://Hunter2@proxy:1" }
      assert(token.secrets[2] == "Hunter2")
      local odd = check { api_key = "a+key/of=ours", environment = "sandbox", base_url = "http://127.0.0.1:1" }
      assert(odd.secrets[2] == "a%2Bkey%2Fof%3Dours" and odd.secrets[3] == "a%2bkey%2fof%3dours")
    ]], { https_proxy = "user:Hunter%322@proxy.example:3128", HTTPS_PROXY = "other:1", NO_PROXY = false,
      no_proxy = false })
    assert.equal(0, status, output)
  end)

  it("is not for a host that NO_PROXY names, so that no message names it", function()
    local script = [[
      local check, proxies = require("lomi.config").check, {}
      for i, host in ipairs { "shop.test", "api.shop.test", "noshop.test", "shop.test.example" } do
        proxies[i] = check { api_key = "lomi_sk_test_demo", base_url = "https://" .. host, proxy = %s }.proxy
      end
      print(table.concat(proxies, ","))
    ]]
    local all = "http://p:1,http://p:1,http://p:1,http://p:1"
    for list, proxies in pairs {
      ["shop.test"] = ",,http://p:1,http://p:1", [".SHOP.test"] = ",,http://p:1,http://p:1",
      ["a.example, shop.test b.example"] = ",,http://p:1,http://p:1", ["*"] = ",,,",
      ["api.shop.test"] = "http://p:1,,http://p:1,http://p:1", ["op.test"] = all, [".,*"] = all, [""] = all,
    } do
      for _, name in ipairs { "NO_PROXY", "no_proxy" } do
        local env = { NO_PROXY = false, no_proxy = false, https_proxy = "http://p:1" }
        env[name] = list
        assert.equal(proxies, (child.run(script:format "nil", env)), list)
        assert.equal(proxies, (child.run(script:format '"http://p:1"', env)), list)
      end
    end
  end)
end)

describe("the key", function()
  it("may not be a publishable one", function()
    for _, kind in ipairs { "test", "live" } do
      refused({ api_key = "lomi_pk_" .. kind .. "_" .. SECRET }, "publishable")
      refused({ api_key = "lomi_pk_" .. kind .. "_" .. SECRET, environment = "sandbox" }, "publishable")
    end
  end)

  it("tells the environment", function()
    assert.matches("sandbox%.api%.lomi%.africa", tostring(accepted { api_key = TEST }))
    local live = tostring(accepted { api_key = LIVE })
    assert.matches("live", live)
    assert.matches("api%.lomi%.africa", live)
    assert.is_nil(live:find("sandbox", 1, true))
  end)

  it("without a known prefix needs the environment", function()
    refused({ api_key = "k_" .. SECRET }, "environment")
    for _, environment in ipairs { "sandbox", "live" } do
      assert.matches(environment, tostring(accepted { api_key = "k_" .. SECRET, environment = environment }))
    end
  end)

  it("must fit the environment", function()
    accepted { api_key = TEST, environment = "sandbox" }
    accepted { api_key = LIVE, environment = "live" }
    refused({ api_key = TEST, environment = "live" }, "environment")
    refused({ api_key = LIVE, environment = "sandbox" }, "environment")
  end)

  it("must fit the host", function()
    for key, url in pairs {
      [TEST] = "https://sandbox.api.lomi.africa", [LIVE] = "https://api.lomi.africa",
    } do
      accepted { api_key = key, base_url = url }
      accepted { api_key = key, base_url = url .. ":443/v1/" }
    end
    for _, tail in ipairs { "", "/", ":443", ":8443", "/v1", ".", "./" } do
      refused({ api_key = LIVE, base_url = "https://sandbox.api.lomi.africa" .. tail }, "base_url")
      refused({ api_key = TEST, base_url = "https://api.lomi.africa" .. tail }, "base_url")
      refused({ api_key = "k_" .. SECRET, environment = "live", base_url = "https://sandbox.api.lomi.africa" .. tail })
      refused({ api_key = "k_" .. SECRET, environment = "sandbox", base_url = "https://api.lomi.africa" .. tail })
    end
    refused({ api_key = LIVE, base_url = "HTTPS://Sandbox.API.lomi.Africa" }, "base_url")
    refused({ api_key = TEST, base_url = "hTTps://API.LOMI.AFRICA/" }, "base_url")
    accepted { api_key = TEST, base_url = "https://api.lomi.africa.example.com" }
  end)
end)

describe("the key of the environment", function()
  local SHOW = [[
    local ok, client = pcall(function() local c = require("lomi").new(%s) return c end)
    print(ok, tostring(client))
  ]]

  local function new_with(env, given)
    local all = { LOMI_API_KEY = false, LOMI_SECRET_KEY = false }
    for name, value in pairs(env) do all[name] = value end
    local output, status = child.run(SHOW:format(given or ""), all)
    assert.equal(0, status, output)
    assert.is_nil(output:find(SECRET, 1, true), output)
    return output
  end

  it("is LOMI_API_KEY, then LOMI_SECRET_KEY", function()
    assert.matches("^true.*sandbox", new_with { LOMI_API_KEY = TEST })
    assert.matches("^true.*live", new_with { LOMI_API_KEY = LIVE })
    assert.matches("^true.*sandbox", new_with { LOMI_SECRET_KEY = TEST })
    assert.matches("^true.*live", new_with { LOMI_API_KEY = LIVE, LOMI_SECRET_KEY = TEST })
    assert.matches("^true.*sandbox", new_with({ LOMI_API_KEY = TEST }, "{}"))
  end)

  it("gives way to the option", function()
    assert.matches("^true.*sandbox", new_with({ LOMI_API_KEY = LIVE }, ("{ api_key = %q }"):format(TEST)))
  end)

  it("is missed by name", function()
    local output = new_with {}
    assert.matches("^false", output)
    assert.matches("LOMI_API_KEY", output)
    assert.matches("^false.*LOMI_API_KEY", new_with { LOMI_API_KEY = "" })
  end)

  it("is checked like the option, and blamed by its own name", function()
    assert.matches("^false.*LOMI_API_KEY.*publishable", new_with { LOMI_API_KEY = "lomi_pk_test_" .. SECRET })
    assert.matches("^false.*LOMI_SECRET_KEY", new_with { LOMI_SECRET_KEY = TEST .. "\n" })
    assert.matches("^false.*LOMI_API_KEY", new_with { LOMI_API_KEY = SECRET })
  end)
end)

describe("base_url", function()
  local LOOPBACK = {
    "localhost", "LOCALHOST", "127.0.0.1", "127.0.0.2", "127.1.2.3", "127.255.255.255", "[::1]",
  }
  local NOT_LOOPBACK = {
    "127.0.0.1.evil.com", "localhost.evil.com", "evil-localhost", "evil.localhost.com", "xlocalhost", "127.1", "127",
    "127.0.1", "0x7f.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "0177.0.0.1", "0127.0.0.1", "127.0.0.01",
    "127.0.0.256", "127.0.0.1000", "128.0.0.1", "0.0.0.0", "0", "10.0.0.1", "192.168.1.1", "[::2]", "[::]",
    "[::ffff:8.8.8.8]", "evil.com", "1127.0.0.1", "127.0.0.1.2", "127-0-0-1.evil.com", "127.0.0.x",
  }
  -- Not understood, or hiding where the key would go: refused whatever the scheme.
  local UNREADABLE = {
    "127.0.0.1@evil.com", "localhost:80@evil.com", "awa:hunter2@evil.com", "awa@127.0.0.1", ":hunter2@127.0.0.1",
    "@127.0.0.1", "evil.com@127.0.0.1", "evil.com#@127.0.0.1", "evil.com?@127.0.0.1", "evil.com\\@127.0.0.1",
    "127.0.0.1\\@evil.com", "evil.com%00.127.0.0.1", "127.0.0.1%2eevil.com", "127.0.0.1 ", " 127.0.0.1",
    "127.0.0.1\r\n", "127.0.0.1\0.evil.com", "127.0.0.1\t", "", "/", "/path", ":4010", "127.0.0.1:", "127.0.0.1:0",
    "127.0.0.1:65536", "127.0.0.1:99999999999999999999", "127.0.0.1:80:90", "127.0.0.1:+80", "127.0.0.1:80a",
    "127.0.0.1:0x50", "[::1", "::1", "::1]", "[::1].evil.com", "[::1]evil.com", "[::1]:", "[::1]4010", "[]",
    "[127.0.0.1", "127.0.0.1?", "127.0.0.1#", "127.0.0.1/?a=b", "127.0.0.1/#a", "127.0.0.1/a?b", "127.0.0.1/a b",
    "127.0.0.1/../x", "127.0.0.1/a/./b", "é.example", "127.0.0.1,evil.com", "127.0.0.1;evil.com", "a b.com",
    "*.lomi.africa",
  }

  it("may be http for a loopback host", function()
    for _, host in ipairs(LOOPBACK) do
      for _, tail in ipairs { "", "/", ":4010", ":4010/", ":4010/v1", "/v1/" } do
        accepted(options { base_url = "http://" .. host .. tail })
      end
    end
  end)

  for _, host in ipairs(NOT_LOOPBACK) do
    it("must be https for " .. host, function()
      refused(options { base_url = "http://" .. host }, "base_url")
      refused(options { base_url = "http://" .. host .. ":4010/v1" }, "base_url")
    end)
  end

  it("may be https for any host", function()
    for _, host in ipairs { "evil.com", "10.0.0.1", "proxy.internal:8443" } do
      accepted(options { base_url = "https://" .. host })
    end
  end)

  it("may be http for another with allow_http, but never with a live key", function()
    accepted(options { base_url = "http://10.0.0.1:4010", allow_http = true })
    accepted(options { base_url = "http://mock.internal", allow_http = true })
    refused({ api_key = LIVE, base_url = "http://10.0.0.1:4010", allow_http = true }, "base_url")
    refused({ api_key = LIVE, base_url = "http://api.lomi.africa", allow_http = true }, "base_url")
    refused({ api_key = LIVE, base_url = "http://api.lomi.africa" }, "base_url")
    refused({ api_key = "k_" .. SECRET, environment = "live", base_url = "http://10.0.0.1", allow_http = true })
  end)

  for _, rest in ipairs(UNREADABLE) do
    local shown = ("%q"):format(rest):gsub("%c", "?")
    it("may not have after its scheme " .. shown, function()
      for _, scheme in ipairs { "http://", "https://" } do
        refused(options { base_url = scheme .. rest, allow_http = true }, "base_url")
      end
    end)
  end

  it("is a whole http or https URL", function()
    for _, url in ipairs {
      "127.0.0.1:4010", "localhost", "//127.0.0.1", "http:127.0.0.1", "http:/127.0.0.1", "http:///127.0.0.1",
      "ftp://127.0.0.1", "file:///etc/passwd", "javascript:alert(1)", "unix:///tmp/s", " http://127.0.0.1",
      "http ://127.0.0.1", "https:",
      "https://", "http+unix://x", "httpss://x", "\nhttp://127.0.0.1", "h\0ttp://127.0.0.1",
    } do
      refused(options { base_url = url, allow_http = true }, "base_url")
    end
    accepted(options { base_url = "HTTP://127.0.0.1" })
  end)
end)

describe("a client", function()
  -- Everything reachable from a table without looking into functions.
  local function search(value, seen, visit)
    if type(value) ~= "table" then return visit(tostring(value)) end
    if seen[value] then return end
    seen[value] = true
    visit(tostring(value))
    for key, item in next, value do
      search(key, seen, visit)
      search(item, seen, visit)
    end
    search(getmetatable(value), seen, visit)
  end

  it("names its environment and host as text", function()
    local text = tostring(accepted { api_key = TEST, base_url = "http://127.0.0.1:4010" })
    assert.matches("sandbox", text)
    assert.matches("127%.0%.0%.1", text)
  end)

  it("shows its key nowhere", function()
    for _, key in ipairs { TEST, LIVE } do
      local client = accepted { api_key = key, account = "acct_1" }
      local seen = 0
      search(client, {}, function(text)
        seen = seen + 1
        assert.is_nil(text:find(SECRET, 1, true), text)
      end)
      assert.is_true(seen > 5)
    end
  end)
end)
