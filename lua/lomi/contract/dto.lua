-- SPDX-License-Identifier: MIT
--- The one function of the contract: prepares a definition of fields and rules for `lomi.call.schema`.

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
---@field fields? lomi.contract.Field[]
---@field rules? lomi.contract.Rule[]  over several fields, see `schema.lua`
---@field pages? "cursor"  a query that has `limit` and `cursor` before its fields
---@field by_name table<string, lomi.contract.Field>  made from `fields`
---@field required string[]  likewise

--- A row of a resource: a request (`method`, `path`, …), or something made of another row (`pages_of`, `confirms`).
---@class lomi.contract.Operation
---@field method string
---@field path string  what is in braces, such as `{id}`, are the first arguments
---@field params? lomi.contract.Dto  what the body is checked against; nil: no body
---@field result "data"|"body"|"record"|"list"  what of the reply the caller gets
---@field compares_amount? boolean  the reply's amount must be the one meant, see `amount.lua`
---@field ignores_key? boolean  the service ignores the idempotency key: a retry tells nothing new
---@field id? string  the field that a record must have
---@field unless? string  a record with this field needs no `id`
---@field pages? "cursor"|"offset"  how a list goes on
---@field asks_twice? boolean  the first call gives a preview and a token
---@field scenario? boolean  a test key may say how it shall end: `X-Scenario-Key`
---@field pages_of? string  the list whose pages this iterates over
---@field confirms? string  the operation whose preview this executes

local PAGES = {
  { name = "limit", type = "integer", least = 1, most = 100 },
  { name = "cursor", type = "string" },
}

local LUA_TYPES = { integer = "number", money = "number", object = "table", list = "table" }

-- Adds what can be derived from the definition once, so that a check need not derive it at every call.
---@param definition lomi.contract.Dto
---@return lomi.contract.Dto
return function(definition)
  definition.by_name, definition.required, definition.rules = {}, {}, definition.rules or {}
  local fields = {}
  for _, field in ipairs(definition.pages and PAGES or {}) do fields[#fields + 1] = field end
  for _, field in ipairs(definition.fields or {}) do fields[#fields + 1] = field end
  definition.fields = fields
  for _, field in ipairs(definition.fields) do
    definition.by_name[field.name] = field
    field.lua_type = LUA_TYPES[field.type] or field.type
    if field.required then table.insert(definition.required, field.name) end
    if field.enum then
      field.choices = {}
      for _, choice in ipairs(field.enum) do field.choices[choice] = true end
    end
  end
  return definition
end
