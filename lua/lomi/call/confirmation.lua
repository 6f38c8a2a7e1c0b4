-- SPDX-License-Identifier: MIT
--- A payout, a refund or an instant settlement takes two calls: the first gives a preview, the second moves the money.

local M = {}

local STRINGS = { "confirmation_token", "idempotency_key" }

--- Adds to a preview what `confirm` sends with its token.
---@param preview table  as the service gave it
---@param params table
---@param opts lomi.CallOptions
---@param key string  the call's idempotency key
---@return lomi.Preview
function M.complete(preview, params, opts, key)
  preview.params, preview.extra, preview.account, preview.idempotency_key = {}, opts.extra, opts.account, key
  for name, value in next, params do
    if name ~= "confirmation_token" then preview.params[name] = value end
  end
  return preview
end

--- The second call's arguments. A preview may come from storage: what is wrong with it is told, not raised.
---@param preview any
---@param opts lomi.CallOptions|nil
---@return table|nil params
---@return lomi.CallOptions|nil opts
---@return lomi.Fault[]|nil faults
function M.second_call(preview, opts)
  if type(preview) ~= "table" then
    return nil, nil, { { field = "preview", message = "must be what the first call gave, not a " .. type(preview) } }
  end
  local faults = {}
  for _, name in ipairs(STRINGS) do
    if type(preview[name]) ~= "string" then
      faults[#faults + 1] = { field = "preview." .. name, message = "is missing: give what the first call gave" }
    end
  end
  if type(preview.params) ~= "table" then
    faults[#faults + 1] = { field = "preview.params", message = "is missing: give what the first call gave" }
  end
  if opts and opts.idempotency_key ~= nil and opts.idempotency_key ~= preview.idempotency_key then
    faults[#faults + 1] = { field = "idempotency_key", message = "must be the preview's; leave it out" }
  end
  if faults[1] then return nil, nil, faults end

  local params, all = {}, {}
  for name, value in next, preview.params do params[name] = value end
  for name, value in next, opts or {} do all[name] = value end
  params.confirmation_token = preview.confirmation_token
  all.idempotency_key = preview.idempotency_key
  if all.account == nil then all.account = preview.account end
  if all.extra == nil then all.extra = preview.extra end
  return params, all
end

return M
