-- SPDX-License-Identifier: MIT
-- The sandbox under load, on real sockets. LOMI_LOAD says how many requests the long run has; `make chaos` sets it.
local core = require "lomi.core"
local cost = require "spec.support.cost"
local curl = require "lomi.transport.curl"
local sandbox = require "lomi.sandbox"

local COUNT = tonumber(os.getenv "LOMI_LOAD") or 10000
-- Too little to be charged, so that only the journal grows; no two alike.
local LARGE = '{"amount":1,"description":"%d ' .. ("x"):rep(8192) .. '"}'

describe("the sandbox", function()
  local box, engine

  before_each(function()
    box = assert(sandbox.start {})
    engine = curl.queue()
  end)

  after_each(function()
    engine:close()
    box:stop()
  end)

  local function submit(method, path, body)
    return assert(engine:submit {
      method = method, url = box.url .. path, body = body, timeout = 30, connect_timeout = 30, proxy = "",
      headers = { ["X-API-KEY"] = "lomi_sk_test_demo", ["Content-Type"] = body and "application/json" or nil },
    })
  end

  it("holds 200 connections at once while a delayed one waits", function()
    box:fail { delay = math.min(1.5 * cost.FACTOR, 20), match = { method = "GET" } }
    box:fail { delay = 0.3, times = 200, match = { method = "POST" } }
    local started = core.now()
    local slow = submit("GET", "/charge/card/pi_slow")
    for _ = 1, 200 do submit("POST", "/charge/card", '{"amount":10000}') end
    local order = {}
    while #order < 201 do
      local id, reply = engine:step(10)
      if id then
        order[#order + 1] = id
        assert.equal(id == slow and 404 or 201, reply and reply.status)
      end
    end
    assert.equal(slow, order[201])
    assert.is_true(core.now() - started < 20 * cost.FACTOR) -- a minute if they had waited for one another
    assert.same({ 201, 200 }, { box:stats().accepts, #box:charges() })
  end)

  it(("keeps its memory bounded over %d requests"):format(COUNT), function()
    local sent, flying, most = 0, 0, 0
    while sent < COUNT or flying > 0 do
      while sent < COUNT and flying < 32 do
        submit("POST", "/charge/card", LARGE:format(sent))
        sent, flying = sent + 1, flying + 1
        if sent % 2000 == 0 then most = math.max(most, box:stats().memory) end
      end
      local id, reply = engine:step(10)
      if id then
        flying = flying - 1
        assert.equal(400, reply and reply.status)
      end
    end
    assert.equal(COUNT, box:stats().requests)
    assert.is_true(#box:requests() < COUNT / 2)
    assert.is_true(most < 64 * 1024 * 1024, ("%.0f MiB"):format(most / 2 ^ 20))
    if COUNT > 10000 then print(("%d requests: %.1f MiB in the sandbox at most"):format(COUNT, most / 2 ^ 20)) end
  end)
end)
