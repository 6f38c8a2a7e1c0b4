-- SPDX-License-Identifier: MIT
--- The application of a spec's nginx: it runs the Lua it is sent, and gives back the results. See nginx.lua.

local cjson = require "cjson" -- its own, not the library's: without its limits

local calls = require "spec.support.calls"

local M = {}

local notes = {} -- by name, of this worker

local function body_of_request()
  ngx.req.read_body()
  local body, file = ngx.req.get_body_data(), ngx.req.get_body_file()
  if not file then return body or "" end
  local handle = assert(io.open(file, "rb"))
  body = handle:read("*a")
  handle:close()
  return body
end

--- Makes one charge, and keeps what came of it, as calls.lua has it, under a name.
function M.note(name, options)
  notes[name] = calls.perform(options, { { "create_card_charge", { amount = 10000 } } })[1]
end

function M.noted(name)
  return notes[name]
end

--- Runs { source, argument }; answers { result } or { raised }.
function M.run()
  local asked = cjson.decode(body_of_request())
  local ok, result = pcall(assert(loadstring(asked.source, "=run")), asked.argument)
  ngx.header["Content-Type"] = "application/json"
  ngx.print(cjson.encode(ok and { result = result } or { raised = tostring(result) }))
end

return M
