-- SPDX-License-Identifier: MIT
--- Subscriptions: read, changed and cancelled; a checkout begins them.

local answer = require "lomi.sandbox.server.answer"
local records = require "lomi.sandbox.server.operations.records"
local subscriptions = require "lomi.sandbox.server.subscriptions"

-- `change` gives true, or nil and a sentence or a refusal.
local function changed_by(change)
  return function(api, call, params, item)
    local ok, reason = change(api.merchant, item, params, call)
    if not ok then return nil, type(reason) == "table" and reason or { message = reason } end
    return answer.ok(200, records.view(api.merchant, item))
  end
end

local cancel = changed_by(function(merchant, item, params)
  return subscriptions.cancel(merchant, item, params.cancel_at_period_end)
end)

local change_plan = changed_by(function(merchant, item, params, call)
  local price, refusal = merchant:find("prices", call.scope, params.price_id)
  if not price then return nil, refusal end
  return subscriptions.change_plan(merchant, item, price)
end)

local function usage(_, _, _, item)
  return answer.ok(200, { subscription_id = item.data.subscription_id, usage = 0 })
end

local FILTERS = { status = "status", customer_id = "customer_id" }
local KIND = "subscriptions"

---@type lomi.sandbox.Operation[]
return {
  { "GET", "/subscriptions", work = records.list(KIND, FILTERS) },
  { "GET", "/subscriptions/{id}", on = KIND, work = records.get },
  { "PATCH", "/subscriptions/{id}", on = KIND, body = "subscription_update", work = changed_by(subscriptions.update) },
  { "POST", "/subscriptions/{id}/cancel", on = KIND, body = "subscription_cancel", work = cancel },
  { "POST", "/subscriptions/{id}/resume", on = KIND, work = changed_by(subscriptions.resume) },
  { "POST", "/subscriptions/{id}/change-plan", on = KIND, body = "subscription_plan", work = change_plan },
  { "GET", "/subscriptions/{id}/usage", on = KIND, work = usage, unsimulated = true },
}
