-- SPDX-License-Identifier: MIT
--- Webhook endpoints that are managed by the API: which events they get, and what was delivered to them. Deliveries go
--- to this machine only; an endpoint elsewhere is kept, and gets none.

local ascii = require "lomi.ascii"
local answer = require "lomi.sandbox.server.answer"
local bodies = require "lomi.sandbox.server.bodies"
local json = require "lomi.sandbox.server.json"
local views = require "lomi.sandbox.server.views"

local M = {}

local FIELDS = [[metadata last_triggered_at last_response_status last_response_body last_payload spi_event_types
  created_by deleted_at]]
local LOGS = { limit = 25, most = 100 }
local MOST_RESPONSE = 500 -- bytes shown of what an endpoint answered
local PATIENCE = 5 -- seconds a test or a retry waits for the endpoint
local MOMENT = 5 / 1000 -- seconds between two looks

local refuse = answer.refuse

local function is_local(url)
  local host = ascii.lower(url):match("^https?://([^/?#]+)") or ""
  host = host:gsub(":%d+$", "")
  return host == "localhost" or host == "[::1]" or host:find("^127%.%d+%.%d+%.%d+$") ~= nil
end

-- The service takes https to a public host. Here an endpoint on this machine is what tests have.
local function check_url(url, service, call)
  if url:find("^[^/]*//[^/?#]*@") then return refuse "url must have no user info" end
  if is_local(url) then
    if service.options.strict then return refuse "url must not be local or private" end
    call.warn("live refuses a local url")
  elseif not ascii.lower(url):find("^https://") then
    return refuse "url must be https; http is for an endpoint on this machine"
  end
  return true
end

local function view(item)
  local data = {}
  for name, value in pairs(item.data) do data[name] = value end
  for name in FIELDS:gmatch("[^ \n]+") do
    if data[name] == nil then data[name] = json.null end
  end
  data.id, data.events, data.active = data.webhook_id, data.authorized_events, data.is_active
  return data
end

function M.create(service, call)
  local params, fault = bodies.check("webhook", call.params, call.warn)
  if not params then return nil, fault end
  local events = params.events or params.authorized_events
  if not events then return refuse "events is missing; it must be a list of strings, not empty" end
  local ok
  ok, fault = check_url(params.url, service, call)
  if not ok then return nil, fault end
  local merchant = service.merchant
  local item = merchant:keep("webhooks", call.scope, "webhook_id", "we_", {
    url = params.url, authorized_events = events, is_active = true, description = params.description,
    metadata = params.metadata, retry_count = 0, supports_spi = false,
  }, #call.body)
  item.endpoint = { url = params.url, secret = "whsec_" .. merchant.random(), webhook = item }
  return answer.ok(201, { data = view(item), secret = item.endpoint.secret })
end

function M.list(service, call)
  return service.merchant.stores.webhooks:all(call.scope, view)
end

function M.get(service, call)
  local item, fault = service.merchant:find("webhooks", call.scope, call.id)
  if not item then return nil, fault end
  return answer.ok(200, view(item))
end

function M.update(service, call)
  local item, fault = service.merchant:find("webhooks", call.scope, call.id)
  if not item then return nil, fault end
  local params
  params, fault = bodies.check("webhook_update", call.params, call.warn)
  if not params then return nil, fault end
  if params.url then
    local ok
    ok, fault = check_url(params.url, service, call)
    if not ok then return nil, fault end
    item.endpoint = { url = params.url, secret = item.endpoint.secret, webhook = item }
  end
  return answer.ok(200, view(service.merchant:change(item, params)))
end

function M.delete(service, call)
  local item, fault = service.merchant:find("webhooks", call.scope, call.id)
  if not item then return nil, fault end
  service.merchant.stores.webhooks:remove(item)
  return answer.ok(200, { deleted = true })
end

--- The endpoints of an organization that get an event.
function M.of_event(merchant, scope, event)
  local list = {}
  for item in merchant.stores.webhooks:each(scope) do
    local wanted = false
    for _, name in ipairs(item.data.authorized_events) do wanted = wanted or name == event end
    if wanted and item.data.is_active and is_local(item.data.url) then table.insert(list, 1, item.endpoint) end
  end
  return list
end

-- Waits for the first attempt of a delivery, without holding up anybody.
local function first_attempt(delivery)
  local waited = 0
  while not (delivery.tries[1] and (delivery.tries[1].status or delivery.tries[1].error)) and waited < PATIENCE do
    coroutine.yield(MOMENT)
    waited = waited + MOMENT
  end
  return delivery.tries[1] or {}
end

local function went_well(try)
  return try.status ~= nil and try.status >= 200 and try.status < 300
end

function M.test(service, call)
  local item, fault = service.merchant:find("webhooks", call.scope, call.id)
  if not item then return nil, fault end
  if not is_local(item.data.url) then return refuse "The sandbox delivers to this machine only" end
  local merchant, now = service.merchant, service.clock()
  local id = "evt_test_" .. merchant.uuid()
  local body = json.encode { id = id, type = "test.webhook", created = math.floor(now), livemode = false,
    webhook_id = item.data.webhook_id, data = { object = { test = true, amount = 1000, currency = "XOF" } } }
  local endpoint = { url = item.data.url, secret = item.endpoint.secret, webhook = item, attempts = 1 }
  local delivery = service.deliveries:add(endpoint, "test.webhook", body, views.timestamp(now), id, now)
  local try = first_attempt(delivery)
  if not went_well(try) then
    return refuse(("The endpoint did not answer 2xx: %s"):format(try.status or try.error or "no answer yet"))
  end
  return answer.ok(200, { success = true, status = try.status, response = "", delivered_url = item.data.url,
    log_id = try.log_id })
end

-- Every attempt has a log; newest first.
local function logs(service, item)
  local list, found = service.deliveries.list, {}
  local serial = list.last
  while serial >= list.first do
    local delivery = list:get(serial)
    if delivery and delivery.endpoint.webhook == item then
      for i = #delivery.tries, 1, -1 do found[#found + 1] = { delivery, delivery.tries[i], i } end
    end
    serial = serial - 1
  end
  return found
end

local function log_view(log)
  local delivery, try, number = log[1], log[2], log[3]
  return {
    log_id = try.log_id, webhook_id = delivery.endpoint.webhook.data.webhook_id,
    organization_id = delivery.endpoint.webhook.data.organization_id, event_type = delivery.event,
    payload = json.decode(delivery.body) or json.null, response_status = try.status or json.null,
    response_body = try.error and try.error:sub(1, MOST_RESPONSE) or json.null, attempt_number = number,
    success = went_well(try), ip_address = json.null, user_agent = "lomi.-Webhook/1.0", headers = json.null,
    request_duration_ms = json.null, created_at = try.time,
  }
end

local FLAGS = { ["true"] = true, ["false"] = false }

function M.deliveries(service, call)
  local asked = call.query_fields
  if not asked.webhookId then return refuse "webhookId is missing" end
  local item, fault = service.merchant:find("webhooks", call.scope, asked.webhookId)
  if not item then return nil, fault end
  local limit, offset = tonumber(asked.limit or LOGS.limit), tonumber(asked.offset or 0)
  if not limit or limit % 1 ~= 0 or limit < 1 or limit > LOGS.most or not offset or offset < 0 or offset % 1 ~= 0 then
    return refuse "limit must be from 1 to 100, offset a whole number, 0 or more"
  end
  local items, seen = {}, 0
  for _, log in ipairs(logs(service, item)) do
    local good = went_well(log[2])
    if not (FLAGS[asked.successOnly] and not good or FLAGS[asked.failedOnly] and good) then
      seen = seen + 1
      if seen > offset and #items < limit then items[#items + 1] = json.encode(log_view(log)) end
    end
  end
  if offset > seen then return refuse(("offset is %.0f, beyond the end of this list (%d)"):format(offset, seen)) end
  return { status = 200, body = "[" .. table.concat(items, ",") .. "]" }
end

local function find_log(service, call, id, webhook)
  for item in service.merchant.stores.webhooks:each(call.scope) do
    if not webhook or item == webhook then
      for _, log in ipairs(logs(service, item)) do
        if log[2].log_id == ascii.lower(id) then return log, item end
      end
    end
  end
  return nil, { status = 404, message = "No delivery of this organization has the id " .. id:sub(1, 80) }
end

function M.get_delivery(service, call)
  local log, fault = find_log(service, call, call.id)
  if not log then return nil, fault end
  return answer.ok(200, log_view(log))
end

--- The same body and id again, so the same signature.
function M.retry(service, call)
  local item, fault = service.merchant:find("webhooks", call.scope, call.id)
  if not item then return nil, fault end
  local log
  log, fault = find_log(service, call, call.second_id, item)
  if not log then return nil, fault end
  local old = log[1]
  if old.event == "test.webhook" then return refuse "A test event cannot be delivered again" end
  if not item.data.is_active then return refuse "The endpoint is not active" end
  local endpoint = { url = item.data.url, secret = item.endpoint.secret, webhook = item, attempts = 1 }
  local delivery = service.deliveries:add(endpoint, old.event, old.body, old.timestamp, old.id, service.clock())
  local try = first_attempt(delivery)
  if not went_well(try) then
    return refuse(("The endpoint did not answer 2xx: %s"):format(try.status or try.error or "no answer yet"))
  end
  return answer.ok(200, { delivered = true, response_status = try.status, event_id = old.id })
end

return M
