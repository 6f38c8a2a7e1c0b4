-- SPDX-License-Identifier: MIT
--- Prints types/lomi/tables.lua, which editors complete from and docs/reference.md is made of: what tables of the
--- sources say of fields, operations and options, as LuaCATS. From the tree's root, with the modules built: make
--- reference.
---
--- A class whose `---@class` stands right above a table has a field for each row of it. The comment of a row stands
--- behind it, or above it. That of an operation stands above it; its last sentence, "Gives lomi.Refund.", names the
--- class of the result (a plain table without it).

local M = {}

local CONTRACT = "lua/lomi/contract/"

-- The files with such tables, beside those of the resources.
local SOURCES = {
  CONTRACT .. "dto.lua", "lua/lomi/sandbox/init.lua", "lua/lomi/sandbox/server/chaos.lua",
  "lua/lomi/sandbox/server/deliveries.lua", "lua/lomi/sandbox/server/faults.lua",
}

-- ---- what a file says ----------------------------------------------------------------------------------

-- The value of a table or a call that begins at a line. `known` has what the file has defined before.
local function value_at(lines, at, known)
  local text = "return " .. lines[at]:gsub("^local ", ""):gsub("^[%w_.]+ = ", ""):gsub("^return ", "")
  local chunk = load(text, "=contract", "t", known)
  while not chunk do
    at = at + 1
    text = text .. "\n" .. lines[at]
    chunk = load(text, "=contract", "t", known)
  end
  return chunk(), at
end

-- The names in the order of the rows, and the comment of each.
local function read_rows(lines, from, to, pattern)
  local order, texts, above, name = {}, {}, {}, nil
  for i = from, to do
    local comment = lines[i]:match("^  %-%- (.*)$")
    if comment then
      above[#above + 1] = comment
    else
      local found = lines[i]:match(pattern)
      if found then
        name, order[#order + 1] = found, found
        texts[name], above = above[1] and table.concat(above, " ") or nil, {}
      end
      if name then texts[name] = lines[i]:match("}, %-%- (.*)$") or texts[name] end
    end
  end
  if above[1] then error("there is no row below this comment: " .. above[1], 0) end
  return order, texts
end

---@class types.Class
---@field name string
---@field parents string[]
---@field value? table  the DTO, the list of fields, the operations, or the options; nil: it is annotated by hand
---@field operations_of? string  the value is the operations of this resource
---@field order string[]  of the rows
---@field texts table<string, string>  by the name of the row

-- The classes of a file, in order; the last one of a resource's is that of its methods.
local function read(path, resource)
  local lines, classes, last = {}, {}, nil
  for line in io.lines(path) do lines[#lines + 1] = line end
  local known = setmetatable({ dto = require "lomi.contract.dto" }, { __index = _G })
  for i, line in ipairs(lines) do
    local name, parents = line:match("^%-%-%-@class ([%w_.]+)(.*)$")
    local defined = line:match("^local ([%w_]+) = [d{]") or line:match("^M%.([%w_]+) = {")
    if name then
      last = { name = name, parents = {}, at = i }
      for parent in parents:gmatch("lomi%.[%w_.]+") do last.parents[#last.parents + 1] = parent end
      classes[#classes + 1] = last
    elseif defined or resource and line:find("^return {") then
      local value, to = value_at(lines, i, known)
      if defined then known[defined] = value end
      if not defined or last and last.at == i - 1 and next(value) then
        last.value, last.operations_of = value, not defined and resource or nil
        local is_list = defined and (value.fields or value[1])
        last.order, last.texts = read_rows(lines, i, to, is_list and '{ name = "([%w_]+)"' or "^  ([%w_]+) = {")
      end
    end
  end
  return classes
end

-- ---- types ---------------------------------------------------------------------------------------------

local WRITTEN = { integer = "integer", money = "integer", object = "table<string, any>" }
local ITEMS = { string = "string[]", object = "table[]" }

-- What the rule of a field says of it in any case.
local UNITS = { money = "minor units", time = "ISO 8601", date = "YYYY-MM-DD" }

local function type_of(field, names)
  if field.enum then return '"' .. table.concat(field.enum, '"|"') .. '"' end
  if field.type == "list" then return ITEMS[field.items] or names[field.items] .. "[]" end
  return field.dto and names[field.dto] or WRITTEN[field.type] or field.type
end

-- The fields of a list, those of the lists in it too.
local function flat(list, fields)
  for _, item in ipairs(list) do
    if item.name then fields[#fields + 1] = item else flat(item, fields) end
  end
  return fields
end

-- The names of a class' own fields and of its parents'.
local function names_of(class, by_name, found)
  for _, field in ipairs(class.value and (class.value.fields or flat(class.value, {})) or {}) do
    found[field.name] = true
  end
  for _, parent in ipairs(class.parents) do names_of(by_name[parent], by_name, found) end
  return found
end

local function write_fields(out, class, by_name, names)
  local inherited = {}
  for _, parent in ipairs(class.parents) do names_of(by_name[parent], by_name, inherited) end
  for _, field in ipairs(class.value.fields or flat(class.value, {})) do
    if not inherited[field.name] then
      local text = class.texts[field.name]
      local unit = UNITS[field.type] or UNITS[field.format]
      text = unit and text and unit .. "; " .. text or unit or text
      out[#out + 1] = ("---@field %s%s %s%s"):format(field.name, field.required and "" or "?",
        type_of(field, names), text and "  " .. text or "")
    end
  end
end

-- ---- options -------------------------------------------------------------------------------------------

local KINDS = { whole = "integer" }

-- The type that a rule of lomi.rules has.
local function type_of_rule(rule, names)
  local parts = { KINDS[rule.type] or rule.type }
  for _, value in ipairs(rule.one_of or {}) do
    parts[#parts + 1] = type(value) == "string" and '"' .. value .. '"' or tostring(value)
  end
  if rule.values then return "table<string, " .. type_of_rule(rule.values, names) .. ">" end
  if not rule.fields then return table.concat(parts, "|") end
  if names[rule.fields] then return names[rule.fields] end
  local inner = {}
  for name, one in pairs(rule.fields) do
    inner[#inner + 1] = name .. ": " .. type_of_rule(one, names) .. (one.required and "" or "?")
  end
  table.sort(inner)
  return "{ " .. table.concat(inner, ", ") .. " }"
end

local function write_options(out, class, names)
  for _, name in ipairs(class.order) do
    local rule, text = class.value[name], class.texts[name]
    out[#out + 1] = ("---@field %s%s %s%s"):format(name, rule.required and "" or "?", type_of_rule(rule, names),
      text and "  " .. text or "")
  end
end

-- ---- methods -------------------------------------------------------------------------------------------

local EACH = "The same over all pages, one item a round: see `lomi.Page`."

local function can_be_left_out(row, dto)
  for _, rule in ipairs(dto.rules) do
    if rule.rule == "any_of" then return false end
  end
  return not dto.required[1] and row.method ~= "PATCH"
end

-- What a call of an operation gives. `item` is the class of a record.
local function results_of(kind, row, item)
  if kind == "each" then return ("fun(): %s|false|nil, lomi.Error?"):format(item) end
  local result = row.result == "list" and ("lomi.Page<%s>?"):format(item) or item .. "?"
  if kind ~= "confirm" and row.asks_twice then result = item .. "|lomi.Preview|nil" end
  return result .. ", lomi.Error?, lomi.Reply?"
end

local function arguments_of(kind, row, names)
  local arguments = { "self" }
  if kind == "confirm" then
    arguments[2] = "preview: lomi.Preview"
  else
    for id in row.path:gmatch("{([%w_]+)}") do arguments[#arguments + 1] = id .. ": string" end
    local dto = row.params or row.query
    if dto then
      arguments[#arguments + 1] = ("%s%s: %s"):format(row.params and "params" or "query",
        can_be_left_out(row, dto) and "?" or "", names[dto] or "lomi.PageQuery")
    end
  end
  arguments[#arguments + 1] = "opts?: " .. (row.scenario and "lomi.ScenarioOptions" or "lomi.CallOptions")
  return table.concat(arguments, ", ")
end

local function write_methods(out, class, names)
  local items, texts = {}, {}
  for _, verb in ipairs(class.order) do
    local text, item = (class.texts[verb] or ""):match("^(.*) Gives (lomi%.%w+)%.$")
    texts[verb], items[verb] = text or class.texts[verb], item or "table"
  end
  for _, verb in ipairs(class.order) do
    local row = class.value[verb]
    local kind, of = row.pages_of and "each" or row.confirms and "confirm", row.pages_of or row.confirms or verb
    row = class.value[of]
    local text = texts[verb] or kind == "each" and EACH or error(class.name .. ": no comment on " .. verb)
    out[#out + 1] = "--- " .. text
    out[#out + 1] = ("---@field %s fun(%s): %s"):format(verb, arguments_of(kind, row, names),
      results_of(kind, row, items[of]))
  end
end

-- ---- the file ------------------------------------------------------------------------------------------

-- All classes of all files, those of the resources last.
local function read_all()
  local all, resources = {}, {}
  local function add(path, resource)
    for _, class in ipairs(read(path, resource)) do all[#all + 1] = class end
  end
  for _, path in ipairs(SOURCES) do add(path) end
  for name in pairs(require("lomi.contract").resources) do resources[#resources + 1] = name end
  table.sort(resources)
  for _, name in ipairs(resources) do add(CONTRACT .. name .. ".lua", name) end
  return all
end

---@return string
function M.text()
  local all, by_name, names = read_all(), {}, {}
  for _, class in ipairs(all) do
    by_name[class.name] = class
    if class.value then names[class.value] = class.name end
  end
  local out = {
    "---@meta lomi.tables",
    "-- SPDX-License-Identifier: MIT",
    "--- Made by tools/types.lua (make reference); changes belong into the tables it names.",
    "\n---@class lomi.Client",
  }
  for _, class in ipairs(all) do
    if class.operations_of then out[#out + 1] = ("---@field %s %s"):format(class.operations_of, class.name) end
  end
  for _, class in ipairs(all) do
    if class.value then
      out[#out + 1] = "\n---@class " .. class.name
      if class.operations_of then
        write_methods(out, class, names)
      elseif class.value.fields or class.value[1] then
        write_fields(out, class, by_name, names)
      else
        write_options(out, class, names)
      end
    end
  end
  return table.concat(out, "\n") .. "\n"
end

local script = rawget(_G, "arg") and arg[0]
if script and debug.getinfo(1, "S").source == "@" .. script then io.write(M.text()) end

return M
