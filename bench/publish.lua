-- SPDX-License-Identifier: MIT
-- Puts what `make bench` and `make instructions` printed last into docs/performance.md, between its markers.
-- `make performance`.
local DOCUMENT = "docs/performance.md"

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

local text = read(DOCUMENT)
for _, name in ipairs { "bench", "instructions" } do
  local from, to = ("<!-- make %s -->"):format(name), ("<!-- end of make %s -->"):format(name)
  local _, last = text:find(from, 1, true)
  local first = text:find(to, 1, true)
  if not last or not first then error(("%s lacks %s or %s"):format(DOCUMENT, from, to), 0) end
  text = ("%s\n\n%s\n\n%s"):format(text:sub(1, last), read(("build/%s.md"):format(name)):match("^%s*(.-)%s*$"),
    text:sub(first))
end
local file = assert(io.open(DOCUMENT, "w"))
file:write(text)
file:close()
