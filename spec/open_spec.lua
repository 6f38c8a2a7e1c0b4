-- SPDX-License-Identifier: MIT
-- The example host: a C program with Lua and all of lomi inside, in a directory with nothing else in it.
local server_of = require "spec.support.server"

local BUILD = assert(package.searchpath("lomi.core", package.cpath)):match("^(.*)/lomi/core%.so$")

local function run(command)
  local pipe = assert(io.popen(command))
  local output = pipe:read("*a")
  pipe:close()
  return output
end

describe("liblomi.a", function()
  local root, directory

  setup(function()
    root = run("pwd"):gsub("\n", "")
    directory = os.tmpname()
    os.remove(directory)
    assert(os.execute("mkdir " .. directory))
    assert(os.execute(("cp %s/embed-host %s/examples/embed/charge.lua %s"):format(BUILD, root, directory)))
  end)

  teardown(function() os.execute("rm -r " .. directory) end)

  -- No path of ours: what is not in the executable is not found.
  local function host(arguments)
    return run(("cd %s && env -u LUA_PATH -u LUA_CPATH -u LOMI_API_KEY ./embed-host %s 2>&1"):format(
      directory, arguments))
  end

  it("charges from a directory with nothing of lomi in it", function()
    local server = server_of.start()
    assert.equal("pi_scripted\t10000\trequires_payment_method\n", host("charge.lua " .. server.url))
    assert.equal(1, #server:requests())
    server:stop()
  end)

  it("names its modules in messages as the files they were", function()
    local file = assert(io.open(directory .. "/wrong.lua", "w"))
    file:write('require("lomi").new { api_key = "lomi_sk_test_x", basurl = "x" }')
    file:close()
    assert.matches("wrong%.lua:1: lomi%.new: unknown option basurl", host("wrong.lua"))
  end)

  it("brings webhooks along, and says what is not in it", function()
    local file = assert(io.open(directory .. "/parts.lua", "w"))
    file:write [[
      local lomi = require "lomi"
      print(#lomi.webhook.sign("body", "whsec_x"), (pcall(require, "lomi.sandbox")))
    ]]
    file:close()
    assert.equal("64\tfalse\n", host("parts.lua"))
  end)
end)

describe("lomi.core", function()
  it("links neither libcurl nor libssl", function()
    local linked = run("ldd " .. BUILD .. "/lomi/core.so")
    assert.matches("libc%.so", linked)
    assert.is_nil(linked:find("curl"))
    assert.is_nil(linked:find("ssl"))
    assert.is_nil(linked:find("crypto"))
  end)
end)
