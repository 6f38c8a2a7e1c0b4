-- SPDX-License-Identifier: MIT
-- The records that operations show, against the fields and rules of the service.
local core = require "lomi.core"
local direct = require "spec.support.direct"

describe("a record of the sandbox", function()
  local sandbox

  before_each(function() sandbox = direct.new() end)

  local function call(method, path, body) return (sandbox:call(method, path, body)) end

  local function create(path, body)
    local reply = call("POST", path, body)
    assert.equal(201, reply.status, reply.body)
    return reply.json
  end

  local function has(fields, record)
    local missing = {}
    for field in fields:gmatch("[^ \n]+") do
      if record[field] == nil then missing[#missing + 1] = field end
    end
    assert.same({}, missing)
  end

  local function refused(reply, code)
    assert.same({ 400, code or "bad_request" }, { reply.status, reply.json.error.code }, reply.body)
    return reply.json.error.message
  end

  local function pay(amount)
    local charge = sandbox:charge { amount = amount }
    sandbox:admin("POST", "/charges/" .. charge.id .. "/confirm", { card = "4242424242424242" })
    return call("GET", "/transactions").json.data[1]
  end

  it("has every field that the service promises, null where nothing is set", function()
    has("created_by installment_plan_id qr_code_data metadata", create("/checkout-sessions",
      { amount = 1000, success_url = "https://shop.example/" }))
    has("spi_tx_id spi_account_number spi_payment_category spi_payment_status spi_date_envoi spi_date_irrevocabilite",
      pay(1000))
    local product = create("/products", { name = "P", product_type = "one_time",
      prices = { { amount = 1, currency_code = "XOF" } } })
    has("included_units minimum_amount", product.prices[1])
    assert.equal("[]", core.encode(product.fees))
    has("product_ids expires_at", create("/coupons", { code = "A", discount_type = "fixed",
      discount_fixed_amount = 5 }))
    has("payment_link customer_id", create("/payment-requests", { amount = 1, currency_code = "XOF",
      expiry_date = "2030-01-01T00:00:00Z" }))
    has("amount_due amount_remaining", create("/invoices", { customer_id = "c", amount = 5, currency_code = "XOF" }))
  end)

  it("is listed by its date, and by several statuses at once", function()
    local transaction = pay(10000)
    for _ = 1, 2 do
      local refund = { transaction_id = transaction.transaction_id, amount = 100 }
      refund.confirmation_token = call("POST", "/refunds", refund).json.confirmation_token
      create("/refunds", refund)
      sandbox:admin("POST", "/clock", { advance = 24 * 60 * 60 })
    end
    local all = call("GET", "/refunds").json.data
    local days = { all[1].created_at:sub(1, 10), all[2].created_at:sub(1, 10) }
    for query, count in pairs {
      ["startDate=" .. days[1]] = 1, ["endDate=" .. days[2]] = 1, ["startDate=" .. days[2]] = 2,
      ["endDate=2000-01-01"] = 0, ["status=pending,completed"] = 2, ["status=pending,failed"] = 0,
    } do
      assert.equal(count, #call("GET", "/refunds?" .. query).json.data, query)
    end
  end)

  it("of a session is read by a UUID or its public id, and by nothing else", function()
    local session = create("/checkout-sessions", { amount = 1000, success_url = "https://shop.example/",
      integration_source = "odoo", metadata = { order = "1" } })
    assert.same({ order = "1", integration_source = "odoo" }, session.metadata)
    assert.is_nil(session.integration_source)
    local public = session.checkout_url:match("cs_%w+$")
    for _, id in ipairs { session.checkout_session_id, session.checkout_session_id:upper(), public } do
      assert.equal(200, call("GET", "/checkout-sessions/" .. id).status)
    end
    refused(call("GET", "/checkout-sessions/%7BCHECKOUT_SESSION_ID%7D"))
    assert.equal(404, call("GET", "/checkout-sessions/" .. core.uuid4()).status)
  end)

  it("of a customer has lists that are lists when empty", function()
    local path = "/customers/" .. create("/customers", { name = "Awa" }).customer_id
    assert.matches('"entries":[]', call("POST", path .. "/unblock").body, 1, true)
    assert.matches('"events":[]', call("GET", path .. "/portal-audit").body, 1, true)
    assert.same({ object = "list", currency_code = "XOF", data = {} }, call("GET", "/customers/top").json)
  end)

  it("of an invoice moves from draft to sent, and to its end", function()
    local path = "/invoices/" .. create("/invoices", { customer_id = "c", amount = 5, currency_code = "XOF" })
      .customer_invoice_id
    assert.equal("The invoice is draft; it must be one of: sent overdue", refused(call("POST", path .. "/remind")))
    assert.equal("sent", create(path .. "/finalize").status)
    refused(call("POST", path .. "/finalize"))
    for _, action in ipairs { "send", "remind" } do assert.equal("sent", create(path .. "/" .. action).status) end
    assert.equal("cancelled", create(path .. "/void").status)
    for _, action in ipairs { "void", "send", "remind", "finalize" } do refused(call("POST", path .. "/" .. action)) end
  end)

  it("of a coupon, a price or a payout is refused without what its type needs", function()
    for kind, field in pairs { percentage = "discount_percentage", fixed = "discount_fixed_amount" } do
      assert.matches(field, refused(call("POST", "/coupons", { code = "A", discount_type = kind })), 1, true)
    end
    for kind, field in pairs { recurring = "billing_interval", usage_based = "included_units" } do
      assert.matches(field, refused(call("POST", "/products", { name = "P", product_type = kind,
        prices = { { amount = 1, currency_code = "XOF" } } })), 1, true)
    end
    assert.matches("never by bank", refused(call("POST", "/payouts", { destination = "beneficiary", rail = "bank",
      amount = 1, currency_code = "XOF" })), 1, true)
  end)

  it("of a webhook endpoint is refused for a private address", function()
    for host, private in pairs { ["10.0.0.1"] = true, ["172.16.0.1"] = true, ["172.32.0.1"] = false,
      ["192.168.1.1:8443"] = true, ["169.254.169.254"] = true, ["[fd00::1]"] = true, ["[FE80::1]"] = true,
      ["0.0.0.0"] = true, ["10.example"] = false, ["8.8.8.8"] = false } do
      local reply = call("POST", "/webhooks", { url = "https://" .. host .. "/hook", events = { "REFUND_FAILED" } })
      assert.equal(private and 400 or 201, reply.status, host)
    end
  end)
end)
