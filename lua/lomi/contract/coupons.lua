-- SPDX-License-Identifier: MIT
--- Coupons: discounts in hosted checkout.

local dto = require "lomi.contract.dto"

---@class lomi.CouponFields
local COUPON_FIELDS = {
  { name = "discount_percentage", type = "number", above = 0, most = 100 }, -- of percentage
  { name = "discount_fixed_amount", type = "money" }, -- of fixed
  { name = "customer_type", type = "string" }, -- such as `all` or `new` (all)
  { name = "usage_frequency_limit", type = "string" }, -- such as `total` or `per_customer` (total)
  { name = "usage_limit_value", type = "number", above = 0 }, -- if the limit is not `total`
  { name = "description", type = "string" },
  { name = "is_active", type = "boolean" }, -- (true)
  { name = "max_uses", type = "integer", least = 1 },
  { name = "max_quantity_per_use", type = "integer", least = 1 },
  { name = "valid_from", type = "string", format = "time" },
  { name = "expires_at", type = "string", format = "time" },
  { name = "product_ids", type = "list", items = "string" }, -- with a specific scope
}

---@class lomi.CreateCoupon: lomi.CouponFields
local CreateCoupon = dto.new("coupons:create", {
  { name = "code", type = "string", required = true, filled = true }, -- made upper case
  { name = "discount_type", type = "string", required = true, enum = { "percentage", "fixed" } },
  COUPON_FIELDS,
  -- (organization_wide)
  { name = "scope_type", type = "string", enum = { "organization_wide", "specific_products", "specific_prices" } },
}, {
  { rule = "needs", field = "discount_percentage", when = { discount_type = "percentage" } },
  { rule = "needs", field = "discount_fixed_amount", when = { discount_type = "fixed" } },
})

---@class lomi.Coupon: lomi.Record, lomi.CouponFields
---@field coupon_id? string
---@field code? string
---@field discount_type? string  `percentage` or `fixed`
---@field current_uses? integer
---@field scope_type? string
---@field applies_to_product_types? any

--- Completed payments only. Some deployments name the fields otherwise.
---@class lomi.CouponPerformance
---@field total_uses? integer
---@field total_discount_amount? integer
---@field total_revenue? integer
---@field average_order_value? number
---@field total_discounts? integer
---@field average_discount? number
---@field unique_customers? integer

--- Discounts, applied in hosted checkout where `allow_coupon_code` is on.
---@class lomi.Coupons

---@type table<string, lomi.contract.Operation>
return {
  -- Creates a coupon; a code that is taken is refused. Gives lomi.Coupon.
  create = { method = "POST", path = "/coupons", params = CreateCoupon, id = "coupon_id" },
  -- All coupons. Gives lomi.Coupon.
  list = { method = "GET", path = "/coupons", result = "list" },
  -- Looks a coupon up. Gives lomi.Coupon.
  get = { method = "GET", path = "/coupons/{id}", id = "coupon_id" },
  -- Removes a coupon. Sent once, unless `opts.idempotency_key` is given.
  delete = { method = "DELETE", path = "/coupons/{id}", result = "body", may_be_empty = true },
  -- How often a coupon was used, and what it cost. Gives lomi.CouponPerformance.
  performance = { method = "GET", path = "/coupons/{id}/performance" },
}
