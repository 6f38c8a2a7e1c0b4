-- SPDX-License-Identifier: MIT
-- The merchant's resources as the API's facts list them, written apart from the contract: what every operation puts on
-- the wire, which fields it takes, and which of them it insists on.
local contract = require "lomi.contract"
local core = require "lomi.core"
local lomi = require "lomi"
local server_of = require "spec.support.server"

local function header(request, name) return (server_of.header(request, name)) end

local ID, ID2 = "3f0c2c1e-8f43-4f0a-9a55-0c5d3f1f7a01", "5b9de1f6-1e0b-4c7e-8d3f-2a7c90f4b802"
local DAY, TIME = "2026-11-27", "2026-11-27T12:00:00Z"
local ASK = { require_name = true, require_email = false, require_phone = true, require_billing_address = false }

local function with(base, more)
  local all = {}
  for name, value in pairs(base) do all[name] = value end
  for name, value in pairs(more) do all[name] = value end
  return all
end

local CUSTOMER = { name = "Awa Ndiaye", email = "awa@example.com", phone_number = "+2250700000000",
  whatsapp_number = "+2250700000000", country = "CI", city = "Abidjan", address = "Rue 1", postal_code = "01",
  is_business = false, metadata = { order_id = "1" } }
local PRICE = { amount = 5000, currency_code = "XOF", billing_interval = "month", included_units = 1.5,
  pricing_model = "pay_what_you_want", minimum_amount = 0, maximum_amount = 9999999999, is_default = true,
  metadata = { a = 1 } }

-- An operation: its method, its path (and query) with the ids in it, what it takes, and the names of the fields it
-- is refused without. `loose`: undeclared, so any object will do for a reply.
local OPERATIONS = {
  checkout_sessions = {
    create = { "POST", "/checkout-sessions", body = with(ASK, { amount = 10000, currency_code = "XOF", title = "Order",
      description = "Two",
      customer_id = ID, customer_email = "awa@example.com", customer_name = "Awa",
      customer_phone = "07", customer_city = "Abidjan", customer_country = "CI", customer_address = "Rue 1",
      customer_postal_code = "01", product_id = "prod_23456789ABCDEF", price_id = ID2, subscription_id = ID,
      payment_link_id = ID, quantity = 2, allow_quantity = true, allow_coupon_code = false,
      success_url = "https://shop.example/ok?s={CHECKOUT_SESSION_ID}", cancel_url = "https://shop.example/no",
      fields = { { key = "email", visibility = "hidden" } },
      line_items = { { price_id = "price_1", quantity = 1, metadata = { a = "b" } } }, metadata = { order_id = "1" },
      integration_source = "odoo", application_fee_amount = 100,
      transfer_data = { destination = "acct_1", amount = 1 }, transfer_group = "g" }), required = "amount",
      id = "checkout_session_id" },
    list = { "GET", "/checkout-sessions?cursor=c&limit=10&status=open",
      query = { limit = 10, cursor = "c", status = "open" } },
    get = { "GET", "/checkout-sessions/" .. ID, ids = { ID }, id = "checkout_session_id" },
  },
  transactions = {
    list = { "GET", "/transactions?currency=XOF&cursor=c&endDate=2026-11-27T12%3A00%3A00Z&isPos=false&limit=1"
      .. "&paymentMethod=CARDS&provider=WAVE&startDate=2026-11-27&status=completed%2Crefunded&type=payment",
      query = { limit = 1, cursor = "c", provider = "WAVE", status = "completed,refunded", type = "payment",
        currency = "XOF", paymentMethod = "CARDS", startDate = DAY, endDate = TIME, isPos = false } },
    get = { "GET", "/transactions/txn_23456789ABCDEF", ids = { "txn_23456789ABCDEF" }, id = "transaction_id" },
    receipt = { "GET", "/transactions/" .. ID .. "/receipt.pdf", ids = { ID } },
  },
  refunds = {
    create = { "POST", "/refunds", body = { transaction_id = ID, amount = 5000, reason = "late",
      refund_type = "partial", subscription_action = "none", confirmation_token = "t", reverse_transfer = true,
      refund_application_fee = false }, required = "transaction_id amount", id = "refund_id" },
    list = { "GET", "/refunds?cursor=c&endDate=2026-11-27&limit=100&startDate=2026-11-27&status=completed",
      query = { limit = 100, cursor = "c", status = "completed", startDate = DAY, endDate = DAY } },
    get = { "GET", "/refunds/" .. ID, ids = { ID }, id = "refund_id" },
  },
  customers = {
    create = { "POST", "/customers", body = CUSTOMER, required = "name", id = "customer_id" },
    list = { "GET", "/customers?cursor=c&limit=2&search=awa%40&status=inactive&type=business",
      query = { limit = 2, cursor = "c", search = "awa@", type = "business", status = "inactive" } },
    top = { "GET", "/customers/top?limit=10", query = { limit = 10 }, list = true },
    get = { "GET", "/customers/" .. ID, ids = { ID }, id = "customer_id" },
    update = { "PATCH", "/customers/" .. ID, ids = { ID }, body = CUSTOMER, required = "", id = "customer_id" },
    delete = { "DELETE", "/customers/" .. ID, ids = { ID }, loose = true },
    transactions = { "GET", "/customers/" .. ID .. "/transactions", ids = { ID }, list = true },
    subscriptions = { "GET", "/customers/" .. ID .. "/subscriptions", ids = { ID }, list = true },
    block = { "POST", "/customers/" .. ID .. "/block", ids = { ID } },
    unblock = { "POST", "/customers/" .. ID .. "/unblock", ids = { ID } },
    portal = { "POST", "/customers/" .. ID .. "/portal", ids = { ID }, body = { return_url = "https://shop.example/",
      flow_type = "portal_home", flow_subscription_id = ID2, flow_after_completion_url = "https://shop.example/" },
      required = "" },
    portal_audit = { "GET", "/customers/" .. ID .. "/portal-audit?eventType=e&page=2&pageSize=50", ids = { ID },
      query = { eventType = "e", page = 2, pageSize = 50 }, loose = true },
  },
  payment_links = {
    create = { "POST", "/payment-links", body = with(ASK, { link_type = "product", title = "Shirt",
      currency_code = "EUR", amount = 0, product_id = ID, price_id = ID2, description = "d", allow_coupon_code = true,
      allow_quantity = false, fields = { { key = "email" } }, expires_at = TIME, success_url = "https://shop.example/",
      cancel_url = "https://shop.example/", metadata = { a = "b" } }), required = "link_type title currency_code",
      id = "link_id" },
    list = { "GET", "/payment-links?cursor=c&isActive=true&limit=1&linkType=instant",
      query = { limit = 1, cursor = "c", linkType = "instant", isActive = true } },
    get = { "GET", "/payment-links/" .. ID, ids = { ID }, id = "link_id" },
    update = { "PATCH", "/payment-links/" .. ID, ids = { ID }, body = with(ASK, { title = "t", description = "d",
      amount = 1, is_active = false, expires_at = TIME, success_url = "https://shop.example/",
      cancel_url = "https://shop.example/", allow_coupon_code = true, allow_quantity = true, metadata = {} }),
      required = "", id = "link_id" },
    delete = { "DELETE", "/payment-links/" .. ID, ids = { ID }, loose = true },
  },
  webhooks = {
    create = { "POST", "/webhooks", body = { url = "https://shop.example/hook", events = { "PAYMENT_SUCCEEDED" },
      description = "d", metadata = { a = "b" } }, required = "url events" },
    list = { "GET", "/webhooks", list = true },
    get = { "GET", "/webhooks/" .. ID, ids = { ID } },
    update = { "PATCH", "/webhooks/" .. ID, ids = { ID }, body = { url = "https://shop.example/hook",
      is_active = false, authorized_events = { "REFUND_COMPLETED" }, metadata = {} }, required = "" },
    delete = { "DELETE", "/webhooks/" .. ID, ids = { ID }, loose = true },
    test = { "POST", "/webhooks/" .. ID .. "/test", ids = { ID }, loose = true },
    deliveries = { "GET", "/webhooks/deliveries?failedOnly=true&limit=25&offset=50&successOnly=false&webhookId=" .. ID,
      query = { webhookId = ID, successOnly = false, failedOnly = true, limit = 25, offset = 50 },
      required = "webhookId", list = true },
    get_delivery = { "GET", "/webhooks/deliveries/" .. ID, ids = { ID } },
    retry = { "POST", "/webhooks/" .. ID .. "/deliveries/" .. ID2 .. "/retry", ids = { ID, ID2 }, loose = true },
  },
  products = {
    create = { "POST", "/products", body = { name = "Shirt", product_type = "recurring", prices = { PRICE },
      description = "d", images = { "https://shop.example/a.png" }, is_active = true, display_on_storefront = false,
      metadata = { fixed_charges = 3 }, fee_type_ids = { ID }, failed_payment_action = "pause", charge_day = 31,
      first_payment_type = "prorated", trial_enabled = true, trial_period_days = 14, usage_aggregation = "last_ever",
      usage_unit = "GB", meter_code = "m" }, required = "name product_type prices", id = "product_id" },
    list = { "GET", "/products?cursor=c&isActive=false&limit=1",
      query = { limit = 1, cursor = "c", isActive = false } },
    get = { "GET", "/products/" .. ID, ids = { ID }, id = "product_id" },
    update = { "PATCH", "/products/" .. ID, ids = { ID }, body = { name = "n", description = "d", is_active = true,
      display_on_storefront = true, images = { "i" }, sku = "s", inventory_quantity = -1, track_inventory = true,
      continue_selling_when_out_of_stock = true, metadata = {}, fee_type_ids = { ID } }, required = "",
      id = "product_id" },
    delete = { "DELETE", "/products/" .. ID, ids = { ID }, loose = true },
    prices = { "POST", "/products/" .. ID .. "/prices", ids = { ID }, body = PRICE, required = "amount currency_code" },
    default = { "POST", "/products/" .. ID .. "/prices/" .. ID2 .. "/default", ids = { ID, ID2 } },
    batch = { "POST", "/products/prices/batch", body = { updates = {
      { price_id = "price_1", product_id = ID, amount = 100, currency_code = "USD" } }, idempotency_key = "k" },
      required = "updates", loose = true },
  },
  subscriptions = {
    list = { "GET", "/subscriptions?cursor=c&customer_id=" .. ID .. "&limit=1&status=active",
      query = { limit = 1, cursor = "c", status = "active", customer_id = ID } },
    get = { "GET", "/subscriptions/" .. ID, ids = { ID }, id = "subscription_id" },
    update = { "PATCH", "/subscriptions/" .. ID, ids = { ID }, body = { status = "paused", start_date = DAY,
      end_date = DAY, next_billing_date = DAY, metadata = {} }, required = "", id = "subscription_id" },
    cancel = { "POST", "/subscriptions/" .. ID .. "/cancel", ids = { ID }, body = { cancel_at_period_end = true,
      cancellation_reason = "moved" }, required = "", id = "subscription_id" },
    resume = { "POST", "/subscriptions/" .. ID .. "/resume", ids = { ID }, id = "subscription_id" },
    change_plan = { "POST", "/subscriptions/" .. ID .. "/change-plan", ids = { ID }, body = { price_id = ID2 },
      required = "price_id", id = "subscription_id" },
    usage = { "GET", "/subscriptions/" .. ID .. "/usage", ids = { ID }, loose = true },
  },
  coupons = {
    create = { "POST", "/coupons", body = { code = "AWA10", discount_type = "percentage", discount_percentage = 12.5,
      discount_fixed_amount = 100, customer_type = "returning", usage_frequency_limit = "per_day",
      usage_limit_value = 1, description = "d", is_active = true, max_uses = 5, max_quantity_per_use = 1,
      valid_from = TIME, expires_at = TIME, scope_type = "specific_products", product_ids = { ID } },
      required = "code discount_type", id = "coupon_id" },
    list = { "GET", "/coupons", list = true },
    get = { "GET", "/coupons/" .. ID, ids = { ID }, id = "coupon_id" },
    delete = { "DELETE", "/coupons/" .. ID, ids = { ID }, loose = true },
    performance = { "GET", "/coupons/" .. ID .. "/performance", ids = { ID } },
  },
  payment_requests = {
    create = { "POST", "/payment-requests", body = { amount = 1, currency_code = "USD", expiry_date = TIME,
      description = "d", payment_reference = "r", customer_id = ID, metadata = {}, channel = "spi" },
      required = "amount currency_code expiry_date", id = "request_id" },
    list = { "GET", "/payment-requests?cursor=c&customerId=" .. ID .. "&limit=1&status=expired",
      query = { limit = 1, cursor = "c", status = "expired", customerId = ID } },
    get = { "GET", "/payment-requests/" .. ID, ids = { ID }, id = "request_id" },
  },
  invoices = {
    create = { "POST", "/invoices", body = { customer_id = ID, amount = 1, currency_code = "XOF", due_date = DAY,
      origin = "usage_billing", invoice_number = "n", description = "d", product_id = ID, price_id = ID,
      subscription_id = ID, line_items = { { name = "a", quantity = 1, price = 1 } }, customer_details = { a = "b" },
      payment_details = {}, template = {}, metadata = {} }, required = "customer_id amount currency_code",
      id = "customer_invoice_id" },
    list = { "GET", "/invoices?cursor=c&customerId=" .. ID .. "&limit=1&search=s&status=draft",
      query = { limit = 1, cursor = "c", status = "draft", customerId = ID, search = "s" } },
    get = { "GET", "/invoices/" .. ID, ids = { ID }, id = "customer_invoice_id" },
    update = { "PATCH", "/invoices/" .. ID, ids = { ID }, body = { due_date = DAY, status = "sent", description = "d",
      amount = 2, amount_due = 0, line_items = { { name = "a" } }, customer_id = ID, product_id = ID, price_id = ID,
      subscription_id = ID, metadata = {} }, required = "", id = "customer_invoice_id" },
    pdf = { "GET", "/invoices/" .. ID .. "/pdf", ids = { ID } },
    finalize = { "POST", "/invoices/" .. ID .. "/finalize", ids = { ID } },
    send = { "POST", "/invoices/" .. ID .. "/send", ids = { ID } },
    remind = { "POST", "/invoices/" .. ID .. "/remind", ids = { ID } },
    void = { "POST", "/invoices/" .. ID .. "/void", ids = { ID } },
    checkout_session = { "POST", "/invoices/" .. ID .. "/checkout-session", ids = { ID } },
  },
  payouts = {
    create = { "POST", "/payouts", body = { destination = "beneficiary", rail = "wave", amount = 1,
      currency_code = "XOF", payout_method_id = ID, recipient = { name = "Awa", phone = "+2250700000000" },
      reason = "r", last_mile_rail = "bank", metadata = {}, confirmation_token = "t" },
      required = "destination rail amount currency_code" },
    list = { "GET", "/payouts?cursor=c&endDate=2026-11-27&limit=1&startDate=2026-11-27&status=pending%2Ccompleted",
      query = { limit = 1, cursor = "c", status = "pending,completed", startDate = DAY, endDate = DAY } },
    get = { "GET", "/payouts/" .. ID, ids = { ID } },
  },
  payout_methods = {
    list = { "GET", "/payout-methods", list = true },
    create = { "POST", "/payout-methods", body = { account_name = "Awa", account_number = "01", bank_name = "b",
      country = "CI", bank_code = "c", branch_code = "d", payout_method_type = "mobile_money", is_default = true },
      required = "account_name account_number" },
  },
  providers = {
    list = { "GET", "/providers?provider_code=CARD", query = { provider_code = "CARD" } },
  },
  balances = {
    list = { "GET", "/accounts/balance?currency=EUR", query = { currency = "EUR" } },
    breakdown = { "GET", "/accounts/balance/breakdown?target_currency=USD", query = { target_currency = "USD" },
      list = true },
    get = { "GET", "/accounts/balance/XOF", ids = { "XOF" } },
  },
  disputes = {
    list = { "GET", "/disputes?cursor=c&endDate=2026-11-27&limit=1&startDate=2026-11-27&status=pending",
      query = { limit = 1, cursor = "c", status = "pending", startDate = DAY, endDate = DAY } },
    get = { "GET", "/disputes/" .. ID, ids = { ID } },
    evidence = { "POST", "/disputes/" .. ID .. "/evidence", ids = { ID }, body = { customer_name = "Awa",
      uncategorized_text = "t", files = { receipt = "f" } }, required = "", loose = true },
  },
  settlements = {
    list = { "GET", "/settlements?currency=XOF&cursor=c&end_date=2026-11-27&limit=1&start_date=2026-11-27",
      query = { limit = 1, cursor = "c", currency = "XOF", start_date = DAY, end_date = DAY } },
    transactions = { "GET", "/settlements/XOF%3A2026-06-01/transactions?cursor=c&limit=1", ids = { "XOF:2026-06-01" },
      query = { limit = 1, cursor = "c" }, list = true },
    instant = { "POST", "/settlements/instant", body = { mode = "rail", amount = 1, currency_code = "XOF",
      payout_id = ID, confirmation_token = "t" }, required = "mode amount currency_code" },
    get_instant = { "GET", "/settlements/instant/" .. ID, ids = { ID } },
  },
}

-- Rows that are made of other rows.
local MADE = {
  checkout_sessions = { each = "list" }, transactions = { each = "list" }, customers = { each = "list" },
  refunds = { each = "list", confirm = "create" }, payment_links = { each = "list" },
  webhooks = { each_deliveries = "deliveries" }, products = { each = "list" }, subscriptions = { each = "list" },
  payment_requests = { each = "list" }, invoices = { each = "list" }, payouts = { each = "list", confirm = "create" },
  disputes = { each = "list" },
  settlements = { each = "list", each_transactions = "transactions", confirm = "instant" },
}

local function is_list(verb, expected)
  return verb == "list" or expected.list == true
end

-- What the service answers: the least that is an answer to this operation.
local function answer(verb, expected)
  if is_list(verb, expected) then return '{"object":"list","data":[{"n":1}],"has_more":false,"next_cursor":null}' end
  if expected.id then return ('{"%s":"x"}'):format(expected.id) end
  return '{"any":"object"}'
end

local function arguments_of(expected, fields, opts)
  local list, count = {}, 0
  local function push(value)
    count = count + 1
    list[count] = value
  end
  for _, id in ipairs(expected.ids or {}) do push(id) end
  if expected.body or expected.query then push(fields) end
  push(opts)
  return list, count
end

local unpack = table.unpack or unpack -- luacheck: ignore 113

-- Whose answer the facts leave open: there may be none.
local SAY_NOTHING = { coupons = "delete", customers = "delete", payment_links = "delete", products = "delete",
  webhooks = "delete", invoices = "finalize send remind void" }

describe("the resources", function()
  local server, client

  setup(function() server = server_of.start() end)
  teardown(function() server:stop() end)

  before_each(function()
    client = lomi.new { api_key = "lomi_sk_test_demo", base_url = server.url, max_retries = 0 }
    server:script()
  end)

  local function call(resource, verb, expected, fields, opts)
    local list, count = arguments_of(expected, fields, opts)
    return client[resource][verb](client[resource], unpack(list, 1, count))
  end

  local function last()
    local requests = server:requests()
    return requests[#requests], #requests
  end

  it("are these, and have these operations and no others", function()
    for name in pairs(contract.resources) do
      assert.is_truthy(name == "charges" or OPERATIONS[name], name .. " is not in the facts")
    end
    for name, operations in pairs(OPERATIONS) do
      local rows = require(contract.resources[name])
      for verb, row in pairs(rows) do
        local made = (MADE[name] or {})[verb]
        assert.is_truthy(operations[verb] or made, name .. ":" .. verb .. " is not in the facts")
        if made then assert.equal(made, row.pages_of or row.confirms) end
      end
      for verb in pairs(operations) do assert.is_truthy(rows[verb], name .. " lacks " .. verb) end
      for verb in pairs(MADE[name] or {}) do assert.is_truthy(rows[verb], name .. " lacks " .. verb) end
    end
  end)

  for resource, operations in pairs(OPERATIONS) do
    for verb, expected in pairs(operations) do
      local name = resource .. ":" .. verb
      local fields = expected.body or expected.query

      it(name .. " sends what the facts say", function()
        server:script({ status = 201, body = answer(verb, expected) })
        local opts = { account = "acct_1", idempotency_key = expected[1] ~= "GET" and "key-1" or nil }
        local result, err, reply = call(resource, verb, expected, fields, opts)
        assert.is_nil(err)
        assert.equal(201, reply.status)
        if is_list(verb, expected) then
          assert.same({ data = { { n = 1 } }, has_more = false }, result)
        else
          assert.equal(expected.id and "x" or "object", result[expected.id or "any"])
        end
        local request = last()
        assert.same({ expected[1], expected[2] }, { request.method, request.target })
        assert.same(expected.body, request.body ~= "" and core.decode(request.body) or nil)
        assert.equal("lomi_sk_test_demo", header(request, "X-API-KEY"))
        assert.equal("acct_1", header(request, "Lomi-Account"))
        assert.equal(opts.idempotency_key, header(request, "Idempotency-Key"))
        assert.equal(expected.body and "application/json" or nil, header(request, "Content-Type"))
      end)

      it(name .. (expected[1] == "POST" and " has" or " has no") .. " idempotency key of its own", function()
        server:script({ status = 200, body = answer(verb, expected) })
        assert(call(resource, verb, expected, fields))
        local key = header(last(), "Idempotency-Key")
        if expected[1] == "POST" then
          assert.matches("^%x+%-%x+%-4%x+%-%x+%-%x+$", key)
        else
          assert.is_nil(key)
        end
      end)

      it(name .. " may be answered without a body, or not", function()
        server:script({ status = 200, body = "", headers = { ["X-Request-Id"] = "r" } })
        local result, err = call(resource, verb, expected, fields)
        if (SAY_NOTHING[resource] or ""):find("%f[%l]" .. verb .. "%f[^%l]") then
          assert.same({}, result)
        else
          assert.equal("protocol", err.kind)
        end
      end)

      it(name .. " says how a failure stands", function()
        server:script({ status = 400, body = '{"error":{"code":"bad_request","message":"no"},"request_id":"r"}' })
        local result, err = call(resource, verb, expected, fields)
        assert.is_nil(result)
        assert.equal("bad_request", err.code)
        assert.equal(expected[1] ~= "GET" and "rejected" or nil, err.outcome)
      end)

      if fields then
        it(name .. " knows its fields", function()
          local _, before = last()
          local faulty, names, required = { zzz_unknown = 1 }, {}, {}
          if expected.required then
            for field in expected.required:gmatch("%S+") do required[#required + 1] = field end
          end
          local _, err = call(resource, verb, expected, faulty)
          for _, fault in ipairs(err.fields) do names[#names + 1] = fault.field end
          required[#required + 1] = "zzz_unknown"
          table.sort(names)
          table.sort(required)
          assert.same(required, names)
          -- Of every field a value of another type is refused.
          for field, value in pairs(fields) do
            local wrong = type(value) == "table" and 1 or {}
            _, err = call(resource, verb, expected, with(fields, { [field] = wrong }))
            assert.equal(field, err.fields[1].field)
            assert.equal(expected[1] ~= "GET" and "not_sent" or nil, err.outcome)
          end
          assert.equal(before, select(2, last()))
        end)
      end

      it(name .. " is called with a colon", function()
        local ok, message = pcall(client[resource][verb], {})
        assert.is_false(ok)
        assert.equal(("call it with a colon: client.%s:%s(…)"):format(resource, verb), message)
      end)

      for i in ipairs(expected.ids or {}) do
        it(name .. " refuses an empty id " .. i, function()
          local _, before = last()
          local copy = with(expected, { ids = with(expected.ids, { [i] = " " }) })
          local _, err = call(resource, verb, copy, fields)
          assert.equal("must not be empty", err.fields[1].message)
          assert.equal(i == 2 and (resource == "products" and "price_id" or "delivery_id")
            or (resource == "balances" and "currency" or "id"), err.fields[1].field)
          assert.equal(before, select(2, last()))
        end)
      end
    end
  end

  it("get an operation at run time: a row is all there is to it", function()
    local refunds = require "lomi.contract.refunds"
    finally(function() refunds.approve, refunds.each_pending, refunds.pending = nil, nil, nil end)
    assert.is_nil(client.refunds.approve)
    refunds.approve = { method = "PUT", path = "/refunds/{id}/approve/{by}", result = "record", id = "refund_id",
      params = require("lomi.contract.dto").new("refunds:approve",
        { { name = "level", type = "integer", required = true } }) }
    refunds.pending = { method = "GET", path = "/refunds/pending", result = "list" }
    refunds.each_pending = { pages_of = "pending" }
    server:script({ status = 200, body = '{"success":true,"data":{"refund_id":"r-1"}}' },
      { status = 200, body = '[{"refund_id":"r-2"}]' })
    assert.same({ refund_id = "r-1" }, assert(client.refunds:approve("r 1", "awa", { level = 2 })))
    local request = last()
    assert.same({ "PUT", "/refunds/r%201/approve/awa", '{"level":2}' },
      { request.method, request.target, request.body })
    assert.is_nil(header(request, "Idempotency-Key"))
    local _, err = client.refunds:approve("r", "awa", { levle = 2 })
    assert.matches('did you mean "level"', err.message)
    for refund in client.refunds:each_pending() do assert.equal("r-2", refund.refund_id) end
  end)
end)

describe("loading", function()
  it("a resource happens at its first use, and a charge needs no other", function()
    local child = require "spec.support.child"
    local output = child.run [[
      local lomi = require "lomi"
      local function loaded()
        local names = {}
        for name in pairs(package.loaded) do
          names[#names + 1] = name:match("^lomi%.contract%.(.+)")
        end
        table.sort(names)
        return table.concat(names, " ")
      end
      local client = lomi.new { api_key = "lomi_sk_test_demo", base_url = "http://127.0.0.1:1", max_retries = 0 }
      client.charges:create_card_charge { amount = 10000 }
      print(loaded())
      client.refunds:get("r")
      print(loaded())
    ]]
    assert.equal("charges dto\ncharges dto refunds", output)
  end)

  it("costs little: the library at most 300 KiB, a further client at most 8", function()
    local child = require "spec.support.child"
    local output = child.run [[
      local function kept()
        collectgarbage() collectgarbage()
        return collectgarbage "count"
      end
      local before = kept()
      local lomi = require "lomi"
      local options = { api_key = "lomi_sk_test_demo", base_url = "http://127.0.0.1:1", max_retries = 0 }
      local first = lomi.new(options)
      print(kept() - before)
      first.charges:create_card_charge { amount = 10000 }
      before = kept()
      local second = lomi.new(options)
      second.charges:create_card_charge { amount = 10000 }
      print(kept() - before)
    ]]
    local library, client = output:match("^([%d.]+)\n([%d.]+)$")
    assert.is_true(tonumber(library) <= 300, output)
    assert.is_true(tonumber(client) <= 8, output)
  end)
end)
