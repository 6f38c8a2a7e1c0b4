-- SPDX-License-Identifier: MIT
--- The fate of a request that changes something: a payments developer must know it when a call fails. Pure.
--- Told from whether bytes may have left and what was answered, never from the kind of the last error.

local M = {}

--- One attempt.
---@param failure? { sent: boolean? }  of the transport; nil: there was a reply. `sent` missing means true
---@param status? integer  of the reply
---@param code? string  `error.code` of a reply in the contract's error shape; nil: it has another shape
---@return lomi.Outcome
function M.of_attempt(failure, status, code)
  if failure then return failure.sent == false and "not_sent" or "unknown" end
  local refused = code and status >= 400 and status < 500
  -- These two say that it may be, or is being, carried out.
  if refused and status ~= 408 and code ~= "idempotency_in_progress" then return "rejected" end
  return "unknown"
end

--- A call so far, and one attempt more.
---@param before? lomi.Outcome  nil before the first attempt
---@param attempt lomi.Outcome
---@param replayed boolean  the attempt's answer is the stored one of an earlier request with the same key
---@return lomi.Outcome
function M.of_call(before, attempt, replayed)
  if attempt == "rejected" and replayed then return "rejected" end -- the true answer to whatever was unknown
  if before == "unknown" or attempt == "unknown" then return "unknown" end
  if before == "rejected" then return "rejected" end
  return attempt
end

return M
