-- SPDX-License-Identifier: MIT
--- How the command talks: results on standard output, errors on standard error, as text for people or as JSON, one
--- object on a line. Every line leaves at once.
---
--- Exit statuses: 0 done; 1 it failed; 2 the command line or the environment is wrong, and nothing was sent.

local ascii = require "lomi.ascii"
local core = require "lomi.core"
local errors = require "lomi.errors"
local money = require "lomi.money"
local redact = require "lomi.redact"

local M = { FAILED = 1, USAGE = 2 }

local STDOUT, STDERR = 1, 2
local COLOURS = { red = "\27[31m", green = "\27[32m", yellow = "\27[33m", dim = "\27[2m" }
local RESET = "\27[0m"

local function is_set(name)
  local value = os.getenv(name)
  return value ~= nil and value ~= ""
end

local function colours_on(fd)
  return core.isatty(fd) and not is_set "NO_COLOR" and os.getenv "TERM" ~= "dumb"
end

local function paint(fd, colour, text)
  return colour and colours_on(fd) and COLOURS[colour] .. text .. RESET or text
end

--- Whether standard output is a terminal that wants colours.
---@return boolean
function M.has_colours()
  return colours_on(STDOUT)
end

--- Nothing that comes from elsewhere may drive the terminal.
---@param value any
---@return string
function M.clean(value)
  return type(value) == "table" and "(not text)" or redact.line(tostring(value))
end

local in_progress = false -- a line that goes away is shown

--- On a terminal, a line that tells what the command waits for; the next output takes its place.
---@param text? string  nil: nothing any more
function M.progress(text)
  if in_progress then io.stderr:write "\r\27[K" end
  in_progress = text ~= nil and core.isatty(STDERR) and os.getenv "TERM" ~= "dumb"
  if in_progress then io.stderr:write(redact.sentence(text)) end
  io.stderr:flush()
end

---@return any ok
---@return string|nil why
local function write(file, text)
  if in_progress then M.progress() end
  local ok, reason = file:write(text, "\n")
  if ok then ok, reason = file:flush() end
  return ok, reason
end

-- A result that could not be written is not lost in silence; `what` names it.
local function write_result(text, what, as_json)
  local ok, reason = write(io.stdout, text)
  if ok then return 0 end
  return M.fail(as_json, ("%s cannot be written to standard output: %s"):format(what, reason))
end

--- A line on standard output. The exit status.
---@param text string
---@param colour? string
---@param what? string  names it where it cannot be written
---@return integer
function M.line(text, colour, what)
  return write_result(paint(STDOUT, colour, text), what or "a line")
end

--- Cells on standard output, two spaces apart, the first of them in a colour. The exit status.
---@param cells string[]
---@param colour? string
---@return integer
function M.row(cells, colour)
  local shown = {}
  for i, cell in ipairs(cells) do shown[i] = M.clean(cell) end
  shown[1] = paint(STDOUT, colour, shown[1])
  return write_result(table.concat(shown, "  "), "a line")
end

--- A line on standard error; what looks like a secret is taken out.
---@param text string
---@param colour? string
function M.note(text, colour)
  write(io.stderr, paint(STDERR, colour, redact.text(text)))
end

--- The same for a line that must not be changed, a command to copy.
function M.command(text)
  write(io.stderr, "  " .. text)
end

-- ---- results ------------------------------------------------------------------------------------

---@class lomi.cli.Row
---@field [1] string label
---@field [2] any nil or false: the row is left out
---@field colour? string

local function answer_of(id)
  return id ~= nil and ("the answer (%s)"):format(M.clean(id)) or "the answer"
end

--- Labels and values, aligned. The exit status.
---@param rows lomi.cli.Row[]
---@return integer
function M.block(rows)
  local width = 0
  for _, row in ipairs(rows) do
    if row[2] then width = math.max(width, #row[1]) end
  end
  local lines = {}
  for _, row in ipairs(rows) do
    if row[2] then
      lines[#lines + 1] = paint(STDOUT, "dim", row[1] .. (" "):rep(width - #row[1])) .. "  "
        .. paint(STDOUT, row.colour, M.clean(row[2]))
    end
  end
  return write_result(table.concat(lines, "\n"), answer_of(rows[1][2]))
end

--- Prints a result as JSON. The exit status.
---@param value table
---@return integer
function M.json(value)
  local text, faults = core.encode(value)
  local what = answer_of(value.id)
  if text then return write_result(text, what, true) end
  return M.fail(true, ("%s cannot be written as JSON: %s %s"):format(what, faults[1].field, faults[1].message))
end

-- ---- money --------------------------------------------------------------------------------------

local NAMES = { XOF = "F CFA" }
local MOST = 1e15 -- what has more digits is shown as it came

local function code_of(currency)
  return type(currency) == "string" and ascii.upper(currency) or ""
end

local function with_name(amount, code)
  return code == "" and amount or amount .. " " .. (NAMES[code] or code)
end

--- An amount in minor units, as a person writes it: `15.24 EUR`, `10 000 F CFA`.
---@param minor any
---@param currency any in upper or lower case
---@return string|nil  nil if there is no amount
function M.minor(minor, currency)
  if type(minor) ~= "number" then return nil end
  local code = code_of(currency)
  if math.abs(minor) >= MOST then return with_name(ascii.number(minor), code) .. " in minor units" end
  return with_name(money.figures(minor, code), code)
end

--- The same for an amount in the currency's main unit.
function M.money(amount, currency)
  if type(amount) ~= "number" then return nil end
  local code = code_of(currency)
  local minor = money.to_minor(amount, code)
  if math.abs(minor) >= MOST then return with_name(ascii.number(amount), code) end
  return M.minor(minor, currency)
end

-- ---- errors -------------------------------------------------------------------------------------

-- Leaves out the fields that JSON cannot hold, and of text what is not ASCII: any may come from elsewhere.
local function writable(fields)
  for name, value in pairs(fields) do
    if not core.encode { [name] = value } then
      fields[name] = type(value) == "string" and value:gsub("[\128-\255]", "?") or nil
    end
  end
  return fields
end

-- `message` is text; or an error object, whose fields all go into the JSON.
local function write_error(as_json, kind, message, colour)
  local is_error = errors.is_error(message)
  if not as_json then
    M.note(is_error and tostring(message) or "lomi: " .. message, colour)
    return
  end
  local fields = {}
  if is_error then
    for name, value in pairs(message) do fields[name] = value end
  else
    fields.kind, fields.message = kind, redact.text(message)
  end
  write(io.stderr, core.encode { error = fields } or core.encode { error = writable(fields) })
end

--- Tells of a failure. Gives the exit status.
---@param as_json boolean|nil
---@param err lomi.Error|string
---@return integer
function M.fail(as_json, err)
  write_error(as_json, "failure", err, "red")
  return M.FAILED
end

--- Tells that the command line or the environment is wrong. Gives the exit status.
---@param as_json boolean|nil
---@param err lomi.Error|string
---@param usage? string
---@return integer
function M.refuse(as_json, err, usage)
  if usage and not as_json then M.note(usage) end
  write_error(as_json, "usage", err, "red")
  return M.USAGE
end

return M
