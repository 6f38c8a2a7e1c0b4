-- SPDX-License-Identifier: MIT
local child = require "spec.support.child"
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
    end
  end)

  it("does without a key", function()
    assert.equal("abc", redact.text("abc"))
    assert.equal("abc", redact.text("abc", ""))
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

  it("hides a card number that came as a number", function()
    local shown = redact.value { number = 4242424242424242 }
    assert.not_equal(4242424242424242, shown.number)
  end)

  it("leaves the rest as it is, and the original too", function()
    local value = { a = 1, b = true, c = { "x", { d = 2.5 } }, client_secret = "s" }
    assert.same({ a = 1, b = true, c = { "x", { d = 2.5 } }, client_secret = "[hidden]" }, redact.value(value))
    assert.equal("s", value.client_secret)
    for _, plain in ipairs { 1, true, false, "x", 2.5 } do assert.equal(plain, redact.value(plain)) end
    assert.is_nil(redact.value(nil))
  end)
end)
