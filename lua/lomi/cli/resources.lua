-- SPDX-License-Identifier: MIT
--- `lomi RESOURCE VERB`: every operation of the contract as a command, made from the contract's data. Charges have
--- commands of their own.

local ascii = require "lomi.ascii"
local contract = require "lomi.contract"
local convert = require "lomi.cli.convert"
local core = require "lomi.core"
local output = require "lomi.cli.output"
local service = require "lomi.cli.service"

local M = {}

local STDIN = 0

-- ---- what is typed --------------------------------------------------------------------------------

local function dashed(name)
  return (ascii.lower((name:gsub("([a-z])([A-Z])", "%1_%2"))):gsub("_", "-"))
end

-- "transaction_id" is typed --transaction, or --transaction-id.
local function option_of(name)
  local long = "--" .. dashed(name)
  local short = long:gsub("%-id$", ""):gsub("%-code$", "")
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

local function add_field(command, field, names)
  local short, long = option_of(field.name)
  names[field.name] = short
  if field.name == "metadata" then
    command:option("--metadata"):argname("NAME=VALUE"):args("+"):count("*"):convert(convert.metadata)
      :description "As strings; may be repeated."
    return
  end
  local option = command:option(short == long and short or short .. " " .. long):target(field.name):overwrite(false)
  if field.items == "string" then
    option { argname = "TEXT", args = "+", description = describe(field) }
    return
  end
  local kind = TYPES[field.type]
  option { argname = kind[1], choices = field.enum, description = describe(field),
    convert = kind[2] and function(text) return kind[2](text, short) end or nil }
end

local YES = { yes = true, no = false }

---@return table|nil params
---@return string|nil wrong
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
    return ("%.14g"):format(value)
  end
  if type(value) == "boolean" then return tostring(value) end
  return type(value) == "string" and value or nil
end

-- The field that names a record: that of the operation, or the first that looks like it.
local function id_field(record, row)
  if row.id and record[row.id] then return row.id end
  local found
  for name in pairs(record) do
    if name:find("_id$") and type(record[name]) == "string" and name ~= "organization_id"
      and (not found or name < found) then
      found = name
    end
  end
  return found
end

local function show_record(record, row, reply)
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

local function show_list(page, row)
  if not page.data[1] then return output.line "none" end
  local status = 0
  for _, record in ipairs(page.data) do
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
    status = math.max(status, output.line(table.concat(cells, "  ")))
  end
  if page.next_cursor then output.note("more: --cursor " .. output.clean(page.next_cursor), "dim") end
  return status
end

-- ---- the commands ---------------------------------------------------------------------------------

-- Whether the person at the terminal wants it.
local function is_wanted(preview)
  local rows = {}
  for name in pairs(preview.preview or {}) do
    local text = shown(preview.preview, name)
    if text then rows[#rows + 1] = ("  %s: %s"):format(output.clean(name), output.clean(text)) end
  end
  table.sort(rows)
  output.note "Nothing has been moved yet. This would be done:"
  for _, line in ipairs(rows) do output.note(line) end
  io.stderr:write("Do it? [y/N] ")
  io.stderr:flush()
  local answer = io.read("*l") or ""
  return answer == "y" or answer == "Y" or answer == "yes"
end

local function ask_and_confirm(args, typed, object, preview)
  if not args.yes and not is_wanted(preview) then
    return nil, output.fail(args.json, "not confirmed: nothing was moved")
  end
  return service.change(args, typed, function() return object:confirm(preview) end)
end

local function runner(resource, verb, row, ids)
  return function(args, typed)
    local params, wrong
    local dto = row.params or row.query
    if dto then
      params, wrong = params_of(args, dto)
      if wrong then return output.refuse(args.json, wrong) end
    end
    if row.asks_twice and not args.yes and not (core.isatty and core.isatty(STDIN)) then
      return output.refuse(args.json, "money that leaves asks twice, and there is no terminal to ask on: give --yes")
    end
    local client, unfit = service.new_client(args)
    if not client then return output.refuse(args.json, unfit) end
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
    if args.json then return output.json(result) end
    if row.gives == "list" then return show_list(result, row) end
    return show_record(result, row, reply)
  end
end

local function add_verb(parent, resource, verb, row)
  local command = parent:command(dashed(verb), ("%s %s"):format(row.method, row.path))
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
  service.add_common(command, runner(resource, verb, row, ids), names, "Print the whole answer as JSON; errors too.")
end

--- Adds a command for every resource; the verbs are read only of the one that is typed.
---@param parser table  of argparse
---@param typed string[]
function M.add(parser, typed)
  local resources = {}
  for name in pairs(contract.resources) do
    if name ~= "charges" then resources[#resources + 1] = name end
  end
  table.sort(resources)
  for _, resource in ipairs(resources) do
    local name = dashed(resource)
    local command = parser:command(name, ("The API's %s: lomi %s --help."):format(resource:gsub("_", " "), name))
    if typed[1] == name then
      local rows, verbs = require(contract.resources[resource]), {}
      for verb, row in pairs(rows) do
        if row.method then verbs[#verbs + 1] = verb end
      end
      table.sort(verbs)
      for _, verb in ipairs(verbs) do add_verb(command, resource, verb, rows[verb]) end
      command:epilog(("The API key comes from LOMI_API_KEY, or LOMI_SECRET_KEY, of the environment.\n\nExample:\n   "
        .. "lomi %s %s"):format(name, dashed(verbs[1]) .. " --help"))
    end
  end
end

return M
