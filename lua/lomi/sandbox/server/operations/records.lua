-- SPDX-License-Identifier: MIT
--- What most operations do: they show, list, make, change or remove a record that the merchant keeps.

local core = require "lomi.core"
local answer = require "lomi.sandbox.server.answer"
local checkout_sessions = require "lomi.sandbox.server.checkout_sessions"
local filled = require("lomi.sandbox.server.merchant").filled
local json = require "lomi.sandbox.server.json"

local M = {}

-- The fields of a record that are null where it has none.
local NULLS = {
  customers = "email phone_number whatsapp_number country city address postal_code metadata",
  refunds = "reason metadata",
  payment_links = [[description amount product_id price_id expires_at success_url cancel_url metadata created_by]],
  products = [[description images metadata failed_payment_action charge_day first_payment_type trial_period_days
    usage_aggregation usage_unit]],
  prices = "billing_interval included_units minimum_amount maximum_amount metadata",
  subscriptions = "price_id end_date next_billing_date metadata",
  webhooks = [[metadata last_triggered_at last_response_status last_response_body last_payload spi_event_types
    created_by deleted_at]],
  coupons = [[description discount_percentage discount_fixed_amount usage_limit_value max_uses max_quantity_per_use
    valid_from expires_at product_ids applies_to_product_types]],
  payment_requests = "customer_id description payment_reference payment_link metadata created_by",
  payouts = "account_id payout_method_id provider_code payment_method_code metadata",
  invoices = "customer_id invoice_number due_date hosted_url pdf_url payment_url customer line_items",
}

-- The kinds that are shown otherwise than they are kept.
local VIEWS = {
  checkout_sessions = checkout_sessions.view,
  transactions = function(merchant, item) return merchant:transaction_view(item) end,
  products = function(merchant, item)
    local view = filled(item.data, NULLS.products)
    view.prices, view.fees = {}, core.empty_array
    for i, price in ipairs(item.prices) do view.prices[i] = M.view(merchant, price) end
    return view
  end,
  webhooks = function(_, item)
    local view = filled(item.data, NULLS.webhooks)
    view.id, view.events, view.active = view.webhook_id, view.authorized_events, view.is_active
    return view
  end,
}

--- A record as the API shows it.
---@param merchant lomi.sandbox.Merchant
function M.view(merchant, item)
  local view = VIEWS[item.kind]
  if view then return view(merchant, item) end
  return filled(item.data, NULLS[item.kind] or "")
end

local function viewer(api)
  return function(item) return M.view(api.merchant, item) end
end

-- Works on the record that the path names ----------------------------------------------------------------------------

function M.get(api, _, _, item)
  return answer.ok(200, M.view(api.merchant, item))
end

function M.update(api, _, params, item)
  return answer.ok(200, M.view(api.merchant, api.merchant:change(item, params)))
end

function M.remove(api, _, _, item)
  api.merchant.stores[item.kind]:remove(item)
  return answer.ok(200, { message = "Deleted" })
end

--- It is there, and no longer active.
function M.archive(api, _, _, item)
  api.merchant:change(item, { is_active = false })
  return answer.ok(200, { message = "Archived" })
end

--- An action without a body.
function M.change(changes)
  return function(api, _, _, item) return answer.ok(201, M.view(api.merchant, api.merchant:change(item, changes))) end
end

function M.document(_, _, _, item)
  return answer.ok(200, { hosted_url = json.null, download_url = json.null, filename = item.public_id .. ".pdf",
    mime_type = "application/pdf", expires_at = json.null })
end

-- Works on all records of a kind --------------------------------------------------------------------------------------

--- Whether a value is in a list that a query names, its items separated by commas; nil: everything is.
---@param value any
---@param list string?
function M.is_asked(value, list)
  return list == nil or ("," .. list .. ","):find("," .. tostring(value) .. ",", 1, true) ~= nil
end

--- Whether a time lies between the startDate and the endDate of a query, both included.
---@param time string ISO 8601
---@param asked table<string, string>
function M.is_between(time, asked)
  local first, last = asked.startDate, asked.endDate
  return not (first and time < first or last and time:sub(1, #last) > last)
end

--- A page of them. Every list can be cut to a range of dates.
---@param filters table<string, string>  the field of a record that a parameter of the query must equal
function M.list(kind, filters)
  return function(api, call)
    local asked = call.query_fields
    return api.merchant.stores[kind]:page(call, call.scope, viewer(api), function(item)
      if kind == "checkout_sessions" then checkout_sessions.expire(api.merchant, item) end
      for parameter, field in pairs(filters) do
        if not M.is_asked(item.data[field], asked[parameter]) then return false end
      end
      return M.is_between(item.data.created_at, asked)
    end)
  end
end

--- All of them, or those of one other record: they name it by this field.
---@param id_field string?
function M.all(kind, id_field)
  return function(api, call, _, owner)
    return api.merchant.stores[kind]:all(call.scope, viewer(api), id_field and function(item)
      return (item.data or item)[id_field] == owner.data[id_field]
    end)
  end
end

--- A new one, of the fields given and what it has besides at first.
function M.create(kind, id_field, prefix, initial)
  return function(api, call, params)
    local data = {}
    for name, value in pairs(initial) do data[name] = value end
    for name, value in pairs(params) do data[name] = value end
    local item = api.merchant:keep(kind, call.scope, id_field, prefix, data, #call.body)
    return answer.ok(201, M.view(api.merchant, item))
  end
end

--- A list that is empty here.
function M.none()
  return { status = 200, body = '{"object":"list","data":[],"has_more":false,"next_cursor":null,"limit":20}' }
end

return M
