-- SPDX-License-Identifier: MIT
--- Which module stands on which: read from the `require`, `lazy` and `#include` of the sources, and written as the
--- picture in CONTRIBUTING.md, which has the rooms of the house from the top to the bottom.
---
---     lua5.4 tools/map.lua            writes the picture into CONTRIBUTING.md (make map)

local M = {}

local BEGIN, END = "<!-- map: made by make map -->\n```text\n", "```\n<!-- map: end -->\n"

-- The floors, from the top. A module of one stands on the same floor or on one below it, never above.
-- `place` is the beginning of the names of its modules; the longest that fits counts.
local FLOORS = {
  { name = "the command", places = { "lua/lomi/cli" } },
  { name = "the sandbox, in your Lua state", places = { "lua/lomi/sandbox/init" } },
  { name = "the sandbox, in the server's Lua state", places = { "lua/lomi/sandbox/server/" } },
  { name = "the door", places = { "lua/lomi", "lua/lomi/client", "lua/lomi/loop", "lua/lomi/webhook" } },
  { name = "a call, step by step", places = { "lua/lomi/call/" } },
  { name = "the configuration", places = { "lua/lomi/config" } },
  { name = "the API as data", places = { "lua/lomi/contract/" } },
  { name = "the transports", places = { "lua/lomi/transport/" } },
  { name = "the tools of the house", places = { "lua/lomi/errors", "lua/lomi/redact", "lua/lomi/rules",
    "lua/lomi/suggest", "lua/lomi/ascii", "lua/lomi/iso8601", "lua/lomi/url", "lua/lomi/money", "lua/lomi/timers",
    "lua/lomi/lazy" } },
  { name = "C that Lua sees", places = { "src/core_lua", "src/json_lua", "src/json_encode_lua",
    "src/json_decode_lua", "src/schema_lua", "src/http1_lua", "src/resume_lua",
    "src/engine_lua", "src/crypto_lua", "src/httpd_lua", "src/open" } },
  { name = "C", places = { "src/" } },
}

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

---@return string[] paths  of every source in lua/ and src/, sorted
function M.sources()
  local list = {}
  local pipe = assert(io.popen("find lua src -name '*.lua' -o -name '*.[ch]'"))
  for path in pipe:lines() do list[#list + 1] = path end
  pipe:close()
  table.sort(list)
  return list
end

--- A file's module: a C file and its header are one.
local function module_of(path)
  return (path:gsub("%.%a+$", ""))
end

-- Comments hold examples that are no code.
local function lua_code(text)
  return (text:gsub("%-%-[^\n]*", ""))
end

local LIBRARIES = { ["lomi.core"] = "src/core_lua", ["lomi.engine"] = "src/engine_lua",
  ["lomi.crypto"] = "src/crypto_lua", ["lomi.httpd"] = "src/httpd_lua" }

-- Every string that is the name of a module of ours counts, not only behind `require`: names stand in tables too
-- (the resources of the contract, the commands), and in `lazy(a and "lomi.b" or "lomi.c")`. "lomi" alone is a word.
local function lua_names(text, known)
  local found, code = {}, lua_code(text)
  if code:find('require%s*%(?"lomi"') then found["lua/lomi"] = true end
  for name in code:gmatch('"(lomi%.[%w_%.]*)"') do
    local path = "lua/" .. name:gsub("%.", "/")
    local module = LIBRARIES[name] or known[path] and path or known[path .. "/init"] and path .. "/init"
    if module then found[module] = true end
  end
  return found
end

local function c_names(text, known)
  local found = {}
  for name in text:gmatch('#include "([%w_]+)%.h"') do
    if known["src/" .. name] then found["src/" .. name] = true end
  end
  return found
end

---@param paths? string[]
---@param source? fun(path: string): string  its text
---@return table<string, table<string, true>> graph  the modules each stands on
function M.graph(paths, source)
  paths, source = paths or M.sources(), source or read
  local graph = {}
  for _, path in ipairs(paths) do graph[module_of(path)] = {} end
  for _, path in ipairs(paths) do
    local module = module_of(path)
    local names = path:find("%.lua$") and lua_names or c_names
    for name in pairs(names(source(path), graph)) do
      if name ~= module then graph[module][name] = true end
    end
  end
  return graph
end

local function sorted(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return list
end

local function floor_of(module)
  local best, length = nil, -1
  for number, floor in ipairs(FLOORS) do
    for _, place in ipairs(floor.places) do
      local fits = place == module or place == "lua/lomi/cli" and module:find("^lua/lomi/cli/")
        or place:find("/$") and module:sub(1, #place) == place
      if fits and #place > length then best, length = number, #place end
    end
  end
  return best
end

---@return string[] wrong  arrows that run upwards, modules without a floor
function M.upwards(graph)
  local wrong = {}
  for _, from in ipairs(sorted(graph)) do
    if not floor_of(from) then wrong[#wrong + 1] = from .. " has no floor in tools/map.lua" end
    for _, to in ipairs(sorted(graph[from])) do
      if floor_of(from) and floor_of(to) and floor_of(to) < floor_of(from) then
        wrong[#wrong + 1] = ("%s stands on %s, which is on a floor above"):format(from, to)
      end
    end
  end
  return wrong
end

---@return string[]|nil circle  the modules of one, the first again at its end
function M.circle(graph)
  local done, path, place = {}, {}, {}
  local function visit(module)
    if place[module] then
      local circle = {}
      for i = place[module], #path do circle[#circle + 1] = path[i] end
      circle[#circle + 1] = module
      return circle
    end
    if done[module] then return nil end
    done[module] = true
    path[#path + 1], place[module] = module, #path + 1
    for _, below in ipairs(sorted(graph[module])) do
      local circle = visit(below)
      if circle then return circle end
    end
    path[#path], place[module] = nil, nil
  end
  for _, module in ipairs(sorted(graph)) do
    local circle = visit(module)
    if circle then return circle end
  end
end

-- "call/schema", "server/app", "src/http1".
local function short(module)
  return (module:gsub("^lua/lomi/", ""):gsub("^lua/", ""):gsub("/init$", ""):gsub("^sandbox/server/", "server/"))
end

local function wrapped(indent, text)
  local lines, line = {}, indent
  for word in text:gmatch("%S+") do
    if #line + #word + 1 > 100 then
      lines[#lines + 1], line = line, (" "):rep(#indent - #"→" + 1)
    end
    line = line .. (line:find("%S") and " " or "") .. word
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

---@return string picture
function M.picture(graph)
  local out, width = {}, 0
  local on_floor = {}
  for _, module in ipairs(sorted(graph)) do
    local number = floor_of(module)
    on_floor[number] = on_floor[number] or {}
    table.insert(on_floor[number], module)
    width = math.max(width, #short(module))
  end
  for number, floor in ipairs(FLOORS) do
    out[#out + 1] = (number > 1 and "\n" or "") .. floor.name
    for _, module in ipairs(on_floor[number] or {}) do
      local below = {}
      for _, name in ipairs(sorted(graph[module])) do below[#below + 1] = short(name) end
      local left = ("  %-" .. width .. "s  "):format(short(module))
      out[#out + 1] = #below == 0 and (left:gsub("%s+$", "")) or wrapped(left .. "→", table.concat(below, ", "))
    end
  end
  return table.concat(out, "\n") .. "\n"
end

--- The text of CONTRIBUTING.md with the picture in its place.
---@return string|nil text  nil: the marks are missing
function M.drawn(text, picture)
  local _, from = text:find(BEGIN, 1, true)
  local to = from and text:find(END, from, true)
  return to and text:sub(1, from) .. picture .. text:sub(to)
end

if arg and arg[0] and arg[0]:find("map%.lua$") then
  local path = "CONTRIBUTING.md"
  local text = assert(M.drawn(read(path), M.picture(M.graph())), path .. " has no place for the map")
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

return M
