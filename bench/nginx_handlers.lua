-- SPDX-License-Identifier: MIT
-- The handler of bench/nginx.lua: reads an order, charges for it, answers with what the payer's page needs. Its charge
-- is made by our client, or by plain cosockets with the least work that sends the same bytes.
local by_hand = require "bench.by_hand"
local cjson = require "cjson"
local lomi = require "lomi"
local ours = require "bench.order"

local M = {}

local function handle(charge_for, port)
  ngx.req.read_body()
  local charge = charge_for(cjson.decode(ngx.req.get_body_data()), port)
  if not charge then return ngx.exit(502) end
  ngx.print(cjson.encode { client_secret = charge.client_secret })
end

local function params_of(order)
  return {
    amount = order.amount, currency_code = "XOF", customer_email = order.email, customer_name = order.name,
    metadata = { order_id = order.id },
  }
end

-- ---- lomi ----------------------------------------------------------------------------------------

local client

local function by_lomi(order, port)
  client = client or lomi.new { api_key = ours.KEY, base_url = "http://127.0.0.1:" .. port }
  local charge, err = client.charges:create_card_charge(params_of(order), { idempotency_key = order.id })
  if not charge then ngx.log(ngx.ERR, tostring(err)) end
  return charge
end

function M.lomi(port) handle(by_lomi, port) end

-- ---- plain cosockets -------------------------------------------------------------------------------

local head

local function by_cosockets(order, port)
  head = head or by_hand.head("127.0.0.1", port, "/charge/card", ours.headers())
  local body = cjson.encode(params_of(order))
  local socket = ngx.socket.tcp()
  socket:settimeouts(10000, 30000, 30000)
  if not socket:connect("127.0.0.1", port) then return nil end
  if not socket:send { head, "Idempotency-Key: ", order.id, "\r\nContent-Length: ", #body, "\r\n\r\n", body } then
    return nil
  end
  local charge, err = by_hand.read_reply(socket)
  if not charge then
    ngx.log(ngx.ERR, err)
    return nil
  end
  socket:setkeepalive()
  return charge
end

function M.cosockets(port) handle(by_cosockets, port) end

return M
