-- SPDX-License-Identifier: MIT
local lazy = require "lomi.lazy"

describe("what is loaded at its first use", function()
  local loads

  before_each(function()
    loads = 0
    package.preload["lomi.spec_outer"] = function() return { inner = require "lomi.spec_inner" } end
    package.preload["lomi.spec_inner"] = function()
      loads = loads + 1
      if loads == 1 then error("not enough memory", 0) end
      return { loads = loads }
    end
  end)

  after_each(function()
    for _, name in ipairs { "lomi.spec_outer", "lomi.spec_inner" } do
      package.preload[name], package.loaded[name] = nil, nil
    end
  end)

  it("is loaded once", function()
    loads = 1
    local module = lazy "lomi.spec_outer"
    assert.equal(module, lazy "lomi.spec_outer")
    assert.equal(2, module.inner.loads)
  end)

  it("is not half loaded when that fails, nor is what it needs", function()
    local ok, trouble = pcall(lazy, "lomi.spec_outer")
    assert.is_false(ok)
    assert.matches("not enough memory", trouble, 1, true)
    assert.equal(2, lazy("lomi.spec_outer").inner.loads)
  end)
end)
