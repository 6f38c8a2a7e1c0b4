-- SPDX-License-Identifier: MIT
--- The three transports, each as a function(ca_file) that gives a runner: runner:perform(options, calls) as calls.lua
--- has it, by clients that trust that authority, and runner:stop().

local calls = require "spec.support.calls"
local lomi = require "lomi"
local nginx_of = require "spec.support.nginx"

local M = {}

function M.curl(ca_file)
  return {
    perform = function(_, options, list)
      options.ca_file = ca_file
      return calls.perform(options, list)
    end,
    stop = function() end,
  }
end

function M.loop(ca_file)
  local loop = lomi.loop()
  return {
    perform = function(_, options, list)
      options.ca_file, options.transport = ca_file, loop
      local task = loop:spawn(calls.perform, options, list)
      loop:run()
      return task:result()
    end,
    stop = function() loop:close() end,
  }
end

function M.nginx(ca_file)
  local nginx = nginx_of.start {
    http = ("lua_ssl_trusted_certificate %s; lua_ssl_verify_depth 3; lua_socket_log_errors off;"):format(ca_file),
  }
  return {
    perform = function(_, options, list)
      return nginx:run([[
        local asked = ...
        return require("spec.support.calls").perform(asked.options, asked.calls)
      ]], { options = options, calls = list })
    end,
    stop = function() nginx:stop() end,
  }
end

--- The transports that can run here. For what cannot, there is a pending spec with the reason.
---@param pending function  busted's
---@return string[]
function M.names(pending)
  if not nginx_of.missing then return { "curl", "loop", "nginx" } end
  pending("nginx: " .. nginx_of.missing)
  return { "curl", "loop" }
end

return M
