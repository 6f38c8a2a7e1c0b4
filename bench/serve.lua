-- SPDX-License-Identifier: MIT
--- Starts bench/server.lua as a process of its own, so that its CPU time is not the client's.
local process = require "bench.process"

local M = {}

---@param options? { delay?: number, certificate?: string, key?: string }
---  seconds before each answer; the files of a certificate and its key, for https
---@return { url: string, stop: fun(self) }
function M.start(options)
  options = options or {}
  local server = process.start(process.command(process.LUA, "bench/server.lua", options.delay or 0,
    options.certificate, options.key))
  server.url = server:line()
  return server
end

return M
