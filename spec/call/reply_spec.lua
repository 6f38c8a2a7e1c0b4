-- SPDX-License-Identifier: MIT
local core = require "lomi.core"
local cost = require "spec.support.cost"
local read = require("lomi.call.reply").read

local function trouble_of(status, err)
  local result, trouble = read({ status = status, body = core.encode { error = err, request_id = "r" } }, "data")
  assert.is_nil(result)
  return trouble
end

describe("the message of an error reply", function()
  it("tells the first reasons of a list of them", function()
    local reasons = { "customer.phoneNumber must be a phone number", "amount must be 1 or more", "c", "d" }
    local function message(n)
      return trouble_of(400, { code = "bad_request", message = "Validation failed",
        details = { (table.unpack or unpack)(reasons, 1, n) } }).message -- luacheck: ignore 113
    end
    assert.equal("Validation failed: customer.phoneNumber must be a phone number", message(1))
    assert.equal("Validation failed: " .. reasons[1] .. "; " .. reasons[2], message(2))
    assert.equal("Validation failed: " .. reasons[1] .. "; " .. reasons[2] .. "; c", message(3))
    assert.equal("Validation failed: " .. reasons[1] .. "; " .. reasons[2] .. "; c; …", message(4))
    for said, told in pairs { ["Validation failed"] = "Validation failed: id", ["Wrong: id"] = "Wrong: id", id = "id",
      [" "] = "bad_request: id" } do
      assert.equal(told, trouble_of(400, { code = "bad_request", message = said, details = { "id" } }).message)
    end
  end)

  it("is as it came where details are no list of strings, or are said already", function()
    for _, details in ipairs { "text", { limit = 120 }, { { field = "amount" } }, { 1, 2 }, true, {} } do
      assert.equal("no", trouble_of(400, { code = "bad_request", message = "no", details = details }).message)
    end
    assert.equal("no: amount", trouble_of(400, { code = "x", message = "no: amount", details = { "amount" } }).message)
    assert.equal("bad_request: amount", trouble_of(400, { code = "bad_request", details = { "amount" } }).message)
  end)
end)

describe("a reused key", function()
  it("has one code, whichever the service gives", function()
    for _, err in ipairs {
      { code = "idempotency_key_reused", message = "Key reused" },
      { code = "conflict", message = "idempotency_key_conflict" },
    } do
      local trouble = trouble_of(409, err)
      assert.same({ "conflict", "idempotency_key_reused" }, { trouble.kind, trouble.code })
    end
    assert.equal("conflict", trouble_of(409, { code = "conflict", message = "already captured" }).code)
    assert.equal("conflict", trouble_of(400, { code = "conflict", message = "idempotency_key_conflict" }).code)
  end)
end)

describe("the body of a success", function()
  it("may be missing where the service says nothing, and nowhere else", function()
    for _, status in ipairs { 200, 201, 202, 204 } do
      for _, result in ipairs { "record", "body", false } do
        local wanted = { result = result or nil, may_be_empty = true }
        assert.same({}, (read({ status = status, body = "", request_id = "r" }, wanted)))
        if status ~= 204 then -- a proxy's, for all that is known
          assert.matches("it is empty", select(2, read({ status = status, body = "" }, wanted)).message)
        end
      end
      for _, result in ipairs { "record", "data", "list" } do
        assert.matches("it is empty", select(2, read({ status = status, body = "" }, { result = result })).message)
      end
    end
    assert.same({}, (read({ status = 204, body = "" }, { result = "body" })))
    assert.matches("it is empty", select(2, read({ status = 200, body = "" }, { result = "body" })).message)
    local _, trouble = read({ status = 200, body = "null" }, { result = "body", may_be_empty = true })
    assert.equal("protocol", trouble.kind)
  end)

  it("is read up to 1.25 MiB of values: a hostile one costs little", function()
    local body = '{"data":[' .. ("[],"):rep(1300000) .. "1]}"
    local result, trouble = read({ status = 200, body = body }, { result = "list" })
    assert.is_nil(result)
    assert.equal("protocol", trouble.kind)
    assert.matches("larger than 1.25 MiB, .*ask for fewer items", trouble.message)
    assert.is_true(cost.of(function() read({ status = 200, body = body }, { result = "list" }) end) < 0.02)
  end)

  it("may be a page of 100 items with 8 KiB of metadata each", function()
    local item = ('"f":"2026-11-22T10:00:00.000Z",'):rep(40) .. '"metadata":{"a":"' .. ("x"):rep(8192) .. '"}'
    local body = '{"data":[' .. ("{" .. item .. "},"):rep(99) .. "{" .. item .. "}]}"
    assert.equal(100, #read({ status = 200, body = body }, { result = "list" }).data)
  end)
end)

describe("the body of an error", function()
  it("is read up to 128 KiB: a hostile one costs nothing", function()
    local list = {}
    for i = 1, 1000 do list[i] = ("x"):rep(100) end
    assert.equal("x", trouble_of(503, { code = "x", details = list }).code)
    local body = '{"error":{"code":"x","details":[' .. ("[],"):rep(1300000) .. "1]}}"
    local _, trouble = read({ status = 503, body = body }, "data")
    assert.is_true(cost.of(function() read({ status = 503, body = body }, "data") end) < 0.01)
    assert.is_nil(trouble.code)
    assert.equal("api", trouble.kind)
  end)
end)
