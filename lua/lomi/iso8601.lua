-- SPDX-License-Identifier: MIT
--- The timestamps of the API (`2026-11-22T10:00:00.000Z`) as seconds. Arithmetic only: no time zone of the machine, no
--- locale has a say.

local floor = math.floor

local M = {}

local DAYS_BEFORE_MONTH = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 }
local DAYS_IN_MONTH = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function is_leap(year)
  return year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
end

-- Days from 0001-01-01 (proleptic Gregorian).
local function day_number(year, month, day)
  local y = year - 1
  local days = 365 * y + floor(y / 4) - floor(y / 100) + floor(y / 400) + DAYS_BEFORE_MONTH[month] + day - 1
  if month > 2 and is_leap(year) then days = days + 1 end
  return days
end

local EPOCH_DAY = day_number(1970, 1, 1)

-- "Z", "+01:00", "-09:30" in seconds east of UTC.
local function parse_offset(text)
  if text == "Z" then return 0 end
  local sign, hours, minutes = text:match("^([+-])(%d%d):(%d%d)$")
  if not sign then return nil end
  hours, minutes = tonumber(hours), tonumber(minutes)
  if hours > 23 or minutes > 59 then return nil end
  local seconds = hours * 3600 + minutes * 60
  return sign == "-" and -seconds or seconds
end

--- Reads the full form only: date, `T`, time with seconds, an optional fraction, `Z` or an offset. A date that does not
--- exist, a leap second, a missing offset give nil.
---@param text any
---@return number|nil seconds since 1970-01-01T00:00:00Z, with the fraction down to nanoseconds; nil if not readable
function M.parse(text)
  if type(text) ~= "string" then return nil end
  local year, month, day, hour, minute, second, rest =
    text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)T(%d%d):(%d%d):(%d%d)(.*)$")
  if not year then return nil end
  local fraction, zone = rest:match("^%.(%d+)(.*)$")
  local offset = parse_offset(zone or rest)
  if not offset then return nil end

  year, month, day = tonumber(year), tonumber(month), tonumber(day)
  hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second)
  if month < 1 or month > 12 then return nil end
  local last = (month == 2 and is_leap(year)) and 29 or DAYS_IN_MONTH[month]
  if day < 1 or day > last or hour > 23 or minute > 59 or second > 59 then return nil end

  local days = day_number(year, month, day) - EPOCH_DAY
  local seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset
  if fraction then
    fraction = fraction:sub(1, 9)
    seconds = seconds + tonumber(fraction) / 10 ^ #fraction
  end
  return seconds
end

return M
