-- SPDX-License-Identifier: MIT
--- The sandbox's application without a server: requests as tables, in this very Lua state.

local core = require "lomi.core"
local App = require "lomi.sandbox.server.app"

local M = {}

M.KEY = "lomi_sk_test_demo"
M.CUSTOMER = { customer_email = "awa@example.com", customer_name = "Awa Ndiaye" }

local Direct = {}
Direct.__index = Direct

---@param options? table  as sandbox.start takes them
function M.new(options)
  return setmetatable({ app = App.new(core.encode(options or {})) }, Direct)
end

-- false takes one of the usual headers away.
local function request_headers(headers)
  local all = { ["x-api-key"] = M.KEY, ["content-type"] = "application/json", host = "127.0.0.1:4010" }
  for name, value in pairs(headers or {}) do all[name:lower()] = value or nil end
  return all
end

--- Starts a request. Gives the response, or, if it waits, the coroutine to resume and the seconds it waits.
---@param body? table|string
function Direct:start(method, target, body, headers, connection)
  local request = { method = method, target = target, headers = request_headers(headers),
    body = type(body) == "table" and assert(core.encode(body)) or body or "", connection = connection or 1 }
  local co = coroutine.create(self.app.handle)
  local ok, result = coroutine.resume(co, self.app, request)
  assert(ok, result)
  if coroutine.status(co) == "suspended" then return nil, co, result end
  result.json = core.decode(result.body or "", true)
  return result
end

--- A request that does not wait.
function Direct:call(...)
  local response = self:start(...)
  return assert(response, "the request waits")
end

function Direct.finish(co)
  local ok, result = coroutine.resume(co)
  assert(ok, result)
  assert(coroutine.status(co) == "dead", "it still waits")
  result.json = core.decode(result.body or "", true)
  return result
end

--- Makes a charge and gives it, without the warnings a careless request would bring.
---@param params? table  beside amount and customer
function Direct:charge(params, headers)
  local body = { amount = 10000 }
  for name, value in pairs(M.CUSTOMER) do body[name] = value end
  for name, value in pairs(params or {}) do body[name] = value end
  local all = { ["Idempotency-Key"] = core.uuid4() }
  for name, value in pairs(headers or {}) do all[name] = value end
  local response = self:call("POST", "/charge/card", body, all)
  return response.json.data, response
end

--- Opens a checkout session and gives the reply's body; with a `success_url`, if `params` has none.
---@param params table
function Direct:open_session(params)
  params.success_url = params.success_url or "https://shop.example/ok?s={CHECKOUT_SESSION_ID}"
  return self:call("POST", "/checkout-sessions", params).json
end

--- A test's requests to the sandbox.
function Direct:admin(method, path, body)
  return self:call(method, "/_sandbox" .. path, body)
end

return M
