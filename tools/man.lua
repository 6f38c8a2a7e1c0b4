-- SPDX-License-Identifier: MIT
-- Prints the man page lomi(1), made from what `lomi --help` is made of. From the tree's root: make man.

local contract = require "lomi.contract"
local core = require "lomi.core"
local parser = require("lomi.cli").parser()

local lines = {}

-- roff reads a backslash, and a dot or an apostrophe at the beginning of a line, as its own; a hyphen that is to be
-- copied is a minus. Anything but ASCII goes by its code point.
local function escape(text)
  text = text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("[\194-\244][\128-\191]+", function(bytes)
    local point = bytes:byte() % 2 ^ (7 - #bytes)
    for i = 2, #bytes do point = point * 64 + bytes:byte(i) % 64 end
    return ("\\[u%04X]"):format(point)
  end)
  return (text:gsub("^[.']", "\\&%0"))
end

local function write(macro, text)
  if macro == ".PP" and lines[#lines]:find "^%.[SP][HSP]" then return end -- begins a paragraph already
  lines[#lines + 1] = text and ("%s %s"):format(macro, escape(text)) or macro
end

local WIDEST = 65 -- columns of the source; an escape takes some more

local function write_text(text)
  local line = ""
  for word in text:gmatch "%S+" do
    if #line + #word > WIDEST then
      write(escape(line))
      line = word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  write(escape(line))
end

-- Lines as they are.
local function write_block(text)
  write ".PP"
  write ".nf"
  for line in text:gmatch "[^\n]+" do write(escape(line)) end
  write ".fi"
end

-- An epilog: paragraphs, and lists of lines under a title. In the page of the whole command a title is a section's.
local function write_epilog(epilog, is_root)
  for paragraph in ((epilog or "") .. "\n\n"):gmatch "(.-)\n\n" do
    local title, rest = paragraph:match "^(%u[%l ]+):[ \n](.*)$"
    if title and is_root then
      write(".SH", title:upper())
    elseif title then
      write ".PP"
      write(title .. ":")
    end
    if rest and rest:find "^   " then
      write_block(rest)
    elseif paragraph ~= "" then
      if not title or not is_root then write ".PP" end
      write_text(is_root and rest or paragraph)
    end
  end
end

-- Arguments, options, commands; --help is told once.
local function write_elements(elements, has_help)
  for _, element in ipairs(elements) do
    if has_help or element._name ~= "-h" then
      write ".TP"
      write(".B", table.concat(element:_get_label_lines(), " "))
      write_text(element:_get_description())
    end
  end
end

-- A command and what it has. The verbs of resources say no more than their own --help: a line each.
local function write_command(command, is_leaf)
  write(".SS", command:_get_fullname())
  if command._description then write_text(command._description) end
  local is_resource = command._commands[1] and not is_leaf
  if not command._commands[1] then write_block(command:get_usage():gsub("^Usage: ", "")) end
  if is_resource then
    write_elements(command._commands)
    return
  end
  write_elements(command._arguments)
  write_elements(command._options)
  write_epilog(command._epilog)
  for _, inner in ipairs(command._commands) do write_command(inner) end
end

-- The date of the version; of one that is not released, of the day it is built.
local function date()
  local file = assert(io.open "CHANGELOG.md")
  local text = file:read "*a"
  file:close()
  return text:match("\n## %[" .. core.version:gsub("%.", "%%.") .. "%] %- (%d%d%d%d%-%d%d%-%d%d)")
    or os.date("!%Y-%m-%d", tonumber(os.getenv "SOURCE_DATE_EPOCH"))
end

lines[1] = ('.TH LOMI 1 %s "lomi %s" "User Commands"'):format(date(), core.version)
write(".SH", "NAME")
write("lomi \\- " .. escape(parser._description:gsub("^%u", string.lower):gsub("%.$", "")))
write(".SH", "SYNOPSIS")
write(".B", "lomi COMMAND")
write "[ARGUMENT ...]"
write(".SH", "DESCRIPTION")
write_text(parser._description)
write(".SH", "OPTIONS")
write_elements(parser._options, true)
write(".SH", "COMMANDS")
local resources = {}
for _, command in ipairs(parser._commands) do
  local resource = command._name:gsub("-", "_")
  if contract.resources[resource] then resources[#resources + 1] = command else write_command(command, true) end
end
write(".SH", "RESOURCES")
write "Each verb has options of its own:"
write(".B", "lomi RESOURCE VERB --help")
write "shows them."
for _, command in ipairs(resources) do write_command(command) end
write_epilog(parser._epilog, true)
io.write(table.concat(lines, "\n"), "\n")
