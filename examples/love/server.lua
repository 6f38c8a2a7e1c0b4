-- SPDX-License-Identifier: MIT
-- The game server of the LÖVE example: it alone holds lomi.'s secret key, knows the prices, and believes a payment when
-- lomi. says so, never the game. Run as a program it starts a local sandbox beside it:
--
--     luajit examples/love/server.lua          # http://127.0.0.1:4020, until Enter or the end of its input
--
-- The application below runs in one thread, whose tick is `step`: a charge is a task on a loop and holds nobody up.

local cjson = require "cjson.safe"
local lomi = require "lomi"

local ITEMS = { golden_sail = { title = "Golden sail", amount = 1000, currency = "XOF" } }
local WEBHOOK_SECRET = "whsec_love_example" -- in production: from the environment, like the key

local App = {}
App.__index = App

local function answer(status, body)
  return { status = status, headers = { ["Content-Type"] = "application/json" }, body = cjson.encode(body) }
end

-- In the shape of lomi.'s own errors, which the game's client can read.
local function refusal(status, code, message)
  return answer(status, { error = { code = code, message = message } })
end

-- ---- orders --------------------------------------------------------------------------------------

-- The game may know of an order: the way to pay, not whether it believes to have paid.
local function view(self, order)
  local charge = order.charge
  return {
    id = order.id, item = order.item, status = order.paid and "paid" or "unpaid",
    -- The sandbox's page. In production a page of the game's web site, with lomi.'s card form in it.
    pay_url = ("%s/pay/%s?client_secret=%s"):format(self.lomi_url, charge.id, charge.client_secret),
  }
end

-- A task on the loop. The order's id is the idempotency key: however often it is asked for, it is charged once.
local function charge(self, order)
  local item = ITEMS[order.item]
  order.charge, order.err = self.client.charges:create_card_charge({
    amount = item.amount, currency_code = item.currency, description = item.title,
    customer_email = "awa@example.com", customer_name = "Awa Ndiaye", -- the player's, from her account
    metadata = { order_id = order.id },
  }, { idempotency_key = order.id })
end

-- A real server also checks whose session it is (X-API-KEY), and keeps its orders in a database.
function App:buy(request)
  local id, body = request.headers["idempotency-key"], cjson.decode(request.body)
  local item = type(body) == "table" and body.item
  if not id or not ITEMS[item] then return refusal(400, "bad_order", "an order names an item and has an id") end
  local order = self.orders[id] or { id = id, item = item }
  if order.item ~= item then return refusal(409, "order_exists", "this order is for something else") end
  self.orders[id] = order
  if not order.task or order.err then order.task, order.err = self.loop:spawn(charge, self, order), nil end

  while not order.task:done() do coroutine.yield(0.01) end -- this request waits; the server does not
  order.task:result()
  if order.charge then return answer(201, view(self, order)) end
  io.stderr:write(tostring(order.err), "\n")
  -- Once unknown, it stays so until there is a charge or a replayed answer: another refusal is of the last call only.
  order.unknown = order.err.outcome == "unknown" or order.unknown and not order.err.replayed
  if order.unknown then -- the game retries under the same id
    return refusal(503, "not_known_yet", "the payment service does not answer; ask again")
  end
  return refusal(422, "not_charged", "the payment service does not take this order")
end

function App:look_up(id)
  local order = self.orders[id]
  if not order or not order.charge then return refusal(404, "no_order", "there is no such order") end
  return answer(200, view(self, order))
end

-- The only thing that makes an order paid: a completed payment of its own amount, in its currency. The metadata that
-- went with its charge says which order it is. It may come twice; that changes nothing.
function App:on_webhook(request)
  local event, err = lomi.webhook.construct_event(request.body, request.headers, WEBHOOK_SECRET)
  if not event then return refusal(400, err.code, err.message) end
  local payment = event.data
  local order = payment.metadata and self.orders[payment.metadata.order_id]
  local item = order and ITEMS[order.item]
  if item and event.event == "PAYMENT_SUCCEEDED" and payment.status == "completed" and payment.amount == item.amount
    and payment.currency_code == item.currency then
    order.paid = true
  end
  return answer(200, {})
end

-- ---- the application of an HTTP server -----------------------------------------------------------

function App:handle(request)
  local asked = request.method .. " " .. request.target
  if asked == "POST /orders" then return self:buy(request) end
  if asked == "POST /webhook" then return self:on_webhook(request) end
  local id = asked:match("^GET /orders/([%w-]+)$")
  if id then return self:look_up(id) end
  return refusal(404, "not_found", "there is nothing here")
end

function App:step()
  self.loop:poll()
  return self.loop:timeout()
end

function App:pollfd()
  return self.loop:pollfd()
end

local M = {}

---@param lomi_url string  the sandbox's
function M.new(lomi_url)
  local loop = lomi.loop()
  -- In production without these two: the key is LOMI_API_KEY in this server's environment, the URL follows from it.
  local client = lomi.new { api_key = "lomi_sk_test_love_example", base_url = lomi_url, transport = loop }
  return setmetatable({ lomi_url = lomi_url, loop = loop, client = client, orders = {} }, App)
end

--- The game server, and a sandbox for it, each in threads of its own.
---@param port integer  0: any
---@return { url: string, sandbox: lomi.Sandbox, stop: fun() }
function M.start(port)
  local sandbox = assert(require("lomi.sandbox").start())
  local http = assert(require("lomi.httpd").start {
    app = "examples.love.server", options = sandbox.url, port = port,
  })
  local url = "http://127.0.0.1:" .. http:port()
  sandbox:webhook(url .. "/webhook", WEBHOOK_SECRET)
  local function stop()
    http:stop()
    sandbox:stop()
  end
  return { url = url, sandbox = sandbox, stop = stop }
end

if ... ~= "examples.love.server" then
  local server = M.start(tonumber(arg[1] or 4020))
  print(("game server on %s, its lomi. sandbox on %s; Enter ends it"):format(server.url, server.sandbox.url))
  io.stdout:flush()
  io.read()
  server.stop()
end

return M
