-- SPDX-License-Identifier: MIT
local routes = require "lomi.sandbox.server.routes"

describe("lomi.sandbox.server.routes", function()
  local list = routes.compile { { "GET", "/a-b" }, { "GET", "/a-b/{id}" }, { "POST", "/a-b/{id}/end" } }

  it("finds the route and decodes the id", function()
    assert.equal(list[1], (routes.match(list, "GET", "/a-b")))
    local route, id = routes.match(list, "POST", "/a-b/x%2Fy%20z/end")
    assert.equal(list[3], route)
    assert.equal("x/y z", id)
  end)

  it("tells an id that is not percent-encoded UTF-8", function()
    for _, id in ipairs { "%zz", "%", "%4", "a%2", "%FF", "%C3%28", "%ED%A0%80" } do
      local route, decoded = routes.match(list, "GET", "/a-b/" .. id)
      assert.same({ list[2], false }, { route, decoded }, id)
    end
    assert.equal("é%", (select(2, routes.match(list, "GET", "/a-b/%C3%A9%25"))))
  end)

  it("takes one trailing slash", function()
    assert.equal(list[1], (routes.match(list, "GET", "/a-b/")))
    assert.is_nil((routes.match(list, "GET", "/a-b//")))
  end)

  it("takes a path in upper case, but for the id", function()
    local route, id = routes.match(list, "POST", "/A-b/Xy/END/")
    assert.same({ list[3], "Xy" }, { route, id })
  end)

  it("takes nothing else", function()
    for _, path in ipairs { "/", "/aXb", "/a-b/x/y", "/a-b/x/end", "x/a-b", "" } do
      assert.is_nil((routes.match(list, "GET", path)), path)
    end
    assert.is_nil((routes.match(list, "PUT", "/a-b")))
  end)
end)
