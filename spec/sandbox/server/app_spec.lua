-- SPDX-License-Identifier: MIT
local direct = require "spec.support.direct"

describe("lomi.sandbox.server.app", function()
  local sandbox

  before_each(function() sandbox = direct.new() end)

  local BODY = '{"amount":10000}'

  local function create(key, connection)
    return sandbox:start("POST", "/charge/card", BODY, { ["Idempotency-Key"] = key }, connection)
  end

  local function fail(fault) assert.equal(200, sandbox:admin("POST", "/faults", fault).status) end
  local function count() return #sandbox:admin("GET", "/charges").json.data end
  local function requests() return sandbox:admin("GET", "/requests").json.data end

  it("hides a key that is the name of a field, in the warning and in the journal", function()
    local reply = sandbox:call("POST", "/charge/card", { amount = 10000, [direct.KEY .. "verysecret"] = 1 })
    assert.matches("unknown field lomi_sk_test_[hidden]", reply.headers["X-Sandbox-Warning"], 1, true)
    local entry = sandbox:admin("GET", "/requests").json.data[1]
    assert.is_nil(table.concat(entry.warnings):find("verysecret", 1, true))
  end)

  it("gives every answer a request id, the body's in an error", function()
    local reply = sandbox:call("GET", "/nowhere")
    assert.equal(reply.json.request_id, reply.headers["X-Request-Id"])
    local _, good = sandbox:charge()
    assert.matches("^%x+%-%x+%-4", good.headers["X-Request-Id"])
  end)

  describe("a fault", function()
    it("of status comes before the idempotency store: the key is as good as new", function()
      fail { status = 500, times = 2 }
      assert.same({ 500, 500, 201 }, { create("k").status, create("k").status, create("k").status })
      assert.equal(1, count())
    end)

    it("that is recorded is the key's answer from then on", function()
      fail { status = 500, recorded = true }
      local first, again = create("k"), create("k")
      assert.equal(500, again.status)
      assert.equal(first.body, again.body)
      assert.equal("true", again.headers["Idempotency-Cache-Hit"])
      assert.is_nil(first.headers["Idempotency-Cache-Hit"])
      assert.equal(0, count())
      assert.equal(201, create("other").status)
    end)

    it("that is recorded may hide a charge", function()
      fail { status = 500, recorded = true, charged = true }
      assert.equal(500, create("k").status)
      assert.equal(1, count())
    end)

    it("before the charge leaves none, after it one", function()
      fail { drop = "before" }
      assert.is_true(create("k").drop)
      assert.equal(0, count())
      fail { drop = "after" }
      assert.is_true(create("k").drop)
      assert.equal(1, count())
      local reply = create("k")
      assert.equal("true", reply.headers["Idempotency-Cache-Hit"])
      assert.equal(1, count())
    end)

    it("that cuts a reply leaves its whole body to be announced", function()
      fail { drop = "mid_body" }
      local reply = create("k")
      assert.is_true(reply.truncate > 0 and reply.truncate < #reply.body)
      assert.equal(1, count())
    end)

    it("does not strike what tests ask", function()
      fail { status = 500 }
      assert.equal(0, count())
      assert.equal(500, create("k").status)
    end)

    it("can be taken back", function()
      fail { status = 500 }
      sandbox:admin("POST", "/chaos", { rate = 1 })
      sandbox:admin("DELETE", "/faults")
      assert.equal(201, create("k").status)
    end)
  end)

  describe("a delay", function()
    it("waits with the charge made and the key in progress", function()
      fail { delay = 1.5 }
      local _, waiting, seconds = create("k")
      assert.equal(1.5, seconds)
      assert.equal(1, count())
      local meanwhile = create("k")
      assert.equal(409, meanwhile.status)
      assert.equal("idempotency_in_progress", meanwhile.json.error.code)
      assert.equal(201, create("other").status)
      local first = sandbox.finish(waiting)
      assert.equal(201, first.status)
      assert.equal(first.body, create("k").body)
      assert.equal(2, count())
    end)

    it("goes before any other fault", function()
      fail { delay = 1, status = 503 }
      local _, waiting = create("k")
      assert.equal(503, sandbox.finish(waiting).status)
      fail { delay = 1, drop = "after" }
      _, waiting = create("k")
      assert.is_true(sandbox.finish(waiting).drop)
      assert.equal(1, count())
    end)

    it("holds also what is refused", function()
      fail { delay = 1 }
      local _, waiting, seconds = sandbox:start("GET", "/nowhere")
      assert.equal(1, seconds)
      assert.equal(404, sandbox.finish(waiting).status)
    end)

    it("may end in another world, and changes nothing there", function()
      fail { delay = 1 }
      local _, waiting = create("k")
      sandbox:admin("POST", "/reset")
      assert.equal(201, sandbox.finish(waiting).status)
      assert.equal(0, count())
      assert.is_nil(create("k").headers["Idempotency-Cache-Hit"])
    end)
  end)

  describe("the journal", function()
    it("has what the server saw, in order, and what became of it", function()
      fail { drop = "after" }
      sandbox:call("GET", "/charge/card/pi%201?a=b", nil, nil, 7)
      sandbox:charge(nil, { ["Idempotency-Key"] = "k" })
      local list = requests()
      local one = list[1]
      assert.same({ "GET", "/charge/card/pi%201?a=b", "/charge/card/pi%201", "a=b", 7 },
        { one.method, one.target, one.path, one.query, one.connection })
      assert.equal("drop after", one.fault)
      assert.is_nil(one.status)
      assert.equal("k", list[2].headers["idempotency-key"])
      assert.equal(201, list[2].status)
      assert.equal("lomi_sk_test_[hidden]", list[2].headers["x-api-key"])
      assert.equal(2, #list)
    end)

    it("shows a request that still waits", function()
      fail { delay = 1 }
      create("k")
      assert.equal("/charge/card", requests()[1].path)
      assert.is_nil(requests()[1].status)
    end)

    it("says what was replayed and warned of", function()
      create("k")
      create("k")
      local list = requests()
      assert.is_true(list[2].replayed)
      assert.matches("no customer", list[1].warnings[1], 1, true)
    end)

    it("keeps no card number", function()
      local charge = sandbox:charge()
      sandbox:call("POST", "/pay/" .. charge.id, "card=4242424242424242&cvc=123&client_secret=" .. charge.client_secret)
      local body = sandbox:admin("GET", "/requests").body
      assert.falsy(body:find("42424242", 1, true))
      assert.falsy(body:find(charge.client_secret, 1, true))
    end)

    it("comes in pages that a client can hold", function()
      local long = ("x"):rep(60000)
      for _ = 1, 50 do sandbox:charge { description = long } end
      local first = sandbox:admin("GET", "/requests")
      assert.is_true(#first.body < 2 * 1024 * 1024)
      local seen, from = #first.json.data, first.json.next
      while from do
        local page = sandbox:admin("GET", "/requests?from=" .. from).json
        assert.equal(seen + 1, page.data[1].number)
        seen, from = seen + #page.data, page.next
      end
      assert.equal(50, seen)
    end)
  end)

  it("counts the connections that brought something to the API", function()
    local function accepts() return sandbox:admin("GET", "/stats").json.data.accepts end
    assert.equal(0, accepts())
    create("a", 5)
    create("b", 5)
    assert.equal(1, accepts())
    create("c", 6)
    assert.equal(2, accepts())
  end)

  it("forgets everything at a reset", function()
    create("k")
    fail { status = 500 }
    sandbox:admin("POST", "/chaos", { rate = 1 })
    sandbox:admin("POST", "/reset")
    assert.same({ 0, 0 }, { count(), #requests() })
    assert.equal(0, sandbox:admin("GET", "/stats").json.data.accepts)
    assert.is_nil(create("k").headers["Idempotency-Cache-Hit"])
  end)

  it("stays bounded under very many requests", function()
    local app = direct.new().app
    local request = { method = "GET", target = "/charge/card/pi_1", body = "",
      headers = { ["x-api-key"] = direct.KEY } }
    local function run(from, to)
      for i = from, to do
        request.connection = i
        app:handle(request)
      end
      collectgarbage()
      collectgarbage()
      return collectgarbage("count")
    end
    local before = run(1, 12000)
    assert.is_true(run(12001, 24000) < before + 2048) -- KiB: of connections there are still more to come
  end)
end)
