-- SPDX-License-Identifier: MIT
-- The pages of a session, with no server around; in a browser: spec/browser.
local direct = require "spec.support.direct"

describe("lomi.sandbox.server.checkout_page", function()
  local app

  before_each(function() app = direct.new() end)

  local function page(session, fields)
    return app:call(fields and "POST" or "GET", session.checkout_url:match("^%a+://[^/]+(.*)$"), fields)
  end

  it("has a page with what it costs, that takes no HTML from the shop", function()
    local shown = page(app:open_session { amount = 10000, currency_code = "XOF", title = "<b>Two shirts</b>" })
    assert.equal(200, shown.status)
    assert.matches("&lt;b&gt;Two shirts&lt;/b&gt;", shown.body, 1, true)
    assert.matches("10\194\160000\194\160F\194\160CFA", shown.body, 1, true)
    assert.is_nil(shown.body:find("<script", 1, true))
  end)

  it("says what is missing of the payer, beside the field", function()
    local shown = page(app:open_session { amount = 500 }, "method=wave&name=&email=awa")
    assert.matches('<p class="error" id="name-error">Enter your name.', shown.body, 1, true)
    assert.matches('<p class="error" id="email-error">Enter an email address', shown.body, 1, true)
    assert.same({}, app:call("GET", "/transactions").json.data)
  end)

  it("leads to the shop when it is paid, and back when it is given up", function()
    local session = app:open_session { amount = 500, cancel_url = "https://shop.example/no" }
    assert.equal("https://shop.example/no", page(session, "method=cancel").headers.Location)
    assert.equal("https://shop.example/ok?s=" .. session.checkout_session_id,
      page(session, "method=mtn&name=Awa&email=awa%40example.com").headers.Location)
    assert.matches("Payment succeeded", page(session).body)
    assert.equal(1, #app:call("GET", "/transactions").json.data)
    page(session, "method=mtn&name=Awa&email=awa%40example.com") -- a page that was left open
    assert.equal(1, #app:call("GET", "/transactions").json.data)
  end)

  it("says that the session has ended", function()
    local session = app:open_session { amount = 500 }
    app:admin("POST", "/clock", { advance = 3600 })
    assert.matches("This session has ended", page(session).body)
  end)
end)
