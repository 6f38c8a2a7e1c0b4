-- SPDX-License-Identifier: MIT
--- Starts bench/server.lua as a process of its own, so that its CPU time is not the client's.
local process = require "bench.process"
local tls = require "spec.support.tls"

local M = { BODY = require("bench.server").BODY }

---@class bench.Server
---@field url string
---@field ca_file? string  of https
---@field stop fun(self)

---@param options? { delay?: number, tls?: boolean }  seconds before each answer; https
---@return bench.Server
function M.start(options)
  options = options or {}
  local made = options.tls and tls.certificate()
  local files = made and { made.ca_file, made.directory .. "/key.pem" } or {}
  local server = process.start(process.command(process.LUA, "bench/server.lua", options.delay or 0, files[1], files[2]))
  server.url = server:line() -- by now it has read the files
  if made then
    server.ca_file = made.ca_file
    function server:stop()
      process.stop(self)
      tls.remove(made)
    end
  end
  return server
end

--- build/late, which answers after `delay` seconds.
---@return bench.Server
local function start_late(delay)
  local server = process.start(process.quote { "build/late", delay, M.BODY })
  server.url = server:line()
  return server
end

--- Calls fn with a server, which ends with it.
---@param options? { delay?: number, tls?: boolean, late?: boolean }  late: build/late
function M.with(options, fn)
  local server = options.late and start_late(options.delay) or M.start(options)
  local ok, wrong = pcall(fn, server)
  server:stop()
  if not ok then error(wrong, 0) end
end

return M
