-- SPDX-License-Identifier: MIT
--- `lomi webhook sign|verify|listen`.

local convert = require "lomi.cli.convert"
local core = require "lomi.core"
local interrupt = require "lomi.cli.interrupt"
local output = require "lomi.cli.output"
local webhook = require "lomi.webhook"

local M = {}

-- All bytes of a file; "-" is standard input.
local function read(path)
  if path == "-" then return io.stdin:read("*a") end
  local file, reason = io.open(path, "rb")
  if not file then return nil, reason end
  local bytes
  bytes, reason = file:read("*a") -- nil for a directory
  file:close()
  if not bytes then return nil, ("%s: %s"):format(path, reason) end
  return bytes
end

---@return string[]|nil
---@return string|nil reason
local function secrets_of(args)
  local secrets = args.secret
  if not secrets[1] then secrets = { os.getenv "LOMI_WEBHOOK_SECRET" } end
  if not secrets[1] or secrets[1] == "" then
    return nil, "the endpoint's secret is missing: set LOMI_WEBHOOK_SECRET in the environment, or give --secret"
  end
  local fit, reason = pcall(webhook.verify, nil, nil, secrets) -- without a body, it looks at the secrets only
  if not fit then
    return nil, (reason:gsub("^secret%[%d+%]", args.secret[1] and "--secret" or "LOMI_WEBHOOK_SECRET"))
  end
  return secrets
end

local function sign(args)
  local secrets, reason = secrets_of(args)
  if not secrets then return output.refuse(false, reason) end
  if secrets[2] then return output.refuse(false, "--secret is given twice; one secret signs") end
  local body, err = read(args.file)
  if not body then return output.fail(false, err) end
  return output.line(webhook.sign(body, secrets[1]))
end

local function verify(args)
  local secrets, reason = secrets_of(args)
  if not secrets then return output.refuse(args.json, reason) end
  local body, err = read(args.file)
  if not body then return output.fail(args.json, err) end
  local event
  event, err = webhook.construct_event(body, args.signature, secrets, { tolerance = args.tolerance })
  if not event then return output.fail(args.json, err) end
  if args.json then return output.json(event) end
  return output.block {
    { "verified", event.event or "an event without a name", colour = "green" },
    { "id", event.id },
    { "timestamp", event.timestamp },
  }
end

local function listen(args)
  local secrets, reason = secrets_of(args)
  if not secrets then return output.refuse(args.json, reason) end
  local options, faults = core.encode { secrets = secrets, json = args.json, tolerance = args.tolerance }
  if not options then return output.refuse(args.json, ("%s %s"):format(faults[1].field, faults[1].message)) end
  local httpd = require "lomi.httpd"
  require "lomi.crypto" -- as in sandbox.start: before the server
  local server, err = httpd.start { app = "lomi.cli.listener", port = args.port, options = options }
  if not server then return output.fail(args.json, err) end
  local announce = args.json and output.note or output.line -- with --json, standard output has events only
  local status = announce(("lomi webhook listen on http://127.0.0.1:%d"):format(server:port()))
  if not status or status == 0 then
    interrupt.wait()
    status = interrupt.STATUS
  end
  server:stop()
  return status
end

local function add_secret(command, many)
  command:option("--secret"):argname("WHSEC"):count("*")
    :description("Default: LOMI_WEBHOOK_SECRET of the environment, which ps does not show."
      .. (many and " May be repeated while secrets are rotated." or ""))
end

local function add_tolerance(command)
  command:option("--tolerance"):argname("SECONDS"):convert(convert.seconds)
    :description "Refuse a body whose timestamp is further off; default: any age is good."
end

function M.add(parser)
  local group = parser:command("webhook", "Sign, verify and receive webhooks.")
  group:epilog "Example:\n   lomi webhook listen --port 4020"

  local command = group:command("sign", "Print the signature of a body (X-Lomi-Signature).")
  command:argument("file"):argname("FILE"):description "The raw body, every byte of it; - is standard input."
  add_secret(command)
  command:action(function(args) args.run = sign end)
  command:epilog "Example:\n   lomi webhook sign body.json"

  command = group:command("verify", "Check a body against its signature; exit status 1 if it must not be trusted.")
  command:argument("file"):argname("FILE"):description "The raw body, every byte of it; - is standard input."
  command:option("--signature"):argname("SIGNATURE"):count(1):overwrite(false)
    :description "What X-Lomi-Signature, or X-Lomi-Signature-V1, said."
  add_secret(command, true)
  add_tolerance(command)
  command:flag("--json"):description "Print the event as one JSON object; errors too."
  command:action(function(args) args.run = verify end)
  command:epilog 'Example:\n   lomi webhook verify --signature "$(lomi webhook sign body.json)" body.json'

  command = group:command("listen", "Receive webhooks on this machine, verify and print them, until Ctrl-C.")
  command:option("--port"):argname("N"):convert(convert.port):default(0):show_default(false)
    :description "Default: any free one."
  add_secret(command, true)
  add_tolerance(command)
  command:flag("--json"):description "Print each event as one JSON object on a line; refused ones on standard error."
  command:action(function(args) args.run = listen end)
  command:epilog "Answers 200 to what it could verify, 400 to the rest.\n\nExample:\n   lomi webhook listen --port 4020"
end

return M
