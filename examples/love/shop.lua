-- SPDX-License-Identifier: MIT
--- The shop in the game: orders from the game server, and never makes a frame wait. This is the file to copy.
---
--- A SECRET KEY NEVER SHIPS INSIDE A GAME. Whoever has the game has all that is in it, and a secret key charges and
--- refunds in your name. The key stays on the game server; all that is here is its address and the player's session.

local lomi = require "lomi"

local ASK_EVERY = 0.5 -- seconds, whether the payer has paid

---@class Shop
---@field state "open"|"ordering"|"paying"|"sold"|"failed"
---@field err? lomi.Error  why it failed
---@field pay_url? string  while paying: the page
local Shop = {}
Shop.__index = Shop

---@param url string  of the game server: https, or http to this machine
---@param session string  the player's, from when she logged in
function Shop.new(url, session)
  local loop = lomi.loop()
  -- A lomi client speaks to any server that speaks JSON, with the same retries and deadlines. The key that it sends
  -- is the session; left out, it would look for a key in the environment. Which of lomi.'s worlds it is, is the game
  -- server's affair; a key that is not lomi.'s only needs one named.
  local client = lomi.new { api_key = session, environment = "sandbox", base_url = url, transport = loop }
  return setmetatable({ loop = loop, client = client, state = "open" }, Shop)
end

--- For the loading screen: libcurl, the certificates and the connection cost some tens of milliseconds once.
---@return boolean
function Shop:warm()
  return self.loop:warm(5)
end

-- A task on the loop: reads like a script, runs a little in every frame.
local function sell(self, item, show)
  local order, err = self.client:request("POST", "/orders", {
    body = { item = item }, idempotency_key = self.order_id, -- the first time nil: the client makes one up
  })
  if not order then
    -- Kept unless it was refused: a retry under the same id never orders twice.
    self.order_id = err.outcome ~= "rejected" and err.idempotency_key or nil
    self.state, self.err = "failed", err
    return
  end
  self.state, self.pay_url = "paying", order.pay_url
  show(order.pay_url)
  while order.status ~= "paid" do
    self.loop:sleep(ASK_EVERY)
    order = self.client:request("GET", "/orders/" .. order.id) or order -- no answer: retry
  end
  self.state, self.pay_url, self.order_id = "sold", nil, nil
end

--- Orders an item. Pressing the button again while that goes on does nothing.
---@param item string
---@param show fun(url: string)  shows the player the page where she pays, in her browser
function Shop:buy(item, show)
  if self.state ~= "open" and self.state ~= "failed" then return end
  self.state, self.err = "ordering", nil
  self.task = self.loop:spawn(sell, self, item, show)
end

--- Once a frame.
function Shop:update()
  self.loop:poll()
  if self.task and self.task:done() then
    local task = self.task
    self.task = nil
    task:result() -- raises what the task raised: a bug is not to be missed
  end
end

return Shop
