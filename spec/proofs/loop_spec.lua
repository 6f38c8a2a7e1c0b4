-- SPDX-License-Identifier: MIT
-- Whatever strikes a loop or its tasks: each call gets its own reply, no task is lost, and none is finished twice.
local child = require "spec.support.child"
local core = require "lomi.core"
local given = require "spec.support.given"
local libkqueue = require "spec.support.libkqueue"
local lomi = require "lomi"
local nginx_of = require "spec.support.nginx"
local sandbox_of = require "lomi.sandbox"
local socket = require "socket"

local KEY = given.KEY
local PATIENCE = 5 -- seconds

describe("a loop, whatever strikes,", function()
  local sandbox, loop, charges

  local function new(transport, options)
    local all = { api_key = KEY, base_url = sandbox.url, transport = transport, max_retries = 0 }
    for name, value in pairs(options or {}) do all[name] = value end
    return lomi.new(all).charges
  end

  local function pay(amount, on)
    return (on or charges):create_card_charge {
      amount = amount, customer_email = "awa@example.com", customer_name = "Awa Ndiaye",
    }
  end

  setup(function() sandbox = assert(sandbox_of.start()) end)
  teardown(function() sandbox:stop() end)
  before_each(function()
    sandbox:reset()
    loop = lomi.loop()
    charges = new(loop)
  end)
  after_each(function() loop:close() end)

  -- As another event loop watches it.
  local function watched(one)
    return { getfd = function() return one:pollfd() end, dirty = function() return false end }
  end

  local function wait(one, most)
    local _, _, why = socket.select({ watched(one) }, nil, math.max(0, math.min(one:timeout() or most, most)))
    return why == nil
  end

  -- Raises in the coroutine when it has run so many instructions.
  local function watch(co, at)
    debug.sethook(co, function()
      debug.sethook(co)
      error("watchdog", 0)
    end, "", at)
  end

  -- Polls when the loop says so, until no task is left; nil and why if it takes too long or raises.
  local function poll_to_the_end()
    local deadline = core.now() + PATIENCE
    while core.now() < deadline do
      local ok, alive = pcall(loop.poll, loop)
      if not ok then return nil, "a later poll raises: " .. tostring(alive) end
      if alive == 0 then return true end
      wait(loop, PATIENCE)
    end
    return nil, "a task never ends"
  end

  -- Hooks are not called in compiled code.
  local function without_jit(action)
    local jit = rawget(_G, "jit")
    if jit then
      jit.off()
      jit.flush()
    end
    local ok, why = pcall(action)
    debug.sethook()
    if jit then jit.on() end
    if not ok then error(why, 0) end
  end

  describe("refuses a call where Lua cannot yield, before anything is sent:", function()
    for name, inside in pairs {
      ["string.gsub"] = function(call) string.gsub("A", "A", call) end,
      ["table.sort"] = function(call)
        table.sort({ 3, 2, 1 }, function(a, b)
          call()
          return a < b
        end)
      end,
      ["require"] = function(call)
        package.preload["spec.shop"] = call
        package.loaded["spec.shop"] = nil
        require "spec.shop"
      end,
    } do
      it(name, function()
        local task = loop:spawn(function()
          local ok, why = pcall(inside, function()
            pay(10000)
            return "x"
          end)
          local charge, err = pay(77000)
          return ok, why, charge and charge.original_amount or tostring(err)
        end)
        assert.is_true(poll_to_the_end())
        local ok, why, amount = task:result()
        assert.is_false(ok)
        assert.matches("yield", tostring(why))
        assert.equal(77000, amount)
        local made = sandbox:charges()
        assert.same({ 1, 77000 }, { #made, made[1].original_amount })
      end)
    end

    it("and run() goes on until the others are done", function()
      sandbox:fail { delay = 0.3, match = { path = "/charge/card" } }
      local slow = loop:spawn(pay, 10000)
      loop:poll()
      local quick = loop:spawn(function()
        pcall(string.gsub, "x", "x", function() charges:get_card_charge "pi_none" end)
        return "over"
      end)
      loop:run()
      assert.is_true(slow:done())
      assert.equal(10000, (slow:result()).original_amount)
      assert.equal("over", quick:result())
    end)

    it("in nginx, too, with a warm pool", function()
      if nginx_of.missing then pending(nginx_of.missing) end
      local nginx = nginx_of.start()
      local said = nginx:run([[
        local asked = ...
        local client = require("lomi").new(asked.options)
        client.charges:get_card_charge "pi_none"
        local ok, why = pcall(string.gsub, "A", "A", function() client.charges:create_card_charge(asked.charge) end)
        local _, err = client.charges:get_card_charge "pi_none"
        return { ok, tostring(why), err.kind }
      ]], {
        options = { api_key = KEY, base_url = sandbox.url, max_retries = 0 },
        charge = { amount = 10000, customer_email = "awa@example.com", customer_name = "Awa Ndiaye" },
      })
      nginx:stop()
      assert.is_false(said[1])
      assert.matches("yield", said[2])
      assert.equal("not_found", said[3])
      assert.equal(0, #sandbox:charges())
    end)
  end)

  it("resumes a task by what it waits for alone, whoever resumes it meanwhile", function()
    local co
    local task = loop:spawn(function()
      co = coroutine.running()
      local charge, err = pay(10000)
      return charge and charge.original_amount, err, (pay(20000) or {}).original_amount
    end)
    loop:poll()
    local forged = { status = 201, headers = {}, body = '{"data":{"id":"pi_forged"}}' }
    for _, with in ipairs { "x", forged, 1, true, false } do pcall(coroutine.resume, co, with) end
    pcall(coroutine.resume, co)
    pcall(coroutine.resume, co, nil, { kind = "connection", message = "forged", sent = false })
    assert.is_true(poll_to_the_end())
    assert.same({ 10000, nil, 20000 }, { task:result() })
    assert.equal(2, #sandbox:charges())
  end)

  -- Calls it; an error strikes at the given instruction. Did it strike?
  local function strike_at(instruction, action)
    local struck = false
    pcall(function()
      debug.sethook(function()
        debug.sethook()
        struck = true
        error("interrupted", 0)
      end, "", instruction)
      action()
      debug.sethook()
    end)
    debug.sethook()
    return struck
  end

  it("survives an error that strikes anywhere in poll, and loses no result by it", function()
    libkqueue.cannot(pending, libkqueue.not_polled)
    without_jit(function()
      for at = 1, 400 do
        local instruction = math.ceil(at / 2)
        local task = loop:spawn(pay, 10000)
        if at % 2 == 0 then -- it strikes while the reply is given, else while the task starts
          loop:poll()
          wait(loop, 0.05)
        end
        strike_at(instruction, function() loop:poll() end)
        local struck = core.now()
        if not task:done() then wait(loop, PATIENCE) end
        assert(core.now() - struck < 2, ("struck at instruction %d: nothing wakes the loop"):format(instruction))
        local ended, why = poll_to_the_end()
        assert(ended, ("struck at instruction %d: %s"):format(instruction, tostring(why)))
        assert.is_true(task:done(), ("struck at instruction %d: the task is lost"):format(instruction))
        local made, charge = pcall(task.result, task)
        -- In LuaJIT it may strike in the task itself.
        assert(made or rawget(_G, "jit"), ("struck at instruction %d: %s"):format(instruction, tostring(charge)))
        if made then assert.equal(10000, charge.original_amount) end
      end
    end)
    assert.equal(0, loop.alive)
  end)

  it("tells a failed task's error once, wherever an error strikes in poll", function()
    for at = 1, 300 do
      local one, told, raised = lomi.loop(), {}, false
      one.on_error = function(message) told[#told + 1] = message end
      one:spawn(function()
        raised = true
        error("the task's own", 0)
      end)
      pcall(function()
        local steps = 0
        debug.sethook(function()
          steps = steps + 1
          if steps < at then return end
          debug.sethook()
          error("struck", 0)
        end, "", 1)
        one:poll()
        debug.sethook()
      end)
      debug.sethook()
      one:poll()
      collectgarbage()
      collectgarbage()
      assert.equal(1, #told, ("struck at %d: %s"):format(at, table.concat(told, " | ")))
      -- LuaJIT has one hook for all coroutines, and no way to ask a dead one what it raised.
      if raised and not jit then assert.match("^the task's own", told[1]) end -- luacheck: ignore 113
      one:close()
    end
  end)

  describe("is closed for good,", function()
    -- Three tasks that wait for a reply, each with a `<close>` variable where Lua has them.
    local function fill(closed)
      loop = lomi.loop()
      local mark = setmetatable({}, { __close = function() closed.count = closed.count + 1 end })
      local run = assert((rawget(_G, "loadstring") or load)(([[
        return function(pay, mark)
          local _ %s = mark
          pay(10000)
          pay(10000)
        end]]):format(rawget(_G, "jit") and "" or "<close>")))()
      local on, tasks = new(loop), {}
      for i = 1, 3 do
        tasks[i] = loop:spawn(function() run(function(amount) return pay(amount, on) end, mark) end)
      end
      return tasks
    end

    local function check(tasks, where)
      for i = 1, 3 do assert(tasks[i]:done(), ("%s: task %d goes on"):format(where, i)) end
      assert(loop.alive == 0, ("%s: %d alive"):format(where, loop.alive))
    end

    it("wherever an error struck in poll before", function()
      without_jit(function()
        for at = 1, 200 do
          local closed = { count = 0 }
          local tasks = fill(closed)
          if at % 2 == 0 then
            loop:poll()
            wait(loop, 0.05)
          end
          strike_at(math.ceil(at / 2), function() loop:poll() end)
          loop:close()
          check(tasks, "struck at instruction " .. math.ceil(at / 2))
        end
      end)
    end)

    it("by another close wherever an error struck in the first", function()
      without_jit(function()
        for at = 1, 600 do -- in LuaJIT what its tasks do counts, too, and is longer
          local closed = { count = 0 }
          local tasks = fill(closed)
          loop:poll()
          local struck = strike_at(at, function() loop:close() end)
          loop:close()
          check(tasks, "struck at instruction " .. at)
          assert.equal(rawget(_G, "jit") and 0 or 3, closed.count)
          if not struck then break end
        end
      end)
    end)

    it("by a task wherever a hook has cut its call", function()
      without_jit(function()
        for at = 100, 400 do
          loop = lomi.loop()
          local on = new(loop)
          local other = loop:spawn(pay, 10000, on)
          local closed, why
          local task = loop:spawn(function()
            local co = coroutine.running()
            pcall(function()
              watch(co, at)
              pay(11000, on)
              debug.sethook(co)
            end)
            debug.sethook(co)
            closed, why = pcall(loop.close, loop)
          end)
          repeat loop:poll() until closed ~= nil
          assert(closed, ("struck at instruction %d: %s"):format(at, tostring(why)))
          assert(task:done() and other:done() and loop.alive == 0, at)
        end
      end)
    end)
  end)

  it("refuses a poll by the <close> variable of a task that failed", function()
    if rawget(_G, "jit") then
      pending "no <close> in LuaJIT"
      return
    end
    local ok, why
    loop.on_error = function() end
    loop:spawn(assert(load [[
      local act = ...
      local _ <close> = setmetatable({}, { __close = act })
      error "failed"
    ]]), function() ok, why = pcall(loop.run, loop) end)
    local other = loop:spawn(pay, 10000)
    assert.is_true(poll_to_the_end())
    assert.is_false(ok)
    assert.matches("polled from one of its own tasks", why)
    assert.equal(10000, other:result().original_amount)
  end)

  it("runs every task wherever a hook has struck in spawn, and the task has caught it", function()
    without_jit(function()
      for at = 1, 200 do
        local ran, struck = false, false
        loop:spawn(function()
          local co = coroutine.running()
          local spawned = pcall(function()
            debug.sethook(co, function()
              debug.sethook(co)
              struck = true
              error("watchdog", 0)
            end, "", at)
            loop:spawn(function() ran = true end)
            debug.sethook(co)
          end)
          debug.sethook(co)
          ran = ran or not spawned -- that one may have begun or not
        end)
        local ended, why = poll_to_the_end()
        assert(ended, ("struck at instruction %d: %s"):format(at, tostring(why)))
        assert(ran, at)
        if not struck then return end
      end
      error "spawn is longer than this spec thinks"
    end)
  end)

  it("gives a task that a hook interrupted no answer of an earlier call", function()
    local wrong, cut = {}, 0
    without_jit(function()
      for at = 1, 900, 2 do
        loop:spawn(function()
          local co = coroutine.running()
          watch(co, at)
          local ok = pcall(pay, 11000)
          debug.sethook(co)
          if not ok then cut = cut + 1 end
          local charge, err = pay(22000)
          if not charge or charge.original_amount ~= 22000 then
            wrong[#wrong + 1] = ("%d: %s"):format(at, charge and charge.original_amount or tostring(err))
          end
        end)
        local ended, why = poll_to_the_end()
        assert(ended, ("struck at instruction %d: %s"):format(at, tostring(why)))
      end
    end)
    assert.equal("", table.concat(wrong, "\n"))
    assert.is_true(cut > 100, cut)
  end)

  it("keeps descriptors and wake-ups apart from another's", function()
    libkqueue.cannot(pending, libkqueue.not_polled)
    local other = lomi.loop()
    local its = new(other)
    other:spawn(function() its:get_card_charge "pi_none" end)
    other:run()
    local task = loop:spawn(pay, 10000)
    repeat
      loop:poll()
      assert.not_equal(other:pollfd(), loop:pollfd())
      socket.select({ watched(other) }, nil, 0.01)
    until task:done()
    local third = lomi.loop()
    assert.not_equal(third:pollfd(), other:pollfd())
    local last = loop:spawn(pay, 10000)
    loop:poll()
    assert.is_true(last:done() or wait(loop, PATIENCE)) -- the reply is there; mostly nobody has read it
    assert.equal(0, #socket.select({ watched(other) }, nil, 0))
    assert.equal(0, #socket.select({ watched(third) }, nil, 0))
    for _, one in ipairs { other, third } do one:close() end
  end)

  it("gives its answer at once after a blocking call beside it", function()
    libkqueue.cannot(pending, libkqueue.not_polled)
    local on_loop, blocking = new(loop, { timeout = 6 }), new(nil)
    sandbox:fail { delay = 0.2, match = { path = "/charge/card" } }
    sandbox:fail { delay = 0.5, match = { path = "/charge/card/pi_none" } }
    local task = loop:spawn(pay, 10000, on_loop)
    loop:poll()
    while #sandbox:requests() == 0 do -- blocking calls, too
      wait(loop, 0.01)
      loop:poll()
    end
    blocking:get_card_charge "pi_none"
    local freed = core.now()
    repeat
      assert.is_true(wait(loop, 5), "nothing wakes the loop")
      loop:poll()
    until task:done() or core.now() - freed > 5
    assert.equal(10000, (task:result()).original_amount)
    assert.is_true(core.now() - freed < 1.5, core.now() - freed) -- its timeout is 6 s
  end)

  it("closes the <close> variables of its tasks when it is closed", function()
    if rawget(_G, "jit") then
      pending "no <close> in LuaJIT"
      return
    end
    sandbox:fail { delay = 5, times = 2 }
    local released = {}
    local function lock(name)
      return setmetatable({}, { __close = function() released[#released + 1] = name end })
    end
    assert(load [[
      local loop, lock, charges = ...
      loop:spawn(function()
        local l <close> = lock "a bare yield"
        while true do coroutine.yield() end
      end)
      loop:spawn(function()
        local l <close> = lock "waits for a reply"
        charges:get_card_charge "pi_1"
      end)
      loop:spawn(function()
        local l <close> = lock "waits again"
        charges:get_card_charge "pi_2"
        coroutine.yield()
        coroutine.yield()
      end)
      loop:spawn(function()
        local l <close> = lock "raises"
        charges:get_card_charge "pi_3"
        error "after the loop is closed"
      end)
    ]])(loop, lock, charges)
    for _ = 1, 5 do loop:poll() end
    loop:close()
    table.sort(released)
    assert.same({ "a bare yield", "raises", "waits again", "waits for a reply" }, released)
    assert.equal(0, loop.alive)
  end)

  it("says so when there are no descriptors left, and recovers", function()
    local output, status = child.run(([[
      local process, lomi = require "spec_process", require "lomi"
      local base_url = %q
      local function pay(loop)
        local client = lomi.new {
          api_key = "lomi_sk_test_x", base_url = base_url, transport = loop, timeout = 3, max_retries = 0,
        }
        local charge = { amount = 10000, customer_email = "a@example.com", customer_name = "Awa" }
        local task = loop:spawn(function() return client.charges:create_card_charge(charge) end)
        loop:run()
        return task:result()
      end
      local first = lomi.loop() -- loads what is loaded at the first call
      assert(pay(first))
      first:close()
      process.limit_descriptors(48)
      for free = 0, 6 do
        local loop = lomi.loop()
        local files = {}
        while true do
          local file = io.open "/dev/null"
          if not file then break end
          files[#files + 1] = file
        end
        for _ = 1, free do table.remove(files):close() end
        local ok, charge, err = pcall(pay, loop)
        for _, file in ipairs(files) do file:close() end
        if not ok then
          print(free, "raises", charge)
        elseif not charge and (err.kind ~= "connection" or err.outcome ~= "not_sent") then
          print(free, err)
        elseif not charge and not err.message:find "descriptor" and not err.message:find "open files" then
          print(free, "unclear", err)
        end
        ok, charge, err = pcall(pay, loop)
        if not ok or not charge then print(free, "then all", charge, err) end
        loop:close()
      end
      print "recovered"
    ]]):format((sandbox.url:gsub("127%.0%.0%.1", "localhost"))))
    assert.equal("recovered", output)
    assert.equal(0, status)
  end)
end)
