-- SPDX-License-Identifier: MIT
--- Specs that cannot hold with libkqueue, kqueue as a library for Linux (make test POLLER=kqueue KQUEUE=…): its kqueue
--- is one end of a pipe, and a thread and descriptors of its own belong to it.

local M = {}

M.is_used = os.getenv "KQUEUE" ~= nil
M.not_polled = "poll() does not tell when libkqueue's kqueue has something to report"

--- Ends the test as pending where libkqueue is used.
function M.cannot(pending, reason)
  if M.is_used then pending(reason) end
end

return M
