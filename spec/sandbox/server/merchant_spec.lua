-- SPDX-License-Identifier: MIT
-- A shop's stories, on real sockets: from a customer to a refund, a declined session, a link that two payers pay, a
-- subscription that renews and then fails; and what a shop does wrong.
local lomi = require "lomi"
local socket = require "socket"
local transport = require("lomi.transport.curl").new()

local DAY = 24 * 60 * 60
local GOOD, DECLINED, LATER_DECLINED = "4242 4242 4242 4242", "4000 0000 0000 0002", "4000 0000 0000 0341"
local URLS = { success_url = "https://shop.example/ok?s={CHECKOUT_SESSION_ID}", cancel_url = "https://shop.example/no" }

local function with(base, more)
  local all = {}
  for name, value in pairs(base) do all[name] = value end
  for name, value in pairs(more) do all[name] = value end
  return all
end

local function escaped(text)
  return (text:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end))
end

describe("a merchant in the sandbox", function()
  local sandbox, client

  setup(function() sandbox = assert(require("lomi.sandbox").start()) end)
  teardown(function() sandbox:stop() end)
  before_each(function()
    sandbox:reset()
    client = lomi.new { api_key = "lomi_sk_test_demo", base_url = sandbox.url, max_retries = 0 }
  end)

  -- What a payer's browser does, without following where it is led.
  local function browse(method, url, fields)
    local parts = {}
    for name, value in pairs(fields or {}) do parts[#parts + 1] = name .. "=" .. escaped(value) end
    return assert(transport:send { method = method, url = url, body = fields and table.concat(parts, "&"),
      headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }, timeout = 5, connect_timeout = 5,
      proxy = "" })
  end

  -- Pays a session's page by card; gives where the payer ends up.
  local function pay_by_card(checkout_url, card, payer)
    local reply = browse("POST", checkout_url, with(payer or {}, { method = "card" }))
    assert.equal(303, reply.status)
    local path, secret = reply.headers.location:match("^([^?]*)%?client_secret=(.*)$")
    reply = browse("POST", sandbox.url .. path, { client_secret = secret, card = card, expiry = "12/34", cvc = "123" })
    assert.equal(303, reply.status)
    return reply.headers.location
  end

  local function event_of(name, secret)
    local webhook = assert(sandbox:receive(name))
    return assert(lomi.webhook.construct_event(webhook.body, webhook.headers, secret))
  end

  local function refused(status, code, result, err)
    assert.is_nil(result)
    assert.equal(status, err.status)
    assert.equal(code, err.code)
    return err
  end

  -- A completed transaction of 10 000 F CFA.
  local function paid()
    local session = assert(client.checkout_sessions:create(with(URLS, { amount = 10000, currency_code = "XOF",
      customer_email = "awa@example.com", customer_name = "Awa" })))
    pay_by_card(session.checkout_url, GOOD)
    return assert(client.transactions:list()).data[1]
  end

  it("sells, is told so, and gives half of it back", function()
    local customer = assert(client.customers:create { name = "Awa Ndiaye", email = "awa@example.com" })
    local endpoint = assert(client.webhooks:create { url = sandbox.url .. "/_sandbox/inbox",
      events = { "PAYMENT_SUCCEEDED", "REFUND_COMPLETED" } })
    local session, _, reply = client.checkout_sessions:create(with(URLS, { amount = 10000, currency_code = "XOF",
      customer_id = customer.customer_id, title = "Two shirts", metadata = { order_id = "ORD-1" } }))
    assert.equal("open", session.status)
    assert.same({ type = "redirect", url = session.checkout_url }, reply.next_action)
    assert.equal(404, select(2, client.balances:list { currency = "XOF" }).status)

    local page = browse("GET", session.checkout_url)
    assert.equal(200, page.status)
    assert.matches("Two shirts", page.body)
    assert.equal("https://shop.example/ok?s=" .. session.checkout_session_id, pay_by_card(session.checkout_url, GOOD))

    local event = event_of("PAYMENT_SUCCEEDED", endpoint.secret)
    assert.equal("ORD-1", event.data.metadata.order_id)
    assert.equal(session.checkout_session_id, event.data.checkout_session_id)
    assert.equal("completed", client.checkout_sessions:get(session.checkout_session_id).status)
    local transaction = assert(client.transactions:get(event.data.transaction_id))
    assert.same({ "completed", 10000, 300, 9700, 0, customer.customer_id, "STRIPE" },
      { transaction.status, transaction.gross_amount, transaction.fee_amount, transaction.net_amount,
        transaction.refunded_amount, transaction.customer_id, transaction.provider_code })
    assert.equal(transaction.transaction_id, client.customers:transactions(customer.customer_id).data[1].transaction_id)
    assert.equal(9700, client.balances:get("XOF").available_balance)

    local preview, err, first = client.refunds:create({ transaction_id = transaction.public_id, amount = 5000 })
    assert.is_nil(err)
    assert.is_false(first.executed)
    assert.equal("partial", preview.preview.refund_type)
    assert.equal(9700, client.balances:get("XOF").available_balance)
    local refund, _, second = client.refunds:confirm(preview)
    assert.is_true(second.executed)
    assert.equal("completed", refund.status)
    assert.equal(refund.refund_id, event_of("REFUND_COMPLETED", endpoint.secret).data.refund_id)
    assert.equal(5000, client.refunds:get(refund.refund_id).amount)
    transaction = client.transactions:get(transaction.transaction_id)
    assert.same({ "completed", 5000 }, { transaction.status, transaction.refunded_amount })
    assert.equal(4700, client.balances:get("XOF").available_balance)
    assert.is_true(select(3, client.refunds:confirm(preview)).replayed)
    assert.equal(4700, client.balances:get("XOF").available_balance)

    assert(client.refunds:confirm(assert(client.refunds:create { transaction_id = transaction.transaction_id,
      amount = 5000 })))
    assert.equal("refunded", client.transactions:get(transaction.transaction_id).status)
  end)

  it("is told of a session that is declined, and paid at the second try", function()
    local session = assert(client.checkout_sessions:create(with(URLS, { amount = 5000, currency_code = "XOF" })))
    local page = browse("POST", session.checkout_url, { method = "card" })
    assert.equal(200, page.status)
    assert.matches("Enter your name", page.body)
    local payer = { name = "Awa", email = "awa@example.com" }
    assert.matches("^/pay/", pay_by_card(session.checkout_url, DECLINED, payer))
    assert.equal("failed", client.transactions:list().data[1].status)
    assert.equal("open", client.checkout_sessions:get(session.checkout_session_id).status)
    assert.matches("^https://shop.example/ok", pay_by_card(session.checkout_url, GOOD, payer))
    local transactions = client.transactions:list().data
    assert.equal(1, #transactions)
    assert.equal("completed", transactions[1].status)
    assert.equal(4850, client.balances:get("XOF").available_balance)
  end)

  it("is paid by Wave or MTN, or not at all", function()
    for method, provider in pairs { wave = "WAVE", mtn = "MTN" } do
      local session = assert(client.checkout_sessions:create(with(URLS, { amount = 500, currency_code = "XOF",
        customer_email = "awa@example.com", customer_name = "Awa" })))
      assert.matches("^https://shop.example/ok", browse("POST", session.checkout_url, { method = method })
        .headers.location)
      assert.equal(provider, client.transactions:list().data[1].provider_code)
      assert.matches("Payment succeeded", browse("GET", session.checkout_url).body)
    end
    local session = assert(client.checkout_sessions:create(with(URLS, { amount = 500, currency_code = "XOF" })))
    assert.equal("https://shop.example/no", browse("POST", session.checkout_url, { method = "cancel" })
      .headers.location)
    sandbox:advance(3601)
    assert.equal("expired", client.checkout_sessions:get(session.checkout_session_id).status)
    assert.equal(2, #client.transactions:list().data)
  end)

  it("has a link that two payers pay", function()
    local link = assert(client.payment_links:create(with(URLS, { link_type = "instant", title = "Ticket",
      currency_code = "EUR", amount = 1050 })))
    for _, email in ipairs { "awa@example.com", "kofi@example.com" } do
      local opened = browse("GET", link.url)
      assert.equal(303, opened.status)
      pay_by_card(sandbox.url .. opened.headers.location, GOOD, { name = "Payer", email = email })
    end
    local customers, total = {}, 0
    for transaction, err in client.transactions:each { limit = 1 } do
      assert.is_nil(err)
      customers[transaction.customer_id], total = true, total + transaction.gross_amount
    end
    assert.equal(2100, total)
    local count = 0
    for id in pairs(customers) do
      count = count + 1
      assert.matches("@example.com", client.customers:get(id).email)
    end
    assert.equal(2, count)
    assert(client.payment_links:delete(link.link_id))
    assert.equal(404, browse("GET", link.url).status)
  end)

  it("has a subscription that renews after 30 days, and then fails", function()
    local endpoint = assert(client.webhooks:create { url = sandbox.url .. "/_sandbox/inbox", events = {
      "SUBSCRIPTION_CREATED", "SUBSCRIPTION_RENEWED", "SUBSCRIPTION_UPDATED", "PAYMENT_FAILED" } })
    local product = assert(client.products:create { name = "Box", product_type = "recurring",
      failed_payment_action = "pause",
      prices = { { amount = 5000, currency_code = "XOF", billing_interval = "month" } } })
    local session = assert(client.checkout_sessions:create(with(URLS, { product_id = product.product_id })))
    assert.equal(5000, session.amount)
    pay_by_card(session.checkout_url, GOOD, { name = "Awa", email = "awa@example.com" })
    local id = event_of("SUBSCRIPTION_CREATED", endpoint.secret).data.subscription_id
    assert.equal("instalment", client.transactions:list().data[1].transaction_type)
    sandbox:advance(29 * DAY)
    assert.equal(1, #client.transactions:list().data)
    sandbox:advance(1 * DAY)
    assert.equal(id, event_of("SUBSCRIPTION_RENEWED", endpoint.secret).data.subscription_id)
    assert.equal(2 * 4850, client.balances:get("XOF").available_balance)
    sandbox:save_card(id, LATER_DECLINED)
    sandbox:advance(30 * DAY)
    assert.equal("failed", event_of("PAYMENT_FAILED", endpoint.secret).data.status)
    assert.equal("paused", event_of("SUBSCRIPTION_UPDATED", endpoint.secret).data.status)
    assert.equal("paused", client.subscriptions:get(id).status)
    sandbox:advance(300 * DAY)
    assert.equal(3, #client.transactions:list().data)
    assert.equal("cancelled", client.subscriptions:cancel(id).status)
    refused(400, "bad_request", client.subscriptions:resume(id))
  end)

  it("tests an endpoint, reads what was delivered, and has it delivered again", function()
    local endpoint = assert(client.webhooks:create { url = sandbox.url .. "/_sandbox/inbox",
      events = { "PAYMENT_SUCCEEDED" } })
    assert.equal(200, assert(client.webhooks:test(endpoint.webhook_id)).status)
    assert.matches("test.webhook", assert(sandbox:receive "test.webhook").body)
    paid()
    local event = event_of("PAYMENT_SUCCEEDED", endpoint.secret)
    local logs = assert(client.webhooks:deliveries { webhookId = endpoint.webhook_id, successOnly = true }).data
    assert.same({ "PAYMENT_SUCCEEDED", "test.webhook" }, { logs[1].event_type, logs[2].event_type })
    assert.equal(event.id, assert(client.webhooks:retry(endpoint.webhook_id, logs[1].log_id)).event_id)
    assert.equal(event.id, event_of("PAYMENT_SUCCEEDED", endpoint.secret).id)
    refused(400, "bad_request", client.webhooks:retry(endpoint.webhook_id, logs[2].log_id))
    assert(client.webhooks:update(endpoint.webhook_id, { is_active = false }))
    paid()
    assert.is_nil(sandbox:receive(nil, 0.05))
    assert(client.webhooks:delete(endpoint.webhook_id))
    refused(404, "not_found", client.webhooks:get(endpoint.webhook_id))
  end)

  it("is told at once though another of its endpoints never answers", function()
    local silent = assert(socket.bind("127.0.0.1", 0))
    finally(function() silent:close() end)
    local events = { "PAYMENT_CREATED", "PAYMENT_SUCCEEDED" }
    assert(client.webhooks:create { url = "http://127.0.0.1:" .. select(2, silent:getsockname()), events = events })
    local live = assert(client.webhooks:create { url = sandbox.url .. "/_sandbox/inbox", events = events })
    paid()
    for _, name in ipairs(events) do
      local webhook = assert(sandbox:receive(name, 2)) -- the silent one would hold up a common queue for 4 s each
      assert(lomi.webhook.construct_event(webhook.body, webhook.headers, live.secret))
    end
    local states = {}
    for i, delivery in ipairs(sandbox:deliveries()) do states[i] = delivery.state end
    assert.same({ "sending", "delivered", "waiting", "delivered" }, states)
  end)

  describe("does wrong, and nothing is changed:", function()
    local function refund(params) return client.refunds:create(params) end

    -- What a wrong refund must leave as it was.
    local function money()
      local statuses = {}
      for transaction in client.transactions:each() do
        statuses[transaction.transaction_id] = { transaction.status, transaction.refunded_amount }
      end
      return { statuses, #client.refunds:list().data, (client.balances:get("XOF") or {}).available_balance }
    end

    it("a refund above the transaction's amount", function()
      local transaction = paid()
      local before = money()
      local err = refused(400, "amount_invalid", refund { transaction_id = transaction.transaction_id, amount = 10001 })
      assert.matches("at most the 10000 that are left", err.message)
      assert.same(before, money())
    end)

    it("a refund of what is left, and one more", function()
      local id = paid().transaction_id
      assert(client.refunds:confirm(assert(refund { transaction_id = id, amount = 6000 })))
      local before = money()
      local err = refused(400, "amount_invalid", refund { transaction_id = id, amount = 4001 })
      assert.matches("at most the 4000 that are left", err.message)
      assert.same(before, money())
    end)

    it("a refund of a failed transaction, or of none", function()
      local session = assert(client.checkout_sessions:create(with(URLS, { amount = 5000, currency_code = "XOF" })))
      pay_by_card(session.checkout_url, DECLINED, { name = "Awa", email = "awa@example.com" })
      local failed = client.transactions:list { status = "failed" }.data[1]
      local before = money()
      local err = refused(400, "bad_request", refund { transaction_id = failed.transaction_id, amount = 5000 })
      assert.matches("is failed; only a completed one can be refunded", err.message)
      refused(404, "not_found", refund { transaction_id = "txn_UNKNOWN", amount = 1 })
      assert.same(before, money())
    end)

    it("the whole twice: of one that is refunded, and by two previews at once", function()
      local id = paid().transaction_id
      local first = assert(refund { transaction_id = id, amount = 10000 })
      local second = assert(refund { transaction_id = id, amount = 10000 })
      assert(client.refunds:confirm(first))
      local before = money()
      assert.same({ { [id] = { "refunded", 10000 } }, 1, -300 }, before)
      for _, twice in ipairs { { refund { transaction_id = id, amount = 10000 } },
        { refund { transaction_id = id, amount = 1 } }, { client.refunds:confirm(second) } } do
        assert.matches("already fully refunded", refused(400, "bad_request", twice[1], twice[2]).message)
      end
      assert.same(before, money())
    end)

    it("a preview confirmed with another body, late, or twice", function()
      local transaction = paid()
      local preview = assert(refund { transaction_id = transaction.transaction_id, amount = 5000 })
      preview.params.amount = 6000
      refused(400, "bad_request", client.refunds:confirm(preview))
      local late = assert(refund { transaction_id = transaction.transaction_id, amount = 5000 })
      sandbox:advance(601)
      refused(400, "bad_request", client.refunds:confirm(late))
      assert.equal(0, client.transactions:get(transaction.transaction_id).refunded_amount)
    end)

    it("a session without an amount, or of an unknown price", function()
      assert.equal("amount", select(2, client.checkout_sessions:create(URLS)).fields[1].field)
      local err = refused(404, "not_found", client.checkout_sessions:create(with(URLS, { price_id = "price_UNKNOWN" })))
      assert.matches("No price of this organization has the id price_UNKNOWN", err.message)
      assert.same({}, client.checkout_sessions:list().data)
    end)

    it("a session without URLs", function()
      local err = refused(400, "bad_request", client.checkout_sessions:create { amount = 5000 })
      assert.matches("success_url and cancel_url are missing", err.message)
      assert.same({}, client.checkout_sessions:list().data)
    end)

    it("a session with one URL, which is a warning", function()
      local _, _, reply = client.checkout_sessions:create { amount = 5000, success_url = URLS.success_url }
      assert.matches("no cancel_url: ", reply.headers["x-sandbox-warning"])
      _, _, reply = client.checkout_sessions:create { amount = 5000, cancel_url = URLS.cancel_url }
      assert.matches("no success_url: ", reply.headers["x-sandbox-warning"])
      _, _, reply = client.checkout_sessions:create(with(URLS, { amount = 5000 }))
      assert.is_nil(reply.headers["x-sandbox-warning"])
    end)

    it("a webhook endpoint with http elsewhere than on this machine", function()
      local events = { "PAYMENT_SUCCEEDED" }
      local function post(url) return client:request("POST", "/webhooks", { body = { url = url, events = events } }) end
      for _, url in ipairs { "http://shop.example/hook", "http://127.0.0.1.shop.example/", "http://192.168.1.2/",
        "http://localhost.shop.example:80/" } do
        local _, err = client.webhooks:create { url = url, events = events } -- refused by the client
        assert.equal("url", err.fields[1].field)
        assert.matches("url must be https", refused(400, "bad_request", post(url)).message)
      end
      assert.same({}, client.webhooks:list().data)
      local id = assert(post("https://shop.example/hook")).data.webhook_id
      assert.matches("url must be https", refused(400, "bad_request",
        client:request("PATCH", "/webhooks/" .. id, { body = { url = "http://shop.example/hook" } })).message)
      assert.equal("https://shop.example/hook", client.webhooks:get(id).url)
    end)

    it("a cursor of another list, or a changed one", function()
      for i = 1, 3 do assert(client.customers:create { name = "Customer " .. i }) end
      local page = assert(client.customers:list { limit = 2 })
      assert.same({ true, 3 }, { page.has_more, page.total_count })
      local err = refused(400, "invalid_cursor", client.transactions:list { cursor = page.next_cursor })
      assert.matches("does not belong to this list", err.message)
      for _, changed in ipairs { "", "x", page.next_cursor:upper() .. "2g", page.next_cursor:sub(3) } do
        refused(400, "invalid_cursor", client.customers:list { cursor = changed })
      end
      local last = assert(client.customers:list { limit = 2, cursor = page.next_cursor })
      assert.same({ 1, false }, { #last.data, last.has_more })
    end)

    it("a page beyond the end", function()
      for i = 1, 3 do assert(client.customers:create { name = "Customer " .. i }) end
      local cursor = client.customers:list({ limit = 1 }).next_cursor
      sandbox:reset()
      local err = refused(400, "invalid_cursor", client.customers:list { cursor = cursor })
      assert.matches("beyond the end", err.message)

      local endpoint = assert(client.webhooks:create { url = sandbox.url .. "/_sandbox/inbox",
        events = { "PAYMENT_SUCCEEDED" } })
      paid()
      event_of("PAYMENT_SUCCEEDED", endpoint.secret)
      local function page(offset)
        return client.webhooks:deliveries { webhookId = endpoint.webhook_id, offset = offset }
      end
      assert.equal(1, #page(0).data)
      assert.same({}, page(1).data) -- the end itself: `each_deliveries` looks whether there is more
      assert.matches("offset is 2, beyond the end of this list %(1%)", refused(400, "bad_request", page(2)).message)
    end)
  end)

  it("moves money at the first call where the deployment does", function()
    local old = assert(require("lomi.sandbox").start { confirmation = "skipped" })
    finally(function() old:stop() end)
    local other = lomi.new { api_key = "lomi_sk_test_demo", base_url = old.url }
    assert(other.charges:create_wave_charge { amount = 10000, currency = "XOF",
      customer = { name = "Awa", phoneNumber = "+2250700000000" } })
    local id = other.transactions:list().data[1].transaction_id
    local refund, _, reply = other.refunds:create { transaction_id = id, amount = 10000 }
    assert.is_true(reply.executed)
    assert.equal("completed", refund.status)
    assert.equal("refunded", other.transactions:get(id).status)
  end)

  it("finds nothing of another organization's, and nothing after a reset", function()
    local customer = assert(client.customers:create { name = "Awa", email = "awa@example.com" })
    local other = lomi.new { api_key = "lomi_sk_test_other", base_url = sandbox.url }
    refused(404, "not_found", other.customers:get(customer.customer_id))
    assert.same({}, other.customers:list().data)
    sandbox:reset()
    refused(404, "not_found", client.customers:get(customer.customer_id))
  end)

  it("has the other resources checked, kept and given back, and is told that they are not simulated", function()
    local coupon, _, reply = client.coupons:create { code = "awa10", discount_type = "percentage",
      discount_percentage = 10 }
    assert.equal("AWA10", coupon.code)
    assert.equal("not simulated", reply.headers["x-sandbox-warning"])
    assert.same(coupon, client.coupons:get(coupon.coupon_id))
    refused(400, "bad_request", client.coupons:create { code = "AWA10", discount_type = "fixed",
      discount_fixed_amount = 5 })
    local invoice = assert(client.invoices:create { customer_id = coupon.coupon_id, amount = 5000,
      currency_code = "XOF" })
    assert.equal("sent", client.invoices:send(invoice.customer_invoice_id).status)
    local session = assert(client.invoices:checkout_session(invoice.customer_invoice_id))
    pay_by_card(session.checkout_url, GOOD, { name = "Awa", email = "awa@example.com" })
    assert.equal("paid", client.invoices:get(invoice.customer_invoice_id).status)
    refused(400, "bad_request", client.payouts:create { destination = "beneficiary", rail = "wave", amount = 1,
      currency_code = "XOF", recipient = { name = "Awa", phone = "+2250700000000" } })
    local method = assert(client.payout_methods:create { account_name = "Awa", account_number = "1" })
    local payout = assert(client.payouts:confirm(assert(client.payouts:create { destination = "self", rail = "bank",
      amount = 1000, currency_code = "XOF", payout_method_id = method.payout_method_id })))
    assert.equal("pending", client.payouts:get(payout.payout_id).status)
    assert.equal(3850, client.balances:get("XOF").available_balance)
    local names = {}
    for i, provider in ipairs(client.providers:list().data) do names[i] = provider.provider_code end
    assert.same({ "CARD", "WAVE", "MTN" }, names)
  end)
end)
