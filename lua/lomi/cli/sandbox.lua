-- SPDX-License-Identifier: MIT
--- `lomi sandbox`: a local lomi. API until Ctrl-C.

local convert = require "lomi.cli.convert"
local interrupt = require "lomi.cli.interrupt"
local output = require "lomi.cli.output"

local M = {}

local PORT = 4010

local function run(args)
  local sandbox, reason = require("lomi.sandbox").start {
    port = args.port, host = args.host, strict = args.strict, amounts = args.amounts,
    log = output.has_colours() and "colour" or "plain",
  }
  if not sandbox then return output.fail(false, reason) end
  local status = output.line("lomi sandbox on " .. sandbox.url) -- the first line: scripts read it
  if status ~= 0 then
    sandbox:stop()
    return status
  end
  output.line(("  export LOMI_BASE_URL=%s LOMI_API_KEY=lomi_sk_test_demo"):format(sandbox.url), "dim")
  output.line("  Any key that begins with lomi_sk_test_ is good; live keys are refused. Ctrl-C ends it.", "dim")
  interrupt.wait()
  sandbox:stop()
  return interrupt.STATUS
end

function M.add(parser)
  local command = parser:command("sandbox", "Run the sandbox, a local API to test against, until Ctrl-C.")
  command:option("--port"):argname("N"):convert(convert.port):default(PORT):show_default(false)
    :description(("0 takes any free one; default: %d."):format(PORT))
  command:option("--host"):argname("ADDRESS"):convert(convert.host)
    :description "Where to listen; default: 127.0.0.1, this machine only."
  command:flag "--strict"
    :description "As the live service: insist on a customer and on an idempotency key."
  command:option("--amounts"):argname("UNIT"):choices { "main", "minor" }
    :description "The unit of USD and EUR amounts: main (10.5 is 10.50) or minor (1050 is 10.50); default: main."
  command:action(function(args) args.run = run end)
  command:epilog [[Prints its URL, then a line per request.

Example:
   lomi sandbox --port 4010
   LOMI_BASE_URL=http://127.0.0.1:4010 LOMI_API_KEY=lomi_sk_test_demo \
      lomi charge create --amount 10000 --email awa@example.com --name "Awa Ndiaye"]]
end

return M
