-- SPDX-License-Identifier: MIT
--- The transport over a loop: what waits, yields. These are the loop's methods; its clients call them.

local core = require "lomi.core"
local lazy = require "lomi.lazy"

local M = {}

M.WAITING = {} -- what a task yields: something will wake it up

--- What a request under way ends with when its loop is closed. It may have left.
M.CUT_SHORT = { kind = "connection", message = "the loop was closed before the reply had come", final = true }

local CLOSED = { kind = "connection", message = "the loop is closed", sent = false, final = true }

--- The loop's handle on the engine, made at its first request.
function M.engine(loop)
  if not loop.engine then loop.engine = lazy("lomi.curl").engine() end
  return loop.engine
end

--- Why the code that runs now cannot wait on this loop; nil: it can.
---@return string|nil
function M.unusable(loop)
  if loop.closed then return "the loop is closed" end
  local task = loop.current
  if not task then return "a client on a loop can only be called in a task: loop:spawn(function() … end)" end
  if coroutine.running() ~= task.coroutine then
    return "a client on a loop cannot be called from a coroutine inside a task; spawn a task for it"
  end
end

local function check(loop)
  local wrong = M.unusable(loop)
  if wrong then error(wrong, 0) end
end

function M.send(loop, request)
  if loop.closed then return nil, CLOSED end -- in the middle of a call: what became of it is still to be told
  check(loop)
  local id, refused = M.engine(loop):submit(request)
  if not id then return nil, refused end
  loop.waiting[id] = loop.current
  return coroutine.yield(M.WAITING)
end

function M.sleep(loop, seconds)
  if loop.closed then return end
  check(loop)
  loop.timers:push(core.now() + seconds, loop.current)
  coroutine.yield(M.WAITING)
end

--- Asks a host for nothing in particular, without a key, and blocks until it has answered: see Loop:warm.
---@param host { url: string, ca_file?: string, proxy?: string }
function M.visit(_, host, seconds)
  return lazy("lomi.transport.curl").new():send {
    method = "GET", url = host.url, headers = {}, timeout = seconds, connect_timeout = seconds,
    ca_file = host.ca_file, proxy = host.proxy,
  }
end

return M
