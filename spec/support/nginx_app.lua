-- SPDX-License-Identifier: MIT
--- What the nginx of a spec answers with: it runs the Lua it is sent, and gives back what that returns. See nginx.lua.

local core = require "lomi.core"

local M = {}

local function body_of_request()
  ngx.req.read_body()
  local body, file = ngx.req.get_body_data(), ngx.req.get_body_file()
  if not file then return body or "" end
  local handle = assert(io.open(file, "rb"))
  body = handle:read("*a")
  handle:close()
  return body
end

--- Runs { source, argument }; answers { results } or { raised }.
function M.run()
  local asked = assert(core.decode(body_of_request()))
  local answer = {}
  local ok, result = pcall(assert(loadstring(asked.source, "=run")), asked.argument)
  answer[ok and "result" or "raised"] = ok and result or tostring(result)
  ngx.header["Content-Type"] = "application/json"
  local text, wrong = core.encode(answer)
  ngx.print(text or core.encode { raised = ("%s %s"):format(wrong[1].field, wrong[1].message) })
end

return M
