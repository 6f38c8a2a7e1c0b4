-- SPDX-License-Identifier: MIT
--- The requests the sandbox has seen, for tests to look at, without keys. The oldest are forgotten; the numbers go on.

local Fifo = require "lomi.sandbox.server.fifo"
local redact = require "lomi.redact"

local MAX_BODY = 64 * 1024 -- kept of one body

local SECRET_HEADERS = { ["x-api-key"] = true, ["x-lomi-api-key"] = true, authorization = true, cookie = true,
  ["proxy-authorization"] = true }

--- A request the sandbox has seen; no key is in it.
---@class lomi.sandbox.Entry
---@field number integer  counts all requests since the start or the last reset
---@field time number  seconds since the epoch, by the sandbox's clock
---@field connection integer  serial of the TCP connection
---@field method string  of HTTP
---@field target string  as it came, secrets hidden
---@field path string  without the query; secrets hidden
---@field query? string  secrets hidden
---@field headers table<string, string>  by name in lower case; a repeated one joined with `, `; keys hidden
---@field body string  as it came, but for what is over 64 KiB
---@field body_size integer  bytes
---@field request_id string  as answered
---@field status? integer  what was answered; nil if the answer did not leave, or is still to come
---@field fault? string  what was done to it, such as "drop after"
---@field replayed? boolean  the answer was a stored one
---@field warnings? string[]  where the live service would have refused

---@class lomi.sandbox.RequestJournal
local RequestJournal = {}
RequestJournal.__index = RequestJournal

---@param limits { items: integer, weight: number }?
local function new(limits)
  return setmetatable({ entries = Fifo.new(limits) }, RequestJournal)
end

-- In any case, its underscore percent-encoded or not.
local CLIENT_SECRET = "([Cc][Ll][Ii][Ee][Nn][Tt][_%%5Ff]+[Ss][Ee][Cc][Rr][Ee][Tt]=)[^&]*"

local function without_secrets(text)
  return (redact.secrets(text):gsub(CLIENT_SECRET, "%1[hidden]"))
end

local function hidden(value)
  local prefix = value:match("lomi_[sp]k_[A-Za-z]+_")
  return (prefix or "") .. "[hidden]"
end

---@param request table as the server gives it
---@param path string
---@param query string?
---@param now number
---@param request_id string
---@return lomi.sandbox.Entry # to be completed when it is answered
function RequestJournal:add(request, path, query, now, request_id)
  local headers, weight = {}, #request.body
  for name, value in pairs(request.headers) do
    weight = weight + #name + #value
    headers[name] = SECRET_HEADERS[name] and hidden(value) or without_secrets(value)
  end
  local entry = {
    number = self.entries.last + 1, time = now, connection = request.connection, method = request.method,
    target = without_secrets(request.target), path = without_secrets(path), query = query and without_secrets(query),
    headers = headers, body = request.body:sub(1, MAX_BODY), body_size = #request.body,
    request_id = without_secrets(request_id),
  }
  self.entries:push(entry, math.min(weight, MAX_BODY + weight - #request.body))
  self.entries:trim()
  return entry
end

return { new = new }
