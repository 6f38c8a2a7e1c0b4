-- SPDX-License-Identifier: MIT
-- The lomi. API and the bank, on this machine: sandbox.lua WEBHOOK_URL SECRET. Prints its URL, and ends with its input.

local sandbox = assert(require("lomi.sandbox").start())
sandbox:webhook(arg[1], arg[2])
print(sandbox.url)
io.stdout:flush()
pcall(function()
  for _ in io.lines() do end -- Ctrl-C is an error here
end)
sandbox:stop()
