-- SPDX-License-Identifier: MIT
-- Writes the library's Lua modules as C, for liblomi.a: one array each, and a table of them.
--   lua5.4 tools/embed.lua lua/lomi.lua lua/lomi/client.lua … > modules.c
local out = io.stdout

local function module_of(path)
  return (path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

out:write("/* Made by tools/embed.lua. */\n#include \"embedded.h\"\n\n")
local modules = {}
for i, path in ipairs(arg) do
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  modules[i] = { name = module_of(path), path = path:gsub("^lua/", ""), size = #text }
  out:write(("static const unsigned char module_%d[] = {"):format(i))
  for at = 1, #text, 16 do
    out:write("\n  ", (text:sub(at, at + 15):gsub(".", function(c) return ("%d,"):format(c:byte()) end)))
  end
  out:write("\n};\n\n")
end
out:write("const lomi_embedded lomi_embedded_modules[] = {\n")
for i, module in ipairs(modules) do
  out:write(('  {"%s", "@%s", module_%d, %d},\n'):format(module.name, module.path, i, module.size))
end
out:write("  {0, 0, 0, 0},\n};\n")
