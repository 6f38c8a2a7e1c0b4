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
local timers = require "lomi.timers"
local transport = require "lomi.transport.loop"

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
  return self.results ~= nil
end

--- What its function returned, all of it. What it raised is raised here, with the traceback of the task.
--- Raises at the caller's line if the task is not done.
---@return any ...  such as the charge, the error and the reply
function Task:result()
  local results = self.results
  if not results then error("the task is not done yet; ask task:done() first, or loop:run()", 2) end
  if self.failed then error(results[1], 0) end
  return unpack(results, 1, results.n)
end

-- ---- the loop ------------------------------------------------------------------------------------

--- The transport of clients that wait in its tasks. Called outside a task, or from a coroutine nested in one, such a
--- client raises at the caller's line. A closed loop raises, but for `close`.
---@class lomi.Loop: lomi.Transport
---@field alive integer  tasks that are not done
local Loop = {
  is_curl = true, send = transport.send, sleep = transport.sleep, now = core.now, unusable = transport.unusable,
}
Loop.__index = Loop
Loop.__name = "lomi.Loop"

local UNDONE = { n = 1, "the loop was closed before the task was done" }

-- What warm() visits, by loop. In none of its fields: a proxy's URL may hold a password.
local hosts_of = setmetatable({}, { __mode = "k" })

local function finish(loop, task, failed, results)
  task.failed, task.results = failed, results
  loop.tasks[task] = nil
  loop.alive = loop.alive - 1
end

-- Runs a task until it waits, or ends. What it waits for has been noted by the transport; a bare coroutine.yield() in a
-- task waits for the next poll.
local function resume(loop, task, ...)
  local outer = loop.current
  loop.current = task
  local results = pack(coroutine.resume(task.coroutine, ...))
  loop.current = outer
  if coroutine.status(task.coroutine) ~= "dead" then
    if loop.closed then
      finish(loop, task, true, UNDONE)
    elseif results[2] ~= transport.WAITING then
      loop.ready[#loop.ready + 1] = task
    end
  elseif results[1] then
    finish(loop, task, false, { n = results.n - 1, unpack(results, 2, results.n) })
  else
    local trouble = results[2]
    if type(trouble) == "string" then trouble = debug.traceback(task.coroutine, trouble) end
    finish(loop, task, true, { n = 1, trouble })
  end
end

local function resume_ready(loop)
  local ready = loop.ready
  loop.ready = {}
  for _, task in ipairs(ready) do
    if not task.results then resume(loop, task) end
  end
end

-- Takes what has finished, waiting for the first up to `wait` seconds.
local function resume_finished(loop, wait)
  while loop.engine do
    local id, reply, failure = loop.engine:step(wait)
    if not id then return end
    wait = 0
    local task = loop.waiting[id]
    loop.waiting[id] = nil
    if task then resume(loop, task, reply, failure) end
  end
end

local function resume_due(loop, now)
  while true do
    local task = loop.timers:pop(now)
    if not task then return end
    if not task.results then resume(loop, task) end
  end
end

local function check_open(loop)
  if type(loop) ~= "table" then error("call it with a colon, as in loop:poll()", 3) end
  if loop.closed then error("the loop is closed", 3) end
end

--- A function to run on this loop, from the next poll on. A bare `coroutine.yield()` in it waits for the next poll.
---@param run fun(...): ...  what to run
---@param ... any  its arguments
---@return lomi.Task
function Loop:spawn(run, ...)
  check_open(self)
  if type(run) ~= "function" then error("spawn takes a function, not a " .. type(run), 2) end
  local arguments = pack(...)
  local task = setmetatable({
    coroutine = coroutine.create(function() return run(unpack(arguments, 1, arguments.n)) end),
  }, Task)
  self.tasks[task] = true
  self.alive = self.alive + 1
  self.ready[#self.ready + 1] = task
  return task
end

--- Does what can be done now; never waits. Once a frame, say. Raises when it is called from a task.
---@return integer alive  tasks that are not done
function Loop:poll()
  check_open(self)
  if self.current then error("the loop is polled from one of its own tasks", 2) end
  resume_ready(self)
  resume_finished(self, 0)
  resume_due(self, core.now())
  return self.alive
end

--- Goes on until every task has ended. Blocks; for scripts.
function Loop:run()
  while self:poll() > 0 do
    local wait = self:timeout()
    if next(self.waiting) then
      resume_finished(self, wait or 60)
    elseif wait then
      core.sleep(wait)
    end
  end
end

--- For another event loop (cqueues takes a loop as it is): poll when this descriptor is readable, or when the time of
--- `timeout` has passed.
---@return integer descriptor
function Loop:pollfd()
  check_open(self)
  return transport.engine(self):pollfd()
end

--- What the descriptor is to be watched for.
---@return string events  "r": reading
function Loop:events()
  return "r"
end

--- After how many seconds to poll, whatever the descriptor says.
---@return number|nil seconds  0: at once; nil: nothing is due by the clock
function Loop:timeout()
  check_open(self)
  if #self.ready > 0 then return 0 end
  local timer, engine = self.timers:next(), self.engine and self.engine:timeout()
  timer = timer and math.max(0, timer - core.now())
  if timer and engine then return math.min(timer, engine) end
  return timer or engine
end

--- A client tells where it will send its requests.
---@param base_url string
---@param ca_file? string
---@param proxy? string
function Loop:expect(base_url, ca_file, proxy)
  hosts_of[self] = hosts_of[self] or {}
  hosts_of[self][base_url] = { url = base_url .. "/", ca_file = ca_file, proxy = proxy }
end

--- Connects to the hosts of this loop's clients, and blocks while it does: name lookup, TLS handshake and the reading
--- of the CA bundle (tens of milliseconds) are then behind it. For the loading screen, before the first frame.
---@param seconds? number  at most (10)
---@return boolean warm  every host answered
function Loop:warm(seconds)
  check_open(self)
  local all = true
  for _, host in pairs(hosts_of[self] or {}) do
    local reply = transport.visit(self, host, seconds or 10)
    all = all and reply ~= nil
  end
  return all
end

--- Cancels what is under way and ends every task. A call that waits for its reply ends with an error: its outcome is
--- `unknown`, and its `idempotency_key` tells how to ask again. A task that then waits for anything more is done, too.
--- Idempotent.
function Loop:close()
  if self.closed then return end
  self.closed = true
  local engine, waiting = self.engine, self.waiting
  self.engine, self.waiting, self.ready = nil, {}, {}
  if engine then engine:close() end
  for _, task in pairs(waiting) do resume(self, task, nil, transport.CUT_SHORT) end
  resume_due(self, math.huge)
  for task in pairs(self.tasks) do
    if task ~= self.current then finish(self, task, true, UNDONE) end
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
    tasks = {},   -- not done
    ready = {},   -- to be resumed at the next poll
    waiting = {}, -- by the engine's id: for a reply
    timers = timers.new(),
  }, Loop)
end

return M
