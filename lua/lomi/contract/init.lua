-- SPDX-License-Identifier: MIT
--- The API as data: its hosts, and its resources, one file each. In the client only these files name a path or a field.
--- The sandbox has its own copy (charge_bodies.lua, request_bodies.lua), so that the two do not share a mistake.

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
