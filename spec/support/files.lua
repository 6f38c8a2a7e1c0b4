-- SPDX-License-Identifier: MIT
local M = {}

---@return string|nil text  nil: it cannot be read
function M.read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then file:close() end
  return text
end

function M.write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

--- The standard output of a command.
---@return string
function M.output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

return M
