-- SPDX-License-Identifier: MIT
--- `lomi charge create|get|cancel`.

local convert = require "lomi.cli.convert"
local output = require "lomi.cli.output"
local resources = require "lomi.cli.resources"
local service = require "lomi.cli.service"

local M = {}

local OPERATIONS = require "lomi.contract.charges"

-- The fields of a card charge that can be typed, and how: not all of the contract's.
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

-- The names of the other arguments in messages.
local TYPED = {
  id = "ID", metadata = "--metadata", idempotency_key = "--idempotency-key", account = "--account",
  base_url = "--base-url",
}
for _, field in ipairs(FIELDS) do TYPED[field[1]] = field[2] end

local JSON = "Print the charge, client_secret and all, as one JSON object; errors too."

-- ---- showing a charge ---------------------------------------------------------------------------

local STATUS_COLOURS = { succeeded = "green", canceled = "red" }

local function show(charge, _, reply)
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

-- ---- the commands -------------------------------------------------------------------------------

local function runner(verb, ids)
  return resources.runner("charges", verb, OPERATIONS[verb], ids, show)
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
  service.add_key(command)
  service.add_common(command, runner("create_card_charge", {}), TYPED, JSON)
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
  service.add_common(get_command, runner("get_card_charge", { "id" }), TYPED, JSON)
  get_command:epilog "Example:\n   lomi charge get pi_3QxYk6"

  local cancel_command = charge:command("cancel", "Cancel a card charge that is not paid, or release its hold.")
  cancel_command:argument("id"):argname("ID"):description "Such as pi_3QxYk6."
  service.add_key(cancel_command)
  service.add_common(cancel_command, runner("cancel_card_charge", { "id" }), TYPED, JSON)
  cancel_command:epilog "Example:\n   lomi charge cancel pi_3QxYk6"
end

return M
