-- SPDX-License-Identifier: MIT
--- The charge that every contender makes, and the headers our client sends it with.
local lomi = require "lomi"

local M = {
  KEY = "lomi_sk_test_bench",
  PARAMS = {
    amount = 10000, currency_code = "XOF", customer_email = "awa@example.com", customer_name = "Awa Ndiaye",
    metadata = { order_id = "ORD-1" },
  },
}

---@return table<string, string> headers  without Host and Content-Length; the same in every run
function M.headers()
  local headers
  local spy = { now = os.clock, sleep = os.clock, send = function(_, request)
    headers = request.headers
    return nil, "only looking"
  end }
  local client = lomi.new { api_key = M.KEY, transport = spy, max_retries = 0 }
  client.charges:create_card_charge(M.PARAMS, { idempotency_key = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d" })
  return headers
end

return M
