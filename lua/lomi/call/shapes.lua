-- SPDX-License-Identifier: MIT
--- Reads the decoded body of a 2xx as a record or as a page of a list, whichever of the service's shapes it has. Pure.

local M = {}

--- One page of a list. The methods `each…` go over all pages, one item a round; the next page is asked for when the one
--- before is read. An error ends it: the last round gives false and the error.
---@class lomi.Page<T>
---@field data T[]  the items of this page
---@field has_more boolean  there is another page
---@field next_cursor? string  `query.cursor` of the next page
---@field total_count? integer  of all pages, where the service counts them
---@field limit? integer  how many items a page holds at most

--- A preview of money that leaves: nothing was moved yet. Give it to `confirm`. It is plain data and may be kept until
--- somebody has agreed; the token in it is a secret.
---@class lomi.Preview
---@field requires_confirmation boolean  true
---@field confirmation_token string  a secret: it moves the money
---@field expires_at? string  ISO 8601
---@field preview? table<string, any>  what would be done, fees and all
---@field params table<string, any>  what was asked for
---@field extra? table<string, any>  likewise, of `opts.extra`
---@field idempotency_key string  of both calls
---@field account? string  of both calls, if it was in `opts`

local function is_list(value)
  if type(value) ~= "table" then return false end
  for key in next, value do
    if type(key) ~= "number" then return false end
  end
  return true
end

--- An object of the service: bare, or as `{success, data}`. The fields beside `data`, such as an endpoint's secret,
--- are part of it.
---@param decoded table
---@param wanted lomi.contract.Operation
---@return table|nil record
---@return string|nil reason
function M.record(decoded, wanted)
  local record = decoded
  if type(decoded.data) == "table" and decoded.data[1] == nil then
    record = decoded.data
    for name, value in next, decoded do
      if name ~= "data" and name ~= "success" and record[name] == nil then record[name] = value end
    end
  end
  if record[1] ~= nil then return nil, "is a list, not an object" end
  if wanted.asks_twice and record.requires_confirmation == true then
    if type(record.confirmation_token) == "string" then return record end
    return nil, "asks for confirmation, but has no confirmation_token"
  end
  if wanted.confirmed and record.requires_confirmation == true then
    return nil, "is another preview: look up whether the first call was carried out, then ask anew"
  end
  local id = wanted.id and record[wanted.id]
  if wanted.id and (type(id) ~= "string" or id == "") and not (wanted.unless and record[wanted.unless]) then
    return nil, "has no " .. wanted.id
  end
  return record
end

--- A page: a bare array, `{data}`, `{success, data}`, or the cursor envelope. A bare array is the whole list.
---@param decoded table
---@param body string  undecoded: tells an empty array from an empty object
---@return lomi.Page|nil page
---@return string|nil reason
function M.page(decoded, body)
  if body:find("^[ \t\r\n]*%[") then return { data = decoded, has_more = false } end
  if not is_list(decoded.data) then return nil, "has no list in data" end
  local page = decoded
  page.success, page.object = nil, nil
  if type(page.next_cursor) ~= "string" then page.next_cursor = nil end
  page.total_count = page.total_count or page.total
  if type(page.has_more) ~= "boolean" then
    local total, offset = page.total_count, page.offset
    page.has_more = page.next_cursor ~= nil
      or type(total) == "number" and type(offset) == "number" and #page.data > 0 and offset + #page.data < total
  end
  return page
end

return M
