-- SPDX-License-Identifier: MIT
--- How commands talk to the service: the client, its waits, its errors in the words of the command line. Makes the
--- idempotency key of a command, so that it can be shown after Ctrl-C.

local config = require "lomi.config"
local core = require "lomi.core"
local errors = require "lomi.errors"
local interrupt = require "lomi.cli.interrupt"
local new_client = require("lomi.client").new
local output = require "lomi.cli.output"
local redact = require "lomi.redact"

local M = {}

-- Advice that is for a program, not for a command line.
local FOR_PROGRAMS = { " %(allow_http[^)]*%)", "; if that is right, give the environment" }

-- A message about options or fields, in the words of the command line.
local function as_typed(message, names)
  for _, advice in ipairs(FOR_PROGRAMS) do message = message:gsub(advice, "") end
  return (message:gsub("[A-Za-z0-9_]+", names))
end

local function variable(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

--- How the options of add_host are typed.
M.HOST_NAMES = { base_url = "--base-url", ca_file = "--ca-file" }

---@return boolean
function M.has_key()
  return variable "LOMI_API_KEY" ~= nil or variable "LOMI_SECRET_KEY" ~= nil
end

--- The configuration of a client, from what was typed and the environment.
---@param args table  as typed; `names` says how a field is typed
---@param api_key? string  default: the environment's
---@return lomi.Configuration|nil
---@return string|nil reason
function M.check(args, api_key)
  local checked, reason = config.check {
    api_key = api_key, base_url = args.base_url or variable "LOMI_BASE_URL", account = args.account,
    ca_file = args.ca_file,
  }
  if checked then return checked end
  reason = as_typed(reason, args.names)
  return nil, args.base_url and reason or (reason:gsub("%-%-base%-url", "LOMI_BASE_URL"))
end

local host -- of the client

local function show_progress()
  output.progress(("waiting for %s …"):format(host))
end

---@param args table  as typed; `names` says how a field is typed
---@return lomi.Client|nil
---@return string|nil reason
function M.new_client(args)
  if not M.has_key() then
    return nil, "the API key is missing: set LOMI_API_KEY in the environment (it is no option, since ps shows options)"
  end
  local checked, reason = M.check(args)
  if not checked then return nil, reason end
  host = checked.host
  if not args.json then
    checked.on_attempt = function(event)
      if not event.wait then return end
      local what = event.status and ("%s (%d)"):format(event.kind, event.status) or event.kind
      output.note(("lomi: attempt %d: %s; the next in %.1f s"):format(event.attempt, what, event.wait), "dim")
      show_progress()
    end
  end
  show_progress()
  return new_client(checked)
end

local function quoted(argument)
  if argument:find("^[A-Za-z0-9%-_=+.,:/@%%]+$") then return argument end
  return "'" .. argument:gsub("'", [['\'']]) .. "'"
end

-- The command again, with its key; shortened if something in it should not be shown.
local function command_with_key(typed, key, is_given)
  local words, place = { "lomi" }, #typed + 1
  for i, argument in ipairs(typed) do
    words[#words + 1] = quoted(argument)
    if argument == "--" then place = math.min(place, i) end
  end
  if not is_given then table.insert(words, place + 1, "--idempotency-key " .. quoted(key)) end
  local command = table.concat(words, " ")
  if redact.sentence(command) == command then return command end
  return ("lomi %s %s ... --idempotency-key %s"):format(typed[1], typed[2], quoted(key))
end

-- Not of a replayed 5xx: a retry gives the same response.
local function is_worth_a_retry(err)
  return err.outcome == "unknown" and err.idempotency_key and not (err.replayed and err.status >= 500)
end

--- Tells of an error. The exit status.
function M.report(args, typed, err)
  if err.attempts == 0 and err.kind == "invalid_request" then
    return output.refuse(args.json, args.json and err or as_typed(err.message, args.names))
  end
  local status = output.fail(args.json, err)
  if not args.json and err.outcome == "unknown" and typed[1] == "charge" and typed[2] == "cancel" then
    output.note "To look it up, since a cancellation ignores keys:"
    output.command(("lomi %s get -- %s"):format(typed[1], quoted(args.id)))
  elseif not args.json and is_worth_a_retry(err) then
    output.note "To retry, without doing it twice:"
    output.command(command_with_key(typed, err.idempotency_key, args.idempotency_key ~= nil))
  end
  return status
end

--- Calls a method that changes something. Its key is made here, so that it can be told even if Ctrl-C ends the call.
---@return table|nil result
---@return integer|nil status  to exit with, where there is none
---@return lomi.Reply|nil
function M.change(args, typed, call)
  local key = args.idempotency_key or core.uuid4()
  show_progress()
  local ran, result, err, reply = pcall(call, { idempotency_key = key })
  if not ran then
    if not interrupt.is(result) then error(result, 0) end
    M.report(args, typed, errors.new("connection", "interrupted: whether it was carried out is unknown",
      { code = "interrupted", outcome = "unknown", idempotency_key = key }))
    return nil, interrupt.STATUS
  end
  if not result then return nil, M.report(args, typed, err) end
  return result, nil, reply
end

--- Adds the options that say where the service is.
---@param command table  of argparse
function M.add_host(command)
  command:option("--base-url"):argname("URL"):overwrite(false)
    :description "Another service, such as a sandbox; default: LOMI_BASE_URL."
  command:option("--ca-file"):argname("FILE"):overwrite(false)
    :description "The authorities to trust, in PEM; default: libcurl's."
end

--- Adds the options of every command that talks to the service.
---@param command table  of argparse
---@param run fun(args: table, typed: string[]): integer
---@param names table<string, string>  how fields are typed
---@param json string  what --json prints
function M.add_common(command, run, names, json)
  command:option("--account"):argname("ACCT"):overwrite(false)
    :description "The connected account to act for (Lomi-Account)."
  M.add_host(command)
  command:flag("--json"):description(json)
  for name, typed in pairs(M.HOST_NAMES) do names[name] = typed end
  command:action(function(args) args.run, args.names = run, names end)
end

function M.add_key(command)
  command:option("--idempotency-key"):argname("KEY"):overwrite(false)
    :description "The same intent again, done once. Default: a new one."
end

return M
