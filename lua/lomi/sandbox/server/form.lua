-- SPDX-License-Identifier: MIT
--- Decodes a form or a query into a table of strings.

local M = {}

local function unescaped(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

---@param text string?  `name=value&…`; of a name that is there twice the last one counts
---@return table<string, string>
function M.decode(text)
  local values = {}
  for field in (text or ""):gmatch("[^&]+") do
    local name, value = field:match("^([^=]+)=(.*)$")
    if name then values[unescaped(name)] = unescaped(value) end
  end
  return values
end

return M
