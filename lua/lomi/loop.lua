-- SPDX-License-Identifier: MIT
--- Coroutines over the engine: clients that wait without holding anybody up. A loop is the transport of its clients,
--- and works only when it is polled: once a frame, or when another event loop says its descriptor is ready.
---
---     local loop = lomi.loop()
---     local client = lomi.new { transport = loop }
---     local task = loop:spawn(function() return client.charges:create_card_charge { … } end)
---     -- every frame:
---     loop:poll()
---     if task:done() then local charge, err = task:result() end

local core = require "lomi.core"
local curl = require "lomi.transport.curl"
local tell = require("lomi.errors").tell
local timers = require "lomi.timers"
local transports = require "lomi.transport"

local resume_coroutine, running, status_of, yield = -- as they are now: others may replace them in the table
  coroutine.resume, coroutine.running, coroutine.status, coroutine.yield
local close_coroutine = coroutine.close -- Lua 5.4 and later
local library = rawget(_G, "debug") or {} -- nil in a sandboxed state
local traceback, gethook, sethook = library.traceback, library.gethook, library.sethook

-- LuaJIT has one debug hook for all coroutines; this gives each task its own. nginx resumes coroutines in its own way.
local resume_with_hook = gethook and sethook and not transports.in_nginx() and core.resumer(gethook, sethook)

local M = {}

-- ---- tasks ---------------------------------------------------------------------------------------

--- A function that runs on a loop.
---@class lomi.Task
local Task = {}
Task.__index = Task
Task.__name = "lomi.Task"

local function pack(...)
  return { n = select("#", ...), ... }
end

local unpack = table.unpack or unpack -- luacheck: ignore

--- Has it returned, or raised?
---@return boolean
function Task:done()
  return self.results ~= false
end

--- All results of its function. An error that it raised is raised again here, with the traceback of the task.
--- Raises at the caller's line if the task is not done.
---@return any ...  such as the charge, the error and the reply
function Task:result()
  local results = self.results
  if not results then error("the task is not done yet; ask task:done() first, or loop:run()", 2) end
  if self.failed then
    if self.unheard then self.unheard.message = nil end
    error(results[1], 0)
  end
  return unpack(results, 1, results.n)
end

-- ---- errors that nobody asks for -----------------------------------------------------------------

-- Runs `act` when the object that is given is collected, or when Lua ends.
local on_collected = rawget(_G, "newproxy") and function(act) -- LuaJIT finalizes no tables
  local proxy = newproxy(true) -- luacheck: ignore
  getmetatable(proxy).__gc = act
  return proxy
end or function(act)
  return setmetatable({}, { __gc = act })
end

-- Held by the task that failed: when the task goes and nobody has asked for its result, this tells.
local function unheard_of(loop)
  local unheard = {}
  unheard.guard = on_collected(function()
    if unheard.message == nil then return end
    if loop.on_error then
      pcall(loop.on_error, unheard.message)
    else
      pcall(tell, "lomi: a task of a loop failed: " .. tostring(unheard.message):match("^[^\r\n]*"))
    end
  end)
  return unheard
end

-- ---- the loop ------------------------------------------------------------------------------------

--- The transport of clients that wait in its tasks. Called outside a task, from a coroutine nested in one, or where Lua
--- cannot yield, such a client raises at the caller's line, before anything is sent. A closed loop raises, but for
--- `close`.
---@class lomi.Loop: lomi.Transport
---@field alive integer  tasks that are not done
--- Called with what a task raised, when nobody asks for the task's result; default: a line on standard error.
---@field on_error? fun(message: any)
local Loop = transports.implement { takes_ca_file = true, takes_proxy = true }
Loop.__index = Loop
Loop.__name = "lomi.Loop"

-- A task waits for one thing at a time, `waits`: the number of an exchange, or a timer's entry. It waits until the loop
-- has put something into `got`. A resume by other code changes nothing, nor does a yield by a hook of C.
local WAITING = {}

local UNDONE = { n = 1, "the loop was closed before the task was done" }
local INTERRUPTED = "the task raised an error, which is lost: the loop was interrupted meanwhile"

-- A request under way ends with this when its loop is closed. It may have left.
local CUT_SHORT = { kind = "connection", message = "the loop was closed before the reply had come", final = true }
local CLOSED = { kind = "connection", message = "the loop is closed", sent = false, final = true }

-- Servers that warm() visits, by loop. In none of its fields: a proxy's URL may hold a password.
local servers_of = setmetatable({}, { __mode = "k" })

-- An error may strike anywhere in here, and the next poll does it again: the results are what is set last.
local function finish(loop, task, failed, results)
  if not task.results then
    if failed and results ~= UNDONE then
      task.unheard = task.unheard or unheard_of(loop)
      task.unheard.message = results[1]
    end
    task.failed = failed
    task.results = results
  end
  if task.waits then
    loop.waiting[task.waits] = nil
    task.waits, task.got = false, false
  end
  if loop.tasks[task] then
    loop.tasks[task] = nil
    loop.alive = loop.alive - 1
  end
end

-- The task that runs now, or has called what runs now; nil: none. An interrupted poll leaves its `current` behind.
local function running_task(loop)
  local task = loop.current
  local status = task and status_of(task.coroutine)
  if status == "running" or status == "normal" then return task end
end

-- The coroutine has come back: it yielded, returned or raised.
local function settle(loop, task, outer, ok, first)
  if not ok then task.raised = { n = 1, first } end -- before all else: an error may strike anywhere
  if status_of(task.coroutine) ~= "dead" then
    if loop.closed then
      if close_coroutine then close_coroutine(task.coroutine) end
      finish(loop, task, true, UNDONE)
    elseif first ~= WAITING or task.got then -- a bare coroutine.yield() waits for the next poll
      loop.ready[#loop.ready + 1] = task
    end
  elseif task.returned then
    finish(loop, task, false, task.returned)
  else
    if type(first) == "string" and traceback then task.raised[1] = traceback(task.coroutine, first) end
    if close_coroutine then close_coroutine(task.coroutine) end
    finish(loop, task, true, task.raised)
    -- In LuaJIT Ctrl-C strikes whatever runs; it is for the program.
    if resume_with_hook and transports.is_interrupt(first) then error(first, 0) end
  end
  loop.current = outer
end

local function resume(loop, task)
  local outer = loop.current
  loop.current = task
  if resume_with_hook then
    settle(loop, task, outer, resume_with_hook(task.coroutine, task, task.hook))
  else
    settle(loop, task, outer, resume_coroutine(task.coroutine))
  end
end

-- An error (a hook's, Ctrl-C) struck inside poll and was caught by the program. The state of every task is known from
-- the task itself; replies that were not given yet are still in the inbox. A task that waits is resumed in vain.
local function recover(loop)
  loop.current, loop.alive = nil, 0
  loop.ready, loop.waiting, loop.timers = {}, {}, timers.new()
  for _ in pairs(loop.tasks) do loop.alive = loop.alive + 1 end
  for task in pairs(loop.tasks) do
    local waits = task.waits
    if status_of(task.coroutine) == "dead" then
      local raised = close_coroutine and select(2, close_coroutine(task.coroutine)) or INTERRUPTED
      finish(loop, task, not task.returned, task.returned or task.raised or { n = 1, raised })
    else
      if type(waits) == "number" then
        loop.waiting[waits] = task
      elseif waits then
        loop.timers:push(waits.at, waits)
      end
      loop.ready[#loop.ready + 1] = task
    end
  end
end

local function resume_ready(loop)
  local ready = loop.ready
  if not ready[1] then return end
  loop.ready = {}
  for _, task in ipairs(ready) do
    if not task.results then resume(loop, task) end
  end
end

local function resume_answered(loop)
  local inbox, waiting = loop.inbox, loop.waiting
  for i = 1, #inbox, 2 do
    local id = inbox[i]
    local task = waiting[id]
    if task and task.waits == id then
      task.got = inbox[i + 1]
      resume(loop, task)
    end
    waiting[id] = nil
  end
  if inbox[1] and loop.inbox == inbox then loop.inbox = {} end
end

local function resume_due(loop, now)
  while true do
    local entry = loop.timers:pop(now)
    if not entry then return end
    if entry.task.waits == entry then
      entry.task.got = entry
      resume(loop, entry.task)
    end
  end
end

-- ---- as the transport of its clients -------------------------------------------------------------

-- Says what the task waits for from now on. A call that an error cut short may have left something behind.
local function wait_next(loop, task, ticket)
  if task.waits then loop.waiting[task.waits] = nil end
  task.waits, task.got = ticket, false
end

-- Suspends the running task until it has what it waits for.
local function wait_for_answer(task)
  local got = task.got
  while not got do
    yield(WAITING)
    got = task.got
  end
  task.waits, task.got = false, false
  return got
end

--- Why the code that runs now cannot wait on this loop; nil: it can.
---@return string|nil
function Loop:unusable()
  if self.closed then return "the loop is closed" end
  local task = self.current
  if not task or running() ~= task.coroutine then
    if not running_task(self) then
      return "a client on a loop can only be called in a task: loop:spawn(function() … end)"
    end
    return "a client on a loop cannot be called from a coroutine inside a task; spawn a task for it"
  end
  if not core.isyieldable() then
    return "a client on a loop cannot be called where Lua cannot yield: inside string.gsub, table.sort, require …"
  end
end

local function check_place(loop)
  local reason = loop:unusable()
  if reason then error(reason, 0) end
  return loop.current
end

local function exchange(self, request)
  if self.closed then return nil, CLOSED end -- in the middle of a call: its outcome is still to be told
  local task = check_place(self)
  local engine = self.engine
  if not engine then
    local err
    engine, err = curl.start "new"
    if not engine then return nil, err end
    self.engine = engine
  end
  local id = self.exchanges + 1
  self.exchanges = id
  wait_next(self, task, id)
  self.waiting[id] = task
  local submitted, err = curl.submit(engine, request, id)
  if not submitted then
    self.waiting[id], task.waits = nil, false
    return nil, err
  end
  local got = wait_for_answer(task)
  if got.status then return got end
  return nil, got
end

local function sleep(self, seconds)
  if self.closed then return end
  local task = check_place(self)
  local entry = { at = core.now() + seconds, task = task }
  wait_next(self, task, entry)
  self.timers:push(entry.at, entry)
  wait_for_answer(task)
end

local function drop_idle(self, server)
  if self.engine then self.engine:drop_idle(curl.endpoint(server)) end -- nil: closed
end

Loop.exchange, Loop.sleep, Loop.drop_idle = exchange, sleep, drop_idle

-- ---- for the program -----------------------------------------------------------------------------

local function check_open(loop)
  if type(loop) ~= "table" then error("call it with a colon, as in loop:poll()", 3) end
  if loop.closed then error("the loop is closed", 3) end
end

-- Marks that the loop's own lists are about to change: an error that strikes meanwhile leaves the mark.
local function begin(loop)
  if running_task(loop) then error("the loop is polled from one of its own tasks", 3) end
  if loop.changing ~= 0 then recover(loop) end
  loop.changing = 1
end

--- A function to run on this loop, from the next poll on. A bare `coroutine.yield()` in it waits for the next poll. A
--- debug hook that it sets is its own, on LuaJIT too.
---@param run fun(...): ...  what to run
---@param ... any  its arguments
---@return lomi.Task
function Loop:spawn(run, ...)
  check_open(self)
  if type(run) ~= "function" then error("spawn takes a function, not a " .. type(run), 2) end
  local arguments = pack(...)
  local task = setmetatable({ -- all fields at once: a table that grows costs more
    coroutine = false,
    returned = false, -- what its function has returned
    waits = false,    -- for this
    got = false,      -- and has this
    failed = false,
    results = false,  -- it is done
  }, Task)
  -- Its results are kept before the loop hears of them: an error that strikes the loop then loses none.
  task.coroutine = coroutine.create(function() task.returned = pack(run(unpack(arguments, 1, arguments.n))) end)
  self.changing = self.changing + 1
  self.tasks[task] = true
  self.alive = self.alive + 1
  self.ready[#self.ready + 1] = task
  self.changing = self.changing - 1
  return task
end

--- Does what can be done now; never waits. Once a frame, say. Raises when it is called from a task.
---@return integer alive  tasks that are not done
function Loop:poll()
  check_open(self)
  begin(self)
  resume_ready(self)
  if self.engine then self.engine:step(self.inbox) end
  resume_answered(self)
  resume_due(self, core.now())
  self.changing = self.changing - 1
  return self.alive
end

local SLICE = 1 / 20 -- seconds: an interpreter's Ctrl-C acts only when Lua runs

--- Goes on until every task has ended. Blocks; for scripts.
function Loop:run()
  while self:poll() > 0 do
    local wait = math.min(self:timeout() or SLICE, SLICE)
    if self.engine and self.engine:running() > 0 then
      self.engine:step(self.inbox, wait)
    elseif wait > 0 then
      core.sleep(wait)
    end
  end
end

--- For another event loop (cqueues takes a loop as it is): poll when this descriptor is readable, or when the time of
--- `timeout` has passed. Each loop has a descriptor of its own.
---@return integer descriptor
function Loop:pollfd()
  check_open(self)
  if not self.engine then
    local engine, err = curl.start "new"
    if not engine then error(err.message, 2) end
    self.engine = engine
  end
  return self.engine:pollfd()
end

--- The events to watch the descriptor for.
---@return string events  "r": reading
function Loop:events()
  return "r"
end

--- After how many seconds to poll, whatever the descriptor says.
---@return number|nil seconds  0: at once; nil: nothing is due by the clock
function Loop:timeout()
  check_open(self)
  if self.ready[1] or self.inbox[1] or self.changing ~= 0 then return 0 end
  local timer, engine = self.timers:next(), self.engine and self.engine:timeout()
  timer = timer and math.max(0, timer - core.now())
  if timer and engine then return math.min(timer, engine) end
  return timer or engine
end

-- A client tells where it will send its requests.
local function expect(self, server)
  servers_of[self] = servers_of[self] or {}
  servers_of[self][server.origin] = server
end

Loop.expect = expect

-- Asks a server for nothing in particular, without a key, and blocks until it has answered.
local function visit(loop, server, seconds)
  local engine = loop.engine or curl.start "new"
  if not engine then return false end
  loop.engine = engine
  local lines = core.http1.lines { "Host", server.host }
  local endpoint = curl.endpoint { origin = server.origin, lines = lines, ca_file = server.ca_file,
    proxy = server.proxy }
  return engine:perform(endpoint, "GET", server.path .. "/", {}, nil, seconds, seconds) ~= nil
end

--- Connects to the hosts of this loop's clients, and blocks while it does: name lookup, TLS handshake and the reading
--- of the CA bundle (tens of milliseconds) are then behind it. For the loading screen, before the first frame.
---@param seconds? number  at most (10)
---@return boolean warm  every host answered
function Loop:warm(seconds)
  check_open(self)
  local all = true
  for _, server in pairs(servers_of[self] or {}) do
    all = visit(self, server, seconds or 10) and all
  end
  return all
end

--- Cancels what is under way and ends every task, its `<close>` variables too. A call that waits for a reply ends with
--- an error: its outcome is `unknown`, and a retry with its `idempotency_key` is safe. A task that then waits for
--- anything more is done, too. Idempotent.
function Loop:close()
  if self.closed and self.alive == 0 then return end
  if not running_task(self) then recover(self) end
  self.closed = true
  local engine, tasks = self.engine, {}
  self.engine = nil
  if engine then engine:close() end
  for task in pairs(self.tasks) do tasks[#tasks + 1] = task end
  for _, task in ipairs(tasks) do
    local waits = task.waits
    if waits and status_of(task.coroutine) == "suspended" then
      task.got = task.got or type(waits) == "number" and CUT_SHORT or waits
      resume(self, task)
    end
  end
  for _, task in ipairs(tasks) do
    if self.tasks[task] and status_of(task.coroutine) == "suspended" then
      if close_coroutine then close_coroutine(task.coroutine) end
      finish(self, task, true, UNDONE)
    end
  end
end

Loop.__close = Loop.close

function Loop:__tostring()
  return ("lomi.Loop (%s)"):format(self.closed and "closed" or self.alive .. " tasks")
end

---@return lomi.Loop
function M.new()
  return setmetatable({
    alive = 0,
    exchanges = 0,  -- begun so far
    changing = 0,   -- calls that change the lists; above 0 without one: it was interrupted
    tasks = {},     -- not done
    ready = {},     -- to be resumed at the next poll
    waiting = {},   -- by the exchange's number: for a reply
    inbox = {},     -- number, reply or failure, number, …: to be given to tasks
    timers = timers.new(),
  }, Loop)
end

return M
