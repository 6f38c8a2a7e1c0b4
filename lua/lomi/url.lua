-- SPDX-License-Identifier: MIT
--- URLs, taken apart strictly: nothing is guessed.

local ascii = require "lomi.ascii"

local M = {}

---@param host string  lower case, without brackets
---@return boolean
function M.is_loopback(host)
  if host == "localhost" or host == "::1" then return true end
  local a, b, c, d = host:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  if a ~= "127" then return false end
  for _, part in ipairs { b, c, d } do
    if #part > 3 or tonumber(part) > 255 or part:find("^0.") then return false end
  end
  return true
end

local MOST_DECODINGS = 16 -- a path that is encoded more often is not looked through

-- Slashes stay encoded: only `..` beside one is a segment.
local function decoded(hex)
  local byte = string.char(tonumber(hex, 16))
  if byte ~= "/" and byte ~= "\\" then return byte end
end

--- Does a path have a `.` or `..` segment, in any spelling that a server or a proxy may resolve: percent-encoded, also
--- several times over, with a backslash for a slash, or with a `;` behind the dots; or a `..` beside a percent-encoded
--- slash?
---@param path string
---@return boolean
function M.has_dot_segment(path)
  for _ = 1, MOST_DECODINGS do
    local plain = path:gsub("\\", "/") .. "/"
    if plain:find("/%.%.?[/;]") then return true end
    if plain:gsub("%%2[fF]", "/"):gsub("%%5[cC]", "/"):find("/%.%.[/;]") then return true end
    local before = path
    path = path:gsub("%%(%x%x)", decoded)
    if path == before then return false end
  end
  return true
end

local LONGEST = 2048 -- bytes of a base URL

---@class lomi.Url
---@field scheme "http"|"https"
---@field host string  lower case, without brackets
---@field port integer
---@field path string  "" or beginning with a slash, without one at the end

--- Takes a base URL apart, or says why it cannot be one.
---@param url string
---@return lomi.Url|nil
---@return string|nil reason
function M.parse(url)
  if #url > LONGEST then return nil, ("must be at most %d bytes long"):format(LONGEST) end
  if url:find("[^\33-\126]") then return nil, "must not hold spaces or control characters" end
  local scheme, authority, path = url:match("^([A-Za-z]+)://([^/?#\\]*)([^?#\\]*)$")
  if not scheme then return nil, "must be like https://host or http://127.0.0.1:4010, without query or fragment" end
  scheme = ascii.lower(scheme)
  if scheme ~= "https" and scheme ~= "http" then return nil, "must begin with https://" end
  if authority:find("@", 1, true) then return nil, "must not hold a user name or password" end
  local host, rest = authority:match("^%[([%x:.]+)%](.*)$")
  if not host then host, rest = authority:match("^([A-Za-z0-9%-._]+)(.*)$") end
  local port = rest == "" and (scheme == "https" and 443 or 80) or rest and tonumber(rest:match("^:(%d+)$"))
  if not port then return nil, "has no readable host and port" end
  if port < 1 or port > 65535 then return nil, "has a port that is not between 1 and 65535" end
  if M.has_dot_segment(path) then return nil, "must not hold . or .. as a part of its path" end
  return { scheme = scheme, host = ascii.lower(host), port = port, path = (path:gsub("/+$", "")) }
end

return M
