-- SPDX-License-Identifier: MIT
--- Loads a module at its first use. Like require, but a module that could not be loaded, for want of memory or
--- descriptors, is loaded anew the next time.

-- LuaJIT marks a module that is being loaded by an odd number in its place (a userdata, once), and the mark stays when
-- that fails. No module here is either.
local MARKS = { number = true, userdata = true }

local function forget_failures()
  for name, value in pairs(package.loaded) do
    if MARKS[type(value)] and (name:find("^lomi%.") or name == "cjson") then package.loaded[name] = nil end
  end
end

---@param name string  of a module of ours
---@return any module
return function(name)
  local ok, module = pcall(require, name)
  if ok then return module end
  forget_failures()
  error(module, 0)
end
