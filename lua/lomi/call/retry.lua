-- SPDX-License-Identifier: MIT
--- When to ask again, how long to wait first, and why (not). Pure: clock, sleep and randomness belong to the caller.

local iso8601 = require "lomi.iso8601"

local M = {}

local LONGEST_RETRY_AFTER = 60 -- seconds; a caller told to wait longer is better told so at once

local KINDS = { connection = true, timeout = true }
local STATUSES = { [408] = true, [429] = true, [500] = true, [502] = true, [503] = true, [504] = true }

local MONTHS = {}
for month in ("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"):gmatch("[A-Za-z]+") do
  MONTHS[#MONTHS + 1] = month
  MONTHS[month] = #MONTHS
end

--- The value of a `Retry-After` header.
---@param value? string  seconds, or an HTTP date
---@param wall_clock number  seconds since the epoch
---@return number|nil seconds  from now; nil: absent or unreadable
function M.retry_after(value, wall_clock)
  if not value then return nil end
  if value:find("^%d+$") then return tonumber(value) end
  local day, month, year, time = value:match("^[A-Z][a-z]+, (%d%d) ([A-Z][a-z]+) (%d%d%d%d) (%d%d:%d%d:%d%d) GMT$")
  if not MONTHS[month] then return nil end
  local at = iso8601.parse(("%s-%02d-%sT%sZ"):format(year, MONTHS[month], day, time))
  return at and math.max(0, at - wall_clock)
end

---@class lomi.call.retry.Policy
---@field max_retries integer
---@field backoff { base: number, cap: number }  seconds

---@class lomi.call.retry.Attempt  How the last attempt ended.
---@field number integer  1 for the first
---@field safe boolean  asking again cannot do it twice: a GET, or with an idempotency key
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
  if not is_passing(attempt) then return nil, "asking again would not help" end
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
