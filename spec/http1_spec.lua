-- SPDX-License-Identifier: MIT
local http1 = require("lomi.core").http1
local replies = require "spec.support.replies"

local MAX_HEAD, MAX_BODY = 64 * 1024, 4 * 1024 * 1024

local GOOD, BAD, EARLY = replies.GOOD, replies.BAD, replies.EARLY
local OK, CHUNKED = "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

---Feeds pieces and tells all there is to see, as one string, so that two runs compare with ==.
local function outcome(parser, pieces, eof)
  local word, reason, kind
  for i = 1, #pieces do
    word, reason, kind = parser:feed(pieces[i])
  end
  if eof then
    word, reason, kind = parser:eof()
  end
  if word ~= "done" then
    return ("%s|%s|%s"):format(tostring(word), tostring(reason), tostring(kind))
  end
  local status, headers, body, keep_alive, leftover = parser:result()
  local lines = {}
  for name, value in pairs(headers) do
    lines[#lines + 1] = ("%q=%q"):format(name, value)
  end
  table.sort(lines)
  return ("done|%d|%s|%q|%s|%d"):format(status, table.concat(lines, ","), body, tostring(keep_alive), leftover)
end

local function bytewise(bytes)
  local pieces = {}
  for i = 1, #bytes do
    pieces[i] = bytes:sub(i, i)
  end
  return pieces
end

---The same bytes cut in every way must end alike; gives what they end in.
local function check_cuts(bytes, eof)
  local whole = outcome(http1.parser(), { bytes }, eof)
  assert.equal(whole, outcome(http1.parser(), bytewise(bytes), eof), "byte by byte")
  local parser = http1.parser()
  for at = 0, #bytes do
    parser:reset()
    local cut = outcome(parser, { bytes:sub(1, at), bytes:sub(at + 1) }, eof)
    if cut ~= whole then
      assert.equal(whole, cut, "cut after byte " .. at)
    end
  end
  return whole
end

local function feed_all(bytes)
  local parser = http1.parser()
  return parser, parser:feed(bytes)
end

describe("http1.parser", function()
  for _, fixture in ipairs(GOOD) do
    it("reads " .. fixture.name, function()
      check_cuts(fixture.bytes, fixture.eof)
      local parser, word = feed_all(fixture.bytes)
      if fixture.eof then
        word = parser:eof()
      end
      assert.equal("done", word)
      local status, headers, body, keep_alive, leftover = parser:result()
      assert.equal(fixture.status or 200, status)
      assert.same(fixture.headers or {}, headers)
      assert.equal(fixture.body or "", body)
      assert.equal(fixture.keep_alive ~= false, keep_alive)
      assert.equal(fixture.leftover or 0, leftover)
    end)
  end

  for _, fixture in ipairs(BAD) do
    local name, bytes, wanted = fixture[1], fixture[2], fixture[3]
    it("refuses " .. name, function()
      check_cuts(bytes, false)
      local parser, word, reason, kind = feed_all(bytes)
      assert.is_nil(word)
      assert.is_truthy(reason:find(wanted, 1, true), reason)
      assert.equal("protocol", kind)
      assert.same({ nil, reason, "protocol" }, { parser:feed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") })
      assert.same({ nil, reason, "protocol" }, { parser:eof() })
      assert.has_error(function() parser:result() end)
    end)
  end

  for _, fixture in ipairs(EARLY) do
    local name, bytes, wanted = fixture[1], fixture[2], fixture[3]
    it("tells an early end from a bad reply: " .. name, function()
      check_cuts(bytes, true)
      local parser, word = feed_all(bytes)
      assert.equal("partial", word)
      local ended, reason, kind = parser:eof()
      assert.is_nil(ended)
      assert.is_truthy(reason:find(wanted, 1, true), reason)
      assert.equal("connection", kind)
      assert.same({ nil, reason, "connection" }, { parser:feed("HTTP/1.1 200 OK\r\n") })
    end)
  end

  it("is done with the last byte, not before", function()
    for _, fixture in ipairs(GOOD) do
      if not fixture.eof then
        local parser = http1.parser()
        local last = #fixture.bytes - (fixture.leftover or 0)
        assert.equal("partial", parser:feed(fixture.bytes:sub(1, last - 1)), fixture.name)
        assert.equal("done", parser:feed(fixture.bytes:sub(last, last)), fixture.name)
      end
    end
  end)

  it("has no result before it is done", function()
    local parser = feed_all("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n")
    assert.has_error(function() parser:result() end, 'there is no result: feed or eof have not said "done"')
  end)

  it("gives the same result twice", function()
    local parser = feed_all(GOOD[1].bytes)
    assert.same({ parser:result() }, { parser:result() })
  end)

  it("forgets everything at reset, whatever came before", function()
    local parser = http1.parser()
    local wanted = outcome(http1.parser(), { GOOD[1].bytes })
    for _, fixture in ipairs(BAD) do
      parser:feed(fixture[2])
      parser:reset()
      assert.equal(wanted, outcome(parser, { GOOD[1].bytes }), fixture[1])
      parser:reset()
      parser:feed(fixture[2]:sub(1, math.floor(#fixture[2] / 2)))
      parser:reset()
    end
  end)

  it("keeps parsers apart", function()
    local one, other = http1.parser(), http1.parser()
    one:feed("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\non")
    other:feed("HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\n")
    one:feed("e")
    other:feed("other")
    assert.equal("one", (select(3, one:result())))
    assert.equal("other", (select(3, other:result())))
  end)

  it("refuses what is not a parser or not a string", function()
    local parser = http1.parser()
    assert.has_error(function() parser.feed(io.stdout, "x") end)
    assert.has_error(function() parser.feed({}, "x") end)
    assert.has_error(function() parser:feed(nil) end)
  end)

  it("frees its memory once, even when collected by hand", function()
    local parser = feed_all("HTTP/1.1 200 OK\r\n\r\n" .. ("x"):rep(100000))
    local gc = debug.getmetatable(parser).__gc
    gc(parser)
    gc(parser)
    assert.equal("done", parser:feed("HTTP/1.1 204 No\r\n\r\n"))
  end)

  describe("limits", function()
    ---Too big to be cut at every byte: whole, and in pieces of two sizes.
    local function check_big(bytes, eof)
      local whole = outcome(http1.parser(), { bytes }, eof)
      for _, size in ipairs { 1013, 65536 } do
        local pieces = {}
        for at = 1, #bytes, size do
          pieces[#pieces + 1] = bytes:sub(at, at + size - 1)
        end
        if whole ~= outcome(http1.parser(), pieces, eof) then
          error("cut into pieces of " .. size .. " bytes it ends otherwise: " .. whole:sub(1, 200))
        end
      end
      return whole
    end

    local head = "HTTP/1.1 204 x\r\nA: "
    local function head_of(size) return head .. ("a"):rep(size - #head - 4) .. "\r\n\r\n" end

    local function assert_over_head(ended)
      assert.equal("nil|status line, headers and trailers are over the limit of 65536 bytes|protocol", ended)
    end

    it("takes a head of 64 KiB, and not one byte more", function()
      assert.matches("^done|204", check_big(head_of(MAX_HEAD)))
      assert_over_head(check_big(head_of(MAX_HEAD + 1)))
    end)

    it("refuses a line that does not end", function()
      assert_over_head(check_big(head .. ("a"):rep(MAX_HEAD)))
      assert_over_head(check_big("HTTP/1.1 200 " .. ("a"):rep(MAX_HEAD)))
    end)

    it("counts trailers with the head", function()
      local room = MAX_HEAD - #CHUNKED
      local function trailer(size) return CHUNKED .. "0\r\nA:" .. ("a"):rep(size - 6) .. "\r\n\r\n" end
      assert.matches("^done|200", check_big(trailer(room)))
      assert_over_head(check_big(trailer(room + 1)))
    end)

    it("refuses interim replies without end", function()
      local interim = "HTTP/1.1 100 Continue\r\n\r\n"
      assert_over_head(check_big(interim:rep(math.floor(MAX_HEAD / #interim) + 1)))
    end)

    it("takes 256 header lines, trailers among them, and no more", function()
      local function lines(n) return ("a: b\r\n"):rep(n) end
      assert.matches("^done|204", check_big("HTTP/1.1 204 x\r\n" .. lines(256) .. "\r\n"))
      assert.equal("nil|more than 256 header lines|protocol", check_big("HTTP/1.1 204 x\r\n" .. lines(257) .. "\r\n"))
      assert.matches("^done|200", check_big(CHUNKED .. "0\r\n" .. lines(255) .. "\r\n"))
      assert.equal("nil|more than 256 header lines|protocol", check_big(CHUNKED .. "0\r\n" .. lines(256) .. "\r\n"))
    end)

    it("takes a chunk size line of 256 bytes", function()
      assert.matches("^done|200", check_big(CHUNKED .. "1;" .. ("a"):rep(252) .. "\r\nx\r\n0\r\n\r\n"))
      local over = check_big(CHUNKED .. "1;" .. ("a"):rep(253) .. "\r\nx\r\n0\r\n\r\n")
      assert.equal("nil|a chunk size line is over the limit of 256 bytes|protocol", over)
    end)

    it("takes a body of 4 MiB by length, by chunks and by closing, and not one byte more", function()
      local body = ("0123456789abcdef"):rep(MAX_BODY / 16)
      local over = "the body is over the limit of 4194304 bytes"
      local function read(bytes, eof)
        local parser, word, reason, kind = feed_all(bytes)
        if eof and word == "partial" then
          word, reason, kind = parser:eof()
        end
        if word ~= "done" then
          return word, reason, kind
        end
        return (select(3, parser:result())) == body
      end
      assert.is_true(read(OK .. "Content-Length: 4194304\r\n\r\n" .. body))
      assert.is_true(read(CHUNKED .. "400000\r\n" .. body .. "\r\n0\r\n\r\n"))
      assert.is_true(read(CHUNKED .. "3fffff\r\n" .. body:sub(1, -2) .. "\r\n1\r\nf\r\n0\r\n\r\n"))
      assert.is_true(read(OK .. "\r\n" .. body, true))
      assert.same({ nil, "chunk size: " .. over, "protocol" }, { read(CHUNKED .. "400000\r\n" .. body .. "\r\n1\r\n") })
      assert.same({ nil, over, "protocol" }, { read(OK .. "\r\n" .. body .. "x", true) })
    end)
  end)
end)

describe("http1.head", function()
  it("writes a request line and headers", function()
    assert.equal("GET /v1/x?a=b HTTP/1.1\r\nHost: api.lomi.africa\r\n\r\n",
      http1.head("GET", "/v1/x?a=b", { Host = "api.lomi.africa" }))
  end)

  it("keeps the order of a list", function()
    assert.equal("POST / HTTP/1.1\r\nHost: h:1\r\nB: \r\nA: x\ty\195\169\r\nB: again\r\n\r\n",
      http1.head("POST", "/", { { "Host", "h:1" }, { "B", "" }, { "A", "x\ty\195\169" }, { "B", "again" } }))
  end)

  it("writes every header of a map once", function()
    local text = http1.head("POST", "/charge/card",
      { host = "h", ["X-API-KEY"] = "lomi_sk_test_demo", ["Content-Length"] = "2" })
    local lines = {}
    for line in text:gmatch("(.-)\r\n") do
      lines[#lines + 1] = line
    end
    table.sort(lines)
    assert.same({ "", "Content-Length: 2", "POST /charge/card HTTP/1.1", "X-API-KEY: lomi_sk_test_demo", "host: h" },
      lines)
  end)

  local VALUE = "holds CR, LF, NUL or another control byte"
  local TOKEN = "is not a token"
  local refused = {
    { "a CR LF in a value", "GET", "/", { Host = "h", A = "b\r\nEvil: 1" }, "header A: the value " .. VALUE },
    { "a LF in a value", "GET", "/", { Host = "h", A = "b\n" }, VALUE },
    { "a CR in a value", "GET", "/", { Host = "h", A = "\rb" }, VALUE },
    { "a NUL in a value", "GET", "/", { Host = "h", A = "b\0" }, VALUE },
    { "an escape in a value", "GET", "/", { Host = "h", A = "\27" }, VALUE },
    { "a CR LF in the host", "GET", "/", { Host = "h\r\nEvil: 1" }, "header Host: the value " .. VALUE },
    { "an empty name", "GET", "/", { Host = "h", [""] = "b" }, TOKEN },
    { "a name with a space", "GET", "/", { Host = "h", ["A "] = "b" }, TOKEN },
    { "a name with a colon", "GET", "/", { Host = "h", ["A:"] = "b" }, TOKEN },
    { "a name with CR LF", "GET", "/", { Host = "h", ["A\r\nB"] = "b" }, TOKEN },
    { "a name with a NUL", "GET", "/", { Host = "h", ["A\0"] = "b" }, TOKEN },
    { "a bad value in a list", "GET", "/", { { "Host", "h" }, { "A", "\n" } }, "header A: the value " .. VALUE },
    { "no Host", "GET", "/", { A = "b" }, "there is no Host header" },
    { "no headers", "GET", "/", {}, "there is no Host header" },
    { "two Hosts", "GET", "/", { Host = "a", host = "b" }, "is given twice" },
    { "an empty method", "", "/", { Host = "h" }, "the method is not a token" },
    { "a method with a space", "GET /x", "/", { Host = "h" }, "the method is not a token" },
    { "a method with CR LF", "GET\r\n", "/", { Host = "h" }, "the method is not a token" },
    { "an empty target", "GET", "", { Host = "h" }, "the request target is empty" },
    { "a target with a space", "GET", "/a b", { Host = "h" }, "the request target holds a space" },
    { "a target with CR LF", "GET", "/ HTTP/1.1\r\nEvil: 1", { Host = "h" }, "the request target holds a space" },
    { "a target with a LF", "GET", "/\n", { Host = "h" }, "the request target holds a space" },
    { "a target with a NUL", "GET", "/\0", { Host = "h" }, "the request target holds a space" },
    { "a target with a DEL", "GET", "/\127", { Host = "h" }, "the request target holds a space" },
    { "a head over 64 KiB", "GET", "/", { Host = "h", A = ("a"):rep(MAX_HEAD) }, "over its limit" },
  }
  for _, case in ipairs(refused) do
    it("refuses " .. case[1], function()
      local text, message = http1.head(case[2], case[3], case[4])
      assert.is_nil(text)
      assert.is_truthy(message:find(case[5], 1, true), message)
      assert.is_nil(message:find("%c"), "the message must fit in one line of a log")
    end)
  end

  it("never repeats a value in its message", function()
    local _, message = http1.head("GET", "/", { Host = "h", ["X-API-KEY"] = "lomi_sk_test_secret\n" })
    assert.is_nil(message:find("secret", 1, true))
  end)

  it("raises for what is not a string", function()
    assert.has_error(function() http1.head("GET", "/", { Host = "h", ["Content-Length"] = 2 }) end,
      "a header needs a name and a value that are strings, not string and number")
    assert.has_error(function() http1.head("GET", "/", { { "Host", "h" }, "A: b" }) end,
      "header 2 of the list is not a { name, value } table")
    assert.has_error(function() http1.head("GET", "/", { { "Host" } }) end)
    assert.has_error(function() http1.head("GET", "/") end)
  end)

  it("starts afresh after an error", function()
    pcall(http1.head, "GET", "/", { Host = "h", A = 1 })
    http1.head("GET", "/", { Host = "h", A = "\n" })
    assert.equal("GET / HTTP/1.1\r\nHost: h\r\n\r\n", http1.head("GET", "/", { Host = "h" }))
  end)
end)
