-- SPDX-License-Identifier: MIT
--- Starts a scripted server (script_app.lua) for a spec: real sockets, in threads of this process.

local core = require "lomi.core"
local httpd = require "lomi.httpd"
local transport = require("lomi.transport.curl").new()

local Server = {}
Server.__index = Server

local function ask(self, method, path, body)
  return assert(transport:send {
    method = method, url = self.url .. path, headers = {}, body = body, timeout = 5, connect_timeout = 5, proxy = "",
    ca_file = self.ca_file,
  })
end

--- The answers to the next requests, one after the other: httpd responses, with `delay` (seconds) and `size` (bytes
--- of body). After them every request gets a charge.
function Server:script(...)
  ask(self, "POST", "/_script", assert(core.encode { ... }))
  return self
end

--- The requests so far: method, target, headers (a list of pairs), body, connection.
function Server:requests()
  local list = assert(core.decode(ask(self, "GET", "/_requests").body))
  return list
end

function Server:stop()
  self.server:stop()
end

local M = {}

---@param tls? { cert: string, key: string, ca_file: string, host: string }
function M.start(tls)
  local server = assert(httpd.start {
    app = "spec.support.script_app", tls_cert = tls and tls.cert, tls_key = tls and tls.key,
  })
  local url = tls and ("https://%s:%d"):format(tls.host or "localhost", server:port())
    or ("http://127.0.0.1:%d"):format(server:port())
  return setmetatable({ server = server, url = url, ca_file = tls and tls.ca_file }, Server)
end

--- The value of a header as the server saw it.
function M.header(request, name)
  return request.headers[name:lower()]
end

return M
