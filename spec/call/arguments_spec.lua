-- SPDX-License-Identifier: MIT
local arguments = require "lomi.call.arguments"
local locale = require "spec.support.locale"

-- The message of a raise, which must blame the line that called `action`'s only statement.
local function raised(action)
  local ok, message = pcall(action)
  assert.is_false(ok)
  local info = debug.getinfo(action, "S")
  local file, line, text = tostring(message):match("^(.-):(%d+): (.*)$")
  assert.equal(info.short_src, file)
  line = tonumber(line)
  assert.is_true(line >= info.linedefined and line <= info.lastlinedefined, message)
  return text
end

describe("an id", function()
  local PATH = "/charge/card/{id}/cancel"

  it("goes into the path percent-encoded", function()
    for id, encoded in pairs {
      ["pi_3QxYk6"] = "pi_3QxYk6", ["a-b.c_d~e"] = "a-b.c_d~e", ["a b"] = "a%20b", ["a?b#c"] = "a%3Fb%23c",
      ["100%"] = "100%25", ["a%2Fb"] = "a%252Fb", ["%1%0"] = "%251%250", ["é"] = "%C3%A9", ["a\\b"] = "a%5Cb",
      ["a\r\nX: y"] = "a%0D%0AX%3A%20y", ["a\0b"] = "a%00b", ["..."] = "...", [".a"] = ".a", ["{id}"] = "%7Bid%7D",
      ["a;b&c=d+e@f:g"] = "a%3Bb%26c%3Dd%2Be%40f%3Ag",
    } do
      assert.equal("/charge/card/" .. encoded .. "/cancel", arguments.fill_id(PATH, id))
    end
    assert.equal("/charge/card/pi_1", arguments.fill_id("/charge/card/{id}", "pi_1"))
  end)

  it("that names no charge is refused, not sent and not raised", function()
    for _, id in ipairs { "", ".", "..", "/", "a/b", "../cancel", "pi_1/", 1, true, {}, print } do
      local path, wrong = arguments.fill_id(PATH, id)
      assert.is_nil(path)
      assert.is_string(wrong)
    end
    assert.is_nil((arguments.fill_id(PATH, nil)))
  end)
end)

describe("a path", function()
  it("begins with a slash and is printable ASCII", function()
    for _, path in ipairs {
      "/", "/customers", "/a/b-c_d~e.f", "/a%20b", "/a/b/", "/a:b@c,d;e", "/...", "/.well-known/x", "/a..b",
      "/%2e%2e%2e/x", "/a/.b", "/a%2eb", "/a%2fb", "/a/%2F%2e//b", "/a/..b", "/a%25b",
    } do
      assert.is_nil(arguments.path_fault(path), path)
    end
  end)

  it("that is anything else is refused", function()
    for _, path in ipairs {
      "", "customers", "https://evil.com/", " /a", "/a b", "/a\r\nX-Evil: 1", "/a\n", "/a\0", "/a\127", "/é", "/a?b=c",
      "/a#b", "/..", "/.", "/a/..", "/a/../b", "/a/./b", "/../", 1, true, {}, "/" .. ("a"):rep(1024 * 1024),
    } do
      assert.is_string(arguments.path_fault(path), tostring(path):sub(1, 30))
    end
    assert.is_string(arguments.path_fault(nil))
  end)

  it("with a dot segment is refused in any spelling", function()
    for _, dots in ipairs { ".", "..", "%2e", "%2E", "%2e%2e", "%2E%2e", ".%2e", "%2E.", "%252e%252E", "%25252e.",
      "..;", "..;v=1", "%2e%2e;", "%2e%2e%3bx" } do
      for _, path in ipairs { "/%s", "/a/%s", "/a/%s/b", "/%s/", "/a\\%s\\b" } do
        path = path:gsub("%%s", function() return dots end):gsub("%%%%", "%%")
        assert.is_string(arguments.path_fault(path), path)
      end
    end
    for _, path in ipairs { "/a%2f../b", "/a/..%2Fb", "/a%5c..%5Cb", "/a/%2e.%2fb", "/a%2F%2e%2E" } do
      assert.is_string(arguments.path_fault(path), path)
    end
  end)
end)

describe("a query", function()
  it("is written sorted and percent-encoded", function()
    for expected, query in pairs {
      [""] = {}, ["?a=1"] = { a = 1 }, ["?a=x&b=y&c=z"] = { c = "z", a = "x", b = "y" }, ["?a="] = { a = "" },
      ["?a=b%26c%3Dd"] = { a = "b&c=d" }, ["?a%26b%3D=x"] = { ["a&b="] = "x" },
      ["?a=%C3%A9%20%2B%23%0D%0A"] = { a = "é +#\r\n" },
      ["?a=true&b=false"] = { a = true, b = false }, ["?a=10000"] = { a = 10000.0 },
      ["?a=10.5&b=-1"] = { a = 10.5, b = -1 },
    } do
      assert.equal(expected, arguments.query(query))
    end
  end)

  it("has at most 16 KiB", function()
    assert.equal("?a=" .. ("x"):rep(16383), (arguments.query { a = ("x"):rep(16383) }))
    for _, query in ipairs { { a = ("x"):rep(16384) }, { [("é"):rep(500000)] = true } } do
      local text, wrong = arguments.query(query)
      assert.is_nil(text)
      assert.matches("16 KiB", wrong)
    end
  end)

  it("has a decimal point under any locale", function()
    locale.need_french(pending)
    assert.equal("?a=10.5", locale.under(locale.FRENCH, function() return (arguments.query { a = 10.5 }) end))
  end)

  it("that cannot be written is refused, not raised", function()
    for _, query in ipairs { "a=b", 1, true, { "x" }, { [1] = 2 }, { a = {} }, { a = print }, { [true] = 1 } } do
      local text, wrong = arguments.query(query)
      assert.is_nil(text)
      assert.is_string(wrong)
    end
    assert.is_nil((arguments.query(nil)))
  end)
end)

describe("the idempotency key and the account", function()
  local function fields_of(opts)
    local names = {}
    for i, fault in ipairs(arguments.faults(opts) or {}) do
      assert.is_string(fault.message)
      names[i] = fault.field
    end
    return names
  end

  it("are 1 to 255 printable bytes without outer spaces", function()
    for _, text in ipairs { "a", "order-1", "a b", ("k"):rep(255), "~!@#$%^&*()" } do
      assert.same({}, fields_of { idempotency_key = text, account = text })
    end
    assert.same({}, fields_of {})
  end)

  it("that are anything else are faults, both at once", function()
    for _, text in ipairs {
      "", " ", " a", "a ", ("k"):rep(256), "a\r\nX-Evil: 1", "a\n", "\ra", "a\0b", "a\tb", "\127", 1, true,
      false, {}, print,
    } do
      assert.same({ "idempotency_key", "account" }, fields_of { idempotency_key = text, account = text })
      assert.same({ "idempotency_key" }, fields_of { idempotency_key = text, account = "acct_1" })
      assert.same({ "account" }, fields_of { idempotency_key = "k", account = text })
    end
  end)
end)

describe("opts", function()
  it("take what the call has", function()
    arguments.check_options({}, arguments.CALL, 1)
    arguments.check_options({
      idempotency_key = "k", timeout = 0.5, max_retries = 0, account = "acct_1", extra = {},
    }, arguments.CALL, 1)
    arguments.check_options({
      idempotency_key = "k", timeout = 10, max_retries = 3, account = "acct_1", body = {}, query = {},
    }, arguments.REQUEST, 1)
  end)

  it("leave to `faults` what may come from data", function()
    arguments.check_options({ idempotency_key = 1, account = {} }, arguments.CALL, 1)
    arguments.check_options({ body = print, query = "x" }, arguments.REQUEST, 1)
  end)

  it("with an unknown name raise at the caller's line, and suggest", function()
    for wrong, known in pairs {
      idempotencyKey = "idempotency_key", idempotency_keys = "idempotency_key", timeuot = "timeout",
      maxRetries = "max_retries", acount = "account", Extra = "extra",
    } do
      local message = raised(function() arguments.check_options({ [wrong] = 1 }, arguments.CALL, 1) end)
      assert.matches(wrong, message, 1, true)
      assert.matches(('did you mean "%s"'):format(known), message, 1, true)
    end
    for _, name in ipairs { "zzz", 1, "body", "query" } do
      raised(function() arguments.check_options({ [name] = 1 }, arguments.CALL, 1) end)
    end
    raised(function() arguments.check_options({ extra = {} }, arguments.REQUEST, 1) end)
  end)

  it("of a wrong kind raise at the caller's line", function()
    for name, values in pairs {
      timeout = { "3", 0, -1, 0 / 0, math.huge, true, {} }, max_retries = { "2", -1, 1.5, 0 / 0, math.huge, true },
      extra = { "x", 1, true, print },
    } do
      for _, value in ipairs(values) do
        local message = raised(function() arguments.check_options({ [name] = value }, arguments.CALL, 1) end)
        assert.matches(name, message, 1, true)
      end
    end
    for _, opts in ipairs { "order-1", 1, true, print } do
      assert.matches("table", raised(function() arguments.check_options(opts, arguments.CALL, 1) end))
    end
  end)

  it("blame the line they are told to", function()
    local function method(opts) arguments.check_options(opts, arguments.CALL, 2) end
    local line = debug.getinfo(1, "l").currentline + 1
    local _, message = pcall(function() method { zzz = 1 } end)
    assert.matches((":%d: "):format(line), message, 1, true)
  end)
end)
