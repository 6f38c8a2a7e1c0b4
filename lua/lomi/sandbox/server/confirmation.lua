-- SPDX-License-Identifier: MIT
--- A payout, a refund or an instant settlement takes two calls: the first answers a preview and a token, the second,
--- with the token and the same body, moves the money.

local answer = require "lomi.sandbox.server.answer"
local request_bodies = require "lomi.sandbox.server.request_bodies"
local json = require "lomi.sandbox.server.json"
local views = require "lomi.sandbox.server.views"

local LASTS = 10 * 60 -- seconds

-- The body, less the token.
local function asked(call)
  local body = {}
  for name, value in pairs(call.params) do
    if name ~= "confirmation_token" then body[name] = value end
  end
  return json.encode(body)
end

local function preview(merchant, call, plan)
  local token, now = "conf_" .. merchant.random(), merchant.clock()
  merchant.stores.previews:add(call.scope, { token }, { path = call.path, body = asked(call), expires = now + LASTS },
    #call.body)
  return answer.ok(200, { requires_confirmation = true, confirmation_token = token,
    expires_at = views.timestamp(now + LASTS), preview = plan })
end

--- The work of such an operation.
---@param body string its name in request_bodies.lua
---@param plan fun(api, call, params): table?, any  what a preview says; or nil and a refusal
---@param execute fun(api, call, params, plan): lomi.sandbox.Answer?, table?
return function(body, plan, execute)
  return function(api, call)
    local params, refusal = request_bodies.check(body, call.params, call.warn)
    if not params then return nil, refusal end
    local planned
    planned, refusal = plan(api, call, params)
    if not planned then return nil, refusal end
    if api.options.confirmation == "skipped" then return execute(api, call, params, planned) end
    local merchant, token = api.merchant, params.confirmation_token
    if not token then return preview(merchant, call, planned) end
    local kept = merchant.stores.previews:find(call.scope, token)
    if not kept or kept.path ~= call.path or kept.expires <= merchant.clock() then
      return nil, { message = "The confirmation_token is unknown, used or expired; ask for a new preview" }
    end
    if not json.same(kept.body, asked(call)) then
      return nil, { message = "The body is not the one that was previewed" }
    end
    merchant.stores.previews:remove(kept)
    return execute(api, call, params, planned)
  end
end
