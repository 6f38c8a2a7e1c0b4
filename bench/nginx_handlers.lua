-- SPDX-License-Identifier: MIT
-- The handler of bench/nginx.lua: reads an order, charges for it, answers with what the payer's page needs. Its charge
-- is made by our client, or by plain cosockets with the least work that sends the same bytes.
local cjson = require "cjson"
local lomi = require "lomi"

local M = {}

local KEY = "lomi_sk_test_bench"

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
  client = client or lomi.new { api_key = KEY, base_url = "http://127.0.0.1:" .. port }
  local charge, err = client.charges:create_card_charge(params_of(order), { idempotency_key = order.id })
  if not charge then ngx.log(ngx.ERR, tostring(err)) end
  return charge
end

function M.lomi(port) handle(by_lomi, port) end

-- ---- plain cosockets -------------------------------------------------------------------------------

local head -- of a request, but for what is different in each: the key and the length

-- The headers that our client sends.
local function make_head(port)
  local headers
  local spy = { now = ngx.now, sleep = ngx.sleep, send = function(_, request)
    headers = request.headers
    return nil, "only looking"
  end }
  lomi.new { api_key = KEY, transport = spy, max_retries = 0 }.charges:create_card_charge(params_of {
    amount = 1, email = "a@b.c", name = "A" })
  local lines = { "POST /charge/card HTTP/1.1", "Host: 127.0.0.1:" .. port }
  for name, value in pairs(headers) do
    if name ~= "Idempotency-Key" then lines[#lines + 1] = name .. ": " .. value end
  end
  return table.concat(lines, "\r\n") .. "\r\nIdempotency-Key: "
end

local function read_reply(socket)
  if socket:receive("*l") ~= "HTTP/1.1 201 Created" then return nil end
  local length
  repeat
    local line, err = socket:receive("*l")
    if not line then
      ngx.log(ngx.ERR, err)
      return nil
    end
    length = line:match("^Content%-Length: (%d+)") or length
  until line == ""
  return (socket:receive(tonumber(length)))
end

local function by_cosockets(order, port)
  head = head or make_head(port)
  local body = cjson.encode(params_of(order))
  local socket = ngx.socket.tcp()
  socket:settimeouts(10000, 30000, 30000)
  if not socket:connect("127.0.0.1", port) then return nil end
  if not socket:send { head, order.id, "\r\nContent-Length: ", #body, "\r\n\r\n", body } then return nil end
  local reply = read_reply(socket)
  if not reply then return nil end
  socket:setkeepalive()
  return cjson.decode(reply).data
end

function M.cosockets(port) handle(by_cosockets, port) end

return M
