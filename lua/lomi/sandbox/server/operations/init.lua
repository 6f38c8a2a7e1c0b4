-- SPDX-License-Identifier: MIT
--- The operations of the API, as data. The money path has state: charges, customers, sessions, links, transactions,
--- refunds, balances, products, subscriptions, webhook endpoints. The other resources are not simulated.
---
--- A file has the resource of its name, and some have others: balances.lua payouts and settlements, customers.lua
--- transactions, checkout.lua payment links, unsimulated.lua coupons, payment requests, invoices, payout methods,
--- providers and disputes.

local routes = require "lomi.sandbox.server.routes"

---@class lomi.sandbox.Operation
---@field [1] string method
---@field [2] string path
---@field on string? the kind of record that the path names, see merchant.lua
---@field body string? what the body is checked against, see request_bodies.lua
--- Given the fields of the body, and the record. An answer, or nil and a lomi.sandbox.Refusal.
---@field work fun(api: table, call: lomi.sandbox.Call, params: table, item: table?): lomi.sandbox.Answer?, table?
---@field unsimulated boolean? a warning says so
---@field key_required boolean? strict insists on an idempotency key
---@field ignores_key boolean? an idempotency key changes nothing
---@field asks_twice boolean? the second call, with a confirmation_token, has another body under the same key

---@type lomi.sandbox.Operation[]
local OPERATIONS = {}
for _, rows in ipairs {
  require "lomi.sandbox.server.operations.charges",
  require "lomi.sandbox.server.operations.checkout",
  require "lomi.sandbox.server.operations.refunds",
  require "lomi.sandbox.server.operations.customers",
  require "lomi.sandbox.server.operations.webhooks",
  require "lomi.sandbox.server.operations.products",
  require "lomi.sandbox.server.operations.subscriptions",
  require "lomi.sandbox.server.operations.balances",
  require "lomi.sandbox.server.operations.unsimulated",
} do
  for _, row in ipairs(rows) do OPERATIONS[#OPERATIONS + 1] = row end
end

return routes.compile(OPERATIONS)
