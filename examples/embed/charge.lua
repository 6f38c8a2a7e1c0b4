-- SPDX-License-Identifier: MIT
-- Run by the host: creates a charge of 10 000 F CFA at the API whose address is the first argument (a sandbox's, say);
-- without one, at the real API.
local lomi = require "lomi"

local client = lomi.new { api_key = os.getenv("LOMI_API_KEY") or "lomi_sk_test_embedded", base_url = ... }
local charge, err = client.charges:create_card_charge {
  amount = 10000, currency_code = "XOF", customer_email = "awa@example.com", customer_name = "Awa Ndiaye",
}
if not charge then error(tostring(err), 0) end
print(charge.id, charge.original_amount, charge.status)
