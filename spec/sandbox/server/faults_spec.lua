-- SPDX-License-Identifier: MIT
local core = require "lomi.core"
local faults = require "lomi.sandbox.server.faults"

local DONE = { status = 201, body = '{"success":true}' }

local function make(asked)
  return assert(faults.make(asked))
end

-- What leaves, given what the service said.
local function response(asked, done)
  local fault = make(asked)
  local answer = faults.answer(fault, fault.charged and (done or DONE) or nil, "rid")
  return faults.send(fault, { status = answer.status, headers = answer.headers or {}, body = answer.body })
end

describe("lomi.sandbox.server.faults", function()
  it("knows of each form whether the charge is made", function()
    for _, case in ipairs {
      { { status = 500 }, false }, { { html = true }, false }, { { drop = "before" }, false },
      { { reset = "before" }, false }, { { drop = "after" }, true }, { { drop = "mid_body" }, true },
      { { reset = true }, true }, { { reset = "after" }, true }, { { garbage = true }, true },
      { { empty = true }, true }, { { truncate = 5 }, true }, { { oversize = true }, true }, { { trickle = 1 }, true },
      { { delay = 1 }, true }, { { body = "{" }, true }, { { status = 500, charged = true }, true },
      { { empty = true, charged = false }, false },
    } do
      assert.equal(case[2], make(case[1]).charged, core.encode(case[1]))
    end
  end)

  it("answers with a status in the service's shape", function()
    local answer = response { status = 503 }
    local body = core.decode(answer.body, true)
    assert.equal(503, answer.status)
    assert.equal("service_unavailable", body.error.code)
    assert.equal("rid", body.request_id)
    assert.equal(core.null, body.error.details)
  end)

  it("takes the code, the message and the wait it is told", function()
    local answer = response { status = 429, code = "slow", message = "down", retry_after = 1.5 }
    local body = core.decode(answer.body)
    assert.equal("slow", body.error.code)
    assert.equal("down", body.error.message)
    assert.equal("2", answer.headers["Retry-After"])
    assert.equal(1.5, body.error.details.retry_after_seconds)
  end)

  it("damages the body", function()
    assert.equal("", response { empty = true }.body)
    assert.equal(201, response { empty = true }.status)
    assert.equal("{", response { body = "{" }.body)
    assert.is_true(#response { oversize = true }.body > 4 * 1024 * 1024)
    local html = response { html = true }
    assert.equal(502, html.status)
    assert.equal("text/html", html.headers["Content-Type"])
    assert.matches("<html>", html.body, 1, true)
    assert.equal(504, response { html = true, status = 504 }.status)
    assert.equal("{", response { status = 200, body = "{" }.body)
  end)

  it("damages the way out, and says whether anything whole arrives", function()
    local answer, arrives = response { drop = "after" }
    assert.is_true(answer.drop)
    assert.is_false(arrives)
    assert.is_true(response { reset = true }.reset)
    assert.equal(8, response { drop = "mid_body" }.truncate)
    local reset = response { reset = "mid_body" }
    assert.same({ 8, true }, { reset.truncate, reset.reset })
    assert.equal(5, response { truncate = 5 }.truncate)
    assert.equal(#DONE.body - 1, response { truncate = 5000 }.truncate)
    assert.is_string(response { garbage = true }.raw)
    local slow, whole = response { trickle = 100 }
    assert.equal(100, slow.trickle)
    assert.is_true(whole)
  end)

  it("drops what has no body to cut", function()
    assert.is_true(response { empty = true, drop = "mid_body" }.drop)
    assert.is_true(response { empty = true, reset = "mid_body" }.reset)
  end)

  it("adds headers", function()
    assert.equal("http://a/", response { status = 302, headers = { Location = "http://a/" } }.headers.Location)
  end)

  it("says what is wrong with one, and what would be right", function()
    for _, case in ipairs {
      { {}, "a fault needs one of status, drop, reset, delay" },
      { { times = 2 }, "a fault needs one of" },
      { { status = "500" }, "status must be a whole number from 200 to 599" },
      { { status = 99 }, "status must be a whole number from 200 to 599" },
      { { status = 500, times = 0 }, "times must be a whole number of at least 1" },
      { { drop = "soon" }, 'drop must be "before", "after" or "mid_body"' },
      { { drop = true }, 'drop must be "before", "after" or "mid_body"' },
      { { drop = "after", reset = true }, "drop and reset exclude each other" },
      { { html = true, empty = true }, "empty and html exclude each other" },
      { { delay = -1 }, "delay must be a number of seconds from 0 to 3600" },
      { { trickle = 0 }, "trickle must be a number of bytes per second above 0" },
      { { code = "x", drop = "after" }, "code goes with status" },
      { { recorded = true, delay = 1 }, "recorded goes with status" },
      { { status = 500, recorded = true, charged = false }, "recorded needs the service" },
      { { drop = "before", charged = true }, 'charged is what "before" says already' },
      { { status = 500, match = { method = "post" } }, "match.method must be a method in upper case" },
      { { status = 500, match = { path = "charge" } }, "match.path must be a path that begins with /" },
      { { status = 302, headers = { Location = "a\r\nb" } }, "headers.Location must be a string without control" },
      { { status = 302, headers = { ["a b"] = "c" } }, "headers must be names of letters" },
      { { status = 302, headers = { ["content-length"] = "1" } }, "headers must be names of letters" },
      { { stats = 500 }, 'unknown field stats; did you mean "status"?' },
    } do
      local fault, why = faults.make(case[1])
      assert.is_nil(fault)
      assert.equal(case[2], why:sub(1, #case[2]))
    end
  end)

  describe("in a queue", function()
    local queue

    before_each(function() queue = faults.queue() end)

    local function take(method, path)
      local fault = queue:take(method or "POST", path or "/charge/card")
      return fault and fault.description
    end

    it("are used up in order", function()
      queue:add { status = 500, times = 2 }
      queue:add { drop = "after" }
      assert.same({ "status 500", "status 500", "drop after" }, { take(), take(), take() })
      assert.is_nil(take())
    end)

    it("wait for the requests they are meant for", function()
      queue:add { status = 500, match = { method = "GET" } }
      queue:add { status = 501, match = { path = "/charge/card/*/cancel" } }
      queue:add { status = 502, match = { method = "POST", path = "/charge/card" } }
      assert.equal("status 502", take())
      assert.is_nil(take())
      assert.is_nil(take("POST", "/charge/card/a/b/cancel"))
      assert.equal("status 501", take("POST", "/charge/card/pi_1/cancel"))
      assert.equal("status 500", take("GET", "/anything"))
    end)

    it("do not take a path for a pattern", function()
      queue:add { status = 500, match = { path = "/a.b-c" } }
      assert.is_nil(take("GET", "/aXb-c"))
      assert.equal("status 500", take("GET", "/a.b-c"))
    end)
  end)

  it("mutes a rail until it is cleared, and blocks one charge", function()
    local queue = faults.queue()
    assert(queue:add { muted = "card" })
    for _ = 1, 3 do
      local fault = queue:take("POST", "/charge/card")
      local reply = faults.answer(fault, nil, "rid")
      assert.equal(503, reply.status)
      assert.matches('"service_unavailable"', reply.body, 1, true)
      assert.is_false(fault.charged)
    end
    for _, other in ipairs { "/charge/wave", "/charge/mtn", "/charge/card/pi_1/capture" } do
      assert.is_nil(queue:take("POST", other))
    end
    assert.is_nil(queue:take("GET", "/charge/card"))

    queue = faults.queue()
    assert(queue:add { blocked = "wave" })
    assert(queue:add { muted = "mtn", times = 1 })
    local reply = faults.answer(queue:take("POST", "/charge/wave"), nil, "rid")
    assert.equal(403, reply.status)
    assert.matches('"forbidden"', reply.body, 1, true)
    assert.is_nil(queue:take("POST", "/charge/wave"))
    assert.is_table(queue:take("POST", "/charge/mtn"))
    assert.is_nil(queue:take("POST", "/charge/mtn"))
  end)

  it("refuses a named fault beside another", function()
    local _, why = faults.make { muted = "card", status = 500 }
    assert.equal("muted and status exclude each other; give one of them", why)
    _, why = faults.make { muted = "bank" }
    assert.equal('muted must be "card", "wave" or "mtn", not "bank"', why)
  end)
end)
