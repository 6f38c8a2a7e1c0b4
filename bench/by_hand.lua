-- SPDX-License-Identifier: MIT
--- The least HTTP that makes a charge, for a socket with the methods of luasocket's; nginx's cosockets have them, too.
local cjson = require "cjson"

local M = {}

--- The head of a request, but for what is different in each: its idempotency key and its length.
---@param headers table<string, string>  what our client sends
function M.head(host, port, path, headers)
  local lines = { ("POST %s HTTP/1.1"):format(path), ("Host: %s:%s"):format(host, port) }
  for name, value in pairs(headers) do
    if name ~= "Idempotency-Key" then lines[#lines + 1] = name .. ": " .. value end
  end
  return table.concat(lines, "\r\n") .. "\r\n"
end

--- The charge in a reply, or nil and what is wrong.
function M.read_reply(socket)
  local line, err = socket:receive("*l")
  if line ~= "HTTP/1.1 201 Created" then return nil, line or err end
  local length
  repeat
    line, err = socket:receive("*l")
    if not line then return nil, err end
    length = line:match("^Content%-Length: (%d+)") or length
  until line == ""
  local body
  body, err = socket:receive(tonumber(length))
  if not body then return nil, err end
  return cjson.decode(body).data
end

return M
