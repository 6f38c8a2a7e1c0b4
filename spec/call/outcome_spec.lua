-- SPDX-License-Identifier: MIT
local outcome = require "lomi.call.outcome"
local unpack = table.unpack or unpack -- luacheck: ignore

-- Every way an attempt can end, and the word for it: { failure, status, code of the contract's error shape }.
-- "replayed" stands for a rejection that is the stored answer to an earlier request.
local ATTEMPTS = {
  { "refused port, sent = false", "not_sent", { { kind = "connection", sent = false } } },
  { "timeout while connecting, sent = false", "not_sent", { { kind = "timeout", sent = false } } },
  { "TLS handshake, sent = false", "not_sent", { { kind = "tls", sent = false } } },
  { "connection lost", "unknown", { { kind = "connection", sent = true } } },
  { "timeout", "unknown", { { kind = "timeout", sent = true } } },
  { "TLS trouble after sending", "unknown", { { kind = "tls", sent = true } } },
  { "unreadable as HTTP", "unknown", { { kind = "protocol", sent = true } } },
  { "a failure that does not say", "unknown", { { kind = "connection" } } },
  { "400", "rejected", { nil, 400, "bad_request" } },
  { "400 without a key", "rejected", { nil, 400, "idempotency_key_required" } },
  { "401", "rejected", { nil, 401, "unauthorized" } },
  { "403", "rejected", { nil, 403, "forbidden" } },
  { "404", "rejected", { nil, 404, "not_found" } },
  { "409 conflict", "rejected", { nil, 409, "conflict" } },
  { "409 reused", "rejected", { nil, 409, "idempotency_key_reused" } },
  { "422", "rejected", { nil, 422, "validation_failed" } },
  { "429", "rejected", { nil, 429, "rate_limit_exceeded" } },
  { "409 in progress", "unknown", { nil, 409, "idempotency_in_progress" } },
  { "408", "unknown", { nil, 408, "request_timeout" } },
  { "400 of a proxy", "unknown", { nil, 400 } },
  { "403 of a proxy", "unknown", { nil, 403 } },
  { "404 of a proxy", "unknown", { nil, 404 } },
  { "429 of a proxy", "unknown", { nil, 429 } },
  { "302", "unknown", { nil, 302 } },
  { "302 with a code", "unknown", { nil, 302, "moved" } },
  { "500", "unknown", { nil, 500, "internal_error" } },
  { "502 of a proxy", "unknown", { nil, 502 } },
  { "503", "unknown", { nil, 503, "service_unavailable" } },
  { "200 unreadable or success: false", "unknown", { nil, 200 } },
  { "201 unreadable or success: false", "unknown", { nil, 201 } },
  { "replayed 400", "replayed", { nil, 400, "bad_request" }, true },
  { "replayed 404", "replayed", { nil, 404, "not_found" }, true },
  { "replayed 400 of another shape", "unknown", { nil, 400 }, true },
  { "replayed 408", "unknown", { nil, 408, "request_timeout" }, true },
  { "replayed 500", "unknown", { nil, 500, "internal_error" }, true },
}

-- OF_CALL[first][last]
local OF_CALL = {
  not_sent = { not_sent = "not_sent", rejected = "rejected", replayed = "rejected", unknown = "unknown" },
  rejected = { not_sent = "rejected", rejected = "rejected", replayed = "rejected", unknown = "unknown" },
  replayed = { not_sent = "rejected", rejected = "rejected", replayed = "rejected", unknown = "unknown" },
  unknown = { not_sent = "unknown", rejected = "unknown", replayed = "rejected", unknown = "unknown" },
}

local function add(so_far, attempt)
  return outcome.of_call(so_far, outcome.of_attempt(unpack(attempt[3], 1, 3)), attempt[4] or false)
end

local function word(attempt)
  return attempt[2] == "replayed" and "rejected" or attempt[2]
end

describe("lomi.call.outcome", function()
  for _, attempt in ipairs(ATTEMPTS) do
    it(("of one attempt, %s: %s"):format(attempt[1], word(attempt)), function()
      assert.equal(word(attempt), outcome.of_attempt(unpack(attempt[3], 1, 3)))
      assert.equal(word(attempt), add(nil, attempt))
    end)
  end

  for _, first in ipairs(ATTEMPTS) do
    it(("of two attempts, %s, then any"):format(first[1]), function()
      for _, last in ipairs(ATTEMPTS) do
        assert.equal(OF_CALL[first[2]][last[2]], add(add(nil, first), last), first[1] .. ", then " .. last[1])
      end
    end)
  end

  it("of three attempts", function()
    local of = {}
    for _, attempt in ipairs(ATTEMPTS) do of[attempt[2]] = of[attempt[2]] or attempt end
    for _, case in ipairs {
      { "unknown", "not_sent", "not_sent", "unknown" }, { "unknown", "rejected", "rejected", "unknown" },
      { "unknown", "not_sent", "replayed", "rejected" }, { "unknown", "unknown", "replayed", "rejected" },
      { "unknown", "replayed", "not_sent", "rejected" }, { "unknown", "replayed", "rejected", "rejected" },
      { "unknown", "replayed", "unknown", "unknown" }, { "replayed", "unknown", "rejected", "unknown" },
      { "rejected", "not_sent", "not_sent", "rejected" }, { "not_sent", "rejected", "not_sent", "rejected" },
      { "rejected", "unknown", "not_sent", "unknown" }, { "not_sent", "not_sent", "not_sent", "not_sent" },
      { "not_sent", "not_sent", "unknown", "unknown" },
    } do
      local so_far
      for i = 1, 3 do so_far = add(so_far, of[case[i]]) end
      assert.equal(case[4], so_far, table.concat(case, ", ", 1, 3))
    end
  end)
end)
