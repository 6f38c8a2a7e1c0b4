-- SPDX-License-Identifier: MIT
--- Products and their prices.

local dto = require "lomi.contract.dto"

---@class lomi.CreatePrice
---@field amount integer  minor units; of pay-what-you-want the suggested one
---@field currency_code "XOF"|"USD"|"EUR"
---@field billing_interval? "day"|"week"|"month"|"year"  of a recurring product: required
---@field included_units? number  of usage products
---@field pricing_model? "standard"|"pay_what_you_want"|"tiered"  (standard)
---@field minimum_amount? integer  minor units; of pay-what-you-want: required
---@field maximum_amount? integer  minor units
---@field is_default? boolean  (false)
---@field metadata? table<string, any>
local CreatePrice = dto.new("products:prices", {
  { name = "amount", type = "money", required = true, least = 0 },
  { name = "currency_code", type = "string", required = true, enum = dto.CURRENCIES },
  { name = "billing_interval", type = "string", enum = { "day", "week", "month", "year" } },
  { name = "included_units", type = "number" },
  { name = "pricing_model", type = "string", enum = { "standard", "pay_what_you_want", "tiered" } },
  { name = "minimum_amount", type = "money", least = 0 },
  { name = "maximum_amount", type = "money" },
  { name = "is_default", type = "boolean" },
  { name = "metadata", type = "object" },
}, { { rule = "needs", field = "minimum_amount", when = { pricing_model = "pay_what_you_want" } } })

---@class lomi.ProductFields
---@field description? string
---@field images? string[]  URLs
---@field is_active? boolean  (true)
---@field display_on_storefront? boolean  (true)
---@field metadata? table<string, any>  of recurring products also `subscription_length` and `fixed_charges`

---@class lomi.CreateProduct: lomi.ProductFields
---@field name string
---@field product_type "one_time"|"recurring"|"usage_based"  cannot change later
---@field prices lomi.CreatePrice[]
---@field fee_type_ids? string[]
---@field failed_payment_action? "pause"|"cancel"|"continue"  of recurring products
---@field charge_day? integer  of recurring products
---@field first_payment_type? "initial"|"non_initial"|"prorated"  (initial)
---@field trial_enabled? boolean  (false)
---@field trial_period_days? integer  with a trial: required
---@field usage_aggregation? "sum"|"max"|"last_during_period"|"last_ever"  of usage products, as are the next two
---@field usage_unit? string
---@field meter_code? string
local CreateProduct = dto.new("products:create", {
  { name = "name", type = "string", required = true, filled = true },
  { name = "product_type", type = "string", required = true, enum = { "one_time", "recurring", "usage_based" } },
  { name = "prices", type = "list", required = true, items = CreatePrice, least = 1 },
  { name = "description", type = "string" },
  { name = "images", type = "list", items = "string" },
  { name = "is_active", type = "boolean" },
  { name = "display_on_storefront", type = "boolean" },
  { name = "metadata", type = "object" },
  { name = "fee_type_ids", type = "list", items = "string" },
  { name = "failed_payment_action", type = "string", enum = { "pause", "cancel", "continue" } },
  { name = "charge_day", type = "integer", least = 1, most = 31 },
  { name = "first_payment_type", type = "string", enum = { "initial", "non_initial", "prorated" } },
  { name = "trial_enabled", type = "boolean" },
  { name = "trial_period_days", type = "integer", least = 0 },
  { name = "usage_aggregation", type = "string", enum = { "sum", "max", "last_during_period", "last_ever" } },
  { name = "usage_unit", type = "string" },
  { name = "meter_code", type = "string" },
}, { { rule = "needs", field = "trial_period_days", when = { trial_enabled = true } } })

--- Only what changes.
---@class lomi.UpdateProduct: lomi.ProductFields
---@field name? string
---@field sku? string
---@field inventory_quantity? integer
---@field track_inventory? boolean
---@field continue_selling_when_out_of_stock? boolean
---@field fee_type_ids? string[]
local UpdateProduct = dto.new("products:update", {
  { name = "name", type = "string", filled = true },
  { name = "description", type = "string" },
  { name = "is_active", type = "boolean" },
  { name = "display_on_storefront", type = "boolean" },
  { name = "images", type = "list", items = "string" },
  { name = "sku", type = "string" },
  { name = "inventory_quantity", type = "integer" },
  { name = "track_inventory", type = "boolean" },
  { name = "continue_selling_when_out_of_stock", type = "boolean" },
  { name = "metadata", type = "object" },
  { name = "fee_type_ids", type = "list", items = "string" },
})

--- The price is named by `price_id`, or is the default one of `product_id`.
---@class lomi.PriceUpdate
---@field price_id? string
---@field product_id? string
---@field amount integer  minor units
---@field currency_code? "XOF"|"USD"|"EUR"
local PriceUpdate = dto.new("updates", {
  { name = "price_id", type = "string", filled = true },
  { name = "product_id", type = "string", filled = true },
  { name = "amount", type = "money", required = true, least = 0 },
  { name = "currency_code", type = "string", enum = dto.CURRENCIES },
}, { { rule = "any_of", fields = { "price_id", "product_id" } } })

---@class lomi.UpdatePrices
---@field updates lomi.PriceUpdate[]
---@field idempotency_key? string
local UpdatePrices = dto.new("products:batch", {
  { name = "updates", type = "list", required = true, items = PriceUpdate, least = 1 },
  { name = "idempotency_key", type = "string", filled = true },
})

---@class lomi.ListProducts: lomi.PageQuery
---@field isActive? boolean
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
--- Creates a product with its prices.
---@field create fun(self, params: lomi.CreateProduct, opts?: lomi.CallOptions): lomi.Product?, lomi.Error?, lomi.Reply?
--- One page of products.
---@field list fun(self, query?: lomi.ListProducts, opts?: lomi.CallOptions): lomi.Page<lomi.Product>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each fun(self, query?: lomi.ListProducts, opts?: lomi.CallOptions): fun(): lomi.Product|false|nil, lomi.Error?
--- Looks a product up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.Product?, lomi.Error?, lomi.Reply?
--- Changes a product. Sent once, unless `opts.idempotency_key` is given.
---@field update fun(self, id: string, params: lomi.UpdateProduct, opts?: lomi.CallOptions): lomi.Product?, lomi.Error?, lomi.Reply?
--- Archives a product. Sent once, unless `opts.idempotency_key` is given.
---@field delete fun(self, id: string, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?
--- Adds a price to a product.
---@field prices fun(self, id: string, params: lomi.CreatePrice, opts?: lomi.CallOptions): lomi.Price?, lomi.Error?, lomi.Reply?
--- Makes a price the product's default.
---@field default fun(self, id: string, price_id: string, opts?: lomi.CallOptions): lomi.Product?, lomi.Error?, lomi.Reply?
--- Changes several prices at once; those that were used in a checkout stay as they are.
---@field batch fun(self, params: lomi.UpdatePrices, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?

---@type table<string, lomi.contract.Operation>
return {
  create = { method = "POST", path = "/products", params = CreateProduct, id = "product_id" },
  list = { method = "GET", path = "/products", query = ListProducts, result = "list" },
  each = { pages_of = "list" },
  get = { method = "GET", path = "/products/{id}", id = "product_id" },
  update = { method = "PATCH", path = "/products/{id}", params = UpdateProduct, id = "product_id" },
  delete = { method = "DELETE", path = "/products/{id}", result = "body" },
  prices = { method = "POST", path = "/products/{id}/prices", params = CreatePrice },
  default = { method = "POST", path = "/products/{id}/prices/{price_id}/default" },
  batch = { method = "POST", path = "/products/prices/batch", params = UpdatePrices, result = "body" },
}
