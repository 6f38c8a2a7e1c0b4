-- SPDX-License-Identifier: MIT
--- Which lines of our Lua run in an nginx worker, for `make coverage`: what tools/lines.c does in a program of ours.

---@param path string  of the file each of them is added to as "file:line", once, when it first runs
return function(path)
  local ran = {}
  jit.off() -- compiled code calls no hook
  debug.sethook(function(_, line)
    local file = debug.getinfo(2, "S").source:match("lua/lomi.*$")
    local place = file and file .. ":" .. line
    if not place or ran[place] then return end
    ran[place] = true
    local out = assert(io.open(path, "a"))
    out:write(place, "\n")
    out:close()
  end, "l")
end
