-- SPDX-License-Identifier: MIT
-- Ours: blocking, or so many charges at a time on a loop.
local order = require "bench.order"

local M = { needs = {} }

function M.new(site, at_once)
  local lomi = require "lomi"
  local loop = at_once ~= "" and lomi.loop() or nil
  local client = lomi.new { api_key = order.KEY, base_url = site.origin, ca_file = site.ca_file, transport = loop }

  local function charge()
    local result, err = client.charges:create_card_charge(order.PARAMS)
    if not result then error(tostring(err), 0) end
    return result.client_secret
  end
  if not loop then return charge end

  return charge, function(count, once) -- a task for each
    while count > 0 do
      local tasks = {}
      for i = 1, math.min(count, tonumber(at_once)) do tasks[i] = loop:spawn(once) end
      loop:run()
      for _, task in ipairs(tasks) do task:result() end
      count = count - #tasks
    end
  end
end

return M
