-- SPDX-License-Identifier: MIT
local form = require "lomi.sandbox.server.form"

describe("lomi.sandbox.server.form", function()
  it("reads names and values, unescaped", function()
    assert.same({ name = "Awa Ndiaye", email = "awa@example.com", ["a&b"] = "c=d", percent = "100%" },
      form.decode "name=Awa+Ndiaye&email=awa%40example.com&a%26b=c%3Dd&percent=100%25")
    assert.same({ e = "é" }, form.decode "e=%c3%A9")
  end)

  it("has the last one of a name that is there twice, and an empty value", function()
    assert.same({ a = "2", b = "" }, form.decode "a=1&b=&a=2")
  end)

  it("reads what is no form as nothing", function()
    for _, text in ipairs { "", "&&", "=", "a", "=b" } do assert.same({}, form.decode(text)) end
    assert.same({}, form.decode(nil))
    assert.same({ a = "%zz%4" }, form.decode "a=%zz%4")
  end)
end)
