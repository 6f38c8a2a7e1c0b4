-- SPDX-License-Identifier: MIT
-- make install and make uninstall: what they leave, and what a C or C++ program makes of it.
local core = require "lomi.core"
local LUA = require("spec.support.child").LUA
local files = require "spec.support.files"
local server_of = require "spec.support.server"

-- Gives the output and the exit status.
local function run(command)
  local pipe = assert(io.popen("(" .. command .. ") 2>&1; echo \"status $?\""))
  local text, status = pipe:read("*a"):match("^(.-)status (%d+)\n$")
  pipe:close()
  return text, tonumber(status)
end

local function succeed(command)
  local text, status = run(command)
  assert.equal(0, status, text)
  return text
end

local write = files.write

local function new_directory()
  local path = os.tmpname()
  os.remove(path)
  succeed("mkdir " .. path)
  return path
end

-- Not with the variables of the make that runs the specs.
local function make(target, ...)
  return succeed(("unset MAKEFLAGS MFLAGS MAKELEVEL; make -s %s LUA=%s %s"):format(target, LUA,
    table.concat({ ... }, " ")))
end

local function content(directory)
  return succeed(("cd %s && find . | sort"):format(directory))
end

if os.getenv "SANITIZER" then
  pending("make install: a proof has a build of its own")
  return
end

-- Only what is installed, not the tree.
local UNSET = "unset LUA_PATH LUA_CPATH LUA_PATH_5_4 LUA_CPATH_5_4; "

describe("make install", function()
  local root, said
  local version = LUA == "luajit" and "5.1" or LUA:match "%d.%d"

  setup(function()
    root = new_directory()
    said = make("install", "PREFIX=" .. root)
  end)
  teardown(function() succeed("rm -rf " .. root) end)

  it("brings a command that runs, its man page and its completions", function()
    local other = new_directory()
    finally(function() succeed("rm -r " .. other) end)
    succeed(("ln -s %s/bin/lomi %s/linked; cp -R %s %s/moved"):format(root, other, root, other))
    for _, command in ipairs { root .. "/bin/lomi", "cd " .. root .. "/bin && ./lomi", other .. "/linked",
      "cd " .. other .. " && moved/bin/lomi", "PATH=" .. root .. "/bin:$PATH lomi" } do
      assert.equal("lomi " .. core.version .. "\n", succeed(UNSET .. command .. " --version"))
    end
    local first = succeed("head -n 1 " .. root .. "/share/man/man1/lomi.1")
    assert.matches("TH LOMI 1 .* \"lomi " .. core.version .. "\"", first)
    for _, path in ipairs { "bash-completion/completions/lomi", "zsh/site-functions/_lomi",
      "fish/vendor_completions.d/lomi.fish" } do
      assert.matches("refunds", succeed(("cat %s/share/%s"):format(root, path)))
    end
  end)

  it("brings a command that runs its own modules, whatever the variables say", function()
    local other = new_directory()
    finally(function() succeed("rm -r " .. other) end)
    succeed(("mkdir -p %s/lomi"):format(other))
    write(other .. "/lomi/cli.lua", "error('another lomi')")
    assert.equal("lomi " .. core.version .. "\n",
      succeed(("%sLUA_PATH='%s/?.lua;;' %s/bin/lomi --version"):format(UNSET, other, root)))
  end)

  it("prints the variables that a program needs, unless this Lua looks there anyway", function()
    local exports = said:match '\n(  export LUA_PATH=.-\n  export LUA_CPATH=[^\n]+)'
    assert.is_string(exports, said)
    assert.matches("\n---@class lomi.CreateInvoice\n",
      succeed(("cat %s/share/lua/%s/lomi/tables.lua"):format(root, version)), 1, true) -- for editors
    local program = ([[%s -e 'print(package.searchpath("lomi", package.path), require("lomi")._VERSION)']]):format(LUA)
    assert.equal(("%s/share/lua/%s/lomi.lua\t%s\n"):format(root, version, core.version),
      succeed(("%s%s; %s"):format(UNSET, exports:gsub("\n", ";"), program)))
    assert.not_matches("export", make("install", "PREFIX=" .. root, ("LUA_PATH='%s/share/lua/%s/?.lua;;'"):format(root,
      version), ("LUA_CPATH='%s/lib/lua/%s/?.so;;'"):format(root, version)))
  end)

  it("brings a command that says in a line what is missing", function()
    local text, status = run("LUA_PATH='/nowhere/?.lua' " .. root .. "/bin/lomi --version")
    assert.equal(1, status)
    assert.matches("^lomi: cannot start: module 'argparse' not found:?\n$", text)
  end)

  -- Compiles the program with the flags of pkg-config, runs it in an empty directory.
  local function build_and_run(compiler, source, pc, arguments)
    local directory = new_directory()
    local ok, output = pcall(function()
      succeed(("export PKG_CONFIG_PATH=%s/lib/pkgconfig; flags=$(pkg-config --cflags %s) && "
        .. "libs=$(pkg-config --libs %s) && %s -Wall -Wextra -Werror $flags -o %s/host %s $libs"):format(
        root, pc, pc, compiler, directory, source))
      succeed("cp examples/embed/charge.lua " .. directory)
      return succeed(("cd %s && env -u LUA_PATH -u LUA_CPATH -u LOMI_API_KEY ./host charge.lua %s"):format(directory,
        arguments))
    end)
    succeed("rm -r " .. directory) -- the spec has a `finally` of its own
    if not ok then error(output, 0) end
    return output
  end

  it("brings liblomi.a, its header, and lomi.pc for a C program", function()
    local server = server_of.start()
    finally(function() server:stop() end)
    for _, pc in ipairs { "lomi", "lomi-" .. LUA } do
      assert.equal("pi_scripted\t10000\trequires_payment_method\n",
        build_and_run("cc -std=c99", "examples/embed/host.c", pc, server.url))
      assert.equal(core.version .. "\n", succeed(("PKG_CONFIG_PATH=%s/lib/pkgconfig pkg-config --modversion %s"):format(
        root, pc)))
    end
  end)

  it("brings a header for C++", function()
    local server = server_of.start()
    local source = os.tmpname() .. ".cpp"
    finally(function()
      server:stop()
      os.remove(source)
      os.remove((source:gsub("%.cpp$", "")))
    end)
    write(source, [[
      #include "lomi_open.h"
      #include "lua.hpp"
      #include <iostream>

      int main(int argc, char **argv) {
        lua_State *L = luaL_newstate();
        luaL_openlibs(L);
        lomi_open(L);
        if (argc < 3 || luaL_loadfile(L, argv[1]) != 0)
          return 2;
        lua_pushstring(L, argv[2]);
        int status = lua_pcall(L, 1, 0, 0);
        if (status != 0)
          std::cerr << lua_tostring(L, -1) << std::endl;
        lua_close(L);
        return status;
      }
    ]])
    assert.equal("pi_scripted\t10000\trequires_payment_method\n", build_and_run("g++", source, "lomi", server.url))
  end)
end)

describe("make uninstall", function()
  local root
  before_each(function() root = new_directory() end)
  after_each(function() succeed("rm -rf " .. root) end)

  it("leaves nothing of it in an empty prefix", function()
    local installed = "DESTDIR=" .. root .. " PREFIX=/usr"
    make("install", installed)
    assert.matches("/usr/bin/lomi\n", content(root))
    assert.matches("^prefix=/usr\n", succeed(("cat %s/usr/lib/pkgconfig/lomi.pc"):format(root)))
    make("install", installed) -- over itself
    assert.matches(("^lomi for %s is removed from %s/usr: %%d%%d+ files\n$"):format(LUA, root),
      make("uninstall", installed))
    assert.equal(".\n./usr\n", content(root))
    assert.equal(("nothing of lomi for %s is installed under %s/usr\n"):format(LUA, root),
      make("uninstall", installed))
  end)

  it("leaves what was there before, and what came later", function()
    succeed(("mkdir -p %s/share/man/man1 %s/lib"):format(root, root))
    write(root .. "/share/man/man1/other.1", "")
    local before = content(root)
    make("install", "PREFIX=" .. root)
    write(root .. "/bin/other", "")
    make("uninstall", "PREFIX=" .. root)
    os.remove(root .. "/bin/other")
    os.remove(root .. "/bin")
    assert.equal(before, content(root))
  end)

  it("of one Lua leaves the other's", function()
    local build = new_directory()
    finally(function() succeed("rm -r " .. build) end)
    succeed(("mkdir %s/lomi && touch %s/lomi/core.so %s/liblomi.a"):format(build, build, build))
    local function act(action, lua, lua_version)
      succeed(("LUA=%s LUA_VERSION=%s LUA_PKG=%s B=%s DESTDIR= PREFIX=%s LIBS=-lm tools/install.sh %s"):format(lua,
        lua_version, lua, build, root, action))
    end
    act("install", "lua5.4", "5.4")
    local first = content(root)
    act("install", "luajit", "5.1")
    act("uninstall", "luajit", "5.1")
    -- The files that both bring went with the Lua that came last.
    local left = content(root)
    for _, path in ipairs { "bin", "bin/lomi", "include", "include/lomi_open.h", "lib/pkgconfig/lomi.pc" } do
      first = first:gsub("%./" .. path:gsub("%.", "%%.") .. "\n", "")
    end
    assert.equal(first, left)
    act("uninstall", "lua5.4", "5.4")
    assert.equal(".\n", content(root))
  end)
end)
