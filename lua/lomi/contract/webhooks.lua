-- SPDX-License-Identifier: MIT
--- Webhook endpoints: where the service sends events, and what it sent.

local dto = require "lomi.contract.dto"

---@class lomi.CreateWebhook
local CreateWebhook = dto.new("webhooks:create", {
  -- https; a sandbox also takes http on a loopback host
  { name = "url", type = "string", required = true, format = "endpoint" },
  { name = "events", type = "list", required = true, items = "string", least = 1 }, -- such as `PAYMENT_SUCCEEDED`
  { name = "description", type = "string" },
  { name = "metadata", type = "object" },
})

--- Only what changes.
---@class lomi.UpdateWebhook
local UpdateWebhook = dto.new("webhooks:update", {
  { name = "url", type = "string", format = "endpoint" }, -- https; a sandbox also takes http on a loopback host
  { name = "is_active", type = "boolean" },
  { name = "authorized_events", type = "list", items = "string" },
  { name = "metadata", type = "object" },
})

---@class lomi.ListWebhookDeliveries
local ListWebhookDeliveries = dto.new("webhooks:deliveries", {
  { name = "webhookId", type = "string", required = true, filled = true },
  { name = "successOnly", type = "boolean" }, -- (false)
  { name = "failedOnly", type = "boolean" }, -- (false)
  { name = "limit", type = "integer", least = 1 }, -- (25)
  { name = "offset", type = "integer", least = 0 }, -- (0)
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

---@type table<string, lomi.contract.Operation>
return {
  -- Registers an endpoint. The reply holds its secret: the only time it is shown. Gives lomi.WebhookEndpoint.
  create = { method = "POST", path = "/webhooks", params = CreateWebhook },
  -- All endpoints. Gives lomi.WebhookEndpoint.
  list = { method = "GET", path = "/webhooks", result = "list" },
  -- Looks an endpoint up. Gives lomi.WebhookEndpoint.
  get = { method = "GET", path = "/webhooks/{id}" },
  -- Changes an endpoint. Sent once, unless `opts.idempotency_key` is given. Gives lomi.WebhookEndpoint.
  update = { method = "PATCH", path = "/webhooks/{id}", params = UpdateWebhook },
  -- Removes an endpoint. Sent once, unless `opts.idempotency_key` is given.
  delete = { method = "DELETE", path = "/webhooks/{id}", result = "body", may_be_empty = true },
  -- Sends a test event to an endpoint; an endpoint that does not answer 2xx is an error.
  test = { method = "POST", path = "/webhooks/{id}/test", result = "body" },
  -- One page of the attempts to deliver to an endpoint. Gives lomi.WebhookDelivery.
  deliveries = { method = "GET", path = "/webhooks/deliveries", query = ListWebhookDeliveries, result = "list",
    pages = "offset" },
  each_deliveries = { pages_of = "deliveries" },
  -- Looks an attempt to deliver up. Gives lomi.WebhookDelivery.
  get_delivery = { method = "GET", path = "/webhooks/deliveries/{id}" },
  -- Delivers an event again.
  retry = { method = "POST", path = "/webhooks/{id}/deliveries/{delivery_id}/retry", result = "body" },
}
