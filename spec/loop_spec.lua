-- SPDX-License-Identifier: MIT
local core = require "lomi.core"
local cost = require "spec.support.cost"
local given = require "spec.support.given"
local libkqueue = require "spec.support.libkqueue"
local lomi = require "lomi"
local server_of = require "spec.support.server"

local KEY = given.KEY

describe("a loop", function()
  local server, loop, client

  before_each(function()
    server = server_of.start()
    loop = lomi.loop()
    client = lomi.new { api_key = KEY, base_url = server.url, transport = loop, backoff = { base = 0.01, cap = 0.02 } }
  end)

  after_each(function()
    loop:close()
    server:stop()
  end)

  local function charge() return client.charges:create_card_charge { amount = 10000 } end

  local function count(name)
    local n = 0
    for _, request in ipairs(server:requests()) do
      if request.target:find(name, 1, true) then n = n + 1 end
    end
    return n
  end

  it("runs many charges at once", function()
    local delayed = {}
    for i = 1, 20 do delayed[i] = { status = 201, delay = 0.2, body = '{"data":{"id":"pi_1","n":1}}' } end
    server:script((table.unpack or unpack)(delayed)) -- luacheck: ignore
    local tasks = {}
    for i = 1, 20 do tasks[i] = loop:spawn(charge) end
    local started = core.now()
    loop:run()
    assert.is_true(core.now() - started < 2) -- one after the other: 4 seconds
    for _, task in ipairs(tasks) do
      assert.is_true(task:done())
      assert.equal(1, (task:result()).n)
    end
  end)

  it("never waits in poll", function()
    server:script { status = 201, delay = 1, body = '{"data":{"id":"pi_1"}}' }
    local task = loop:spawn(charge)
    assert.is_false(task:done())
    assert.error_matches(function() task:result() end, "not done yet")
    local longest, polls, libcurl_loaded = 0, 0, false
    while not task:done() do
      local before = core.now()
      loop:poll()
      if libcurl_loaded then longest = math.max(longest, core.now() - before) end
      libcurl_loaded = true
      polls = polls + 1
      core.sleep(0.005)
    end
    assert.equal("pi_1", (task:result()).id)
    assert.is_true(polls > 10)
    assert.is_true(longest < 0.5, longest)
  end)

  it("waits for a retry without holding up the other tasks", function()
    server:script { status = 429, headers = { ["Retry-After"] = "1" }, body = '{"error":{"code":"x","message":"y"}}' }
    local order = {}
    loop:spawn(function()
      local _, _, reply = charge()
      order[#order + 1] = "retried " .. reply.attempts
    end)
    loop:poll()
    loop:spawn(function()
      while count("/charge") == 0 do coroutine.yield() end
      charge()
      order[#order + 1] = "straight"
    end)
    loop:run()
    assert.same({ "straight", "retried 2" }, order)
  end)

  it("keeps a deadline", function()
    local hasty = lomi.new { api_key = KEY, base_url = server.url, transport = loop, deadline = 0.3, max_retries = 0 }
    local err = cost.ends_on_time(0.3, 0.05, function()
      server:script { status = 201, delay = 10 }
      local task = loop:spawn(function() return hasty.charges:create_card_charge { amount = 10000 } end)
      loop:run()
      return select(2, task:result())
    end)
    assert.equal("timeout", err.kind)
  end)

  it("gives all results of a task, nils included", function()
    local task = loop:spawn(function(...) return nil, ..., nil end, "a", nil, "b")
    loop:run()
    assert.equal(3, select("#", task:result()))
    local none = loop:spawn(function() end)
    loop:run()
    assert.equal(0, select("#", none:result()))
  end)

  it("raises what a task raised, with its traceback", function()
    local function deep() error("boom") end
    local task = loop:spawn(function() deep() end)
    loop:run()
    local _, message = pcall(task.result, task)
    assert.matches("spec/loop_spec%.lua:%d+: boom", message)
    assert.matches("traceback", message)
    assert.matches("deep", message)
    local value = {}
    local other = loop:spawn(function() error(value) end)
    loop:run()
    local _, raised = pcall(other.result, other)
    assert.equal(value, raised)
  end)

  it("goes on with the others when a task raises", function()
    loop:spawn(function() error("boom") end)
    local task = loop:spawn(charge)
    loop:run()
    assert.equal("pi_scripted", (task:result()).id)
  end)

  it("lets a task spawn others, and a bare yield wait for the next poll", function()
    local turns = 0
    local task = loop:spawn(function()
      local inner = loop:spawn(function() turns = turns + 1 end)
      repeat coroutine.yield() until inner:done()
      return "both"
    end)
    loop:run()
    assert.equal("both", task:result())
    assert.equal(1, turns)
  end)

  describe("is misused, and says so at the caller's line,", function()
    it("by a call outside its tasks", function()
      local ok, message = pcall(function() client.charges:create_card_charge { amount = 1 } end)
      assert.is_false(ok)
      assert.matches("spec/loop_spec%.lua:%d+: .*loop:spawn", message)
      assert.error_matches(function() client:request("GET", "/x") end, "loop:spawn")
      assert.equal(0, #server:requests())
    end)

    it("by a call from a coroutine inside a task", function()
      local task = loop:spawn(function()
        return coroutine.wrap(function() return charge() end)()
      end)
      loop:run()
      assert.error_matches(function() task:result() end, "coroutine inside a task")
    end)

    it("by polling from a task, spawning no function, using it closed", function()
      local task = loop:spawn(function() loop:poll() end)
      loop:run()
      assert.error_matches(function() task:result() end, "its own tasks")
      assert.error_matches(function() loop:spawn("x") end, "spawn takes a function")
      local _, wrong = pcall(function() loop.poll() end)
      assert.matches("^.*spec/loop_spec.lua:%d+: call it with a colon", wrong)
      loop:close()
      assert.error_matches(function() loop:poll() end, "closed")
      assert.error_matches(function() loop:spawn(charge) end, "closed")
    end)
  end)

  describe("that is closed", function()
    local function poll_until(done)
      repeat
        loop:poll()
        core.sleep(0.005)
      until done()
    end

    it("tells a call that waits for its reply what is known", function()
      server:script { status = 201, delay = 5 }
      local told = 0
      local watched = lomi.new {
        api_key = KEY, base_url = server.url, transport = loop, on_attempt = function() told = told + 1 end,
      }
      local task = loop:spawn(function() return watched.charges:create_card_charge { amount = 10000 } end)
      poll_until(function() return count "/charge/card" == 1 end)
      loop:close()
      loop:close()
      local charged, err = task:result()
      assert.is_nil(charged)
      assert.same({ "connection", "unknown", 1 }, { err.kind, err.outcome, err.attempts })
      assert.matches("the loop was closed before the reply had come; .*the same idempotency_key", err.message)
      assert.equal(36, #err.idempotency_key)
      assert.equal(1, told)
      assert.equal(0, loop.alive)
    end)

    it("tells a call that waits for its next attempt, too", function()
      server:script { status = 503 }
      local patient = lomi.new {
        api_key = KEY, base_url = server.url, transport = loop, backoff = { base = 60, cap = 60 }, deadline = 600,
      }
      local task = loop:spawn(function() return patient.charges:create_card_charge { amount = 10000 } end)
      poll_until(function() return count "/charge/card" == 1 and not next(loop.waiting) end)
      loop:close()
      local charged, err = task:result()
      assert.is_nil(charged)
      assert.same({ "connection", "unknown" }, { err.kind, err.outcome })
      assert.equal(1, count "/charge/card")
    end)

    it("ends tasks that go on", function()
      server:script { status = 201, delay = 5 }
      local rounds = 0
      local charging = loop:spawn(function()
        while true do
          rounds = rounds + 1
          charge()
        end
      end)
      local yielding = loop:spawn(function() while true do coroutine.yield() end end)
      poll_until(function() return count "/charge/card" == 1 end)
      local unborn = loop:spawn(charge)
      loop:close()
      assert.error_matches(function() charging:result() end, "the loop is closed")
      assert.error_matches(function() yielding:result() end, "closed before the task was done")
      assert.error_matches(function() unborn:result() end, "closed before the task was done")
      assert.equal(2, rounds)
      assert.equal(0, loop.alive)
    end)

    it("by one of its own tasks lets that one end", function()
      server:script { status = 201, delay = 5 }
      local other = loop:spawn(charge)
      poll_until(function() return count "/charge/card" == 1 end)
      local closer = loop:spawn(function()
        loop:close()
        return "closed"
      end)
      local stays = loop:spawn(function()
        loop:close()
        coroutine.yield()
      end)
      loop:poll()
      assert.equal("closed", (closer:result()))
      assert.equal("unknown", select(2, other:result()).outcome)
      assert.error_matches(function() stays:result() end, "closed before the task was done")
      assert.equal(0, loop.alive)
    end)
  end)

  it("leaks nothing when it is dropped with requests in flight", function()
    server:script { delay = 5 }
    local weak = setmetatable({}, { __mode = "v" })
    do
      local dropped = lomi.loop()
      local its = lomi.new { api_key = KEY, base_url = server.url, transport = dropped }
      dropped:spawn(function() its.charges:create_card_charge { amount = 1 } end)
      repeat dropped:poll() until count "/charge" == 1
      weak.loop, weak.engine = dropped, dropped.engine
      assert.is_truthy(weak.engine)
    end
    for _ = 1, 4 do collectgarbage() end
    assert.is_nil(weak.loop)
    assert.is_nil(weak.engine)
  end)

  it("is a pollable for cqueues", function()
    libkqueue.cannot(pending, libkqueue.not_polled)
    local there, cqueues = pcall(require, "cqueues")
    if not there then pending(("no cqueues for %s"):format(_VERSION)) end
    server:script { status = 201, delay = 0.1, body = '{"data":{"id":"pi_q"}}' }
    local task = loop:spawn(charge)
    local queue, ticks = cqueues.new(), 0
    queue:wrap(function()
      while loop:poll() > 0 do cqueues.poll(loop) end
    end)
    queue:wrap(function()
      while not task:done() do
        ticks = ticks + 1
        cqueues.sleep(0.01)
      end
    end)
    assert(queue:loop(5))
    assert.equal("pi_q", (task:result()).id)
    assert.is_true(ticks >= 3) -- the other thread went on meanwhile
  end)

  it("goes with libuv", function()
    local there, uv = pcall(require, "luv")
    if not there then pending(("no luv for %s"):format(_VERSION)) end
    server:script { status = 201, delay = 0.1, body = '{"data":{"id":"pi_u"}}' }
    local task = loop:spawn(charge)
    local poll, timer, ticker, ticks = uv.new_poll(loop:pollfd()), uv.new_timer(), uv.new_timer(), 0
    local function turn()
      if loop:poll() == 0 then
        poll:stop()
        timer:stop()
        ticker:stop()
        return
      end
      local wait = loop:timeout()
      timer:stop()
      if wait then timer:start(math.ceil(wait * 1000), 0, turn) end
    end
    ticker:start(10, 10, function() ticks = ticks + 1 end)
    poll:start("r", turn)
    timer:start(0, 0, turn)
    uv.run()
    for _, handle in ipairs { poll, timer, ticker } do handle:close() end
    uv.run()
    assert.equal("pi_u", (task:result()).id)
    assert.is_true(ticks >= 3)
  end)

  it("is warm before the first charge: its connection is there", function()
    assert.is_true(loop:warm())
    local task = loop:spawn(charge)
    loop:run()
    assert.truthy(task:result())
    local requests = server:requests()
    assert.equal("GET", requests[1].method)
    assert.equal(requests[1].connection, requests[2].connection)
    assert.is_nil(requests[1].headers["x-api-key"])
  end)

  it("shows no secret", function()
    assert.matches("^lomi%.Loop %(0 tasks%)$", tostring(loop))
  end)
end)
