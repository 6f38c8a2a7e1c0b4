-- SPDX-License-Identifier: MIT
--- Whether to retry, after how long, and the reason either way; reads Retry-After, a date too. Pure: clock, sleep and
--- randomness belong to the caller.

local iso8601 = require "lomi.iso8601"

local M = {}

local LONGEST_RETRY_AFTER = 60 -- seconds; a caller told to wait longer is better told so at once

local KINDS = { connection = true, timeout = true }
local STATUSES = { -- 520 to 524 and 529 are a proxy's in front of the service
  [408] = true, [425] = true, [429] = true, [500] = true, [502] = true, [503] = true, [504] = true, [520] = true,
  [521] = true, [522] = true, [523] = true, [524] = true, [529] = true,
}
local MOST_SECONDS = 1e9 -- of Retry-After: more says nothing more, and may be more than JSON carries

local MONTHS = {
  Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12,
}

--- An HTTP date, such as that of a reply's `Date`; also in the two old forms.
---@param text string
---@return number|nil seconds  since the epoch; nil if not readable
function M.read_date(text)
  local day, month, year, time =
    text:match("^[A-Z][a-z][a-z], (%d%d) ([A-Z][a-z][a-z]) (%d%d%d%d) (%d%d:%d%d:%d%d) GMT$")
  if not day then
    day, month, year, time =
      text:match("^[A-Z][a-z]+day, (%d%d)%-([A-Z][a-z][a-z])%-(%d%d) (%d%d:%d%d:%d%d) GMT$")
    year = year and "20" .. year
  end
  if not day then
    month, day, time, year = text:match("^[A-Z][a-z][a-z] ([A-Z][a-z][a-z]) ([ %d]%d) (%d%d:%d%d:%d%d) (%d%d%d%d)$")
  end
  if not MONTHS[month] then return nil end
  return iso8601.parse(("%s-%02d-%sT%sZ"):format(year, MONTHS[month], (day:gsub(" ", "0")), time))
end

--- The value of a `Retry-After` header. A date is counted from the reply's own `Date`: its clock may be wrong.
---@param value? string  seconds, a fraction of them too, or an HTTP date
---@param wall_clock number  seconds since the epoch, for a reply without a readable `Date`
---@param date? string  the reply's `Date` header
---@return number|nil seconds  from now, 1e9 at most; nil: absent or unreadable
function M.retry_after(value, wall_clock, date)
  if not value then return nil end
  if value:find("^%d+$") then return math.min(tonumber(value), MOST_SECONDS) end
  local whole, thousandths = value:match("^(%d+)%.(%d%d?%d?)%d*$")
  if whole then -- not left to tonumber, which reads the locale's decimal point
    return math.min(tonumber(whole) + tonumber(thousandths) / 10 ^ #thousandths, MOST_SECONDS)
  end
  local at = M.read_date(value)
  if not at then return nil end
  return math.max(0, math.min(at - (date and M.read_date(date) or wall_clock), MOST_SECONDS))
end

---@class lomi.call.retry.Policy
---@field max_retries integer
---@field backoff { base: number, cap: number }  seconds

---@class lomi.call.retry.Attempt  How the last attempt ended.
---@field number integer  1 for the first
---@field safe boolean  a retry cannot do it twice: a GET, or with an idempotency key
---@field kind? string  of the transport's failure; nil: there was a reply
---@field final? boolean  the transport's: it would fail again
---@field status? integer  of the reply
---@field code? string  of the reply
---@field replayed? boolean
---@field retry_after? number  seconds

local function is_passing(attempt)
  if attempt.final then return false end
  if attempt.kind then return KINDS[attempt.kind] end
  return STATUSES[attempt.status] or (attempt.status == 409 and attempt.code == "idempotency_in_progress")
end

---@param policy lomi.call.retry.Policy
---@param attempt lomi.call.retry.Attempt
---@param left number  seconds until the call's deadline
---@param random number  0 to 1, for full jitter
---@return number|nil wait  seconds; nil: stop
---@return string reason
function M.decide(policy, attempt, left, random)
  if not is_passing(attempt) then return nil, "a retry would not help" end
  if attempt.replayed then return nil, "the answer is stored and would be given again" end
  if not attempt.safe then return nil, "without an idempotency key it could be done twice" end
  if attempt.number > policy.max_retries then return nil, "no retries left" end

  local backoff = policy.backoff
  local wait = random * math.min(backoff.cap, backoff.base * 2 ^ (attempt.number - 1))
  local asked = attempt.retry_after
  if asked and asked > LONGEST_RETRY_AFTER then return nil, "the service asks for too long a wait" end
  if asked and asked > wait then wait = asked end
  if wait >= left then return nil, "the deadline would pass" end
  return wait, attempt.kind or ("status " .. attempt.status)
end

return M
