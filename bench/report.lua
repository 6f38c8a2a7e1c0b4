-- SPDX-License-Identifier: MIT
--- A table of figures in Markdown: a column for each Lua, and one for what is aimed at.
local rounds = require "bench.rounds"

local Report = {}
Report.__index = Report

local M = { LUAS = { "lua5.4", "luajit" }, NAMES = { ["lua5.4"] = "Lua 5.4", luajit = "LuaJIT" } }

---@param names? table<string, string>  titles of the columns, by Lua
function M.new(names)
  names = names or M.NAMES
  return setmetatable({ lines = { { "", names["lua5.4"], names.luajit, "aim" } }, notes = {} }, Report)
end

--- The cell of what could not be measured; why stands below the table.
function Report:missing(why)
  self.notes[#self.notes + 1] = why
  return ("– [%d]"):format(#self.notes)
end

function Report:section(title)
  self.lines[#self.lines + 1] = { "**" .. title .. "**", "", "", "" }
end

--- A row.
---@param name string
---@param format string  of a number
---@param values table<string, number|number[]|string>  by Lua: a figure, or what each round measured, or a cell; nil:
---  there is no such thing on this Lua
---@param aim? number|table<string, number>  the most it should be; by Lua, where the Luas differ
function Report:row(name, format, values, aim)
  local line, verdicts = { name }, {}
  for i, lua in ipairs(M.LUAS) do
    local cell = values[lua] or ""
    if type(cell) ~= "string" then
      local median, least, most = cell, nil, nil
      if type(cell) == "table" then
        median, least, most = rounds.spread(cell)
      end
      cell = format:format(median)
      if least then cell = ("%s (%s–%s)"):format(cell, format:format(least), format:format(most)) end
      local most_wanted = type(aim) == "table" and aim[lua] or aim
      if type(most_wanted) == "number" then
        verdicts[#verdicts + 1] = ("%s ≤ %s: %s"):format(M.NAMES[lua], format:format(most_wanted),
          median <= most_wanted and "held" or "missed")
      end
    end
    line[i + 1] = cell
  end
  line[#line + 1] = table.concat(verdicts, ", ")
  self.lines[#self.lines + 1] = line
end

local function width(text)
  return select(2, text:gsub("[^\128-\191]", "")) -- characters of UTF-8
end

function Report:print()
  local widths = {}
  for _, line in ipairs(self.lines) do
    for i, cell in ipairs(line) do widths[i] = math.max(widths[i] or 0, width(cell)) end
  end
  for number, line in ipairs(self.lines) do
    local cells, rule = {}, {}
    for i, cell in ipairs(line) do
      cells[i] = cell .. (" "):rep(widths[i] - width(cell))
      rule[i] = ("-"):rep(widths[i] + 2)
    end
    print("| " .. table.concat(cells, " | ") .. " |")
    if number == 1 then print("|" .. table.concat(rule, "|") .. "|") end
  end
  for i, why in ipairs(self.notes) do print(("[%d] %s"):format(i, why)) end
end

return M
