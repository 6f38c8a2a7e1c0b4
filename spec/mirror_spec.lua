-- SPDX-License-Identifier: MIT
-- spec/ mirrors lua/ and src/, and nothing there is unused.
local files = require "spec.support.files"
local map = dofile "tools/map.lua"

local read = files.read

-- lua/lomi/call/retry.lua and src/http1_lua.c have spec/call/retry_spec.lua and spec/http1_spec.lua.
local function mirror(path)
  return "spec/" .. path:gsub("^src/", ""):gsub("^lua/", ""):gsub("^lomi/", ""):gsub("%.%a+$", ""):gsub("_lua$", "")
    .. "_spec.lua"
end

-- Sources without a spec of their own; the spec that is about them instead, and why it is another.
local ELSEWHERE = {
  { "spec/core_spec.lua", "the door itself: what it loads and gives", "lua/lomi.lua", "src/stay_loaded.c",
    "src/lomi.h", "src/compat.h" },
  { "spec/cli_spec.lua", "commands, tried as typed", "lua/lomi/cli/charge.lua", "lua/lomi/cli/interrupt.lua",
    "lua/lomi/cli/listener.lua", "lua/lomi/cli/sandbox.lua", "lua/lomi/cli/service.lua", "lua/lomi/cli/webhook.lua" },
  { "spec/contract/resources_spec.lua", "data, compared with the API's facts, all resources alike",
    "lua/lomi/contract/balances.lua", "lua/lomi/contract/charges.lua", "lua/lomi/contract/checkout_sessions.lua",
    "lua/lomi/contract/coupons.lua", "lua/lomi/contract/customers.lua", "lua/lomi/contract/disputes.lua",
    "lua/lomi/contract/dto.lua", "lua/lomi/contract/invoices.lua", "lua/lomi/contract/payment_links.lua",
    "lua/lomi/contract/payment_requests.lua", "lua/lomi/contract/payout_methods.lua",
    "lua/lomi/contract/payouts.lua", "lua/lomi/contract/products.lua", "lua/lomi/contract/providers.lua",
    "lua/lomi/contract/refunds.lua", "lua/lomi/contract/settlements.lua", "lua/lomi/contract/subscriptions.lua",
    "lua/lomi/contract/transactions.lua", "lua/lomi/contract/webhooks.lua" },
  { "spec/sandbox/server/merchant_spec.lua", "its operations, tried through a client",
    "lua/lomi/sandbox/server/operations/init.lua", "lua/lomi/sandbox/server/operations/balances.lua",
    "lua/lomi/sandbox/server/operations/checkout.lua", "lua/lomi/sandbox/server/operations/customers.lua",
    "lua/lomi/sandbox/server/operations/products.lua",
    "lua/lomi/sandbox/server/operations/subscriptions.lua", "lua/lomi/sandbox/server/operations/unsimulated.lua" },
  { "spec/sandbox/server/api_spec.lua", "what the way through the API is tried with",
    "lua/lomi/sandbox/server/operations/charges.lua" },
  { "spec/sandbox/server/request_bodies_spec.lua", "fields, tried in bodies that have them",
    "lua/lomi/sandbox/server/body_fields.lua" },
  { "spec/sandbox/server/operations/webhooks_spec.lua", "endpoints and their events",
    "lua/lomi/sandbox/server/endpoints.lua" },
  { "spec/transport/nginx_spec.lua", "the choice is seen inside and outside nginx", "lua/lomi/transport/default.lua" },
  { "spec/engine_spec.lua", "parts of the engine, tried through it", "src/connection.c", "src/connector.c",
    "src/poller.c", "src/os.c", "src/message_lua.c" },
  { "spec/http1_spec.lua", "every fixture goes through it", "src/buffer.c" },
  { "spec/json_spec.lua", "parts of it", "src/json_encode_lua.c", "src/json_decode_lua.c", "src/text.c" },
  { "spec/httpd_spec.lua", "parts of the server, tried through it", "src/httpd_app.c", "src/httpd_loop.c",
    "src/httpd_reply.c", "src/httpd_requests.c", "src/httpd_state.c" },
  { "spec/open_spec.lua", "headers of the library", "src/embedded.h", "src/lomi_open.h" },
}

-- Specs whose subject is not in lua/ or src/, or is several sources.
local OTHER_SPECS = {
  ["spec/man_spec.lua"] = "tools/man.lua", ["spec/map_spec.lua"] = "tools/map.lua",
  ["spec/reference_spec.lua"] = "tools/reference.lua",
  ["spec/mirror_spec.lua"] = "spec/", ["spec/contract/resources_spec.lua"] = "lua/lomi/contract/",
  ["spec/transport/loop_spec.lua"] = "lua/lomi/loop.lua as a transport",
}

local SOURCES = map.sources()

describe("spec/", function()
  it("has a spec for every source, or says where it is tried", function()
    local elsewhere = {}
    for _, row in ipairs(ELSEWHERE) do
      assert.is_truthy(read(row[1]), row[1])
      for i = 3, #row do
        assert.is_truthy(read(row[i]), row[i] .. " is in the list, but not in the tree")
        assert.is_nil(read(mirror(row[i])), row[i] .. " has a spec of its own; take it from the list")
        elsewhere[row[i]] = true
      end
    end
    local missing = {}
    for _, path in ipairs(SOURCES) do
      local is_header = path:find("%.h$") and (read((path:gsub("h$", "c"))) or read((path:gsub("%.h$", "_lua.c"))))
      if not is_header and not elsewhere[path] and not read(mirror(path)) then missing[#missing + 1] = path end
    end
    assert.same({}, missing)
    assert.is_true(#SOURCES > 100)
  end)

  it("shows the text that lacks what it should: assert.matches, not a bare truth", function()
    local bare = {}
    local pipe = assert(io.popen "grep -rnE 'assert\\.(is_)?truthy\\(' spec examples --include='*.lua'")
    for line in pipe:lines() do
      if line:find ":find%b()%)%s*$" or line:find ':find ".-"%)%s*$' then bare[#bare + 1] = line end
    end
    pipe:close()
    assert.same({}, bare)
  end)

  it("has no spec without its source, but for stories and proofs", function()
    local mirrored, without = {}, {}
    for _, path in ipairs(SOURCES) do mirrored[mirror(path)] = true end
    local pipe = assert(io.popen("find spec -name '*_spec.lua' -not -path 'spec/stories/*' -not -path 'spec/proofs/*'"))
    for path in pipe:lines() do
      if not mirrored[path] and not OTHER_SPECS[path] then without[#without + 1] = path end
    end
    pipe:close()
    assert.same({}, without)
  end)
end)

describe("nothing is unused:", function()
  it("no Lua module", function()
    local used = { ["lua/lomi"] = true, ["lua/lomi/cli"] = true } -- by programs, by bin/lomi
    for _, names in pairs(map.graph()) do
      for name in pairs(names) do used[name] = true end
    end
    for _, path in ipairs(SOURCES) do
      local module = path:match("^(lua/.*)%.lua$")
      assert.is_true(not module or used[module] or false, path .. " is required by nobody")
    end
  end)
end)
