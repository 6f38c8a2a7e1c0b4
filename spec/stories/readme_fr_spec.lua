-- SPDX-License-Identifier: MIT
-- README.fr.md and docs/fr/ say what their English counterparts say: the same parts, and the same code, but for its
-- comments, and the same pictures with other words. readme_spec.lua shows that the code runs.

-- What a picture is made of: Mermaid's arrows and shapes, without the labels; the lines of a text version.
local function drawn(line, block)
  if block[2] == "```mermaid" then
    return (line:gsub('".-"', '""'):gsub("|.-|", "||"):gsub(":.*$", ":"):gsub(" as .*$", " as"))
  elseif block[2] == "```text" then
    return (line:match "^[%s│├└]*")
  end
  return line
end

-- The headings and the blocks of code, in order; a block with the mark before it, and without comments.
local function outline(path)
  local levels, blocks, mark, block = {}, {}, "", nil
  for line in io.lines(path) do
    if block and line:find "^```" then
      blocks[#blocks + 1], block = table.concat(block, "\n"), nil
    elseif block then
      block[#block + 1] = drawn(line:gsub("%s*%-%-%s.*$", ""):gsub("%s*#%s.*$", ""), block)
    elseif line:find "^```" then
      block, mark = { mark, line }, ""
    elseif line:find "^#" then
      levels[#levels + 1] = line:match("^#+")
    elseif line ~= "" then
      mark = line:match("^<!%-%- runs: %S+ %-%->$") or ""
    end
  end
  return levels, blocks
end

for path, path_fr in pairs {
  ["README.md"] = "README.fr.md", ["docs/errors.md"] = "docs/fr/errors.md", ["docs/sandbox.md"] = "docs/fr/sandbox.md",
  ["docs/webhooks.md"] = "docs/fr/webhooks.md", ["docs/openresty.md"] = "docs/fr/openresty.md",
} do
  describe(path_fr, function()
    local levels, blocks = outline(path)
    local levels_fr, blocks_fr = outline(path_fr)

    it("has the parts of " .. path, function()
      assert.is_true(#levels > 0)
      assert.same(levels, levels_fr)
    end)

    it("has the code of " .. path .. ", marked alike", function()
      assert.is_true(#blocks > 0)
      assert.equal(#blocks, #blocks_fr)
      for i, block in ipairs(blocks) do assert.equal(block, blocks_fr[i]) end
    end)
  end)
end
