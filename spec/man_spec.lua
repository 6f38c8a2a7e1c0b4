-- SPDX-License-Identifier: MIT
-- lomi(1), as `make man` and `make install` make it.
local core = require "lomi.core"
local LUA = require("spec.support.child").LUA

local function run(command)
  local pipe = assert(io.popen(("LUA_PATH='%s' LUA_CPATH='%s' %s"):format(package.path, package.cpath, command)))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

local function has(program)
  return run("command -v " .. program) ~= ""
end

describe("the man page", function()
  local path
  setup(function()
    path = os.tmpname()
    run(("%s tools/man.lua >%s"):format(LUA, path))
  end)
  teardown(function() os.remove(path) end)

  it("has no fault in the eyes of groff, nor of mandoc where it is there", function()
    if not has "groff" then return pending "groff is not installed" end
    assert.equal("", run("groff -man -ww -Tutf8 -z " .. path .. " 2>&1"))
    if has "mandoc" then assert.equal("", run("mandoc -Tlint " .. path .. " 2>&1")) end
  end)

  it("has the version, every command and option, and the environment", function()
    local source = run("cat " .. path)
    assert.matches(('^%%.TH LOMI 1 %%d+%%-%%d+%%-%%d+ "lomi %s" "User Commands"\n'):format(core.version), source)
    source = source:gsub("\\%-", "-")
    local count = 0
    local function check(command)
      local name = command:_get_fullname()
      if command._parent and not command._parent._parent then
        assert.matches("\n.SS " .. name .. "\n", source, 1, true)
        count = count + 1
      end
      -- The verbs of resources have a line each.
      local is_told = not command._parent or source:find("\n.SS " .. name .. "\n", 1, true)
      for _, option in ipairs(is_told and command._options or {}) do assert.matches(option._name, source, 1, true) end
      for _, inner in ipairs(command._commands) do
        assert.matches("[ \n]" .. inner._name:gsub("%-", "%%-") .. "\n", source)
        check(inner)
      end
    end
    check(require("lomi.cli").parser())
    assert.is_true(count > 20, count)
    for _, name in ipairs { "LOMI_API_KEY", "LOMI_BASE_URL", "HTTPS_PROXY", "EXIT STATUS", "ENVIRONMENT" } do
      assert.matches(name, source, 1, true)
    end
  end)
end)
