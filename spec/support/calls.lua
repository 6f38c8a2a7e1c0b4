-- SPDX-License-Identifier: MIT
--- Calls of a client as plain data, and what came of them as plain data: so that they can be made elsewhere, in nginx.

local core = require "lomi.core"
local lomi = require "lomi"

local M = {}

local function copy(object)
  if not object then return nil end
  local plain = {}
  for name, value in next, object do plain[name] = value end
  return plain
end

function M.hex(bytes)
  return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

---@class spec.Result
---@field result? table
---@field err? table  a plain copy
---@field text? string  tostring(err)
---@field reply? table  with its body, which may not be text, in hexadecimal (nil: over 1,000 bytes)
---@field took number  seconds

--- Makes the calls one after the other, with one client.
---@param options table  of lomi.new
---@param calls table[]  { "create_card_charge", params, opts } or { "request", method, path, opts }
---@return spec.Result[]
function M.perform(options, calls)
  local client, results = lomi.new(options), {}
  for i, call in ipairs(calls) do
    local started = core.now()
    local result, err, reply
    if call[1] == "request" then
      result, err, reply = client:request(call[2], call[3], call[4])
    else
      result, err, reply = client.charges[call[1]](client.charges, call[2], call[3])
    end
    local headers = reply and reply.headers
    reply = copy(reply)
    if reply then
      reply.body = #reply.body <= 1000 and M.hex(reply.body) or nil
      reply.head, reply.headers = nil, headers
    end
    results[i] = { result = result, err = copy(err), text = err and tostring(err), reply = reply,
      took = core.now() - started }
  end
  return results
end

return M
