-- SPDX-License-Identifier: MIT
--- Subscriptions: made by the checkout of a recurring product.

local dto = require "lomi.contract.dto"

--- Only what changes; prices and dates are the service's own.
---@class lomi.UpdateSubscription
local UpdateSubscription = dto.new("subscriptions:update", {
  { name = "status", type = "string" }, -- such as `paused` or `active`
  { name = "start_date", type = "string", format = "date" },
  { name = "end_date", type = "string", format = "date" },
  { name = "next_billing_date", type = "string", format = "date" },
  { name = "metadata", type = "object" },
})

---@class lomi.CancelSubscription
local CancelSubscription = dto.new("subscriptions:cancel", {
  { name = "cancel_at_period_end", type = "boolean" }, -- false: now (false)
  { name = "cancellation_reason", type = "string" },
})

---@class lomi.ChangePlan
local ChangePlan = dto.new("subscriptions:change_plan", {
  { name = "price_id", type = "string", required = true, format = "id" },
})

---@class lomi.ListSubscriptions: lomi.PageQuery
local ListSubscriptions = dto.page_query("subscriptions:list", {
  { name = "status", type = "string" }, -- `pending`, `active`, `past_due`, `cancelled`, `trial`, `paused` or `expired`
  { name = "customer_id", type = "string", filled = true },
})

---@class lomi.Subscription: lomi.Record
---@field subscription_id string
---@field customer_id? string
---@field product_id? string
---@field price_id? string
---@field status? string  `pending`, `active`, `past_due`, `cancelled`, `trial`, `paused` or `expired`
---@field start_date? string  YYYY-MM-DD, as are the next two
---@field end_date? string
---@field next_billing_date? string
---@field metadata? table<string, any>

--- Read, changed and cancelled here; the checkout of a recurring product makes them.
---@class lomi.Subscriptions

---@type table<string, lomi.contract.Operation>
return {
  -- One page of subscriptions. Gives lomi.Subscription.
  list = { method = "GET", path = "/subscriptions", query = ListSubscriptions, result = "list" },
  each = { pages_of = "list" },
  -- Looks a subscription up. Gives lomi.Subscription.
  get = { method = "GET", path = "/subscriptions/{id}", id = "subscription_id" },
  -- Changes a subscription. Sent once, unless `opts.idempotency_key` is given. Gives lomi.Subscription.
  update = { method = "PATCH", path = "/subscriptions/{id}", params = UpdateSubscription, id = "subscription_id" },
  -- Cancels a subscription, now or at the end of its period. Gives lomi.Subscription.
  cancel = { method = "POST", path = "/subscriptions/{id}/cancel", params = CancelSubscription,
    id = "subscription_id" },
  -- Takes a planned cancellation back. Gives lomi.Subscription.
  resume = { method = "POST", path = "/subscriptions/{id}/resume", id = "subscription_id" },
  -- Moves an active subscription to another price. Gives lomi.Subscription.
  change_plan = { method = "POST", path = "/subscriptions/{id}/change-plan", params = ChangePlan,
    id = "subscription_id" },
  -- The usage of this period.
  usage = { method = "GET", path = "/subscriptions/{id}/usage", result = "body" },
}
