-- SPDX-License-Identifier: MIT
-- The handlers of the shop.
local cjson = require "cjson.safe"
local lomi = require "lomi"

local M = {}

-- Prices are the shop's, never the browser's.
local PRICES, CURRENCY = { tea = 2500, kettle = 18000 }, "XOF"

local SECRET = assert(os.getenv "LOMI_WEBHOOK_SECRET", "LOMI_WEBHOOK_SECRET is not set")

local client = lomi.new { base_url = os.getenv "LOMI_BASE_URL" } -- one for the worker

local function body_of_request()
  ngx.req.read_body()
  local body, path = ngx.req.get_body_data(), ngx.req.get_body_file()
  if body or not path then return body or "" end
  local file = assert(io.open(path, "rb")) -- a large body: nginx keeps it in a file
  body = file:read("*a")
  file:close()
  return body
end

local function answer(status, fields)
  ngx.status = status
  ngx.header["Content-Type"] = "application/json"
  ngx.print(cjson.encode(fields))
  return ngx.exit(status)
end

--- POST /charge { "order": "ORD-1", "item": "tea", "email": …, "name": … } → what the payer's page needs.
function M.charge()
  local order = cjson.decode(body_of_request())
  local price = type(order) == "table" and type(order.order) == "string" and PRICES[order.item]
  if not price then return answer(400, { message = "which order, and of what?" }) end

  -- A shop with a database keeps the order there. The order is the idempotency key: a payer who clicks twice, or a page
  -- that retries, gets the same charge.
  local added, reason = ngx.shared.orders:safe_add(order.order, price) -- the first request decides what is bought
  if not added and reason ~= "exists" then return answer(503, { message = "please try again" }) end
  if ngx.shared.orders:get(order.order) ~= price then
    return answer(409, { message = "this order is for something else" })
  end
  local charge, err = client.charges:create_card_charge({
    amount = price, currency_code = CURRENCY, customer_email = order.email, customer_name = order.name,
    metadata = { order_id = order.order },
  }, { idempotency_key = order.order })
  if charge then return answer(201, { client_secret = charge.client_secret }) end

  ngx.log(ngx.ERR, tostring(err)) -- one line without secrets
  if err.kind == "invalid_request" then return answer(422, { message = err.message }) end
  -- Not "nothing was charged": an earlier request for this order may have been. Its key makes a retry safe.
  return answer(503, { message = "the payment could not be started; please try again" })
end

-- The order is found by the metadata that went with its charge; only its own amount and currency pay for it.
local function settle(payment)
  local id = payment.metadata and payment.metadata.order_id
  local price = type(id) == "string" and ngx.shared.orders:get(id)
  if payment.status == "completed" and payment.amount == price and payment.currency_code == CURRENCY then
    ngx.log(ngx.NOTICE, "paid: order ", id)
  else
    ngx.log(ngx.ERR, "a payment that pays for no order: transaction ", payment.transaction_id)
  end
end

--- POST /webhook, from lomi.
function M.webhook()
  local event, err = lomi.webhook.construct_event(body_of_request(), ngx.req.get_headers(), SECRET)
  if not event then
    ngx.log(ngx.WARN, tostring(err))
    return ngx.exit(400)
  end
  -- Duplicates are normal. A shop with a database remembers the id there, in the transaction that marks the order paid.
  local fresh, full = ngx.shared.events:add(event.id, true, 24 * 3600)
  if not fresh and full ~= "exists" then return ngx.exit(500) end -- full: lomi. delivers it again
  if fresh and event.event == "PAYMENT_SUCCEEDED" then settle(event.data) end
  return ngx.exit(204)
end

return M
