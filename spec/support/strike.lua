-- SPDX-License-Identifier: MIT
--- Raises an error in an action at the n-th event of a hook: an instruction, a line, a call or a return.

local M = {}

local jit = rawget(_G, "jit")

---@param event "count"|"l"|"c"|"r"
---@param n integer
---@param message string  what is raised
---@return boolean struck  false: the action has fewer events
---@return boolean ok  as pcall
---@return any ...  of the action
function M.at(event, n, message, action)
  local struck, left = false, n
  local function hook()
    left = left - 1
    if left > 0 then return end
    debug.sethook()
    struck = true
    error(message, 0)
  end
  if jit then jit.off() end -- compiled code calls no hooks
  if jit then jit.flush() end
  local ok, a, b = pcall(function()
    if event == "count" then debug.sethook(hook, "", 1) else debug.sethook(hook, event) end
    local a, b = action()
    debug.sethook()
    return a, b
  end)
  debug.sethook()
  if jit then jit.on() end
  return struck, ok, a, b
end

--- Strikes at every event of the action in turn.
---@param message string
---@param action fun(): ...
---@param check fun(where: string, ok: boolean, a: any, b: any)
function M.everywhere(message, action, check)
  local strikes = 0
  for _, event in ipairs { "count", "l", "c", "r" } do
    local n = 0
    repeat
      n = n + 1
      local struck, ok, a, b = M.at(event, n, message, action)
      if struck then
        strikes = strikes + 1
        check(("struck at event %d of %q"):format(n, event), ok, a, b)
      end
    until not struck
  end
  assert(strikes > 10, "nothing struck")
end

return M
