-- SPDX-License-Identifier: MIT
--- The proof that a charge is made once, or not at all, and that the caller is told which: many charges in weather that
--- loses, garbles, delays and refuses, and then a look at what the sandbox holds.

local core = require "lomi.core"
local crypto = require "lomi.crypto"
local errors = require "lomi.errors"
local lomi = require "lomi"
local sandbox = require "lomi.sandbox"

local M = {}

local KEY = "lomi_sk_test_chaos"

local KINDS = {
  invalid_request = true, authentication = true, permission = true, not_found = true, conflict = true,
  rate_limited = true, api = true, connection = true, timeout = true, tls = true, protocol = true,
}
local OUTCOMES = { not_sent = true, rejected = true, unknown = true }

-- The calls. Every twentieth charge is followed by one the service refuses, every hundredth by one that never
-- leaves, so that what is said about refusals is put to the test too.
local EMAIL, NAME = "awa@example.com", "Awa Ndiaye"
local ORDERS = {
  charge = { amount = 10000, currency_code = "XOF", customer_email = EMAIL, customer_name = NAME },
  too_little = { amount = 500, currency_code = "XOF", customer_email = EMAIL, customer_name = NAME },
  half_a_franc = { amount = 0.5, currency_code = "XOF", customer_email = EMAIL, customer_name = NAME },
}

-- Each has its key as its reference as well, by which its charges are found whatever the service makes of keys.
local function plan(count)
  local list = {}
  local function add(kind)
    local call = { key = ("order-%d"):format(#list + 1), kind = kind, params = {} }
    for name, value in pairs(ORDERS[kind]) do call.params[name] = value end
    call.params.payment_reference = call.key
    list[#list + 1] = call
  end
  for i = 1, count do
    add "charge"
    if i % 20 == 0 then add "too_little" end
    if i % 100 == 0 then add "half_a_franc" end
  end
  return list
end

-- One word for how a call ended, and whether it may end so at all.
local function ended(ok, charge, err)
  if not ok then return "raised", false end
  if charge then
    return "charge", type(charge.id) == "string" and type(charge.client_secret) == "string" and err == nil
  end
  if not errors.is_error(err) then return "no error", false end
  return ("%s, %s"):format(err.outcome, err.kind), KINDS[err.kind] and OUTCOMES[err.outcome]
end

local function charges_by_key(box)
  local by_key, total = {}, 0
  for _, charge in ipairs(box:charges()) do
    local key = charge.params.payment_reference
    local list = by_key[key] or {}
    by_key[key] = list
    list[#list + 1] = charge.id
    total = total + 1
  end
  return by_key, total
end

---@class spec.chaos.Report
---@field ends table<string, integer>  how many calls ended how: "charge", "unknown, connection", …
---@field calls integer
---@field attempts integer  told by `on_attempt`
---@field accepts integer  connections
---@field asked_again integer  calls of unknown outcome, asked again in fair weather
---@field violations string[]
---@field story string  a digest of all that happened, attempt by attempt; the same for the same seed
---@field seconds number

--- `delay` is how long a delayed reply takes; with a `timeout` below it, timing has a say in the story.
---@param options { count: integer, seed: integer, rate: number, delay: number?, timeout: number?, sandbox: table? }
---@return spec.chaos.Report
function M.run(options)
  local box = assert(sandbox.start(options.sandbox))
  local story, attempts = {}, 0
  local function tell(event)
    attempts = attempts + 1
    story[#story + 1] = ("%s %s %s %s %s"):format(tostring(event.attempt), tostring(event.status), tostring(event.kind),
      tostring(event.code), tostring(event.outcome))
  end
  local function client(retries, wait, timeout)
    return lomi.new {
      api_key = KEY, base_url = box.url, max_retries = retries, timeout = timeout, on_attempt = tell,
      backoff = { base = wait, cap = wait },
    }.charges
  end
  local report = { ends = {}, violations = {}, asked_again = 0 }
  local function violation(call, what)
    table.insert(report.violations, ("%s (%s): %s"):format(call.key, call.kind, what))
  end

  local started = core.now()
  box:chaos { seed = options.seed, rate = options.rate, delay = options.delay }
  local calls, charges = plan(options.count), client(2, 0.001, options.timeout)
  for _, call in ipairs(calls) do
    local opts = { idempotency_key = call.key }
    local ok, charge, err = pcall(charges.create_card_charge, charges, call.params, opts)
    local word, good = ended(ok, charge, err)
    if not good then violation(call, "it ended with " .. word .. ": " .. tostring(ok and err or charge)) end
    report.ends[word] = (report.ends[word] or 0) + 1
    call.charge, call.outcome = ok and charge or nil, good and not charge and err.outcome or nil
    story[#story + 1] = ("%s: %s"):format(call.key, word)
  end
  for _, request in ipairs(box:requests()) do
    story[#story + 1] = ("%s %s %s"):format(tostring(request.fault), tostring(request.status),
      tostring(request.replayed))
  end
  report.story = crypto.hmac_sha256("story", table.concat(story, "\n"))

  local made = charges_by_key(box)
  for _, call in ipairs(calls) do
    local ids = made[call.key] or {}
    if #ids > 1 then violation(call, #ids .. " charges under one key") end
    if call.charge and ids[1] ~= call.charge.id then violation(call, "the charge returned is not the one made") end
    if (call.outcome == "rejected" or call.outcome == "not_sent") and ids[1] then
      violation(call, call.outcome .. ", but there is a charge")
    end
  end

  box:clear_faults()
  charges = client(1000, 0.01)
  for _, call in ipairs(calls) do
    if call.outcome == "unknown" then
      report.asked_again = report.asked_again + 1
      local charge, err = charges:create_card_charge(call.params, { idempotency_key = call.key })
      call.charge = charge
      if call.kind ~= "charge" and not (err and err.outcome == "rejected") then
        violation(call, "asked again, it was not rejected: " .. tostring(err))
      end
    end
  end
  local total
  made, total = charges_by_key(box)
  for _, call in ipairs(calls) do
    local ids, expected = made[call.key] or {}, call.charge and 1 or 0
    if #ids ~= expected then violation(call, ("%d charges in the end, not %d"):format(#ids, expected)) end
    if call.charge and ids[1] ~= call.charge.id then violation(call, "the charge in the end is another one") end
    if call.kind == "charge" and call.outcome == "unknown" and not call.charge then
      violation(call, "asked again in fair weather, it did not end in a charge")
    end
    total = total - expected
  end

  local stats = box:stats()
  local function check(holds, what) if not holds then table.insert(report.violations, what) end end
  check(total == 0, ("%d charges under keys of nobody"):format(total))
  check(stats.requests == attempts, ("%d requests on the wire for %d attempts"):format(stats.requests, attempts))
  report.calls, report.attempts, report.accepts = #calls, attempts, stats.accepts
  report.seconds = core.now() - started
  box:stop()
  return report
end

return M
