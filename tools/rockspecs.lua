-- SPDX-License-Identifier: MIT
--- The rockspecs of the version, made from those of the working tree (scm), and the places that name the version. From
--- the tree's root, with the modules built: make rockspecs. It fails if two places do not agree.

local M = {}

local NAMES = { "lomi", "lomi-sandbox" }

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

--- LOMI_VERSION, which the other places follow.
---@return string version
function M.version()
  return assert(read("src/lomi.h"):match('#define LOMI_VERSION "([^"]+)"'))
end

--- The rockspecs of a version.
---@param version string
---@return table<string, string> texts  by path
function M.texts(version)
  local texts = {}
  for _, name in ipairs(NAMES) do
    local text = read(("rockspec/%s-scm-1.rockspec"):format(name))
    local function replace(from, to)
      local at, last = text:find(from, 1, true)
      assert(at, name .. ": no " .. from)
      text = text:sub(1, at - 1) .. to .. text:sub(last + 1)
    end
    replace('version = "scm-1"', ('version = "%s-1"'):format(version))
    replace('.git" }', ('.git", tag = "v%s" }'):format(version))
    -- The server's C module and the Lua modules that the other rock brings are of one version.
    if name == "lomi-sandbox" then replace('"lomi" }', ('"lomi == %s" }'):format(version)) end
    texts[("rockspec/%s-%s-1.rockspec"):format(name, version)] = text
  end
  return texts
end

-- A command that prints a text with the version in it.
local PC = "LUA=lua5.4 LUA_VERSION=5.4 LUA_PKG=lua5.4 B=build DESTDIR= PREFIX=/usr LIBS= tools/install.sh pc"

--- The version that each place names.
---@param lua string  an interpreter that finds the modules
---@return table<string, string> versions  by place
function M.versions(lua)
  local versions = {
    ["src/lomi.h"] = M.version(),
    ["lua/lomi.lua"] = read("lua/lomi.lua"):match('_VERSION = "([^"]+)"'),
    ["CHANGELOG.md"] = read("CHANGELOG.md"):match("\n## %[(%d[^%]]*)%]"),
    ["lomi.pc"] = output_of(PC):match("\nVersion: (%S+)"),
    ["lomi(1)"] = output_of(lua .. " tools/man.lua"):match('^.TH LOMI 1 %S+ "lomi ([^"]+)"'),
  }
  for path in output_of("ls rockspec/*.rockspec"):gmatch "%S+" do
    local version = read(path):match('\nversion = "([^"]+)%-1"')
    if version ~= "scm" then versions[path] = version end
  end
  return versions
end

local function main()
  local version, agree = M.version(), true
  local texts = M.texts(version)
  os.execute("rm -f rockspec/lomi-[0-9]*.rockspec rockspec/lomi-sandbox-[0-9]*.rockspec")
  for path, text in pairs(texts) do
    local file = assert(io.open(path, "wb"))
    assert(file:write(text))
    file:close()
  end
  for place, found in pairs(M.versions "lua5.4") do
    if found ~= version then
      io.stderr:write(("rockspecs: %s says %s, and src/lomi.h %s\n"):format(place, found, version))
      agree = false
    end
  end
  os.exit(agree and 0 or 1)
end

if arg and arg[0] and arg[0]:find "rockspecs%.lua$" then main() end

return M
