-- SPDX-License-Identifier: MIT
--- Coupons: discounts in hosted checkout.

local dto = require "lomi.contract.dto"

---@class lomi.CouponFields
---@field discount_percentage? number  of percentage
---@field discount_fixed_amount? integer  minor units; of fixed
---@field customer_type? string  such as `all` or `new` (all)
---@field usage_frequency_limit? string  such as `total` or `per_customer` (total)
---@field usage_limit_value? number  if the limit is not `total`
---@field description? string
---@field is_active? boolean  (true)
---@field max_uses? integer
---@field max_quantity_per_use? integer
---@field valid_from? string  ISO 8601
---@field expires_at? string  ISO 8601
---@field product_ids? string[]  with a specific scope

---@class lomi.CreateCoupon: lomi.CouponFields
---@field code string  made upper case
---@field discount_type "percentage"|"fixed"
---@field scope_type? "organization_wide"|"specific_products"|"specific_prices"  (organization_wide)
local CreateCoupon = dto.new("coupons:create", {
  { name = "code", type = "string", required = true, filled = true },
  { name = "discount_type", type = "string", required = true, enum = { "percentage", "fixed" } },
  { name = "discount_percentage", type = "number", above = 0, most = 100 },
  { name = "discount_fixed_amount", type = "money" },
  { name = "customer_type", type = "string" },
  { name = "usage_frequency_limit", type = "string" },
  { name = "usage_limit_value", type = "number", above = 0 },
  { name = "description", type = "string" },
  { name = "is_active", type = "boolean" },
  { name = "max_uses", type = "integer", least = 1 },
  { name = "max_quantity_per_use", type = "integer", least = 1 },
  { name = "valid_from", type = "string", format = "time" },
  { name = "expires_at", type = "string", format = "time" },
  { name = "scope_type", type = "string", enum = { "organization_wide", "specific_products", "specific_prices" } },
  { name = "product_ids", type = "list", items = "string" },
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
--- Creates a coupon; a code that is taken is refused.
---@field create fun(self, params: lomi.CreateCoupon, opts?: lomi.CallOptions): lomi.Coupon?, lomi.Error?, lomi.Reply?
--- All coupons.
---@field list fun(self, opts?: lomi.CallOptions): lomi.Page<lomi.Coupon>?, lomi.Error?, lomi.Reply?
--- Looks a coupon up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.Coupon?, lomi.Error?, lomi.Reply?
--- Removes a coupon. Sent once, unless `opts.idempotency_key` is given.
---@field delete fun(self, id: string, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?
--- How often a coupon was used, and what it cost.
---@field performance fun(self, id: string, opts?: lomi.CallOptions): lomi.CouponPerformance?, lomi.Error?, lomi.Reply?

---@type table<string, lomi.contract.Operation>
return {
  create = { method = "POST", path = "/coupons", params = CreateCoupon, id = "coupon_id" },
  list = { method = "GET", path = "/coupons", result = "list" },
  get = { method = "GET", path = "/coupons/{id}", id = "coupon_id" },
  delete = { method = "DELETE", path = "/coupons/{id}", result = "body" },
  performance = { method = "GET", path = "/coupons/{id}/performance" },
}
