-- SPDX-License-Identifier: MIT
--- What the API takes and gives, as data: the only place that names a path or a field of it.
--- From the API's page on card charges (`CreateCardChargeDto`) and its reference.

---@class lomi.contract.Field
---@field name string
---@field type "number"|"string"|"boolean"|"object"
---@field required? boolean
---@field enum? string[]
---@field format? "uuid"|"uuid4"|"email"  for strings
---@field filled? boolean  a string that must not be blank
---@field above? number  a number must be more than this
---@field least? number  a number must be at least this

---@class lomi.contract.Dto
---@field name string
---@field fields lomi.contract.Field[]
---@field rules lomi.contract.Rule[]  over several fields, see `schema.lua`
---@field by_name table<string, lomi.contract.Field>  made from `fields`
---@field required string[]  likewise

---@class lomi.contract.Operation
---@field method string
---@field path string  `{id}` is the first argument
---@field params? lomi.contract.Dto  what the body is checked against; nil: no body
---@field gives "data"|"body"  what of the reply the caller gets

local CURRENCIES = { "XOF", "USD", "EUR" }

-- Digits after the decimal point an amount of each may have. XOF has no minor unit.
local DECIMALS = { XOF = 0, USD = 2, EUR = 2 }

-- Adds what can be told from the definition, so that a check need not work it out at every call.
local function dto(definition)
  definition.by_name, definition.required = {}, {}
  for _, field in ipairs(definition.fields) do
    definition.by_name[field.name] = field
    field.lua_type = field.type == "object" and "table" or field.type
    if field.required then table.insert(definition.required, field.name) end
    if field.enum then
      field.choices = {}
      for _, choice in ipairs(field.enum) do field.choices[choice] = true end
    end
  end
  return definition
end

local CreateCardCharge = dto {
  name = "CreateCardChargeDto",
  fields = {
    { name = "amount", type = "number", required = true, above = 0 },
    { name = "currency_code", type = "string", enum = CURRENCIES },
    { name = "currency", type = "string", enum = CURRENCIES },
    { name = "customer_id", type = "string", format = "uuid4" },
    { name = "customer_email", type = "string", format = "email" },
    { name = "customer_name", type = "string", filled = true },
    { name = "customer_phone", type = "string" },
    { name = "description", type = "string" },
    { name = "payment_reference", type = "string" },
    { name = "product_id", type = "string", format = "uuid" },
    { name = "subscription_id", type = "string", format = "uuid" },
    { name = "quantity", type = "number" },
    { name = "metadata", type = "object" },
    { name = "appearance_theme", type = "string", enum = { "light", "dark", "flat" } },
    { name = "appearance_border_radius", type = "number", least = 0 },
    { name = "appearance_billing_address", type = "string", enum = { "auto", "never" } },
  },
  rules = {
    { rule = "same", fields = { "currency_code", "currency" } },
    { rule = "together", fields = { "customer_email", "customer_name" }, unless = "customer_id" },
    { rule = "decimals", field = "amount", currency = { "currency_code", "currency" }, default = "XOF",
      decimals = DECIMALS },
  },
}

return {
  hosts = {
    sandbox = "sandbox.api.lomi.africa",
    live = "api.lomi.africa",
  },

  ---@type table<string, lomi.contract.Operation>
  charges = {
    create_card_charge = { method = "POST", path = "/charge/card", params = CreateCardCharge, gives = "data" },
    get_card_charge = { method = "GET", path = "/charge/card/{id}", gives = "data" },
    cancel_card_charge = { method = "POST", path = "/charge/card/{id}/cancel", gives = "data" },
  },
}
