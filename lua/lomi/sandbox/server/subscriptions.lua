-- SPDX-License-Identifier: MIT
--- Subscriptions: begun by the checkout of a recurring price, renewed as the sandbox's time goes on. A month is 30
--- days, a year 365, so that a test knows how far to advance.

local cards = require "lomi.sandbox.server.cards"
local views = require "lomi.sandbox.server.views"

local M = {}

local DAY = 24 * 60 * 60
local INTERVALS = { day = DAY, week = 7 * DAY, month = 30 * DAY, year = 365 * DAY }
local MOST_RENEWALS = 100 -- of one subscription in one step of time
local ON_FAILURE = { pause = "paused", cancel = "cancelled" } -- else past_due

local function day(seconds)
  return views.timestamp(seconds):sub(1, 10)
end

local function tell(merchant, event, subscription)
  local item, data = subscription.price.product.data, {}
  for name, value in pairs(subscription.data) do data[name] = value end
  data.plan_name, data.billing_interval = item.name, subscription.price.data.billing_interval
  data.cancel_at_period_end = subscription.ends == true
  merchant.publish(event, subscription.scope, data, merchant.clock())
end

local function change(merchant, subscription, changes)
  merchant:change(subscription, changes)
  tell(merchant, "SUBSCRIPTION_UPDATED", subscription)
  return true
end

-- The end: nothing is due any more.
local function finish(merchant, subscription, status)
  merchant:change(subscription, { status = status, end_date = day(merchant.clock()) })
  subscription.data.next_billing_date, subscription.due, subscription.ends = nil, nil, nil
  tell(merchant, "SUBSCRIPTION_CANCELLED", subscription)
end

--- The first payment of a session whose price is recurring.
---@param session table
---@param transaction table
function M.begin(merchant, session, transaction)
  local price, now = session.price, merchant.clock()
  local due = now + INTERVALS[price.data.billing_interval]
  local subscription = merchant:keep("subscriptions", session.scope, "subscription_id", "sub_", {
    customer_id = session.data.customer_id, product_id = price.product.data.product_id, price_id = price.data.price_id,
    status = "active", start_date = day(now), next_billing_date = day(due), metadata = session.data.metadata,
  })
  local charge = transaction.charge
  subscription.price, subscription.due, subscription.charges = price, due, 1
  subscription.paid_by, subscription.params = charge.kind, {}
  for name, value in pairs(charge.params) do subscription.params[name] = value end
  subscription.card = charge.card and charge.card.digits
  transaction.subscription, transaction.first = subscription, true
  transaction.subscription_id = subscription.data.subscription_id
  session.data.subscription_id = subscription.data.subscription_id
  tell(merchant, "SUBSCRIPTION_CREATED", subscription)
end

-- Charges the saved card. Wave and MTN would send the payer a link, which nobody opens here.
local function charge_renewal(app, subscription)
  local merchant, charges, now = app.merchant, app.charges, app.clock()
  if subscription.paid_by ~= "card" then return false end
  merchant.renewing = subscription
  local params = {}
  for name, value in pairs(subscription.params) do params[name] = value end
  params.subscription_id = subscription.data.subscription_id
  local charge = charges:create_card(subscription.scope, params, nil, 2048, now)
  merchant.renewing = nil
  charges:confirm(charge, subscription.card, false, now)
  if charge.status == "requires_action" then charges:authenticate(charge, true, now) end -- agreed to at the signup
  return charge.status == "succeeded"
end

local function renew(app, subscription)
  local merchant, product = app.merchant, subscription.price.product.data
  if subscription.ends then return finish(merchant, subscription, "cancelled") end
  local most = product.metadata and tonumber(product.metadata.fixed_charges)
  if most and subscription.charges >= most then return finish(merchant, subscription, "expired") end
  if not charge_renewal(app, subscription) then
    local status = ON_FAILURE[product.failed_payment_action] or "past_due"
    if status == "cancelled" then return finish(merchant, subscription, status) end
    subscription.due = nil
    return change(merchant, subscription, { status = status })
  end
  subscription.charges = subscription.charges + 1
  subscription.due = subscription.due + INTERVALS[subscription.price.data.billing_interval]
  merchant:change(subscription, { next_billing_date = day(subscription.due) })
  tell(merchant, "SUBSCRIPTION_RENEWED", subscription)
end

--- Renews what is due.
---@param app lomi.sandbox.App
function M.tick(app)
  for subscription in app.merchant.stores.subscriptions:each() do
    local count = 0
    while subscription.due and subscription.due <= app.clock() do
      if count == MOST_RENEWALS then
        subscription.due = app.clock() + INTERVALS[subscription.price.data.billing_interval]
        break
      end
      count = count + 1
      renew(app, subscription)
    end
  end
end

--- The card that a subscription renews with from now on.
---@return boolean? ok
---@return string? reason
function M.save_card(subscription, number)
  local card, reason = cards.find(number)
  if not card then return nil, reason end
  subscription.paid_by, subscription.card = "card", card.digits
  return true
end

-- Moves by the API. Each gives true, or nil and why not.

local function refuse(subscription, what)
  return nil, ("The subscription is %s; it cannot be %s"):format(subscription.data.status, what)
end

local LIVE = { active = true, trial = true, past_due = true, paused = true }

function M.cancel(merchant, subscription, at_period_end)
  if not LIVE[subscription.data.status] then return refuse(subscription, "cancelled") end
  if not at_period_end or not subscription.due then
    finish(merchant, subscription, "cancelled")
    return true
  end
  subscription.ends = true
  return change(merchant, subscription, {})
end

function M.resume(merchant, subscription)
  if not subscription.ends then return nil, "No cancellation of this subscription is planned" end
  subscription.ends = nil
  return change(merchant, subscription, {})
end

function M.change_plan(merchant, subscription, price)
  if subscription.data.status ~= "active" then return refuse(subscription, "moved to another price") end
  if not price.data.billing_interval then return nil, "The price is not a recurring one" end
  subscription.price = price
  subscription.params.amount = price.data.amount
    / (merchant.amounts ~= "minor" and price.data.currency_code ~= "XOF" and 100 or 1)
  return change(merchant, subscription, { price_id = price.data.price_id,
    product_id = price.product.data.product_id })
end

function M.update(merchant, subscription, changes)
  merchant:change(subscription, changes)
  if changes.status and not LIVE[changes.status] or changes.status == "paused" then subscription.due = nil end
  if changes.status == "active" and not subscription.due then
    subscription.due = merchant.clock() + INTERVALS[subscription.price.data.billing_interval]
    merchant:change(subscription, { next_billing_date = day(subscription.due) })
  end
  tell(merchant, "SUBSCRIPTION_UPDATED", subscription)
  return true
end

--- Changes the subscription behind a transaction after a full refund.
---@param action "default"|"cancel"|"pause"|"none"
function M.after_refund(merchant, transaction, action)
  local subscription = transaction.subscription
  if action == "default" then action = transaction.first and "cancel" or "pause" end
  local before, applied = subscription.data.status, false
  if action == "cancel" and LIVE[before] then
    finish(merchant, subscription, "cancelled")
    applied = true
  elseif action == "pause" and before == "active" then
    subscription.due = nil
    applied = change(merchant, subscription, { status = "paused" })
  end
  return { applied = applied, action = action, subscription_id = subscription.data.subscription_id,
    previous_status = before }
end

return M
