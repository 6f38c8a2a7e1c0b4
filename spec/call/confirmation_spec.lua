-- SPDX-License-Identifier: MIT
-- Money that leaves asks twice.
local core = require "lomi.core"
local lomi = require "lomi"
local server_of = require "spec.support.server"

local function header(request, name) return (server_of.header(request, name)) end

local ID = "3f0c2c1e-8f43-4f0a-9a55-0c5d3f1f7a01"
local PREVIEW = '{"requires_confirmation":true,"confirmation_token":"tok-1","expires_at":"2026-11-27T12:00:00Z",'
  .. '"preview":{"fee_amount":100}}'

-- resource, first verb, its params, the answer that says it was done
local CASES = {
  { "refunds", "create", { transaction_id = ID, amount = 5000 }, '{"success":true,"refund_id":"r-1"}' },
  { "payouts", "create", { destination = "self", rail = "bank", amount = 5000, currency_code = "XOF",
    payout_method_id = ID }, '{"success":true,"payout_id":"p-1","status":"pending"}' },
  { "settlements", "instant", { mode = "advance", amount = 5000, currency_code = "XOF" }, '{"status":"pending"}' },
}

describe("money that leaves", function()
  local server, client

  setup(function() server = server_of.start() end)
  teardown(function() server:stop() end)
  local seen
  -- What was asked since the last time.
  local function requests_since()
    local all, new = server:requests(), {}
    for i = seen + 1, #all do new[#new + 1] = all[i] end
    return new
  end

  before_each(function()
    seen = #server:requests()
    client = lomi.new { api_key = "lomi_sk_test_demo", base_url = server.url, max_retries = 0 }
  end)

  for _, case in ipairs(CASES) do
    local resource, verb, params, done = case[1], case[2], case[3], case[4]
    local object
    local function first(opts) return object[verb](object, params, opts) end

    describe("by " .. resource, function()
      before_each(function() object = client[resource] end)

      it("is previewed, then confirmed with the same body and key", function()
        server:script({ status = 200, body = PREVIEW }, { status = 201, body = done })
        local preview, err, reply = first({ account = "acct_1", extra = { later = true } })
        assert.is_nil(err)
        assert.is_false(reply.executed)
        assert.equal(100, preview.preview.fee_amount)
        assert.equal(reply.idempotency_key, preview.idempotency_key)
        local stored = assert(core.decode(assert(core.encode(preview)))) -- as a program may keep it
        local result, _, second = object:confirm(stored)
        assert.same(core.decode(done), result)
        assert.is_true(second.executed)
        local requests = requests_since()
        assert.equal(2, #requests)
        local one, two = core.decode(requests[1].body), core.decode(requests[2].body)
        assert.is_nil(one.confirmation_token)
        assert.is_true(one.later)
        one.confirmation_token = "tok-1"
        assert.same(one, two)
        for _, name in ipairs { "Idempotency-Key", "Lomi-Account" } do
          assert.is_truthy(header(requests[1], name))
          assert.equal(header(requests[1], name), header(requests[2], name))
        end
      end)

      it("is executed at once by some deployments, and reply says so", function()
        server:script({ status = 201, body = done })
        local result, _, reply = first({ idempotency_key = "k" })
        assert.same(core.decode(done), result)
        assert.is_true(reply.executed)
      end)

      it("has the outcome of a call that changes something", function()
        server:script({ status = 503, body = "" })
        local _, err, reply = first()
        assert.equal("unknown", err.outcome)
        assert.is_nil(reply.executed)
        server:script({ status = 200, body = PREVIEW }, { status = 400,
          body = '{"error":{"code":"bad_request","message":"expired"},"request_id":"r"}' })
        _, err = object:confirm(assert(first()))
        assert.equal("rejected", err.outcome)
      end)

      it("is not confirmed by another preview", function()
        server:script({ status = 200, body = PREVIEW }, { status = 200, body = PREVIEW })
        local result, err = object:confirm(assert(first()))
        assert.is_nil(result)
        assert.equal("protocol", err.kind)
        assert.equal("unknown", err.outcome)
        assert.matches("another preview", err.message)
      end)

      it("is not previewed without a token", function()
        server:script({ status = 200, body = '{"requires_confirmation":true}' })
        local result, err = first()
        assert.is_nil(result)
        assert.matches("no confirmation_token", err.message)
      end)

      it("is confirmed with what the first call gave, and nothing else", function()
        server:script({ status = 200, body = PREVIEW })
        local preview = assert(first())
        for _, wrong in ipairs { 1, {}, { confirmation_token = "t", idempotency_key = "k" },
          { confirmation_token = "t", params = params }, { idempotency_key = "k", params = params },
          { confirmation_token = "t", idempotency_key = "k\n", params = params },
          { confirmation_token = "t", idempotency_key = "k", params = { amount = "1" } } } do
          local result, err = object:confirm(wrong)
          assert.is_nil(result)
          assert.equal("invalid_request", err.kind)
          assert.equal("not_sent", err.outcome)
        end
        assert.equal("invalid_request", select(2, object:confirm()).kind)
        local _, err = object:confirm(preview, { idempotency_key = "another" })
        assert.equal("idempotency_key", err.fields[1].field)
        assert.equal(1, #requests_since())
      end)

      it("raises at the caller's line for a dot, or for unknown opts", function()
        local _, message = pcall(function() object.confirm {} end)
        assert.matches("^spec/call/confirmation_spec.lua:%d+: call it with a colon: client." .. resource .. ":confirm",
          message)
        _, message = pcall(function() object:confirm({}, { timeuot = 1 }) end)
        assert.matches("^spec/call/confirmation_spec.lua:%d+: opts has no timeuot", message)
      end)
    end)
  end
end)
