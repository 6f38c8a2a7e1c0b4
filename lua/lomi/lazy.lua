-- SPDX-License-Identifier: MIT
--- Loads a module at its first use. Like require, but a module that could not be loaded, for want of memory or
--- descriptors, is loaded anew the next time. A module that was loaded once stays, even where the program takes
--- `require` or `package` away.

local require, package = require, package -- as they are now

-- LuaJIT marks a module that is being loaded by an odd number in its place (a userdata, once), and the mark stays when
-- that fails. No module here is either.
local MARKS = { number = true, userdata = true }

local modules = {} -- by name

local function forget_failures()
  for name, value in pairs(package.loaded) do
    if MARKS[type(value)] and (name:find("^lomi%.") or name == "cjson") then package.loaded[name] = nil end
  end
end

local ENFILE, EMFILE = 23, 24

local function out_of_descriptors()
  local library = rawget(_G, "io")
  if type(library) ~= "table" or not library.open then return false end
  local file, _, problem = library.open("/dev/null")
  if file then file:close() end
  return problem == EMFILE or problem == ENFILE
end

---@param name string  of a module of ours
---@return any module
return function(name)
  local module = modules[name]
  if module then return module end
  local ok
  ok, module = pcall(require, name)
  if ok then
    modules[name] = module
    return module
  end
  forget_failures()
  if type(module) == "string" and out_of_descriptors() then
    module = ("out of file descriptors: the module %s cannot be read"):format(name)
  elseif type(module) == "string" and module:find("module '" .. name .. "' not found", 1, true) then
    module = module .. "\n\tlomi.preload() loads every part while files can be read: before a chdir or a chroot"
  end
  if type(module) == "string" and module:find("undefined symbol", 1, true) then
    local this = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:sub(5)
    module = ("lomi was built for another Lua than %s, which runs here: make install LUA=%s\n%s"):format(
      this, this, module)
  end
  error(module, 0)
end
