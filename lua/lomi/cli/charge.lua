-- SPDX-License-Identifier: MIT
--- `lomi charge create|get|cancel`.

local config = require "lomi.config"
local convert = require "lomi.cli.convert"
local core = require "lomi.core"
local errors = require "lomi.errors"
local interrupt = require "lomi.cli.interrupt"
local lomi = require "lomi"
local output = require "lomi.cli.output"
local redact = require "lomi.redact"

local M = {}

-- The fields of a charge, and how each is typed.
local FIELDS = {
  { "amount", "--amount", argname = "N", count = 1, convert = convert.amount,
    description = "In the currency's main unit: 10000 is 10 000 F CFA, 10.5 is 10.50 USD." },
  { "currency_code", "--currency", choices = { "XOF", "USD", "EUR" },
    description = "The service takes XOF if none is given." },
  { "customer_email", "--email", argname = "EMAIL", description = "The customer's; goes together with --name." },
  { "customer_name", "--name", argname = "NAME", description = "The customer's; goes together with --email." },
  { "customer_id", "--customer-id", argname = "UUID", description = "Instead of --email and --name." },
  { "description", "--description", argname = "TEXT", description = "Shown in payment providers and logs." },
  { "payment_reference", "--reference", argname = "TEXT", description = "Your own reference, for reconciliation." },
}

-- What the other arguments are called in messages of ours.
local TYPED = {
  id = "ID", metadata = "--metadata", idempotency_key = "--idempotency-key", account = "--account",
  base_url = "--base-url",
}
for _, field in ipairs(FIELDS) do TYPED[field[1]] = field[2] end

-- Advice that is for a program, not for a command line.
local FOR_PROGRAMS = { " %(allow_http[^)]*%)", "; if that is right, give the environment" }

-- A message about options or fields, in the words of the command line.
local function as_typed(message)
  for _, advice in ipairs(FOR_PROGRAMS) do message = message:gsub(advice, "") end
  return (message:gsub("[A-Za-z0-9_]+", TYPED))
end

local function variable(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

-- ---- talking to the service ---------------------------------------------------------------------

-- Why a person sees nothing for a while.
local function tell_of_wait(event)
  if not event.wait then return end
  local what = event.status and ("%s (%d)"):format(event.kind, event.status) or event.kind
  output.note(("lomi: attempt %d: %s; the next in %.1f s"):format(event.attempt, what, event.wait), "dim")
end

---@return lomi.Client|nil
---@return string|nil wrong
local function new_client(args)
  if not variable "LOMI_API_KEY" and not variable "LOMI_SECRET_KEY" then
    return nil, "the API key is missing: set LOMI_API_KEY in the environment (it is no option, since ps shows options)"
  end
  local options = {
    base_url = args.base_url or variable "LOMI_BASE_URL",
    account = args.account,
    on_attempt = not args.json and tell_of_wait or nil,
  }
  local checked, wrong = config.check(options)
  if not checked then
    wrong = as_typed(wrong)
    return nil, args.base_url and wrong or (wrong:gsub("%-%-base%-url", "LOMI_BASE_URL"))
  end
  return lomi.new(options)
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

-- A replayed 5xx is excepted: asking again can only give it again.
local function is_worth_asking_again(err)
  return err.outcome == "unknown" and err.idempotency_key and not (err.replayed and err.status >= 500)
end

local function report(args, typed, err)
  if err.attempts == 0 and err.kind == "invalid_request" then
    return output.refuse(args.json, args.json and err or as_typed(err.message))
  end
  local status = output.fail(args.json, err)
  if not args.json and is_worth_asking_again(err) then
    output.note "To ask again, without doing it twice:"
    output.command(command_with_key(typed, err.idempotency_key, args.idempotency_key ~= nil))
  end
  return status
end

-- Calls a method that changes something. Its key is made here, so that it can be told even if Ctrl-C ends the call.
local function change(args, typed, call)
  local key = args.idempotency_key or core.uuid4()
  local ran, result, err, reply = pcall(call, { idempotency_key = key })
  if not ran then
    if not interrupt.is(result) then error(result, 0) end
    report(args, typed, errors.new("connection", "interrupted: whether it was carried out is unknown",
      { code = "interrupted", outcome = "unknown", idempotency_key = key }))
    return nil, interrupt.STATUS
  end
  if not result then return nil, report(args, typed, err) end
  return result, nil, reply
end

-- ---- showing a charge ---------------------------------------------------------------------------

local STATUS_COLOURS = { succeeded = "green", canceled = "red" }

local function show(charge, reply)
  local transaction = type(charge.transaction) == "table" and charge.transaction
  return output.block {
    { "charge", charge.id },
    { "status", charge.status, colour = STATUS_COLOURS[charge.status] or "yellow" },
    { "amount", output.money(charge.original_amount, charge.original_currency) },
    { charge.status == "succeeded" and "charged" or "to be charged", output.minor(charge.amount, charge.currency) },
    { "capturable", output.money(charge.amount_capturable, charge.original_currency) },
    { "capture before", charge.capture_before },
    { "transaction",
      transaction and output.clean(transaction.transaction_id) .. " " .. output.clean(transaction.status) },
    { "client_secret", charge.client_secret and "not shown; --json prints it" },
    { "replayed", reply.replayed and "yes: this is the first answer under this key, nothing was done now" },
  }
end

local function print_charge(args, charge, reply)
  if args.json then return output.json(charge) end
  return show(charge, reply)
end

-- ---- the commands -------------------------------------------------------------------------------

---@return table|nil metadata
---@return string|nil wrong
local function metadata_of(pairs_typed)
  local metadata
  for _, group in ipairs(pairs_typed) do
    for _, pair in ipairs(group) do
      metadata = metadata or {}
      if metadata[pair.name] then return nil, ("--metadata %s is given twice"):format(pair.name) end
      metadata[pair.name] = pair.value
    end
  end
  return metadata
end

local function create(args, typed)
  local metadata, wrong = metadata_of(args.metadata)
  if wrong then return output.refuse(args.json, wrong) end
  local params = { metadata = metadata }
  for _, field in ipairs(FIELDS) do params[field[1]] = args[field[1]] end
  local client, unfit = new_client(args)
  if not client then return output.refuse(args.json, unfit) end
  local charge, status, reply = change(args, typed, function(opts)
    return client.charges:create_card_charge(params, opts)
  end)
  return status or print_charge(args, charge, reply)
end

local function get(args, typed)
  local client, unfit = new_client(args)
  if not client then return output.refuse(args.json, unfit) end
  local charge, err, reply = client.charges:get_card_charge(args.id)
  if not charge then return report(args, typed, err) end
  return print_charge(args, charge, reply)
end

local function cancel(args, typed)
  local client, unfit = new_client(args)
  if not client then return output.refuse(args.json, unfit) end
  local charge, status, reply = change(args, typed, function(opts)
    return client.charges:cancel_card_charge(args.id, opts)
  end)
  return status or print_charge(args, charge, reply)
end

local function add_common(command, run)
  command:option("--account"):argname("ACCT"):overwrite(false)
    :description "The connected account to act for (Lomi-Account)."
  command:option("--base-url"):argname("URL"):overwrite(false)
    :description "Another service, such as a sandbox; default: LOMI_BASE_URL."
  command:flag("--json"):description "Print the charge, client_secret and all, as one JSON object; errors too."
  command:action(function(args) args.run = run end)
end

local function add_key(command)
  command:option("--idempotency-key"):argname("KEY"):overwrite(false)
    :description "The same intent again, done once. Default: a new one."
end

local function add_create(charge)
  local command = charge:command("create", "Create a card charge.")
  for _, field in ipairs(FIELDS) do
    local option = command:option(field[2]):target(field[1]):overwrite(false)
    option {
      description = field.description, argname = field.argname, count = field.count, convert = field.convert,
      choices = field.choices,
    }
  end
  command:option("--metadata"):argname("NAME=VALUE"):args("+"):count("*"):convert(convert.metadata)
    :description "Kept with the charge, as strings; may be repeated."
  add_key(command)
  add_common(command, create)
  command:epilog [[Example:
   lomi charge create --amount 10000 --currency XOF \
      --email awa@example.com --name "Awa Ndiaye" --metadata order_id=ORD-1]]
end

function M.add(parser)
  local charge = parser:command("charge", "Create, look up and cancel card charges.")
  charge:epilog [[The API key comes from LOMI_API_KEY, or LOMI_SECRET_KEY, of the environment.

Example:
   lomi charge get pi_3QxYk6
   lomi charge create --help]]
  add_create(charge)

  local get_command = charge:command("get", "Look a card charge up.")
  get_command:argument("id"):argname("ID"):description "Such as pi_3QxYk6."
  add_common(get_command, get)
  get_command:epilog "Example:\n   lomi charge get pi_3QxYk6"

  local cancel_command = charge:command("cancel", "Cancel a card charge that is not paid, or release its hold.")
  cancel_command:argument("id"):argname("ID"):description "Such as pi_3QxYk6."
  add_key(cancel_command)
  add_common(cancel_command, cancel)
  cancel_command:epilog "Example:\n   lomi charge cancel pi_3QxYk6"
end

return M
