-- SPDX-License-Identifier: MIT
--- The end of an error's message: what to do about an unknown outcome, or a reused key. Pure.

---@param err lomi.Error
---@param operation lomi.contract.Operation
---@return string|nil
return function(err, operation)
  if err.code == "idempotency_key_reused" then
    return "the key came with another body before, and that request stands: use a new key for a new charge"
  end
  if err.outcome ~= "unknown" or err.code == "amount_mismatch" then return nil end -- that one's message says it
  if err.replayed and err.status >= 500 then
    return "this answer is stored under the idempotency key and would be given again: look it up instead"
  end
  local unknown = "whether it was carried out is unknown: "
  if operation.ignores_key then return unknown .. "look it up; this operation ignores idempotency keys" end
  if not err.idempotency_key then return unknown .. "look it up before a retry" end
  return unknown .. "retry with the same idempotency_key"
end
