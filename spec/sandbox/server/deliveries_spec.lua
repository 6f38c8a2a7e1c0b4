-- SPDX-License-Identifier: MIT
-- The queue itself, against an engine that answers as the spec says. On real sockets: init_spec.lua.
local core = require "lomi.core"
local cost = require "spec.support.cost"
local webhook = require "lomi.webhook"
local Deliveries = require "lomi.sandbox.server.deliveries"

describe("lomi.sandbox.server.deliveries", function()
  local now, sent, ended, deliveries

  local function finish(id, status)
    table.insert(ended, status and { id, { status = status, headers = {}, body = "" } }
      or { id, nil, { kind = "connection", message = "refused" } })
  end

  before_each(function()
    now, sent, ended = 1000, {}, {}
    local engine = {
      submit = function(_, request)
        sent[#sent + 1] = request
        return #sent
      end,
      step = function()
        local first = table.remove(ended, 1)
        if first then return first[1], first[2], first[3] end
      end,
      timeout = function() return nil end,
    }
    deliveries = Deliveries.new(function() return now end, engine)
  end)

  local HOOK = "http://127.0.0.1:9/hook"

  local function to(knobs)
    local endpoint = { url = HOOK, secret = "whsec_1" }
    for name, value in pairs(knobs or {}) do endpoint[name] = value end
    assert(deliveries:set(endpoint))
  end

  local function publish(...)
    for _, event in ipairs { ... } do deliveries:publish(event, { amount = 1 }, now) end
    return deliveries:step()
  end

  local function events()
    local names = {}
    for i, request in ipairs(sent) do names[i] = request.headers["X-Lomi-Event"] end
    return table.concat(names, " ")
  end

  local function states()
    local names = {}
    for serial = deliveries.list.first, deliveries.list.last do
      names[#names + 1] = deliveries.list:get(serial).state
    end
    return table.concat(names, " ")
  end

  it("sends nothing without an endpoint", function()
    assert.is_nil(publish("A"))
    assert.equal(0, #sent)
  end)

  it("signs what it sends, so that it verifies", function()
    to()
    publish("PAYMENT_CREATED")
    local request = sent[1]
    assert.same({ "POST", "http://127.0.0.1:9/hook", "lomi.-Webhook/1.0", 4 },
      { request.method, request.url, request.headers["User-Agent"], request.timeout })
    local event = assert(webhook.construct_event(request.body, request.headers, "whsec_1"))
    assert.same({ "PAYMENT_CREATED", 1, "sandbox", "1970-01-01T00:16:40.000Z" },
      { event.event, event.data.amount, event.lomi_environment, event.timestamp })
    assert.matches("^%x+%-%x+%-4", event.id)
  end)

  it("sends in the order of the events, one after the other", function()
    to()
    publish("A", "B", "C")
    assert.equal("A", events())
    finish(1, 200)
    deliveries:step()
    assert.equal("A B", events())
    finish(2, 204)
    deliveries:step()
    assert.equal("A B C", events())
    assert.equal("delivered delivered sending", states())
  end)

  it("tries again after trouble and 5xx, later and later, holding up nobody", function()
    to { backoff = 1, attempts = 3 }
    publish("A", "B")
    finish(1)
    assert.equal(1, deliveries:step())
    assert.equal("A B", events())
    finish(2, 200)
    now = now + 0.5
    assert.equal(0.5, deliveries:step())
    now = now + 0.5
    deliveries:step()
    assert.equal("A B A", events())
    assert.equal(sent[1].body, sent[3].body)
    finish(3, 503)
    assert.equal(2, deliveries:step())
    now = now + 2
    deliveries:step()
    finish(4, 500)
    assert.is_nil(deliveries:step())
    assert.equal("given_up delivered", states())
    local view = deliveries.view(deliveries.list:get(1))
    assert.same({ 3, "refused", 503, 500 },
      { view.attempts, view.tries[1].error, view.tries[2].status, view.tries[3].status })
  end)

  it("gives up at once on a 4xx", function()
    to()
    publish("A")
    finish(1, 404)
    assert.is_nil(deliveries:step())
    assert.equal("refused", states())
  end)

  it("tries again after a redirect", function()
    to()
    publish("A")
    finish(1, 302)
    assert.equal(0.5, deliveries:step())
  end)

  it("delivers twice, the very same", function()
    to { twice = true }
    publish("A")
    finish(1, 200)
    deliveries:step()
    assert.equal("A A", events())
    assert.equal(sent[1].body, sent[2].body)
  end)

  it("delivers late", function()
    to { late = 60 }
    assert.equal(60, publish("A"))
    assert.equal(0, #sent)
    now = now + 60
    deliveries:step()
    assert.equal("A", events())
  end)

  it("delivers out of order: an event is overtaken by those after it", function()
    to { out_of_order = true }
    publish("A")
    assert.equal(0, #sent)
    publish("B", "C", "D")
    for id = 1, 4 do
      finish(id, 200)
      deliveries:step()
    end
    assert.equal("B A D C", events())
  end)

  it("does not wait for ever to be overtaken", function()
    to { out_of_order = true }
    assert.equal(1, publish("A"))
    now = now + 1
    deliveries:step()
    assert.equal("A", events())
  end)

  it("signs badly, if told so", function()
    to { bad_signature = true }
    publish("A")
    local event, err = webhook.construct_event(sent[1].body, sent[1].headers, "whsec_1")
    assert.is_nil(event)
    assert.equal("signature_mismatch", err.code)
  end)

  it("stops when there is no endpoint any more", function()
    to()
    deliveries:unset()
    publish("A")
    assert.equal(0, #sent)
  end)

  it("has at most 32 in the air, however many are due", function()
    to { backoff = 0 }
    for i = 1, 40 do
      publish("E" .. i)
      finish(#sent)
      deliveries:step()
    end
    now = now + 1
    deliveries:step()
    assert.is_true(deliveries:queue(HOOK).flying <= 32)
  end)

  it("shows no secret", function()
    to()
    publish("A")
    assert.falsy(core.encode(deliveries.view(deliveries.list:get(1))):find("whsec_1", 1, true))
  end)

  it("sends the newer signature too, made anew for each attempt", function()
    to { backoff = 10 }
    publish "A"
    finish(1)
    deliveries:step()
    now = now + 10
    deliveries:step()
    for i, request in ipairs(sent) do
      local seconds, hex = request.headers["X-Lomi-Signature-V1"]:match("^t=(%d+),v1=(%x+)$")
      assert.equal(990 + 10 * i, tonumber(seconds))
      assert.equal(webhook.sign(seconds .. "." .. request.body, "whsec_1"), hex)
    end
    assert.equal(2, #sent)
  end)

  describe("a dead endpoint", function()
    -- Answers everything that is sent, well or not, until nothing is sent by itself; gives the seconds to wait then.
    local function answer_all(status)
      local answered = #sent
      for _, queue in ipairs(deliveries.queues) do answered = answered - queue.flying end
      while true do
        local seconds = deliveries:step()
        if #sent == answered then return seconds end
        while answered < #sent do
          answered = answered + 1
          finish(answered, status)
        end
      end
    end

    local function publish_many(count)
      for _ = 1, count do deliveries:publish("A", { amount = 1 }, now) end
    end

    it("is left alone for longer and longer, a minute at most, and gets everything when it lives again", function()
      to()
      publish_many(100)
      local waits = {}
      for i = 1, 12 do
        waits[i] = answer_all(nil)
        now = now + waits[i]
      end
      assert.same({ 0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60 }, waits)
      assert.is_true(#sent < 10 + 2 * #waits)
      answer_all(200)
      now = now + 3600
      answer_all(200)
      local delivered = 0
      for serial = 1, 100 do
        if deliveries.list:get(serial).state == "delivered" then delivered = delivered + 1 end
      end
      assert.is_true(delivered > 90)
    end)

    it("costs little and holds a bounded number of webhooks, though there are 50,000", function()
      to()
      local began = os.clock()
      for _ = 1, 500 do
        publish_many(100)
        answer_all(nil)
        now = now + 1
      end
      assert.is_true(#sent < 60, #sent .. " attempts in 500 s")
      assert.equal(10000, deliveries.list:count())
      assert.is_true(deliveries:queue(HOOK).ready:count() <= 10000)
      assert.is_true(deliveries:queue(HOOK).later:size() <= 20000)
      assert.is_true(os.clock() - began < 20 * cost.FACTOR)
    end)

    it("holds up no other: a live one gets its webhooks at once, however many wait for the dead one", function()
      local live = { url = "http://127.0.0.1:10/live", secret = "whsec_2" }
      to()
      for _ = 1, 100 do deliveries:publish("A", { amount = 1 }, now, { live }) end
      local function answer(count)
        for id = count + 1, #sent do finish(id, sent[id].url == live.url and 200 or nil) end
        return #sent
      end
      local answered = 0
      repeat
        local before = answered
        deliveries:step()
        answered = answer(answered)
      until answered == before
      local delivered, dead = 0, 0
      for serial = 1, 200 do
        local delivery = deliveries.list:get(serial)
        if delivery.endpoint == live then
          assert.equal("delivered", delivery.state)
          delivered = delivered + 1
        else
          assert.equal("waiting", delivery.state)
          dead = dead + #delivery.tries
        end
      end
      assert.same({ 100, 10 }, { delivered, dead })
    end)

    it("is forgotten once nothing waits for it", function()
      local function endpoint(i) return { url = "http://127.0.0.1:9/" .. i, secret = "whsec_1", attempts = 1 } end
      for i = 1, 1000 do
        deliveries:publish("A", { amount = 1 }, now, { endpoint(i) })
        answer_all(nil)
      end
      assert.equal(1, #deliveries.queues)
    end)

    it("is alive if it answers anything but a 5xx", function()
      to()
      publish_many(50)
      answer_all(400)
      assert.equal(50, #sent)
    end)
  end)

  it("wakes what is due first, in that order, however many wait", function()
    to { late = 10 }
    for i = 1, 200 do
      deliveries:publish("E" .. i, { amount = 1 }, now)
      now = now + (i * 7919 % 5)
    end
    now = now + 10
    for id = 1, 200 do
      deliveries:step()
      finish(id, 200)
    end
    for i, request in ipairs(sent) do assert.equal("E" .. i, request.headers["X-Lomi-Event"]) end
    assert.equal(200, #sent)
  end)
end)
