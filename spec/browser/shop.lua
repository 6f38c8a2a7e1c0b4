-- SPDX-License-Identifier: MIT
-- The shop the payers come to: a client, and a sandbox of its own. A line of standard input is a call as JSON, a line
-- of standard output its result; the first one is the sandbox's URL. It ends with its input, whoever ends that.

local core = require "lomi.core"
local lomi = require "lomi"

local sandbox = assert(require("lomi.sandbox").start())
local client = lomi.new { api_key = "lomi_sk_test_demo", base_url = sandbox.url }

local function transaction_of(id)
  return assert(client.charges:get_card_charge(id)).transaction.transaction_id
end

local CALLS = {
  create = function(params)
    params.customer_email, params.customer_name = "awa@example.com", "Awa Ndiaye"
    return assert(client.charges:create_card_charge(params))
  end,
  -- A customer, and a session of theirs that leads back to a page of the sandbox.
  checkout = function(params)
    local customer = assert(client.customers:create { name = "Awa Ndiaye", email = "awa@example.com" })
    return assert(client.checkout_sessions:create { amount = params.amount, currency_code = "XOF", title = "Two shirts",
      customer_id = customer.customer_id, success_url = sandbox.url .. "/_sandbox?paid={CHECKOUT_SESSION_ID}",
      cancel_url = sandbox.url .. "/_sandbox?paid=no" })
  end,
  session = function(params) return assert(client.checkout_sessions:get(params.id)) end,
  -- Gives half of the newest payment back; what is left.
  refund = function()
    local transaction = assert(client.transactions:list { limit = 1 }).data[1]
    local preview = assert(client.refunds:create { transaction_id = transaction.transaction_id,
      amount = transaction.gross_amount / 2 })
    assert(client.refunds:confirm(preview))
    return { transaction = assert(client.transactions:get(transaction.transaction_id)),
      balance = assert(client.balances:get "XOF").available_balance }
  end,
  get = function(params) return assert(client.charges:get_card_charge(params.id)) end,
  -- As the sandbox's handle tells it.
  look = function(params)
    for _, charge in ipairs(sandbox:charges()) do
      if charge.id == params.id then return charge end
    end
    error("no charge " .. params.id)
  end,
  hook = function(params)
    sandbox:inbox(params.secret)
    return {}
  end,
  -- The events of one charge, verified: so many of them, and whatever more there is.
  events = function(params)
    local events = {}
    while true do
      local letter = sandbox:receive(nil, #events < params.count and 5 or 0)
      if not letter then return { list = events } end
      local event = assert(lomi.webhook.construct_event(letter.body, letter.headers, params.secret))
      if event.data.transaction_id == transaction_of(params.id) then events[#events + 1] = event.event end
    end
  end,
}

local function say(value)
  io.stdout:write(assert(core.encode(value)), "\n")
  io.stdout:flush()
end

say { url = sandbox.url }
for line in io.lines() do
  local asked = core.decode(line)
  local ok, result = pcall(CALLS[asked.call], asked.with)
  say(ok and { result = result } or { trouble = tostring(result) })
end
sandbox:stop()
