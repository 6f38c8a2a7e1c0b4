-- SPDX-License-Identifier: MIT
--- `lomi completion SHELL`: argparse makes the script.

local output = require "lomi.cli.output"

local M = {}

local SHELLS = { "bash", "zsh", "fish" }

---@param parser table  of argparse
---@param _ string[]|nil
---@param whole fun(): table  the parser with all commands
function M.add(parser, _, whole)
  local command = parser:command("completion", "Print what makes a shell complete commands and options.")
  command:argument("shell"):choices(SHELLS):description "The shell: bash, zsh or fish."
  command:action(function(args)
    args.run = function()
      local full = whole()
      return output.line(full[("get_%s_complete"):format(args.shell)](full), nil, "the script")
    end
  end)
  command:epilog [[make install puts the scripts where the shells look for them.

Example:
   lomi completion bash > ~/.local/share/bash-completion/completions/lomi]]
end

return M
