-- SPDX-License-Identifier: MIT
--- Refunds: of a completed transaction, in whole or in parts. They change it, the balance, and a subscription behind
--- it.

local answer = require "lomi.sandbox.server.answer"
local confirmation = require "lomi.sandbox.server.confirmation"
local records = require "lomi.sandbox.server.operations.records"
local subscriptions = require "lomi.sandbox.server.subscriptions"

local FEE = 0 -- what a refund costs the merchant

local refuse = answer.refuse

local function plan(api, call, params)
  local merchant = api.merchant
  local item, refusal = merchant:find("transactions", call.scope, params.transaction_id)
  if not item then return nil, refusal end
  local transaction = merchant:transaction_view(item)
  if transaction.status == "refunded" then return refuse "The transaction is already fully refunded" end
  if transaction.status ~= "completed" then
    return refuse(("The transaction is %s; only a completed one can be refunded"):format(transaction.status))
  end
  local left = transaction.gross_amount - item.refunded
  if params.amount > left then
    return refuse(("amount must be at most the %.0f that are left of the transaction"):format(left), "amount_invalid")
  end
  local whole = params.amount == transaction.gross_amount
  if params.refund_type and (params.refund_type == "full") ~= whole then
    return refuse(("refund_type is %s, but the amount is %s of the transaction"):format(params.refund_type,
      whole and "all" or "part"))
  end
  local by_phone = transaction.provider_code ~= "STRIPE"
  local customer = item.charge.params.customer
  if by_phone and not whole and not (customer and customer.phoneNumber) then
    return refuse "A partial refund by Wave or MTN needs the customer's phone number"
  end
  return { transaction_id = transaction.transaction_id, amount = params.amount, fee_amount = FEE,
    currency_code = transaction.currency_code, refund_type = whole and "full" or "partial" }
end

local function execute(api, call, params, planned)
  local merchant = api.merchant
  local item = merchant.transactions:find(call.scope, params.transaction_id)
  local refund = merchant:keep("refunds", call.scope, "refund_id", "re_", {
    transaction_id = planned.transaction_id, amount = params.amount, refunded_amount = params.amount,
    fee_amount = FEE, reason = params.reason, status = "completed",
  }, #call.body)
  item.refunded, item.updated = item.refunded + params.amount, merchant.clock()
  merchant:move_balance(call.scope, planned.currency_code, -params.amount - FEE)
  for _, event in ipairs { "REFUND_CREATED", "REFUND_COMPLETED" } do
    local data = {}
    for name, value in pairs(refund.data) do data[name] = value end
    data.currency_code = planned.currency_code
    if event == "REFUND_CREATED" then data.status = "pending" end
    merchant.publish(event, call.scope, data, merchant.clock())
  end
  local applied
  if planned.refund_type == "full" and item.subscription then
    applied = subscriptions.after_refund(merchant, item, params.subscription_action or "default")
  end
  return answer.ok(201, { success = true, refund_id = refund.data.refund_id, transaction_id = planned.transaction_id,
    refunded_amount = params.amount, status = refund.data.status, message = "Refund completed",
    subscription_action = applied })
end

---@type lomi.sandbox.Operation[]
return {
  { "POST", "/refunds", work = confirmation("refund", plan, execute), key_required = true, asks_twice = true },
  { "GET", "/refunds", work = records.list("refunds", { status = "status" }) },
  { "GET", "/refunds/{id}", on = "refunds", work = records.get },
}
