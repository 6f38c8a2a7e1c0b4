-- SPDX-License-Identifier: MIT
local core = require "lomi.core"
local Store = require "lomi.sandbox.server.store"

describe("lomi.sandbox.server.store", function()
  local function page(store, query, scope)
    local reply, fault = store:page({ query_fields = query, path = "/things" }, scope or "a",
      function(item) return { n = item.n } end)
    return reply and core.decode(reply.body), fault
  end

  local function numbers(list)
    local found = {}
    for i, item in ipairs(list) do found[i] = item.n end
    return table.concat(found, " ")
  end

  local store

  before_each(function()
    store = Store.new()
    for i = 1, 5 do store:add("a", { "id-" .. i, "pub_" .. i }, { n = i }) end
    store:add("b", { "id-1" }, { n = 100 })
  end)

  it("finds by any id in any case, within the organization", function()
    assert.equal(3, store:find("a", "PUB_3").n)
    assert.equal(1, store:find("a", "id-1").n)
    assert.equal(100, store:find("b", "id-1").n)
    assert.is_nil(store:find("b", "id-2"))
  end)

  it("forgets what is removed", function()
    store:remove(store:find("a", "id-3"))
    assert.is_nil(store:find("a", "pub_3"))
    assert.equal("5 4 2 1", numbers(page(store, {}).data))
  end)

  it("forgets the oldest, by number and by weight", function()
    local few = Store.new { items = 2, weight = math.huge }
    for i = 1, 3 do few:add("a", { "id-" .. i }, { n = i }) end
    assert.is_nil(few:find("a", "id-1"))
    assert.equal("3 2", numbers(page(few, {}).data))
    local light = Store.new { items = 10, weight = 2000 }
    for i = 1, 3 do light:add("a", { "id-" .. i }, { n = i }, 1000) end
    assert.equal("3", numbers(page(light, {}).data))
  end)

  it("keeps an id that a newer record took over", function()
    local few = Store.new { items = 1, weight = math.huge }
    few:add("a", { "same" }, { n = 1 })
    few:add("a", { "same" }, { n = 2 })
    assert.equal(2, few:find("a", "same").n)
  end)

  it("gives pages of the newest first, each of which leads to the next", function()
    local first = page(store, { limit = "2" })
    assert.equal("5 4", numbers(first.data))
    assert.is_true(first.has_more)
    local second = page(store, { limit = "2", cursor = first.next_cursor })
    assert.equal("3 2", numbers(second.data))
    local last = page(store, { limit = "2", cursor = second.next_cursor })
    assert.equal("1", numbers(last.data))
    assert.same({ false, 2 }, { last.has_more, last.limit })
    assert.is_nil(last.next_cursor)
  end)

  it("goes on where it was when there are newer ones, or when the next one is gone", function()
    local first = page(store, { limit = "2" })
    store:add("a", { "id-6" }, { n = 6 })
    store:remove(store:find("a", "id-3"))
    assert.equal("2 1", numbers(page(store, { limit = "2", cursor = first.next_cursor }).data))
  end)

  it("has limits from 1 to 100", function()
    for _, limit in ipairs { "1", "100" } do assert.is_table((page(store, { limit = limit }))) end
    for _, limit in ipairs { "0", "101", "1.5", "x", "-1" } do
      local reply, fault = page(store, { limit = limit })
      assert.is_nil(reply)
      assert.equal("limit must be a whole number from 1 to 100", fault.message)
    end
  end)
end)
