-- SPDX-License-Identifier: MIT
--- A line per request, for people who watch the sandbox in a terminal.

local redact = require "lomi.redact"

local clean = redact.line

local M = {}

local RESET, DIM, YELLOW = "\27[0m", "\27[2m", "\27[33m"

local function status_colour(status)
  if not status or status >= 500 then return "\27[31m" end
  return status >= 400 and YELLOW or "\27[32m"
end

---@param style "plain"|"colour"
---@param call lomi.sandbox.Call
---@param entry lomi.sandbox.Entry answered by now
---@param seconds number it took
---@param now number seconds since the epoch
---@return string
function M.line(style, call, entry, seconds, now)
  local function paint(colour, text) return style == "colour" and colour .. text .. RESET or text end
  local parts = {
    paint(DIM, os.date("%H:%M:%S", math.floor(now))), entry.method, clean(entry.path),
    paint(status_colour(entry.status), entry.status and ("%d"):format(entry.status) or "---"),
    paint(DIM, ("%.1f ms"):format(seconds * 1000)),
  }
  if call.charge then parts[#parts + 1] = call.charge.id .. " " .. call.charge.status end
  if call.replayed then parts[#parts + 1] = "(replayed)" end
  if call.fault then parts[#parts + 1] = paint(YELLOW, "fault: " .. clean(call.fault)) end
  for _, warning in ipairs(call.warnings) do
    parts[#parts + 1] = paint(YELLOW, "warning: " .. redact.sentence(warning))
  end
  if call.bug then parts[#parts + 1] = paint("\27[31m", "bug: " .. redact.sentence(call.bug)) end
  return table.concat(parts, "  ")
end

--- Prints the line.
---@return boolean written  false: standard output takes no more
function M.request(...)
  return io.stdout:write(M.line(...), "\n") ~= nil and io.stdout:flush() ~= nil
end

return M
