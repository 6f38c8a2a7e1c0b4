-- SPDX-License-Identifier: MIT
--- A place the sandbox's own webhooks can be sent to, for tests that have no server of their own. What arrives is kept
--- raw, so that the test verifies it like the real thing.

local Fifo = require "lomi.sandbox.server.fifo"

local LIMITS = { items = 10000, weight = 16 * 1024 * 1024 }

---@class lomi.sandbox.Inbox
local Inbox = {}
Inbox.__index = Inbox

---@return lomi.sandbox.Inbox
local function new()
  return setmetatable({ letters = Fifo.new(LIMITS) }, Inbox)
end

--- The event a webhook is of is told by its header alone: nothing is verified here.
function Inbox:add(request)
  local headers, event = {}, nil
  for _, header in ipairs(request.headers) do
    local name = header[1]:lower()
    headers[name] = header[2]
    if name == "x-lomi-event" then event = header[2] end
  end
  self.letters:push({ event = event, headers = headers, body = request.body }, #request.body + 512)
  while self.letters:over() and self.letters:count() > 1 do self.letters:shift() end
end

--- Takes out the oldest, of one event or of any; those before it stay.
---@param event string?
---@return { event: string?, headers: table<string, string>, body: string }?
function Inbox:take(event)
  local letters = self.letters
  for serial = letters.first, letters.last do
    local letter = letters:get(serial)
    if letter and not letter.taken and (not event or letter.event == event) then
      letter.taken = true
      while letters:oldest() and letters:oldest().taken do letters:shift() end
      return { event = letter.event, headers = letter.headers, body = letter.body }
    end
  end
end

return { new = new }
