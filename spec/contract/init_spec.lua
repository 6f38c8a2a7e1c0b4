-- SPDX-License-Identifier: MIT
-- The operations as the API's reference lists them, and what they put on the wire.
local charges = require "lomi.contract.charges"
local core = require "lomi.core"
local lomi = require "lomi"
local server_of = require "spec.support.server"

local header = server_of.header

-- name, method, path, what of the reply is given, whether it takes fields
local OPERATIONS = {
  { "create_card_charge", "POST", "/charge/card", "data", true },
  { "get_card_charge", "GET", "/charge/card/{id}", "data" },
  { "cancel_card_charge", "POST", "/charge/card/{id}/cancel", "data" },
  { "capture_card_charge", "POST", "/charge/card/{id}/capture", "data", true },
  { "increment_card_hold", "POST", "/charge/card/{id}/increment", "data", true },
  { "create_wave_charge", "POST", "/charge/wave", "body", true },
  { "create_mtn_charge", "POST", "/charge/mtn", "body", true },
}

-- The fields in order; a star after what is required.
local PLATFORM = "application_fee_amount transfer_data transfer_group"

local FIELDS = {
  ["charges:capture_card_charge"] = "amount", ["charges:increment_card_hold"] = "amount*",
  customer = "name* phoneNumber* email",
  ["charges:create_wave_charge"] = "amount* currency* customer* description environment successUrl errorUrl "
    .. PLATFORM,
  ["charges:create_mtn_charge"] = "amount* currency* customer* description environment countryCode productId "
    .. "subscriptionId quantity " .. PLATFORM,
  transfer_data = "destination* amount",
}

local function each_dto()
  local dtos = {}
  for _, operation in pairs(charges) do
    local dto = operation.params
    if dto then
      dtos[dto.name] = dto
      for _, field in ipairs(dto.fields) do
        if field.dto then dtos[field.dto.name] = field.dto end
      end
    end
  end
  return pairs(dtos)
end

describe("the contract", function()
  it("has these operations and no others", function()
    local count = 0
    for _, expected in ipairs(OPERATIONS) do
      local operation = charges[expected[1]]
      assert.same({ expected[2], expected[3], expected[4] }, { operation.method, operation.path, operation.result })
      assert.equal(expected[5] == true, operation.params ~= nil)
      count = count + 1
    end
    for _ in pairs(charges) do count = count - 1 end
    assert.equal(0, count)
  end)

  it("names what a method takes after the method: messages show the name", function()
    for resource, module in pairs(require("lomi.contract").resources) do
      for method, operation in pairs(require(module)) do
        local takes = operation.params or operation.query
        if takes then assert.equal(resource .. ":" .. method, takes.name) end
      end
    end
  end)

  it("has these fields", function()
    for name, dto in each_dto() do
      local words = {}
      for i, field in ipairs(dto.fields) do words[i] = field.name .. (field.required and "*" or "") end
      if FIELDS[name] then assert.equal(FIELDS[name], table.concat(words, " ")) end
      assert.is_truthy(FIELDS[name] or name == "charges:create_card_charge", name)
    end
  end)
end)

describe("a client's", function()
  local CUSTOMER = { name = "Awa Ndiaye", phoneNumber = "+2250700000000" }
  local MOBILE = { amount = 5000, currency = "XOF", customer = CUSTOMER }
  local server, api

  setup(function() server = server_of.start() end)
  teardown(function() server:stop() end)

  before_each(function()
    api = lomi.new({ api_key = "lomi_sk_test_demo", base_url = server.url }).charges
    server:script()
  end)

  local function last()
    local requests = server:requests()
    return requests[#requests], #requests
  end

  local function refused(fields, _, err)
    assert.equal("invalid_request", err.kind)
    assert.equal("not_sent", err.outcome)
    local names = {}
    for i, fault in ipairs(err.fields) do names[i] = fault.field end
    assert.same(fields, names)
  end

  it("capture takes part, or all of it when nothing is said", function()
    assert(api:capture_card_charge("pi_1", { amount = 7000 }, { idempotency_key = "capture-1" }))
    local request = last()
    assert.same({ "POST", "/charge/card/pi_1/capture", '{"amount":7000}', "capture-1" },
      { request.method, request.target, request.body, header(request, "Idempotency-Key") })
    for _, arguments in ipairs { {}, { {} }, { nil, { idempotency_key = "capture-2" } } } do
      assert(api:capture_card_charge("pi_1", arguments[1], arguments[2]))
      assert.equal("{}", last().body)
      assert.equal("application/json", header(last(), "Content-Type"))
      assert.matches("^[%w%-]+$", header(last(), "Idempotency-Key"))
    end
  end)

  it("increment wants the new total", function()
    assert(api:increment_card_hold("pi_1", { amount = 12000.5 }))
    assert.same({ "/charge/card/pi_1/increment", '{"amount":12000.5}' }, { last().target, last().body })
    refused({ "amount" }, api:increment_card_hold("pi_1", {}))
    refused({ "params" }, api:increment_card_hold("pi_1"))
    refused({ "id", "amount" }, api:increment_card_hold("a/b", { amount = 0 }))
  end)

  it("Wave and MTN give the whole body", function()
    for method, target in pairs { create_wave_charge = "/charge/wave", create_mtn_charge = "/charge/mtn" } do
      server:script { status = 201, body = '{"transactionId":"t-1","checkoutUrl":null,"nested":{"a":10000}}' }
      local charge, err, reply = api[method](api, MOBILE, { idempotency_key = "k" })
      assert.is_nil(err)
      assert.same({ transactionId = "t-1", nested = { a = 10000 } }, charge)
      assert.equal(201, reply.status)
      assert.equal(target, last().target)
      assert.same(MOBILE, core.decode(last().body))
      assert.equal("k", header(last(), "Idempotency-Key"))
      assert.is_nil(header(last(), "X-Scenario-Key"))
    end
  end)

  it("Wave and MTN tell all faults at once, before anything is sent", function()
    local _, before = last()
    refused({ "amount", "currency", "customer.name", "customer.phoneNumber", "environment" },
      api:create_wave_charge { amount = 0.5, customer = { phoneNumber = "07" }, environment = 1 })
    refused({ "customer", "countryCode", "productId", "subscriptionId", "quantity" }, api:create_mtn_charge {
      amount = 1, currency = "XOF", customer = "Awa", countryCode = "CIV", productId = "p", subscriptionId = "s",
      quantity = "1" })
    refused({ "customer.name" }, api:create_mtn_charge {
      amount = 1, currency = "XOF", customer = { name = "\255", phoneNumber = "0700000000" } })
    assert.equal(before, select(2, last()))
  end)

  it("scenario goes with Wave and MTN", function()
    for _, method in ipairs { "create_wave_charge", "create_mtn_charge" } do
      for _, scenario in ipairs { "pending", "failed" } do
        assert(api[method](api, MOBILE, { scenario = scenario }))
        assert.equal(scenario, header(last(), "X-Scenario-Key"))
      end
    end
  end)

  it("scenario is misplaced elsewhere, and there are two of them", function()
    local message = "opts has no scenario in this call"
    assert.error_matches(function() api:create_card_charge({ amount = 1 }, { scenario = "failed" }) end, message)
    assert.error_matches(function() api:get_card_charge("pi_1", { scenario = "failed" }) end, message)
    assert.error_matches(function() api:capture_card_charge("pi_1", {}, { scenario = "failed" }) end, message)
    for _, wrong in ipairs { "succeeded", "Failed", "", 1, true } do
      assert.error_matches(function() api:create_mtn_charge(MOBILE, { scenario = wrong }) end,
        'opts.scenario must be "pending" or "failed"')
    end
  end)

  it("scenario is refused with a live key", function()
    local sent = false
    local live = lomi.new {
      api_key = "lomi_sk_live_made_up",
      transport = { send = function() sent = true end, sleep = function() end, now = core.now },
    }
    local _, err = live.charges:create_mtn_charge(MOBILE, { scenario = "failed" })
    refused({ "scenario" }, nil, err)
    assert.matches("test keys", err.message)
    assert.is_false(sent)
  end)
end)
