-- SPDX-License-Identifier: MIT
local locale = require "spec.support.locale"
local retry = require "lomi.call.retry"

local POLICY = { max_retries = 2, backoff = { base = 0.5, cap = 8 } }
local LONG = 1e6 -- seconds left: no deadline in sight

local function attempt(facts, more)
  local made = { number = 1, safe = true, replayed = false }
  for _, source in ipairs { facts, more or {} } do
    for name, value in pairs(source) do made[name] = value end
  end
  return made
end

local RETRIED = {
  { kind = "connection" }, { kind = "timeout" }, { status = 408 }, { status = 408, code = "request_timeout" },
  { status = 425 }, { status = 520 }, { status = 521 }, { status = 522 }, { status = 523 }, { status = 524 },
  { status = 529 },
  { status = 409, code = "idempotency_in_progress" }, { status = 429 }, { status = 429, code = "rate_limit_exceeded" },
  { status = 500 }, { status = 500, code = "internal_error" }, { status = 502 }, { status = 503 },
  { status = 503, code = "service_unavailable" }, { status = 504 },
}
local NEVER = {
  { kind = "tls" }, { kind = "protocol" }, { status = 200 }, { status = 201 }, { status = 204 }, { status = 301 },
  { status = 302 }, { status = 400, code = "bad_request" }, { status = 400 }, { status = 401 }, { status = 403 },
  { status = 404 }, { status = 409 }, { status = 409, code = "conflict" },
  { status = 409, code = "idempotency_key_reused" }, { status = 410 }, { status = 422 }, { status = 501 },
  { status = 505 },
  { status = 519 }, { status = 525 }, { status = 530 },
  { status = 400, code = "idempotency_in_progress" },
}

local function name_of(facts)
  return ("%s %s %s"):format(facts.kind or "", facts.status or "", facts.code or "")
end

local function stops(policy, made, left, random)
  local wait, reason = retry.decide(policy, made, left or LONG, random or 0.5)
  assert.is_nil(wait, name_of(made))
  assert.is_truthy(type(reason) == "string" and #reason > 0)
  return reason
end

local function goes_on(policy, made, left, random)
  local wait, reason = retry.decide(policy, made, left or LONG, random or 0.5)
  assert.is_number(wait, name_of(made) .. ": " .. tostring(reason))
  assert.is_truthy(type(reason) == "string" and #reason > 0)
  return wait, reason
end

describe("lomi.call.retry.decide", function()
  it("asks again after what passes, and says after what", function()
    for _, facts in ipairs(RETRIED) do
      local _, reason = goes_on(POLICY, attempt(facts))
      assert.matches(tostring(facts.kind or facts.status), reason, 1, true)
    end
  end)

  it("never asks again after what would only come again", function()
    for _, facts in ipairs(NEVER) do stops(POLICY, attempt(facts)) end
  end)

  it("never asks again after an error that was replayed", function()
    for _, facts in ipairs(RETRIED) do
      if facts.status then stops(POLICY, attempt(facts, { replayed = true })) end
    end
  end)

  it("never does what could be done twice", function()
    for _, facts in ipairs(RETRIED) do stops(POLICY, attempt(facts, { safe = false })) end
  end)

  it("asks max_retries times more, at most", function()
    for most = 0, 5 do
      local policy = { max_retries = most, backoff = POLICY.backoff }
      for number = 1, most do goes_on(policy, attempt({ status = 500 }, { number = number })) end
      for number = most + 1, most + 3 do stops(policy, attempt({ status = 500 }, { number = number })) end
    end
  end)

  it("has a reason of its own for each way to stop", function()
    local seen = {}
    for _, case in ipairs {
      { attempt { status = 400 } }, { attempt { status = 500, replayed = true } },
      { attempt { status = 500, safe = false } }, { attempt { status = 500, number = 9 } },
      { attempt { status = 429, retry_after = 61 } }, { attempt { status = 429, retry_after = 30 }, 10 },
    } do
      local reason = stops(POLICY, case[1], case[2])
      assert.is_nil(seen[reason], reason)
      seen[reason] = true
    end
  end)
end)

describe("the wait", function()
  local patient = { max_retries = 100, backoff = { base = 0.5, cap = 8 } }

  it("has full jitter over base * 2^n, capped", function()
    for number, ceiling in pairs { 0.5, 1, 2, 4, 8, 8, 8, [20] = 8, [100] = 8 } do
      local made = attempt({ status = 503 }, { number = number })
      assert.equal(0, goes_on(patient, made, LONG, 0))
      for _, random in ipairs { 0.1, 0.25, 0.5, 0.999 } do
        local wait = goes_on(patient, made, LONG, random)
        assert.is_true(math.abs(wait - random * ceiling) < 1e-9, number .. ": " .. wait)
      end
    end
  end)

  it("follows the policy's base and cap", function()
    local policy = { max_retries = 9, backoff = { base = 3, cap = 5 } }
    assert.equal(1.5, goes_on(policy, attempt({ status = 500 }, { number = 1 })))
    assert.equal(2.5, goes_on(policy, attempt({ status = 500 }, { number = 2 })))
    local none = { max_retries = 9, backoff = { base = 0, cap = 0 } }
    assert.equal(0, goes_on(none, attempt({ status = 500 }, { number = 9 })))
  end)

  it("is the service's Retry-After when that is longer", function()
    for _, facts in ipairs(RETRIED) do
      if facts.status then
        assert.equal(3, goes_on(POLICY, attempt(facts, { retry_after = 3 }), LONG, 0.9))
        assert.equal(0.25, goes_on(POLICY, attempt(facts, { retry_after = 0.1 }), LONG, 0.5))
        assert.equal(0.25, goes_on(POLICY, attempt(facts, { retry_after = 0 }), LONG, 0.5))
      end
    end
  end)

  it("is 60 s at most; for more, it stops now", function()
    assert.equal(60, goes_on(POLICY, attempt { status = 429, retry_after = 60 }))
    for _, seconds in ipairs { 60.5, 61, 3600, math.huge } do
      stops(POLICY, attempt { status = 429, retry_after = seconds })
    end
  end)

  it("never passes the deadline", function()
    goes_on(POLICY, attempt { status = 429, retry_after = 5 }, 5.5)
    stops(POLICY, attempt { status = 429, retry_after = 5 }, 4.5)
    goes_on(patient, attempt({ status = 500 }, { number = 5 }), 4.5, 0.5)
    stops(patient, attempt({ status = 500 }, { number = 5 }), 3.5, 0.5)
    for _, left in ipairs { 0, -1 } do stops(POLICY, attempt { kind = "timeout" }, left, 0) end
  end)
end)

describe("lomi.call.retry.retry_after", function()
  local NOW = 784111777 -- Sun, 06 Nov 1994 08:49:37 GMT

  it("reads seconds", function()
    for text, seconds in pairs { ["0"] = 0, ["1"] = 1, ["120"] = 120, ["007"] = 7 } do
      assert.equal(seconds, retry.retry_after(text, NOW))
    end
    for _, digits in ipairs { "1000000001", "123456789012345", ("9"):rep(20), ("9"):rep(400), ("9"):rep(400) .. ".5",
    } do
      assert.equal(1e9, retry.retry_after(digits, NOW))
    end
  end)

  it("reads fractions of a second, whatever the locale's decimal point", function()
    local function check()
      for text, seconds in pairs {
        ["1.5"] = 1.5, ["0.25"] = 0.25, ["2.0"] = 2, ["0.001"] = 0.001, ["1.9999999999"] = 1.999, ["007.5"] = 7.5,
      } do
        assert.equal(seconds, retry.retry_after(text, NOW), text)
      end
    end
    check()
    locale.need_french(pending)
    locale.under(locale.FRENCH, check)
  end)

  it("counts a date from the reply's own Date, if that can be read", function()
    local SOON = "Sun, 06 Nov 1994 08:49:42 GMT"
    for _, wrong_by in ipairs { -300, 300, 1e6 } do
      assert.equal(5, retry.retry_after(SOON, NOW + wrong_by, "Sun, 06 Nov 1994 08:49:37 GMT"))
      assert.equal(7, retry.retry_after("7", NOW + wrong_by, "Sun, 06 Nov 1994 08:49:37 GMT"))
    end
    assert.equal(0, retry.retry_after(SOON, NOW, "Sun, 06 Nov 1994 08:50:00 GMT"))
    assert.equal(5, retry.retry_after(SOON, NOW, "yesterday"))
    assert.equal(5, retry.retry_after(SOON, NOW))
  end)

  it("reads an HTTP date in its old forms too", function()
    local at = retry.read_date "Sun, 06 Nov 2033 08:49:37 GMT"
    assert.is_number(at)
    assert.equal(at, retry.read_date "Sunday, 06-Nov-33 08:49:37 GMT")
    assert.equal(at, retry.read_date "Sun Nov  6 08:49:37 2033")
    for _, text in ipairs { "Sun Nov 6 08:49:37 2033", "Sunday, 06-Nov-33 08:49:37", "Sun, 06-Nov-33 08:49:37 GMT" } do
      assert.is_nil(retry.read_date(text))
    end
  end)

  it("reads an HTTP date", function()
    for text, seconds in pairs {
      ["Sun, 06 Nov 1994 08:49:37 GMT"] = 0, ["Sun, 06 Nov 1994 08:49:42 GMT"] = 5,
      ["Sun, 06 Nov 1994 09:49:37 GMT"] = 3600, ["Mon, 07 Nov 1994 08:49:37 GMT"] = 86400,
      ["Sun, 06 Nov 1994 08:49:00 GMT"] = 0, ["Thu, 01 Jan 1970 00:00:00 GMT"] = 0,
    } do
      assert.equal(seconds, retry.retry_after(text, NOW), text)
    end
    for i, month in ipairs { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" } do
      local at = os.time { year = 2030, month = i, day = 15, hour = 12 }
      local text = os.date("!%a, %d " .. month .. " %Y %H:%M:%S GMT", at)
      assert.equal(30, retry.retry_after(text, at - 30), text)
    end
  end)

  it("counts from the clock it was given, fractions too", function()
    assert.equal(4.5, retry.retry_after("Sun, 06 Nov 1994 08:49:42 GMT", NOW + 0.5))
  end)

  it("does not guess", function()
    for _, text in ipairs {
      ".5", "5.", "1.5.5", "1.5s", " 5",
      "", " ", "soon", "-5", "1e3", "0x10", "1,5", "5s", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
      "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT", "nan", "inf",
    } do
      assert.is_nil(retry.retry_after(text, NOW), text)
    end
    assert.is_nil(retry.retry_after(nil, NOW))
  end)

  it("stops at once when the transport says that it would fail again", function()
    local policy = { max_retries = 2, backoff = { base = 1, cap = 8 } }
    assert.is_nil((retry.decide(policy, { number = 1, safe = true, kind = "connection", final = true }, 60, 0)))
    assert.equal(0, (retry.decide(policy, { number = 1, safe = true, kind = "connection" }, 60, 0)))
  end)
end)
