-- SPDX-License-Identifier: MIT
-- One call on the wire, with a transport that plays what a spec tells it and a clock that stands still but for it.
local attempts = require "lomi.call.attempts"
local core = require "lomi.core"

local CHARGE = '{"data":{"id":"pi_1"}}'
local READS = { result = "body" }

local function reply(status, body, more)
  local made = { status = status, headers = {}, body = body or CHARGE, replayed = false }
  for name, value in pairs(more or {}) do made[name] = value end
  return made
end

local function refusal(status, code, more)
  return reply(status, ('{"error":{"code":"%s","message":"no"}}'):format(code), more)
end

local LOST = { kind = "connection", message = "the connection was reset" }
local REFUSED = { kind = "connection", message = "cannot connect", sent = false }

-- Each step is a reply, or a failure; `takes` is how many seconds it takes.
local function play(steps, options)
  options = options or {}
  local clock, number, seen, slept, events = 100, 0, {}, {}, {}
  local transport = {
    now = function() return clock end,
    sleep = function(_, seconds)
      slept[#slept + 1] = seconds
      clock = clock + seconds
    end,
    exchange = function(_, request)
      number = number + 1
      local fields = {}
      for i = 1, #request.fields, 2 do fields[request.fields[i]] = request.fields[i + 1] end
      seen[number] = { timeout = request.timeout, fields = fields, body = request.body }
      clock = clock + (options.takes or 0)
      local step = steps[number] or error("the call makes an attempt too many", 0)
      if step.status then return step end
      return nil, step
    end,
  }
  local id, key = core.uuid4(), options.key or "order-1"
  local request = {
    server = { path = "/v1" }, method = options.method or "POST", account = options.account,
    target = options.target or "/v1/charge/card?a=b",
    fields = { "X-Request-Id", id, "Idempotency-Key", key }, body = "{}", timeout = options.timeout or 10,
    idempotency_key = not options.method and key or nil, request_id = id,
  }
  local config = { api_key = options.api_key or "lomi_sk_test_x", deadline = options.deadline or 100,
    backoff = { base = 1, cap = 8 }, secrets = {},
    on_attempt = options.on_attempt or function(event) events[#events + 1] = event end }
  local result, err, last = attempts.perform(config, transport, request, READS, options.max_retries or 2)
  return { result = result, err = err, reply = last, seen = seen, slept = slept, events = events, first_id = id }
end

describe("attempts.perform", function()
  it("gives the result and the reply, which tells the call's attempts and time", function()
    local got = play({ LOST, reply(201, CHARGE, { request_id = "req-1" }) }, { takes = 0.5 })
    assert.equal("pi_1", got.result.data.id)
    assert.is_nil(got.err)
    assert.same({ 2, "order-1", "req-1" }, { got.reply.attempts, got.reply.idempotency_key, got.reply.request_id })
    assert.near(1 + got.slept[1], got.reply.elapsed, 1e-9)
  end)

  it("sends the same key and body with each attempt, and an X-Request-Id of its own", function()
    local got = play { LOST, LOST, reply(201) }
    local ids = {}
    for i, one in ipairs(got.seen) do
      assert.same({ "order-1", "{}" }, { one.fields["Idempotency-Key"], one.body })
      ids[i] = one.fields["X-Request-Id"]
      assert.is_true(core.is_uuid4(ids[i]))
    end
    assert.equal(got.first_id, ids[1])
    assert.is_true(ids[1] ~= ids[2] and ids[2] ~= ids[3] and ids[1] ~= ids[3])
  end)

  it("treats a reply with the id of an earlier request as lost, unless that had the same intent", function()
    -- Is the reply to the earlier request refused as one to the later?
    local function is_refused(earlier, later, replayed)
      local id = play({ reply(201) }, earlier).first_id
      local other = reply(201, '{"data":{"id":"pi_other"}}', { request_id = id, replayed = replayed or false })
      local got = play({ other, reply(201) }, later)
      if got.result and got.result.data.id == "pi_other" then return false end
      assert.equal("connection", got.events[1].kind)
      if later.method ~= "GET" then assert.equal("unknown", got.events[1].outcome) end
      return true
    end
    for text, case in pairs {
      ["another key"] = { {}, { key = "order-2" } },
      ["the same key for something else"] = { {}, { target = "/v1/charge/card/pi_1/capture" } },
      ["a read, then a deletion"] = { { method = "GET" }, { method = "DELETE" } },
      ["two changes of one record"] = { { method = "PATCH" }, { method = "PATCH" } },
      ["another read"] = { { method = "GET" }, { method = "GET", target = "/v1/charge/pi_2" } },
      ["another account's"] = { { method = "GET" }, { method = "GET", account = "acct_2" } },
      ["another key's"] = { { method = "GET" }, { method = "GET", api_key = "lomi_sk_test_other" } },
    } do
      assert.is_true(is_refused(case[1], case[2]), text)
      assert.is_true(is_refused(case[1], case[2], true), text .. ", replayed")
    end
    assert.is_false(is_refused({}, {})) -- stored by the service
    assert.is_false(is_refused({}, {}, true))
    assert.is_false(is_refused({ method = "GET" }, { method = "GET" })) -- stored by a cache in between
    assert.equal(1, play({ reply(201, CHARGE, { request_id = "req-1" }) }).reply.attempts)
  end)

  it("treats a reply without an id as it is, wherever a hook has struck before", function()
    for at = 1, 200 do
      pcall(function()
        local count = 0
        debug.sethook(function()
          count = count + 1
          if count == at then error("watchdog", 0) end
        end, "", 1)
        play { reply(201) }
      end)
      debug.sethook()
    end
    assert.equal(1, play({ reply(201) }).reply.attempts)
  end)

  it("names the last attempt's id in an error without a reply, and the service's where there was one", function()
    local got = play { LOST, LOST, LOST }
    assert.equal(got.seen[3].fields["X-Request-Id"], got.err.request_id)
    for i, event in ipairs(got.events) do assert.equal(got.seen[i].fields["X-Request-Id"], event.request_id) end
    got = play { refusal(400, "bad_request", { request_id = "req-9" }) }
    assert.equal("req-9", got.err.request_id)
  end)

  it("tells the outcome of the whole call, not of the last attempt", function()
    assert.equal("not_sent", play({ REFUSED, REFUSED, REFUSED }).err.outcome)
    assert.equal("unknown", play({ LOST, REFUSED, REFUSED }).err.outcome)
    assert.equal("unknown", play({ REFUSED, LOST, REFUSED }).err.outcome)
    assert.equal("unknown", play({ LOST, refusal(400, "bad_request") }).err.outcome)
    assert.equal("rejected", play({ REFUSED, refusal(400, "bad_request") }).err.outcome)
    assert.equal("rejected", play({ LOST, refusal(400, "bad_request", { replayed = true }) }).err.outcome)
    assert.is_nil(play({ LOST, LOST, LOST }, { method = "GET" }).err.outcome)
  end)

  it("retries no more than it may, and not at all where another attempt would fail likewise", function()
    assert.equal(3, #play({ LOST, LOST, LOST }).seen)
    assert.equal(1, #play({ LOST }, { max_retries = 0 }).seen)
    assert.equal(1, #play({ { kind = "connection", message = "x", sent = false, final = true } }).seen)
  end)

  it("cuts an attempt's timeout to what is left of the deadline", function()
    local got = play({ LOST, LOST, LOST }, { timeout = 10, deadline = 25, takes = 10 })
    assert.equal(10, got.seen[1].timeout)
    local left = 25
    for i = 2, #got.seen do
      left = left - 10 - got.slept[i - 1]
      assert.near(math.min(10, left), got.seen[i].timeout, 1e-9)
    end
    assert.is_true(#got.seen > 1)
  end)

  it("makes no attempt once on_attempt has used the deadline up", function()
    local clock = 0
    local transport = {
      now = function() return clock end, sleep = function(_, seconds) clock = clock + seconds end,
      exchange = function() return nil, LOST end,
    }
    local request = { server = { path = "" }, method = "POST", target = "/", fields = {}, timeout = 5,
      idempotency_key = "k", request_id = "r" }
    local result, err = attempts.perform({ api_key = "lomi_sk_test_x", deadline = 5, backoff = { base = 0, cap = 0 },
      secrets = {}, on_attempt = function() clock = clock + 6 end }, transport, request, READS, 5)
    assert.is_nil(result)
    assert.same({ "connection", 1 }, { err.kind, err.attempts })
  end)

  it("tells on_attempt of each, why there is another and how long it waits", function()
    local got = play { LOST, reply(201) }
    local first, second = got.events[1], got.events[2]
    assert.same({ "POST", "/charge/card", 1, "connection", "unknown", got.slept[1] },
      { first.method, first.path, first.attempt, first.kind, first.outcome, first.wait })
    assert.is_string(first.reason)
    assert.same({ 2, 201 }, { second.attempt, second.status })
    assert.is_nil(second.kind or second.wait or second.reason)
    assert.equal(2, #got.events)
  end)

  it("raises an interrupt in on_attempt to the program", function()
    local ok, problem = pcall(play, { reply(201) }, { on_attempt = function() error("interrupted!", 0) end })
    assert.same({ false, "interrupted!" }, { ok, problem }) -- no position before it: it is the program's own
  end)
end)
