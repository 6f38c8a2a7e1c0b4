-- SPDX-License-Identifier: MIT
local child = require "spec.support.child"
local cost = require "spec.support.cost"
local locale = require "spec.support.locale"
local redact = require "lomi.redact"

local CARD = "4242424242424242"
local SPACED = "4242 4242 4242 4242"

-- No piece of a secret long enough to be of use is left.
local function hides(secret, text, key)
  local shown = redact.text(text, key)
  assert.is_nil(shown:find(secret, 1, true), shown)
  return shown
end

describe("lomi.redact.line", function()
  it("leaves nothing a terminal obeys, and all that is text", function()
    assert.equal("a?b?c?d?", redact.line "a\27b\nc\194\155d\127")
    assert.equal("a b", redact.line("a\tb", " "))
    assert.equal("a?b?c", redact.line "a\226\128\168b\226\128\169c")
    for _, mark in ipairs { "\226\128\142", "\226\128\143", "\226\128\170", "\226\128\174", "\226\129\166",
      "\226\129\169", "\216\156", "\226\128\139", "\226\129\160", "\226\129\175", "\239\187\191", "\239\191\185",
      "\239\191\187", "\243\160\128\129", "\243\160\129\191" } do
      assert.equal("a b", redact.line("a" .. mark .. "b", " "))
    end
    assert.equal("a … b", redact.line "a … b")
    for _, text in ipairs { "می\226\128\140خواهم", "👩\226\128\141🌾", "ﬁ", "\239\191\189" } do
      assert.equal(text, redact.line(text))
    end
    assert.equal("N'Goran, Aïcha, 10\194\160000 F, 东", redact.line "N'Goran, Aïcha, 10\194\160000 F, 东")
  end)
end)

describe("lomi.redact.text", function()
  it("hides the service's keys", function()
    for _, kind in ipairs { "sk_test", "sk_live", "pk_test", "pk_live" } do
      local secret = "9aB3xYz_Q-77"
      for _, text in ipairs {
        "%s", "X-API-KEY: %s", '{"key":"%s"}', "key=%s&x=1", "%s and %s", "(%s)", "Invalid key %s.",
      } do
        hides(secret, (text:gsub("%%s", "lomi_" .. kind .. "_" .. secret)))
      end
    end
  end)

  it("hides the key in use whatever it looks like, wherever it stands", function()
    for _, key in ipairs { "s3cret", "a.b*c%d[e]", "^$()%", "lomi_sk_test_a.b/c+d=", "secret-key-of-ours" } do
      for _, text in ipairs { key, key .. key, "x" .. key .. "y", "begin " .. key, key .. " end", key .. "," .. key } do
        hides(key, text, key)
      end
    end
  end)

  it("ends, even for a key that is part of what takes its place", function()
    local output, status = child.run [[
      local redact = require "lomi.redact"
      for _, key in ipairs { "key", "api key", "a", "hidden", "[", "]", "card", " " } do
        local text = redact.text("the key [hidden] of a card", key)
        assert(#text < 500, key)
      end
    ]]
    assert.equal(0, status, output)
  end)

  it("hides client secrets", function()
    for _, text in ipairs { "%s", 'client_secret: "%s"', "at /pay?s=%s&x", "%s%s" } do
      hides("AbC123xyz", (text:gsub("%%s", "pi_3QxYk6_secret_AbC123xyz")))
    end
  end)

  it("hides webhook secrets", function()
    for _, secret in ipairs { "9f8e7d6c", "Zm9v+YmFy/QUJD==", "a-b_c" } do
      hides(secret, "the secret is whsec_" .. secret .. ", or not")
    end
  end)

  it("hides card numbers, however they are grouped", function()
    for _, number in ipairs {
      CARD, "5555555555554444", "378282246310005", "4000002500003155", "6011111111111117", "30569309025904",
      "4222222222222", "6304000000000000000",
    } do
      hides(number, "card " .. number .. " declined")
      for _, separator in ipairs { " ", "-" } do
        local grouped = number:gsub("%d%d%d%d", "%0" .. separator):gsub("[ %-]$", "")
        hides(grouped, "card " .. grouped .. " declined")
        hides(grouped, grouped)
      end
    end
  end)

  describe("hides a card number with something beside it:", function()
    for name, text in pairs {
      punctuation = "(" .. CARD .. ").", quotes = '"' .. CARD .. '"', ["an equals sign"] = "number=" .. CARD,
      ["a colon"] = "card:" .. CARD .. ":123", ["another card"] = CARD .. " 5555555555554444",
      ["an expiry date"] = CARD .. " 12/28", ["a CVC"] = CARD .. " 123", ["an amount"] = "10000 " .. CARD,
      ["a hyphen before"] = "-" .. CARD, ["a hyphen after"] = CARD .. "- declined", ["a letter before"] = "pan" .. CARD,
      ["a letter after"] = CARD .. "declined", ["an underscore"] = "card_" .. CARD .. "_declined",
      ["a line break"] = "card\n" .. CARD .. "\n",
    } do
      it(name, function() hides(CARD, text) end)
    end
    it("an expiry date, in groups", function() hides(SPACED, SPACED .. " 12/28") end)
    it("a CVC, in groups", function() hides(SPACED, SPACED .. " 123") end)
  end)

  it("hides card numbers with other separators, and percent-encoded ones", function()
    for _, separator in ipairs { ".", "/", "_", "+", "\t", "\r\n", " - ", "  ", "%20", "%2D", "%2d", "%2B", "%C2%A0",
      "\194\160", "\194\183", "\226\128\135", "\226\128\137", "\226\128\139", "\226\128\145", "\226\128\147",
      "\226\128\148", "\226\128\175", "\226\136\146", "\227\128\128", "\239\187\191" } do
      local grouped = "4242" .. ("@4242"):rep(3):gsub("@", (separator:gsub("%%", "%%%%")))
      hides(grouped, "card " .. grouped .. " declined")
      hides("4242", "card=" .. grouped)
    end
  end)

  it("hides card numbers apart by any separator, percent-encoded", function()
    for _, separator in ipairs { " ", "\t", "\r\n", "-", ".", "/", "_", "+", " - ", "\194\160", "\194\173",
      "\194\183", "\226\128\135", "\226\128\145", "\226\128\175", "\226\129\160", "\226\136\146",
      "\227\128\128", "\239\187\191" } do
      for _, form in ipairs { "%%%02X", "%%%02x", "%%25%02X" } do
        local encoded = separator:gsub(".", function(c) return form:format(c:byte()) end)
        local grouped = "4242" .. (encoded .. "4242"):rep(3)
        for _, text in ipairs { "%s", "card=%s", "/pay?a=%%C3%%A9&card=%s&cvc=1", "a%%20%s%%20b", "%%22%s%%22",
          "%%b0%s" } do
          hides("4242", text:format(grouped))
          hides("4242", text:format(CARD))
        end
      end
    end
    assert.equal("card=[card number]", redact.text "card=4242%0A4242%094242%7F4242")
    assert.equal("[card number] ??a b", redact.text "4242%204242%204242%204242%20%C3%A9a%0Ab")
    for _, text in ipairs { "a%0Ab", "4242%2C4242%2C4242%2C4242", "%E2%80%AF1%20000%C2%A0F", "100%", "%2", "%zz",
      "%25%", "4000%E2%82%AC5000%E2%82%AC1200%E2%82%AC3008" } do
      assert.equal(text, redact.text(text))
    end
  end)

  it("hides keys and secrets that are percent-encoded", function()
    hides("YmFy", "secret=whsec_Zm9v%2BYmFy%2FQUJD%3D%3D&x=1")
    hides("AbC123xyz", "/pay/pi_1?client%5Fsecret=pi%5F1%5Fsecret%5fAbC123xyz")
    hides("AbC123xyz", "/x?key=lomi%5Fsk_test%5FAbC123xyz")
    hides("AbC123xyz", "key=lomi%255Fsk%255Ftest%255FAbC123xyz")
    hides("AbC123xyz", "/pay/pi_1?client_secret=pi%255f1%25255Fsecret%255FAbC123xyz")
    for _, secret in ipairs { "lomi_sk_test_abc", "lomi%5Fsk%5Ftest%5Fabc", "pi_1_secret_abc",
      "pi%5F1%5Fsecret%5Fabc" } do
      hides("def", secret .. "%2Ddef&x=1")
      hides("def", secret .. "%252ddef&x=1")
    end
    assert.equal("a%5Fb c_d %255F", redact.text "a%5Fb c_d %255F")
  end)

  it("leaves lists of amounts and numbers in other alphabets", function()
    for _, text in ipairs { "4000€ 5000€ 1200€ 3008€", "4242, 4242, 4242, 4242", "4242: 4242: 4242: 4242",
      "4242 … 4242 … 4242 … 4242", "100%20of 4242", "+225 07 07 07 07 07" } do
      assert.equal(text, redact.text(text))
    end
  end)

  it("leaves what is no secret", function()
    for _, text in ipairs {
      "", "amount must be above 0", "4242424242424241", "10000", "2026-11-22T10:00:00.000Z",
      "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "pi_3QxYk6", "acct_1", "+221770000000", "lomi_sk_test_",
      "idempotency_key: order-1", "status 500",
    } do
      assert.equal(text, redact.text(text, "lomi_sk_test_demo"))
    end
  end)

  it("leaves UUIDs, also those with digits only", function()
    for _, uuid in ipairs {
      "42424242-4242-4242-4242-424242424242", "00000000-0000-4000-8000-000000000000",
      "12345678-1234-4234-8234-123456789012",
    } do
      assert.equal("request " .. uuid .. ".", redact.text("request " .. uuid .. "."))
      assert.equal(uuid, redact.text(uuid))
    end
  end)

  it("does without a key", function()
    assert.equal("abc", redact.text("abc"))
    assert.equal("abc", redact.text("abc", ""))
  end)
end)

describe("a card number", function()
  it("is told by its issuer, its length and its check digit", function()
    for _, number in ipairs { "4000056655665556", "2223003122003222", "5200828282828210", "6011111111111117",
      "3056930009020004", "3566002020360505", "6200000000000005", "378282246310005", "36227206271667",
      "5061460410120223210" } do
      assert.equal("[card number]", redact.text(number))
    end
    for _, number in ipairs { "1764209657000", "1764209657008", "0000000000000000", "9999999999999995",
      "4242424242424242424242", "42424242424242", "2250700000009", "5555555555554", "378282246310" } do
      assert.equal(number, redact.text(number))
    end
  end)

  -- The first digits between which an issuer's numbers lie, and how long they are; see ISSUERS.
  local RANGES = {
    { 4000, 4999, "13 16 19" }, { 5100, 5599, "16" }, { 2221, 2720, "16" }, { 3400, 3499, "15" }, { 3700, 3799, "15" },
    { 3000, 3059, "14 15 16 17 18 19" }, { 3095, 3095, "14 15 16 17 18 19" }, { 3600, 3699, "14 15 16 17 18 19" },
    { 3800, 3999, "14 15 16 17 18 19" }, { 3528, 3589, "16 17 18 19" }, { 6000, 6099, "16 17 18 19" },
    { 6440, 6499, "16 17 18 19" }, { 6500, 6599, "16 17 18 19" }, { 8100, 8299, "16 17 18 19" },
    { 6200, 6299, "16 17 18 19" }, { 2200, 2204, "16 17 18 19" }, { 5060, 5061, "16 17 18 19" },
    { 5078, 5079, "16 17 18 19" }, { 5018, 5018, "12 13 14 15 16 17 18 19" }, { 5020, 5020, "12 13 14 15 16 17 18 19" },
    { 5038, 5038, "12 13 14 15 16 17 18 19" }, { 5893, 5893, "12 13 14 15 16 17 18 19" },
    { 6304, 6304, "12 13 14 15 16 17 18 19" }, { 6759, 6759, "12 13 14 15 16 17 18 19" },
    { 6761, 6763, "12 13 14 15 16 17 18 19" },
  }

  -- A number of that length with a right check digit.
  local function number_of(prefix, length)
    local digits = ("%04d%0" .. length - 5 .. "d"):format(prefix, 7)
    for check = 0, 9 do
      local number, sum = digits .. check, 0
      for i = 1, length do
        local digit = tonumber(number:sub(-i, -i)) * (i % 2 == 0 and 2 or 1)
        sum = sum + (digit > 9 and digit - 9 or digit)
      end
      if sum % 10 == 0 then return number end
    end
  end

  it("is hidden from the first to the last of an issuer's numbers, of each of their lengths, and no other", function()
    local prefixes = {}
    for _, range in ipairs(RANGES) do
      for _, edge in ipairs { range[1] - 1, range[1], range[2], range[2] + 1 } do prefixes[edge] = true end
    end
    for prefix in pairs(prefixes) do
      local lengths = ""
      for _, range in ipairs(RANGES) do
        if prefix >= range[1] and prefix <= range[2] then lengths = range[3] end
      end
      for length = 11, 20 do
        local number = number_of(prefix, length)
        local is_card = (" " .. lengths .. " "):find(" " .. length .. " ", 1, true) ~= nil
        if (redact.text(number) ~= number) ~= is_card then assert.equal(is_card and "hidden" or "shown", number) end
      end
    end
  end)

  it("is no phone number: every number of Ivory Coast can be read, however it is written", function()
    for i = 0, 499 do
      local local_part = ("0%d%08d"):format(5 + 2 * (i % 2), 12345000 + i * 7919)
      local grouped = local_part:gsub("%d%d", "%0 "):sub(1, -2)
      for _, text in ipairs { "+225" .. local_part, "+225 " .. grouped, "00225" .. local_part, local_part, grouped,
        "+225" .. local_part .. " +225" .. local_part } do
        assert.equal("no account for " .. text, redact.text("no account for " .. text))
      end
    end
  end)

  it("is hidden in groups apart by anything that looks like a space or a hyphen", function()
    for _, separator in ipairs { " ", "  ", "\t", "\n", "\194\160", "\226\128\175", "\226\128\137", "\226\128\145",
      "\226\128\147", ".", "/", "_", " - " } do
      assert.equal("a [card number]!", redact.text("a " .. SPACED:gsub(" ", separator) .. "!"))
    end
    assert.equal("[card number]", redact.text(CARD:gsub("%d", "%0 "):sub(1, -2)))
    assert.equal("4242     4242     4242     4242", redact.text "4242     4242     4242     4242")
  end)
end)

describe("a cut", function()
  local KEY = "an-unusual-key-0123456789"

  -- Bytes of the secret's beginning that are shown.
  local function shown(text, secret)
    for n = #secret, 1, -1 do
      if text:find(secret:sub(1, n), 1, true) then return n end
    end
    return 0
  end

  it("leaves no part of a secret, wherever it falls", function()
    for _, secret in ipairs { KEY, CARD, SPACED, (SPACED:gsub(" ", " - ")),
      (SPACED:gsub(" ", "%%25E2%%2580%%2591")) } do
      for _, size in ipairs { 100, 2048, 4096 } do
        for before = size - #secret - 1, size + 1 do
          local text = ("x"):rep(before) .. " " .. secret .. (" tail"):rep(2000)
          local most = math.max(shown(redact.text(text, KEY), secret), shown(redact.text(text, KEY, 100), secret),
            shown(redact.sentence(text, { "other", KEY }), secret), shown(redact.id(text, KEY), KEY))
          assert.is_true(most <= 1, most .. " of " .. secret .. " at " .. before)
        end
      end
    end
  end)

  it("leaves none that a long secret before it has brought to the front", function()
    for shift = 1, #KEY do
      local text = "pi_1_secret_" .. ("a"):rep(3000) .. " " .. ("x"):rep(4096 - 3013 - shift) .. KEY .. ("y"):rep(500)
      assert.is_true(shown(redact.text(text, KEY), KEY) <= 1)
    end
  end)

  it("is at a character's end, at 2,048 bytes, and is shown", function()
    assert.equal(("x"):rep(2048), redact.text(("x"):rep(2048)))
    assert.equal(("x"):rep(2048) .. "...", redact.text(("x"):rep(2049)))
    assert.equal(("é"):rep(1024) .. "...", redact.text(("é"):rep(4000)))
    assert.equal("x" .. ("é"):rep(1023) .. "...", redact.text("x" .. ("é"):rep(4000)))
    assert.equal(("x"):rep(10) .. "...", redact.text(("x"):rep(4000), nil, 10))
  end)

  it("bounds what grows as well", function()
    assert.is_true(#redact.text(("whsec_a "):rep(256)) <= 2051)
    assert.is_true(#redact.text(("a"):rep(2000), "a") <= 2051)
  end)
end)

describe("a URL with a user and a password", function()
  it("shows neither, however it is written", function()
    for _, url in ipairs {
      "http://shopuser:Hunter2@proxy:1", "http://shopuser:Hunter2/Secret@proxy:1",
      "http://shopuser:Hunter2@Secret@proxy:1", "socks5h://shopuser:Hunter2?#Secret@proxy:1",
    } do
      local text = redact.text("Could not resolve '" .. url .. "': no")
      assert.is_nil(text:find "Hunter2" or text:find "Secret" or text:find "shopuser", text)
      assert.matches("proxy:1", text, 1, true)
    end
    assert.equal("see https://docs.example/a, or mail awa@example.com",
      redact.text "see https://docs.example/a, or mail awa@example.com")
  end)
end)

describe("the cost of a hostile text", function()
  it("is small, whatever the text", function()
    for _, piece in ipairs { "1 ", "4 ", "4-", CARD .. " ", SPACED .. "-", "://", "://a@", "lomi_sk_", "_secret_",
      "whsec_", "\194", "a-key", "42", "%s", "\226\128", "4%20", "%25", "%5F", "%2525", "%E2%80%91", "25" } do
      local text = piece:rep(math.floor(4e6 / #piece))
      local list = {}
      for i = 1, 200 do list[i] = text end
      assert.is_true(cost.of(function()
        redact.value(list, "a-key")
        redact.sentence(text, { "a-key", "b-key" })
      end) < 0.1, piece)
    end
  end)

  it("is bounded for a table as a whole", function()
    local list = {}
    for i = 1, 150 do list[i] = ("x"):rep(2048) end
    local bytes = 0
    for _, text in ipairs(redact.value(list)) do bytes = bytes + #text end
    assert.is_true(bytes < 20000, bytes)
  end)
end)

describe("lomi.redact.value", function()
  local KEY = "k3y-in-use"

  it("hides secrets anywhere in a table, as keys and as values", function()
    local value = {
      client_secret = "anything at all", list = { "lomi_sk_live_abcdef", { deep = "whsec_abcdef" } },
      ["lomi_sk_test_abcdef"] = 1, text = "pi_1_secret_abcdef", card = SPACED, own = "it was " .. KEY,
      nested = { client_secret = { "anything at all" } },
    }
    local function walk(item)
      if type(item) == "table" then
        for key, inner in pairs(item) do
          walk(key)
          walk(inner)
        end
      else
        for _, secret in ipairs { "abcdef", "anything", SPACED, KEY } do
          assert.is_nil(tostring(item):find(secret, 1, true), tostring(item))
        end
      end
    end
    walk(redact.value(value, KEY))
  end)

  it("hides a card number that came as a number, also one whose last digits are lost", function()
    local shown = redact.value { 4242424242424242, 378282246310005, 6304000000000000000.0, 4242424242424242424.0 }
    assert.same({ "[card number]", "[card number]", "[card number]", "[card number]" }, shown)
  end)

  it("leaves every other number a number", function()
    for i = 0, 999 do
      for _, number in ipairs { 1764209657000 + i, (1764209657000 + i) * 1000, 10000 + i, -4242424242424242, 4242.5,
        i * 1e10 + 7 } do
        local shown = redact.value { number }
        if number ~= shown[1] then assert.equal(number, shown[1]) end
      end
    end
  end)

  it("finds hidden names under the Turkish locale", function()
    locale.need(locale.TURKISH, pending)
    locale.under(locale.TURKISH, function()
      assert.same({ CLIENT_SECRET = "[hidden]", ["X-API-KEY"] = "[hidden]" },
        redact.value { CLIENT_SECRET = "s", ["X-API-KEY"] = "k" })
    end)
  end)

  it("leaves the rest as it is, and the original too", function()
    local value = { a = 1, b = true, c = { "x", { d = 2.5 } }, client_secret = "s" }
    assert.same({ a = 1, b = true, c = { "x", { d = 2.5 } }, client_secret = "[hidden]" }, redact.value(value))
    assert.equal("s", value.client_secret)
    for _, plain in ipairs { 1, true, false, "x", 2.5 } do assert.equal(plain, redact.value(plain)) end
    assert.is_nil(redact.value(nil))
  end)
end)
