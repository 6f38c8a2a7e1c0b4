-- SPDX-License-Identifier: MIT
--- Subscriptions: made by the checkout of a recurring product.

local dto = require "lomi.contract.dto"

--- Only what changes; prices and dates are the service's own.
---@class lomi.UpdateSubscription
---@field status? string  such as `paused` or `active`
---@field start_date? string
---@field end_date? string
---@field next_billing_date? string
---@field metadata? table<string, any>
local UpdateSubscription = dto.new("subscriptions:update", {
  { name = "status", type = "string" },
  { name = "start_date", type = "string", format = "date" },
  { name = "end_date", type = "string", format = "date" },
  { name = "next_billing_date", type = "string", format = "date" },
  { name = "metadata", type = "object" },
})

---@class lomi.CancelSubscription
---@field cancel_at_period_end? boolean  false: now (false)
---@field cancellation_reason? string
local CancelSubscription = dto.new("subscriptions:cancel", {
  { name = "cancel_at_period_end", type = "boolean" },
  { name = "cancellation_reason", type = "string" },
})

---@class lomi.ChangePlan
---@field price_id string
local ChangePlan = dto.new("subscriptions:change_plan", {
  { name = "price_id", type = "string", required = true, format = "id" },
})

---@class lomi.ListSubscriptions: lomi.PageQuery
---@field status? string  `pending`, `active`, `past_due`, `cancelled`, `trial`, `paused` or `expired`
---@field customer_id? string
local ListSubscriptions = dto.page_query("subscriptions:list", {
  { name = "status", type = "string" },
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
--- One page of subscriptions.
---@field list fun(self, query?: lomi.ListSubscriptions, opts?: lomi.CallOptions): lomi.Page<lomi.Subscription>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each fun(self, query?: lomi.ListSubscriptions, opts?: lomi.CallOptions): fun(): lomi.Subscription|false|nil, lomi.Error?
--- Looks a subscription up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.Subscription?, lomi.Error?, lomi.Reply?
--- Changes a subscription. Sent once, unless `opts.idempotency_key` is given.
---@field update fun(self, id: string, params: lomi.UpdateSubscription, opts?: lomi.CallOptions): lomi.Subscription?, lomi.Error?, lomi.Reply?
--- Cancels a subscription, now or at the end of its period.
---@field cancel fun(self, id: string, params?: lomi.CancelSubscription, opts?: lomi.CallOptions): lomi.Subscription?, lomi.Error?, lomi.Reply?
--- Takes a planned cancellation back.
---@field resume fun(self, id: string, opts?: lomi.CallOptions): lomi.Subscription?, lomi.Error?, lomi.Reply?
--- Moves an active subscription to another price.
---@field change_plan fun(self, id: string, params: lomi.ChangePlan, opts?: lomi.CallOptions): lomi.Subscription?, lomi.Error?, lomi.Reply?
--- The usage of this period.
---@field usage fun(self, id: string, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?

---@type table<string, lomi.contract.Operation>
return {
  list = { method = "GET", path = "/subscriptions", query = ListSubscriptions, result = "list" },
  each = { pages_of = "list" },
  get = { method = "GET", path = "/subscriptions/{id}", id = "subscription_id" },
  update = { method = "PATCH", path = "/subscriptions/{id}", params = UpdateSubscription, id = "subscription_id" },
  cancel = { method = "POST", path = "/subscriptions/{id}/cancel", params = CancelSubscription,
    id = "subscription_id" },
  resume = { method = "POST", path = "/subscriptions/{id}/resume", id = "subscription_id" },
  change_plan = { method = "POST", path = "/subscriptions/{id}/change-plan", params = ChangePlan,
    id = "subscription_id" },
  usage = { method = "GET", path = "/subscriptions/{id}/usage", result = "body" },
}
