---@meta lomi.httpd
-- SPDX-License-Identifier: MIT
-- What the C module lomi.httpd (src/httpd_lua.c) shows to Lua, for editors. Never loaded. The sandbox's server; what its
-- application must be is said in src/httpd_app.h.

---@class lomi.httpd
---@field version string  of libmicrohttpd
local httpd = {}

---@class lomi.httpd.Options
---@field app string  the name of a module; `require(app).new(options)` is the application
---@field options? string  handed to it byte for byte
---@field host? string  a numeric address (127.0.0.1)
---@field port? integer  0: any free one (0)
---@field reserved? string  targets that begin so are served when there is no room for others
---@field tls_cert? string  PEM; goes together with `tls_key`
---@field tls_key? string  PEM
---@field connection_memory? integer  bytes libmicrohttpd may use per connection (262144)
---@field patience? integer  seconds that a peer has to send its request, and to read its reply (60)

--- Starts a server in threads of its own with a Lua state of its own. Wrong options raise.
---@param options lomi.httpd.Options
---@return lomi.httpd.Server? server
---@return string? why  a port in use, an application that does not start
function httpd.start(options) end

---@class lomi.httpd.Server: userdata
local Server = {}

---@return integer port
function Server:port() end

--- Ends every connection and the threads. Idempotent.
function Server:stop() end

--- What `handle` of an application is given.
---@class lomi.httpd.Request
---@field method string
---@field target string  as sent
---@field headers table<string, string>  by name in lower case; the values of a repeated one joined with `, `
---@field body string
---@field connection integer  which accepted connection this is, from 1

--- What it gives; of the last five at most one, but for `truncate` with `reset`.
---@class lomi.httpd.Response
---@field status? integer  (200)
---@field headers? table<string, string>
---@field body? string  ("")
---@field drop? boolean  close without a byte
---@field reset? boolean  end by a RST, without a byte or after `truncate`
---@field raw? string  these bytes instead of HTTP
---@field truncate? integer  close after so many bytes of the body
---@field trickle? number  bytes of the body per second

return httpd
