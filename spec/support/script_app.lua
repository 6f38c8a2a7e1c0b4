-- SPDX-License-Identifier: MIT
--- A server that answers what a spec tells it to, one answer after the other, and keeps what it was asked.
--- Its own requests begin with /_script; see server.lua.

local core = require "lomi.core"

local CHARGE = [[{"success":true,"data":{"id":"pi_scripted","client_secret":"pi_scripted_secret_scripted","amount":1524,
"currency":"eur","original_amount":10000,"original_currency":"XOF","status":"requires_payment_method"}}]]

local App = {}
App.__index = App

function App:handle(request)
  if request.target == "/_script" then
    self.answers = assert(core.decode(request.body))
    return { status = 204 }
  elseif request.target == "/_requests" then
    return { status = 200, headers = { ["Content-Type"] = "application/json" }, body = assert(core.encode(self.seen)) }
  end
  if not self.own[request.connection] then -- connections are numbered without those of /_script
    self.connections = self.connections + 1
    self.own[request.connection] = self.connections
  end
  self.seen[#self.seen + 1] = {
    method = request.method, target = request.target, headers = request.headers, body = request.body,
    connection = self.own[request.connection],
  }
  local answer = table.remove(self.answers, 1) or { status = 201, body = CHARGE }
  if answer.delay then coroutine.yield(answer.delay) end
  answer.headers = answer.headers or { ["Content-Type"] = "application/json" }
  if answer.size then answer.body = ("x"):rep(answer.size) end
  return answer
end

local M = {}

function M.new()
  return setmetatable({ answers = {}, seen = {}, own = {}, connections = 0 }, App)
end

return M
