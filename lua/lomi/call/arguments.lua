-- SPDX-License-Identifier: MIT
--- Checks the arguments of a call, all but the payload, and puts ids and queries into a path.

local core = require "lomi.core"
local redact = require "lomi.redact"
local rules = require "lomi.rules"
local urls = require "lomi.url"

local M = {}

-- The rule of each option of a call. "any": it may come from data; `faults` looks at it.
local OPTIONS = {
  idempotency_key = "any", account = "any", body = "any", query = "any",
  timeout = "seconds", max_retries = "count", extra = "table", scenario = { "pending", "failed" },
}

local function options_of(...)
  local chosen = {}
  for _, name in ipairs { ... } do chosen[name] = OPTIONS[name] end
  return chosen
end

M.CALL = options_of("idempotency_key", "account", "timeout", "max_retries", "extra")
M.SCENARIO_CALL = options_of("idempotency_key", "account", "timeout", "max_retries", "extra", "scenario")
M.REQUEST = options_of("idempotency_key", "account", "timeout", "max_retries", "body", "query")

--- A wrong name or kind of option is a bug of the program: raised.
---@param opts any
---@param known table<string, lomi.rules.Rule>
---@param level integer  of the line to blame, as seen from the caller of this function
function M.check_options(opts, known, level)
  if type(opts) ~= "table" then error("opts must be a table, not a " .. type(opts), level + 1) end
  if getmetatable(opts) ~= nil then error("opts must be a plain table, without a metatable", level + 1) end
  local name, reason, hint = rules.first_fault(opts, known)
  if not name then return end
  if reason then error(("opts.%s %s"):format(name, reason), level + 1) end
  error(("opts has no %s%s"):format(name, OPTIONS[name] and " in this call" or hint), level + 1)
end

-- For what goes into a header, and is shown in errors.
local function shown_fault(faults, name, value, secrets)
  if value == nil then return faults end
  local reason = rules.header_fault(value, 255)
  if not reason and redact.secrets(value, secrets) ~= value then
    reason = "must not hold a key or a secret: it is shown in errors"
  end
  if not reason then return faults end
  faults = faults or {}
  faults[#faults + 1] = { field = name, message = reason }
  return faults
end

--- Options that may come from data are never raised.
---@param opts lomi.CallOptions
---@param secrets? lomi.redact.Secrets  no part of what may be logged
---@param environment? "sandbox"|"live"
---@return lomi.Fault[]|nil
function M.faults(opts, secrets, environment)
  local faults = shown_fault(nil, "idempotency_key", opts.idempotency_key, secrets)
  faults = shown_fault(faults, "account", opts.account, secrets)
  if opts.scenario and environment == "live" then
    faults = faults or {}
    faults[#faults + 1] = { field = "scenario", message = "is for test keys only; this client has a live one" }
  end
  return faults
end

local function escape(text)
  return (text:gsub("[^A-Za-z0-9%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

local function id_fault(id)
  if type(id) ~= "string" then return "must be a string, not a " .. type(id) end
  if not id:find("[^%z\1-\32]") then return "must not be empty" end
  if id:find("/", 1, true) then return "must not hold a slash" end
  if #id > 255 then return "must be at most 255 bytes long" end
  if id:find("[.%%]") and urls.has_dot_segment("/" .. id) then return "must not be . or .., in any spelling" end
end

--- Fills the first placeholder of a path.
---@param path string  with `{id}`, or another name in braces
---@param id any
---@return string|nil path
---@return string|nil reason
function M.fill_id(path, id)
  local reason = id_fault(id)
  if reason then return nil, reason end
  local from, to = path:find("{[A-Za-z0-9_]+}")
  return path:sub(1, from - 1) .. escape(id) .. path:sub(to + 1)
end

---@param path any
---@return string|nil reason
function M.path_fault(path)
  if type(path) ~= "string" then return "must be a string, not a " .. type(path) end
  if path:sub(1, 1) ~= "/" then return "must begin with a slash" end
  if path:find("[^\33-\126]") then return "must be printable ASCII without spaces; percent-encode the rest" end
  if path:find("[?#]") then return "must not hold ? or #; give the query as opts.query" end
  if #path > 4096 then return "must be at most 4096 bytes long" end
  if urls.has_dot_segment(path) then return "must not hold . or .. as a part, in any spelling" end
end

local function query_text(value)
  if type(value) == "string" then return value end
  if type(value) == "boolean" then return tostring(value) end
  if type(value) == "number" then return (core.encode(value)) end -- nil if it would not be read back the same
end

local MOST_QUERY = 16384 -- bytes, not yet percent-encoded

--- `?name=value&…`, the names sorted.
---@param query any
---@return string|nil text  "" for an empty query
---@return string|nil reason
function M.query(query)
  if type(query) ~= "table" then return nil, "must be a table of names and values, not a " .. type(query) end
  local parts, bytes = {}, 0
  for name, value in next, query do
    if type(name) ~= "string" then return nil, "must have string keys" end
    local text = query_text(value)
    if not text then return nil, ("has a %s for %s, which cannot be written exactly"):format(type(value), name) end
    bytes = bytes + #name + #text
    if bytes > MOST_QUERY then return nil, "must be at most 16 KiB long" end
    parts[#parts + 1] = escape(name) .. "=" .. escape(text)
  end
  if #parts == 0 then return "" end
  table.sort(parts)
  return "?" .. table.concat(parts, "&")
end

return M
