-- SPDX-License-Identifier: MIT
--- A merchant's records beside charges: customers, transactions, balances, and the records of every other resource.
--- Pure: ids, the time and who hears of an event are passed in. Everything is bounded, see store.lua.

local ascii = require "lomi.ascii"
local Store = require "lomi.sandbox.server.store"
local answer = require "lomi.sandbox.server.answer"
local json = require "lomi.sandbox.server.json"
local charge_bodies = require "lomi.sandbox.server.charge_bodies"
local views = require "lomi.sandbox.server.views"

local ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
local FEE = 3 / 100 -- of a payment; the service's depends on the plan
local BALANCES = { items = 10000, weight = math.huge }
local ENDPOINTS = { items = 100, weight = math.huge } -- all of them are looked through at every event
local TRANSACTIONS = { items = 20000, weight = math.huge }

local KINDS = { "customers", "checkout_sessions", "refunds", "payment_links", "webhooks", "products", "prices",
  "subscriptions", "coupons", "payment_requests", "invoices", "payouts", "payout_methods", "instant_settlements",
  "previews" }

---@class lomi.sandbox.Merchant
---@field organization string a UUID
---@field stores table<string, lomi.sandbox.Store> by resource
---@field opening table? the checkout session a charge is being made for, just now
---@field renewing table? likewise the subscription
local Merchant = {}
Merchant.__index = Merchant

---@class lomi.sandbox.Merchant.Options
---@field random fun(): string hex digits, 32 of them
---@field uuid fun(): string
---@field clock fun(): number seconds since the epoch
---@field organization string
---@field amounts lomi.sandbox.Amounts?
---@field publish fun(event: string, scope: string, data: table, now: number)
---@field on_session_paid fun(merchant: lomi.sandbox.Merchant, session: table, transaction: table)

---@param options lomi.sandbox.Merchant.Options
local function new(options)
  local self = setmetatable({
    random = options.random, uuid = options.uuid, clock = options.clock, organization = options.organization,
    amounts = options.amounts, publish = options.publish, on_session_paid = options.on_session_paid, stores = {},
    balances = Store.new(BALANCES), transactions = Store.new(TRANSACTIONS),
  }, Merchant)
  self.stores.transactions = self.transactions
  for _, kind in ipairs(KINDS) do self.stores[kind] = Store.new(kind == "webhooks" and ENDPOINTS or nil) end
  return self
end

--- A public id, such as `txn_…`.
---@param prefix string
function Merchant:public_id(prefix)
  local hex, letters = self.random(), {}
  for i = 1, 14 do
    local at = tonumber(hex:sub(2 * i - 1, 2 * i), 16) % #ALPHABET + 1
    letters[i] = ALPHABET:sub(at, at)
  end
  return prefix .. table.concat(letters)
end

--- Adds the fields that every record has.
function Merchant:stamped(data)
  local now = views.timestamp(self.clock())
  data.organization_id, data.environment, data.created_at, data.updated_at = self.organization, "test", now, now
  return data
end

--- Keeps a new record under an id of its own.
---@param kind string one of KINDS
---@param id_field string
---@param prefix string of its public id
---@return table item `data` is what others see
function Merchant:keep(kind, scope, id_field, prefix, data, weight)
  local id, public = self.uuid(), self:public_id(prefix)
  data[id_field] = id
  return self.stores[kind]:add(scope, { id, public }, { kind = kind, public_id = public, data = self:stamped(data) },
    weight)
end

--- Changes a record.
function Merchant:change(item, changes)
  for name, value in pairs(changes) do item.data[name] = value end
  item.data.updated_at = views.timestamp(self.clock())
  return item
end

---@return table? item
---@return lomi.sandbox.Refusal?
function Merchant:find(kind, scope, id)
  local item = self.stores[kind]:find(scope, id)
  if item then return item end
  return answer.not_found(kind:gsub("s$", ""):gsub("_", " "), id)
end

--- The price that a body names: itself, or as the default one of its product.
---@param named { price_id: string?, product_id: string? }
---@return table? item
---@return lomi.sandbox.Refusal?
function Merchant:find_price(scope, named)
  if named.price_id then return self:find("prices", scope, named.price_id) end
  local product, refusal = self:find("products", scope, named.product_id or "")
  return product and product.default_price, refusal
end

-- Customers -----------------------------------------------------------------------------------------------------------

-- One that removed customers do not have.
local function email_key(email)
  return "email " .. email
end

---@param params table the fields of a customer
function Merchant:add_customer(scope, params, weight)
  local data = { is_business = false }
  for name, value in pairs(params) do data[name] = value end
  local item = self:keep("customers", scope, "customer_id", "cus_", data, weight)
  if data.email then
    local store, key = self.stores.customers, email_key(data.email)
    item.ids[#item.ids + 1] = key
    store.by_id[scope .. "\n" .. ascii.lower(key)] = item
  end
  return item
end

--- The customer who pays: the one with this email, or a new one.
---@return string? customer_id nil where nobody said who pays
function Merchant:payer(scope, name, email, phone)
  if not email and not phone then return nil end
  local item = email and self.stores.customers:find(scope, email_key(email))
  item = item or self:add_customer(scope, { name = name or email or phone, email = email, phone_number = phone })
  return item.data.customer_id
end

-- Transactions --------------------------------------------------------------------------------------------------------

local function minor_amount(self, charge)
  local amount = charge_bodies.minor(charge.original_amount, charge.original_currency, self.amounts)
  return math.floor(amount + 1 / 2)
end

local function fee_of(gross)
  return math.floor(gross * FEE + 1 / 2)
end

---@return string
function Merchant:transaction_status(item)
  local charge = item.charge
  if charge.status == "succeeded" then
    return item.refunded >= minor_amount(self, charge) and "refunded" or "completed"
  end
  if item.session and item.session.data.status == "expired" then return "expired" end
  return charge.failure_code and "failed" or "pending"
end

--- A transaction, as the service shows it.
function Merchant:transaction_view(item)
  local charge, gross = item.charge, minor_amount(self, item.charge)
  local params, code = charge.params, charge.original_currency
  local null = json.null
  return {
    transaction_id = charge.transaction_id, public_id = item.public_id, organization_id = self.organization,
    customer_id = item.customer_id or null, product_id = params.product_id or params.productId or null,
    subscription_id = item.subscription_id or params.subscription_id or params.subscriptionId or null,
    price_id = item.session and item.session.data.price_id or null,
    transaction_type = item.recurring and "instalment" or "payment", status = self:transaction_status(item),
    gross_amount = gross, discount_amount = 0, fee_amount = fee_of(gross), net_amount = gross - fee_of(gross),
    refunded_amount = item.refunded, gross_amount_xof = code == "XOF" and gross or self:in_francs(gross, code),
    currency_code = code, quantity = params.quantity or 1, description = params.description or null,
    metadata = params.metadata or null, provider_code = views.PROVIDERS[charge.kind],
    payment_method_code = views.METHODS[charge.kind], is_bnpl = false, is_pos = false,
    spi_tx_id = null, spi_account_number = null, spi_payment_category = null, spi_payment_status = null,
    spi_date_envoi = null, spi_date_irrevocabilite = null,
    environment = "test", created_at = views.timestamp(charge.created),
    updated_at = views.timestamp(item.updated or charge.updated or charge.created),
  }
end

-- Whole francs, at the peg of the euro; of dollars about as many.
function Merchant:in_francs(gross, code)
  return math.floor(gross / 100 * (code == "EUR" and 655957 / 1000 or 600) + 1 / 2)
end

--- Adds to what is there, or takes away.
function Merchant:move_balance(scope, code, amount)
  local id = ascii.lower(code)
  local item = self.balances:find(scope, id)
  if not item then item = self.balances:add(scope, { id }, { code = code, amount = 0 }) end
  item.amount, item.updated = item.amount + amount, self.clock()
end

--- Follows a charge's event: updates its transaction, the balance, and the session behind it.
---@param event string
---@param charge lomi.sandbox.Charge
---@param now number
---@return table more what the event's data say beside what a charge knows
function Merchant:on_charge(event, charge, now)
  local item = self.transactions:find(charge.scope, charge.transaction_id)
  if event == "PAYMENT_CREATED" then
    local params, session, renewing = charge.params, self.opening, self.renewing
    local customer = params.customer or {}
    local public = self:public_id("txn_")
    item = self.transactions:add(charge.scope, { charge.transaction_id, public }, {
      kind = "transactions", charge = charge, public_id = public, refunded = 0, session = session,
      subscription = renewing, subscription_id = renewing and renewing.data.subscription_id,
      recurring = renewing ~= nil or session ~= nil and session.price ~= nil
        and session.price.data.billing_interval ~= nil or nil,
      customer_id = params.customer_id or self:payer(charge.scope, params.customer_name or customer.name,
        params.customer_email or customer.email, params.customer_phone or customer.phoneNumber),
    })
  end
  if not item then return {} end -- so old that it was forgotten
  item.updated = now
  if event == "PAYMENT_SUCCEEDED" and not item.settled then
    item.settled = true
    local gross = minor_amount(self, charge)
    self:move_balance(charge.scope, charge.original_currency, gross - fee_of(gross))
    if item.session then self:on_session_paid(item.session, item) end
  end
  local session = item.session
  return {
    customer_id = item.customer_id, transaction_type = item.recurring and "instalment" or nil,
    checkout_session_id = session and session.data.checkout_session_id or nil,
    gross_amount = session and minor_amount(self, charge) or nil,
    amount = session and minor_amount(self, charge) or nil,
    price_id = session and session.data.price_id or nil, subscription_id = item.subscription_id,
  }
end

--- A copy of a record with null for what is not set.
---@param names string of all its fields, separated by spaces
function Merchant.filled(data, names)
  local view = {}
  for name, value in pairs(data) do view[name] = value end
  for name in names:gmatch("[^ \n]+") do
    if view[name] == nil then view[name] = json.null end
  end
  return view
end

return { new = new, filled = Merchant.filled }
