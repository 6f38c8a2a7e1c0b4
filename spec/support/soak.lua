-- SPDX-License-Identifier: MIT
--- The proof that nothing is kept: many charges in bad weather, with a new client and often a new loop every hundred,
--- and what the process holds meanwhile. The sandbox is a process of its own, so that what is measured is the client's.

local child = require "spec.support.child"
local core = require "lomi.core"
local errors = require "lomi.errors"
local lomi = require "lomi"
local sandbox = require "lomi.sandbox"
local tcp = require "spec.support.tcp"
local tls = require "spec.support.tls"

local M = {}

local KEY = "lomi_sk_test_soak"
local BATCH = 100    -- charges with one client
local IN_FLIGHT = 20 -- at once, on a loop

local EMAIL, NAME = "awa@example.com", "Awa Ndiaye"

-- Calls that succeed, calls that the service refuses, and calls that are never sent.
local ORDERS = {
  charge = { amount = 10000, currency_code = "XOF", customer_email = EMAIL, customer_name = NAME },
  too_little = { amount = 500, currency_code = "XOF", customer_email = EMAIL, customer_name = NAME },
  half_a_franc = { amount = 0.5, currency_code = "XOF", customer_email = EMAIL, customer_name = NAME },
}

-- ---- the sandbox ---------------------------------------------------------------------------------

local PATIENCE = 30 -- seconds

-- Ends when its standard input does. CERTIFICATE and KEY: files, for https.
local SERVER = [[
  local function read(path)
    local file = assert(io.open(path))
    local text = file:read("*a")
    file:close()
    return text
  end
  local options, cert, key = { %s }, arg[1], arg[2]
  if cert then options.tls_cert, options.tls_key = read(cert), read(key) end
  local box = assert(require("lomi.sandbox").start(options))
  print(box.url)
  io.stdout:flush()
  io.read("*a")
  box:stop()
]]

---@class spec.soak.Box
---@field handle table  of the sandbox
---@field url string
---@field ca_file? string  of one that speaks https
---@field port integer
---@field stop fun()

-- A handle like this one, for https: connect() takes no CA file.
local function trusting(handle, url, ca_file)
  local transport = require("lomi.transport.curl").new()
  return setmetatable({ url = url, ca_file = ca_file, transport = transport }, getmetatable(handle))
end

-- For https: `plain`, a box for http, and `made`, a certificate of spec/support/tls.lua.
---@return spec.soak.Box
local function start_sandbox(options, plain, made)
  local address, script = os.tmpname(), os.tmpname()
  local file = assert(io.open(script, "w"))
  file:write(SERVER:format(options or ""))
  file:close()
  local files = made and ("%s %s/key.pem"):format(made.ca_file, made.directory) or ""
  local pipe = assert(io.popen(("%s %s %s > %s"):format(child.LUA, script, files, address), "w"))
  local url
  local started = tcp.wait_for(function()
    local said = assert(io.open(address))
    url = said:read "*l"
    said:close()
    return url ~= nil
  end, PATIENCE)
  os.remove(address)
  os.remove(script)
  if not started then error "the sandbox did not start" end
  return {
    handle = plain and trusting(plain.handle, url, made.ca_file) or assert(sandbox.connect(url)),
    url = url, ca_file = made and made.ca_file, port = tonumber(url:match ":(%d+)$"),
    stop = function() pipe:close() end,
  }
end

-- One for http and one for https: those of a third of the batches.
local function start_sandboxes(options, made)
  local plain = start_sandbox(options)
  return { plain, start_sandbox(options, plain, made) }
end

-- After this, none of our connections to them is open. Dead connections are closed while the engine works:
-- a request to their successors, which leaves each of these with one connection.
local function succeed(boxes, options, made)
  for _, box in ipairs(boxes) do box.stop() end
  local new = start_sandboxes(options, made)
  collectgarbage()
  collectgarbage()
  tcp.wait_for(function()
    for _, box in ipairs(new) do box.handle:stats() end
    return not tcp.holds_others { [new[1].port] = true, [new[2].port] = true }
  end, PATIENCE)
  return new
end

-- ---- a batch -------------------------------------------------------------------------------------

-- Each call has its key as its reference as well, by which its charges are found. Every twentieth charge is followed by
-- one the service refuses, the last by one that never leaves.
local function plan(number)
  local calls = {}
  local function add(kind)
    local call = { key = ("order-%d-%d"):format(number, #calls + 1), kind = kind, params = {} }
    call.ended, call.outcome = "cut short", "unknown" -- until it ends
    for name, value in pairs(ORDERS[kind]) do call.params[name] = value end
    call.params.payment_reference = call.key
    calls[#calls + 1] = call
  end
  for i = 1, BATCH do
    add "charge"
    if i % 20 == 0 then add "too_little" end
  end
  add "half_a_franc"
  return calls
end

-- Notes how the call ended: in a word, with the charge's id or the error's outcome.
local function make(client, call)
  local charges = client.charges
  local ok, charge, err = pcall(charges.create_card_charge, charges, call.params, { idempotency_key = call.key })
  if not ok then
    call.ended, call.outcome = "raised: " .. tostring(charge), nil
  elseif charge then
    call.ended, call.id, call.outcome = "charge", charge.id, nil
  elseif errors.is_error(err) then
    call.ended, call.outcome = ("%s, %s"):format(err.outcome, err.kind), err.outcome
  else
    call.ended, call.outcome = "no error", nil
  end
end

-- Some at once, on a loop that is made for it.
local function spawn(new_client, calls)
  local loop = lomi.loop()
  local client = new_client(loop)
  for first = 1, IN_FLIGHT do
    loop:spawn(function()
      for i = first, #calls, IN_FLIGHT do
        make(client, calls[i])
        if loop.closed then return end
      end
    end)
  end
  return loop
end

-- Until the last of them are in flight.
local function poll_almost_all(loop, calls)
  local left
  repeat
    loop:poll()
    core.sleep(0.001)
    left = 0
    for _, call in ipairs(calls) do left = left + (call.ended == "cut short" and 1 or 0) end
  until left <= IN_FLIGHT
end

-- How the calls of a batch are made. The batches take turns.
local WAYS = {
  function(new_client, calls) -- one after the other
    local client = new_client()
    for _, call in ipairs(calls) do make(client, call) end
  end,
  function(new_client, calls) -- on a loop
    local loop = spawn(new_client, calls)
    loop:run()
    loop:close()
  end,
  function(new_client, calls) -- on a loop that is closed with charges in flight
    local loop = spawn(new_client, calls)
    poll_almost_all(loop, calls)
    loop:close()
  end,
  function(new_client, calls) -- on a loop that is forgotten with charges in flight
    poll_almost_all(spawn(new_client, calls), calls)
    collectgarbage()
  end,
}

-- The fault in how a call ended, if there is one; `ids` are its charges in the sandbox.
local function fault(call, ids)
  if #ids > 1 then return #ids .. " charges" end
  if call.id then return call.id ~= ids[1] and "the charge returned is not the one made" or nil end
  if call.outcome == "unknown" then return nil end
  if call.outcome ~= "rejected" and call.outcome ~= "not_sent" then return "that is no end" end
  if ids[1] then return "there is a charge" end
end

-- Returns how many charges there are.
local function check(box, calls, violations)
  local by_key, charges = {}, box:charges()
  for _, call in ipairs(calls) do by_key[call.key] = {} end
  for _, charge in ipairs(charges) do
    local list = by_key[charge.params.payment_reference]
    if list then
      list[#list + 1] = charge.id
    else
      violations[#violations + 1] = "a charge of nobody in this batch"
    end
  end
  for _, call in ipairs(calls) do
    local wrong = fault(call, by_key[call.key])
    if wrong then violations[#violations + 1] = ("%s ended in %s: %s"):format(call.key, call.ended, wrong) end
  end
  return #charges
end

-- In fair weather every charge is made that was not made yet.
local function ask_again(client, calls, violations)
  local count = 0
  for _, call in ipairs(calls) do
    if call.outcome == "unknown" or (call.kind == "charge" and not call.id) then
      make(client, call)
      count = count + 1
    end
    if (call.kind == "charge") ~= (call.id ~= nil) or call.outcome == "unknown" then
      violations[#violations + 1] = ("%s (%s) ended in %s in the end"):format(call.key, call.kind, call.ended)
    end
  end
  return count
end

-- Nothing of a batch is remembered but counts, and what was wrong.
local function run_batch(box, number, options, report)
  local function new_client(loop)
    return lomi.new {
      api_key = KEY, base_url = box.url, ca_file = box.ca_file, transport = loop, timeout = options.timeout,
      backoff = { base = 0.001 },
      on_attempt = function(event)
        report.attempts = report.attempts + 1
        if event.kind and event.kind ~= "invalid_request" then report.gone_wrong = report.gone_wrong + 1 end
      end,
    }
  end
  local calls = plan(number)
  box.handle:reset() -- what it remembers is not without end either
  box.handle:chaos { seed = number, rate = options.rate, delay = options.delay }
  WAYS[(number - 1) % #WAYS + 1](new_client, calls)

  for _, call in ipairs(calls) do report.ends[call.ended] = (report.ends[call.ended] or 0) + 1 end
  check(box.handle, calls, report.violations)

  box.handle:clear_faults()
  local patient = lomi.new {
    api_key = KEY, base_url = box.url, ca_file = box.ca_file, max_retries = 1000, backoff = { base = 0.01, cap = 0.01 },
  }
  report.asked_again = report.asked_again + ask_again(patient, calls, report.violations)
  report.calls, report.made = report.calls + #calls, report.made + check(box.handle, calls, report.violations)
end

-- ---- what the process holds ----------------------------------------------------------------------

local function resident()
  local file = assert(io.open "/proc/self/status")
  local kib = file:read("*a"):match "VmRSS:%s*(%d+)"
  file:close()
  return tonumber(kib)
end

-- Without a pipe to a child, of which the child may see one end or both.
local function descriptors()
  local path = os.tmpname()
  os.execute(("ls /proc/$PPID/fd | wc -l > %s"):format(path))
  local file = assert(io.open(path))
  local count = tonumber(file:read "*a")
  file:close()
  os.remove(path)
  return count
end

-- LuaJIT goes on compiling ever rarer paths, and keeps what it compiled. So that one reading is like another, each has
-- what was compiled since the one before.
local function forget_compiled()
  local jit = rawget(_G, "jit")
  if jit then jit.flush() end
end

---@class spec.soak.Reading
---@field charges integer  so far
---@field resident integer  KiB
---@field lua integer  KiB
---@field descriptors integer
---@field seconds number  since the start

---@return spec.soak.Reading
local function read(charges, started)
  collectgarbage()
  collectgarbage()
  return {
    charges = charges, resident = resident(), lua = math.floor(collectgarbage "count"), descriptors = descriptors(),
    seconds = core.now() - started,
  }
end

---@class spec.soak.Report
---@field readings spec.soak.Reading[]
---@field ends table<string, integer>  how many calls ended how: "charge", "unknown, connection", "cut short", …
---@field calls integer
---@field made integer  charges
---@field asked_again integer  calls that were asked again in fair weather
---@field attempts integer  told by `on_attempt`
---@field gone_wrong integer  of them
---@field violations string[]

--- A reading is taken every so many charges, after the sandbox has ended and all connections with it: what is left is
--- what is kept. `on_batch` is called after each batch; `sandbox`: its options, as they stand in Lua.
---@param options { count: integer, every: integer, rate: number, delay: number, timeout: number,
---  on_reading: fun(reading: spec.soak.Reading)?, on_batch: fun()?, sandbox: string? }
---@return spec.soak.Report
function M.run(options)
  local report = {
    readings = {}, ends = {}, calls = 0, made = 0, asked_again = 0, attempts = 0, gone_wrong = 0, violations = {},
  }
  local started = core.now()
  local made = tls.certificate()
  local boxes = start_sandboxes(options.sandbox, made)
  for number = 1, options.count / BATCH do
    run_batch(boxes[number % 3 == 0 and 2 or 1], number, options, report)
    if options.on_batch then options.on_batch() end
    if number * BATCH % options.every == 0 then
      boxes = succeed(boxes, options.sandbox, made)
      local reading = read(number * BATCH, started)
      table.insert(report.readings, reading)
      if options.on_reading then options.on_reading(reading) end
      forget_compiled()
    end
  end
  for _, box in ipairs(boxes) do box.stop() end
  tls.remove(made)
  if report.gone_wrong < report.attempts * options.rate / 2 then
    table.insert(report.violations, "the weather was too good")
  end
  return report
end

--- The excess of the last reading over the first.
---@param readings spec.soak.Reading[]
---@return string[]
function M.kept(readings)
  local first, last, kept = readings[1], readings[#readings], {}
  local grown = last.resident - first.resident
  if grown > 1024 then kept[#kept + 1] = ("%d KiB of resident memory"):format(grown) end
  if last.descriptors ~= first.descriptors then
    kept[#kept + 1] = ("%d descriptors"):format(last.descriptors - first.descriptors)
  end
  return kept
end

return M
