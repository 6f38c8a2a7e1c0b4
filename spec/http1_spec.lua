-- SPDX-License-Identifier: MIT
local core = require "lomi.core"
local cost = require "spec.support.cost"
local replies = require "spec.support.replies"

local http1 = core.http1

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
  local reply, keep_alive = parser:reply()
  local lines = {}
  for name, value in pairs(reply.headers) do
    lines[#lines + 1] = ("%q=%q"):format(name, value)
  end
  table.sort(lines)
  return ("done|%d|%s|%q|%s"):format(reply.status, table.concat(lines, ","), reply.body, tostring(keep_alive))
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
      local reply, keep_alive = parser:reply()
      assert.equal(fixture.status or 200, reply.status)
      assert.same(fixture.headers or {}, reply.headers)
      assert.equal(fixture.body or "", reply.body)
      assert.equal(fixture.keep_alive ~= false, keep_alive)
    end)
  end

  for _, fixture in ipairs(BAD) do
    local name, bytes, wanted = fixture[1], fixture[2], fixture[3]
    it("refuses " .. name, function()
      check_cuts(bytes, false)
      local parser, word, reason, kind = feed_all(bytes)
      assert.is_nil(word)
      assert.matches(wanted, reason, 1, true)
      assert.equal("protocol", kind)
      assert.same({ nil, reason, "protocol" }, { parser:feed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") })
      assert.same({ nil, reason, "protocol" }, { parser:eof() })
      assert.has_error(function() parser:reply() end)
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
      assert.matches(wanted, reason, 1, true)
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

  it("has no reply before it is done", function()
    local parser = feed_all("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n")
    assert.has_error(function() parser:reply() end, 'there is no reply: feed or eof have not said "done"')
  end)

  it("gives a reply once, and then waits for the next", function()
    local parser = feed_all(GOOD[1].bytes)
    local first = { parser:reply() }
    assert.has_error(function() parser:reply() end)
    assert.equal("done", (parser:feed(GOOD[1].bytes)))
    assert.same(first, { parser:reply() })
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
    assert.equal("one", one:reply().body)
    assert.equal("other", other:reply().body)
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
        return parser:reply().body == body
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

describe("a parser's request", function()
  local HOST = http1.lines { "Host", "api.lomi.africa" }
  local parser = http1.parser()

  local function head(method, target, ...)
    return parser:request(method, target, HOST, { ... })
  end

  it("writes a request line, the lines of every request, and the fields of this one in their order", function()
    assert.equal("GET /v1/x?a=b HTTP/1.1\r\nHost: api.lomi.africa\r\nB: \r\nA: x\ty\195\169\r\nB: again\r\n\r\n",
      head("GET", "/v1/x?a=b", "B", "", "A", "x\ty\195\169", "B", "again"))
  end)

  it("tells the length of a body, and of none where a server could wait for one", function()
    assert.equal("POST / HTTP/1.1\r\nHost: api.lomi.africa\r\nContent-Length: 2\r\n\r\n{}",
      parser:request("POST", "/", HOST, {}, "{}"))
    assert.equal("DELETE / HTTP/1.1\r\nHost: api.lomi.africa\r\nContent-Length: 1\r\n\r\n1",
      parser:request("DELETE", "/", HOST, {}, "1"))
    assert.matches("\r\nContent%-Length: 0\r\n\r\n$", head("POST", "/"))
    assert.matches("\r\nContent%-Length: 0\r\n\r\n$", head("PATCH", "/"))
    for _, method in ipairs { "GET", "DELETE" } do assert.is_nil(head(method, "/"):find "Length") end
  end)

  it("carries a body of any bytes, up to 1 MiB", function()
    local body = ("\0\255"):rep(512 * 1024)
    assert.equal(body, parser:request("POST", "/", HOST, {}, body):sub(-#body))
  end)

  local VALUE = "holds CR, LF, NUL or another control byte"
  local TOKEN = "is not a token"
  local refused = {
    { "a CR LF in a value", "GET", "/", { "A", "b\r\nEvil: 1" }, "header A: the value " .. VALUE },
    { "a LF in a value", "GET", "/", { "A", "b\n" }, VALUE },
    { "a CR in a value", "GET", "/", { "A", "\rb" }, VALUE },
    { "a NUL in a value", "GET", "/", { "A", "b\0" }, VALUE },
    { "an escape in a value", "GET", "/", { "A", "\27" }, VALUE },
    { "a bad value after good ones", "GET", "/", { "B", "b", "A", "\n" }, "header A: the value " .. VALUE },
    { "an empty name", "GET", "/", { "", "b" }, TOKEN },
    { "a name with a space", "GET", "/", { "A ", "b" }, TOKEN },
    { "a name with a colon", "GET", "/", { "A:", "b" }, TOKEN },
    { "a name with CR LF", "GET", "/", { "A\r\nB", "b" }, TOKEN },
    { "a name with a NUL", "GET", "/", { "A\0", "b" }, TOKEN },
    { "a value that is no string", "GET", "/", { "A", 2 }, "header A: a header's name and value must be strings" },
    { "a name that is no string", "GET", "/", { 1, "b" }, "a header's name and value must be strings" },
    { "an empty method", "", "/", {}, "the method is not a token" },
    { "a method with a space", "GET /x", "/", {}, "the method is not a token" },
    { "a method with CR LF", "GET\r\n", "/", {}, "the method is not a token" },
    { "an empty target", "GET", "", {}, "the request target is empty" },
    { "a target with a space", "GET", "/a b", {}, "the request target holds a space" },
    { "a target with CR LF", "GET", "/ HTTP/1.1\r\nEvil: 1", {}, "the request target holds a space" },
    { "a target with a LF", "GET", "/\n", {}, "the request target holds a space" },
    { "a target with a NUL", "GET", "/\0", {}, "the request target holds a space" },
    { "a target with a DEL", "GET", "/\127", {}, "the request target holds a space" },
    { "a head over 64 KiB", "GET", "/", { "A", ("a"):rep(MAX_HEAD) }, "over its limit" },
  }
  for _, case in ipairs(refused) do
    it("refuses " .. case[1], function()
      local text, message = parser:request(case[2], case[3], HOST, case[4])
      assert.is_nil(text)
      assert.matches(case[5], message, 1, true)
      assert.is_nil(message:find("%c"), "the message must fit in one line of a log")
    end)
  end

  it("never repeats a value in its message", function()
    local _, message = head("GET", "/", "X-API-KEY", "lomi_sk_test_secret\n")
    assert.is_nil(message:find("secret", 1, true))
  end)

  it("starts afresh after a refusal", function()
    head("GET", "/", "A", "\n")
    assert.equal("GET / HTTP/1.1\r\nHost: api.lomi.africa\r\n\r\n", head("GET", "/"))
  end)

  it("raises for a method or a target that is no string, and without fields", function()
    assert.has_error(function() parser:request(nil, "/", HOST, {}) end)
    assert.has_error(function() parser:request("GET", 1, HOST, {}) end)
    assert.has_error(function() parser:request("GET", "/", HOST) end)
    assert.has_error(function() parser:request("GET", "/", HOST, {}, 5) end)
  end)
end)

describe("http1.lines", function()
  it("writes header lines, checked as those of a request are", function()
    assert.equal("Host: h:1\r\nX-API-KEY: k\r\n", http1.lines { "Host", "h:1", "X-API-KEY", "k" })
    assert.equal("", http1.lines {})
    assert.same({ nil, "header Host: the value holds CR, LF, NUL or another control byte" },
      { http1.lines { "Host", "h\r\nEvil: 1" } })
  end)
end)

describe("a reply", function()
  local function reply_of(bytes)
    local parser = http1.parser()
    assert.equal("done", parser:feed(bytes))
    return parser:reply()
  end

  it("has its parts, and makes its headers when they are asked for", function()
    local reply, keep_alive = reply_of("HTTP/1.1 201 Created\r\nX-Request-Id: r-1\r\nIdempotency-Cache-Hit: true\r\n"
      .. "Via: a\r\nContent-Length: 2\r\nVia: b\r\n\r\n{}")
    assert.is_true(keep_alive)
    assert.same({ 201, "{}", "r-1", true }, { reply.status, reply.body, reply.request_id, reply.replayed })
    assert.is_nil(rawget(reply, "headers"))
    assert.same({ ["x-request-id"] = "r-1", ["idempotency-cache-hit"] = "true", via = "a, b",
      ["content-length"] = "2" }, reply.headers)
    assert.equal(reply.headers, reply.headers)
    assert.is_nil(reply.anything_else)
  end)

  it("has the whole headers of a head that a program has cut", function()
    for head, headers in pairs { [""] = {}, via = {}, ["via\0"] = {}, ["a\0b"] = { a = "b" },
      ["a\0b\0via"] = { a = "b" } } do
      local reply = reply_of "HTTP/1.1 204 No Content\r\n\r\n"
      reply.head = head
      assert.same(headers, reply.headers)
    end
  end)

  -- LuaJIT takes the hash of a long string from some of its bytes.
  it("costs no more when thousands are kept whose heads differ in the request id", function()
    local parser = http1.parser()
    local function keep(count)
      local kept = {}
      for i = 1, count do
        parser:feed("HTTP/1.1 200 OK\r\nDate: Fri, 27 Nov 2026 12:00:00 GMT\r\nX-RateLimit-Remaining: 119\r\n"
          .. "Content-Type: application/json; charset=utf-8\r\nX-RateLimit-Limit: 120\r\nX-Request-Id: ")
        parser:feed(core.uuid4())
        parser:feed "\r\nContent-Length: 0\r\n\r\n"
        kept[i] = parser:reply()
      end
      return kept
    end
    assert.is_true(cost.of(function() keep(8000) end) < 9 * cost.of(function() keep(2000) end))
  end)

  it("is not replayed unless the header says true", function()
    for value, replayed in pairs { ["true"] = true, ["false"] = false, ["TRUE"] = false, [""] = false } do
      local reply = reply_of("HTTP/1.1 200 OK\r\nIdempotency-Cache-Hit: " .. value .. "\r\nContent-Length: 0\r\n\r\n")
      assert.equal(replayed, reply.replayed)
    end
  end)
end)

describe("parser:lost", function()
  it("says how the stream ended, and where", function()
    local parser = http1.parser()
    assert.same({ nil, "the connection was reset before the first byte of a reply", "connection" },
      { parser:lost "reset" })
    parser:reset()
    parser:feed "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"
    assert.same({ nil, "the connection was lost before the end of the body", "connection" }, { parser:lost "lost" })
  end)

  it("ends no body that goes on until the stream is closed", function()
    local parser = http1.parser()
    parser:feed "HTTP/1.1 200 OK\r\n\r\nab"
    assert.is_nil((parser:lost "reset"))
  end)

  it("takes nothing back from a reply that is whole", function()
    local parser = http1.parser()
    parser:feed "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    assert.equal("done", (parser:lost "reset"))
    assert.is_false((select(2, parser:reply())))
  end)
end)
