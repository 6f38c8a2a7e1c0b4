-- SPDX-License-Identifier: MIT
--- Customers: who pays.

local dto = require "lomi.contract.dto"

---@class lomi.CustomerFields
---@field email? string
---@field phone_number? string
---@field whatsapp_number? string
---@field country? string
---@field city? string
---@field address? string
---@field postal_code? string
---@field is_business? boolean
---@field metadata? table<string, any>  no list at the top
local CUSTOMER_FIELDS = {
  { name = "email", type = "string", format = "email" },
  dto.plain("string", "phone_number", "whatsapp_number", "country", "city", "address", "postal_code"),
  { name = "is_business", type = "boolean" },
  { name = "metadata", type = "object" },
}

---@class lomi.CreateCustomer: lomi.CustomerFields
---@field name string
local CreateCustomer = dto.new("customers:create", {
  { name = "name", type = "string", required = true, filled = true },
  CUSTOMER_FIELDS,
})

--- Only what changes.
---@class lomi.UpdateCustomer: lomi.CustomerFields
---@field name? string
local UpdateCustomer = dto.new("customers:update", {
  { name = "name", type = "string", filled = true },
  CUSTOMER_FIELDS,
})

---@class lomi.ListCustomers: lomi.PageQuery
---@field search? string  in names and emails
---@field type? "business"|"individual"|"all"
---@field status? "active"|"inactive"|"all"  with or without a transaction
local ListCustomers = dto.page_query("customers:list", {
  { name = "search", type = "string" },
  { name = "type", type = "string", enum = { "business", "individual", "all" } },
  { name = "status", type = "string", enum = { "active", "inactive", "all" } },
})

---@class lomi.TopCustomers
---@field limit? integer
local TopCustomers = dto.new("customers:top", { { name = "limit", type = "integer", least = 1, most = 50 } })

---@class lomi.CustomerPortal
---@field return_url? string
---@field flow_type? "portal_home"|"subscription_cancel"|"subscription_manage"
---@field flow_subscription_id? string
---@field flow_after_completion_url? string
local CustomerPortal = dto.new("customers:portal", {
  { name = "return_url", type = "string", format = "url" },
  { name = "flow_type", type = "string", enum = { "portal_home", "subscription_cancel", "subscription_manage" } },
  { name = "flow_subscription_id", type = "string", format = "id" },
  { name = "flow_after_completion_url", type = "string", format = "url" },
})

---@class lomi.CustomerPortalAudit
---@field eventType? string
---@field page? integer  (1)
---@field pageSize? integer  (50)
local CustomerPortalAudit = dto.new("customers:portal_audit", {
  { name = "eventType", type = "string" },
  { name = "page", type = "integer", least = 1 },
  { name = "pageSize", type = "integer", least = 1 },
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
--- Creates a customer.
---@field create fun(self, params: lomi.CreateCustomer, opts?: lomi.CallOptions): lomi.Customer?, lomi.Error?, lomi.Reply?
--- One page of customers.
---@field list fun(self, query?: lomi.ListCustomers, opts?: lomi.CallOptions): lomi.Page<lomi.Customer>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each fun(self, query?: lomi.ListCustomers, opts?: lomi.CallOptions): fun(): lomi.Customer|false|nil, lomi.Error?
--- The customers who spent most: `public_id`, `name`, `total_spend`, `transaction_count`, …
---@field top fun(self, query?: lomi.TopCustomers, opts?: lomi.CallOptions): lomi.Page<table>?, lomi.Error?, lomi.Reply?
--- Looks a customer up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.Customer?, lomi.Error?, lomi.Reply?
--- Changes a customer. Sent once, unless `opts.idempotency_key` is given.
---@field update fun(self, id: string, params: lomi.UpdateCustomer, opts?: lomi.CallOptions): lomi.Customer?, lomi.Error?, lomi.Reply?
--- Takes a customer out of lists and reads. Sent once, unless `opts.idempotency_key` is given.
---@field delete fun(self, id: string, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?
--- The transactions of a customer.
---@field transactions fun(self, id: string, opts?: lomi.CallOptions): lomi.Page<lomi.TransactionRecord>?, lomi.Error?, lomi.Reply?
--- The subscriptions of a customer.
---@field subscriptions fun(self, id: string, opts?: lomi.CallOptions): lomi.Page<lomi.Subscription>?, lomi.Error?, lomi.Reply?
--- Blocks a customer's phone, email and cards.
---@field block fun(self, id: string, opts?: lomi.CallOptions): lomi.BlockedCustomer?, lomi.Error?, lomi.Reply?
--- Ends a block.
---@field unblock fun(self, id: string, opts?: lomi.CallOptions): lomi.BlockedCustomer?, lomi.Error?, lomi.Reply?
--- Makes a link to the customer's own page.
---@field portal fun(self, id: string, params?: lomi.CustomerPortal, opts?: lomi.CallOptions): lomi.PortalLink?, lomi.Error?, lomi.Reply?
--- The events of the customer's own page: `events`, `pagination`.
---@field portal_audit fun(self, id: string, query?: lomi.CustomerPortalAudit, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?

---@type table<string, lomi.contract.Operation>
return {
  create = { method = "POST", path = "/customers", params = CreateCustomer, id = "customer_id" },
  list = { method = "GET", path = "/customers", query = ListCustomers, result = "list" },
  each = { pages_of = "list" },
  top = { method = "GET", path = "/customers/top", query = TopCustomers, result = "list" },
  get = { method = "GET", path = "/customers/{id}", id = "customer_id" },
  update = { method = "PATCH", path = "/customers/{id}", params = UpdateCustomer, id = "customer_id" },
  delete = { method = "DELETE", path = "/customers/{id}", result = "body" },
  transactions = { method = "GET", path = "/customers/{id}/transactions", result = "list" },
  subscriptions = { method = "GET", path = "/customers/{id}/subscriptions", result = "list" },
  block = { method = "POST", path = "/customers/{id}/block" },
  unblock = { method = "POST", path = "/customers/{id}/unblock" },
  portal = { method = "POST", path = "/customers/{id}/portal", params = CustomerPortal },
  portal_audit = { method = "GET", path = "/customers/{id}/portal-audit", query = CustomerPortalAudit,
    result = "body" },
}
