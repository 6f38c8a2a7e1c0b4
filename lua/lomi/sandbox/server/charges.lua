-- SPDX-License-Identifier: MIT
--- The charges, and what can happen to them. Pure: ids, the time and `on_event` are passed in.
---
---   requires_payment_method ──confirm──▶ succeeded
---                                    ├─▶ requires_capture (a hold) ──capture──▶ succeeded
---                                    ├─▶ requires_action (3-D Secure) ──authenticate──▶ any of the others
---                                    └─▶ requires_payment_method (declined)
---
---   requires_payment_method, requires_action, requires_capture ──cancel──▶ canceled
---   requires_capture ──the hold expires──▶ canceled
---   pending (Wave, MTN) ──at once, or never──▶ succeeded
---
--- The oldest charges are forgotten when there are more than LIMITS says; `forgotten` counts them.

local ascii = require "lomi.ascii"
local Fifo = require "lomi.sandbox.server.fifo"
local cards = require "lomi.sandbox.server.cards"
local charge_bodies = require "lomi.sandbox.server.charge_bodies"

local HOLD_LASTS = 7 * 24 * 60 * 60
local LIMITS = { items = 100000, weight = 64 * 1024 * 1024 }

---@class lomi.sandbox.Charge
---@field id string
---@field kind "card"|"wave"|"mtn"
---@field scope string the organization it belongs to
---@field params table as taken: see charge_bodies.lua
---@field amount number minor units of `currency`; after a capture, what was captured
---@field currency string lower case
---@field original_amount number in the unit the sandbox takes (`amounts`); after a capture, what was captured
---@field original_currency string
---@field status string
---@field secret string? what follows the id in the client_secret
---@field transaction_id string
---@field failure_code string? of the last attempt to pay
---@field card lomi.sandbox.Card? last tried
---@field capture_before number? seconds since the epoch, while an amount is held
---@field released number? given back by a capture of less, in the unit of original_amount
---@field created number
---@field updated number
---@field key string? the idempotency key it was made under
---@field return_url string? where the payer's page leads back to, as its link said
---@field success_url string? the same, of its checkout session

---@class lomi.sandbox.Charges.Options
---@field random fun(): string hex digits, 32 of them
---@field uuid fun(): string
---@field on_event fun(event: string, charge: lomi.sandbox.Charge, now: number)
---@field amounts lomi.sandbox.Amounts?
---@field limits { items: integer, weight: number }?

---@class lomi.sandbox.Charges
---@field organization string a UUID
---@field made integer charges made, forgotten ones included
local Charges = {}
Charges.__index = Charges

---@param options lomi.sandbox.Charges.Options
local function new(options)
  return setmetatable({
    random = options.random, uuid = options.uuid, on_event = options.on_event, amounts = options.amounts,
    organization = options.uuid(), by_id = {}, holds = {}, forgotten = 0, made = 0,
    queue = Fifo.new(options.limits or LIMITS),
  }, Charges)
end

-- Tells the webhooks of an event.
function Charges:tell(event, charge, now)
  charge.updated = now
  self.on_event(event, charge, now)
end

function Charges:add(charge, weight, now)
  charge.created, charge.transaction_id = now, self.uuid()
  self.by_id[charge.id] = charge
  self.queue:push(charge, weight)
  self.made = self.made + 1
  self.queue:trim(function(oldest)
    self.by_id[oldest.id], self.holds[oldest.id] = nil, nil
    self.forgotten = self.forgotten + 1
  end)
  self:tell("PAYMENT_CREATED", charge, now)
  return charge
end

---@param scope string
---@param params table
---@param key string? the idempotency key
---@param weight number bytes, about
---@return lomi.sandbox.Charge
function Charges:create_card(scope, params, key, weight, now)
  local amount, currency = charge_bodies.convert(params.amount, params.currency_code, self.amounts)
  return self:add({
    id = "pi_" .. self.random():sub(1, 24), secret = self.random():sub(1, 25), kind = "card", scope = scope,
    params = params, amount = amount, currency = currency, original_amount = params.amount,
    original_currency = params.currency_code, status = "requires_payment_method", key = key,
  }, weight, now)
end

--- Wave and MTN: nobody has to pay here, it is paid at once or never.
---@param pending boolean never
function Charges:create_mobile(kind, scope, params, key, weight, now, pending)
  local charge = self:add({
    id = kind .. "_" .. self.random():sub(1, 24), kind = kind, scope = scope, params = params,
    amount = charge_bodies.minor(params.amount, params.currency, self.amounts), currency = ascii.lower(params.currency),
    original_amount = params.amount, original_currency = params.currency, status = "pending", key = key,
  }, weight, now)
  if not pending then self:succeed(charge, now) end
  return charge
end

---@return lomi.sandbox.Charge?
function Charges:find(id, now)
  self:expire(now)
  return self.by_id[id]
end

--- Releases the holds nobody captured in time.
function Charges:expire(now)
  for _, charge in pairs(self.holds) do
    if charge.capture_before <= now then self:close(charge, "hold_expired", now) end
  end
end

-- The moves below give true, or nil and why the charge's state forbids it.

local function refuse(charge, what, where)
  return nil, ("the charge is %s; only a charge that is %s can be %s"):format(charge.status, where, what)
end

function Charges:fail(charge, code, now)
  charge.failure_code = code
  self:tell("PAYMENT_FAILED", charge, now)
end

function Charges:succeed(charge, now)
  charge.status, charge.failure_code = "succeeded", nil
  self:tell("PAYMENT_SUCCEEDED", charge, now)
end

-- Cancels a charge, for any reason.
function Charges:close(charge, code, now)
  charge.status, charge.capture_before = "canceled", nil
  self.holds[charge.id] = nil
  self:fail(charge, code, now)
end

function Charges:settle(charge, decline, now)
  if decline then
    charge.status = "requires_payment_method"
    return self:fail(charge, decline, now)
  end
  if charge.params.hold then
    charge.status, charge.failure_code = "requires_capture", nil
    charge.capture_before, charge.updated = now + HOLD_LASTS, now
    self.holds[charge.id] = charge
    return
  end
  self:succeed(charge, now)
end

--- Pays by card, as the payer's browser does.
---@param charge lomi.sandbox.Charge
---@param number string
---@param expiry_past boolean? the expiry given with it lies behind us
---@return true? ok, string? reason, boolean? misuse the arguments, not the state, are wrong
function Charges:confirm(charge, number, expiry_past, now)
  if charge.kind ~= "card" then return nil, "a " .. charge.kind .. " charge is not paid by card", true end
  local card, reason = cards.find(number)
  if not card then return nil, reason, true end
  if charge.status ~= "requires_payment_method" then
    return refuse(charge, "confirmed", "requires_payment_method")
  end
  charge.card, charge.failure_code, charge.updated = card, nil, now
  if expiry_past then
    self:settle(charge, "expired_card", now)
  elseif card.challenge then
    charge.status = "requires_action"
  else
    self:settle(charge, card.decline, now)
  end
  return true
end

--- The payer answers the bank's 3-D Secure question.
---@param passed boolean
function Charges:authenticate(charge, passed, now)
  if charge.status ~= "requires_action" then return refuse(charge, "authenticated", "requires_action") end
  self:settle(charge, passed and charge.card.decline or not passed and "authentication_failed" or nil, now)
  return true
end

local CANCELABLE = { requires_payment_method = true, requires_action = true, requires_capture = true }

function Charges:cancel(charge, now)
  if not CANCELABLE[charge.status] then
    return refuse(charge, "canceled", "requires_payment_method, requires_action or requires_capture")
  end
  self:close(charge, "canceled", now)
  return true
end

function Charges:set_amount(charge, amount)
  charge.original_amount = amount
  charge.amount = charge_bodies.convert(amount, charge.original_currency, self.amounts)
end

---@param amount number? nil: all of it
---@return true? ok, string? reason, boolean? misuse
function Charges:capture(charge, amount, now)
  if charge.status ~= "requires_capture" then return refuse(charge, "captured", "requires_capture") end
  amount = amount or charge.original_amount
  if amount > charge.original_amount then
    return nil, ("amount must be at most the %s %s that are held"):format(ascii.number(charge.original_amount),
      charge.original_currency), true
  end
  charge.released, charge.capture_before = charge.original_amount - amount, nil
  self.holds[charge.id] = nil
  self:set_amount(charge, amount)
  self:succeed(charge, now)
  return true
end

---@param amount number the new total
---@return true? ok, string? reason, boolean? misuse
function Charges:increment(charge, amount, now)
  if charge.status ~= "requires_capture" then return refuse(charge, "incremented", "requires_capture") end
  if amount <= charge.original_amount then
    return nil, ("amount is the new total; it must be more than the %s %s that are held"):format(
      ascii.number(charge.original_amount), charge.original_currency), true
  end
  self:set_amount(charge, amount)
  charge.updated = now
  return true
end

return { new = new }
