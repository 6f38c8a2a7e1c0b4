-- SPDX-License-Identifier: MIT
--- The server behind `lomi webhook listen`: verifies what is posted to it, on any path, and prints it. Runs in the
--- server's Lua state: `new` in the thread that starts the server, the rest in the server's two threads, which take
--- turns.

local core = require "lomi.core"
local output = require "lomi.cli.output"
local webhook = require "lomi.webhook"

-- Events remembered, so that one that comes again can be told.
local REMEMBERED = 1000

---@class lomi.cli.Listener
local Listener = {}
Listener.__index = Listener

---@param options string JSON: { secrets, json, tolerance }
local function new(options)
  local self = setmetatable(assert(core.decode(options)), Listener)
  self.seen, self.order, self.count = {}, {}, 0
  return self
end

local function answer(status, body)
  return { status = status, headers = { ["Content-Type"] = "application/json" }, body = assert(core.encode(body)) }
end

function Listener:remember(id)
  if id == nil or self.seen[id] then return end
  local place = self.count % REMEMBERED + 1
  if self.order[place] then self.seen[self.order[place]] = nil end
  self.count, self.order[place], self.seen[id] = self.count + 1, id, true
end

local function summary(event, again)
  local data = type(event.data) == "table" and event.data or {}
  local parts = { os.date "%H:%M:%S", output.clean(event.event), "verified" }
  parts[#parts + 1] = output.money(data.amount, data.currency_code)
  for _, value in ipairs { data.status or false, data.transaction_id or false, event.id or false } do
    if value then parts[#parts + 1] = output.clean(value) end
  end
  if again then parts[#parts + 1] = "(again)" end
  return table.concat(parts, "  ")
end

function Listener:handle(request)
  if request.method ~= "POST" then return answer(405, { error = "webhooks are posted" }) end
  local event, err = webhook.construct_event(request.body, request.headers, self.secrets,
    { tolerance = self.tolerance })
  if not event then
    if self.json then
      output.fail(true, err)
    else
      output.line(("%s  refused  %s: %s"):format(os.date "%H:%M:%S", err.code, err.message), "red")
    end
    return answer(400, { error = err.code })
  end
  local again = self.seen[event.id] or false
  local status = self.json and output.json(event) or output.line(summary(event, again), again and "dim" or "green")
  -- A 5xx has it delivered again.
  if status ~= 0 then return answer(500, { error = "the event cannot be printed" }) end
  self:remember(event.id)
  return answer(200, { received = true })
end

return { new = new }
