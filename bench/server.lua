-- SPDX-License-Identifier: MIT
-- The server the benches charge against: one canned charge, nothing else, so that the client is what is measured.
-- Run as a program it is a process of its own: prints its URL, and ends when its standard input does.
--
--   server.lua DELAY [CERTIFICATE KEY]: seconds before each answer; the files of a certificate, for https

local BODY = [[{"success":true,"data":{"id":"pi_3QxYk6bench0000000000","client_secret":]] ..
  [["pi_3QxYk6bench0000000000_secret_bench0000000000000","amount":1524,"currency":"eur","original_amount":10000,]] ..
  [["original_currency":"XOF","status":"requires_payment_method"}}]]

local ID = "5d0c1b3e-1111-4000-8000-000000000000"
local HEADERS = {
  ["Content-Type"] = "application/json; charset=utf-8",
  ["X-Request-Id"] = ID, -- the request's, if it has one
  ["X-RateLimit-Limit"] = "120",
  ["X-RateLimit-Remaining"] = "119",
  ["X-RateLimit-Window-Seconds"] = "60",
}

local app = { BODY = BODY }

function app.new(options)
  local delay, accepts = tonumber(options), 0
  return {
    handle = function(_, request)
      accepts = math.max(accepts, request.connection)
      local id = request.headers["x-request-id"] or ID
      if request.target == "/accepts" then -- how many connections there have been
        HEADERS["X-Request-Id"] = id
        return { status = 200, headers = HEADERS, body = ('{"accepts":%d}'):format(accepts) }
      end
      if delay > 0 then coroutine.yield(delay) end
      HEADERS["X-Request-Id"] = id
      return { status = 201, headers = HEADERS, body = BODY }
    end,
  }
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

if ... ~= "bench.server" then
  local delay, certificate, key = arg[1] or "0", arg[2], arg[3]
  local server = assert(require("lomi.httpd").start {
    app = "bench.server", options = delay, connection_memory = 16 * 1024, -- small requests, small replies
    tls_cert = certificate and read(certificate), tls_key = key and read(key),
  })
  print((certificate and "https://localhost:" or "http://127.0.0.1:") .. server:port())
  io.stdout:flush()
  io.read("*a")
  server:stop()
end

return app
