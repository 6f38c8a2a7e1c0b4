-- SPDX-License-Identifier: MIT
local RequestJournal = require "lomi.sandbox.server.request_journal"

local function request(more)
  local all = { method = "POST", target = "/charge/card", headers = {}, body = "", connection = 3 }
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

describe("lomi.sandbox.server.request_journal", function()
  it("keeps headers and the body as they came", function()
    local entry = RequestJournal.new():add(request { headers = { ["x-one"] = "1, 2", host = "h" }, body = "\1\255" },
      "/charge/card", nil, 12.5, "rid")
    assert.same({ ["x-one"] = "1, 2", host = "h" }, entry.headers)
    assert.equal("\1\255", entry.body)
    assert.same({ 1, 12.5, 3, "rid" }, { entry.number, entry.time, entry.connection, entry.request_id })
  end)

  it("keeps no key, wherever it is", function()
    local key = "lomi_sk_test_verysecret"
    local entry = RequestJournal.new():add(request {
      target = "/x/pi_1_secret_2?key=" .. key .. "&client_secret=pi_1_secret_2&a=b",
      headers = { ["x-api-key"] = key, authorization = "Bearer " .. key, ["x-lomi-api-key"] = "hunter2",
        ["x-other"] = "a " .. key, cookie = "c=1", ["proxy-authorization"] = "Basic hunter2" },
    }, "/x/pi_1_secret_2", "key=" .. key .. "&client_secret=pi_1_secret_2", 0, key)
    local all = entry.target .. entry.path .. entry.query .. entry.request_id
    for _, value in pairs(entry.headers) do all = all .. value end
    assert.falsy(all:find("verysecret", 1, true))
    assert.falsy(all:find("hunter2", 1, true))
    assert.falsy(all:find("secret_2", 1, true))
    assert.equal("lomi_sk_test_[hidden]", entry.headers["x-api-key"])
    assert.matches("&a=b", entry.target, 1, true)
  end)

  it("forgets the oldest, by number and by size", function()
    local journal = RequestJournal.new { items = 3, weight = 1e9 }
    for _ = 1, 5 do journal:add(request(), "/", nil, 0, "") end
    assert.equal(3, journal.entries:count())
    assert.equal(3, journal.entries:oldest().number)

    journal = RequestJournal.new { items = 1000, weight = 1000 }
    for _ = 1, 50 do journal:add(request { body = ("x"):rep(100) }, "/", nil, 0, "") end
    assert.is_true(journal.entries:count() <= 10)
  end)

  it("keeps no client_secret of a URL, percent-encoded or not", function()
    for _, target in ipairs { "/pay/pi_1?client_secret=pi_1_secret_AbC123",
      "/pay/pi_1?client%5Fsecret=pi%5F1%5Fsecret%5FAbC123",
      "/pay/pi_1?a=1&client_secret=AbC123&b=2", "/pay/pi_1?CLIENT_SECRET=AbC123", "/pay/pi_1?Client%5fSecret=AbC123",
    } do
      local entry = RequestJournal.new():add(request { target = target }, "/pay/pi_1", target:match("?(.*)"), 0, "")
      assert.is_nil((entry.target .. entry.query):find("AbC123", 1, true), entry.target)
    end
  end)

  it("keeps 64 KiB of a body, and its size", function()
    local entry = RequestJournal.new():add(request { body = ("x"):rep(100000) }, "/", nil, 0, "")
    assert.same({ 65536, 100000 }, { #entry.body, entry.body_size })
  end)
end)
