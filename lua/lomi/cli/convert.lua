-- SPDX-License-Identifier: MIT
--- Converts the words of a command line into values. Each function gives the value, or nil and what would be right.
--- Strict: an amount that could be read in two ways is not guessed.

local redact = require "lomi.redact"

local M = {}

local MOST_DIGITS = 15 -- what a number is sure to hold as it was typed

local function shown(text)
  text = redact.line(text)
  if #text <= 40 then return ('"%s"'):format(text) end
  return ('"%s..."'):format((text:sub(1, 40):gsub("[\192-\255][\128-\191]*$", ""))) -- no half a character
end

function M.amount(text)
  if text:find("^%d+$") or text:find("^%d+%.%d+$") then
    local digits = text:gsub("%.", ""):gsub("^0+", "")
    if #digits <= MOST_DIGITS then return tonumber(text) end
    return nil, ("--amount takes at most %d digits: more would be rounded; not %s"):format(MOST_DIGITS, shown(text))
  end
  return nil, ("--amount takes digits, with a point before decimals, such as 10000 or 10.5, not %s"):format(shown(text))
end

---@return { name: string, value: string }|nil
function M.metadata(text)
  local name, value = text:match("^([^=]+)=(.*)$")
  if name then return { name = name, value = value } end
  return nil, ("--metadata takes name=value, such as order_id=ORD-1, not %s"):format(shown(text))
end

function M.port(text)
  local port = text:find("^%d+$") and #text <= 5 and tonumber(text)
  if port and port <= 65535 then return port end
  return nil, ("--port takes a whole number from 0 (any free one) to 65535, not %s"):format(shown(text))
end

function M.host(text)
  if text:find("^%d+%.%d+%.%d+%.%d+$") or text:find("^[%x:]*:[%x:]*:[%x:%.]*$") then return text end
  return nil, ("--host takes a numeric address, such as 127.0.0.1 or ::1, not %s"):format(shown(text))
end

function M.seconds(text)
  if text:find("^%d+$") or text:find("^%d+%.%d+$") then return tonumber(text) end
  return nil, ("--tolerance takes a number of seconds, such as 300, not %s"):format(shown(text))
end

return M
