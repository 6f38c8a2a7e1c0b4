-- SPDX-License-Identifier: MIT
local errors = require "lomi.errors"

local KEY = "k3y-in-use"
local SECRETS = {
  ["the key in use"] = { KEY, KEY }, ["a secret key"] = { "lomi_sk_live_9aB3xYz", "9aB3xYz" },
  ["a test key"] = { "lomi_sk_test_9aB3xYz", "9aB3xYz" }, ["a client secret"] = { "pi_3Qx_secret_AbC123", "AbC123" },
  ["a webhook secret"] = { "whsec_9f8e7d6c", "9f8e7d6c" }, ["a card number"] = { "4242424242424242", "4242424242" },
  ["a card number in groups"] = { "4242 4242 4242 4242", "4242 4242" },
  ["a card number with dashes"] = { "4242-4242-4242-4242", "4242-4242" },
}

local function assert_hidden(piece, value, where)
  if type(value) == "table" then
    for key, item in pairs(value) do
      assert_hidden(piece, key, where)
      assert_hidden(piece, item, where .. "." .. tostring(key))
    end
  else
    assert.is_nil(tostring(value):find(piece, 1, true), where .. ": " .. tostring(value))
  end
end

describe("an error", function()
  it("has what it was given", function()
    local facts = {
      code = "rate_limit_exceeded", status = 429, details = { retry_after_seconds = 3, limit = 120 },
      request_id = "r-1", retry_after = 3, attempts = 2, replayed = false, idempotency_key = "order-1",
      outcome = "rejected",
      fields = { { field = "amount", message = "is required" } },
    }
    local err = errors.new("rate_limited", "too many requests", facts, KEY)
    assert.equal("rate_limited", err.kind)
    assert.equal("too many requests", err.message)
    for name, value in pairs(facts) do assert.same(value, err[name]) end
  end)

  it("is one line as text, with what a log needs", function()
    local err = errors.new("api", "the service\r\nhad\ttrouble\n", {
      code = "internal\nerror\194\1552J", status = 500, outcome = "unknown", request_id = "r-1",
      idempotency_key = "order-1",
    })
    local line = tostring(err)
    assert.is_nil(line:find("%c"))
    assert.is_nil(line:find("\155", 1, true))
    for _, piece in ipairs { "api", "trouble", "internal", "500", "unknown", "r-1", "order-1" } do
      assert.matches(piece, line, 1, true)
    end
    assert.is_nil(tostring(errors.new("tls", "no")):find("%c"))
    assert.is_nil(tostring(errors.new("tls", "no")):find("nil", 1, true))
  end)

  it("has a message and a code of one line, too", function()
    for _, mark in ipairs { "\n", "\r\n", "\27[2J", "\0", "\194\155", "\226\128\168", "\226\128\174",
      "\226\129\166" } do
      local err = errors.new("api", "a" .. mark .. "b", { code = "c" .. mark .. "d" })
      for _, text in ipairs { err.message, err.code, tostring(err) } do
        assert.is_nil(text:find(mark, 1, true))
        assert.is_nil(text:find "[%z\1-\31\127]")
      end
    end
  end)

  it("is bounded, whatever a server says", function()
    local long = ("x"):rep(1e6)
    local err = errors.new("api", long, { code = long, request_id = long, details = { long, [long] = long } }, KEY)
    assert.is_true(#err.message <= 4096)
    assert.is_true(#err.code <= 256)
    assert.is_true(#err.request_id <= 260)
    assert.is_true(#tostring(err) <= 5000)
  end)

  it("can be joined to text and to errors", function()
    local err = errors.new("timeout", "too slow", { status = 408 })
    assert.equal("failed: " .. tostring(err), "failed: " .. err)
    assert.equal(tostring(err) .. "!", err .. "!")
    assert.equal(tostring(err) .. tostring(err), err .. err)
    assert.equal(tostring(err) .. 1, err .. 1)
  end)

  for name, secret in pairs(SECRETS) do
    local whole, piece = secret[1], secret[2]
    it("shows " .. name .. " nowhere", function()
      local err = errors.new("invalid_request", "it was " .. whole .. ", I think", {
        code = "bad " .. whole, details = { whole, { deep = whole, [whole] = 1 }, client_secret = whole },
        fields = { { field = whole, message = "is not " .. whole } }, status = 400,
      }, KEY)
      assert_hidden(piece, err, "err")
      assert_hidden(piece, tostring(err), "tostring")
      assert_hidden(piece, "x" .. err, "concat")
      assert_hidden(piece, errors.new("api", "m", { details = whole }, KEY), "details as text")
      assert_hidden(piece, errors.new("api", "m", { details = { whole, whole } }, KEY), "details as a list")
      assert_hidden(piece, errors.invalid({ { field = whole, message = "is " .. whole } }, {}, KEY), "invalid")
    end)
  end

  it("shows no client_secret, whatever it looks like", function()
    local err = errors.new("api", "m", { details = { client_secret = "plain", data = { client_secret = "plain" } } })
    assert_hidden("plain", err, "err")
  end)

  -- Asking again with another key would charge twice; support finds nothing under another request id.
  it("never alters the idempotency key and the request id", function()
    for _, text in ipairs {
      "order-1", "4242424242424242", "4242 4242 4242 4242", "42424242-4242-4242-4242-424242424242",
      "order-4242424242424242-1",
    } do
      local err = errors.new("api", "m", { idempotency_key = text, request_id = text }, KEY)
      assert.equal(text, err.idempotency_key)
      assert.equal(text, err.request_id)
      local _, times = tostring(err):gsub(text:gsub("%p", "%%%0"), "")
      assert.equal(2, times, tostring(err))
    end
  end)

  it("leaves the facts it was given as they were", function()
    local facts = { details = { client_secret = "plain" }, idempotency_key = "order-1" }
    errors.new("api", "m", facts)
    assert.same({ details = { client_secret = "plain" }, idempotency_key = "order-1" }, facts)
  end)

  it("can be told from other values", function()
    assert.is_true(errors.is_error(errors.new("api", "m")))
    for _, value in ipairs { {}, "m", 1, true, setmetatable({}, {}) } do assert.is_false(errors.is_error(value)) end
    assert.is_false(errors.is_error(nil))
  end)
end)

describe("the error of a payload", function()
  it("is bounded, and says how many faults it does not tell", function()
    local faults = {}
    for i = 1, 1000 do faults[i] = { field = ("f%d"):format(i) .. ("y"):rep(i), message = "is not a field" } end
    local err = errors.invalid(faults, { attempts = 0 })
    assert.is_true(#err.message <= 4096)
    assert.is_true(#err.fields <= 32)
    assert.equal("f1y", err.fields[1].field)
    assert.matches("; and 980 more$", err.message)
  end)

  it("names every fault at once", function()
    local faults = {
      { field = "amount", message = "is required" },
      { field = "ammount", message = 'is not a field; did you mean "amount"?' },
    }
    local err = errors.invalid(faults, { attempts = 0, outcome = "not_sent" })
    assert.equal("invalid_request", err.kind)
    assert.equal("not_sent", err.outcome)
    assert.equal(0, err.attempts)
    assert.same(faults, err.fields)
    assert.is_string(err.code)
    for _, fault in ipairs(faults) do
      assert.matches(fault.field .. " " .. fault.message, err.message, 1, true)
      assert.matches(fault.field .. " " .. fault.message, tostring(err), 1, true)
    end
  end)
end)
