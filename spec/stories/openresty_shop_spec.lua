-- SPDX-License-Identifier: MIT
-- examples/openresty-shop without a browser: a buyer's requests, and webhooks as the sandbox signs them, or as nobody
-- should. `make test-shop` buys in a real one.
local core = require "lomi.core"
local files = require "spec.support.files"
local lomi = require "lomi"
local nginx = require "spec.support.nginx"
local transport = require("lomi.transport.curl").new()
local has_dbi, DBI = pcall(require, "DBI")

local SECRET = "whsec_demo" -- of examples/openresty-shop/run

local missing = nginx.missing or not has_dbi and "needs lua-dbi-sqlite3: ./deps.sh shop" or nil

local output_of = files.output_of

-- Starts it as a script does `make shop &`. stop() is Ctrl-C: SIGINT for all of its processes, or another signal; it
-- gives what is left in its temporary directory, and what it said.
local function start(port)
  local home = output_of("mktemp -d"):gsub("%s+$", "")
  local shop = { database = home .. "/shop.db" }
  local pipe = assert(io.popen(([[mkdir %s/tmp; setsid env PORT=%d SHOP_DATABASE=%s TMPDIR=%s/tmp \
    LUA_PATH='%s;' LUA_CPATH='%s' %s/examples/openresty-shop/run 2>&1 & echo $!]]):format(home,
    port or nginx.free_port(), shop.database, home, nginx.lua_path, nginx.lua_cpath, nginx.root)))
  local pid, said = pipe:read("*l"), {}
  local ready
  while not ready do
    local line = pipe:read("*l")
    if not line then break end
    said[#said + 1] = line
    shop.url = shop.url or line:match "^The shop: +(http%S+)"
    shop.sandbox = shop.sandbox or line:match "^The sandbox: +(http%S+)"
    ready = line:find "Ctrl%-C ends it all%.$" -- its last line
  end
  shop.pid = pid
  function shop.stop(signal)
    os.execute(("kill -%s -%s 2>/dev/null"):format(signal or "INT", pid))
    local rest = pipe:read("*a")
    pipe:close()
    local left = output_of("ls -A " .. home .. "/tmp")
    os.execute("rm -rf " .. home)
    return left, rest
  end
  if not ready then
    shop.stop()
    error("the shop did not start: " .. table.concat(said, "\n"))
  end
  return shop
end

describe("examples/openresty-shop", function()
  if missing then return pending(missing) end

  local shop, sandbox

  setup(function()
    shop = start()
    sandbox = require("lomi.sandbox").connect(shop.sandbox)
  end)

  teardown(function() shop.stop() end)

  before_each(function()
    sandbox:reset()
    sandbox:inbox(SECRET) -- the specs bring the webhooks to the shop
  end)

  local function request(method, path, body, headers)
    return assert(transport:send { method = method, url = shop.url .. path, headers = headers or {}, body = body,
      timeout = 30, connect_timeout = 5, proxy = "" })
  end

  local function form(path, body, cookie)
    return request("POST", path, body, { Cookie = cookie, ["Content-Type"] = "application/x-www-form-urlencoded",
      ["Sec-Fetch-Site"] = "same-origin" })
  end

  local BUYER = "name=Awa+Ndiaye&email=awa%40example.com"

  local function cart()
    local reply = form("/cart", "")
    assert.equal(303, reply.status)
    local cookie, attributes = reply.headers["set-cookie"]:match "^(cart=%x+); (.*)$"
    assert.equal("Path=/; HttpOnly; SameSite=Lax", attributes)
    return cookie, cookie:match "%x+$"
  end

  -- An order whose payer stands at the bank: its id, its cookie, and the charge's id.
  local function order()
    local cookie, id = cart()
    local reply = form("/orders", BUYER, cookie)
    assert.equal(303, reply.status)
    return id, cookie, reply.headers.location:match "/pay/([%w_]+)%?"
  end

  local function state(id)
    return request("GET", "/orders/" .. id).body:match 'data%-state="(%l+)"'
  end

  local function deliver(body, signature)
    return request("POST", "/webhooks/lomi", body, { ["Content-Type"] = "application/json",
      ["X-Lomi-Signature"] = signature or lomi.webhook.sign(body, SECRET) }).status
  end

  -- What the webhooks did to an order, as its database has it.
  local function effects(id)
    local database = assert(DBI.Connect("SQLite3", shop.database))
    local statement = assert(database:prepare "SELECT effect FROM events WHERE order_id = ? ORDER BY rowid")
    assert(statement:execute(id))
    local list = {}
    for row in statement:rows(true) do list[#list + 1] = row.effect end
    statement:close()
    database:close()
    return list
  end

  it("says that a port is taken, and leaves nothing", function()
    local port = shop.url:match "%d+$"
    assert.has_error(function() start(port) end,
      ("the shop did not start: port %d is taken: try PORT=%d make shop"):format(port, port + 1))
  end)

  it("ends at once with SIGINT for its first process alone", function()
    local other = start()
    finally(function() other.stop "TERM" end)
    os.execute("kill -INT " .. other.pid)
    local deadline = core.now() + 5
    repeat
      local reply = transport:send { method = "GET", url = other.url, headers = {}, timeout = 5, connect_timeout = 5,
        proxy = "" }
    until not reply or core.now() > deadline
    assert.is_true(core.now() < deadline)
  end)

  it("makes one charge for an order, however often it is asked to", function()
    local id, cookie, charge = order()
    assert.equal(charge, form("/orders", BUYER, cookie).headers.location:match "/pay/([%w_]+)%?")
    assert.equal(charge, form("/orders", "name=Other&email=o%40example.com", cookie).headers.location
      :match "/pay/([%w_]+)%?")
    assert.equal(charge, form("/orders/" .. id .. "/pay", "").headers.location:match "/pay/([%w_]+)%?")
    sandbox:advance(25 * 60 * 60) -- the service has forgotten the key
    assert.equal(charge, form("/orders/" .. id .. "/pay", "").headers.location:match "/pay/([%w_]+)%?")
    local page = request("GET", "/cart", nil, { Cookie = cookie })
    assert.equal("/orders/" .. id, page.headers.location:match "/orders/.*")
    local charges = sandbox:charges()
    assert.same({ 1, "order-" .. id, id, 10000, "Awa Ndiaye" }, { #charges, charges[1].idempotency_key,
      charges[1].params.metadata.order_id, charges[1].params.amount, charges[1].params.customer_name })
    assert.equal("unpaid", state(id))
  end)

  it("marks an order paid once, by the signed webhook, and never unpaid again", function()
    local id, cookie, charge = order()
    sandbox:confirm(charge, "4000 0000 0000 0002")
    local failed = assert(sandbox:receive "PAYMENT_FAILED")
    assert.equal(204, deliver(failed.body, failed.headers["x-lomi-signature"]))
    assert.equal("declined", state(id))

    sandbox:confirm(charge, "4242 4242 4242 4242")
    assert.equal("declined", state(id)) -- the webhook has not come
    local succeeded = assert(sandbox:receive "PAYMENT_SUCCEEDED")
    for _ = 1, 2 do assert.equal(204, deliver(succeeded.body, succeeded.headers["x-lomi-signature"])) end
    assert.equal("paid", state(id))
    assert.equal(204, deliver((failed.body:gsub('"id":"%x', '"id":"z', 1)))) -- late
    assert.equal("paid", state(id))
    assert.same({ "declined", "paid", "paid already" }, effects(id))

    assert.equal("/orders/" .. id, form("/orders", BUYER, cookie).headers.location:match "/orders/.*")
    assert.equal("/orders/" .. id, form("/orders/" .. id .. "/pay", "").headers.location:match "/orders/.*")
    assert.equal(1, #sandbox:charges())
  end)

  it("takes no webhook that is forged, or not as ordered", function()
    local id = order()
    local n = 0
    local function event(fields, name)
      n = n + 1
      local values = { status = '"completed"', amount = "10000", currency_code = '"XOF"',
        metadata = ('{"order_id":"%s"}'):format(id) }
      for field, value in pairs(fields or {}) do values[field] = value end
      local parts = {}
      for field, value in pairs(values) do parts[#parts + 1] = ('"%s":%s'):format(field, value) end
      return ('{"id":"%s-%d","event":"%s","data":{%s}}'):format(id, n, name or "PAYMENT_SUCCEEDED",
        table.concat(parts, ","))
    end
    assert.equal(400, deliver(event(), lomi.webhook.sign(event(), SECRET)))
    assert.equal(400, deliver(event(), ""))
    assert.equal(400, deliver(""))
    for _, body in ipairs {
      event { amount = "9999" }, event { amount = '"10000"' }, event { currency_code = '"EUR"' },
      event { status = '"pending"' }, event({}, "REFUND_COMPLETED"), event { metadata = '{"order_id":7}' },
      event { metadata = '"x"' }, event { metadata = '{"order_id":"none"}' }, event { metadata = "{}" },
      ('{"id":"%s-x","event":"test.webhook","data":{}}'):format(id),
    } do
      assert.equal(204, deliver(body), body)
    end
    assert.equal("unpaid", state(id))
    assert.same({ "not as ordered", "not as ordered", "not as ordered", "not as ordered", "none" }, effects(id))
    assert.equal(204, deliver(event()))
    assert.equal("paid", state(id))
  end)

  it("answers 500 when the database fails, and takes the event when it is delivered again", function()
    local id, _, charge = order()
    sandbox:confirm(charge, "4242 4242 4242 4242")
    local webhook = assert(sandbox:receive "PAYMENT_SUCCEEDED")
    local database = assert(DBI.Connect("SQLite3", shop.database))
    finally(function() database:close() end)
    local function execute(sql)
      local statement = assert(database:prepare(sql))
      assert(statement:execute())
      statement:close()
    end
    database:autocommit(true)
    execute "BEGIN IMMEDIATE" -- for longer than the shop waits
    assert.equal(500, deliver(webhook.body))
    execute "ROLLBACK"
    assert.equal("unpaid", state(id))
    assert.equal(204, deliver(webhook.body))
    assert.same({ "paid" }, effects(id))
  end)

  it("escapes what is typed, and says at each field what is wrong with it", function()
    local cookie, id = cart()
    local reply = form("/orders", "name=&email=%22%3E%3Cscript%3E", cookie)
    assert.equal(422, reply.status)
    assert.truthy(reply.body:find('value="&quot;&gt;&lt;script&gt;"', 1, true), reply.body)
    assert.matches('aria-describedby="name-error"', reply.body, 1, true)
    assert.matches('aria-describedby="email-error"', reply.body, 1, true)
    assert.is_nil(reply.body:find("<script", 1, true))
    assert.equal(404, request("GET", "/orders/" .. id).status)
    assert.equal(0, #sandbox:charges())
  end)

  it("refuses the forms of other sites, and other methods", function()
    local id, cookie = order()
    for _, path in ipairs { "/cart", "/orders", "/orders/" .. id .. "/pay" } do
      for _, from in ipairs { { ["Sec-Fetch-Site"] = "cross-site" }, { ["Sec-Fetch-Site"] = "same-site" },
        { Origin = "http://evil.example" }, { Origin = "null" } } do
        from.Cookie = cookie
        assert.equal(403, request("POST", path, "", from).status)
      end
      assert.equal(303, request("POST", path, "", { Cookie = cookie, Origin = shop.url }).status)
    end
    assert.equal(403, request("GET", "/orders").status)
    assert.equal(403, request("POST", "/orders/" .. id).status)
    assert.equal(404, request("GET", "/shop.lua").status)
  end)

  it("shows no secret, and tells browsers to keep pages to themselves", function()
    local id, cookie = order()
    for _, path in ipairs { "/", "/cart", "/orders/" .. id } do
      local reply = request("GET", path, nil, { Cookie = path ~= "/cart" and cookie or nil })
      for _, secret in ipairs { "lomi_sk", "whsec", "_secret_", "<script" } do
        assert.is_nil(reply.body:find(secret, 1, true), path)
      end
      assert.equal("no-store", reply.headers["cache-control"])
      assert.matches("default%-src 'none'", reply.headers["content-security-policy"])
      assert.equal("same-origin", reply.headers["referrer-policy"])
    end
  end)

  it("leaves nothing behind when it ends", function()
    local other = start()
    local left, rest = other.stop()
    assert.equal("", left)
    assert.equal("", rest)
    for _, url in ipairs { other.url, other.sandbox } do
      local reply, failure = transport:send { method = "GET", url = url, headers = {}, timeout = 5, connect_timeout = 5,
        proxy = "" }
      assert.is_nil(reply)
      assert.is_false(failure.sent)
    end
  end)
end)
