-- SPDX-License-Identifier: MIT
--- Products and their prices.

local dto = require "lomi.contract.dto"

---@class lomi.CreatePrice
local CreatePrice = dto.new("products:prices", {
  { name = "amount", type = "money", required = true, least = 0 }, -- of pay-what-you-want the suggested one
  { name = "currency_code", type = "string", required = true, enum = dto.CURRENCIES },
  -- of a recurring product: required
  { name = "billing_interval", type = "string", enum = { "day", "week", "month", "year" } },
  { name = "included_units", type = "number" }, -- of usage products
  { name = "pricing_model", type = "string", enum = { "standard", "pay_what_you_want", "tiered" } }, -- (standard)
  { name = "minimum_amount", type = "money", least = 0 }, -- of pay-what-you-want: required
  { name = "maximum_amount", type = "money" },
  { name = "is_default", type = "boolean" }, -- (false)
  { name = "metadata", type = "object" },
}, { { rule = "needs", field = "minimum_amount", when = { pricing_model = "pay_what_you_want" } } })

---@class lomi.ProductFields
local PRODUCT_FIELDS = {
  { name = "description", type = "string" },
  { name = "images", type = "list", items = "string" }, -- URLs
  { name = "is_active", type = "boolean" }, -- (true)
  { name = "display_on_storefront", type = "boolean" }, -- (true)
  { name = "metadata", type = "object" }, -- of recurring products also `subscription_length` and `fixed_charges`
}

---@class lomi.CreateProduct: lomi.ProductFields
local CreateProduct = dto.new("products:create", {
  { name = "name", type = "string", required = true, filled = true },
  -- cannot change later
  { name = "product_type", type = "string", required = true, enum = { "one_time", "recurring", "usage_based" } },
  { name = "prices", type = "list", required = true, items = CreatePrice, least = 1 },
  PRODUCT_FIELDS,
  { name = "fee_type_ids", type = "list", items = "string" },
  -- of recurring products
  { name = "failed_payment_action", type = "string", enum = { "pause", "cancel", "continue" } },
  { name = "charge_day", type = "integer", least = 1, most = 31 }, -- of recurring products
  { name = "first_payment_type", type = "string", enum = { "initial", "non_initial", "prorated" } }, -- (initial)
  { name = "trial_enabled", type = "boolean" }, -- (false)
  { name = "trial_period_days", type = "integer", least = 0 }, -- with a trial: required
  -- of usage products, as are the next two
  { name = "usage_aggregation", type = "string", enum = { "sum", "max", "last_during_period", "last_ever" } },
  { name = "usage_unit", type = "string" },
  { name = "meter_code", type = "string" },
}, { { rule = "needs", field = "trial_period_days", when = { trial_enabled = true } } })

--- Only what changes.
---@class lomi.UpdateProduct: lomi.ProductFields
local UpdateProduct = dto.new("products:update", {
  { name = "name", type = "string", filled = true },
  PRODUCT_FIELDS,
  { name = "sku", type = "string" },
  { name = "inventory_quantity", type = "integer" },
  { name = "track_inventory", type = "boolean" },
  { name = "continue_selling_when_out_of_stock", type = "boolean" },
  { name = "fee_type_ids", type = "list", items = "string" },
})

--- The price is named by `price_id`, or is the default one of `product_id`.
---@class lomi.PriceUpdate
local PriceUpdate = dto.new("updates", {
  { name = "price_id", type = "string", filled = true },
  { name = "product_id", type = "string", filled = true },
  { name = "amount", type = "money", required = true, least = 0 },
  { name = "currency_code", type = "string", enum = dto.CURRENCIES },
}, { { rule = "any_of", fields = { "price_id", "product_id" } } })

---@class lomi.UpdatePrices
local UpdatePrices = dto.new("products:batch", {
  { name = "updates", type = "list", required = true, items = PriceUpdate, least = 1 },
  { name = "idempotency_key", type = "string", filled = true },
})

---@class lomi.ListProducts: lomi.PageQuery
local ListProducts = dto.page_query("products:list", { { name = "isActive", type = "boolean" } })

---@class lomi.Price
---@field price_id? string
---@field amount? integer  minor units of `currency_code`
---@field currency_code? string
---@field billing_interval? string
---@field included_units? number
---@field pricing_model? string
---@field minimum_amount? integer
---@field maximum_amount? integer
---@field is_active? boolean
---@field is_default? boolean
---@field metadata? table<string, any>
---@field created_at? string  ISO 8601
---@field updated_at? string  ISO 8601

---@class lomi.Product: lomi.Record, lomi.ProductFields
---@field product_id string
---@field name? string
---@field product_type? string  `one_time`, `recurring` or `usage_based`
---@field failed_payment_action? string
---@field charge_day? integer
---@field first_payment_type? string
---@field trial_enabled? boolean
---@field trial_period_days? integer
---@field usage_aggregation? string
---@field usage_unit? string
---@field prices? lomi.Price[]
---@field fees? table[]

--- A thing for sale. A product has up to three active prices.
---@class lomi.Products

---@type table<string, lomi.contract.Operation>
return {
  -- Creates a product with its prices. Gives lomi.Product.
  create = { method = "POST", path = "/products", params = CreateProduct, id = "product_id" },
  -- One page of products. Gives lomi.Product.
  list = { method = "GET", path = "/products", query = ListProducts, result = "list" },
  each = { pages_of = "list" },
  -- Looks a product up. Gives lomi.Product.
  get = { method = "GET", path = "/products/{id}", id = "product_id" },
  -- Changes a product. Sent once, unless `opts.idempotency_key` is given. Gives lomi.Product.
  update = { method = "PATCH", path = "/products/{id}", params = UpdateProduct, id = "product_id" },
  -- Archives a product. Sent once, unless `opts.idempotency_key` is given.
  delete = { method = "DELETE", path = "/products/{id}", result = "body", may_be_empty = true },
  -- Adds a price to a product. Gives lomi.Price.
  prices = { method = "POST", path = "/products/{id}/prices", params = CreatePrice },
  -- Makes a price the product's default. Gives lomi.Product.
  default = { method = "POST", path = "/products/{id}/prices/{price_id}/default" },
  -- Changes several prices at once; those that were used in a checkout stay as they are.
  batch = { method = "POST", path = "/products/prices/batch", params = UpdatePrices, result = "body" },
}
