-- SPDX-License-Identifier: MIT
--- Reads the LuaCATS comments of a Lua source: as much of them as we use. A comment that it cannot read
--- raises, with the file and the line.

local M = {}

---@class luacats.Field
---@field name string
---@field optional boolean
---@field type string
---@field text string  what it says, "" for nothing

---@class luacats.Class
---@field name string
---@field parents string[]
---@field text string
---@field fields luacats.Field[]

---@class luacats.Alias
---@field name string
---@field text string
---@field values { value: string, text: string }[]

---@class luacats.Function
---@field name string  as in the code: "M.new", "Loop:spawn"
---@field args string  likewise: "run, ..."
---@field text string
---@field params luacats.Field[]
---@field returns luacats.Field[]  the name may be ""

---@class luacats.File
---@field header string  the first comment
---@field classes luacats.Class[]
---@field aliases luacats.Alias[]
---@field functions luacats.Function[]
---@field bare string[]  functions of modules and classes that have no comment

-- ---- types ---------------------------------------------------------------------------------------

local skip_type

-- "a, b" from `at`: types until there is no comma. Where they end.
local function skip_types(text, at)
  at = skip_type(text, at)
  while text:find("^, ", at) do at = skip_type(text, at + 2) end
  return at
end

-- Where the type that begins at `at` ends: brackets and quotes belong together, a space ends it.
function skip_type(text, at)
  local after_fun = text:match("^fun%b()()", at)
  if after_fun then return text:find("^: ", after_fun) and skip_types(text, after_fun + 2) or after_fun end
  local from = at
  while at <= #text do
    local c = text:sub(at, at)
    if c:find("[ ,:]") then break end
    at = text:match('^"[^"]*"()', at) or text:match("^%b()()", at) or text:match("^%b{}()", at)
      or text:match("^%b<>()", at) or at + 1
  end
  if at == from then error("a type is missing", 0) end
  return at
end

---@param text string  that begins with a type
---@return string type
---@return string rest  without the space before it
function M.read_type(text)
  local stop = skip_type(text, 1)
  return text:sub(1, stop - 1), text:sub(stop)
end

local function split(text)
  local parts, at = {}, 1
  while at <= #text do
    local name, optional, after = text:match("^([%w_.]+)(%??)()", at)
    if not name then error("not a parameter: " .. text:sub(at), 0) end
    local part = { name = name, optional = optional == "?", type = "any", text = "" }
    at = after
    if text:find("^: ", at) then
      local stop = skip_type(text, at + 2)
      part.type, at = text:sub(at + 2, stop - 1), stop
    end
    parts[#parts + 1] = part
    at = text:match("^, ()", at) or at
  end
  return parts
end

--- Takes a function's type apart, without its `self`.
---@param type string  "fun(self, a: string): integer?, string?"
---@return luacats.Field[] params
---@return luacats.Field[] returns
function M.signature(type)
  local inner, rest = type:match("^fun(%b())(.*)$")
  local params, returns = split(inner:sub(2, -2)), {}
  if params[1] and params[1].name == "self" then table.remove(params, 1) end
  rest = rest:match("^: (.*)$") or ""
  while rest ~= "" do
    local stop = skip_type(rest, 1)
    returns[#returns + 1] = { name = "", optional = false, type = rest:sub(1, stop - 1), text = "" }
    rest = rest:sub(stop):gsub("^, ", "")
  end
  return params, returns
end

--- The names of the classes and aliases that a type is made of, those of Lua's own types too.
---@param type string
---@return string[]
function M.names_in(type)
  local names = {}
  type = type:gsub('"[^"]*"', ""):gsub("([%w_]+)%??: ", "") -- literals, and the names of fields and parameters
  for name in type:gmatch("%a[%w_.]*") do
    if name ~= "self" then names[#names + 1] = name end
  end
  return names
end

-- ---- comments ------------------------------------------------------------------------------------

-- A block of comment lines in the making.
local function new_block()
  return { text = {}, params = {}, returns = {} }
end

-- The text gathered since the last tag.
local function take_text(block)
  local text = table.concat(block.text, "\n"):gsub("^\n+", ""):gsub("\n+$", "")
  block.text = {}
  return text
end

local function trimmed(text)
  return (text:gsub("^%s+", ""):gsub("%s+$", ""))
end

-- The rest after a name: an optional mark, a type, a description.
local function read_field(text)
  local name, mark, rest = text:match("^([%w_.%[%]]+)(%??)%s+(.*)$")
  if not name then error("expected a name and a type: " .. text, 0) end
  local type, description = M.read_type(rest)
  return { name = name, optional = mark == "?", type = type, text = trimmed(description) }
end

local TAGS = {}

function TAGS.class(block, text, file)
  local name, rest = text:match("^([%w_.]+)(.*)$")
  local names, parents = rest:gsub("^%b<>", ""):match("^: (.*)$"), {}
  for parent in (names or ""):gmatch("[%w_.]+") do parents[#parents + 1] = parent end
  local above = take_text(block)
  local class = { name = name, parents = parents, fields = {},
    text = above ~= "" and above or names and "" or trimmed(rest) }
  file.classes[#file.classes + 1] = class
  block.class = class
end

function TAGS.field(block, text)
  if not block.class then error("a field without a class", 0) end
  local field = read_field(text)
  local above = take_text(block)
  if above ~= "" then field.text = above end
  table.insert(block.class.fields, field)
end

function TAGS.alias(block, text, file)
  local name = text:match("^[%w_.]+")
  block.alias = { name = name, text = take_text(block), values = {} }
  file.aliases[#file.aliases + 1] = block.alias
end

function TAGS.param(block, text)
  table.insert(block.params, read_field(text))
end

TAGS["return"] = function(block, text)
  local type, rest = M.read_type(text)
  local name, description = "", rest:match("^%s+#%s*(.*)$") or rest:match("^%s%s+(.*)$")
  if not description then name, description = rest:match("^%s*(%S*)%s*(.*)$") end
  table.insert(block.returns, { name = name, optional = false, type = type, text = trimmed(description) })
end

for _, tag in ipairs { "type", "meta", "generic" } do TAGS[tag] = function() end end

-- What follows such a tag is the next one's: a sentence of its own.
local ENDS_ITS_LINE = { field = true, param = true, ["return"] = true }

local function add_line(block, line, file)
  local value, description = line:match('^| +("[^"]*")%s*(.*)$')
  if value then
    if not block.alias then error("a value without an alias", 0) end
    table.insert(block.alias.values, { value = value, text = description })
    return
  end
  local tag, rest = line:match("^@(%a+)%s*(.*)$")
  if not tag and ENDS_ITS_LINE[block.tag] and line ~= "" and not line:find("^ %u") then
    error("the text of @" .. block.tag .. " goes on here: it ends with its line, or stands above the tag", 0)
  end
  block.tag = tag
  if not tag then
    block.text[#block.text + 1] = line:gsub("^ ", "")
  elseif not TAGS[tag] then
    error("unknown tag @" .. tag, 0)
  else
    TAGS[tag](block, rest, file)
  end
end

-- Functions of modules and classes; those of tables in between are nobody's business.
local function function_at(line)
  local name, args = line:match("^function ([%w_]+[.:][%w_]+)(%b())")
  if name and not name:find("[.:]__") then return name, args:sub(2, -2) end
end

-- The code that follows a block.
local function end_block(block, line, file)
  local name, args = function_at(line)
  if not name then
    if not file.header then file.header = take_text(block) end
    return
  end
  file.functions[#file.functions + 1] = {
    name = name, args = args, text = take_text(block), params = block.params, returns = block.returns,
  }
end

---@param path string
---@return luacats.File
function M.read(path)
  local file = { classes = {}, aliases = {}, functions = {}, bare = {} }
  local block, number = nil, 0
  for line in io.lines(path) do
    number = number + 1
    local comment = line:match("^%-%-%-([^-].*)$") or line:match("^%-%-%-$") and ""
    local ok, trouble = pcall(function()
      if comment then
        block = block or new_block()
        add_line(block, comment, file)
      elseif block then
        end_block(block, line, file)
        block = nil
      elseif function_at(line) then
        file.bare[#file.bare + 1] = function_at(line)
      end
    end)
    if not ok then error(("%s:%d: %s"):format(path, number, trouble), 0) end
  end
  file.header = file.header or ""
  return file
end

--- Adds the classes and aliases of a file to those of others. A class may stand in two files: its comment in one, its
--- fields in the other.
---@param types table<string, luacats.Class|luacats.Alias>  by name
---@param file luacats.File
function M.add_types(types, file)
  for _, class in ipairs(file.classes) do
    local known = types[class.name]
    if known then
      for _, field in ipairs(class.fields) do table.insert(known.fields, field) end
    else
      types[class.name] = class
    end
  end
  for _, alias in ipairs(file.aliases) do types[alias.name] = alias end
end

return M
