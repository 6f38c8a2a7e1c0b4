-- SPDX-License-Identifier: MIT
--- Customers, and all transactions.

local ascii = require "lomi.ascii"
local core = require "lomi.core"
local answer = require "lomi.sandbox.server.answer"
local records = require "lomi.sandbox.server.operations.records"

local function create(api, call, params)
  local item = api.merchant:add_customer(call.scope, params, #call.body)
  return answer.ok(201, records.view(api.merchant, item))
end

local function has_paid(merchant, customer)
  for item in merchant.transactions:each(customer.scope) do
    if item.customer_id == customer.data.customer_id then return true end
  end
  return false
end

local TYPES = { business = true, individual = false }

local function list(api, call)
  local merchant, asked, total = api.merchant, call.query_fields, 0
  local search = asked.search and ascii.lower(asked.search)
  local function keep(item)
    local data = item.data
    local text = (data.name or "") .. " " .. (data.email or "")
    if search and not ascii.lower(text):find(search, 1, true) then return false end
    if TYPES[asked.type] ~= nil and data.is_business ~= TYPES[asked.type] then return false end
    if asked.status == "active" or asked.status == "inactive" then
      return has_paid(merchant, item) == (asked.status == "active")
    end
    return true
  end
  for item in merchant.stores.customers:each(call.scope) do
    if keep(item) then total = total + 1 end
  end
  local done, refusal = merchant.stores.customers:page(call, call.scope,
    function(item) return records.view(merchant, item) end, keep)
  if done then done.body = done.body:gsub("}$", (',"total_count":%d}'):format(total)) end
  return done, refusal
end

local function block(blocked)
  return function(_, _, _, customer)
    local entries = {}
    for field, kind in pairs { phone_number = "phone", email = "email" } do
      if customer.data[field] then entries[#entries + 1] = { kind = kind, value = customer.data[field] } end
    end
    if blocked and not entries[1] then return answer.refuse "There is nothing to block: neither phone nor email" end
    return answer.ok(200, { customer_id = customer.data.customer_id, blocked = blocked,
      entries = entries[1] and entries or core.empty_array })
  end
end

local function portal(api, call, params, customer)
  local token = api.merchant.random()
  return answer.ok(201, api.merchant.filled({ customer_id = customer.data.customer_id,
    organization_id = api.merchant.organization, launch_token = token, expires_in_seconds = 900,
    launch_url = call.origin .. "/portal/" .. token, flow_type = params.flow_type or "portal_home",
    flow_subscription_id = params.flow_subscription_id, return_url = params.return_url,
    flow_after_completion_url = params.flow_after_completion_url },
    "flow_subscription_id return_url flow_after_completion_url"))
end

local function portal_audit()
  return answer.ok(200, { events = core.empty_array,
    pagination = { page = 1, pageSize = 50, totalCount = 0, totalPages = 0 } })
end

local function list_top()
  return answer.ok(200, { object = "list", currency_code = "XOF", data = core.empty_array })
end

local COMMAS = { status = "status", type = "transaction_type", currency = "currency_code",
  paymentMethod = "payment_method_code", provider = "provider_code" }

local function list_transactions(api, call)
  local merchant, asked = api.merchant, call.query_fields
  local function view(item) return merchant:transaction_view(item) end
  return merchant.transactions:page(call, call.scope, view, function(item)
    local shown = view(item)
    for parameter, field in pairs(COMMAS) do
      if not records.is_asked(shown[field], asked[parameter]) then return false end
    end
    return asked.isPos ~= "true" and records.is_between(shown.created_at, asked)
  end)
end

---@type lomi.sandbox.Operation[]
return {
  { "POST", "/customers", body = "customer", work = create },
  { "GET", "/customers", work = list },
  { "GET", "/customers/top", work = list_top, unsimulated = true },
  { "GET", "/customers/{id}", on = "customers", work = records.get },
  { "PATCH", "/customers/{id}", on = "customers", body = "customer_update", work = records.update },
  { "DELETE", "/customers/{id}", on = "customers", work = records.remove },
  { "GET", "/customers/{id}/transactions", on = "customers", work = records.all("transactions", "customer_id") },
  { "GET", "/customers/{id}/subscriptions", on = "customers", work = records.all("subscriptions", "customer_id") },
  { "POST", "/customers/{id}/block", on = "customers", work = block(true), unsimulated = true },
  { "POST", "/customers/{id}/unblock", on = "customers", work = block(false), unsimulated = true },
  { "POST", "/customers/{id}/portal", on = "customers", body = "portal", work = portal, unsimulated = true },
  { "GET", "/customers/{id}/portal-audit", on = "customers", work = portal_audit, unsimulated = true },

  { "GET", "/transactions", work = list_transactions },
  { "GET", "/transactions/{id}", on = "transactions", work = records.get },
  { "GET", "/transactions/{id}/receipt.pdf", on = "transactions", work = records.document, unsimulated = true },
}
