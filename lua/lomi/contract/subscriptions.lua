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
local UpdateSubscription = dto {
  name = "subscriptions:update",
  fields = {
    { name = "status", type = "string" },
    { name = "start_date", type = "string", format = "date" },
    { name = "end_date", type = "string", format = "date" },
    { name = "next_billing_date", type = "string", format = "date" },
    { name = "metadata", type = "object" },
  },
}

---@class lomi.CancelSubscription
---@field cancel_at_period_end? boolean  false: now (false)
---@field cancellation_reason? string
local CancelSubscription = dto {
  name = "subscriptions:cancel",
  fields = {
    { name = "cancel_at_period_end", type = "boolean" },
    { name = "cancellation_reason", type = "string" },
  },
}

---@class lomi.ChangePlan
---@field price_id string
local ChangePlan = dto {
  name = "subscriptions:change_plan",
  fields = {
    { name = "price_id", type = "string", required = true, format = "id" },
  },
}

---@class lomi.ListSubscriptions
---@field limit? integer  how many a page holds; the service's default is 20
---@field cursor? string  `next_cursor` of the page before
---@field status? string  `pending`, `active`, `past_due`, `cancelled`, `trial`, `paused` or `expired`
---@field customer_id? string
local ListSubscriptions = dto {
  name = "subscriptions:list",
  pages = "cursor",
  fields = {
    { name = "status", type = "string" },
    { name = "customer_id", type = "string", filled = true },
  },
}

---@class lomi.Subscription
---@field subscription_id string
---@field organization_id? string
---@field customer_id? string
---@field product_id? string
---@field price_id? string
---@field status? string  `pending`, `active`, `past_due`, `cancelled`, `trial`, `paused` or `expired`
---@field start_date? string  YYYY-MM-DD, as are the next two
---@field end_date? string
---@field next_billing_date? string
---@field metadata? table<string, any>
---@field environment? string  `test` or `live`
---@field created_at? string  ISO 8601
---@field updated_at? string  ISO 8601

---@class lomi.SubscriptionPage: lomi.Page
---@field data lomi.Subscription[]  the items of this page

-- luacheck: push ignore 631
--- Read, changed and cancelled here; the checkout of a recurring product makes them.
---@class lomi.Subscriptions
--- One page of subscriptions.
---@field list fun(self, query?: lomi.ListSubscriptions, opts?: lomi.CallOptions): lomi.SubscriptionPage?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round; the next page is asked for when the one before is read. An error ends
--- it: the last round gives false and the error.
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
-- luacheck: pop

---@type table<string, lomi.contract.Operation>
return {
  list = { method = "GET", path = "/subscriptions", query = ListSubscriptions, result = "list", pages = "cursor" },
  each = { pages_of = "list" },
  get = { method = "GET", path = "/subscriptions/{id}", result = "record", id = "subscription_id" },
  update = { method = "PATCH", path = "/subscriptions/{id}", params = UpdateSubscription, result = "record",
    id = "subscription_id" },
  cancel = { method = "POST", path = "/subscriptions/{id}/cancel", params = CancelSubscription, result = "record",
    id = "subscription_id" },
  resume = { method = "POST", path = "/subscriptions/{id}/resume", result = "record", id = "subscription_id" },
  change_plan = { method = "POST", path = "/subscriptions/{id}/change-plan", params = ChangePlan, result = "record",
    id = "subscription_id" },
  usage = { method = "GET", path = "/subscriptions/{id}/usage", result = "body" },
}
