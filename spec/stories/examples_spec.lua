-- SPDX-License-Identifier: MIT
-- The examples do what they say, run as a reader would run them.
local child = require "spec.support.child"

local function run(command)
  local pipe = assert(io.popen(("LUA_PATH=%q LUA_CPATH=%q %s 2>&1; echo \"status $?\""):format(
    package.path, package.cpath, command)))
  local output = pipe:read("*a")
  pipe:close()
  return output
end

describe("examples:", function()
  it("charge.lua creates one charge, and does not say that anybody has paid", function()
    local output = run(child.LUA .. " examples/charge.lua")
    assert.matches("a charge of 10 000 F CFA, created", output)
    assert.is_nil(output:find("charged", 1, true))
    assert.matches("15%.24 EUR", output)
    assert.matches("not a second one", output)
    assert.matches("status 0", output)
  end)

  it("spec/ is a spec that passes", function()
    local output = run(child.LUA .. " $(command -v busted) examples/spec")
    assert.matches("4 successes / 0 failures / 0 errors", output)
  end)
end)
