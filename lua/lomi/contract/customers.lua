-- SPDX-License-Identifier: MIT
--- Customers: who pays.

local dto = require "lomi.contract.dto"

---@class lomi.CustomerFields
local CUSTOMER_FIELDS = {
  { name = "email", type = "string", format = "email" },
  dto.plain("string", "phone_number", "whatsapp_number", "country", "city", "address", "postal_code"),
  { name = "is_business", type = "boolean" },
  { name = "metadata", type = "object" }, -- no list at the top
}

---@class lomi.CreateCustomer: lomi.CustomerFields
local CreateCustomer = dto.new("customers:create", {
  { name = "name", type = "string", required = true, filled = true },
  CUSTOMER_FIELDS,
})

--- Only what changes.
---@class lomi.UpdateCustomer: lomi.CustomerFields
local UpdateCustomer = dto.new("customers:update", {
  { name = "name", type = "string", filled = true },
  CUSTOMER_FIELDS,
})

---@class lomi.ListCustomers: lomi.PageQuery
local ListCustomers = dto.page_query("customers:list", {
  { name = "search", type = "string" }, -- in names and emails
  { name = "type", type = "string", enum = { "business", "individual", "all" } },
  { name = "status", type = "string", enum = { "active", "inactive", "all" } }, -- with or without a transaction
})

---@class lomi.TopCustomers
local TopCustomers = dto.new("customers:top", { { name = "limit", type = "integer", least = 1, most = 50 } })

---@class lomi.CustomerPortal
local CustomerPortal = dto.new("customers:portal", {
  { name = "return_url", type = "string", format = "url" },
  { name = "flow_type", type = "string", enum = { "portal_home", "subscription_cancel", "subscription_manage" } },
  { name = "flow_subscription_id", type = "string", format = "id" },
  { name = "flow_after_completion_url", type = "string", format = "url" },
})

---@class lomi.CustomerPortalAudit
local CustomerPortalAudit = dto.new("customers:portal_audit", {
  { name = "eventType", type = "string" },
  { name = "page", type = "integer", least = 1 }, -- (1)
  { name = "pageSize", type = "integer", least = 1 }, -- (50)
})

---@class lomi.Customer: lomi.Record, lomi.CustomerFields
---@field customer_id string
---@field name? string

---@class lomi.BlockedCustomer
---@field customer_id? string
---@field blocked? boolean
---@field entries? { kind: string, value: string }[]  phones, emails and card fingerprints

--- A link to the customer's own page, good once.
---@class lomi.PortalLink
---@field customer_id? string
---@field organization_id? string
---@field launch_token? string  a secret
---@field launch_url? string  send the customer there; a secret
---@field expires_in_seconds? integer
---@field flow_type? string
---@field flow_subscription_id? string
---@field return_url? string
---@field flow_after_completion_url? string

--- The people and businesses who pay.
---@class lomi.Customers

---@type table<string, lomi.contract.Operation>
return {
  -- Creates a customer. Gives lomi.Customer.
  create = { method = "POST", path = "/customers", params = CreateCustomer, id = "customer_id" },
  -- One page of customers. Gives lomi.Customer.
  list = { method = "GET", path = "/customers", query = ListCustomers, result = "list" },
  each = { pages_of = "list" },
  -- The customers who spent most: `public_id`, `name`, `total_spend`, `transaction_count`, …
  top = { method = "GET", path = "/customers/top", query = TopCustomers, result = "list" },
  -- Looks a customer up. Gives lomi.Customer.
  get = { method = "GET", path = "/customers/{id}", id = "customer_id" },
  -- Changes a customer. Sent once, unless `opts.idempotency_key` is given. Gives lomi.Customer.
  update = { method = "PATCH", path = "/customers/{id}", params = UpdateCustomer, id = "customer_id" },
  -- Takes a customer out of lists and reads. Sent once, unless `opts.idempotency_key` is given.
  delete = { method = "DELETE", path = "/customers/{id}", result = "body", may_be_empty = true },
  -- The transactions of a customer. Gives lomi.TransactionRecord.
  transactions = { method = "GET", path = "/customers/{id}/transactions", result = "list" },
  -- The subscriptions of a customer. Gives lomi.Subscription.
  subscriptions = { method = "GET", path = "/customers/{id}/subscriptions", result = "list" },
  -- Blocks a customer's phone, email and cards. Gives lomi.BlockedCustomer.
  block = { method = "POST", path = "/customers/{id}/block" },
  -- Ends a block. Gives lomi.BlockedCustomer.
  unblock = { method = "POST", path = "/customers/{id}/unblock" },
  -- Makes a link to the customer's own page. Gives lomi.PortalLink.
  portal = { method = "POST", path = "/customers/{id}/portal", params = CustomerPortal },
  -- The events of the customer's own page: `events`, `pagination`.
  portal_audit = { method = "GET", path = "/customers/{id}/portal-audit", query = CustomerPortalAudit,
    result = "body" },
}
