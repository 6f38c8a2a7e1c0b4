-- SPDX-License-Identifier: MIT
--- A place the sandbox's own webhooks can be sent to, for tests that have no server of their own. Arrivals are kept
--- raw, so that the test verifies it like the real thing.

local Fifo = require "lomi.sandbox.server.fifo"

---@class lomi.sandbox.Inbox
local Inbox = {}
Inbox.__index = Inbox

local function new()
  return setmetatable({ webhooks = Fifo.new() }, Inbox)
end

--- The event's name is that of the header; nothing is verified here.
---@param headers table<string, string> by lower-case name
---@param body string
function Inbox:add(headers, body)
  self.webhooks:push({ event = headers["x-lomi-event"], headers = headers, body = body }, #body + 512)
  self.webhooks:trim()
end

--- Takes out the oldest, of one event or of any; those before it stay.
---@param event string?
---@return { event: string?, headers: table<string, string>, body: string }?
function Inbox:take(event)
  local webhooks = self.webhooks
  for serial = webhooks.first, webhooks.last do
    local webhook = webhooks:get(serial)
    if not webhook.taken and (not event or webhook.event == event) then
      webhook.taken = true
      while webhooks:oldest() and webhooks:oldest().taken do webhooks:shift() end
      return { event = webhook.event, headers = webhook.headers, body = webhook.body }
    end
  end
end

return { new = new }
