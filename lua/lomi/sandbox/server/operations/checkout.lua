-- SPDX-License-Identifier: MIT
--- Checkout sessions and payment links.

local answer = require "lomi.sandbox.server.answer"
local body_fields = require "lomi.sandbox.server.body_fields"
local checkout_sessions = require "lomi.sandbox.server.checkout_sessions"
local records = require "lomi.sandbox.server.operations.records"

local refuse = answer.refuse

local function create_session(api, call, params)
  local missing = not params.success_url and "success_url" or not params.cancel_url and "cancel_url"
  if not params.success_url and not params.cancel_url then
    return refuse "success_url and cancel_url are missing: give where the payer goes after paying, and after giving up"
  elseif missing then
    call.warn(("no %s: the payer stays on the page"):format(missing))
  end
  if params.customer_id and not api.merchant.stores.customers:find(call.scope, params.customer_id) then
    call.warn("customer_id is not known here")
  end
  local session, refusal = checkout_sessions.open(api.merchant, call.scope, params, call.origin, call.warn)
  if not session then return nil, refusal end
  return answer.ok(201, checkout_sessions.view(api.merchant, session))
end

-- A session is read by its UUID, or its public id.
local function get_session(api, call)
  if not call.id:find "^[Cc][Ss]_" and not body_fields.is_uuid(call.id) then
    return refuse "The id of a checkout session must be a UUID"
  end
  local session, refusal = api.merchant:find("checkout_sessions", call.scope, call.id)
  if not session then return nil, refusal end
  return answer.ok(200, checkout_sessions.view(api.merchant, session))
end

local function create_link(api, call, params)
  local merchant = api.merchant
  if params.link_type == "instant" and not params.amount then return refuse "amount is required for an instant link" end
  if params.link_type == "product" then
    if not params.product_id then return refuse "product_id is required for a product link" end
    if params.amount then return refuse "amount is not taken for a product link" end
    local product, refusal = merchant:find("products", call.scope, params.product_id)
    if not product then return nil, refusal end
  end
  local data = { is_active = true, quantity = 1, allow_coupon_code = false, allow_quantity = false,
    require_name = true, require_email = true, require_phone = false, require_billing_address = false }
  for name, value in pairs(params) do data[name] = value end
  local item = merchant:keep("payment_links", call.scope, "link_id", "plink_", data, #call.body)
  data.url = call.origin .. "/link/" .. item.public_id:sub(#"plink_" + 1)
  return answer.ok(201, records.view(merchant, item))
end

local LINK_FILTERS = { linkType = "link_type", isActive = "is_active" }

---@type lomi.sandbox.Operation[]
return {
  { "POST", "/checkout-sessions", body = "checkout_session", work = create_session },
  { "GET", "/checkout-sessions", work = records.list("checkout_sessions", { status = "status" }) },
  { "GET", "/checkout-sessions/{id}", work = get_session },

  { "POST", "/payment-links", body = "payment_link", work = create_link },
  { "GET", "/payment-links", work = records.list("payment_links", LINK_FILTERS) },
  { "GET", "/payment-links/{id}", on = "payment_links", work = records.get },
  { "PATCH", "/payment-links/{id}", on = "payment_links", body = "payment_link_update", work = records.update },
  { "DELETE", "/payment-links/{id}", on = "payment_links", work = records.archive },
}
