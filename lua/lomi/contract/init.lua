-- SPDX-License-Identifier: MIT
--- The API as data: its hosts, and its resources, one file each. In the client only these files name a path. A field is
--- named elsewhere, too, where the client acts on it: call/amount.lua (an amount and its currency), client.lua and
--- call/confirmation.lua (a second call), call/reply.lua, call/shapes.lua and call/pages.lua (what is around a result).
--- The sandbox has its own copy (operations/, charge_bodies.lua, request_bodies.lua), so that the two do not share a
--- mistake.
---
--- A new resource has a place in each of these:
---
--- - its file here, with its name in `resources` below
--- - its facts, written apart, in spec/contract/resources_spec.lua, and its file in the list of spec/mirror_spec.lua
--- - a description in cli/resources.lua (DESCRIPTIONS), and a sentence for each new verb (SENTENCES)
--- - in sandbox/server/: its rows in operations/, its fields in request_bodies.lua, and, if it has records, its kind in
---   merchant.lua (KINDS)
---
--- Then `make map reference rockspecs`.

return {
  hosts = {
    sandbox = "sandbox.api.lomi.africa",
    live = "api.lomi.africa",
  },

  -- The resources of a client (`client.charges`), and the module with the operations of each. Loaded at first use.
  resources = {
    balances = "lomi.contract.balances",
    charges = "lomi.contract.charges",
    checkout_sessions = "lomi.contract.checkout_sessions",
    coupons = "lomi.contract.coupons",
    customers = "lomi.contract.customers",
    disputes = "lomi.contract.disputes",
    invoices = "lomi.contract.invoices",
    payment_links = "lomi.contract.payment_links",
    payment_requests = "lomi.contract.payment_requests",
    payout_methods = "lomi.contract.payout_methods",
    payouts = "lomi.contract.payouts",
    products = "lomi.contract.products",
    providers = "lomi.contract.providers",
    refunds = "lomi.contract.refunds",
    settlements = "lomi.contract.settlements",
    subscriptions = "lomi.contract.subscriptions",
    transactions = "lomi.contract.transactions",
    webhooks = "lomi.contract.webhooks",
  },
}
