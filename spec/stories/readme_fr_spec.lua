-- SPDX-License-Identifier: MIT
-- README.fr.md says what README.md says: the same parts, and the same code, but for its comments. That the code runs is
-- shown by readme_spec.lua.

-- The headings and the blocks of code, in order; a block with the mark before it, and without comments.
local function outline(path)
  local levels, blocks, mark, block = {}, {}, "", nil
  for line in io.lines(path) do
    if block and line:find "^```" then
      blocks[#blocks + 1], block = table.concat(block, "\n"), nil
    elseif block then
      block[#block + 1] = line:gsub("%s*%-%-%s.*$", ""):gsub("%s*#%s.*$", "")
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

describe("README.fr.md", function()
  local levels, blocks = outline "README.md"
  local levels_fr, blocks_fr = outline "README.fr.md"

  it("has the parts of README.md", function()
    assert.is_true(#levels > 5)
    assert.same(levels, levels_fr)
  end)

  it("has the code of README.md, marked alike", function()
    assert.is_true(#blocks > 5)
    assert.equal(#blocks, #blocks_fr)
    for i, block in ipairs(blocks) do assert.equal(block, blocks_fr[i]) end
  end)
end)
