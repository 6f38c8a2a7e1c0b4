-- SPDX-License-Identifier: MIT
-- Lists: one page, whichever of the service's shapes it has, and all pages one after the other.
local lomi = require "lomi"
local server_of = require "spec.support.server"

describe("a list", function()
  local server, client, seen

  setup(function() server = server_of.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    seen = #server:requests()
    client = lomi.new { api_key = "lomi_sk_test_demo", base_url = server.url, max_retries = 0 }
  end)

  local function answers(...)
    local list = {}
    for i, body in ipairs { ... } do list[i] = type(body) == "table" and body or { status = 200, body = body } end
    server:script((table.unpack or unpack)(list)) -- luacheck: ignore 113
  end

  local function targets()
    local all, list = server:requests(), {}
    for i = seen + 1, #all do list[#list + 1] = all[i].target end
    return list
  end

  local function raises_here(message, call)
    local ok, raised = pcall(call)
    assert.is_false(ok)
    assert.matches("spec/call/pages_spec.lua:%d+: " .. message, raised)
  end

  -- The items of all rounds, and the error of the last one.
  local function collect(...)
    local items, failure = {}, nil
    for item, err in ... do
      if err then
        assert.is_false(item)
        failure = err
      else
        items[#items + 1] = item.n
      end
    end
    return items, failure
  end

  describe("in one page", function()
    local SHAPES = {
      ["a bare array"] = { '[{"n":1}]', { data = { { n = 1 } }, has_more = false } },
      ["an empty array"] = { ' []', { data = {}, has_more = false } },
      ["data"] = { '{"data":[{"n":1}]}', { data = { { n = 1 } }, has_more = false } },
      ["success and data"] = { '{"success":true,"data":[]}', { data = {}, has_more = false } },
      ["a total, with a limit and an offset"] = { '{"data":[{"n":1}],"total":2,"limit":1,"offset":0}',
        { data = { { n = 1 } }, has_more = true, total = 2, total_count = 2, limit = 1, offset = 0 } },
      ["the last of a total"] = { '{"data":[{"n":2}],"total":2,"limit":1,"offset":1}',
        { data = { { n = 2 } }, has_more = false, total = 2, total_count = 2, limit = 1, offset = 1 } },
      ["a cursor"] = { '{"object":"list","data":[{"n":1}],"has_more":true,"next_cursor":"c","limit":1,"total_count":9}',
        { data = { { n = 1 } }, has_more = true, next_cursor = "c", limit = 1, total_count = 9 } },
      ["the end of the cursors"] = { '{"object":"list","data":[],"has_more":false,"next_cursor":null,"limit":1}',
        { data = {}, has_more = false, limit = 1 } },
    }
    for name, shape in pairs(SHAPES) do
      it("is read from " .. name, function()
        answers(shape[1])
        assert.same(shape[2], assert(client.customers:list()))
      end)
    end

    for name, body in pairs { ["an empty object"] = "{}", ["data that is an object"] = '{"data":{"n":1}}',
      ["data that is text"] = '{"data":"[]"}', ["no JSON"] = "oops", ["a refusal"] = '{"success":false,"data":[]}' } do
      it("is not read from " .. name, function()
        answers(body)
        local page, err = client.customers:list()
        assert.is_nil(page)
        assert.is_truthy(err.kind == "protocol" or err.kind == "api")
        assert.is_nil(err.outcome)
      end)
    end

    it("has its query checked before anything is sent", function()
      answers()
      local _, err = client.transactions:list { limit = 101, isPos = "yes", statsu = "completed", startDate = "today" }
      local faults = {}
      for i, fault in ipairs(err.fields) do faults[i] = fault.field end
      assert.same({ "limit", "startDate", "isPos", "statsu" }, faults)
      assert.matches('did you mean "status"', err.message)
      assert.same({}, targets())
    end)

    it("takes undeclared parameters", function()
      answers("[]")
      assert(client.customers:list({ limit = 2 }, { extra = { page = 3 } }))
      assert.same({ "/customers?limit=2&page=3" }, targets())
    end)
  end)

  describe("in all its pages", function()
    it("is asked for page by page, with the first query", function()
      answers('{"data":[{"n":1},{"n":2}],"has_more":true,"next_cursor":"a&b"}',
        '{"data":[],"has_more":true,"next_cursor":"c"}', '{"data":[{"n":3}],"has_more":false,"next_cursor":null}')
      local query = { limit = 2, search = "awa" }
      local each = client.customers:each(query)
      query.search = "changed"
      assert.same({ 1, 2, 3 }, (collect(each)))
      assert.same({ "/customers?limit=2&search=awa", "/customers?cursor=a%26b&limit=2&search=awa",
        "/customers?cursor=c&limit=2&search=awa" }, targets())
      assert.is_nil(each())
      assert.equal(3, #targets())
    end)

    it("costs no page that nobody reads", function()
      answers('{"data":[{"n":1},{"n":2}],"has_more":true,"next_cursor":"c"}')
      local each = client.customers:each()
      assert.same({}, targets())
      assert.equal(1, each().n)
      assert.equal(2, each().n)
      assert.same({ "/customers" }, targets())
    end)

    it("ends with an error, given in a last round", function()
      answers('{"data":[{"n":1}],"has_more":true,"next_cursor":"c"}',
        { status = 400, body = '{"error":{"code":"invalid_cursor","message":"no"},"request_id":"r"}' })
      local each = client.customers:each()
      local items, err = collect(each)
      assert.same({ 1 }, items)
      assert.equal("invalid_cursor", err.code)
      assert.is_nil(each())
      assert.equal(2, #targets())
    end)

    it("ends with an error for a wrong query", function()
      answers()
      for _, wrong in ipairs { { limit = 0 }, "x", setmetatable({}, {}) } do
        local items, err = collect(client.customers:each(wrong))
        assert.same({}, items)
        assert.equal("invalid_request", err.kind)
      end
      assert.same({}, targets())
    end)

    it("never goes round in a circle", function()
      answers('{"data":[{"n":1}],"has_more":true,"next_cursor":"c"}',
        '{"data":[{"n":2}],"has_more":true,"next_cursor":"c"}')
      local items, err = collect(client.customers:each())
      assert.same({ 1, 2 }, items)
      assert.equal("protocol", err.kind)
      assert.matches("same cursor", err.message)
    end)

    it("does not end in silence where there should be more", function()
      answers('{"data":[{"n":1}],"has_more":true}')
      local items, err = collect(client.customers:each())
      assert.same({ 1 }, items)
      assert.matches("no next_cursor", err.message)
    end)

    it("goes by offset where the answers do", function()
      answers('{"data":[{"n":1}],"total":2,"limit":1,"offset":0}', '{"data":[{"n":2}],"total":2,"limit":1,"offset":1}')
      assert.same({ 1, 2 }, (collect(client.payment_links:each { isActive = true })))
      assert.same({ "/payment-links?isActive=true", "/payment-links?isActive=true&offset=1" }, targets())
    end)

    it("goes by offset where the operation does, until a page is not full", function()
      answers('[{"n":1},{"n":2}]', '[{"n":3},{"n":4}]', "[]")
      assert.same({ 1, 2, 3, 4 }, (collect(client.webhooks:each_deliveries { webhookId = "w", limit = 2 })))
      assert.same({ "/webhooks/deliveries?limit=2&webhookId=w", "/webhooks/deliveries?limit=2&offset=2&webhookId=w",
        "/webhooks/deliveries?limit=2&offset=4&webhookId=w" }, targets())
    end)

    it("may belong to something with an id, and takes opts", function()
      answers('{"data":[{"n":1}],"has_more":true,"next_cursor":"c"}', '{"data":[{"n":2}],"has_more":false}')
      local each = client.settlements:each_transactions("XOF:2026-06-01", { limit = 1 },
        { account = "acct_1", extra = { x = 1 } })
      assert.same({ 1, 2 }, (collect(each)))
      assert.same({ "/settlements/XOF%3A2026-06-01/transactions?limit=1&x=1",
        "/settlements/XOF%3A2026-06-01/transactions?cursor=c&limit=1&x=1" }, targets())
      for i = seen + 1, seen + 2 do
        assert.equal("acct_1", server_of.header(server:requests()[i], "Lomi-Account"))
      end
    end)

    it("raises at the caller's line for a dot, or for unknown opts", function()
      raises_here("call it with a colon: client.customers:each%(…%)", function() client.customers.each {} end)
      raises_here("opts has no limt", function() client.customers:each({}, { limt = 1 }) end)
    end)

    it("waits on a loop without holding it up", function()
      local loop = lomi.loop()
      finally(function() loop:close() end)
      local looped = lomi.new { api_key = "lomi_sk_test_demo", base_url = server.url, transport = loop }
      answers('{"data":[{"n":1}],"has_more":true,"next_cursor":"c"}', '{"data":[{"n":2}],"has_more":false}')
      local each = looped.customers:each()
      local task = loop:spawn(function() return (collect(each)) end)
      loop:run()
      assert.same({ 1, 2 }, task:result())
      raises_here("", function()
        for _ in looped.customers:each() do error "not reached" end
      end)
    end)
  end)
end)
