-- SPDX-License-Identifier: MIT
local html = require "lomi.sandbox.server.html"

describe("lomi.sandbox.server.html", function()
  it("escapes what a template is filled with, but for HTML of our own", function()
    assert.equal("<p>&lt;b&gt; &amp; &quot;it&#39;s&quot;</p><br>",
      html.filled("<p>{text}</p>{{own}}", { text = [[<b> & "it's"]], own = "<br>" }))
  end)

  it("leaves braces in a value alone", function()
    assert.equal("{b} {{b}}", html.filled("{a} {{own}}", { a = "{b}", own = "{{b}}", b = "no" }))
  end)

  it("raises for a template it has nothing to fill with", function()
    assert.has_error(function() html.filled("{missing}", {}) end, "nothing to fill {missing} with")
  end)

  it("makes a page that loads nothing, runs nothing and is kept by nobody", function()
    local page = html.page(200, "<Paid>", "<p>content</p>")
    assert.matches("<title>&lt;Paid&gt; · lomi. sandbox</title>", page.body, 1, true)
    assert.matches("<p>content</p>", page.body, 1, true)
    assert.matches('<html lang="en">', page.body, 1, true)
    assert.falsy(page.body:find("[%w]+://"))
    assert.matches("default-src 'none'", page.headers["Content-Security-Policy"], 1, true)
    assert.equal("no-store", page.headers["Cache-Control"])
    assert.equal("no-referrer", page.headers["Referrer-Policy"])
  end)

  it("gives each page headers of its own", function()
    html.page(200, "", "").headers.Allow = "GET"
    assert.is_nil(html.page(200, "", "").headers.Allow)
  end)

  -- As WCAG 2 computes it.
  local function luminance(colour)
    local parts = {}
    if #colour == 3 then colour = colour:gsub("%x", "%0%0") end
    for pair in colour:gmatch("%x%x") do
      local c = tonumber(pair, 16) / 255
      parts[#parts + 1] = c <= 0.04045 and c / 12.92 or ((c + 0.055) / 1.055) ^ 2.4
    end
    return 0.2126 * parts[1] + 0.7152 * parts[2] + 0.0722 * parts[3]
  end

  local function contrast(one, other)
    local a, b = luminance(one), luminance(other)
    return (math.max(a, b) + 0.05) / (math.min(a, b) + 0.05)
  end

  local LEAST = { [4.5] = { { "ink", "paper" }, { "ink", "card" }, { "ink", "bad-paper" }, { "soft", "paper" },
    { "soft", "card" }, { "soft", "hover" }, { "bad", "card" }, { "bad", "bad-paper" }, { "go-ink", "go" },
    { "go-ink", "go-hover" }, { "badge-ink", "badge" } },
    [3] = { { "line", "card" }, { "focus", "card" }, { "focus", "paper" }, { "bad", "card" }, { "good", "good-paper" },
      { "good", "card" }, { "ask", "card" } } }

  for i, scheme in ipairs { "light", "dark" } do
    it("has enough contrast, " .. scheme, function()
      local colours, blocks = {}, {}
      for block in html.page(200, "", "").body:gmatch(":root {(.-)}") do blocks[#blocks + 1] = block end
      assert.equal(2, #blocks)
      for name, colour in blocks[i]:gmatch("%-%-([%l-]+): #(%x+)") do colours[name] = colour end
      for least, pairs_of in pairs(LEAST) do
        for _, pair in ipairs(pairs_of) do
          local ratio = contrast(assert(colours[pair[1]], pair[1]), assert(colours[pair[2]], pair[2]))
          assert(ratio >= least, ("%s on %s: %.2f"):format(pair[1], pair[2], ratio))
        end
      end
    end)
  end
end)
