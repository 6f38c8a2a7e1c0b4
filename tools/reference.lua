-- SPDX-License-Identifier: MIT
--- Prints docs/reference.md, made from the comments of the sources and from `lomi --help`. From the tree's root, with
--- the modules built: make reference. A public name without a comment raises, and so does a reference to nothing.

local luacats = dofile "tools/luacats.lua"

local M = {}

-- The interpreter of the same kind: it finds the same modules.
local LUA = rawget(_G, "jit") and "luajit" or _VERSION:lower():gsub(" ", "")

local SOURCES = {
  "lua/lomi.lua", "lua/lomi/client.lua", "lua/lomi/config.lua", "lua/lomi/contract/charges.lua",
  "lua/lomi/contract/dto.lua", "lua/lomi/errors.lua", "lua/lomi/call/attempts.lua", "lua/lomi/call/schema.lua",
  "lua/lomi/call/shapes.lua", "lua/lomi/webhook.lua", "lua/lomi/loop.lua",
  "lua/lomi/transport/init.lua", "lua/lomi/sandbox/init.lua", "lua/lomi/sandbox/server/request_journal.lua",
  "lua/lomi/sandbox/server/views.lua", "lua/lomi/sandbox/server/deliveries.lua",
  "lua/lomi/sandbox/server/faults.lua", "lua/lomi/sandbox/server/chaos.lua",
}

-- The merchant's resources, in order.
local RESOURCES = {}
for name in pairs(require("lomi.contract").resources) do
  if name ~= "charges" then
    RESOURCES[#RESOURCES + 1] = name
    SOURCES[#SOURCES + 1] = "lua/lomi/contract/" .. name .. ".lua"
  end
end
table.sort(RESOURCES)
SOURCES[#SOURCES + 1] = "types/lomi/tables.lua" -- what the tables in them say

-- All that was read, and what has been written of it.
local function new_book()
  local book = { files = {}, types = {}, out = {}, told = {}, used = {} }
  for _, path in ipairs(SOURCES) do
    local file = luacats.read(path)
    book.files[path] = file
    luacats.add_types(book.types, file)
  end
  return book
end

local function write(book, format, ...)
  book.out[#book.out + 1] = select("#", ...) > 0 and format:format(...) or format
end

local function paragraph(book, text)
  if text ~= "" then write(book, "%s\n", text) end
end

-- ---- pieces --------------------------------------------------------------------------------------

local function anchor(heading)
  return (heading:lower():gsub("[^%w%- ]", ""):gsub(" ", "-"))
end

local function code(text)
  return text == "" and "" or "`" .. text:gsub("|", "\\|") .. "`"
end

-- A type in a table, our own names in it as links.
local function type_cell(book, type)
  local parts, done = {}, 1
  for from, name, to in type:gmatch("()(lomi%.[%w_.]*%w)()") do
    if not book.types[name] then error(name .. " is used, and is not in the sources of the reference") end
    book.used[name] = true
    parts[#parts + 1] = code(type:sub(done, from - 1))
    parts[#parts + 1] = ("[%s](#%s)"):format(code(name), anchor(name))
    done = to
  end
  parts[#parts + 1] = code(type:sub(done))
  return table.concat(parts)
end

local function rows(book, fields)
  write(book, "| | | |\n|---|---|---|")
  for _, field in ipairs(fields) do
    local name, text = field.name .. (field.optional and "?" or ""), field.text:gsub("\n", " "):gsub("|", "\\|")
    write(book, "| %s | %s | %s |", code(name), type_cell(book, field.type), text)
  end
  write(book, "")
end

local function returns(book, list)
  local parts = {}
  for i, value in ipairs(list) do
    local part = type_cell(book, value.type):gsub("\\|", "|") -- no table here
    local name = value.name:match("^%w+$") and (" *%s*"):format(value.name) or ""
    local text = value.text ~= "" and (name ~= "" and ": " or " ") .. value.text or ""
    parts[i] = part .. name .. text
  end
  if #parts > 0 then write(book, "Returns %s.\n", table.concat(parts, "; ")) end
end

-- A function's part: its heading, its comment, its arguments and results.
local function function_part(book, name, params, results, text, wire)
  local names = {}
  for i, param in ipairs(params) do names[i] = param.name .. (param.optional and "?" or "") end
  write(book, "### `%s(%s)`\n", name, table.concat(names, ", "))
  if wire then write(book, "`%s`\n", wire) end
  if text == "" then error(name .. " has no comment") end
  paragraph(book, text)
  if #params > 0 then rows(book, params) end
  returns(book, results)
end

-- ---- what the pages below are made of --------------------------------------------------------------

local function find_type(book, name)
  local found = book.types[name] or error("there is no " .. name)
  if book.told[name] then error(name .. " is told twice") end
  book.told[name] = true
  return found
end

local function class(book, name)
  local found = find_type(book, name)
  write(book, "### %s\n", name)
  paragraph(book, found.text)
  local parents = {}
  for i, parent in ipairs(found.parents) do parents[i] = "all of " .. type_cell(book, parent) end
  if parents[1] then write(book, "%s, and:\n", table.concat(parents, ", "):gsub("^a", "A")) end
  rows(book, found.fields)
end

-- A class whose fields are functions, each a part of its own; its other fields come first.
local function methods(book, name, prefix, operations)
  local found = find_type(book, name)
  local values, calls = {}, {}
  for _, field in ipairs(found.fields) do
    table.insert(field.type:find("^fun%(") and calls or values, field)
  end
  write(book, "### %s\n", name)
  paragraph(book, found.text)
  if #values > 0 then rows(book, values) end
  for _, field in ipairs(calls) do
    local params, results = luacats.signature(field.type)
    local operation = operations and operations[field.name]
    if operation and not operation.method then
      operation = operations[operation.pages_of or operation.confirms]
    end
    local wire = operation and operation.method .. " " .. operation.path
    function_part(book, prefix .. field.name, params, results, field.text, wire)
  end
end

local function alias(book, name)
  local found = find_type(book, name)
  write(book, "### %s\n", name)
  paragraph(book, found.text)
  local names, told = {}, false
  for i, value in ipairs(found.values) do
    names[i], told = code(value.value), told or value.text ~= ""
  end
  if not told then
    write(book, "%s\n", table.concat(names, ", "))
    return
  end
  write(book, "| | |\n|---|---|")
  for i, value in ipairs(found.values) do write(book, "| %s | %s |", names[i], value.text) end
  write(book, "")
end

local function check_params(fun)
  local i = 0
  for name in fun.args:gmatch("[%w_.]+") do
    i = i + 1
    local param = fun.params[i]
    if not param or param.name ~= name then error(("%s: no @param %s, or not in its place"):format(fun.name, name)) end
  end
  if #fun.params > i then error(("%s has no parameter %s"):format(fun.name, fun.params[i + 1].name)) end
end

-- The functions of a table in a file: "M" as "lomi.", "Loop" as "loop:".
local function functions(book, path, owner, prefix)
  for _, name in ipairs(book.files[path].bare) do
    if name:find("^" .. owner .. "[.:]") then error(path .. ": " .. name .. " has no comment") end
  end
  for _, fun in ipairs(book.files[path].functions) do
    local name = fun.name:match("^" .. owner .. "[.:](.*)$")
    if name then
      check_params(fun)
      function_part(book, prefix .. name, fun.params, fun.returns, fun.text)
    end
  end
end

-- The help of a command and of all it has.
local function help(book, command)
  local pipe = assert(io.popen(("%s lua/lomi/cli.lua %s --help"):format(LUA, command)))
  local text = pipe:read("*a")
  pipe:close()
  if not text:find("^Usage: lomi") then error("lomi " .. command .. " --help says nothing") end
  write(book, "### `%s`\n\n```text\n%s```\n", ("lomi " .. command):gsub(" $", ""), text)
  local commands = text:match("\nCommands:\n(.-)\n\n") or ""
  for name in ("\n" .. commands):gmatch("\n   (%a+) ") do
    -- The commands of resources say no more than the resources' own chapters.
    if name == "charge" or not book.files[("lua/lomi/contract/%s.lua"):format(name)] then
      help(book, (command .. " " .. name):gsub("^ ", ""))
    end
  end
end

-- The operations under /_sandbox, from its routes.
local function routes(book)
  local file = assert(io.open "lua/lomi/sandbox/server/admin.lua")
  local source = file:read("*a")
  file:close()
  write(book, "| | |\n|---|---|")
  for method, path in source:gmatch('{ "(%u+)", "(/_sandbox[^"]*)"') do
    write(book, "| `%s` | `%s` |", method, path)
  end
  write(book, "")
end

-- All of a resource: its methods, then what they take and give.
local function resource(book, name)
  local file = book.files["lua/lomi/contract/" .. name .. ".lua"]
  local classes = file.classes
  methods(book, classes[#classes].name, ("client.%s:"):format(name), require("lomi.contract." .. name))
  for i = 1, #classes - 1 do class(book, classes[i].name) end
end

-- "payment_links" as a heading: "Payment links".
local function title(name)
  return (name:gsub("_", " "):gsub("^%l", string.upper))
end

-- ---- the pages -----------------------------------------------------------------------------------

local PAGES = {
  { "Clients", function(book)
    functions(book, "lua/lomi.lua", "M", "lomi.")
    class(book, "lomi")
    class(book, "lomi.Options")
    class(book, "lomi.Backoff")
    methods(book, "lomi.Client", "client:")
    class(book, "lomi.RequestOptions")
  end },
  { "Charges", function(book)
    methods(book, "lomi.Charges", "client.charges:", require "lomi.contract.charges")
    class(book, "lomi.CallOptions")
    class(book, "lomi.ScenarioOptions")
  end },
  { "The fields of a charge", function(book)
    for _, name in ipairs { "CreateCardCharge", "CaptureCardCharge", "IncrementCardHold", "CreateWaveCharge",
      "CreateMtnCharge", "MobileCustomer", "PlatformFields", "TransferData" } do
      class(book, "lomi." .. name)
    end
  end },
  { "Results", function(book)
    class(book, "lomi.CardCharge")
    alias(book, "lomi.CardStatus")
    for _, name in ipairs { "Appearance", "Transaction", "CanceledCharge", "MobileCharge", "MtnTransaction",
      "NextAction", "Reply", "AttemptEvent" } do
      class(book, "lomi." .. name)
    end
  end },
  { "Lists and previews", function(book)
    class(book, "lomi.PageQuery")
    class(book, "lomi.PeriodQuery")
    class(book, "lomi.Page")
    class(book, "lomi.Record")
    class(book, "lomi.PayerPage")
    class(book, "lomi.Preview")
  end },
  { "Errors", function(book)
    class(book, "lomi.Error")
    class(book, "lomi.Fault")
    alias(book, "lomi.ErrorKind")
    alias(book, "lomi.Outcome")
    alias(book, "lomi.ErrorCode")
    alias(book, "lomi.ServiceCode")
  end },
  { "Webhooks", function(book)
    book.told["lomi.webhook"] = true
    write(book, "### lomi.webhook\n")
    paragraph(book, book.files["lua/lomi/webhook.lua"].header)
    functions(book, "lua/lomi/webhook.lua", "M", "lomi.webhook.")
    class(book, "lomi.webhook.Options")
    class(book, "lomi.webhook.Event")
    alias(book, "lomi.webhook.EventName")
    class(book, "lomi.webhook.PaymentData")
  end },
  { "The loop", function(book)
    class(book, "lomi.Loop")
    functions(book, "lua/lomi/loop.lua", "Loop", "loop:")
    book.told["lomi.Task"] = true
    write(book, "### lomi.Task\n")
    paragraph(book, book.types["lomi.Task"].text)
    functions(book, "lua/lomi/loop.lua", "Task", "task:")
  end },
  { "Transports", function(book)
    methods(book, "lomi.Transport", "transport:")
    class(book, "lomi.Request")
    class(book, "lomi.RawReply")
    class(book, "lomi.Failure")
  end },
  { "The sandbox", function(book)
    local path = "lua/lomi/sandbox/init.lua"
    functions(book, path, "M", 'require("lomi.sandbox").')
    class(book, "lomi.sandbox.Options")
    class(book, "lomi.sandbox.RateLimit")
    class(book, "lomi.Sandbox")
    functions(book, path, "Sandbox", "sandbox:")
    for _, name in ipairs { "FaultOptions", "ChaosOptions", "WebhookOptions", "ReceivedWebhook", "Entry",
      "ListedCharge", "SentWebhook", "Stats" } do
      class(book, "lomi.sandbox." .. name)
    end
    write(book, "### Over HTTP\n")
    paragraph(book, [[
The requests behind the methods, for other languages. A body is a JSON object: the method's options, and its
arguments by name (`advance`, `card`, `event`, …). An answer is `{"data": …}`, or an error in the API's shape that says
what would be right. Lists come in pages: `next` is the `?from=` of the next one.]])
    routes(book)
  end },
  { "The command", function(book) help(book, "") end },
}

for i, name in ipairs(RESOURCES) do
  local heading = name == "webhooks" and "Webhook endpoints" or title(name)
  table.insert(PAGES, 5 + i, { heading, function(book) resource(book, name) end })
end

---@return string markdown
function M.text()
  local book = new_book()
  write(book, "<!-- Made by tools/reference.lua (make reference); changes belong into the comments of the sources. -->")
  write(book, "# Reference\n")
  paragraph(book, [[
Types are written as in LuaCATS: `?` after a name or a type means that it may be nil, `|` means or, `T[]` is a list of
T. Defaults stand in parentheses, at the end. Amounts of charges are in the currency's main unit, those of all other
resources in minor units (whole cents of USD and EUR, whole francs of XOF); times are in seconds, unless it says
otherwise.]])
  for _, page in ipairs(PAGES) do write(book, "- [%s](#%s)", page[1], anchor(page[1])) end
  write(book, "")
  for _, page in ipairs(PAGES) do
    write(book, "## %s\n", page[1])
    page[2](book)
  end
  for name in pairs(book.used) do
    if not book.told[name] then error(name .. " is referred to, and not in the reference") end
  end
  return (table.concat(book.out, "\n"):gsub("\n\n\n+", "\n\n"):gsub("\n+$", "\n"))
end

local script = rawget(_G, "arg") and arg[0]
if script and debug.getinfo(1, "S").source == "@" .. script then io.write(M.text()) end

return M
