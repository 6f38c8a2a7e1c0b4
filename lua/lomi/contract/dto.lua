-- SPDX-License-Identifier: MIT
--- The functions of the contract: they prepare a definition of fields and rules for `lomi.call.schema`.
---
--- `make reference` makes the annotations of the classes from the tables (types/lomi/tables.lua). What they do not say
--- is a comment: behind a field, or above it; above an operation, whose last sentence names the class it gives.

local M = { CURRENCIES = { "XOF", "USD", "EUR" } }

--- `money` is a whole number of minor units, 1 to 9,999,999,999 unless `least` says 0.
---@class lomi.contract.Field
---@field name string
---@field type "number"|"integer"|"money"|"string"|"boolean"|"object"|"list"
---@field required? boolean
---@field enum? string[]
---@field format? "uuid"|"uuid4"|"id"|"email"|"phone"|"country"|"url"|"endpoint"|"date"|"time"  for strings
---@field filled? boolean  a string that must not be blank
---@field longest? integer  bytes of a string
---@field above? number  a number must be more than this
---@field least? number  a number must be at least this; a list must have as many items
---@field most? number  a number must be at most this
---@field dto? lomi.contract.Dto  an object has these fields and no others; nil: any with string keys
---@field items? "string"|"object"|lomi.contract.Dto  what a list holds

---@class lomi.contract.Dto
---@field name string
---@field fields lomi.contract.Field[]
---@field rules lomi.contract.Rule[]  over several fields, see `schema.lua`
---@field by_name table<string, lomi.contract.Field>  made from `fields`
---@field required string[]  likewise

--- A row of a resource: a request (`method`, `path`, …), or something made of another row (`pages_of`, `confirms`).
---@class lomi.contract.Operation
---@field method string
---@field path string  what is in braces, such as `{id}`, are the first arguments
---@field params? lomi.contract.Dto  what the body is checked against; nil: no body
---@field result? "data"|"body"|"record"|"list"  what of the reply the caller gets ("record")
---@field compares_amount? boolean  the reply's amount must be the one meant, see `amount.lua`
---@field ignores_key? boolean  the service ignores the idempotency key: a retry tells nothing new
---@field id? string  the field that a record must have
---@field may_be_empty? boolean  a success may come without a body: the result is an empty table
---@field unless? string  a record with this field needs no `id`
---@field pages? "offset"  the next page of the list is asked for by `offset`, not by `cursor`
---@field asks_twice? boolean  the first call gives a preview and a token
---@field scenario? boolean  a test key may say how it shall end: `X-Scenario-Key`
---@field pages_of? string  the list whose pages this iterates over
---@field confirms? string  the operation whose preview this executes

local LUA_TYPES = { integer = "number", money = "number", object = "table", list = "table" }

-- Adds what can be derived from the fields once, so that a check need not derive it at every call.
local function add(dto, fields)
  for _, field in ipairs(fields) do
    if not field.name then
      add(dto, field)
    else
      dto.fields[#dto.fields + 1], dto.by_name[field.name] = field, field
      field.lua_type = LUA_TYPES[field.type] or field.type
      if field.required then table.insert(dto.required, field.name) end
      if field.enum then
        field.choices = {}
        for _, choice in ipairs(field.enum) do field.choices[choice] = true end
      end
    end
  end
  return dto
end

---@param name string  as messages have it
---@param fields (lomi.contract.Field|lomi.contract.Field[])[]  a list among them stands for its fields
---@param rules? lomi.contract.Rule[]
---@return lomi.contract.Dto
function M.new(name, fields, rules)
  return add({ name = name, fields = {}, rules = rules or {}, by_name = {}, required = {} }, fields)
end

--- Fields of one type, of which no more is said.
---@param kind string  the type
---@param ... string  their names
---@return lomi.contract.Field[]
function M.plain(kind, ...)
  local fields = {}
  for i, name in ipairs { ... } do fields[i] = { name = name, type = kind } end
  return fields
end

--- The query of a list that comes in pages.
---@class lomi.PageQuery
local PAGE_FIELDS = {
  { name = "limit", type = "integer", least = 1, most = 100 }, -- how many a page holds; the service's default is 20
  { name = "cursor", type = "string" }, -- `next_cursor` of the page before
}

--- The same for the query of such a list.
---@param name string
---@param fields (lomi.contract.Field|lomi.contract.Field[])[]  beside `limit` and `cursor`
---@return lomi.contract.Dto
function M.page_query(name, fields)
  return M.new(name, { PAGE_FIELDS, fields })
end

--- The same for what happened in a time.
---@class lomi.PeriodQuery: lomi.PageQuery
M.PERIOD = {
  { name = "startDate", type = "string", format = "time" }, -- inclusive
  { name = "endDate", type = "string", format = "time" }, -- inclusive
}

--- The fields that every record of the organization has.
---@class lomi.Record
---@field organization_id? string
---@field environment? string  `test` or `live`
---@field created_at? string  ISO 8601
---@field updated_at? string  ISO 8601

--- The page of a checkout session, also of one that a payment link makes.
---@class lomi.PayerPage
M.PAYER_PAGE = {
  { name = "allow_quantity", type = "boolean" }, -- the payer may change it (false)
  { name = "allow_coupon_code", type = "boolean" }, -- (false)
  -- where the payer goes after paying; may hold `{CHECKOUT_SESSION_ID}`
  { name = "success_url", type = "string", format = "url" },
  { name = "cancel_url", type = "string", format = "url" }, -- where the payer goes after giving up
  { name = "require_name", type = "boolean" }, -- ask the payer for it (true)
  { name = "require_email", type = "boolean" }, -- ask the payer for it (true)
  { name = "require_phone", type = "boolean" }, -- ask the payer for it
  { name = "require_billing_address", type = "boolean" }, -- ask the payer for it (false)
  { name = "metadata", type = "object" }, -- kept with the payment; no list at the top
}

return M
