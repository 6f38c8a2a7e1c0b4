-- SPDX-License-Identifier: MIT
--- Card, Wave and MTN charges: the API's page on card charges (`CreateCardChargeDto`) and its reference, as data.

local dto = require "lomi.contract.dto"

-- Digits after the decimal point an amount of each may have. XOF has no minor unit.
local DECIMALS = { XOF = 0, USD = 2, EUR = 2 }

-- For platforms: these fields go with every kind of charge.

---@class lomi.TransferData
local TransferData = dto.new("transfer_data", {
  { name = "destination", type = "string", required = true, filled = true }, -- the account that is paid, `acct_…`
  { name = "amount", type = "number", above = 0 }, -- above 0, in the unit of the charge; nil: all of it
})

---@class lomi.PlatformFields
local PLATFORM_FIELDS = {
  -- 0 or more, in the unit of the charge: what a platform keeps of it
  { name = "application_fee_amount", type = "number", least = 0 },
  { name = "transfer_data", type = "object", dto = TransferData }, -- the account that receives the rest
  { name = "transfer_group", type = "string" }, -- a name that ties charges and transfers together
}

--- The customer is a `customer_id`, or a `customer_email` and a `customer_name`; half a pair is refused here, none at
--- all by the live service.
---@class lomi.CreateCardCharge: lomi.PlatformFields
local CreateCardCharge = dto.new("charges:create_card_charge", {
  -- above 0; in XOF, which has no decimals, 10000 is 10 000 F CFA; in USD and EUR see `amounts`
  { name = "amount", type = "number", required = true, above = 0 },
  { name = "currency_code", type = "string", enum = dto.CURRENCIES }, -- the service's default is XOF
  -- the old name of `currency_code`; given both, they must be equal
  { name = "currency", type = "string", enum = dto.CURRENCIES },
  { name = "customer_id", type = "string", format = "uuid4" }, -- a UUID v4
  -- an address like `awa@example.com`; goes together with `customer_name`
  { name = "customer_email", type = "string", format = "email" },
  -- not blank, 255 bytes at most; goes together with `customer_email`
  { name = "customer_name", type = "string", filled = true, longest = 255 },
  { name = "customer_phone", type = "string", longest = 64 }, -- in any notation, 64 bytes at most
  { name = "description", type = "string" }, -- shown in payment providers and logs
  { name = "payment_reference", type = "string" }, -- your own reference, for reconciliation
  { name = "product_id", type = "string", format = "uuid" }, -- a UUID, for reconciliation
  { name = "subscription_id", type = "string", format = "uuid" }, -- a UUID, for reconciliation
  { name = "quantity", type = "number" }, -- for reconciliation
  { name = "metadata", type = "object" }, -- kept with the charge and given back in its webhooks; no list at the top
  { name = "appearance_theme", type = "string", enum = { "light", "dark", "flat" } }, -- the theme of the payment form
  { name = "appearance_border_radius", type = "number", least = 0 }, -- px, 0 or more
  { name = "appearance_billing_address", type = "string", enum = { "auto", "never" } }, -- whether the form asks for it
  { name = "hold", type = "boolean" }, -- block the amount now, capture it later
  PLATFORM_FIELDS,
}, {
  { rule = "same", fields = { "currency_code", "currency" } },
  { rule = "together", fields = { "customer_email", "customer_name" }, unless = "customer_id" },
  { rule = "decimals", field = "amount", currency = { "currency_code", "currency" }, default = "XOF",
    decimals = DECIMALS },
})

---@class lomi.CaptureCardCharge
local CaptureCardCharge = dto.new("charges:capture_card_charge", {
  -- above 0, in the unit and currency of the charge; nil: all that is held. The rest is released
  { name = "amount", type = "number", above = 0 },
}, { { rule = "decimals", field = "amount" } })

---@class lomi.IncrementCardHold
local IncrementCardHold = dto.new("charges:increment_card_hold", {
  -- the new total, above what is held now; in the unit and currency of the charge
  { name = "amount", type = "number", required = true, above = 0 },
}, { { rule = "decimals", field = "amount" } })

---@class lomi.MobileCustomer
local MobileCustomer = dto.new("customer", {
  { name = "name", type = "string", required = true, filled = true, longest = 255 }, -- not blank
  -- E.164, like `+2250700000000`, or as dialled at home
  { name = "phoneNumber", type = "string", required = true, format = "phone" },
  { name = "email", type = "string", format = "email" }, -- an address like `awa@example.com`
})

---@class lomi.CreateWaveCharge: lomi.PlatformFields
local CreateWaveCharge = dto.new("charges:create_wave_charge", {
  { name = "amount", type = "number", required = true, least = 1 }, -- in the currency's main unit, 1 or more
  -- such as `XOF`, which takes no decimals; not blank
  { name = "currency", type = "string", required = true, filled = true },
  { name = "customer", type = "object", required = true, dto = MobileCustomer }, -- the payer
  { name = "description", type = "string" },
  { name = "environment", type = "string" }, -- the service checks it; the client does not
  { name = "successUrl", type = "string" }, -- where the payer comes back to after paying
  { name = "errorUrl", type = "string" }, -- where the payer comes back to after failing to pay
  PLATFORM_FIELDS,
}, { { rule = "decimals", field = "amount", currency = { "currency" }, decimals = DECIMALS } })

---@class lomi.CreateMtnCharge: lomi.PlatformFields
local CreateMtnCharge = dto.new("charges:create_mtn_charge", {
  { name = "amount", type = "integer", required = true, least = 1 }, -- whole, in the currency's main unit, 1 or more
  -- such as `XOF`, which takes no decimals; not blank
  { name = "currency", type = "string", required = true, filled = true },
  { name = "customer", type = "object", required = true, dto = MobileCustomer }, -- the payer
  { name = "description", type = "string" },
  { name = "environment", type = "string" }, -- the service checks it; the client does not
  { name = "countryCode", type = "string", format = "country" }, -- ISO 3166, two letters; the service's default is CI
  { name = "productId", type = "string", format = "uuid" }, -- a UUID, for reconciliation
  { name = "subscriptionId", type = "string", format = "uuid" }, -- a UUID, for reconciliation
  { name = "quantity", type = "integer", least = 1 }, -- whole, 1 or more; for reconciliation
  PLATFORM_FIELDS,
})

---@alias lomi.CardStatus
---| "requires_payment_method"  nobody has paid yet, or the card was declined
---| "requires_action"          the payer must pass 3-D Secure
---| "processing"               the bank is being asked
---| "requires_capture"         a hold: the amount is blocked
---| "succeeded"                paid, or captured
---| "canceled"                 canceled, or the hold was released

--- The look of the payment form, as it was asked for.
---@class lomi.Appearance
---@field theme? string  `light`, `dark` or `flat`
---@field border_radius? number  px
---@field billing_address? string  `auto` or `never`

--- The result of the payer's attempts to pay.
---@class lomi.Transaction
---@field transaction_id string  the same as in webhooks
---@field status string  such as `pending`, `completed` or `failed`

--- A card charge, as creating, getting, capturing and incrementing give it.
---@class lomi.CardCharge
---@field id string  `pi_…`
---@field client_secret string  for the payer's browser alone: never into a log
---@field amount integer  what is charged, in minor units of `currency`
---@field currency string  lower case, `eur` or `usd`; XOF is charged in euro
---@field original_amount number  what was asked for, in its unit; see `amounts`
---@field original_currency string  `XOF`, `USD` or `EUR`
---@field status lomi.CardStatus  where it stands
---@field appearance? lomi.Appearance  of `create_card_charge`; nil unless one was asked for
---@field transaction? lomi.Transaction  of `get_card_charge`
---@field hold? boolean  true of a hold; the next three are a hold's too
---@field amount_capturable? number  in the unit the charge was made with
---@field capture_before? string  ISO 8601; nil when nothing is held
---@field can_increment? boolean  the hold may be raised

--- The result of canceling.
---@class lomi.CanceledCharge
---@field id string  `pi_…`
---@field status lomi.CardStatus  `canceled`

--- The next step, beside the result in the answer that creates a charge: `reply.next_action`.
---@class lomi.NextAction
--- Confirm the card in the browser, send the payer to `url`, or wait for the payer's phone.
---@field type "client_secret"|"redirect"|"await_webhook"|string
---@field url? string  of `redirect`: where the payer pays
---@field status? string  of `await_webhook`: such as `PENDING` or `completed`
---@field client_secret? string  of `client_secret`: for the payer's browser alone, never into a log

--- A Wave or MTN charge, the whole reply. The service promises no more than an object.
---@class lomi.MobileCharge
---@field transaction_id? string  Wave: the same as in webhooks; also as `transactionId`
---@field checkout_url? string  Wave: where the payer pays; also as `checkoutUrl` and `wave_launch_url`
---@field status? string  Wave: such as `completed` or `PENDING`
---@field data? lomi.MtnTransaction  MTN: the transaction
---@field next_action? lomi.NextAction  what to do now

---@class lomi.MtnTransaction
---@field transaction_id string  the same as in webhooks
---@field external_id? string  the service's own for MTN
---@field reference_id? string  MTN's
---@field status string  `completed` or `PENDING`

--- Every method gives the result, or nil and an error; then the reply, where there was one. Arguments that may come
--- from data (params, ids, idempotency key, account) never raise; a `.` for a `:` or an unknown name in `opts` does, at
--- the caller's line.
---@class lomi.Charges

---@type table<string, lomi.contract.Operation>
return {
  -- Creates a card charge. Its `client_secret` goes to the payer's browser, which pays it. Gives lomi.CardCharge.
  create_card_charge = { method = "POST", path = "/charge/card", params = CreateCardCharge, result = "data",
    compares_amount = true },
  -- Looks a card charge up. A GET: an error has no outcome. Gives lomi.CardCharge.
  get_card_charge = { method = "GET", path = "/charge/card/{id}", result = "data" },
  -- Cancels a card charge that is not paid, or releases its hold. Gives lomi.CanceledCharge.
  cancel_card_charge = { method = "POST", path = "/charge/card/{id}/cancel", result = "data", ignores_key = true },
  -- Takes what a hold has blocked: all of it without an amount, else less, and the rest is released. Once only.
  -- Gives lomi.CardCharge.
  capture_card_charge = { method = "POST", path = "/charge/card/{id}/capture", params = CaptureCardCharge,
    result = "data", compares_amount = true },
  -- Raises a hold to a new total. Gives lomi.CardCharge.
  increment_card_hold = { method = "POST", path = "/charge/card/{id}/increment", params = IncrementCardHold,
    result = "data", compares_amount = true },
  -- Creates a Wave charge; the payer goes to its `checkout_url`. Gives lomi.MobileCharge.
  create_wave_charge = { method = "POST", path = "/charge/wave", params = CreateWaveCharge, result = "body",
    scenario = true },
  -- Creates an MTN Mobile Money charge. Gives lomi.MobileCharge.
  create_mtn_charge = { method = "POST", path = "/charge/mtn", params = CreateMtnCharge, result = "body",
    scenario = true },
}
