-- SPDX-License-Identifier: MIT
--- `lomi RESOURCE VERB`: a command for every request of the contract, made from its data. Not for charges:
--- cli/charge.lua creates, gets and cancels one.

local ascii = require "lomi.ascii"
local contract = require "lomi.contract"
local convert = require "lomi.cli.convert"
local core = require "lomi.core"
local output = require "lomi.cli.output"
local service = require "lomi.cli.service"

local M = {}

local STDIN = 0

-- What the verbs of a resource are about.
local DESCRIPTIONS = {
  balances = "The merchant's money, by currency.",
  checkout_sessions = "Pages of the service where a payer chooses how to pay.",
  coupons = "Discounts in hosted checkout.",
  customers = "The people and companies who pay: create, look up, change, block.",
  disputes = "Disputes of card payments: look up, hand evidence in.",
  invoices = "Bills for customers: draft, send, remind, cancel.",
  payment_links = "Links to pages that many payers may pay on.",
  payment_requests = "Requests to one customer for one payment.",
  payout_methods = "The merchant's own accounts, to pay out to.",
  payouts = "Money that goes to the merchant, or to somebody the merchant pays.",
  products = "Goods and services for sale, and their prices.",
  providers = "The ways to pay that the organization has.",
  refunds = "Money that goes back to a payer.",
  settlements = "Amounts by the day they become available; instant settlements.",
  subscriptions = "Recurring payments: look up, change, cancel, resume.",
  transactions = "Payments: look up, print a receipt.",
  webhooks = "Endpoints where the service sends events, and the attempts to deliver.",
}

-- ---- what is typed --------------------------------------------------------------------------------

local function dashed(name)
  return (ascii.lower((name:gsub("([a-z])([A-Z])", "%1_%2"))):gsub("_", "-"))
end

-- "transaction_id" is typed --transaction, or --transaction-id.
local function option_of(name)
  local long = "--" .. dashed(name)
  local short = long:gsub("([a-z])%-id$", "%1"):gsub("([a-z])%-code$", "%1")
  return short, long
end

local function json_of(text, option)
  local value = core.decode(text)
  if type(value) == "table" then return value end
  return nil, option .. " takes JSON"
end

-- How a field of this type is typed: an argname, and what makes a value of the text.
local TYPES = {
  string = { "TEXT" },
  number = { "N", function(text, option)
    return text:find("^%d+%.?%d*$") and tonumber(text) or nil, option .. " takes a number, such as 10 or 10.5"
  end },
  integer = { "N", function(text, option)
    return text:find("^%-?%d+$") and #text <= 15 and tonumber(text) or nil, option .. " takes a whole number"
  end },
  boolean = { "BOOL", function(text, option)
    if text == "true" or text == "false" then return text == "true" and "yes" or "no" end
    return nil, option .. " takes true or false"
  end },
  object = { "JSON", json_of },
  list = { "JSON", json_of },
}
TYPES.money = TYPES.integer

local SAYS = {
  money = "Minor units: 1050 is 10.50 EUR, or 1 050 F CFA.", object = "A JSON object.", list = "A JSON list.",
  boolean = "true or false.",
}
local FORMATS = {
  id = "A UUID, or a public id.", date = "YYYY-MM-DD.", time = "ISO 8601.", url = "A URL.", endpoint = "An https URL.",
}

local function describe(field)
  local says = {}
  if field.required then says[1] = "Required." end
  says[#says + 1] = FORMATS[field.format] or SAYS[field.type]
  return table.concat(says, " ")
end

-- The contract tells all missing fields at once, so argparse must not; it would then show them as optional.
local function show_as_required(option)
  local usage = option._get_usage
  function option:_get_usage() return usage(self):match "^%[(.*)%]$" end
end

local function add_field(command, field, names)
  local short, long = option_of(field.name)
  names[field.name] = short
  if field.name == "metadata" then
    command:option("--metadata"):argname("NAME=VALUE"):args("+"):count("*"):convert(convert.metadata)
      :description "As strings; may be repeated."
    return
  end
  local option = command:option(short == long and short or short .. " " .. long):target(field.name):overwrite(false)
  if field.required then show_as_required(option) end
  if field.items == "string" then
    option { argname = "TEXT", args = "+", description = describe(field) }
    return
  end
  local kind = TYPES[field.type]
  option { argname = not field.enum and kind[1] or nil, choices = field.enum, description = describe(field),
    convert = kind[2] and function(text) return kind[2](text, short) end or nil }
end

local YES = { yes = true, no = false }

---@return table|nil params
---@return string|nil reason
local function params_of(args, dto)
  local params = {}
  for _, field in ipairs(dto.fields) do
    local value = args[field.name]
    if field.name == "metadata" then
      for _, group in ipairs(value or {}) do
        for _, pair in ipairs(group) do
          params.metadata = params.metadata or {}
          if params.metadata[pair.name] then return nil, ("--metadata %s is given twice"):format(pair.name) end
          params.metadata[pair.name] = pair.value
        end
      end
    elseif field.type == "boolean" then
      if value then params[field.name] = YES[value] end
    else
      params[field.name] = value
    end
  end
  return params
end

-- ---- what is shown --------------------------------------------------------------------------------

local SECRETS = { secret = true, launch_token = true, launch_url = true, confirmation_token = true }
local COLUMNS = { "code", "name", "title", "url", "email", "event_type", "status" }

local function is_money(name)
  return name:find("amount") ~= nil or name:find("balance$") ~= nil
end

local function shown(record, name)
  local value = record[name]
  if SECRETS[name] then return "not shown; --json prints it" end
  if type(value) == "number" then
    if is_money(name) and not name:find("_xof$") and record.currency_code then
      return output.minor(value, record.currency_code)
    end
    return ascii.number(value)
  end
  if type(value) == "boolean" then return tostring(value) end
  return type(value) == "string" and value or nil
end

-- Ids in an order in which a record's own comes before those of the records it refers to.
local OWN_IDS = { "refund_id", "dispute_id", "payout_id", "log_id", "webhook_id", "transaction_id",
  "customer_invoice_id", "request_id", "checkout_session_id", "link_id", "settlement_id", "coupon_id",
  "subscription_id", "price_id", "product_id", "payout_method_id", "customer_id" }

-- The field that names a record: that of the operation, or the first that looks like it.
local function id_field(record, row)
  if row.id and record[row.id] then return row.id end
  for _, name in ipairs(OWN_IDS) do
    if type(record[name]) == "string" then return name end
  end
  local found
  for name in pairs(record) do
    if name:find("_id$") and type(record[name]) == "string" and name ~= "organization_id"
      and (not found or name < found) then
      found = name
    end
  end
  return found
end

local function show_list(page, row)
  if not page.data[1] then return output.line "none" end
  local lines = {}
  for i, record in ipairs(page.data) do
    if type(record) ~= "table" then record = {} end
    local id = id_field(record, row)
    local cells = { id and output.clean(record[id]) or nil }
    for _, name in ipairs(COLUMNS) do
      if type(record[name]) == "string" then cells[#cells + 1] = output.clean(record[name]) end
    end
    for _, name in ipairs { "gross_amount", "amount", "balance", "available_balance" } do
      if type(record[name]) == "number" then
        cells[#cells + 1] = shown(record, name)
        break
      end
    end
    if type(record.created_at) == "string" then cells[#cells + 1] = output.clean(record.created_at) end
    lines[i] = cells[1] and table.concat(cells, "  ") or "(a record without a name)"
  end
  local status = output.line(table.concat(lines, "\n"), nil, "the list")
  if page.next_cursor then output.note("more: --cursor " .. output.clean(page.next_cursor), "dim") end
  return status
end

local function show_record(record, row, reply)
  if type(next(record)) == "number" then return show_list({ data = record }, row) end -- nothing says what it is
  local names, first = {}, id_field(record, row)
  for name in pairs(record) do
    if name ~= first then names[#names + 1] = name end
  end
  table.sort(names)
  if first then table.insert(names, 1, first) end
  local rows = {}
  for _, name in ipairs(names) do rows[#rows + 1] = { name, shown(record, name) } end
  if reply.replayed then rows[#rows + 1] = { "replayed", "yes: nothing was done now" } end
  if not rows[1] then rows[1] = { "done", "yes" } end
  return output.block(rows)
end

-- ---- the commands ---------------------------------------------------------------------------------

-- Whether the person at the terminal wants it.
local function is_wanted(preview)
  local rows = {}
  local would = type(preview.preview) == "table" and preview.preview or {}
  for name in pairs(would) do
    local text = type(name) == "string" and shown(would, name)
    if text then rows[#rows + 1] = ("  %s: %s"):format(output.clean(name), output.clean(text)) end
  end
  table.sort(rows)
  output.note "Nothing has been moved yet. This would be done:"
  for _, line in ipairs(rows) do output.note(line) end
  io.stderr:write("Do it? [y/N] ")
  io.stderr:flush()
  local answer = io.read("*l")
  if not answer then io.stderr:write "\n" end -- Ctrl-D leaves the line as it is
  return answer == "y" or answer == "Y" or answer == "yes"
end

local function ask_and_confirm(args, typed, object, preview)
  if not args.yes and not is_wanted(preview) then
    return nil, output.fail(args.json, "not confirmed: nothing was moved")
  end
  return service.change(args, typed, function() return object:confirm(preview) end)
end

--- Makes the function that runs a command: it makes the call and shows the result.
---@param resource string
---@param verb string
---@param row lomi.contract.Operation
---@param ids string[]  the arguments that name the record
---@param show fun(result: table, row: lomi.contract.Operation, reply: lomi.Reply): integer
---@return fun(args: table, typed: string[]): integer
function M.runner(resource, verb, row, ids, show)
  return function(args, typed)
    local params, reason
    local dto = row.params or row.query
    if dto then
      params, reason = params_of(args, dto)
      if reason then return output.refuse(args.json, reason) end
    end
    if row.asks_twice and not args.yes and not core.isatty(STDIN) then
      return output.refuse(args.json, "money that leaves asks twice, and there is no terminal to ask on: give --yes")
    end
    local client
    client, reason = service.new_client(args)
    if not client then return output.refuse(args.json, reason) end
    local object, values = client[resource], {}
    for i, id in ipairs(ids) do values[i] = args[id] end
    local function call(opts)
      local method, first, second = object[verb], opts, nil
      if dto then first, second = params, opts end
      if #ids == 2 then return method(object, values[1], values[2], first, second) end
      if #ids == 1 then return method(object, values[1], first, second) end
      return method(object, first, second)
    end
    local result, status, reply
    if row.method == "GET" then
      local err
      result, err, reply = call(nil)
      if not result then return service.report(args, typed, err) end
    else
      result, status, reply = service.change(args, typed, call)
      if not result then return status end
    end
    if row.asks_twice and not reply.executed then
      result, status, reply = ask_and_confirm(args, typed, object, result)
      if not result then return status end
    end
    return args.json and output.json(result) or show(result, row, reply)
  end
end

-- ---- the help -------------------------------------------------------------------------------------

-- Each verb, in the words of the reference.
local SENTENCES = {
  batch = "Change several prices", block = "Block a customer's phone, email and cards",
  breakdown = "Show the available and the pending amounts", cancel = "Cancel one",
  change_plan = "Move one to another price", checkout_session = "Make the session that pays it", create = "Create one",
  default = "Make a price the default", delete = "Delete one", deliveries = "List the attempts to deliver",
  evidence = "Hand evidence in", finalize = "End the draft and make its payment session", get = "Look one up",
  get_delivery = "Look an attempt to deliver up", get_instant = "Look an instant settlement up",
  instant = "Ask for an instant settlement", list = "List them", pdf = "Show the link to the invoice as a PDF",
  performance = "Show what one has brought", portal = "Make a link to the customer's own page",
  portal_audit = "Show what happened on the customer's own page", prices = "Add a price",
  receipt = "Show the link to the receipt as a PDF", remind = "Remind the customer of it", resume = "Resume one",
  retry = "Deliver an event again", send = "Finalize it and e-mail it to the customer",
  subscriptions = "List the subscriptions of a customer", test = "Send a test event to an endpoint",
  top = "List the customers who spent most", transactions = "List the transactions of one", unblock = "End a block",
  update = "Change one", usage = "Show what was used", void = "Cancel an invoice that is not paid",
}

local function sentence_of(verb, row)
  return ("%s: %s %s."):format(SENTENCES[verb], row.method, row.path)
end

-- Values for examples, by the name, the format, or the type of a field.
local EXAMPLES = {
  name = '"Awa Ndiaye"', account_name = '"Awa Ndiaye"', title = '"A ticket"', limit = "10",
  currency_code = "XOF", currency = "XOF", events = "PAYMENT_SUCCEEDED REFUND_COMPLETED",
  id = "3f0c9f2e-8f5f-4e0b-9d83-5a52f7c3a3b1",
  date = "2026-12-31", time = "2026-12-31T12:00:00Z", url = "https://shop.example/thanks", email = "awa@example.com",
  endpoint = "https://shop.example/webhooks", phone = "+2250700000000",
  string = "text", number = "10", integer = "10", money = "10000", boolean = "true", object = "'{}'",
}

local function value_of(field)
  return EXAMPLES[field.format] or EXAMPLES[field.name] or field.enum and field.enum[1] or EXAMPLES[field.type]
end

-- Does an example need the field, other fields having the values of examples?
local function is_needed(field, dto)
  if field.required or field.name == "limit" then return true end
  for _, rule in ipairs(dto.rules) do
    if rule.rule == "any_of" and rule.fields[1] == field.name then return true end
    if rule.rule == "needs" and rule.field == field.name then
      local other, value = next(rule.when)
      if value_of(dto.by_name[other]) == value then return true end
    end
  end
  return false
end

local NUMBERS = { money = true, number = true, integer = true }

local function example_of(field)
  local value = value_of(field)
  if value then return value end
  local parts = {}
  for _, inner in ipairs(field.items.fields) do
    if is_needed(inner, field.items) then
      value = value_of(inner)
      parts[#parts + 1] = ('"%s": %s'):format(inner.name, NUMBERS[inner.type] and value or '"' .. value .. '"')
    end
  end
  return "'[{" .. table.concat(parts, ", ") .. "}]'"
end

local WIDEST = 90 -- columns of an example's line

-- Something that can be typed: the ids, the fields that are needed, or else the first one.
local function example_line(resource, verb, row, ids)
  local words = {}
  for _, id in ipairs(ids) do words[#words + 1] = EXAMPLES[id] or EXAMPLES.id end
  local dto = row.params or row.query
  local first = #words + 1
  for _, field in ipairs(dto and dto.fields or {}) do
    if is_needed(field, dto) then words[#words + 1] = option_of(field.name) .. " " .. example_of(field) end
  end
  if row.params and dto.fields[1] and not words[first] then
    words[first] = option_of(dto.fields[1].name) .. " " .. example_of(dto.fields[1])
  end
  if row.asks_twice then words[#words + 1] = "--yes" end
  local lines, line = {}, ("   lomi %s %s"):format(dashed(resource), dashed(verb))
  for _, word in ipairs(words) do
    if #line + #word > WIDEST then
      lines[#lines + 1] = line .. " \\"
      line = "     "
    end
    line = line .. " " .. word
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

local function add_verb(parent, resource, verb, row)
  local command = parent:command(dashed(verb), sentence_of(verb, row))
  local ids, names = {}, { idempotency_key = "--idempotency-key", account = "--account", base_url = "--base-url" }
  for id in row.path:gmatch("{([a-z_]+)}") do
    ids[#ids + 1] = id
    names[id] = ascii.upper(id)
    command:argument(id):argname(ascii.upper(id)):description("Such as its UUID.")
  end
  local dto = row.params or row.query
  for _, field in ipairs(dto and dto.fields or {}) do
    if field.name ~= "confirmation_token" then add_field(command, field, names) end
  end
  if row.asks_twice then command:flag("--yes"):description "Do it without asking." end
  if row.method ~= "GET" then service.add_key(command) end
  local show = row.result == "list" and show_list or show_record
  service.add_common(command, M.runner(resource, verb, row, ids, show), names,
    "Print the whole answer as JSON; errors too.")
  command:epilog("Example:\n" .. example_line(resource, verb, row, ids))
end

local function is_typed(typed, name)
  for _, word in ipairs(typed or { name }) do
    if word == name then return true end
  end
  return false
end

--- Adds a command for every resource; the verbs are read only of those that are typed.
---@param parser table  of argparse
---@param typed? string[]  nil: all verbs of all resources
function M.add(parser, typed)
  local resources = {}
  for name in pairs(contract.resources) do
    if name ~= "charges" then resources[#resources + 1] = name end
  end
  table.sort(resources)
  for _, resource in ipairs(resources) do
    local name = dashed(resource)
    local command = parser:command(name, DESCRIPTIONS[resource])
    if is_typed(typed, name) then
      local rows, verbs = require(contract.resources[resource]), {}
      for verb, row in pairs(rows) do
        if row.method then verbs[#verbs + 1] = verb end
      end
      table.sort(verbs)
      for _, verb in ipairs(verbs) do add_verb(command, resource, verb, rows[verb]) end
      command:epilog(("The API key comes from LOMI_API_KEY, or LOMI_SECRET_KEY, of the environment.\n\nExample:\n   "
        .. "lomi %s %s --help"):format(name, dashed(verbs[1])))
    end
  end
end

return M
