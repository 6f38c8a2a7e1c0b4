-- SPDX-License-Identifier: MIT
-- Lets allocations fail, at every one of them in turn, through lomi.new and one charge: of Lua, of libcurl, of our own
-- C. Each time it must be a charge, a clean error or a clean raise, and the next call in the same state must work.
-- Leaks and worse are for the sanitizer under it to find. `make memerr`; runs in tools/host.c with tools/failing.c.
--
--   memerr.lua [SOURCE [FIRST [LAST]]]

local failing = rawget(_G, "failing")
local serve = require "bench.serve"

-- The state before memory fails. In LuaJIT a `require` of the program's own that fails cannot be tried again,
-- whatever the module: there nothing is no case.
local NOTHING, LOMI, ALL = "", 'require "lomi"', "charge()"

local CHUNK = [[
  package.path, package.cpath = %q, %q
  function charge(loop)
    local client = require("lomi").new {
      api_key = "lomi_sk_test_memerr", base_url = %q, timeout = 3, max_retries = 0, transport = loop,
    }
    local made, err, reply = client.charges:create_card_charge { amount = 10000, metadata = { order_id = "ORD-1" } }
    if made and not reply.headers.date then error("a reply without headers") end
    return made, err
  end
  function on_loop() -- three tasks; what fails in one must not reach the others
    local loop, tasks = require("lomi").loop(), {}
    loop.on_error = function() end
    for i = 1, 3 do tasks[i] = loop:spawn(charge, loop) end
    for _ = 1, 5 do pcall(loop.run, loop) end
    for i = 1, 3 do
      if not tasks[i]:done() then error("a task never ends") end
      local ok, made, err = pcall(tasks[i].result, tasks[i])
      if not ok then error(made, 0) end
      if not made then return nil, err end
    end
    return tasks[1]:result()
  end
  function parse() -- what the transport of nginx does with a reply
    local parser = require("lomi.core").http1.parser()
    local done, reason = parser:feed("HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 1000\r\n\r\n" .. ("x"):rep(1000))
    if not done then return nil, { kind = "connection", outcome = "unknown", message = reason } end
    return { id = "pi_3QxYk6bench0000000000", done = parser:reply().body }
  end
  %s
  call = %s
  function describe(ok, charge, err)
    if parse().done ~= ("x"):rep(1000) then return "a broken parser" end
    if not ok then return "raised " .. tostring(charge) end
    if charge then return "charge " .. tostring(charge.id) end
    return ("error %%s, %%s: %%s"):format(err.kind, err.outcome, err.message)
  end
]]

local CHARGED = "charge pi_3QxYk6bench0000000000"

local TRIES = {
  { name = "Lua, with nothing loaded", source = "lua", before = NOTHING },
  { name = "Lua, with lomi required", source = "lua", before = LOMI },
  { name = "Lua, after a first charge", source = "lua", before = ALL },
  { name = "Lua, on a loop, the n-th alone", source = "lua", before = "on_loop()", call = "on_loop", once = true },
  { name = "libcurl, from the n-th on", source = "curl", before = LOMI },
  { name = "libcurl, the n-th alone", source = "curl", before = LOMI, once = true },
  { name = "our C, from the n-th on", source = "own", before = LOMI },
  { name = "our C, the n-th alone", source = "own", before = LOMI, once = true },
  { name = "our C, parsing a reply", source = "own", before = LOMI, call = "parse" },
}
if rawget(_G, "jit") then table.remove(TRIES, 1) end

local function is_clean(result)
  if result == CHARGED then return true end
  if result:find("^raised ") then
    return result:find("not enough memory", 1, true) ~= nil or result:find("its result is lost", 1, true) ~= nil
  end
  return result:find("^error connection") ~= nil -- libcurl does not always say that it was for want of memory
end

-- One line for results that differ in nothing but the module that was being loaded.
local function kind_of(result)
  if result == CHARGED then return "a charge" end
  return (result:gsub("\n.*", ""):gsub("'[^']*'", "…"):gsub("^(raised ).*(not enough memory)", "%1%2"))
end

failing.keep(package.searchpath("cjson", package.cpath))
local server = serve.start()
local findings = 0

local function finding(...)
  findings = findings + 1
  if findings <= 20 then print("  FINDING " .. string.format(...)) end
end

local function run(try, first, last)
  local chunk = CHUNK:format(package.path, package.cpath, server.url, try.before, try.call or "charge")
  local kinds, n = {}, first
  repeat
    local seen, result, again, kept = failing.try(chunk, try.source, n, try.once)
    if not is_clean(result) then finding("at %d: %s", n, result) end
    if again ~= CHARGED then finding("at %d, the next call: %s", n, again) end
    if kept ~= 0 then finding("at %d, %d blocks of Lua are left", n, kept) end
    kinds[kind_of(result)] = (kinds[kind_of(result)] or 0) + 1
    n = n + 1
  until seen < n - 1 or n > last
  print(("%-30s %6d allocations"):format(try.name, n - 1))
  local list = {}
  for kind, count in pairs(kinds) do list[#list + 1] = ("  %6d  %s"):format(count, kind) end
  table.sort(list)
  print(table.concat(list, "\n"))
end

for _, try in ipairs(TRIES) do
  if not arg[1] or arg[1] == try.source then run(try, tonumber(arg[2]) or 1, tonumber(arg[3]) or math.huge) end
end
server:stop()
print(("%d findings"):format(findings))
os.exit(findings == 0 and 0 or 1, true)
