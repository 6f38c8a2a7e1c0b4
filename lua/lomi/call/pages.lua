-- SPDX-License-Identifier: MIT
--- Iterates over all pages of a list, lazily: a page is asked for when the one before it has been read. How a page is
--- fetched is passed in, so that it works on every transport.

local M = {}

local DEFAULT_LIMIT = 25 -- of the lists that go by offset

-- The fields that the next page's query has besides the first one's, declared or not; nil after the last page.
---@param paging "cursor"|"offset"|nil
---@return table|nil changes
---@return table|nil undeclared
---@return string|nil reason
local function following(page, query, paging)
  local limit = query.limit or DEFAULT_LIMIT
  if paging == "offset" then
    if #page.data < limit then return nil end
    return { offset = (query.offset or 0) + #page.data }
  end
  if not page.has_more then return nil end
  if page.next_cursor then
    if page.next_cursor ~= query.cursor then return { cursor = page.next_cursor } end
    return nil, nil, "the service gave the same cursor again: there are more items, and no way to them"
  end
  if type(page.offset) == "number" then return {}, { offset = page.offset + #page.data } end
  return nil, nil, "the service says that there are more items, but not where: no next_cursor"
end

local function with(base, changes)
  local all = {}
  for name, value in next, base or {} do all[name] = value end
  for name, value in next, changes or {} do all[name] = value end
  return all
end

--- The rounds of `for item, err in …`. An error is given in a last round, as false and the error.
---@param fetch fun(query: any, undeclared: table?): lomi.Page?, lomi.Error?
---@param refuse fun(message: string): lomi.Error  for a page that leads nowhere
---@param query any  as the caller gave it; a plain table, or what `fetch` refuses
---@param paging? "cursor"|"offset"
---@return fun(): any, lomi.Error?
function M.each(fetch, refuse, query, paging)
  if type(query) == "table" and getmetatable(query) == nil then query = with(query) end
  local page, read, ended = nil, 0, false
  return function()
    if ended then return nil end
    while not page or read >= #page.data do
      local asked, undeclared = query, nil
      if page then
        local changes, more, reason = following(page, query or {}, paging)
        if not changes then
          ended = true
          if reason then return false, refuse(reason) end
          return nil
        end
        asked, undeclared = with(query, changes), more
      end
      local fetched, err = fetch(asked, undeclared) -- what it raises leaves all as it was
      if not fetched then
        ended = true
        return false, err
      end
      page, query, read = fetched, asked, 0
    end
    read = read + 1
    return page.data[read]
  end
end

return M
