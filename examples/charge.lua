-- SPDX-License-Identifier: MIT
-- Creates a card charge in a local sandbox, and shows it; nobody has paid it yet. `make demo` runs it; it fails loudly
-- if anything is off.
local lomi = require "lomi"

local sandbox = assert(require("lomi.sandbox").start {})
local client = lomi.new { api_key = "lomi_sk_test_demo", base_url = sandbox.url }

local charge, err, reply = client.charges:create_card_charge({
  amount = 10000, currency_code = "XOF",
  customer_email = "awa@example.com", customer_name = "Awa Ndiaye",
  metadata = { order_id = "ORD-1" },
}, { idempotency_key = "order-1" })
if not charge then error(tostring(err)) end

local function line(name, value) print(("  %-12s %s"):format(name, value)) end

print(("a charge of %s, created through %s"):format("10 000 F CFA", tostring(client)))
line("charge", charge.id)
line("asked for", ("%s %s"):format(charge.original_amount, charge.original_currency))
line("to be paid", ("%.2f %s"):format(charge.amount / 100, charge.currency:upper()))
line("status", charge.status)
line("attempts", reply.attempts)
line("request id", reply.request_id)
line("for the page", "client_secret, " .. #charge.client_secret .. " characters (never logged)")

-- A shop needs to be sure of this: a retry with the same key does not charge twice.
local again, _, second = client.charges:create_card_charge({
  amount = 10000, currency_code = "XOF",
  customer_email = "awa@example.com", customer_name = "Awa Ndiaye",
  metadata = { order_id = "ORD-1" },
}, { idempotency_key = "order-1" })
assert(again.id == charge.id and second.replayed, "the same key must give the same charge")
assert(#sandbox:charges() == 1, "the sandbox must hold one charge")
assert(charge.original_amount == 10000 and charge.amount == 1524 and charge.currency == "eur")
print("retried with the same idempotency key: the same charge, not a second one")

sandbox:stop()
