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

  it("takes one trailing slash", function()
    assert.equal(list[1], (routes.match(list, "GET", "/a-b/")))
    assert.is_nil((routes.match(list, "GET", "/a-b//")))
  end)

  it("takes nothing else", function()
    for _, path in ipairs { "/", "/aXb", "/a-b/x/y", "/a-b/x/end", "x/a-b", "" } do
      assert.is_nil((routes.match(list, "GET", path)), path)
    end
    assert.is_nil((routes.match(list, "PUT", "/a-b")))
  end)
end)
