-- SPDX-License-Identifier: MIT
--- Resources that are checked, kept and given back, and no more: a warning says so.

local ascii = require "lomi.ascii"
local answer = require "lomi.sandbox.server.answer"
local checkout_sessions = require "lomi.sandbox.server.checkout_sessions"
local json = require "lomi.sandbox.server.json"
local records = require "lomi.sandbox.server.operations.records"

local keep_coupon = records.create("coupons", "coupon_id", "coup_", { is_active = true, current_uses = 0,
  customer_type = "all", usage_frequency_limit = "total", scope_type = "organization_wide" })

-- The field with the discount, by its type.
local DISCOUNTS = { percentage = "discount_percentage", fixed = "discount_fixed_amount" }

local function create_coupon(api, call, params)
  params.code = ascii.upper(params.code)
  local discount = DISCOUNTS[params.discount_type]
  if not params[discount] then return answer.refuse(discount .. " is required for this discount_type") end
  for item in api.merchant.stores.coupons:each(call.scope) do
    if item.data.code == params.code then return answer.refuse("The code " .. params.code .. " is taken") end
  end
  return keep_coupon(api, call, params)
end

local function performance()
  return answer.ok(200, { total_uses = 0, total_discount_amount = 0, total_revenue = 0, average_order_value = 0 })
end

local keep_invoice = records.create("invoices", "customer_invoice_id", "inv_", { status = "draft", origin = "manual" })

local function create_invoice(api, call, params)
  params.amount_due, params.amount_remaining = params.amount, params.amount
  return keep_invoice(api, call, params)
end

-- An action on an invoice of one of these statuses.
local function on_invoice(statuses, changes)
  local change = records.change(changes)
  return function(api, call, params, invoice)
    if not (" " .. statuses .. " "):find(" " .. invoice.data.status .. " ", 1, true) then
      return answer.refuse(("The invoice is %s; it must be one of: %s"):format(invoice.data.status, statuses))
    end
    return change(api, call, params, invoice)
  end
end

local function invoice_session(api, call, _, invoice)
  local merchant, session = api.merchant, invoice.session
  if not session then
    local refusal
    session, refusal = checkout_sessions.open(merchant, call.scope, { amount = invoice.data.amount, title = "Invoice",
      currency_code = invoice.data.currency_code }, call.origin, call.warn)
    if not session then return nil, refusal end
    invoice.session, session.pays = session, invoice
    invoice.when_paid = { status = "paid", amount_remaining = 0 }
  end
  return answer.ok(201, checkout_sessions.view(merchant, session))
end

local function list_providers(api, call)
  local items, asked = {}, call.query_fields.provider_code
  for _, code in ipairs { "CARD", "WAVE", "MTN" } do
    if not asked or asked == code then
      items[#items + 1] = json.encode { organization_id = api.merchant.organization, provider_code = code,
        is_connected = true, is_phone_verified = true, onboarding_status = "completed",
        phone_number = json.null, provider_merchant_id = json.null, metadata = json.null }
    end
  end
  return { status = 200, body = json.with_list("data", items, ',"success":true') }
end

local function no_dispute(_, call)
  return answer.not_found("dispute", call.id)
end

local FILTERS = { status = "status", customerId = "customer_id" }

---@type lomi.sandbox.Operation[]
local OPERATIONS = {
  { "POST", "/coupons", body = "coupon", work = create_coupon },
  { "GET", "/coupons", work = records.all "coupons" },
  { "GET", "/coupons/{id}", on = "coupons", work = records.get },
  { "DELETE", "/coupons/{id}", on = "coupons", work = records.remove },
  { "GET", "/coupons/{id}/performance", on = "coupons", work = performance },

  { "POST", "/payment-requests", body = "payment_request", key_required = true,
    work = records.create("payment_requests", "request_id", "req_", { status = "pending" }) },
  { "GET", "/payment-requests", work = records.list("payment_requests", FILTERS) },
  { "GET", "/payment-requests/{id}", on = "payment_requests", work = records.get },

  { "POST", "/invoices", body = "invoice", work = create_invoice },
  { "GET", "/invoices", work = records.list("invoices", FILTERS) },
  { "GET", "/invoices/{id}", on = "invoices", work = records.get },
  { "PATCH", "/invoices/{id}", on = "invoices", body = "invoice_update", work = records.update },
  { "GET", "/invoices/{id}/pdf", on = "invoices", work = records.document },
  { "POST", "/invoices/{id}/finalize", on = "invoices", work = on_invoice("draft", { status = "sent" }) },
  { "POST", "/invoices/{id}/send", on = "invoices",
    work = on_invoice("draft sent overdue", { status = "sent" }) },
  { "POST", "/invoices/{id}/remind", on = "invoices", work = on_invoice("sent overdue", {}) },
  { "POST", "/invoices/{id}/void", on = "invoices",
    work = on_invoice("draft sent overdue", { status = "cancelled" }) },
  { "POST", "/invoices/{id}/checkout-session", on = "invoices", work = invoice_session },

  { "POST", "/payout-methods", body = "payout_method",
    work = records.create("payout_methods", "payout_method_id", "pm_",
      { is_default = false, is_valid = false, country = "SN", payout_method_type = "bank" }) },
  { "GET", "/payout-methods", work = records.all "payout_methods" },

  { "GET", "/providers", work = list_providers },

  { "GET", "/disputes", work = records.none },
  { "GET", "/disputes/{id}", work = no_dispute },
  { "POST", "/disputes/{id}/evidence", work = no_dispute },
}
for _, operation in ipairs(OPERATIONS) do operation.unsimulated = true end

return OPERATIONS
