-- SPDX-License-Identifier: MIT
--- Faults a test asks for: a queue, each for so many requests, the first that fits is used.
---
--- A fault has one form, and may wait first (`delay`). Either the service did its work ("charged") or it did not: by
--- default an error status or a proxy's page means that it never saw the request; any other fault damages its answer on
--- the way back.

local ascii = require "lomi.ascii"
local answer = require "lomi.sandbox.server.answer"
local rules = require "lomi.rules"

local M = {}

local TOO_BIG = 4 * 1024 * 1024 + 1024 -- bytes; clients hold 4 MiB at most
local GARBAGE = "\22\3\1\2\0\1\0\1\252this is not HTTP\r\n\0\255\254"

local HTML = [[<!DOCTYPE html>
<html><head><title>%d Bad Gateway</title></head>
<body><center><h1>%d Bad Gateway</h1></center><hr><center>proxy</center></body></html>
]]

local RAILS = { "card", "wave", "mtn" }
local WHEN = { "before", "after", "mid_body" }

--- An injected fault of a request or its answer: a `status`, a body (`body`, `empty`, `html`, `oversize`) and a way out
--- (`drop`, `reset`, `garbage`, `truncate`, `trickle`), at most one of each, after a `delay` and with `headers`.
---@class lomi.sandbox.FaultOptions
local RULES = {
  -- which requests; `*` in the path stands for one segment (all)
  match = { type = "table", fields = {
    method = { type = "string", pattern = "^[A-Z]+$", says = "a method in upper case, such as POST" },
    path = { type = "string", pattern = "^/", says = "a path that begins with /; * stands for one segment" },
  } },
  times = { type = "whole", min = 1 }, -- how many requests (1)
  -- 200 to 599: answered in place of the service, which does not see the request
  status = { type = "whole", min = 200, max = 599 },
  code = { type = "string" }, -- of a status: `error.code`
  message = { type = "string" }, -- of a status: `error.message`
  details = { type = "string", says = "a string" }, -- of a status: `error.details`
  -- of a status: seconds, as `Retry-After`
  retry_after = { type = "number", min = 0, says = "a number of seconds, at least 0" },
  -- the status is the service's own answer, kept under the idempotency key and replayed
  recorded = { type = "boolean" },
  drop = { one_of = WHEN }, -- the connection ends, before or after the charge is made
  reset = { one_of = { "before", "after", "mid_body", true } }, -- the same by a TCP reset; `true` is "after"
  -- bytes of the answer per second
  trickle = { type = "number", above = 0, says = "a number of bytes per second above 0" },
  garbage = { one_of = { true } }, -- the answer is not HTTP
  truncate = { type = "whole", min = 0, one_of = { true } }, -- so many bytes of the body arrive, or half of them
  empty = { one_of = { true } }, -- the answer has no body
  html = { one_of = { true } }, -- the answer is a proxy's page, 502 unless there is a `status`
  oversize = { one_of = { true } }, -- the answer is over 4 MiB
  body = { type = "string" }, -- in place of the answer's
  -- seconds before the answer, 0 to 3600
  delay = { type = "number", min = 0, max = 3600, says = "a number of seconds from 0 to 3600" },
  -- added to the answer
  headers = { type = "table", says = "a table of names and strings", values = {
    type = "string", pattern = "^[^%z\1-\31\127]*$", says = "a string without control characters" } },
  muted = { one_of = RAILS }, -- 503 for new charges of that rail, until the faults are cleared
  blocked = { one_of = RAILS }, -- 403 for a new charge of that rail, as of the service's risk check
  charged = { type = "boolean" }, -- whether the charge is made; default: not with a status or a page, else it is
}

-- Faults with a name: what they stand for. A rail stays muted until the faults are cleared.
local NAMED = {
  muted = { status = 503, times = math.huge, message = "The %s rail is not available at the moment" },
  blocked = { status = 403, times = 1, message = "This charge was blocked by the risk check (%s)" },
}

-- How the answer leaves; at most one of them. Each makes a response of an answer that is ready to go.
local WAYS = {}

local function cut(response, bytes, reset)
  if #response.body == 0 then return { drop = not reset or nil, reset = reset } end
  response.truncate = math.min(bytes or math.floor(#response.body / 2), #response.body - 1)
  response.reset = reset
  return response
end

function WAYS.drop(response, when)
  return when == "mid_body" and cut(response) or { drop = true }
end

function WAYS.reset(response, when)
  return when == "mid_body" and cut(response, nil, true) or { reset = true }
end

function WAYS.garbage()
  return { raw = GARBAGE }
end

function WAYS.truncate(response, bytes)
  return cut(response, bytes ~= true and bytes or nil)
end

function WAYS.trickle(response, rate)
  response.trickle = rate
  return response
end

-- Changes of the answer's body; a fault has at most one.
local BODIES = {
  body = function(_, text) return text end,
  empty = function() return "" end,
  oversize = function(body) return body .. (" "):rep(TOO_BIG - #body) end,
  html = function(_, _, status) return HTML:format(status, status) end,
}

local NEEDS_STATUS = { "code", "message", "details", "retry_after", "recorded" }

local function given(fault, table_of_names)
  local names = {}
  for name in pairs(table_of_names) do
    if fault[name] ~= nil then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- The rules that concern several fields. Returns what is wrong, in a sentence.
local function check_together(fault)
  local ways, bodies = given(fault, WAYS), given(fault, BODIES)
  if #ways > 1 then return ("%s and %s exclude each other; give one of them"):format(ways[1], ways[2]) end
  if #bodies > 1 then return ("%s and %s exclude each other; give one of them"):format(bodies[1], bodies[2]) end
  if not (ways[1] or bodies[1] or fault.status or fault.delay or fault.headers) then
    return "a fault needs one of status, drop, reset, delay, trickle, garbage, truncate, empty, html, oversize, body, "
      .. "muted or blocked"
  end
  for _, name in ipairs(NEEDS_STATUS) do
    if fault[name] ~= nil and not fault.status then return name .. " goes with status, such as status = 500" end
  end
  if fault.recorded and fault.charged == false then
    return "recorded needs the service to have seen the request: leave charged = false out"
  end
  for name in pairs(fault.headers or {}) do
    local lower = ascii.lower(name)
    if not name:find("^[A-Za-z0-9_%-]+$") or lower == "content-length" or lower == "transfer-encoding" then
      return "headers must be names of letters, digits and dashes, other than Content-Length and Transfer-Encoding"
    end
  end
  local when = fault.drop or fault.reset
  if fault.charged ~= nil and (when == "before" or when == "after") then
    return ('charged is what "%s" says already; leave it out'):format(when)
  end
end

-- Whether the service has done its work when the fault strikes.
local function is_charged(fault)
  if fault.charged ~= nil then return fault.charged end
  if fault.drop == "before" or fault.reset == "before" then return false end
  if fault.recorded then return true end -- the service's own answer, though nothing is charged unless said so
  return not (fault.status or fault.html)
end

local function path_pattern(path)
  return "^" .. path:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*", "[^/]+") .. "/?$"
end

local ORDER = { "delay", "status", "body", "empty", "html", "oversize", "drop", "reset", "garbage", "truncate",
  "trickle" }

-- For the journal: "status 500", "drop after", "delay 0.1, trickle 100".
local function describe(fault)
  local words = {}
  for _, name in ipairs(ORDER) do
    local value = fault[name]
    if value ~= nil then
      local shown = type(value) == "number" and name .. " " .. ascii.number(value)
        or value == true and name or name == "body" and name or name .. " " .. value
      words[#words + 1] = shown
    end
  end
  if fault.recorded then words[#words + 1] = "recorded" end
  return words[1] and table.concat(words, ", ") or "headers"
end

--- A fault with its options, and
---@class lomi.sandbox.Fault: lomi.sandbox.FaultOptions
---@field left integer requests it is still good for
---@field charged boolean
---@field works boolean the service does its work although it answers with an error
---@field description string

-- A named fault spelled out: an error status for the creation of charges on one rail.
---@return table asked
---@return string? reason
local function spelled_out(asked)
  local names = given(asked, NAMED)
  if not names[1] then return asked end
  for name in pairs(asked) do
    if name ~= names[1] and name ~= "times" then
      return asked, ("%s and %s exclude each other; give one of them"):format(names[1], name)
    end
  end
  local meant, rail = NAMED[names[1]], asked[names[1]]
  return { status = meant.status, message = meant.message:format(rail), times = asked.times or meant.times,
    match = { method = "POST", path = "/charge/" .. rail } }
end

--- Makes a fault of what a test asks for.
---@param asked table
---@return lomi.sandbox.Fault?
---@return string? reason
function M.make(asked)
  local reason = rules.check(asked, RULES, "field")
  if not reason then asked, reason = spelled_out(asked) end
  reason = reason or check_together(asked)
  if reason then return nil, reason end
  local fault = {}
  for name, value in pairs(asked) do fault[name] = value end
  fault.charged, fault.left, fault.description = is_charged(asked), asked.times or 1, describe(asked)
  fault.works = asked.charged == true
  if asked.match then
    fault.method, fault.pattern = asked.match.method, asked.match.path and path_pattern(asked.match.path)
  end
  return fault
end

---@param fault lomi.sandbox.Fault
---@param request_id string
---@return lomi.sandbox.Answer # the fault's own, in place of the service's
local function own_answer(fault, request_id)
  local status = fault.status or fault.html and 502 or 503
  if status < 400 then return answer.ok(status, { success = true }) end
  return answer.error(status, request_id, fault)
end

--- The answer of its own that the service keeps under the idempotency key; nil: it keeps the true one.
---@param fault lomi.sandbox.Fault
---@return lomi.sandbox.Answer?
function M.recorded(fault, request_id)
  return fault.recorded and own_answer(fault, request_id) or nil
end

--- The answer that leaves, as it should have been before its way out.
---@param fault lomi.sandbox.Fault
---@param done lomi.sandbox.Answer? the service's, if it saw the request
---@return lomi.sandbox.Answer
function M.answer(fault, done, request_id)
  local base = done
  if not done or (fault.status and not fault.recorded) or fault.html then base = own_answer(fault, request_id) end
  local headers = {}
  for name, value in pairs(base.headers or {}) do headers[name] = value end
  local body, kind = base.body, nil
  for name, change in pairs(BODIES) do
    if fault[name] ~= nil then
      body = change(body, fault[name], base.status)
      kind = name == "html" and "text/html" or nil
    end
  end
  headers["Content-Type"] = kind
  for name, value in pairs(fault.headers or {}) do headers[name] = value end
  return { status = base.status, body = body, headers = headers, request_id = base.request_id }
end

--- The way out.
---@param fault lomi.sandbox.Fault
---@param response table as the server takes it
---@return table response
---@return boolean arrives whether a whole reply reaches the client
function M.send(fault, response)
  for name, way in pairs(WAYS) do
    if fault[name] ~= nil then return way(response, fault[name]), name == "trickle" end
  end
  return response, true
end

-- The queue ---------------------------------------------------------------------------------------------------------

---@class lomi.sandbox.Faults
local Faults = {}
Faults.__index = Faults

function M.queue()
  return setmetatable({}, Faults)
end

---@return boolean? ok
---@return string? reason
function Faults:add(asked)
  local fault, reason = M.make(asked)
  if not fault then return nil, reason end
  if #self >= 1000 then return nil, "1000 faults are waiting already; use times for more" end
  self[#self + 1] = fault
  return true
end

---@return lomi.sandbox.Fault? # used up by one
function Faults:take(method, path)
  for i, fault in ipairs(self) do
    if (not fault.method or fault.method == method) and (not fault.pattern or path:find(fault.pattern)) then
      fault.left = fault.left - 1
      if fault.left == 0 then table.remove(self, i) end
      return fault
    end
  end
end

return M
