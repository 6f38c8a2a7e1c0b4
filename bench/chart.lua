-- SPDX-License-Identifier: MIT
-- A bar chart in SVG, out of the table that `make bench` prints: the CPU of a charge against the bare libcurl loop in
-- C. `make performance`; chart.lua < TABLE > CHART.
local SECTION = "CPU of a charge, ratio to the bare libcurl loop in C"
local BAR, GAP, LEFT, UNIT, MOST = 14, 14, 330, 100, 4 -- pixels; UNIT: of a ratio of 1; MOST: a longer bar is cut
local COLUMNS = { { name = "Lua 5.4", color = "#2c4a9a" }, { name = "LuaJIT", color = "#7a9be0" } }

-- The rows of a section: a name and the medians in its columns, nil where there is none.
local function rows_of(lines, title)
  local rows, inside = {}, false
  for line in lines do
    local cells = {}
    for cell in line:gmatch("|([^|]*)") do cells[#cells + 1] = cell:match("^%s*(.-)%s*$") end
    local section = cells[1] and cells[1]:match("^%*%*(.*)%*%*$")
    if section then
      inside = section == title
    elseif inside and cells[1] then
      rows[#rows + 1] = { cells[1], tonumber(cells[2]:match("^[%d.]+")), tonumber(cells[3]:match("^[%d.]+")) }
    end
  end
  return rows
end

local function put(format, ...) print(format:format(...)) end

local function text(x, y, anchor, words)
  words = words:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" })
  put('<text x="%d" y="%d" text-anchor="%s">%s</text>', x, y, anchor, words)
end

local rows = rows_of(io.lines(), SECTION)
if not rows[1] then error("no section: " .. SECTION, 0) end
local height = 40 + #rows * (2 * BAR + GAP)
put('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">',
  LEFT + MOST * UNIT + 50, height)
put('<rect width="100%%" height="100%%" fill="white"/>')
for i, column in ipairs(COLUMNS) do
  local x = LEFT + (i - 1) * 90
  put('<rect x="%d" y="8" width="12" height="12" fill="%s"/>', x, column.color)
  text(x + 18, 18, "start", column.name)
end
local y = 32
for _, row in ipairs(rows) do
  text(LEFT - 8, y + BAR + 4, "end", row[1])
  for i, column in ipairs(COLUMNS) do
    local ratio = row[i + 1]
    if ratio then
      local shown = math.min(ratio, MOST) * UNIT
      local top = y + (i - 1) * BAR
      put('<rect x="%d" y="%d" width="%.0f" height="%d" fill="%s"/>', LEFT, top, shown, BAR - 2, column.color)
      text(LEFT + shown // 1 + 4, top + 10, "start", ("%.2f%s"):format(ratio, ratio > MOST and " (cut)" or ""))
    end
  end
  y = y + 2 * BAR + GAP
end
put('<line x1="%d" y1="28" x2="%d" y2="%d" stroke="#c03030"/>', LEFT + UNIT, LEFT + UNIT, height)
put '</svg>'
