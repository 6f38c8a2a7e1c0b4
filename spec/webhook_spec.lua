-- SPDX-License-Identifier: MIT
local child = require "spec.support.child"
local core = require "lomi.core"
local locale = require "spec.support.locale"
local unpack = table.unpack or unpack -- luacheck: ignore 113 143
local webhook = require "lomi.webhook"

local SECRET = "whsec_0123456789abcdef"
local OTHER_SECRET = "whsec_fedcba9876543210"
local SENT_AT = 1795341600
local TIMESTAMP = "2026-11-22T10:00:00.000Z"
-- Written as senders write: spaces, escapes, an order of their own. Any re-encoding changes it.
local BODY = '{ "id": "4b7e0c1e-9d5b-4c9f-8a51-6a6a6f2b7c11", "event": "PAYMENT_SUCCEEDED", "timestamp": "'
  .. TIMESTAMP .. '", "data": { "transaction_id": "tx_1", "amount": 10000, "currency": "XOF",'
  .. ' "customer": "Awa \\u004ediaye", "metadata": { "note": null } }, "lomi_environment": "test" }'
local SIGNATURE = webhook.sign(BODY, SECRET)
local V1 = webhook.sign(BODY, SECRET, SENT_AT)

local function timestamped(timestamp)
  return ('{"id":"evt_1","event":"test.webhook","timestamp":%s,"data":{}}'):format(timestamp)
end

local function construct(body, headers, opts)
  return webhook.construct_event(body, headers or webhook.sign(body, SECRET), SECRET, opts)
end

-- Takes the results of verify or construct_event.
local function assert_refused(code, kind, result, err)
  assert.is_nil(result)
  assert.is_not_nil(err, "no error given")
  assert.equal(code, err.code)
  assert.equal(kind, err.kind)
  for _, text in ipairs { err.message, tostring(err) } do
    for _, hidden in ipairs { SECRET, OTHER_SECRET, SIGNATURE } do
      assert.is_nil(text:lower():find(hidden, 1, true), "it gives away what it must not: " .. text)
    end
    assert.is_nil(text:find("\n"), "more than one line")
  end
  return err
end

local function assert_raises_here(pattern, misuse)
  local here = debug.getinfo(misuse, "S")
  local ok, message = pcall(misuse)
  assert.is_false(ok, "did not raise")
  local file, line = tostring(message):match("([%w_]+%.lua):(%d+): ")
  assert.equal("webhook_spec.lua", file, message)
  line = tonumber(line)
  assert.is_true(line >= here.linedefined and line <= here.lastlinedefined, "not at the caller's line: " .. message)
  assert.matches(pattern, message)
  assert.is_nil(message:find(SECRET, 1, true))
end

describe("lomi.webhook", function()
  describe("sign", function()
    it("is the hex HMAC-SHA256 of the body", function()
      assert.equal("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        webhook.sign("what do ya want for nothing?", "Jefe"))
      assert.equal(64, #webhook.sign("", SECRET))
    end)

    it("with a time, is the HMAC of the time, a dot and the body", function()
      assert.equal("t=1795341600,v1=" .. webhook.sign("1795341600." .. BODY, SECRET), V1)
      for _, time in ipairs { -1, 1.5, 1e12, 0 / 0, "1795341600" } do
        assert_raises_here("time must be", function() webhook.sign(BODY, SECRET, time) end)
      end
    end)

    it("raises for anything but a body and one secret", function()
      assert_raises_here("body must be .* not table", function() webhook.sign({}, SECRET) end)
      assert_raises_here("body must be .* not nil", function() webhook.sign(nil, SECRET) end)
      assert_raises_here("secret must be .* not nil; is LOMI_WEBHOOK_SECRET set", function() webhook.sign(BODY) end)
      assert_raises_here("secret must be .* not table", function() webhook.sign(BODY, { SECRET }) end)
      assert_raises_here("secret is empty", function() webhook.sign(BODY, "") end)
    end)
  end)

  describe("verify", function()
    it("takes the signature of the body", function()
      assert.is_true(webhook.verify(BODY, SIGNATURE, SECRET))
      assert.is_true(webhook.verify("", webhook.sign("", SECRET), SECRET))
      assert.is_true(webhook.verify(BODY, V1, SECRET))
      assert.is_true(webhook.verify(BODY, { [0] = V1 }, SECRET))
      assert_refused("signature_malformed", "signature", webhook.verify(BODY, { [0] = V1, V1 }, SECRET))
      assert_raises_here("a table of headers is for construct_event", function()
        webhook.verify(BODY, { ["X-Lomi-Signature"] = SIGNATURE }, SECRET)
      end)
    end)

    it("takes hex in either case, with or without sha256=", function()
      assert.is_true(webhook.verify(BODY, SIGNATURE:upper(), SECRET))
      assert.is_true(webhook.verify(BODY, "sha256=" .. SIGNATURE, SECRET))
      assert.is_true(webhook.verify(BODY, "sha256=" .. SIGNATURE:upper(), SECRET))
    end)

    it("takes a list of secrets, the right one in any place", function()
      assert.is_true(webhook.verify(BODY, SIGNATURE, { SECRET, OTHER_SECRET }))
      assert.is_true(webhook.verify(BODY, SIGNATURE, { OTHER_SECRET, SECRET }))
      assert.is_true(webhook.verify(BODY, SIGNATURE, { SECRET }))
      assert_refused("signature_mismatch", "signature", webhook.verify(BODY, SIGNATURE, { OTHER_SECRET, "whsec_x" }))
    end)

    it("refuses another secret, saying what usually happened", function()
      local err = assert_refused("signature_mismatch", "signature", webhook.verify(BODY, SIGNATURE, OTHER_SECRET))
      assert.matches("re%-encoded", err.message)
      assert.matches("raw bytes", err.message)
      assert.matches("another endpoint's", err.message)
    end)

    it("refuses the body with any one bit flipped", function()
      for i = 1, #BODY do
        local byte = BODY:byte(i)
        for bit = 0, 7 do
          local mask = 2 ^ bit
          local flipped = math.floor(byte / mask) % 2 == 0 and byte + mask or byte - mask
          local body = BODY:sub(1, i - 1) .. string.char(flipped) .. BODY:sub(i + 1)
          local ok, err = webhook.verify(body, SIGNATURE, SECRET)
          if ok or err.code ~= "signature_mismatch" then error(("bit %d of byte %d"):format(bit, i)) end
        end
      end
    end)

    it("refuses the signature with any one bit flipped, unless it only changes the case", function()
      for i = 1, #SIGNATURE do
        local byte = SIGNATURE:byte(i)
        for bit = 0, 7 do
          local mask = 2 ^ bit
          local flipped = math.floor(byte / mask) % 2 == 0 and byte + mask or byte - mask
          local signature = SIGNATURE:sub(1, i - 1) .. string.char(flipped) .. SIGNATURE:sub(i + 1)
          local same = signature:lower() == SIGNATURE
          if (webhook.verify(BODY, signature, SECRET) == true) ~= same then
            error(("bit %d of digit %d"):format(bit, i))
          end
        end
      end
    end)

    it("refuses a signature of any other length", function()
      for length = 0, #SIGNATURE - 1 do
        assert_refused("signature_malformed", "signature", webhook.verify(BODY, SIGNATURE:sub(1, length), SECRET))
      end
      for _, signature in ipairs { SIGNATURE .. "0", SIGNATURE .. SIGNATURE, SIGNATURE .. "\n", SIGNATURE .. "\0",
        " " .. SIGNATURE, "sha256=", "sha256=sha256=" .. SIGNATURE, SIGNATURE .. ", " .. SIGNATURE } do
        local err = assert_refused("signature_malformed", "signature", webhook.verify(BODY, signature, SECRET))
        assert.matches("64 hex digits", err.message)
      end
    end)

    it("refuses other algorithms and what is not hex", function()
      for _, signature in ipairs { "sha1=" .. SIGNATURE, "sha512=" .. SIGNATURE, "g" .. SIGNATURE:sub(2) } do
        assert_refused("signature_malformed", "signature", webhook.verify(BODY, signature, SECRET))
      end
    end)

    it("refuses an absent signature, and takes a header's value as a list of one", function()
      assert_refused("signature_missing", "signature", webhook.verify(BODY, nil, SECRET))
      assert_refused("signature_missing", "signature", webhook.verify(BODY, {}, SECRET))
      assert_refused("signature_malformed", "signature", webhook.verify(BODY, { SIGNATURE, SIGNATURE }, SECRET))
      assert_refused("signature_malformed", "signature", webhook.verify(BODY, { true }, SECRET))
      assert.is_true(webhook.verify(BODY, { SIGNATURE }, SECRET))
    end)

    it("gives an error for a body the server has not read, before looking at the signature", function()
      local err = assert_refused("body_missing", "protocol", webhook.verify(nil, SIGNATURE, SECRET))
      assert.matches("read_body", err.message)
      assert.matches("get_body_file", err.message)
      assert_refused("body_missing", "protocol", webhook.verify(nil, nil, SECRET))
    end)

    it("raises for misuse, at the caller's line", function()
      assert_raises_here("raw bytes", function() webhook.verify(core.decode(BODY), SIGNATURE, SECRET) end)
      assert_raises_here("raw_body must be a string, not number", function() webhook.verify(1, SIGNATURE, SECRET) end)
      assert_raises_here("signature must be .* not number", function() webhook.verify(BODY, 1, SECRET) end)
      assert_raises_here("LOMI_WEBHOOK_SECRET", function() webhook.verify(BODY, SIGNATURE, nil) end)
    end)

    it("verifies none of 100,000 random mutations of a valid pair", function()
      local seed = tonumber(os.getenv "LOMI_SPEC_SEED") or os.time() % 2147483646 + 1
      local state = seed
      local function random(n) -- 1 to n; our own, so that a seed means the same on every Lua
        state = state * 16807 % 2147483647
        return state % n + 1
      end

      local MUTATIONS = {
        function(s, i) return s:sub(1, i - 1) .. string.char(random(256) - 1) .. s:sub(i + 1) end, -- replace
        function(s, i) return s:sub(1, i - 1) .. s:sub(i + random(4)) end, -- delete
        function(s, i) return s:sub(1, i) .. string.char(random(256) - 1) .. s:sub(i + 1) end, -- insert
        function(s, i) return s:sub(1, i - 1) end, -- cut
        function(s, i) return s:sub(i + 1) .. s:sub(1, i) end, -- rotate
        function(s, i) return s .. s:sub(i) end, -- repeat the end
        function(s, i) return s:sub(1, i - 1) .. s:sub(i, i + 7):reverse() .. s:sub(i + 8) end,
        function(s, i) return s:sub(1, i - 1) .. ("%x"):format(random(16) - 1) .. s:sub(i + 1) end,
        function(s) return "sha256=" .. s end,
        function(s) return s:upper() end,
      }
      local function mutate(s)
        for _ = 1, random(3) do s = MUTATIONS[random(#MUTATIONS)](s, random(math.max(#s, 1))) end
        return s
      end

      local tried = 0
      while tried < 100000 do
        local body, signature, which = BODY, SIGNATURE, random(3)
        if which ~= 1 then body = mutate(body) end
        if which ~= 2 then signature = mutate(signature) end
        -- The same pair in another spelling is valid, and no mutation.
        if body ~= BODY or signature:gsub("^sha256=", ""):lower() ~= SIGNATURE then
          tried = tried + 1
          local ok, err = webhook.verify(body, signature, SECRET)
          if ok ~= nil or err.kind ~= "signature" then
            error(("mutation %d verifies; LOMI_SPEC_SEED=%d: %q, %q"):format(tried, seed, signature, body))
          end
        end
      end
    end)
  end)

  describe("construct_event", function()
    it("gives the event of a signed body", function()
      local event, err = webhook.construct_event(BODY, { ["X-Lomi-Signature"] = SIGNATURE }, SECRET)
      assert.is_nil(err)
      assert.equal("PAYMENT_SUCCEEDED", event.event)
      assert.equal("4b7e0c1e-9d5b-4c9f-8a51-6a6a6f2b7c11", event.id)
      assert.equal("10000", tostring(event.data.amount))
      assert.equal("Awa Ndiaye", event.data.customer)
      assert.is_nil(event.data.metadata.note)
    end)

    it("finds the headers in any case, alone or in lists, among others", function()
      for _, headers in ipairs {
        { ["x-lomi-signature"] = SIGNATURE, ["x-lomi-timestamp"] = TIMESTAMP },
        { ["X-LOMI-SIGNATURE"] = "sha256=" .. SIGNATURE:upper(), ["X-LOMI-TIMESTAMP"] = TIMESTAMP },
        { ["X-Lomi-Signature"] = { SIGNATURE }, ["X-Lomi-Timestamp"] = { TIMESTAMP } },
        { ["X-Lomi-Signature"] = SIGNATURE, ["X-Lomi-Timestamp"] = {}, ["Accept"] = { "a", "b" }, [1] = "x" },
      } do
        assert.equal("PAYMENT_SUCCEEDED", assert(webhook.construct_event(BODY, headers, SECRET)).event)
      end
    end)

    local function reads(headers)
      local event, err = webhook.construct_event(BODY, headers, SECRET)
      assert.is_nil(err)
      assert.equal("PAYMENT_SUCCEEDED", event.event)
    end

    it("finds the headers as other servers have them", function()
      reads { host = { [0] = "shop.example" }, ["x-lomi-signature"] = { [0] = SIGNATURE },
        ["x-lomi-timestamp"] = { [0] = TIMESTAMP } } -- HAProxy
      reads { HTTP_X_LOMI_SIGNATURE = SIGNATURE, HTTP_X_LOMI_TIMESTAMP = TIMESTAMP } -- CGI
      reads { x_lomi_signature = SIGNATURE }
      reads { HTTP_X_LOMI_SIGNATURE_V1 = V1 }
      local function only(wanted, value)
        return setmetatable({}, { __index = function(_, name)
          if name == wanted then return value end
          if wanted == "strict" then error("undeclared " .. name) end
          return wanted:find "HTTP" and "" or nil -- as WSAPI does
        end })
      end
      for _, name in ipairs { "x-lomi-signature", "X-Lomi-Signature", "HTTP_X_LOMI_SIGNATURE" } do
        reads(only(name, SIGNATURE))
        reads(only(name, { SIGNATURE }))
      end
      reads(only("X-Lomi-Signature-V1", V1))
      assert_refused("signature_missing", "signature", webhook.construct_event(BODY, only("strict"), SECRET))
      -- An object that is gone through by its own __pairs, as lua-http's, which names repeated headers again.
      local function listed(...)
        local list = { ... }
        return setmetatable({ _n = #list }, { __index = { get = print }, __pairs = function()
          local i = 0
          return function()
            i = i + 1
            if list[i] then return list[i][1], list[i][2] end
          end
        end })
      end
      reads(listed({ ":method", "POST" }, { "X-Lomi-Signature", SIGNATURE }))
      assert_refused("signature_malformed", "signature", webhook.construct_event(BODY,
        listed({ "x-lomi-signature", SIGNATURE }, { "x-lomi-signature", SIGNATURE }), SECRET))
      -- An object with a method for it, as Turbo's.
      local function getting(...)
        local values, Object = { ... }, {}
        function Object:get(name)
          if type(self) == "table" and name:lower() == "x-lomi-signature" then return unpack(values) end
        end
        return setmetatable({ _fields = {} }, { __index = Object })
      end
      reads(getting(SIGNATURE))
      reads(getting { SIGNATURE })
      assert_refused("signature_missing", "signature", webhook.construct_event(BODY, getting(), SECRET))
      assert_refused("signature_malformed", "signature",
        webhook.construct_event(BODY, getting(SIGNATURE, SIGNATURE), SECRET))
      local userdata = newproxy and newproxy(true) or io.tmpfile()
      local mt = newproxy and getmetatable(userdata)
      if mt then
        mt.__index = { ["x-lomi-signature"] = SIGNATURE }
        reads(userdata)
      else
        assert_refused("signature_missing", "signature", webhook.construct_event(BODY, userdata, SECRET))
        userdata:close()
      end
    end)

    it("takes their names as ASCII, whatever the locale says", function()
      local path = locale.make { "tr_TR" }
      if not path then pending "localedef makes no tr_TR.UTF-8 here" end
      local output, status = child.run(([[
        local webhook = require "lomi.webhook"
        assert(os.setlocale "tr_TR.UTF-8")
        for _, name in ipairs { "X-LOMI-SIGNATURE", "x-lomi-signature", "HTTP_X_LOMI_SIGNATURE" } do
          assert(webhook.construct_event("{}", { [name] = %q }, %q))
        end
      ]]):format(webhook.sign("{}", SECRET):upper(), SECRET), { LOCPATH = path })
      locale.remove(path)
      assert.equal(0, status, output)
    end)

    it("lets V1 decide where both signatures are there", function()
      local zeros = ("0"):rep(64)
      local function with(old, v1)
        return webhook.construct_event(BODY, { ["X-Lomi-Signature"] = old, ["x-lomi-signature-v1"] = v1 }, SECRET)
      end
      for _, old in ipairs { SIGNATURE, zeros, "nonsense", false } do
        assert.is_table(with(old or nil, V1))
        assert_refused("signature_mismatch", "signature", with(old or nil, "t=1795341600,v1=" .. zeros))
        assert_refused("signature_malformed", "signature", with(old or nil, "nonsense"))
        local err = assert_refused("signature_malformed", "signature", with(old or nil, { V1, V1 }))
        assert.matches("X%-Lomi%-Signature%-V1 was given twice", err.message)
      end
      assert.is_table(webhook.construct_event(BODY, V1, { OTHER_SECRET, SECRET }))
    end)

    it("reads V1 as the service writes it, and what it may add, but no other time", function()
      local hex = V1:match "v1=(.*)"
      for _, good in ipairs { "t=1795341600,v1=" .. hex:upper(), "t=1795341600, v1=" .. hex,
        "v1=" .. hex .. ",t=1795341600", "t=1795341600,v1=" .. hex .. ",v2=abc" } do
        reads { ["X-Lomi-Signature-V1"] = good }
      end
      for _, bad in ipairs { "", "t=,v1=" .. hex, "v1=" .. hex, "t=1795341600", "t=1795341600,v1=", hex,
        "t=1795341600,v1=" .. hex:sub(2), "t=1795341600,v1=" .. hex .. "0", "t=1795341600,t=1795341600,v1=" .. hex,
        "t=1795341600,v1=" .. hex .. ",v1=" .. hex, "t=-1795341600,v1=" .. hex, "t=1795341600.0,v1=" .. hex,
        "t=17953416e2,v1=" .. hex, "t=1795341600;v1=" .. hex, ("t=%s,v1=%s"):format(("1"):rep(400), hex) } do
        local err = assert_refused("signature_malformed", "signature",
          webhook.construct_event(BODY, { ["X-Lomi-Signature-V1"] = bad }, SECRET))
        assert.matches("t=<unix seconds>,v1=<64 hex digits>", err.message)
      end
      for _, other in ipairs { "1795341601", "01795341600", "179534160" } do
        assert_refused("signature_mismatch", "signature",
          webhook.construct_event(BODY, { ["X-Lomi-Signature-V1"] = ("t=%s,v1=%s"):format(other, hex) }, SECRET))
      end
    end)

    it("with a tolerance, counts the age from the time that V1 signs", function()
      local function at(body, age)
        return construct(body, { ["X-Lomi-Signature-V1"] = webhook.sign(body, SECRET, SENT_AT) },
          { tolerance = 300, now = SENT_AT + age })
      end
      for _, body in ipairs { timestamped '"1999-01-01T00:00:00Z"', "{}" } do
        assert.is_table(at(body, 300))
        assert_refused("timestamp_out_of_tolerance", "signature", at(body, 301))
        assert_refused("timestamp_out_of_tolerance", "signature", at(body, -301))
      end
    end)

    it("gives an event it does not know, and one with half an emoji in it", function()
      assert.equal("USAGE_RECORDED", construct('{"event":"USAGE_RECORDED"}').event)
      assert.equal("Merci �", construct([[{"data":{"description":"Merci \ud83d"}}]]).data.description)
    end)

    it("takes the bare signature, and a list of secrets", function()
      assert.is_table(webhook.construct_event(BODY, SIGNATURE, SECRET))
      assert.is_table(webhook.construct_event(BODY, V1, SECRET))
      assert.is_table(webhook.construct_event(BODY, SIGNATURE, { OTHER_SECRET, SECRET }))
      assert.is_table(webhook.construct_event(BODY, SIGNATURE, { SECRET, OTHER_SECRET }))
    end)

    it("leaves the tables it is given as they were", function()
      local headers, secrets, opts = { ["X-Lomi-Signature"] = SIGNATURE }, { OTHER_SECRET, SECRET }, { now = SENT_AT }
      assert.is_table(webhook.construct_event(BODY, headers, secrets, opts))
      assert.same({ ["X-Lomi-Signature"] = SIGNATURE }, headers)
      assert.same({ OTHER_SECRET, SECRET }, secrets)
      assert.same({ now = SENT_AT }, opts)
    end)

    it("refuses a request without the signature header", function()
      for _, headers in ipairs { {}, { ["X-Signature"] = SIGNATURE }, { ["X-Lomi-Signature"] = {} } } do
        assert_refused("signature_missing", "signature", webhook.construct_event(BODY, headers, SECRET))
      end
      assert_refused("signature_missing", "signature", webhook.construct_event(BODY, nil, SECRET))
    end)

    it("refuses the signature header given twice, even with the same value", function()
      for _, headers in ipairs {
        { ["X-Lomi-Signature"] = { SIGNATURE, SIGNATURE } },
        { ["X-Lomi-Signature"] = { ("0"):rep(64), SIGNATURE } },
        { ["X-Lomi-Signature"] = SIGNATURE, ["x-lomi-signature"] = SIGNATURE },
        { ["X-Lomi-Signature"] = SIGNATURE, HTTP_X_LOMI_SIGNATURE = SIGNATURE },
        { ["x-lomi-signature"] = { [0] = SIGNATURE, ("0"):rep(64) } },
        { ["x-lomi-signature"] = { [0] = ("0"):rep(64), SIGNATURE } },
      } do
        local err = assert_refused("signature_malformed", "signature", webhook.construct_event(BODY, headers, SECRET))
        assert.matches("twice", err.message)
      end
    end)

    it("refuses a body that was decoded and encoded again", function()
      local encoded = assert(core.encode(core.decode(BODY)))
      local err = assert_refused("signature_mismatch", "signature",
        webhook.construct_event(encoded, SIGNATURE, SECRET))
      assert.matches("re%-encoded.*raw bytes, before JSON decoding", err.message)
    end)

    it("checks the signature before it parses", function()
      assert_refused("signature_mismatch", "signature", webhook.construct_event("{", SIGNATURE, SECRET))
    end)

    it("refuses a signed body that is no JSON object", function()
      for _, body in ipairs { "", " ", "{", "nope", '{"a":1}x', '{"a":}', "[]", "[{}]", '"text"', "1", "true", "null",
        ' \n["{"]', "\239\187\191{}" } do
        assert_refused("invalid_payload", "protocol", construct(body))
      end
      assert.is_table(construct("{}"))
      assert.is_table(construct(" \r\n\t{}"))
    end)

    it("refuses a timestamp header that is not the signed one", function()
      local function with(timestamp)
        return webhook.construct_event(BODY, { ["X-Lomi-Signature"] = SIGNATURE, ["X-Lomi-Timestamp"] = timestamp },
          SECRET, { tolerance = 300, now = SENT_AT })
      end
      assert.is_table(with(TIMESTAMP))
      for _, timestamp in ipairs { "2026-11-22T10:00:01.000Z", "", "now", { TIMESTAMP, TIMESTAMP }, true } do
        assert_refused("timestamp_mismatch", "signature", with(timestamp))
      end
    end)

    it("refuses a timestamp header when the signed body has none", function()
      local body = '{"id":"evt_1"}'
      assert_refused("timestamp_mismatch", "signature",
        construct(body, { ["X-Lomi-Signature"] = webhook.sign(body, SECRET), ["X-Lomi-Timestamp"] = TIMESTAMP }))
    end)

    it("checks no age unless asked to", function()
      assert.is_table(construct(timestamped '"1999-01-01T00:00:00Z"'))
      assert.is_table(construct(timestamped '"yesterday"'))
      assert.is_table(construct(timestamped "null", nil, { now = SENT_AT }))
    end)

    it("with a tolerance, refuses what is older or further ahead", function()
      local function at(now)
        return webhook.construct_event(BODY, SIGNATURE, SECRET, { tolerance = 300, now = now })
      end
      for _, age in ipairs { 0, 300, -300, 299.5 } do assert.is_table(at(SENT_AT + age)) end
      local old = assert_refused("timestamp_out_of_tolerance", "signature", at(SENT_AT + 301))
      assert.matches("301 s old", old.message)
      local ahead = assert_refused("timestamp_out_of_tolerance", "signature", at(SENT_AT - 301))
      assert.matches("301 s ahead", ahead.message)
    end)

    it("reads the body's offset when it tells the age", function()
      local body = timestamped '"2026-11-22T11:00:00+01:00"'
      assert.is_table(construct(body, nil, { tolerance = 0, now = SENT_AT }))
      assert_refused("timestamp_out_of_tolerance", "signature",
        construct(body, nil, { tolerance = 0, now = SENT_AT + 1 }))
    end)

    it("takes the machine's clock for now", function()
      local fresh = timestamped(os.date('!"%Y-%m-%dT%H:%M:%SZ"'))
      assert.is_table(construct(fresh, nil, { tolerance = 60 }))
      assert_refused("timestamp_out_of_tolerance", "signature",
        construct(timestamped '"2001-01-01T00:00:00Z"', nil, { tolerance = 60 }))
    end)

    it("with a tolerance, refuses a body whose age cannot be told", function()
      for _, timestamp in ipairs { "null", "1795341600", '"2026-11-22"', '"2026-11-22T10:00:00"', "{}", '""' } do
        assert_refused("timestamp_unreadable", "protocol",
          construct(timestamped(timestamp), nil, { tolerance = 300, now = SENT_AT }))
      end
      assert_refused("timestamp_unreadable", "protocol", construct("{}", nil, { tolerance = 300, now = SENT_AT }))
    end)

    it("gives an error for a body the server has not read", function()
      assert_refused("body_missing", "protocol", webhook.construct_event(nil, SIGNATURE, SECRET))
    end)

    it("raises for a missing or unusable secret, at the caller's line", function()
      for secret, pattern in pairs {
        [""] = "secret is empty",
        [42] = "secret must be .* not number",
        [true] = "secret must be .* not boolean",
        [{}] = "empty list",
        [{ SECRET, "" }] = "secret%[2%] is empty",
        [{ SECRET, 42 }] = "secret%[2%] must be .* not number",
        [{ [2] = SECRET }] = "list of strings without holes",
        [{ old = SECRET }] = "list of strings without holes",
        [{ SECRET, key = SECRET }] = "list of strings without holes",
        [{ SECRET, OTHER_SECRET, [1.5] = SECRET }] = "list of strings without holes",
      } do
        assert_raises_here(pattern, function() webhook.construct_event(BODY, SIGNATURE, secret) end)
      end
      assert_raises_here("LOMI_WEBHOOK_SECRET", function() webhook.construct_event(BODY, SIGNATURE, nil) end)
    end)

    it("raises for a secret with something around it, and does not show it", function()
      for _, around in ipairs { "%s\n", "%s\r\n", "\n%s", " %s", "%s ", "%s\t", '"%s"', "'%s'", "`%s`", "%s\0", "“%s”",
        "\194\160%s", "\239\187\191%s", "%s\n%s" } do
        local secret = around:gsub("%%s", SECRET)
        local pattern = "holds white space, quotes or control characters"
        assert_raises_here("secret " .. pattern, function() webhook.construct_event(BODY, SIGNATURE, secret) end)
        assert_raises_here("secret%[2%] " .. pattern, function()
          webhook.construct_event(BODY, SIGNATURE, { SECRET, secret })
        end)
        assert_raises_here("secret " .. pattern, function() webhook.verify(BODY, SIGNATURE, secret) end)
        assert_raises_here("secret " .. pattern, function() webhook.sign(BODY, secret) end)
      end
    end)

    it("raises for a decoded body, saying what to pass", function()
      assert_raises_here("pass the body as it was received, before JSON decoding", function()
        webhook.construct_event(core.decode(BODY), SIGNATURE, SECRET)
      end)
      assert_raises_here("raw_body must be", function() webhook.construct_event(12, SIGNATURE, SECRET) end)
    end)

    it("raises for wrong headers and options", function()
      assert_raises_here("headers must be", function() webhook.construct_event(BODY, 12, SECRET) end)
      for _, list in ipairs { { SIGNATURE }, { [0] = SIGNATURE }, { { "X-Lomi-Signature", SIGNATURE } } } do
        assert_raises_here("not a list", function() webhook.construct_event(BODY, list, SECRET) end)
      end
      assert_raises_here("opts must be a table", function() webhook.construct_event(BODY, SIGNATURE, SECRET, 300) end)
      for opts, pattern in pairs {
        [{ tolerence = 300 }] = "unknown option tolerence; did you mean \"tolerance\"%?",
        [{ tolerance = "300" }] = "tolerance must be",
        [{ tolerance = -1 }] = "tolerance must be",
        [{ tolerance = 0 / 0 }] = "tolerance must be",
        [{ now = TIMESTAMP }] = "now must be",
        [{ now = 0 / 0 }] = "now must be",
      } do
        assert_raises_here(pattern, function() webhook.construct_event(BODY, SIGNATURE, SECRET, opts) end)
      end
    end)
  end)

  it("loads libcrypto at the first signature, not before", function()
    local output = child.run [[
      local loaded, webhook = require("spec_process").loaded, require "lomi.webhook"
      local before = loaded "libcrypto"
      webhook.sign("body", "whsec_x")
      print(before, loaded "libcrypto")
    ]]
    assert.equal("false\ttrue", output)
  end)
end)
