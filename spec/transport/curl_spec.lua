-- SPDX-License-Identifier: MIT
local child = require "spec.support.child"
local conformance = require "spec.support.conformance"
local curl = require "lomi.transport.curl"
local strike = require "spec.support.strike"

conformance("curl", require("spec.support.runners").curl)

describe("the first call, which loads libcurl,", function()
  it("raises an interrupt to the program, and does not retry; the next call works", function()
    local output = child.run [[
      local lomi = require "lomi"
      local client = lomi.new { api_key = "lomi_sk_test_x", base_url = "http://127.0.0.1:1", max_retries = 0 }
      package.preload["lomi.engine"] = function() error("interrupted!", 0) end
      print(pcall(client.request, client, "GET", "/"))
      package.preload["lomi.engine"] = nil
      print((select(2, client:request("GET", "/")).message:find "libcurl cannot be used"))
    ]]
    assert.equal("false\tinterrupted!\nnil", output)
  end)
end)

describe("an engine's start", function()
  it("gives the error of a hook to the program: it is no failure of libcurl", function()
    assert(curl.start "shared") -- libcurl is loaded
    for _, make in ipairs { "new", "shared" } do
      strike.everywhere("watchdog", function() return curl.start(make) end, function(where, ok, why)
        assert.is_false(ok, where)
        assert.equal("watchdog", why, where)
      end)
    end
  end)
end)
