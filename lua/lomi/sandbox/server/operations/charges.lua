-- SPDX-License-Identifier: MIT
--- Card, Wave and MTN charges.

local ascii = require "lomi.ascii"
local answer = require "lomi.sandbox.server.answer"
local charge_bodies = require "lomi.sandbox.server.charge_bodies"
local views = require "lomi.sandbox.server.views"

local WEIGHT = 1200 -- bytes a charge takes beside its body, about

-- Work on the card charge that the path names.
---@param work fun(api: lomi.sandbox.Api, call: lomi.sandbox.Call, charge: lomi.sandbox.Charge): table?, table?
local function on_charge(work)
  return function(api, call)
    local charge = api.charges:find(call.id, api.clock())
    if not charge or charge.kind ~= "card" or charge.scope ~= call.scope then
      return answer.not_found("card charge", call.id)
    end
    call.charge = charge
    return work(api, call, charge)
  end
end

-- Why a charge was not changed, as the API reports it.
local function refuse_change(reason, misuse)
  return nil, { status = misuse and 400 or 409, code = misuse and "amount_invalid" or nil, message = reason }
end

local function create_card(api, call)
  local params, refusal, appearance = charge_bodies.card(call.params, call.warn, api.options)
  if not params then return nil, refusal end
  local charge = api.charges:create_card(call.scope, params, call.idempotency_key, WEIGHT + #call.body, api.clock())
  call.charge = charge
  local data = views.card(charge)
  data.appearance = appearance
  return answer.ok(201, { success = true, data = data,
    next_action = { type = "client_secret", client_secret = data.client_secret } })
end

local get_card = on_charge(function(_, _, charge)
  return answer.ok(200, { success = true, data = views.current(charge) })
end)

local cancel_card = on_charge(function(api, _, charge)
  local ok, reason = api.charges:cancel(charge, api.clock())
  if not ok and api.options.strict then return nil, { status = 500 } end -- as the service does
  if not ok then return refuse_change(reason) end
  return answer.ok(201, { success = true, data = { id = charge.id, status = charge.status } })
end)

-- Capture and increment: an amount, and a change of the charge.
local function move(name)
  return on_charge(function(api, call, charge)
    local params, refusal = charge_bodies[name](call.params, call.warn, charge.original_currency, api.options)
    if not params then return nil, refusal end
    local ok, reason, misuse = api.charges[name](api.charges, charge, params.amount, api.clock())
    if not ok then return refuse_change(reason, misuse) end
    return answer.ok(200, { success = true, data = views.current(charge) })
  end)
end

local function create_mobile(kind)
  return function(api, call)
    local params, refusal = charge_bodies[kind](call.params, call.warn, api.options)
    if not params then return nil, refusal end
    local scenario = ascii.lower(call.headers["x-scenario-key"] or "")
    if scenario == "failed" then return nil, { message = "Charge failed (test scenario)" } end
    local charge = api.charges:create_mobile(kind, call.scope, params, call.idempotency_key, WEIGHT + #call.body,
      api.clock(), scenario == "pending")
    call.charge = charge
    return answer.ok(201, views[kind](charge, call.origin .. "/pay/" .. charge.id))
  end
end

---@type lomi.sandbox.Operation[]
return {
  { "POST", "/charge/card", work = create_card, key_required = true },
  { "GET", "/charge/card/{id}", work = get_card },
  { "POST", "/charge/card/{id}/cancel", work = cancel_card, ignores_key = true },
  { "POST", "/charge/card/{id}/capture", work = move "capture", key_required = true },
  { "POST", "/charge/card/{id}/increment", work = move "increment", key_required = true },
  { "POST", "/charge/wave", work = create_mobile "wave", key_required = true },
  { "POST", "/charge/mtn", work = create_mobile "mtn", key_required = true },
}
