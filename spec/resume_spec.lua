-- SPDX-License-Identifier: MIT
-- The debug hooks of a loop's tasks, on every Lua as in Lua 5.4, where each coroutine has a hook of its own.
local child = require "spec.support.child"
local core = require "lomi.core"
local given = require "spec.support.given"
local lomi = require "lomi"
local process = require "spec_process"
local sandbox_of = require "lomi.sandbox"

local jit = rawget(_G, "jit")
local EVENTS = { { "l", 0 }, { "c", 0 }, { "r", 0 }, { "", 1 }, { "", 3 }, { "", 50 }, { "crl", 1 } }

local function name_of(event)
  return ("hook %q, %d"):format(event[1], event[2])
end

describe("a debug hook", function()
  local loop, failures

  before_each(function()
    if jit then jit.off() end -- compiled code calls no hooks
    if jit then jit.flush() end
    loop, failures = lomi.loop(), {}
    loop.on_error = function(message) failures[#failures + 1] = message end
  end)

  after_each(function()
    debug.sethook()
    if jit then jit.on() end
    loop:close()
  end)

  local function work()
    local sum = 0
    for i = 1, 100 do sum = sum + #tostring(i) end
    return sum
  end

  -- Polls until no task is left.
  local function poll_to_the_end()
    for _ = 1, 1000 do
      if loop:poll() == 0 then return end
      work()
    end
    error "a task never ends"
  end

  for _, event in ipairs(EVENTS) do
    describe(("that a task sets, %s,"):format(name_of(event)), function()
      it("strikes in that task alone, before and after it has waited", function()
        local strikes, elsewhere, others = { 0, 0 }, 0, 0
        local part, co = 1, nil
        local task = loop:spawn(function()
          co = coroutine.running()
          debug.sethook(co, function()
            if coroutine.running() == co then strikes[part] = strikes[part] + 1 else elsewhere = elsewhere + 1 end
          end, event[1], event[2])
          work()
          coroutine.yield()
          part = 2
          work()
        end)
        local other = loop:spawn(function()
          for _ = 1, 3 do
            others = others + work()
            coroutine.yield()
          end
        end)
        poll_to_the_end()
        assert.is_true(task:done() and other:done())
        assert.equal(0, elsewhere)
        assert.is_true(strikes[1] > 0 and strikes[2] > 0, ("%d and %d strikes"):format(strikes[1], strikes[2]))
        assert.is_nil((debug.gethook()))
      end)

      it("and that raises at every strike fails the task, and nothing else", function()
        local other = loop:spawn(function()
          for _ = 1, 3 do
            work()
            coroutine.yield()
          end
          return "over"
        end)
        local function strike() error("watchdog", 0) end
        for _, before in ipairs { function() end, coroutine.yield } do
          loop:spawn(function()
            before()
            debug.sethook(coroutine.running(), strike, event[1], event[2])
            work()
            coroutine.yield()
            work()
          end)
        end
        poll_to_the_end()
        assert.equal("over", other:result())
        assert.is_nil((debug.gethook()))
        collectgarbage()
        collectgarbage()
        assert.equal(2, #failures)
        for i = 1, 2 do assert.match("^watchdog", failures[i]) end
      end)

      it("gives way to that of the program, and comes back with the task", function()
        local counts = { own = 0, program = 0, elsewhere = 0 }
        local co
        local function of_program() counts.program = counts.program + 1 end
        loop:spawn(function()
          co = coroutine.running()
          debug.sethook(co, function()
            local name = coroutine.running() == co and "own" or "elsewhere"
            counts[name] = counts[name] + 1
          end, event[1], event[2])
          work()
          coroutine.yield()
          counts.own = 0
          work()
          debug.sethook(co)
          coroutine.yield()
        end)
        debug.sethook(of_program, "l", 1000)
        for _ = 1, 3 do
          loop:poll()
          local hook, mask, count = debug.gethook()
          assert.same({ "l", 1000 }, { mask, count })
          assert.is_true(hook == of_program)
          counts.program = 0
          work()
          assert.is_true(counts.program > 0)
        end
        debug.sethook()
        assert.equal(0, loop.alive)
        assert.equal(0, counts.elsewhere)
        assert.is_true(counts.own > 0)
      end)
    end)
  end

  it("of the program goes on from one task to the next, its count too", function()
    local struck = 0
    debug.sethook(function() struck = struck + 1 end, "", 2000)
    loop:spawn(function()
      for _ = 1, 100 do coroutine.yield() end
    end)
    while loop:poll() > 0 do end -- each poll is far shorter than the count
    debug.sethook()
    assert.is_true(struck > 1, struck)
  end)

  it("that a task saves, replaces and sets again is the program's, as it was", function()
    local function of_program() end
    local own
    debug.sethook(of_program, "l")
    loop:spawn(function()
      local hook, mask, count = debug.gethook()
      debug.sethook(function() end, "", 5)
      coroutine.yield()
      if hook then debug.sethook(hook, mask, count) else debug.sethook() end
      coroutine.yield()
      own = debug.gethook()
    end)
    loop:poll()
    loop:poll()
    debug.sethook()
    loop:poll()
    assert.equal(0, loop.alive)
    assert.is_nil(own)
    assert.is_nil((debug.gethook()))
  end)

  it("of the program stays as it was, though a task sets the same function in another way", function()
    local function hook() end
    local count
    debug.sethook(hook, "", 100)
    loop:spawn(function()
      debug.sethook(hook, "", 7)
      coroutine.yield()
      count = select(3, debug.gethook())
    end)
    loop:run()
    local of_program = { debug.gethook() }
    debug.sethook()
    assert.same({ hook, "", 100 }, of_program)
    assert.equal(7, count)
  end)

  it("of the program that clears itself in a task strikes once", function()
    local struck = 0
    loop:spawn(work)
    pcall(function()
      debug.sethook(function()
        struck = struck + 1
        debug.sethook()
        error("interrupted", 0)
      end, "", 100)
      loop:poll()
      work()
      work()
    end)
    debug.sethook()
    assert.equal(1, struck)
  end)

  it("of a task is not that of a task of another loop which it polls", function()
    local inner, co, wrong = lomi.loop(), nil, 0
    local task = loop:spawn(function()
      co = coroutine.running()
      debug.sethook(co, function()
        if coroutine.running() ~= co and not jit then wrong = wrong + 1 end
      end, "l")
      local other
      inner:spawn(function()
        other = coroutine.running()
        debug.sethook(other, function()
          if coroutine.running() ~= other then wrong = wrong + 1 end
        end, "l")
        work()
        coroutine.yield()
        work()
      end)
      local before = debug.gethook()
      repeat local alive = inner:poll() until alive == 0
      return before ~= nil and before == debug.gethook()
    end)
    poll_to_the_end()
    inner:close()
    assert.is_true(task:result())
    assert.equal(0, wrong)
  end)

  it("of C stays, whatever hooks tasks set", function()
    loop:spawn(function()
      for _ = 1, 3 do
        debug.sethook(coroutine.running(), function() end, "l")
        work()
        coroutine.yield()
      end
    end)
    process.hook()
    poll_to_the_end()
    process.hook()
    work()
    local after = process.hook(false)
    assert.is_true(after > 100, after)
    assert.is_nil((debug.gethook()))
  end)

  it("of C that is set in a task stays: Ctrl-C is for the program", function()
    if not jit then
      pending "a hook of C is its coroutine's"
      return
    end
    loop:spawn(function()
      debug.sethook(function() end, "l")
      coroutine.yield()
      process.hook()
    end)
    loop:poll()
    loop:poll()
    work()
    assert.equal("external hook", (debug.gethook()))
    assert.is_true(process.hook(false) > 100)
  end)

  it("of an interpreter, Ctrl-C, ends run() also where it strikes in a task; the loop goes on afterwards", function()
    local output = child.run [[
      local jit = rawget(_G, "jit")
      if jit then jit.off() end
      local loop = require("lomi").loop()
      loop.on_error = function() end
      local task = loop:spawn(function()
        io.popen("kill -INT $PPID"):close()
        while true do coroutine.yield() end
      end)
      local ok, why = pcall(loop.run, loop)
      print(ok, (tostring(why):gsub("^.*: ", "")))
      print(jit and task:done() or not jit and not task:done())
      local other = loop:spawn(function() return "over" end)
      loop:poll()
      print(other:result())
      loop:close()
    ]]
    assert.equal("false\tinterrupted!\ntrue\nover", output)
  end)

  it("of a task does not keep the task", function()
    local gone = setmetatable({}, { __mode = "k" })
    loop:spawn(function()
      local co = coroutine.running()
      gone[co] = true
      debug.sethook(co, function() return co end, "l")
      coroutine.yield()
    end)
    loop:poll()
    loop:close()
    loop = lomi.loop()
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(gone))
  end)

  it("of C that makes a task yield anywhere costs it no reply", function()
    if jit then
      pending "a hook of C concerns all coroutines"
      return
    end
    local sandbox = assert(sandbox_of.start())
    local charges = lomi.new {
      api_key = given.KEY, base_url = sandbox.url, transport = loop, max_retries = 1, backoff = { base = 0.001 },
    }.charges
    for at = 1, 60 do -- at 1, between any two instructions
      sandbox:reset()
      sandbox:fail { status = 503 }
      local task = loop:spawn(function()
        process.yield_hook(at)
        local charge, err = charges:create_card_charge {
          amount = 10000, customer_email = "awa@example.com", customer_name = "Awa Ndiaye",
        }
        process.yield_hook(0)
        return charge, err
      end)
      local deadline = core.now() + 5
      repeat
        local alive = loop:poll()
        assert(core.now() < deadline, "yields every " .. at)
      until alive == 0
      assert.equal(10000, assert(task:result()).original_amount)
      assert.equal(1, #sandbox:charges())
    end
    sandbox:stop()
  end)

  it("that cuts a task's call anywhere costs it no reply of the next", function()
    local sandbox = assert(sandbox_of.start())
    local charges = lomi.new {
      api_key = given.KEY, base_url = sandbox.url, transport = loop, max_retries = 0,
    }.charges
    local function pay(amount)
      return charges:create_card_charge {
        amount = amount, customer_email = "awa@example.com", customer_name = "Awa Ndiaye",
      }
    end
    local cut = 0
    for at = 1, 600, 3 do
      local task = loop:spawn(function()
        local co = coroutine.running()
        debug.sethook(co, function() error("watchdog", 0) end, "", at)
        local ok = pcall(pay, 11000)
        debug.sethook(co)
        if not ok then cut = cut + 1 end
        return (pay(22000))
      end)
      repeat
        local alive = loop:poll()
      until alive == 0
      local ok, charge = pcall(task.result, task)
      if ok then assert.equal(22000, charge.original_amount) else assert.match("^watchdog", charge) end
    end
    assert.is_true(cut > 50, cut)
    sandbox:stop()
  end)
end)
