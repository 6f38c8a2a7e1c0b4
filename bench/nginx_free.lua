-- SPDX-License-Identifier: MIT
-- Does a worker stay free while calls wait? Many requests at once to a handler that charges, on one nginx worker,
-- against a sandbox that takes half a second for each; and meanwhile a request to a plain page of the same worker every
-- few milliseconds, its time counted from when it was due. `make bench-nginx`.
local core = require "lomi.core"
local nginx = require "spec.support.nginx"
local rounds = require "bench.rounds"
local sandbox = assert(require("lomi.sandbox").start())
local socket = require "socket"

local COUNT, DELAY, EVERY, ROUNDS = 200, 0.5, 0.002, 10

local server = nginx.start { http = "keepalive_requests 1000000;", server = ([[
  location = /plain { content_by_lua_block { ngx.say("plain") } }
  location = /charge { content_by_lua_block {
    local shop = package.loaded.shop
      or require("lomi").new { api_key = "lomi_sk_test_bench", base_url = "%s", max_retries = 0 }
    package.loaded.shop = shop
    local charge, err = shop.charges:create_card_charge {
      amount = 10000, customer_email = "awa@example.com", customer_name = "Awa Ndiaye",
    }
    ngx.say(charge and charge.id or tostring(err))
  } }]]):format(sandbox.url) }

local function connect()
  local s = assert(socket.connect("127.0.0.1", server.port))
  s:setoption("tcp-nodelay", true)
  s:settimeout(10)
  return s
end

local function ask_plain(s)
  assert(s:send("GET /plain HTTP/1.1\r\nHost: x\r\n\r\n"))
  repeat local line = assert(s:receive("*l")) until line == "0" -- the end of the chunks
  assert(s:receive("*l"))
end

-- Gives the seconds until the last charge was answered, and the seconds each plain request took meanwhile.
local function round()
  sandbox:fail { delay = DELAY, times = COUNT, match = { path = "/charge/card" } }
  local waiting, left, plain, probe = {}, COUNT, {}, connect()
  for i = 1, COUNT do waiting[i] = connect() end
  ask_plain(probe)
  local started = core.now()
  for _, s in ipairs(waiting) do assert(s:send("GET /charge HTTP/1.0\r\n\r\n")) end
  local due, finished = core.now(), nil
  while left > 0 do
    local ready = socket.select(waiting, nil, math.max(0, due - core.now()))
    if core.now() >= due then
      ask_plain(probe)
      plain[#plain + 1] = core.now() - due
      due = due + EVERY
    end
    for _, s in ipairs(ready) do
      local text = s:receive("*a")
      if not text:find("\r\n\r\npi_", 1, true) then error("a charge failed: " .. text .. server:log()) end
      s:close()
      for i, one in ipairs(waiting) do
        if one == s then table.remove(waiting, i) end
      end
      left, finished = left - 1, core.now()
      if core.now() >= due then break end
    end
  end
  probe:close()
  return finished - started, plain
end

local ok, wrong = pcall(function()
  print(("%d charges at once on one nginx worker, each answered after %g s"):format(COUNT, DELAY))
  round() -- the connections to the sandbox, and LuaJIT's traces, are made once
  local finished, pages = {}, {}
  for i = 1, ROUNDS do
    local plain
    finished[i], plain = round()
    for _, took in ipairs(plain) do pages[#pages + 1] = took end
  end
  print(("  all after       %.3f s  (median of %d rounds; from %.3f to %.3f)"):format(
    rounds.quantile(finished, 0.5), ROUNDS, rounds.quantile(finished, 0), rounds.quantile(finished, 1)))
  print(("  a plain page    p99 %.1f ms  (median %.2f ms, worst %.1f ms, of %d)"):format(
    rounds.quantile(pages, 0.99) * 1e3, rounds.quantile(pages, 0.5) * 1e3, rounds.quantile(pages, 1) * 1e3, #pages))
end)
server:stop()
sandbox:stop()
if not ok then error(wrong, 0) end
