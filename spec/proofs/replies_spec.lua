-- SPDX-License-Identifier: MIT
-- Every reply that the parser's specs know, over a real socket, plain and TLS: each transport reads it alike.
local calls = require "spec.support.calls"
local given = require "spec.support.given"
local peer = require "spec.support.peer"
local replies = require "spec.support.replies"
local runners = require "spec.support.runners"
local tls = require "spec.support.tls"

local KEY = given.KEY

-- The replies one after the other. `ends`: the stream ends after it, by the peer's method of that name. A reply that
-- ends by closing is whole only if TLS says that it ends: newer libcurls insist on that.
local PLAYED = {}
for _, fixture in ipairs(replies.GOOD) do
  PLAYED[#PLAYED + 1] = { name = fixture.name, bytes = fixture.bytes, ends = fixture.eof and "close", good = fixture }
end
for _, fixture in ipairs(replies.BAD) do
  PLAYED[#PLAYED + 1] = { name = fixture[1], bytes = fixture[2], reason = fixture[3], kind = "protocol" }
end
for _, fixture in ipairs(replies.EARLY) do
  PLAYED[#PLAYED + 1] = { name = fixture[1], bytes = fixture[2], reason = fixture[3], kind = "connection",
    ends = "finish" }
end

local SERVE = [[
local played = { ... } -- bytes, how the stream ends or "stays", …
return function(connection, number)
  for request in function() return connection:request() end do
    local i = tonumber(request.target:match "^/play/(%d+)$")
    if i then
      connection:send(played[2 * i - 1])
      local ends = played[2 * i]
      if ends ~= "stays" then
        connection[ends](connection)
        if ends == "finish" then connection:drain() end
        return
      end
    else
      connection:send(reply(200, ('{"connection":%d}'):format(number)))
    end
  end
end]]

-- The kind that a reply read well has for the client, by its status; of 200 and 201 it depends on the body.
local KINDS = { [304] = "protocol", [404] = "not_found", [503] = "api", [999] = "api" }

local function same_headers(wanted, got)
  for name, value in pairs(wanted) do
    if got[name] ~= value then return false end
  end
  for name in pairs(got) do
    if wanted[name] == nil then return false end
  end
  return true
end

-- How the client took a good reply, if not as it should.
local function fault_of_good(fixture, got, before, after)
  local status, body = fixture.status or 200, fixture.body or ""
  if not got.reply then return "not read: " .. got.text end
  if got.reply.status ~= status then return "status " .. got.reply.status end
  if not same_headers(fixture.headers or {}, got.reply.headers) then return "other headers" end
  if got.reply.body ~= calls.hex(body) then return "another body: " .. tostring(got.reply.body) end
  local right = status == 204 or body:find("^{")
  local kind = not right and (KINDS[status] or "protocol") or nil
  if (got.err and got.err.kind) ~= kind then return "kind " .. tostring(got.err and got.err.kind) end
  if got.err and got.err.outcome ~= "unknown" then return "outcome " .. tostring(got.err.outcome) end
  if not after.result then return "the next call: " .. after.text end
  local kept = before.result.connection == after.result.connection
  if kept ~= (fixture.keep_alive ~= false) then return kept and "connection kept" or "connection not kept" end
end

local function fault_of_bad(played, got, after)
  if not got.err or got.reply then return "taken" end
  if got.err.kind ~= played.kind then return ("kind %s: %s"):format(got.err.kind, got.err.message) end
  if got.err.outcome ~= "unknown" then return "outcome " .. tostring(got.err.outcome) end
  if not got.err.message:find(played.reason, 1, true) then return "message: " .. got.err.message end
  if not after.result then return "the next call: " .. after.text end
end

for _, scheme in ipairs { "plain", "TLS" } do
  describe("every reply of the parser's specs, " .. scheme .. ":", function()
    local authority, server, got

    setup(function()
      authority = tls.authority()
      local options = { serve = SERVE, tls = scheme == "TLS" and authority:issue() or nil }
      for _, played in ipairs(PLAYED) do
        options[#options + 1] = played.bytes
        options[#options + 1] = played.ends or "stays"
      end
      server = peer.start(options)
      got = {}
    end)
    teardown(function()
      server:stop()
      tls.remove(authority)
    end)

    local names = runners.names(pending)
    for _, name in ipairs(names) do
      it(name, function()
        local list, faults = {}, {}
        for i in ipairs(PLAYED) do
          list[#list + 1] = { "request", "GET", "/which" }
          list[#list + 1] = { "request", "POST", "/play/" .. i, { body = {}, idempotency_key = "order-1" } }
          list[#list + 1] = { "request", "GET", "/which" }
        end
        local runner = runners[name](authority.ca_file)
        local results = runner:perform({ api_key = KEY, base_url = server.url, max_retries = 0, timeout = 2 }, list)
        runner:stop()
        got[name] = {}
        for i, played in ipairs(PLAYED) do
          local before, result, after = results[3 * i - 2], results[3 * i - 1], results[3 * i]
          got[name][i] = result
          -- The end of the stream may come later than the next call, which then loses its reply: that is no fault.
          if played.good and played.ends and not after.result then after = { result = {} } end
          local fault = played.good and fault_of_good(played.good, result, before, after)
            or not played.good and fault_of_bad(played, result, after)
          if fault then faults[#faults + 1] = played.name .. ": " .. fault end
        end
        assert.equal("", table.concat(faults, "\n"))
      end)
    end

    it("all alike", function()
      local faults = {}
      for i, played in ipairs(PLAYED) do
        local texts = {}
        for j, name in ipairs(names) do
          local result = assert(got[name], name .. " gave nothing")[i]
          local err = result.err or {}
          -- Newer libcurls treat a TLS stream that ends without a word as lost, older ones and nginx as closed.
          local message = tostring(err.message):gsub("was closed before", "was lost before")
          texts[j] = ("%s, %s, %s"):format(tostring(err.kind), tostring(err.outcome), message)
        end
        if texts[1] ~= texts[2] or texts[3] and texts[1] ~= texts[3] then
          faults[#faults + 1] = ("%s:\n  %s"):format(played.name, table.concat(texts, "\n  "))
        end
      end
      assert.equal("", table.concat(faults, "\n"))
    end)
  end)
end
