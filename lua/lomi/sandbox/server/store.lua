-- SPDX-License-Identifier: MIT
--- Records of one kind, each of one organization, by their ids; read in pages, newest first. Bounded: the oldest are
--- forgotten.

local ascii = require "lomi.ascii"
local Fifo = require "lomi.sandbox.server.fifo"
local json = require "lomi.sandbox.server.json"

local BOOKKEEPING = 512 -- bytes of a record beside what it was made from, about
local PAGE, LARGEST_PAGE = 20, 100

---@class lomi.sandbox.Item
---@field scope string the organization
---@field ids string[] lower case; the first is the record's own
---@field serial integer
---@field removed boolean?

---@class lomi.sandbox.Store
local Store = {}
Store.__index = Store

---@param limits { items: integer, weight: number }?
local function new(limits)
  return setmetatable({ by_id = {}, queue = Fifo.new(limits) }, Store)
end

-- No id holds a newline.
local function key_of(scope, id)
  return scope .. "\n" .. ascii.lower(id)
end

function Store:forget(item)
  for _, id in ipairs(item.ids) do
    local key = key_of(item.scope, id)
    if self.by_id[key] == item then self.by_id[key] = nil end
  end
end

---@generic T: table
---@param scope string
---@param ids string[]
---@param item T
---@param weight number? bytes it was made from
---@return T item
function Store:add(scope, ids, item, weight)
  item.scope, item.ids = scope, ids
  for _, id in ipairs(ids) do self.by_id[key_of(scope, id)] = item end
  item.serial = self.queue:push(item, (weight or 0) + BOOKKEEPING)
  self.queue:trim(function(oldest) self:forget(oldest) end)
  return item
end

--- By any of its ids, whatever the case.
function Store:find(scope, id)
  local item = self.by_id[key_of(scope, id)]
  return item and not item.removed and item or nil
end

--- Gone from lists and reads.
function Store:remove(item)
  item.removed = true
  self:forget(item)
end

--- Newest first.
---@param scope string? nil: of all organizations
---@param from integer? the serial to begin with
function Store:each(scope, from)
  local serial = math.min(from or self.queue.last, self.queue.last) + 1
  return function()
    while serial > self.queue.first do
      serial = serial - 1
      local item = self.queue:get(serial)
      if not item.removed and (not scope or item.scope == scope) then return item end
    end
  end
end

-- A cursor is opaque: the list it belongs to, and the serial to go on with.
local function write_cursor(list, serial)
  return ("%s %d"):format(list, serial):gsub(".", function(c) return ("%02x"):format(c:byte()) end)
end

---@return integer? serial
---@return string? reason
local function read_cursor(cursor, list, last)
  local text = cursor:gsub("%x%x", function(hex) return string.char(tonumber(hex, 16)) end)
  local of, serial = text:match("^(.*) (%d+)$")
  if of ~= list then return nil, "The cursor does not belong to this list" end
  if tonumber(serial) > last then return nil, "The cursor is beyond the end of this list" end
  return tonumber(serial)
end

--- A page, as the service has lists.
---@param call lomi.sandbox.Call its `query_fields` have limit and cursor
---@param scope string
---@param view fun(item: table): table
---@param keep (fun(item: table): boolean)? which ones belong to the list
---@return lomi.sandbox.Answer?
---@return lomi.sandbox.Refusal?
function Store:page(call, scope, view, keep)
  local asked, from = call.query_fields, nil
  local limit = tonumber(asked.limit or PAGE)
  if not limit or limit % 1 ~= 0 or limit < 1 or limit > LARGEST_PAGE then
    return nil, { message = ("limit must be a whole number from 1 to %d"):format(LARGEST_PAGE) }
  end
  if asked.cursor then
    local reason
    from, reason = read_cursor(asked.cursor, call.path, self.queue.last)
    if not from then return nil, { code = "invalid_cursor", message = reason } end
  end
  local items, more = {}, nil
  for item in self:each(scope, from) do
    if not keep or keep(item) then
      if #items == limit then
        more = item.serial
        break
      end
      items[#items + 1] = json.encode_item(view(item))
    end
  end
  local rest = (',"object":"list","has_more":%s,"next_cursor":%s,"limit":%d'):format(tostring(more ~= nil),
    more and '"' .. write_cursor(call.path, more) .. '"' or "null", limit)
  return { status = 200, body = json.with_list("data", items, rest) }
end

--- All of a list, as a bare array.
function Store:all(scope, view, keep)
  local items = {}
  for item in self:each(scope) do
    if not keep or keep(item) then items[#items + 1] = json.encode_item(view(item)) end
  end
  return { status = 200, body = "[" .. table.concat(items, ",") .. "]" }
end

return { new = new }
