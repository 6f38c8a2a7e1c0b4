-- SPDX-License-Identifier: MIT
--- The key and the payer that specs share.
return {
  KEY = "lomi_sk_test_51H8s0mething",
  AWA = { amount = 10000, currency_code = "XOF", customer_email = "awa@example.com", customer_name = "Awa Ndiaye" },
}
