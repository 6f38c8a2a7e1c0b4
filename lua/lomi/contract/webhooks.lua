-- SPDX-License-Identifier: MIT
--- Webhook endpoints: where the service sends events, and what it sent.

local dto = require "lomi.contract.dto"

---@class lomi.CreateWebhook
---@field url string  https; a sandbox also takes http on a loopback host
---@field events string[]  such as `PAYMENT_SUCCEEDED`
---@field description? string
---@field metadata? table<string, any>
local CreateWebhook = dto.new("webhooks:create", {
  { name = "url", type = "string", required = true, format = "endpoint" },
  { name = "events", type = "list", required = true, items = "string", least = 1 },
  { name = "description", type = "string" },
  { name = "metadata", type = "object" },
})

--- Only what changes.
---@class lomi.UpdateWebhook
---@field url? string  https; a sandbox also takes http on a loopback host
---@field is_active? boolean
---@field authorized_events? string[]
---@field metadata? table<string, any>
local UpdateWebhook = dto.new("webhooks:update", {
  { name = "url", type = "string", format = "endpoint" },
  { name = "is_active", type = "boolean" },
  { name = "authorized_events", type = "list", items = "string" },
  { name = "metadata", type = "object" },
})

---@class lomi.ListWebhookDeliveries
---@field webhookId string
---@field successOnly? boolean  (false)
---@field failedOnly? boolean  (false)
---@field limit? integer  (25)
---@field offset? integer  (0)
local ListWebhookDeliveries = dto.new("webhooks:deliveries", {
  { name = "webhookId", type = "string", required = true, filled = true },
  { name = "successOnly", type = "boolean" },
  { name = "failedOnly", type = "boolean" },
  { name = "limit", type = "integer", least = 1 },
  { name = "offset", type = "integer", least = 0 },
})

--- A webhook endpoint.
---@class lomi.WebhookEndpoint: lomi.Record
---@field webhook_id? string
---@field url? string
---@field authorized_events? string[]  what is sent there
---@field is_active? boolean
---@field secret? string  `whsec_…`, given by `create` alone, and only once
---@field metadata? table<string, any>
---@field last_triggered_at? string
---@field last_response_status? integer
---@field last_response_body? string
---@field last_payload? table
---@field retry_count? integer
---@field supports_spi? boolean
---@field spi_event_types? any
---@field created_by? string
---@field deleted_at? string

--- One attempt to deliver an event.
---@class lomi.WebhookDelivery
---@field log_id? string
---@field webhook_id? string
---@field organization_id? string
---@field event_type? string
---@field payload? table  as it was signed
---@field response_status? integer
---@field response_body? string
---@field attempt_number? integer
---@field success? boolean
---@field ip_address? string
---@field user_agent? string
---@field headers? table
---@field request_duration_ms? number
---@field created_at? string  ISO 8601
---@field spi_tx_id? string  π-SPI only, as are the next ones
---@field compte_payeur? string
---@field compte_paye? string
---@field amount? integer  centimes
---@field spi_event_code? string

--- Endpoints, managed from a program. `lomi.webhook` verifies what they receive.
---@class lomi.WebhookEndpoints
--- Registers an endpoint. The reply holds its secret: the only time it is shown.
---@field create fun(self, params: lomi.CreateWebhook, opts?: lomi.CallOptions): lomi.WebhookEndpoint?, lomi.Error?, lomi.Reply?
--- All endpoints.
---@field list fun(self, opts?: lomi.CallOptions): lomi.Page<lomi.WebhookEndpoint>?, lomi.Error?, lomi.Reply?
--- Looks an endpoint up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.WebhookEndpoint?, lomi.Error?, lomi.Reply?
--- Changes an endpoint. Sent once, unless `opts.idempotency_key` is given.
---@field update fun(self, id: string, params: lomi.UpdateWebhook, opts?: lomi.CallOptions): lomi.WebhookEndpoint?, lomi.Error?, lomi.Reply?
--- Removes an endpoint. Sent once, unless `opts.idempotency_key` is given.
---@field delete fun(self, id: string, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?
--- Sends a test event to an endpoint; an endpoint that does not answer 2xx is an error.
---@field test fun(self, id: string, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?
--- One page of the attempts to deliver to an endpoint.
---@field deliveries fun(self, query: lomi.ListWebhookDeliveries, opts?: lomi.CallOptions): lomi.Page<lomi.WebhookDelivery>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each_deliveries fun(self, query: lomi.ListWebhookDeliveries, opts?: lomi.CallOptions): fun(): lomi.WebhookDelivery|false|nil, lomi.Error?
--- Looks an attempt to deliver up.
---@field get_delivery fun(self, id: string, opts?: lomi.CallOptions): lomi.WebhookDelivery?, lomi.Error?, lomi.Reply?
--- Delivers an event again.
---@field retry fun(self, id: string, delivery_id: string, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?

---@type table<string, lomi.contract.Operation>
return {
  create = { method = "POST", path = "/webhooks", params = CreateWebhook },
  list = { method = "GET", path = "/webhooks", result = "list" },
  get = { method = "GET", path = "/webhooks/{id}" },
  update = { method = "PATCH", path = "/webhooks/{id}", params = UpdateWebhook },
  delete = { method = "DELETE", path = "/webhooks/{id}", result = "body" },
  test = { method = "POST", path = "/webhooks/{id}/test", result = "body" },
  deliveries = { method = "GET", path = "/webhooks/deliveries", query = ListWebhookDeliveries, result = "list",
    pages = "offset" },
  each_deliveries = { pages_of = "deliveries" },
  get_delivery = { method = "GET", path = "/webhooks/deliveries/{id}" },
  retry = { method = "POST", path = "/webhooks/{id}/deliveries/{delivery_id}/retry", result = "body" },
}
