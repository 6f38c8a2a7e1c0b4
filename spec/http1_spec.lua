-- SPDX-License-Identifier: MIT
local http1 = require("lomi.core").http1

local MAX_HEAD, MAX_BODY = 64 * 1024, 4 * 1024 * 1024

-- Complete replies. `eof`: the stream ends after the bytes. What a fixture does not say is the default below.
local GOOD = {
  {
    name = "a length",
    bytes = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"success\":true}",
    status = 201, headers = { ["content-type"] = "application/json", ["content-length"] = "16" },
    body = '{"success":true}',
  },
  { name = "a length of zero", bytes = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    headers = { ["content-length"] = "0" } },
  { name = "a length with leading zeros",
    bytes = "HTTP/1.1 200 OK\r\ncontent-length: 0000000000000000000000002\r\n\r\nhi",
    headers = { ["content-length"] = "0000000000000000000000002" }, body = "hi" },
  { name = "no reason phrase", bytes = "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n",
    status = 404, headers = { ["content-length"] = "0" } },
  { name = "an empty reason phrase", bytes = "HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n",
    status = 503, headers = { ["content-length"] = "0" } },
  { name = "a status outside the known classes", bytes = "HTTP/1.1 999 Caf\195\169\tfull\r\nContent-Length: 0\r\n\r\n",
    status = 999, headers = { ["content-length"] = "0" } },
  { name = "any bytes in the body", bytes = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\0\n\r\r\n\r\n\255H",
    headers = { ["content-length"] = "9" }, body = "\0\n\r\r\n\r\n\255H" },
  {
    name = "names in lower case, values trimmed, empty values, tabs and bytes above ASCII",
    bytes = "HTTP/1.1 200 OK\r\nX-Request-ID: \t abc def \t\r\nEmpty:\r\nBlank: \t \r\n!#$%&'*+-.^_`|~09AZ:v\r\n" ..
      "Colon:a:b: c\r\nLatin:\195\169\tx\r\nContent-Length:0\r\n\r\n",
    headers = { ["x-request-id"] = "abc def", empty = "", blank = "", ["!#$%&'*+-.^_`|~09az"] = "v", colon = "a:b: c",
      latin = "\195\169\tx", ["content-length"] = "0" },
  },
  {
    name = "repeated headers are joined in order",
    bytes = "HTTP/1.1 200 OK\r\nVary: a\r\nContent-Length: 0\r\nvary: b\r\nVARY:\r\nVary: c\r\n\r\n",
    headers = { vary = "a, b, , c", ["content-length"] = "0" },
  },
  {
    name = "chunks",
    bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA\r\n, wor\r\nld!\r\n0000\r\n\r\n",
    headers = { ["transfer-encoding"] = "chunked" }, body = "hello, wor\r\nld!",
  },
  { name = "no chunk at all", bytes = "HTTP/1.1 200 OK\r\ntransfer-encoding:CHUNKED\r\n\r\n0\r\n\r\n",
    headers = { ["transfer-encoding"] = "CHUNKED" } },
  {
    name = "chunk extensions are passed over",
    bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1f;a=b;c=\"d e\"\r\n" .. ("x"):rep(31) ..
      "\r\n1;\r\ny\r\n0;last\r\n\r\n",
    headers = { ["transfer-encoding"] = "chunked" }, body = ("x"):rep(31) .. "y",
  },
  {
    name = "trailers are thrown away",
    bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nDigest: head\r\n\r\n2\r\nok\r\n0\r\n" ..
      "Digest: trailer\r\nContent-Length: 99\r\nConnection: close\r\n\r\n",
    headers = { ["transfer-encoding"] = "chunked", digest = "head" }, body = "ok",
  },
  { name = "an end by closing", eof = true, bytes = "HTTP/1.1 200 OK\r\nServer: x\r\n\r\nall there is\r\n",
    headers = { server = "x" }, body = "all there is\r\n", keep_alive = false },
  { name = "nothing, ended by closing", eof = true, bytes = "HTTP/1.1 200 OK\r\n\r\n", keep_alive = false },
  {
    name = "interim replies are passed over, their headers too",
    bytes = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\nConnection: close\r\n\r\n" ..
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    headers = { ["content-length"] = "2" }, body = "ok",
  },
  {
    name = "an interim reply's framing is its own",
    bytes = "HTTP/1.1 102 x\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 102 x\r\nContent-Length: 7\r\n\r\n" ..
      "HTTP/1.1 102 x\r\nConnection: keep-alive\r\n\r\nHTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    headers = { ["content-length"] = "2" }, body = "ok", keep_alive = false,
  },
  { name = "a 204 has no body", bytes = "HTTP/1.1 204 No Content\r\n\r\n", status = 204 },
  { name = "a 204 that announces no bytes",
    bytes = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", status = 204,
    headers = { ["content-length"] = "0" } },
  { name = "a 204 that announces a body is not trusted further", keep_alive = false,
    bytes = "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", status = 204,
    headers = { ["content-length"] = "5" } },
  { name = "a 204 that announces chunks is not trusted further", keep_alive = false,
    bytes = "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", status = 204,
    headers = { ["transfer-encoding"] = "chunked" } },
  { name = "a 304 tells a length and has no body",
    bytes = "HTTP/1.1 304 Not Modified\r\nContent-Length: 99999999\r\n\r\n",
    status = 304, headers = { ["content-length"] = "99999999" } },
  { name = "Connection: close", bytes = "HTTP/1.1 200 OK\r\nConnection: foo , Close\r\nContent-Length: 0\r\n\r\n",
    headers = { connection = "foo , Close", ["content-length"] = "0" }, keep_alive = false },
  { name = "close wins over keep-alive",
    bytes = "HTTP/1.1 200 OK\r\nConnection: close\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
    headers = { connection = "close, keep-alive", ["content-length"] = "0" }, keep_alive = false },
  { name = "an option that only contains close",
    bytes = "HTTP/1.1 200 OK\r\nConnection: closed,,\r\nContent-Length: 0\r\n\r\n",
    headers = { connection = "closed,,", ["content-length"] = "0" } },
  { name = "HTTP/1.0 closes", bytes = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    headers = { ["content-length"] = "2" }, body = "ok", keep_alive = false },
  { name = "HTTP/1.0 that keeps alive",
    bytes = "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok",
    headers = { connection = "Keep-Alive", ["content-length"] = "2" }, body = "ok" },
  { name = "bytes after a length", bytes = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n",
    headers = { ["content-length"] = "2" }, body = "ok", keep_alive = false, leftover = 19 },
  { name = "a byte after the chunks", bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\n",
    headers = { ["transfer-encoding"] = "chunked" }, keep_alive = false, leftover = 1 },
  { name = "bytes after a 204", bytes = "HTTP/1.1 204 No Content\r\n\r\nboo",
    status = 204, keep_alive = false, leftover = 3 },
  { name = "an end after the reply", eof = true, bytes = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    headers = { ["content-length"] = "2" }, body = "ok", keep_alive = false },
}

local OK, CHUNKED = "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

-- What is refused, and a piece of the reason.
local BAD = {
  { "two lengths", OK .. "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "two Content-Length" },
  { "two equal lengths", OK .. "Content-Length: 5\r\ncontent-length: 5\r\n\r\nhello", "two Content-Length" },
  { "a list of lengths", OK .. "Content-Length: 5, 5\r\n\r\nhello", "Content-Length is not a plain decimal" },
  { "a length with a plus", OK .. "Content-Length: +5\r\n\r\nhello", "Content-Length is not a plain decimal" },
  { "a length with a minus", OK .. "Content-Length: -5\r\n\r\nhello", "Content-Length is not a plain decimal" },
  { "a length in hexadecimal", OK .. "Content-Length: 0x5\r\n\r\nhello", "Content-Length is not a plain decimal" },
  { "a length with a point", OK .. "Content-Length: 5.0\r\n\r\nhello", "Content-Length is not a plain decimal" },
  { "a length with a space", OK .. "Content-Length: 5 5\r\n\r\nhello", "Content-Length is not a plain decimal" },
  { "an empty length", OK .. "Content-Length:\r\n\r\n", "Content-Length is not a plain decimal" },
  { "a malformed length of a 304", "HTTP/1.1 304 x\r\nContent-Length: x\r\n\r\n",
    "Content-Length is not a plain decimal" },
  { "a length over the limit", OK .. "Content-Length: 4194305\r\n\r\n", "over the limit of 4194304 bytes" },
  { "a length of 2^64", OK .. "Content-Length: 18446744073709551616\r\n\r\n", "over the limit of 4194304 bytes" },
  { "a length of 2^64 + 5", OK .. "Content-Length: 18446744073709551621\r\n\r\nhello", "over the limit" },
  { "a length with chunks", OK .. "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both Transfer-Encoding and Content-Length" },
  { "chunks with a length", OK .. "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "both Transfer-Encoding and Content-Length" },
  { "another coding", OK .. "Transfer-Encoding: gzip, chunked\r\n\r\n", 'Transfer-Encoding is not exactly "chunked"' },
  { "identity", OK .. "Transfer-Encoding: identity\r\n\r\n", "Transfer-Encoding is not exactly" },
  { "a coding that ends in chunked", OK .. "Transfer-Encoding: xchunked\r\n\r\n", "Transfer-Encoding is not exactly" },
  { "an empty coding", OK .. "Transfer-Encoding:\r\n\r\n", "Transfer-Encoding is not exactly" },
  { "chunked with a parameter", OK .. "Transfer-Encoding: chunked;q=1\r\n\r\n", "Transfer-Encoding is not exactly" },
  { "chunked twice", OK .. "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "two Transfer-Encoding" },
  { "chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "in an HTTP/1.0 reply" },
  { "a bare LF after the status line", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", "a bare LF ends the status line" },
  { "a bare LF after a header", OK .. "Content-Length: 0\nA: b\r\n\r\n", "a bare LF ends a line of the headers" },
  { "a bare LF as the empty line", OK .. "Content-Length: 0\r\n\n", "a bare LF" },
  { "a bare LF after a chunk size", CHUNKED .. "5\nhello\r\n0\r\n\r\n", "a bare LF ends a chunk size line" },
  { "a bare LF after a chunk extension", CHUNKED .. "5;x\nhello\r\n0\r\n\r\n", "a bare LF ends a chunk size line" },
  { "a bare LF after a chunk", CHUNKED .. "5\r\nhello\n0\r\n\r\n", "not followed by CR LF" },
  { "a bare LF after a trailer", CHUNKED .. "0\r\nA: b\n\r\n", "a bare LF ends a line of the trailers" },
  { "a bare CR in the status line", "HTTP/1.1 200 O\rK\r\n\r\n", "a bare CR in the status line" },
  { "a bare CR in a header", OK .. "X-Evil: a\rContent-Length: 5\r\n\r\n", "a bare CR in header x-evil" },
  { "a CR too many", OK .. "A: b\r\r\n\r\n", "a bare CR in header a" },
  { "a bare CR before the empty line", OK .. "A: b\r\n\r\r\n", "a bare CR in a header name" },
  { "a bare CR after a chunk size", CHUNKED .. "5\rhello\r\n0\r\n\r\n", "a bare CR in a chunk size line" },
  { "a bare CR in a chunk extension", CHUNKED .. "5;a\rb\r\nhello\r\n0\r\n\r\n", "a bare CR in a chunk size line" },
  { "a folded header", OK .. "A: b\r\n c: d\r\n\r\n", "folded header line" },
  { "a header folded with a tab", OK .. "A: b\r\n\tc\r\n\r\n", "folded header line" },
  { "a folded first header", OK .. " A: b\r\n\r\n", "folded header line" },
  { "a folded trailer", CHUNKED .. "0\r\nA: b\r\n c\r\n\r\n", "folded header line" },
  { "a space before the colon", OK .. "Content-Length : 5\r\n\r\nhello",
    "a space before the colon of header Content-Length" },
  { "a tab before the colon", OK .. "A\t: 5\r\n\r\n", "a space before the colon of header A" },
  { "a NUL in a header", OK .. "A: b\0c\r\n\r\n", "a NUL byte in header a" },
  { "a NUL in a header name", OK .. "A\0: b\r\n\r\n", "a NUL byte in a header name" },
  { "a NUL in the status line", "HTTP/1.1 200 O\0K\r\n\r\n", "a NUL byte in the status line" },
  { "a NUL in a trailer", CHUNKED .. "0\r\nA: \0\r\n\r\n", "a NUL byte in header a" },
  { "a NUL in a chunk extension", CHUNKED .. "1;\0\r\nx\r\n0\r\n\r\n", "a NUL byte in a chunk extension" },
  { "a control byte in a header", OK .. "A: b\27[31m\r\n\r\n", "byte 0x1b in header a" },
  { "DEL in a header", OK .. "A: \127\r\n\r\n", "byte 0x7f in header a" },
  { "a header without a colon", OK .. "Nothing\r\n\r\n", "a header line without a colon" },
  { "a header without a name", OK .. ": b\r\n\r\n", "a header line without a name" },
  { "a name with a bracket", OK .. "A[]: b\r\n\r\n", "byte 0x5b in a header name" },
  { "a name with a byte above ASCII", OK .. "\195\169: b\r\n\r\n", "byte 0xc3 in a header name" },
  { "a bad header of an interim reply", "HTTP/1.1 100 x\r\nA : b\r\n\r\n", "a space before the colon" },
  { "two lengths in an interim reply", "HTTP/1.1 100 x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
    "two Content-Length" },
  { "a chunk size of 2^64", CHUNKED .. "10000000000000000\r\n", "over the limit of 4194304 bytes" },
  { "a chunk size of 2^64 + 5", CHUNKED .. "10000000000000005\r\nhello\r\n0\r\n\r\n",
    "over the limit of 4194304 bytes" },
  { "the biggest 64-bit chunk size", CHUNKED .. "ffffffffffffffff\r\n", "over the limit of 4194304 bytes" },
  { "a chunk over the limit", CHUNKED .. "400001\r\n", "over the limit of 4194304 bytes" },
  { "chunks over the limit together", CHUNKED .. "1\r\nx\r\n400000\r\n", "over the limit of 4194304 bytes" },
  { "a chunk size with 0x", CHUNKED .. "0x5\r\nhello\r\n0\r\n\r\n", "a chunk size is not a plain hexadecimal" },
  { "a chunk size with a plus", CHUNKED .. "+5\r\nhello\r\n0\r\n\r\n", "a chunk size is not a plain hexadecimal" },
  { "a chunk size with a minus", CHUNKED .. "-5\r\nhello\r\n0\r\n\r\n", "a chunk size is not a plain hexadecimal" },
  { "a chunk size after a space", CHUNKED .. " 5\r\nhello\r\n0\r\n\r\n", "a chunk size is not a plain hexadecimal" },
  { "a chunk size before a space", CHUNKED .. "5 \r\nhello\r\n0\r\n\r\n", "a chunk size is not a plain hexadecimal" },
  { "no chunk size", CHUNKED .. "\r\nhello\r\n0\r\n\r\n", "a chunk size is not a plain hexadecimal" },
  { "only a chunk extension", CHUNKED .. ";a\r\n\r\n", "a chunk size is not a plain hexadecimal" },
  { "a chunk longer than its size", CHUNKED .. "4\r\nhello\r\n0\r\n\r\n", "not followed by CR LF" },
  { "a chunk shorter than its size", CHUNKED .. "6\r\nhello\r\n0\r\n\r\n", "not followed by CR LF" },
  { "a chunk followed by CR alone", CHUNKED .. "1\r\nx\r0\r\n\r\n", "not followed by CR LF" },
  { "an endless chunk extension", CHUNKED .. "1;" .. ("a"):rep(254) .. "\r\nx\r\n",
    "chunk size line is over the limit of 256" },
  { "an endless chunk size", CHUNKED .. ("0"):rep(256) .. "1\r\nx\r\n", "chunk size line is over the limit of 256" },
  { "switched protocols", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "status 101" },
  { "another HTTP/1", "HTTP/1.2 200 OK\r\n\r\n", 'does not begin with "HTTP/1.0 "' },
  { "a long minor version", "HTTP/1.10 200 OK\r\n\r\n", 'does not begin with "HTTP/1.0 "' },
  { "HTTP/2", "HTTP/2 200 OK\r\n\r\n", 'does not begin with "HTTP/1.0"' },
  { "HTTP in lower case", "http/1.1 200 OK\r\n\r\n", 'does not begin with "HTTP/1.0"' },
  { "an empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n", 'does not begin with "HTTP/1.0"' },
  { "another protocol, whose line may never end", "SSH-2.0-x", 'does not begin with "HTTP/1.0"' },
  { "a TLS alert", "\21\3\1\0\2\2\70", 'does not begin with "HTTP/1.0"' },
  { "nothing after the version", "HTTP/1.1\r\n\r\n", 'does not begin with "HTTP/1.0 "' },
  { "no status code", "HTTP/1.1 \r\n\r\n", "status code is not three digits" },
  { "a status code of two digits", "HTTP/1.1 20\r\n\r\n", "status code is not three digits" },
  { "a status code of four digits", "HTTP/1.1 2000\r\n\r\n", "status code is not three digits" },
  { "two spaces before the status code", "HTTP/1.1  200 OK\r\n\r\n", "status code is not three digits" },
  { "a status code of letters", "HTTP/1.1 abc\r\n\r\n", "status code is not three digits" },
  { "a status code below 100", "HTTP/1.1 099 x\r\n\r\n", "status code is not three digits" },
  { "a reason phrase after a tab", "HTTP/1.1 200\tOK\r\n\r\n", "status code is not three digits" },
}

-- Streams that end too soon, and where.
local EARLY = {
  { "nothing", "", "before the first byte of a reply" },
  { "half a status line", "HTTP/1.1 20", "before the end of the status line" },
  { "half a CR LF", "HTTP/1.1 200 OK\r", "before the end of the status line" },
  { "no more than an interim reply", "HTTP/1.1 100 Continue\r\n\r\n", "before the end of the status line" },
  { "half the headers", OK .. "Content-Length: 5\r\n", "before the end of the headers" },
  { "half a body", OK .. "Content-Length: 5\r\n\r\nhell", "before the end of the body" },
  { "half a chunk size", CHUNKED .. "5", "before the end of the chunked body" },
  { "half a chunk", CHUNKED .. "5\r\nhell", "before the end of the chunked body" },
  { "no last chunk", CHUNKED .. "5\r\nhello\r\n", "before the end of the chunked body" },
  { "half the trailers", CHUNKED .. "5\r\nhello\r\n0\r\nA: b\r\n", "before the end of the trailers" },
}

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
