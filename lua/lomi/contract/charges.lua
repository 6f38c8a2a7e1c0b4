-- SPDX-License-Identifier: MIT
--- Card, Wave and MTN charges: the API's page on card charges (`CreateCardChargeDto`) and its reference, as data.

local dto = require "lomi.contract.dto"

-- Digits after the decimal point an amount of each may have. XOF has no minor unit.
local DECIMALS = { XOF = 0, USD = 2, EUR = 2 }

-- For platforms: these fields go with every kind of charge.

---@class lomi.TransferData
---@field destination string  the account that is paid, `acct_…`
---@field amount? number  above 0, in the unit of the charge; nil: all of it
local TransferData = dto.new("transfer_data", {
  { name = "destination", type = "string", required = true, filled = true },
  { name = "amount", type = "number", above = 0 },
})

---@class lomi.PlatformFields
---@field application_fee_amount? number  0 or more, in the unit of the charge: what a platform keeps of it
---@field transfer_data? lomi.TransferData  who is paid the rest
---@field transfer_group? string  a name that ties charges and transfers together
local PLATFORM_FIELDS = {
  { name = "application_fee_amount", type = "number", least = 0 },
  { name = "transfer_data", type = "object", dto = TransferData },
  { name = "transfer_group", type = "string" },
}

--- The customer is a `customer_id`, or a `customer_email` and a `customer_name`; half a pair is refused here, none at
--- all by the live service.
---@class lomi.CreateCardCharge: lomi.PlatformFields
---@field amount number  above 0; in XOF, which has no decimals, 10000 is 10 000 F CFA; in USD and EUR see `amounts`
---@field currency_code? "XOF"|"USD"|"EUR"  the service's default is XOF
---@field currency? "XOF"|"USD"|"EUR"  the old name of `currency_code`; given both, they must be equal
---@field customer_id? string  a UUID v4
---@field customer_email? string  an address like `awa@example.com`; goes together with `customer_name`
---@field customer_name? string  not blank, 255 bytes at most; goes together with `customer_email`
---@field customer_phone? string  as you write it
---@field description? string  shown in payment providers and logs
---@field payment_reference? string  your own reference, for reconciliation
---@field product_id? string  a UUID, for reconciliation
---@field subscription_id? string  a UUID, for reconciliation
---@field quantity? number  for reconciliation
---@field metadata? table<string, any>  kept with the charge and given back in its webhooks; no list at the top
---@field appearance_theme? "light"|"dark"|"flat"  of the payment form
---@field appearance_border_radius? number  px, 0 or more
---@field appearance_billing_address? "auto"|"never"  whether the form asks for it
---@field hold? boolean  block the amount now, capture it later
local CreateCardCharge = dto.new("charges:create_card_charge", {
  { name = "amount", type = "number", required = true, above = 0 },
  { name = "currency_code", type = "string", enum = dto.CURRENCIES },
  { name = "currency", type = "string", enum = dto.CURRENCIES },
  { name = "customer_id", type = "string", format = "uuid4" },
  { name = "customer_email", type = "string", format = "email" },
  { name = "customer_name", type = "string", filled = true, longest = 255 },
  { name = "customer_phone", type = "string", longest = 64 },
  { name = "description", type = "string" },
  { name = "payment_reference", type = "string" },
  { name = "product_id", type = "string", format = "uuid" },
  { name = "subscription_id", type = "string", format = "uuid" },
  { name = "quantity", type = "number" },
  { name = "metadata", type = "object" },
  { name = "appearance_theme", type = "string", enum = { "light", "dark", "flat" } },
  { name = "appearance_border_radius", type = "number", least = 0 },
  { name = "appearance_billing_address", type = "string", enum = { "auto", "never" } },
  { name = "hold", type = "boolean" },
  PLATFORM_FIELDS,
}, {
  { rule = "same", fields = { "currency_code", "currency" } },
  { rule = "together", fields = { "customer_email", "customer_name" }, unless = "customer_id" },
  { rule = "decimals", field = "amount", currency = { "currency_code", "currency" }, default = "XOF",
    decimals = DECIMALS },
})

---@class lomi.CaptureCardCharge
---@field amount? number  above 0, in the unit and currency of the charge; nil: all that is held. The rest is released
local CaptureCardCharge = dto.new("charges:capture_card_charge", {
  { name = "amount", type = "number", above = 0 },
}, { { rule = "decimals", field = "amount" } })

---@class lomi.IncrementCardHold
---@field amount number  the new total, above what is held now; in the unit and currency of the charge
local IncrementCardHold = dto.new("charges:increment_card_hold", {
  { name = "amount", type = "number", required = true, above = 0 },
}, { { rule = "decimals", field = "amount" } })

---@class lomi.MobileCustomer
---@field name string  not blank
---@field phoneNumber string  E.164, like `+2250700000000`, or as dialled at home
---@field email? string  an address like `awa@example.com`
local MobileCustomer = dto.new("customer", {
  { name = "name", type = "string", required = true, filled = true, longest = 255 },
  { name = "phoneNumber", type = "string", required = true, format = "phone" },
  { name = "email", type = "string", format = "email" },
})

---@class lomi.CreateWaveCharge: lomi.PlatformFields
---@field amount number  in the currency's main unit, 1 or more
---@field currency string  such as `XOF`, which takes no decimals; not blank
---@field customer lomi.MobileCustomer  who pays
---@field description? string
---@field environment? string  as the service takes it
---@field successUrl? string  where the payer comes back to after paying
---@field errorUrl? string  where the payer comes back to after failing to pay
local CreateWaveCharge = dto.new("charges:create_wave_charge", {
  { name = "amount", type = "number", required = true, least = 1 },
  { name = "currency", type = "string", required = true, filled = true },
  { name = "customer", type = "object", required = true, dto = MobileCustomer },
  dto.plain("string", "description", "environment", "successUrl", "errorUrl"),
  PLATFORM_FIELDS,
}, { { rule = "decimals", field = "amount", currency = { "currency" }, decimals = DECIMALS } })

---@class lomi.CreateMtnCharge: lomi.PlatformFields
---@field amount integer  whole, in the currency's main unit, 1 or more
---@field currency string  such as `XOF`, which takes no decimals; not blank
---@field customer lomi.MobileCustomer  who pays
---@field description? string
---@field environment? string  as the service takes it
---@field countryCode? string  ISO 3166, two letters; the service's default is CI
---@field productId? string  a UUID, for reconciliation
---@field subscriptionId? string  a UUID, for reconciliation
---@field quantity? integer  whole, 1 or more; for reconciliation
local CreateMtnCharge = dto.new("charges:create_mtn_charge", {
  { name = "amount", type = "integer", required = true, least = 1 },
  { name = "currency", type = "string", required = true, filled = true },
  { name = "customer", type = "object", required = true, dto = MobileCustomer },
  { name = "description", type = "string" },
  { name = "environment", type = "string" },
  { name = "countryCode", type = "string", format = "country" },
  { name = "productId", type = "string", format = "uuid" },
  { name = "subscriptionId", type = "string", format = "uuid" },
  { name = "quantity", type = "integer", least = 1 },
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

---@type table<string, lomi.contract.Operation>
return {
  create_card_charge = { method = "POST", path = "/charge/card", params = CreateCardCharge, result = "data",
    compares_amount = true },
  get_card_charge = { method = "GET", path = "/charge/card/{id}", result = "data" },
  cancel_card_charge = { method = "POST", path = "/charge/card/{id}/cancel", result = "data", ignores_key = true },
  capture_card_charge = { method = "POST", path = "/charge/card/{id}/capture", params = CaptureCardCharge,
    result = "data", compares_amount = true },
  increment_card_hold = { method = "POST", path = "/charge/card/{id}/increment", params = IncrementCardHold,
    result = "data", compares_amount = true },
  create_wave_charge = { method = "POST", path = "/charge/wave", params = CreateWaveCharge, result = "body",
    scenario = true },
  create_mtn_charge = { method = "POST", path = "/charge/mtn", params = CreateMtnCharge, result = "body",
    scenario = true },
}
