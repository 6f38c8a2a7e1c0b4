-- SPDX-License-Identifier: MIT
-- `lomi completion SHELL`: what the shells make of it.
local LUA = require("spec.support.child").LUA
local SCRIPT = assert(package.searchpath("lomi.cli", package.path))

local function run(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

describe("lomi completion", function()
  local paths = {}
  setup(function()
    for _, shell in ipairs { "bash", "zsh", "fish" } do
      paths[shell] = os.tmpname()
      run(("LUA_PATH='%s' LUA_CPATH='%s' %s %s completion %s >%s"):format(package.path, package.cpath, LUA, SCRIPT,
        shell, paths[shell]))
    end
  end)
  teardown(function()
    for _, path in pairs(paths) do os.remove(path) end
  end)

  -- The words that bash offers; the last one given is being typed.
  local function offered(...)
    local text = run(("bash -c 'source %s; COMP_WORDS=(lomi %s); COMP_CWORD=%d; _lomi; echo ${COMPREPLY[@]}'"):format(
      paths.bash, table.concat({ ... }, " "), select("#", ...)))
    local set = {}
    for word in text:gmatch "%S+" do
      assert.is_nil(set[word], word .. " is offered twice")
      set[word] = true
    end
    return set
  end

  it("completes commands, verbs, options and choices in bash", function()
    local set = offered "re"
    assert.same({ refunds = true }, set)
    set = offered("charge", "c")
    assert.same({ create = true, cancel = true }, set)
    set = offered("refunds", "c")
    assert.same({ create = true }, set)
    set = offered("charge", "create", "--cu")
    assert.same({ ["--currency"] = true, ["--customer-id"] = true }, set)
    set = offered("charge", "create", "--currency", "X")
    assert.same({ XOF = true }, set)
    set = offered("completion", "--he")
    assert.same({ ["--help"] = true }, set)
    set = offered("refunds", "create", "--he")
    assert.same({ ["--help"] = true }, set)
    assert.same({ bash = true, zsh = true, fish = true }, offered("completion", "''"))
    assert.same({ fish = true }, offered("completion", "fi"))
    assert.same({}, offered("completion", "fish", "''"))
  end)

  it("completes the names of shells in fish and zsh", function()
    local fish = run("cat " .. paths.fish)
    assert.matches("\ncomplete %-c lomi %-n '__fish_lomi_seen_command completion' %-xa 'bash zsh fish'\n", fish)
    assert.matches('": :%(bash zsh fish%)"', run("cat " .. paths.zsh))
  end)

  it("is a script without faults, in each of the shells that are here", function()
    local count = 0
    for shell, path in pairs(paths) do
      if run("command -v " .. shell) ~= "" then
        assert.equal("ok\n", run(("%s -n %s 2>&1 && echo ok"):format(shell, path)))
        count = count + 1
      end
      assert.matches("payment%-links", run("cat " .. path))
    end
    assert.is_true(count > 0)
  end)

  it("refuses another shell", function()
    local text = run(("LUA_PATH='%s' LUA_CPATH='%s' %s %s completion csh 2>&1; echo $?"):format(package.path,
      package.cpath, LUA, SCRIPT))
    assert.matches("must be one of 'bash', 'zsh', 'fish'\n2\n$", text)
  end)
end)
