-- SPDX-License-Identifier: MIT
-- The seam: how a client sees somebody else's transport, and how a program sees ours.
local child = require "spec.support.child"
local urls = require "lomi.url"
local core = require "lomi.core"
local curl = require "lomi.transport.curl"
local lomi = require "lomi"
local server_of = require "spec.support.server"
local transports = require "lomi.transport"

local SERVER = transports.server(assert(urls.parse "https://api.example:8443/v1"), { "X-API-KEY", "k" })

local function request(more)
  local made = {
    server = SERVER, method = "POST", target = "/v1/charge/card?a=b", fields = { "Content-Type", "application/json" },
    body = "{}", timeout = 7, connect_timeout = 3,
  }
  for name, value in pairs(more or {}) do made[name] = value end
  return made
end

local function around(send)
  return transports.of { send = send, sleep = function() end, now = core.now }
end

local function reply(more)
  local made = { status = 201, headers = { ["x-request-id"] = "req-1" }, body = "{}" }
  for name, value in pairs(more or {}) do made[name] = value end
  return made
end

describe("a server", function()
  local function host_of(url)
    local server = transports.server(assert(urls.parse(url)), {})
    return server.origin .. " " .. server.path .. " " .. server.host
  end

  it("has its port in Host unless it is the scheme's own, and an IPv6 address in brackets", function()
    assert.equal("https://api.example /v1 api.example", host_of "https://api.example:443/v1")
    assert.equal("https://api.example:80  api.example:80", host_of "https://api.example:80")
    assert.equal("http://127.0.0.1  127.0.0.1", host_of "http://127.0.0.1:80")
    assert.equal("http://[::1]:8080  [::1]:8080", host_of "http://[::1]:8080")
  end)

  it("has the lines of every request as text, Host first", function()
    assert.equal("Host: api.example:8443\r\nX-API-KEY: k\r\n", SERVER.lines)
  end)
end)

describe("a transport of somebody else's", function()
  it("is given a whole request", function()
    local seen
    around(function(_, asked)
      seen = asked
      return reply()
    end):exchange(request())
    assert.same({
      method = "POST", url = "https://api.example:8443/v1/charge/card?a=b", body = "{}", timeout = 7,
      connect_timeout = 3, headers = { ["X-API-KEY"] = "k", ["Content-Type"] = "application/json" },
    }, seen)
  end)

  it("is given tables of its own, so that it cannot change the next request", function()
    local transport = around(function(_, asked)
      assert.equal("k", asked.headers["X-API-KEY"])
      asked.headers["X-API-KEY"], asked.url = nil, nil
      return reply()
    end)
    for _ = 1, 2 do assert(transport:exchange(request())) end
    assert.same({ "X-API-KEY", "k" }, SERVER.headers)
  end)

  it("may give the same reply again: the client writes to a copy", function()
    local own = reply { headers = { ["idempotency-cache-hit"] = "true" } }
    local transport = around(function() return own end)
    local first, second = transport:exchange(request()), transport:exchange(request())
    first.attempts = 1
    assert.are_not.equal(first, second)
    assert.is_nil(second.attempts)
    assert.same({ status = 201, headers = { ["idempotency-cache-hit"] = "true" }, body = "{}" }, own)
  end)

  it("gives what the client wants of the headers", function()
    local got = around(function() return reply { headers = { ["x-request-id"] = "req-7",
      ["idempotency-cache-hit"] = "true" } } end):exchange(request())
    assert.same({ "req-7", true }, { got.request_id, got.replayed })
    got = around(function() return reply { headers = { ["idempotency-cache-hit"] = "false" } } end):exchange(request())
    assert.is_nil(got.request_id)
    assert.is_false(got.replayed)
  end)

  local WORST = {
    ["raises"] = { function() error("trouble", 0) end, "the transport raised: trouble" },
    ["raises an object that cannot be shown"] = {
      function() error(setmetatable({}, { __tostring = function() error "no" end })) end,
      "the transport raised: an error of type table",
    },
    ["gives nothing"] = { function() return nil end, "the transport gave no reply" },
    ["gives false"] = { function() return false end, "the transport gave no reply" },
    ["gives a string for a failure"] = { function() return nil, "trouble" end, "trouble" },
    ["gives a failure without a message"] = { function() return nil, setmetatable({ kind = "timeout" },
      { __tostring = function() return "trouble" end }) end, "trouble" },
    ["gives a reply without a status"] = { function() return { headers = {}, body = "" } end, "without status" },
    ["gives a status that is no integer"] = { function() return reply { status = 200.5 } end, "without status" },
    ["gives a status that is no number"] = { function() return reply { status = "201" } end, "without status" },
    ["gives a reply without headers"] = { function() return { status = 201, body = "" } end, "headers" },
    ["gives a header that is no string"] = { function() return reply { headers = { a = 1 } } end, "headers" },
    ["gives a body that is no string"] = { function() return reply { body = 7 } end, "body" },
    ["gives a reply that cannot be read"] = {
      function() return setmetatable({}, { __index = function() error("unreadable", 0) end }) end, "raised: unreadable",
    },
    ["gives a failure that cannot be read"] = {
      function() return nil, setmetatable({}, { __index = function() error("unreadable", 0) end }) end, "unreadable",
    },
    ["gives a kind that the interface does not have"] = {
      function() return nil, { kind = "weird", message = "trouble" } end, "trouble",
    },
  }
  for what, case in pairs(WORST) do
    it("that " .. what .. " has a connection failure, and the request counts as sent", function()
      local got, failure = around(case[1]):exchange(request())
      assert.is_nil(got)
      assert.equal("connection", failure.kind)
      assert.matches(case[2], failure.message, 1, true)
      assert.is_nil(failure.sent)
    end)
  end

  it("gives its failure in a copy, with what it says of sent and final", function()
    local own = { kind = "tls", message = "no trust", sent = false, final = true, secret = "x" }
    local _, failure = around(function() return nil, own end):exchange(request())
    assert.same({ kind = "tls", message = "no trust", sent = false, final = true }, failure)
    _, failure = around(function() return nil, { message = "trouble" } end):exchange(request())
    assert.same({ kind = "connection", message = "trouble" }, failure)
    for _, kind in ipairs { "dns", "a\nb", 5, {}, true, 0 / 0 } do
      failure = select(2, around(function() return nil, { kind = kind, message = "trouble" } end):exchange(request()))
      assert.equal("connection", failure.kind)
    end
  end)

  it("raises an interrupt to the program", function()
    for _, text in ipairs { "interrupted!", "script.lua:3: interrupted!" } do
      local ok, problem = pcall(function() around(function() error(text, 0) end):exchange(request()) end)
      assert.same({ false, text }, { ok, problem })
    end
  end)

  it("raises an interrupt of its sleep too, and nothing else of it", function()
    local function sleep(problem)
      local own = { send = reply, sleep = function() error(problem, 0) end, now = core.now }
      return { pcall(function() transports.of(own):sleep(1) end) }
    end
    assert.same({ false, "interrupted!" }, sleep "interrupted!")
    assert.same({ true }, sleep "stream interrupted!")
  end)

  it("sleeps and tells the time itself", function()
    local slept
    local own = { send = reply, sleep = function(_, seconds) slept = seconds end, now = function() return 42 end }
    local transport = transports.of(own)
    transport:sleep(0.25)
    assert.same({ 0.25, 42 }, { slept, transport:now() })
  end)

  it("stays wrapped though it has an `exchange` of its own", function()
    local own = { send = function() return reply() end, exchange = function() error "called" end, sleep = print,
      now = core.now }
    assert.equal(201, transports.of(own):exchange(request()).status)
  end)
end)

describe("a transport of ours", function()
  local server

  before_each(function() server = server_of.start() end)
  after_each(function() server:stop() end)

  local function whole(more)
    local made = { method = "POST", url = server.url .. "/a?b=c", headers = { ["X-A"] = "1" }, body = "{}", timeout = 9,
      connect_timeout = 9, proxy = "" }
    for name, value in pairs(more or {}) do made[name] = value end
    return made
  end

  it("is not wrapped", function()
    local loop, blocking = lomi.loop(), curl.new()
    finally(function() loop:close() end)
    assert.equal(loop, transports.of(loop))
    assert.equal(blocking, transports.of(blocking))
  end)

  it("can be used in one of a program's own", function()
    local ours, asked_for = curl.new(), {}
    local client = lomi.new {
      api_key = "lomi_sk_test_x", base_url = server.url, max_retries = 0,
      transport = {
        send = function(_, asked)
          asked_for[#asked_for + 1] = asked.url
          asked.proxy = ""
          return ours:send(asked)
        end,
        sleep = function(_, seconds) ours:sleep(seconds) end,
        now = function() return ours:now() end,
      },
    }
    assert(client.charges:create_card_charge { amount = 10000 })
    assert.same({ server.url .. "/charge/card" }, asked_for)
  end)

  it("sends a whole request, and gives a reply that is a plain table", function()
    server:script { status = 202, headers = { ["X-B"] = "2" }, body = "text" }
    local got = assert(curl.new():send(whole()))
    local seen = server:requests()[1]
    assert.same({ "POST", "/a?b=c", "{}", "1" }, { seen.method, seen.target, seen.body, server_of.header(seen, "X-A") })
    assert.same({ 202, "2", "text" }, { got.status, got.headers["x-b"], got.body })
    assert.is_nil(getmetatable(got))
  end)

  it("sends to the root where the URL has no path, and to another server with the next request", function()
    local other, transport = server_of.start(), curl.new()
    finally(function() other:stop() end)
    assert(transport:send(whole { url = server.url }))
    assert(transport:send(whole { url = server.url .. "?q=1" }))
    assert(transport:send(whole { url = other.url .. "/other" }))
    local targets = {}
    for i, seen in ipairs(server:requests()) do targets[i] = seen.target end
    assert.same({ "/", "/?q=1" }, targets)
    assert.equal("/other", other:requests()[1].target)
  end)

  it("refuses a URL it cannot send to, and says that nothing was sent", function()
    for _, url in ipairs { "", "/v1", "api.example/v1", "https://", "ftp://api.example/", "http://a b/",
      "https://api.example:99999/" } do
      local got, failure = curl.new():send(whole { url = url })
      assert.is_nil(got, url)
      assert.same({ "connection", false, true }, { failure.kind, failure.sent, failure.final }, url)
      assert.matches("^the URL ", failure.message)
    end
  end)

  it("refuses a header that could add another, and says that nothing was sent", function()
    local got, failure = curl.new():send(whole { headers = { ["X-A"] = "1\r\nX-B: 2" } })
    assert.is_nil(got)
    assert.same({ "protocol", false }, { failure.kind, failure.sent })
    assert.matches("header X-A", failure.message, 1, true)
    assert.equal(0, #server:requests())
  end)
end)

describe("the transport of a client that was given none", function()
  -- In a process of its own: it is chosen once.
  local function chosen(ngx)
    local output, status = child.run(([[
      local ngx = %s
      rawset(_G, "ngx", ngx)
      local transport = require("lomi.transport.default")()
      print(transport == require("lomi.transport." .. (package.loaded["lomi.transport.nginx"] and "nginx" or "curl"))
        .shared(), package.loaded["lomi.transport.nginx"] and "nginx" or "curl", package.loaded["lomi.engine"] ~= nil)
    ]]):format(ngx))
    assert.equal(0, status, output)
    return output
  end

  it("is libcurl's, loaded at the first call", function()
    assert.equal("true\tcurl\tfalse", chosen "nil")
  end)

  it("is nginx's where its cosockets are", function()
    assert.equal("true\tnginx\tfalse", chosen [[{
      socket = { tcp = function() end }, get_phase = function() return "content" end,
      config = { nginx_version = 1024000 },
    }]])
  end)

  it("is libcurl's where something else is called ngx", function()
    for _, ngx in ipairs {
      "7", "{}", "{ socket = {}, get_phase = print, config = { nginx_version = 1 } }",
      "{ socket = { tcp = print }, config = { nginx_version = 1 } }",
      "{ socket = { tcp = print }, get_phase = print }", "{ socket = { tcp = print }, get_phase = print, config = {} }",
    } do
      assert.equal("true\tcurl\tfalse", chosen(ngx), ngx)
    end
  end)
end)
