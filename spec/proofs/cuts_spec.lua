-- SPDX-License-Identifier: MIT
-- A reply cut after every byte, by FIN and by RST, on a new connection and on a reused one: the outcome is right.
local given = require "spec.support.given"
local peer = require "spec.support.peer"
local runners = require "spec.support.runners"
local tls = require "spec.support.tls"

local KEY = given.KEY

local BODY = ('{"success":true,"data":{"id":"pi_1","client_secret":"pi_1_secret_x","amount":1524,"currency":"eur",' ..
  '"original_amount":10000,"original_currency":"XOF","status":"requires_payment_method"},"note":"%s"}')
  :format(("x"):rep(60))
-- Whoever has read a whole reply does not ask for more on a connection that is about to end.
local HEAD = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nConnection: close\r\n"

local REPLIES = {
  length = ("%sContent-Length: %d\r\n\r\n%s"):format(HEAD, #BODY, BODY),
  chunked = ("%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n"):format(
    HEAD, 100, BODY:sub(1, 100), #BODY - 100, BODY:sub(101)),
}

-- /cut/<reply>/<bytes>/<end>. Anything else is answered with the number of the connection, which stays open.
local SERVE = [[
local replies = { length = (...), chunked = select(2, ...) }
return function(connection, number)
  for request in function() return connection:request() end do
    local name, at, how = request.target:match "^/cut/(%w+)/(%d+)/(%w+)$"
    if name then
      connection:send(replies[name]:sub(1, tonumber(at)))
      if how == "RST" then return connection:reset() end
      connection:finish()
      return connection:drain()
    end
    connection:send(reply(200, ('{"connection":%d}'):format(number)))
  end
end]]

-- Over TLS every cut costs a handshake: the places where something changes, and some between.
local function cuts_of(bytes, all)
  local list = {}
  local head = assert(bytes:find("\r\n\r\n", 1, true)) + 3
  for at = 0, #bytes do
    if all or at % 40 == 1 or math.abs(at - head) <= 1 or at <= 1 or at >= #bytes - 1 then list[#list + 1] = at end
  end
  return list
end

local function fault_of(result, whole)
  if whole then return not result.result and "it was whole: " .. result.text or nil end
  local err = result.err
  if not err then return "taken" end
  if err.kind ~= "connection" or err.outcome ~= "unknown" or err.attempts ~= 1 then return result.text end
end

for _, scheme in ipairs { "plain", "TLS" } do
  describe("a reply cut anywhere, " .. scheme .. ",", function()
    local authority, server

    setup(function()
      authority = tls.authority()
      server = peer.start {
        REPLIES.length, REPLIES.chunked, serve = SERVE, tls = scheme == "TLS" and authority:issue() or nil,
      }
    end)
    teardown(function()
      server:stop()
      tls.remove(authority)
    end)

    for _, name in ipairs(runners.names(pending)) do
      it("is told as it is: " .. name, function()
        local list, tried = {}, {}
        for reply, bytes in pairs(REPLIES) do
          for _, at in ipairs(cuts_of(bytes, scheme == "plain")) do
            for _, how in ipairs { "FIN", "RST" } do
              local target = ("/cut/%s/%d/%s"):format(reply, at, how)
              local call = { "request", "POST", target, { body = {}, idempotency_key = "order-1" } }
              -- Whatever was cut took its connection with it: the first is on a new one, the second is not.
              tried[#tried + 1] = { at = #list + 1, name = "new: " .. target, whole = at == #bytes }
              tried[#tried + 1] = { at = #list + 3, name = "reused: " .. target, whole = at == #bytes }
              for _, one in ipairs { call, { "request", "GET", "/which" }, call } do list[#list + 1] = one end
            end
          end
        end
        local runner = runners[name](authority.ca_file)
        local results = runner:perform({ api_key = KEY, base_url = server.url, max_retries = 0, timeout = 5 }, list)
        runner:stop()
        local faults, connections, last = {}, 0, nil
        for _, one in ipairs(tried) do
          local fault = fault_of(results[one.at], one.whole)
          if fault then faults[#faults + 1] = one.name .. ": " .. fault end
        end
        for i = 2, #list, 3 do -- each has to itself the connection that is reused after it
          local result = results[i].result
          if not result then faults[#faults + 1] = "between: " .. results[i].text end
          local number = result and result.connection
          if last and number then connections = math.max(connections, math.abs(number - last - 2)) end
          last = number
        end
        assert.equal("", table.concat(faults, "\n"):sub(1, 4000))
        assert.equal(0, connections, "a connection was not reused, or one too many opened")
      end)
    end
  end)
end
