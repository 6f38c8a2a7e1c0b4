-- SPDX-License-Identifier: MIT
--- The `lomi` command. A script, and a module for the script that is installed:
---
---     os.exit(require("lomi.cli").main(arg), true)

local argparse = require "argparse"
local core = require "lomi.core"
local interrupt = require "lomi.cli.interrupt"
local output = require "lomi.cli.output"

local M = {}

local PARTS = {
  "lomi.cli.charge", "lomi.cli.completion", "lomi.cli.doctor", "lomi.cli.resources", "lomi.cli.sandbox",
  "lomi.cli.webhook",
}

-- argparse's own would print it and end with status 0, whether it could be written or not.
local function write_help(parser)
  parser:add_help { action = function() os.exit(output.line(parser:get_help(), nil, "the help")) end }
  for _, command in ipairs(parser._commands) do write_help(command) end
end

--- The parser of command lines: its data are the help, the man page and the completion of shells.
---@param typed? string[]  nil: all commands; else of the resources only those that are typed have their verbs
---@return table parser  of argparse
function M.parser(typed)
  local parser = argparse("lomi", "Charge cards over the lomi. API, or over a sandbox of it on this machine.")
  parser:help_description_margin(30):help_max_width(100):usage_max_width(100)
  parser:flag("--version"):description("Show the version and exit."):action(function()
    os.exit(output.line("lomi " .. core.version, nil, "the version"))
  end)
  for _, part in ipairs(PARTS) do require(part).add(parser, typed, M.parser) end
  parser:epilog [[Exit status: 0 done; 1 it failed; 2 the command line or the environment is wrong, nothing was sent;
130 ended by Ctrl-C.

Environment:
   LOMI_API_KEY, LOMI_SECRET_KEY  The secret key; the first that is set. It is no option: ps shows options.
   LOMI_BASE_URL                  Another service, such as a sandbox; default: the key tells the host.
   LOMI_WEBHOOK_SECRET            The secret of a webhook endpoint.
   HTTPS_PROXY, ALL_PROXY         A proxy for https, never for a loopback host.
   NO_COLOR                       If set: no colours on a terminal.

Example:
   lomi sandbox --port 4010]]
  write_help(parser)
  -- Called with the parser of the very command that is wrong.
  parser.error = function(at, message) error({ message = message, usage = at:get_usage() }, 0) end
  return parser
end

local function wants_json(typed)
  for _, argument in ipairs(typed) do
    if argument == "--" then return false end
    if argument == "--json" then return true end
  end
  return false
end

local function with_traceback(err)
  if type(err) ~= "string" or interrupt.is(err) then return err end
  return debug.traceback(err, 2)
end

--- Runs one command line. `--help` and `--version` end the process.
---@param typed string[]
---@return integer status  for os.exit
function M.main(typed)
  local ok, result = xpcall(function()
    local args = M.parser(typed):parse(typed)
    return args.run(args, typed)
  end, with_traceback)
  if ok then return result end
  if interrupt.is(result) then return interrupt.STATUS end
  if type(result) == "table" then return output.refuse(wants_json(typed), result.message, result.usage) end
  local text = tostring(result)
  if text:find "module 'lomi.httpd' not found" or text:find "install the rock lomi%-sandbox" then
    return output.fail(wants_json(typed), "the server of the sandbox is not installed: install the rock lomi-sandbox")
  end
  return output.fail(wants_json(typed), "a bug: " .. text)
end

local script = rawget(_G, "arg") and arg[0]
if script and debug.getinfo(1, "S").source == "@" .. script then os.exit(M.main(arg), true) end

return M
