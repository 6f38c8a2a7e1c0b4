-- SPDX-License-Identifier: MIT
--- Reads a profile of callgrind: the instructions of each function, and what it spent in those it called.
local M = {}

---@class bench.callgrind.Function
---@field object string  the program or library, without its directory; "?" if callgrind does not know
---@field name string    as callgrind names it; stripped code has an address for a name
---@field file string    the source, without its directory
---@field self integer   instructions

---@class bench.callgrind.Call
---@field from bench.callgrind.Function
---@field to bench.callgrind.Function
---@field count integer
---@field cost integer  instructions, with all that was called in turn

---@class bench.callgrind.Profile
---@field total integer
---@field functions bench.callgrind.Function[]
---@field calls bench.callgrind.Call[]

-- A name is written out once, as "(7) name", and is "(7)" after that.
local function namer()
  local names = {}
  return function(text)
    local id, name = text:match("^(%(%d+%)) ?(.*)$")
    if not id then return text end
    if name ~= "" then names[id] = name end
    return names[id]
  end
end

local function base(path)
  return path == "???" and "?" or path:match("[^/]*$")
end

---@param path string
---@return bench.callgrind.Profile
function M.read(path)
  local objects, files, functions = namer(), namer(), namer()
  local profile = { total = 0, functions = {}, calls = {} }
  local known = {}

  local function find(object, file, name)
    -- Recursion has functions of its own: "name'2". A file is that of the first line of the function.
    name = name:gsub("'%d+$", "")
    local key = object .. "\0" .. name
    local found = known[key]
    if not found then
      found = { object = base(object), name = name, file = base(file), self = 0 }
      known[key] = found
      table.insert(profile.functions, found)
    end
    return found
  end

  local object, file, current = "?", "?", nil
  local to_object, to_file, to, call
  for line in io.lines(path) do
    local field, value = line:match("^(%l+)=(.*)$")
    if field == "ob" then
      object = objects(value)
    elseif field == "fl" then
      file = files(value)
    elseif field == "fn" then
      current = find(object, file, functions(value))
    elseif field == "cfi" or field == "cfl" then
      to_file = files(value)
    elseif field == "fi" or field == "fe" then -- of inlined code: only the name is taken
      files(value)
    elseif field == "cob" then
      to_object = objects(value)
    elseif field == "cfn" then
      to = find(to_object or object, to_file or file, functions(value))
    elseif field == "calls" then
      call = { from = current, to = to, count = tonumber(value:match("^%d+")), cost = 0 }
      to_object, to_file, to = nil, nil, nil
    elseif current and line:find("^[%d+*-]") then
      local cost = tonumber(line:match("^%S+ .-(%d+)$"))
      if call then
        call.cost = cost
        table.insert(profile.calls, call)
        call = nil
      elseif cost then
        current.self, profile.total = current.self + cost, profile.total + cost
      end
    end
  end
  return profile
end

--- The instructions spent in some libraries and in all that they called, but for others of which they made use.
---@param profile bench.callgrind.Profile
---@param inside string     a pattern for the object
---@param without? string   a pattern for the objects that are not counted
---@return integer
function M.spent(profile, inside, without)
  local spent = 0
  for _, call in ipairs(profile.calls) do
    local from, to = call.from.object:find(inside) ~= nil, call.to.object:find(inside) ~= nil
    if to and not from then spent = spent + call.cost end
    if without and from and not to and call.to.object:find(without) then spent = spent - call.cost end
  end
  return spent
end

return M
