-- SPDX-License-Identifier: MIT
-- The parts of a URL. What a base URL may be beyond that: config_spec.lua.
local cost = require "spec.support.cost"
local urls = require "lomi.url"

describe("a URL", function()
  it("is taken apart", function()
    assert.same({ scheme = "https", host = "api.example", port = 443, path = "" }, urls.parse "HTTPS://Api.Example/")
    assert.same({ scheme = "http", host = "::1", port = 4010, path = "/a/b" }, urls.parse "http://[::1]:4010/a/b//")
  end)

  it("that is not understood is refused, with the reason", function()
    for text, reason in pairs {
      ["https://a b"] = "spaces", ["a.example"] = "must be like https://", ["https://a/?q"] = "must be like https://",
      ["ftp://a"] = "must begin with https://", ["https://u:p@a"] = "user name", ["https://a:port"] = "host and port",
      ["https://a:65536"] = "between 1 and 65535", ["https://a/../b"] = "%. or %.%.",
      ["https://a/" .. ("b"):rep(2039)] = "at most 2048 bytes",
    } do
      local parsed, why = urls.parse(text)
      assert.is_nil(parsed, text)
      assert.matches(reason, why)
    end
  end)
end)

describe("a loopback host", function()
  it("is localhost, ::1 or 127.0.0.0/8", function()
    for _, host in ipairs { "localhost", "::1", "127.0.0.1", "127.255.255.255" } do
      assert.is_true(urls.is_loopback(host), host)
    end
    for _, host in ipairs { "127.0.0.256", "127.0.0.01", "127.0.0", "128.0.0.1", "localhost.example" } do
      assert.is_false(urls.is_loopback(host), host)
    end
  end)
end)

describe("a dot segment", function()
  it("is found in any spelling", function()
    for _, path in ipairs { "/a/..", "/./a", "/%2e%2E/a", "/%252e/a", "/a\\..\\b", "/..;x/a", "/a%2f..%2fb",
      "/%25%32%65/a", "/a/.%%32e", "/%25%32%35%32%65%2e/a", "/a%25%32%66..", "/%" .. ("25"):rep(500) .. "2e." } do
      assert.is_true(urls.has_dot_segment(path), path)
    end
    for _, path in ipairs { "", "/a.b", "/...", "/a/.b", "/a..b/c", "/%25", "/a%2520b", "/%2e%2e%2e", "/a%2f%2eb" } do
      assert.is_false(urls.has_dot_segment(path), path)
    end
  end)

  it("costs little to look for, whatever the path", function()
    for _, path in ipairs { "%25" .. ("25"):rep(32768), ("%"):rep(32768) .. ("25"):rep(32768), ("%2e"):rep(32768),
      ("/."):rep(32768), ("%5c"):rep(32768), ("%25%32%35"):rep(8192) } do
      assert.is_true(cost.of(function() urls.has_dot_segment("/" .. path) end) < 1, path:sub(1, 20))
    end
  end)
end)
