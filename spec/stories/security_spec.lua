-- SPDX-License-Identifier: MIT
-- SECURITY.md: that what it names is there, and what no other spec shows.
local child = require "spec.support.child"
local core = require "lomi.core"
local engine = require "lomi.engine"
local files = require "spec.support.files"
local libkqueue = require "spec.support.libkqueue"
local process = require "spec_process"
local tls = require "spec.support.tls"

local read = files.read

local TEXT = read "SECURITY.md"

-- "refuses …" stands for tests whose names begin so and go on with what the spec fills in.
local function is_test(source, name)
  local beginning = name:match("^(.-) …$")
  for _, opening in ipairs { 'it("', 'it(("', 'describe("' } do
    if not beginning and source:find(opening .. name .. '"', 1, true) then return true end
    local _, stop = source:find(opening .. (beginning or "\0"), 1, true)
    local rest = stop and source:sub(stop + 1, stop + 5) or ""
    if rest:find('^ " %.%.') or rest:find("^ %%s") then return true end
  end
  return false
end

describe("SECURITY.md", function()
  it("names specs and tests that are there", function()
    local count = 0
    for path, name in TEXT:gmatch('\n%- `([^`]*)`: "([^\n]*)"') do
      local source = assert.is_truthy(read(path), path)
      assert.is_true(is_test(source, name), ("%s has no test %q"):format(path, name))
      count = count + 1
    end
    assert.is_true(count > 100, count)
    assert.equal(count, select(2, TEXT:gsub("\n%- `spec/", ""))) -- none is written so that it is passed over
  end)

  it("names a test for every threat", function()
    local threats, count = TEXT:match("\n## Threats\n(.-)\n## "), 0
    for part in (threats:gsub("\n### ", "\0") .. "\0"):gmatch("([^%z]+)%z") do
      if part:find "%S" then
        assert.is_truthy(part:find("\n- `spec/", 1, true), part:match("^[^\n]*"))
        count = count + 1
      end
    end
    assert.equal(14, count)
  end)
end)

describe("security:", function()
  it("the C modules link what SECURITY.md says, and nothing else", function()
    if os.getenv "SANITIZER" or libkqueue.is_used then return end -- link their own
    local count = 0
    for module, links in TEXT:gmatch("\n| `(lomi%.%w+)` | (%w+) |") do
      local path = assert(package.searchpath(module, package.cpath))
      local pipe = assert(io.popen("readelf -d " .. path))
      local found = {}
      for name in pipe:read("*a"):gmatch("%(NEEDED%)[^\n]*%[(.-)%.so[^\n]*%]") do
        -- ld-linux: glibc's own, which finds the variables of a thread.
        if name ~= "libc" and name ~= "libpthread" and not name:find "^ld%-linux" then found[#found + 1] = name end
      end
      pipe:close()
      assert.equal(links, found[1] and table.concat(found, " ") or "nothing", module)
      count = count + 1
    end
    assert.equal(4, count)
  end)

  it("a forked process makes other idempotency keys than its parent", function()
    core.uuid4()
    local path = os.tmpname()
    local pid = process.fork()
    if pid == 0 then
      local file = io.open(path, "w")
      for _ = 1, 100 do file:write(core.uuid4(), "\n") end
      file:close()
      process.exit(0)
    end
    assert.equal(0, process.wait(pid))
    local of_child, count = {}, 0
    for key in io.lines(path) do
      of_child[key], count = true, count + 1
    end
    os.remove(path)
    assert.equal(100, count)
    for _ = 1, 100 do assert.is_nil(of_child[core.uuid4()]) end
  end)

  it("no proxy and no password of the environment is used for this machine", function()
    local home = os.tmpname()
    os.remove(home)
    assert(os.execute("mkdir -m 700 " .. home))
    local file = assert(io.open(home .. "/.netrc", "w"))
    file:write("machine 127.0.0.1 login awa password secret\n")
    file:close()
    local nowhere = "http://127.0.0.1:1"
    local output, status = child.run([[
      local sandbox = assert(require("lomi.sandbox").start())
      local client = require("lomi").new { api_key = "lomi_sk_test_x", base_url = sandbox.url, max_retries = 0 }
      assert(client.charges:create_card_charge { amount = 1000 })
      print(sandbox:requests()[1].headers.authorization)
      sandbox:stop()
    ]], { HOME = home, http_proxy = nowhere, https_proxy = nowhere, ALL_PROXY = nowhere, all_proxy = nowhere,
      no_proxy = false, NO_PROXY = false })
    os.execute("rm -r " .. home)
    assert.equal(0, status, output)
    assert.equal("nil", output)
  end)

  it("nothing older than TLS 1.2 is spoken", function()
    local certificate = tls.certificate()
    finally(function() tls.remove(certificate) end)
    -- A system that allows everything: what is refused, we refuse.
    local conf = certificate.directory .. "/openssl.cnf"
    local file = assert(io.open(conf, "w"))
    file:write("openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMinProtocol = TLSv1\n",
      "CipherString = DEFAULT@SECLEVEL=0\n")
    file:close()

    local function kind_with(version)
      local server = assert(io.popen(("echo $$; exec openssl s_server -accept 127.0.0.1:0 -cert %s -key %s/key.pem "
        .. "-www %s -cipher DEFAULT@SECLEVEL=0 2>&1 </dev/null"):format(certificate.ca_file, certificate.directory,
        version)))
      local pid = server:read("*l")
      local port
      repeat
        local line = assert(server:read("*l"), "openssl s_server does not start")
        port = line:match("^ACCEPT .*:(%d+)$")
      until port
      local output = child.run(([[
        local client = require("lomi").new { api_key = "lomi_sk_test_x", base_url = "https://localhost:%s",
          ca_file = %q, max_retries = 0, timeout = 3 }
        local _, err = client:request("GET", "/")
        print(err.kind)
      ]]):format(port, certificate.ca_file), { OPENSSL_CONF = conf })
      os.execute("kill " .. pid)
      server:close()
      return output
    end

    if not engine.version:find("OpenSSL", 1, true) then return end -- no other can be told to allow it
    local old, new = kind_with "-tls1_1", kind_with "-tls1_2"
    assert.equal("protocol", new) -- the handshake succeeded; what came is a page
    assert.equal("tls", old)
  end)
end)
