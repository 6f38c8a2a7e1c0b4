-- SPDX-License-Identifier: MIT
-- An application for lomi.httpd written in place by a spec: `options` is Lua source that returns it.
local M = {}

local load_string = loadstring or load -- luacheck: ignore 113

function M.new(options)
  return assert(load_string(options, "=app"))()
end

return M
