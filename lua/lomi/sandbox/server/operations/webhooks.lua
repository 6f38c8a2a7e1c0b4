-- SPDX-License-Identifier: MIT
--- Webhook endpoints that are managed by the API, and what was delivered to them. Deliveries go to this machine only;
--- an endpoint elsewhere is kept, and gets none.

local ascii = require "lomi.ascii"
local answer = require "lomi.sandbox.server.answer"
local endpoints = require "lomi.sandbox.server.endpoints"
local json = require "lomi.sandbox.server.json"
local records = require "lomi.sandbox.server.operations.records"
local views = require "lomi.sandbox.server.views"

local PAGE, LARGEST_PAGE = 25, 100 -- of the attempts to deliver
local MOST_RESPONSE = 500 -- bytes shown of what an endpoint answered
local PATIENCE = 5 -- seconds a test or a retry waits for the endpoint
local MOMENT = 5 / 1000 -- seconds between two looks

local refuse = answer.refuse

-- The service takes https to a public host. Here an endpoint on this machine is what tests have.
local function check_url(url, api, call)
  if url:find("^[^/]*//[^/?#]*@") then return refuse "url must have no user info" end
  if endpoints.is_local(url) then
    if api.options.strict then return refuse "url must not be local or private" end
    call.warn("live refuses a local url")
  elseif not ascii.lower(url):find("^https://") then
    return refuse "url must be https; http is for an endpoint on this machine"
  elseif endpoints.is_private(url) then
    return refuse "url must not lead to a private or link-local address"
  end
  return true
end

local function create(api, call, params)
  local events = params.events or params.authorized_events
  if not events then return refuse "events is missing; it must be a list of strings, not empty" end
  local ok, refusal = check_url(params.url, api, call)
  if not ok then return nil, refusal end
  local merchant = api.merchant
  local item = merchant:keep("webhooks", call.scope, "webhook_id", "we_", {
    url = params.url, authorized_events = events, is_active = true, description = params.description,
    metadata = params.metadata, retry_count = 0, supports_spi = false,
  }, #call.body)
  item.endpoint = { url = params.url, secret = "whsec_" .. merchant.random(), webhook = item }
  return answer.ok(201, { data = records.view(merchant, item), secret = item.endpoint.secret })
end

local function update(api, call, params, item)
  if params.url then
    local ok, refusal = check_url(params.url, api, call)
    if not ok then return nil, refusal end
    item.endpoint = { url = params.url, secret = item.endpoint.secret, webhook = item }
  end
  return records.update(api, call, params, item)
end

local function delete(api, _, _, item)
  api.merchant.stores.webhooks:remove(item)
  return answer.ok(200, { deleted = true })
end

local function went_well(try)
  return try.status ~= nil and try.status >= 200 and try.status < 300
end

-- Delivers once to an endpoint and waits for the answer, without holding up anybody.
---@return table? try
---@return lomi.sandbox.Refusal?
local function deliver(api, item, event, body, timestamp, id)
  local endpoint = { url = item.data.url, secret = item.endpoint.secret, webhook = item, attempts = 1 }
  local delivery = api.deliveries:add(endpoint, event, body, timestamp, id, api.clock())
  local waited = 0
  while not (delivery.tries[1] and (delivery.tries[1].status or delivery.tries[1].error)) and waited < PATIENCE do
    coroutine.yield(MOMENT)
    waited = waited + MOMENT
  end
  local try = delivery.tries[1] or {}
  if went_well(try) then return try end
  return refuse(("The endpoint did not answer 2xx: %s"):format(try.status or try.error or "no answer yet"))
end

local function test(api, _, _, item)
  if not endpoints.is_local(item.data.url) then return refuse "The sandbox delivers to this machine only" end
  local now, id = api.clock(), "evt_test_" .. api.merchant.uuid()
  local body = json.encode { id = id, type = "test.webhook", created = math.floor(now), livemode = false,
    webhook_id = item.data.webhook_id, data = { object = { test = true, amount = 1000, currency = "XOF" } } }
  local try, refusal = deliver(api, item, "test.webhook", body, views.timestamp(now), id)
  if not try then return nil, refusal end
  return answer.ok(200, { success = true, status = try.status, response = "", delivered_url = item.data.url,
    log_id = try.log_id })
end

-- Every attempt has a log; newest first.
local function logs(api, item)
  local list, found = api.deliveries.list, {}
  for serial = list.last, list.first, -1 do
    local delivery = list:get(serial)
    if delivery and delivery.endpoint.webhook == item then
      for i = #delivery.tries, 1, -1 do found[#found + 1] = { delivery, delivery.tries[i], i } end
    end
  end
  return found
end

local function log_view(log)
  local delivery, try, number = log[1], log[2], log[3]
  local webhook = delivery.endpoint.webhook.data
  return {
    log_id = try.log_id, webhook_id = webhook.webhook_id, organization_id = webhook.organization_id,
    event_type = delivery.event, payload = json.decode(delivery.body) or json.null,
    response_status = try.status or json.null,
    response_body = try.error and try.error:sub(1, MOST_RESPONSE) or json.null, attempt_number = number,
    success = went_well(try), ip_address = json.null, user_agent = "lomi.-Webhook/1.0", headers = json.null,
    request_duration_ms = json.null, created_at = try.time,
  }
end

local FLAGS = { ["true"] = true, ["false"] = false }

local function deliveries(api, call)
  local asked = call.query_fields
  if not asked.webhookId then return refuse "webhookId is missing" end
  local item, refusal = api.merchant:find("webhooks", call.scope, asked.webhookId)
  if not item then return nil, refusal end
  local limit, offset = tonumber(asked.limit or PAGE), tonumber(asked.offset or 0)
  if not limit or limit % 1 ~= 0 or limit < 1 or limit > LARGEST_PAGE
    or not offset or offset < 0 or offset % 1 ~= 0 then
    return refuse "limit must be from 1 to 100, offset a whole number, 0 or more"
  end
  local items, seen = {}, 0
  for _, log in ipairs(logs(api, item)) do
    local good = went_well(log[2])
    if not (FLAGS[asked.successOnly] and not good or FLAGS[asked.failedOnly] and good) then
      seen = seen + 1
      if seen > offset and #items < limit then items[#items + 1] = json.encode_item(log_view(log)) end
    end
  end
  if offset > seen then return refuse(("offset is %.0f, beyond the end of this list (%d)"):format(offset, seen)) end
  return { status = 200, body = "[" .. table.concat(items, ",") .. "]" }
end

local function find_log(api, call, id, webhook)
  for item in api.merchant.stores.webhooks:each(call.scope) do
    for _, log in ipairs((not webhook or item == webhook) and logs(api, item) or {}) do
      if log[2].log_id == ascii.lower(id) then return log end
    end
  end
  return answer.not_found("delivery", id)
end

local function get_delivery(api, call)
  local log, refusal = find_log(api, call, call.id)
  if not log then return nil, refusal end
  return answer.ok(200, log_view(log))
end

-- The same body and id again, so the same signature.
local function retry(api, call, _, item)
  local log, refusal = find_log(api, call, call.second_id, item)
  if not log then return nil, refusal end
  local old = log[1]
  if old.event == "test.webhook" then return refuse "A test event cannot be delivered again" end
  if not item.data.is_active then return refuse "The endpoint is not active" end
  local try
  try, refusal = deliver(api, item, old.event, old.body, old.timestamp, old.id)
  if not try then return nil, refusal end
  return answer.ok(200, { delivered = true, response_status = try.status, event_id = old.id })
end

---@type lomi.sandbox.Operation[]
return {
  { "POST", "/webhooks", body = "webhook", work = create },
  { "GET", "/webhooks", work = records.all "webhooks" },
  { "GET", "/webhooks/deliveries", work = deliveries },
  { "GET", "/webhooks/deliveries/{id}", work = get_delivery },
  { "GET", "/webhooks/{id}", on = "webhooks", work = records.get },
  { "PATCH", "/webhooks/{id}", on = "webhooks", body = "webhook_update", work = update },
  { "DELETE", "/webhooks/{id}", on = "webhooks", work = delete },
  { "POST", "/webhooks/{id}/test", on = "webhooks", work = test },
  { "POST", "/webhooks/{id}/deliveries/{id}/retry", on = "webhooks", work = retry },
}
