-- SPDX-License-Identifier: MIT
--- Balances, payouts and settlements.

local ascii = require "lomi.ascii"
local answer = require "lomi.sandbox.server.answer"
local confirmation = require "lomi.sandbox.server.confirmation"
local records = require "lomi.sandbox.server.operations.records"
local views = require "lomi.sandbox.server.views"

local CURRENCIES = { XOF = true, USD = true, EUR = true }

local refuse = answer.refuse

local function check_currency(code)
  if not code or CURRENCIES[code] then return true end
  return refuse "currency must be one of XOF, USD, EUR"
end

local function amount_of(api, call, code)
  local item = api.merchant.balances:find(call.scope, ascii.lower(code))
  return item and item.amount or 0
end

local function list(api, call)
  local code = call.query_fields.currency
  local ok, refusal = check_currency(code)
  if not ok then return nil, refusal end
  if code and not api.merchant.balances:find(call.scope, ascii.lower(code)) then
    return nil, { status = 404, message = "There is no balance in " .. code .. " yet" }
  end
  return api.merchant.balances:all(call.scope, function(item)
    return { currency_code = item.code, balance = item.amount, last_updated = views.timestamp(item.updated) }
  end, function(item) return not code or item.code == code end)
end

local function break_down(api, call)
  if not api.merchant.balances:each(call.scope)() then
    return nil, { status = 404, message = "There is no balance before the first payment" }
  end
  return api.merchant.balances:all(call.scope, function(item)
    return { currency_code = item.code, available_balance = item.amount, pending_balance = 0,
      total_balance = item.amount, unavailable_balance = 0,
      target_currency = call.query_fields.target_currency or item.code }
  end)
end

local function get(api, call)
  local code = ascii.upper(call.id)
  local ok, refusal = check_currency(code)
  if not ok then return nil, refusal end
  local amount = amount_of(api, call, code)
  return answer.ok(200, { has_sufficient_balance = amount > 0, available_balance = amount })
end

local create_payout = confirmation("payout", function(api, call, params)
  if params.rail == "wave" or params.rail == "mtn" then
    return refuse("A test key makes no payout by " .. params.rail)
  end
  if params.destination == "beneficiary" and params.rail == "bank" then
    return refuse "A payout to a beneficiary goes by wave or mtn, never by bank"
  end
  if params.destination == "self" and not params.payout_method_id and params.rail ~= "stellar" then
    return refuse "payout_method_id is required for a payout to oneself"
  end
  if params.amount > amount_of(api, call, params.currency_code) then
    return refuse("The balance is too low", "amount_invalid")
  end
  return { amount = params.amount, fee_amount = 0, currency_code = params.currency_code, rail = params.rail }
end, function(api, call, params)
  local merchant = api.merchant
  local payout = merchant:keep("payouts", call.scope, "payout_id", "po_", { amount = params.amount,
    currency_code = params.currency_code, payout_method_id = params.payout_method_id, status = "pending",
    kind = params.destination == "self" and "withdrawal" or "beneficiary", metadata = params.metadata }, #call.body)
  merchant:move_balance(call.scope, params.currency_code, -params.amount)
  merchant.publish("PAYOUT_CREATED", call.scope, payout.data, merchant.clock())
  return answer.ok(201, { success = true, payout_id = payout.data.payout_id, kind = payout.data.kind,
    status = "pending" })
end)

local create_instant = confirmation("instant_settlement", function(api, call, params)
  if params.amount > amount_of(api, call, params.currency_code) then
    return refuse("The balance is too low", "amount_invalid")
  end
  return { amount = params.amount, mode = params.mode, fee_amount = math.floor(params.amount * 2 / 100 + 1 / 2) }
end, function(api, call, params, planned)
  local item = api.merchant:keep("instant_settlements", call.scope, "instant_settlement_id", "is_", {
    mode = params.mode, status = "pending", fee_amount = planned.fee_amount,
    net_amount = params.amount - planned.fee_amount }, #call.body)
  return answer.ok(201, item.data)
end)

local function settlement_transactions(_, call)
  if not call.id:find("^[A-Z][A-Z][A-Z]:%d%d%d%d%-%d%d%-%d%d$") then
    return refuse "The id of a settlement is like XOF:2026-06-01"
  end
  return records.none()
end

---@type lomi.sandbox.Operation[]
return {
  { "GET", "/accounts/balance", work = list },
  { "GET", "/accounts/balance/breakdown", work = break_down },
  { "GET", "/accounts/balance/{id}", work = get },

  { "POST", "/payouts", work = create_payout, key_required = true, asks_twice = true, unsimulated = true },
  { "GET", "/payouts", work = records.list("payouts", { status = "status" }), unsimulated = true },
  { "GET", "/payouts/{id}", on = "payouts", work = records.get, unsimulated = true },

  { "GET", "/settlements", work = records.none, unsimulated = true },
  { "POST", "/settlements/instant", work = create_instant, key_required = true, asks_twice = true,
    unsimulated = true },
  { "GET", "/settlements/instant/{id}", on = "instant_settlements", work = records.get, unsimulated = true },
  { "GET", "/settlements/{id}/transactions", work = settlement_transactions, unsimulated = true },
}
