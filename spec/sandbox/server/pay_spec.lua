-- SPDX-License-Identifier: MIT
local cards = require "lomi.sandbox.server.cards"
local direct = require "spec.support.direct"

local FORM = { ["Content-Type"] = "application/x-www-form-urlencoded" }
local NBSP = "\194\160"

describe("lomi.sandbox.server.pay", function()
  local sandbox, charge

  before_each(function()
    sandbox = direct.new()
    charge = sandbox:charge()
  end)

  local function address(secret)
    return "/pay/" .. charge.id .. "?client_secret=" .. (secret or charge.client_secret)
  end

  local function show(secret) return sandbox:call("GET", address(secret)) end

  local function submit(fields, secret)
    local parts = { "client_secret=" .. (secret or charge.client_secret) }
    for name, value in pairs(fields) do
      parts[#parts + 1] = name .. "=" .. value:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end)
    end
    return sandbox:call("POST", "/pay/" .. charge.id, table.concat(parts, "&"), FORM)
  end

  -- As a browser does.
  local function follow(response)
    assert.equal(303, response.status, response.body)
    return sandbox:call("GET", response.headers.Location)
  end

  local function card(number, more)
    local fields = { card = number, expiry = "12/99", cvc = "123" }
    for name, value in pairs(more or {}) do fields[name] = value end
    return submit(fields)
  end

  local function pay(...) return follow(card(...)) end
  local function answer(word) return follow(submit { challenge = word }) end
  local function status() return sandbox:call("GET", "/charge/card/" .. charge.id).json.data.status end
  local function says(text, page) assert.matches(text, page.body, 1, true) end
  local function silent_on(text, page) assert.falsy(page.body:find(text, 1, true), page.body) end
  local function title(page) return page.body:match("<title>(.-) · lomi. sandbox</title>") end
  local function field(name, page) return page.body:match('<input id="' .. name .. '"[^>]*>') end

  it("is a form with labels, without script", function()
    local page = show()
    assert.equal(200, page.status)
    assert.equal("text/html; charset=utf-8", page.headers["Content-Type"])
    for name, kind in pairs { card = "cc-number", expiry = "cc-exp", cvc = "cc-csc" } do
      says(('<label for="%s">'):format(name), page)
      says('inputmode="numeric" autocomplete="' .. kind .. '" required', { body = field(name, page) })
    end
    says('name="viewport"', page)
    silent_on("<script", page)
    assert.equal("Pay 10" .. NBSP .. "000" .. NBSP .. "F" .. NBSP .. "CFA", title(page))
  end)

  it("opens for the client_secret only", function()
    for _, secret in ipairs { "", "x", charge.id } do
      assert.equal(404, show(secret).status)
      assert.equal(404, submit({ card = "4242424242424242", expiry = "12/99", cvc = "123" }, secret).status)
    end
    assert.equal(404, sandbox:call("GET", "/pay/" .. charge.id).status)
    assert.equal(404, sandbox:call("GET", "/pay/pi_none?client_secret=x").status)
    assert.equal("requires_payment_method", status())
  end)

  it("pays, and leads back to a page that may be loaded again", function()
    local response = card("4242 4242 4242 4242")
    assert.equal(address(), response.headers.Location)
    local page = follow(response)
    says("Payment succeeded", page)
    says("Visa ending in 4242", page)
    assert.equal("Payment succeeded", title(page))
    assert.equal("succeeded", status())
    assert.equal(page.body, show().body)
    says("Payment succeeded", pay("4000000000000002"))
    assert.equal("succeeded", status())
  end)

  it("says that a card is declined, and takes another", function()
    local page = pay("4000 0000 0000 0002")
    says('role="alert"', page)
    says("The card was declined.", page)
    says('aria-describedby="outcome card-hint" autofocus', { body = field("card", page) })
    assert.equal("Not paid: The card was declined.", title(page))
    says("insufficient funds", pay("4000000000009995"))
    assert.equal("requires_payment_method", status())
    says("Payment succeeded", pay("4242424242424242"))
  end)

  it("shows beside which field the bank found a fault", function()
    for name, number in pairs { card = "4242424242424241", expiry = "4000000000000069", cvc = "4000000000000127" } do
      local page = pay(number)
      says('role="alert"', page)
      says('aria-invalid="true"', { body = field(name, page) })
      says('id="' .. name .. '-error"', page)
      assert.equal("requires_payment_method", status())
    end
  end)

  it("asks for 3-D Secure, and ends as the payer and the card say", function()
    says("3-D Secure", pay("4000002500003155"))
    says("could not confirm that it is you", answer "fail")
    assert.equal("requires_payment_method", status())
    pay("4000002500003155")
    says("Confirm the payment", show())
    says("Confirm the payment", answer "perhaps")
    says("Confirm the payment", pay("4242424242424242"))
    assert.equal("requires_action", status())
    says("Payment succeeded", answer "pass")

    charge = sandbox:charge()
    pay("4000008400001629")
    says("The card was declined.", answer "pass")
  end)

  it("says at each field what is wrong with it, all at once, and begins at the first", function()
    local page = submit {}
    assert.equal(200, page.status)
    for _, name in ipairs { "card", "expiry", "cvc" } do
      local input = { body = field(name, page) }
      says('aria-invalid="true" aria-describedby="' .. name .. "-error", input)
      says('<p class="error" id="' .. name .. '-error">Enter ', page)
      assert.equal(name == "card", input.body:find("autofocus", 1, true) ~= nil)
    end
    assert.matches("^Error: Enter the number of a test card", title(page))

    page = card("4242424242424242", { expiry = "soon" })
    says("Enter a month and a year", page)
    says("autofocus", { body = field("expiry", page) })
    silent_on("aria-invalid", { body = field("card", page) .. field("cvc", page) })
    says("Enter three digits", card("4242424242424242", { cvc = "12a" }))
    assert.is_nil(sandbox:admin("GET", "/charges").json.data[1].failure_code) -- nobody has tried to pay
  end)

  it("shows the number of a test card again, and nothing else that was typed", function()
    local page = card("4242-4242 42424242", { expiry = "13/99", cvc = "7391x" })
    says('value="4242 4242 4242 4242"', { body = field("card", page) })
    silent_on("7391", page)
    silent_on("13/99", page)
    page = card("4111 1111 1111 1111")
    says("not a test card", page)
    silent_on("4111", page)
    assert.equal("requires_payment_method", status())
  end)

  it("takes an expiry as people type it", function()
    says("The card has expired", pay("4242424242424242", { expiry = "01/20" }))
    for _, expiry in ipairs { "1299", "12 99", "12-99", " 12 / 2099 ", "122099", "1/99" } do
      charge = sandbox:charge()
      says("Payment succeeded", pay("4242424242424242", { expiry = expiry }))
    end
    charge = sandbox:charge()
    for _, expiry in ipairs { "13/99", "0099", "12", "129", "12/9x" } do
      says("Enter a month and a year", card("4242424242424242", { expiry = expiry }))
    end
  end)

  it("offers every test card to choose from, filled in so that it can be paid with at once", function()
    local list, seen = show().body:match("<aside.*</aside>"), 0
    for href, number in list:gmatch('<a href="([^"]*)"><span class="number">([%d ]+)<') do
      local known = assert(cards.find(number), number)
      seen = seen + 1
      silent_on(number:gsub(" ", ""), { body = href })
      local page = sandbox:call("GET", (href:gsub("&amp;", "&")))
      says('value="' .. number .. '"', { body = field("card", page) })
      says("<button type=\"submit\" autofocus>", page)
      assert.equal(number, page.body:match('aria%-current="true"><span class="number">([%d ]+)'))
      assert.equal(known.brand == "amex" and "1234" or "123", field("cvc", page):match('value="(%d+)"'))
      assert.is_false(cards.is_past(field("expiry", page):match('value="(%d%d/%d%d)"'), os.time()))
    end
    assert.equal(#cards.list, seen)
  end)

  it("has forgotten the card before when another is chosen", function()
    pay("4000000000000002")
    says('role="alert"', sandbox:call("GET", address() .. "&test_card=nonsense"))
    silent_on('role="alert"', sandbox:call("GET", address() .. "&test_card=24242"))
    says('role="alert"', show())
  end)

  it("fills in an expiry to come, whatever the sandbox's clock says", function()
    sandbox:admin("POST", "/clock", { advance = 10 * 366 * 24 * 60 * 60 })
    local expiry = field("expiry", sandbox:call("GET", address() .. "&test_card=24242")):match('value="(%d%d/%d%d)"')
    says("Payment succeeded", pay("4242424242424242", { expiry = expiry }))
  end)

  describe("with a return_url in its link", function()
    local SHOP = "http://127.0.0.1:8080/orders/1?a=b&c=d"

    local function show_with(url)
      return sandbox:call("GET", address() .. "&return_url="
        .. url:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end))
    end

    it("leads back to the shop once it is paid, and offers the way back before", function()
      local page = show_with(SHOP)
      says('<a href="http://127.0.0.1:8080/orders/1?a=b&amp;c=d">Back to the shop</a>', page)
      assert.matches("form%-action 'self' http://127%.0%.0%.1:8080$", page.headers["Content-Security-Policy"])
      assert.equal(address(), card("4000000000000002").headers.Location)
      says("Back to the shop", show())
      assert.equal(address(), card("4000002500003155").headers.Location)
      assert.matches(" http://127%.0%.0%.1:8080$", show().headers["Content-Security-Policy"])
      assert.equal(SHOP, submit({ challenge = "pass" }).headers.Location)
      assert.equal(SHOP, card("4242424242424242").headers.Location)
      says("Back to the shop", show())
    end)

    it("leads back once an amount is held", function()
      charge = sandbox:charge { hold = true }
      show_with(SHOP)
      assert.equal(SHOP, card("4242424242424242").headers.Location)
    end)

    it("takes nothing but a web address", function()
      for _, url in ipairs { "", "/orders/1", "javascript:alert(1)", "http://", "http://a b", "http://a/\r\nX-A: b",
        "http://a/\0", "http://a/" .. ("x"):rep(2000) } do
        silent_on("Back to the shop", show_with(url))
      end
      assert.equal(address(), card("4242424242424242").headers.Location)
    end)
  end)

  it("takes no HTML from a charge", function()
    charge = sandbox:charge { description = [["><script>alert('1')</script>{amount}&]] }
    for _, page in ipairs { show(), (pay("4242424242424242")) } do
      says("&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;{amount}&amp;", page)
      silent_on("<script", page)
    end
  end)

  it("writes amounts as people do", function()
    local function amount(text, params)
      charge = sandbox:charge(params)
      says("Pay " .. text:gsub(" ", NBSP), show())
    end
    amount("10 000 F CFA")
    says("€15.24", show())
    amount("100 000 F CFA", { amount = 100000 })
    amount("$1 234 567.50", { amount = 1234567.5, currency_code = "USD" })
    amount("€10.05", { amount = 10.05, currency_code = "EUR" })
    silent_on("charged in euros", show())
  end)

  it("shows a hold and a canceled charge for what they are", function()
    charge = sandbox:charge { hold = true }
    says("Hold 10" .. NBSP .. "000", show())
    says("held on your card", pay("4242424242424242"))
    sandbox:call("POST", "/charge/card/" .. charge.id .. "/cancel")
    says("Nothing was taken", show())
    says("Nothing was taken", pay("4242424242424242"))
    assert.equal("canceled", status())

    charge = sandbox:charge { hold = true }
    pay("4242424242424242")
    sandbox:call("POST", "/charge/card/" .. charge.id .. "/capture", { amount = 6000 })
    says("4" .. NBSP .. "000" .. NBSP .. "F" .. NBSP .. "CFA</dd>", show())

    charge = sandbox:charge { hold = true }
    pay("4242424242424242")
    sandbox:admin("POST", "/clock", { advance = 8 * 24 * 60 * 60 })
    says("did not collect the amount in time", show())
  end)

  it("shows what became of a Wave charge", function()
    local function wave(scenario)
      local response = sandbox:call("POST", "/charge/wave", { amount = 500, currency = "XOF",
        customer = { name = "Awa", phoneNumber = "+221770000000" } }, { ["X-Scenario-Key"] = scenario })
      return sandbox:call("GET", response.json.checkout_url:match("^http://[^/]+(.*)"))
    end
    says("Payment succeeded", wave(false))
    says("The payment is waiting for you", wave "pending")
  end)

  it("takes no other method", function()
    local page = sandbox:call("PUT", address())
    assert.equal(405, page.status)
    assert.equal("GET, HEAD, POST", page.headers.Allow)
    assert.equal(200, sandbox:call("HEAD", address()).status)
  end)
end)
