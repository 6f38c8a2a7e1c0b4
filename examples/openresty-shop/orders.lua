-- SPDX-License-Identifier: MIT
--- The orders, in SQLite.
---
--- A statement of SQLite blocks the worker for about a millisecond. A real shop has a database server, and a driver
--- that waits on cosockets, such as lua-resty-mysql or pgmoon.

local DBI = require "DBI"

local M = {}

local PATH = assert(os.getenv "SHOP_DATABASE", "SHOP_DATABASE is not set: the path of the database")

local TABLES = {
  [[CREATE TABLE IF NOT EXISTS orders (
      id TEXT PRIMARY KEY,
      product TEXT NOT NULL,
      amount INTEGER NOT NULL,
      currency TEXT NOT NULL,
      name TEXT NOT NULL,
      email TEXT NOT NULL,
      state TEXT NOT NULL DEFAULT 'unpaid' CHECK (state IN ('unpaid', 'declined', 'paid')),
      charge_id TEXT,
      created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)]],
  -- Each webhook that was taken, once, and what it did to its order.
  [[CREATE TABLE IF NOT EXISTS events (
      id TEXT NOT NULL PRIMARY KEY,
      event TEXT NOT NULL,
      order_id TEXT,
      effect TEXT,
      received_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)]],
}

local database -- each worker opens its own: an SQLite connection does not survive a fork

-- Values are bound to the question marks: no SQL is ever made of text from outside. A statement is closed at once: an
-- open one would show this worker the database as it was.
---@return table? row  the first one
---@return integer changed
local function execute(sql, ...)
  local statement = assert(database:prepare(sql))
  local ok, err = statement:execute(...)
  local row = ok and sql:find "^SELECT" and statement:fetch(true) or nil
  local changed = ok and statement:affected()
  statement:close()
  if not ok then error(err, 0) end
  return row, changed
end

local function connect()
  if database then return end
  database = assert(DBI.Connect("SQLite3", PATH))
  database:autocommit(true)
  execute "PRAGMA busy_timeout = 2000" -- milliseconds, for another worker's transaction
end

-- `work` must not wait for the network: a second request of this worker would join the transaction.
local function transaction(work, ...)
  connect()
  execute "BEGIN IMMEDIATE"
  local ok, result = pcall(function(...)
    local result = work(...)
    execute "COMMIT"
    return result
  end, ...)
  if not ok then
    pcall(execute, "ROLLBACK")
    error(result, 0)
  end
  return result
end

--- Before nginx makes its workers.
function M.create_tables()
  connect()
  execute "PRAGMA journal_mode = WAL" -- pages are read while an order is written
  for _, statement in ipairs(TABLES) do execute(statement) end
  database:close()
  database = nil
end

---@class shop.Order
---@field id string  32 hex digits; whoever knows it sees the order
---@field product string
---@field amount integer  in the currency's main unit
---@field currency string
---@field name string
---@field email string
---@field state "unpaid"|"declined"|"paid"
---@field charge_id? string

---@param id string
---@return shop.Order?
function M.find(id)
  connect()
  return (execute("SELECT * FROM orders WHERE id = ?", id))
end

--- Stores an order, unless its id is stored already: then that order stands, and its charge keeps the same body.
---@param order shop.Order
---@return shop.Order
function M.place(order)
  connect()
  execute("INSERT INTO orders (id, product, amount, currency, name, email) VALUES (?, ?, ?, ?, ?, ?) "
    .. "ON CONFLICT (id) DO NOTHING",
    order.id, order.product, order.amount, order.currency, order.name, order.email)
  return M.find(order.id)
end

---@param id string
---@param charge_id string
function M.set_charge(id, charge_id)
  connect()
  execute("UPDATE orders SET charge_id = ? WHERE id = ?", charge_id, id)
end

-- Applies an event to its order. Paid is final: a late PAYMENT_FAILED changes nothing.
local function effect_on(order, event, payment)
  if not order then return "no such order" end
  if order.state == "paid" then return "paid already" end
  if event == "PAYMENT_FAILED" then return "declined" end
  if event ~= "PAYMENT_SUCCEEDED" then return "none" end
  local expected = payment.status == "completed" and payment.amount == order.amount
    and payment.currency_code == order.currency
  return expected and "paid" or "not as ordered"
end

local function table_or_empty(value)
  return type(value) == "table" and value or {}
end

local function take(event)
  local _, stored = execute("INSERT INTO events (id, event) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
    event.id, event.event)
  if stored == 0 then return "seen before" end
  local payment = table_or_empty(event.data)
  local id = table_or_empty(payment.metadata).order_id
  local order = type(id) == "string" and M.find(id) or nil
  local effect = effect_on(order, event.event, payment)
  if effect == "paid" or effect == "declined" then
    execute("UPDATE orders SET state = ? WHERE id = ?", effect, id)
  end
  execute("UPDATE events SET order_id = ?, effect = ? WHERE id = ?", order and id, effect, event.id)
  return effect
end

--- Takes a webhook's event once, however often it is delivered: the event and its effect are stored together or not
--- at all. Raises when the database fails; the service then delivers the event again.
---@param event lomi.webhook.Event
---@return string effect
function M.take(event)
  return transaction(take, event)
end

return M
