-- SPDX-License-Identifier: MIT
--- `lomi completion SHELL`: argparse makes the script. For bash and fish it leaves out the choices of an argument, and
--- to bash it gives an option of a command again for each command inside.

local output = require "lomi.cli.output"

local M = {}

local SHELLS = { "bash", "zsh", "fish" }

local SHELL_NAMES = table.concat(SHELLS, " ")

local BASH_CHOICES = ([=[
        'completion')
            [[ "$prev" = completion ]] && COMPREPLY=($(compgen -W "%s" -- "$cur"))
            ;;
]=]):format(SHELL_NAMES)

local FISH_CHOICES = ("complete -c lomi -n '__fish_lomi_seen_command completion' -xa '%s'\n"):format(SHELL_NAMES)

local MENDED = {
  bash = function(script)
    script = script:gsub('(opts="%$opts[^"\n]*) %-h %-%-help"', '%1"') -- the root's are enough
    local before, after = script:match '^(.-\n    case "%$cmd" in\n)(.*)$'
    return before .. BASH_CHOICES .. after
  end,
  fish = function(script) return script .. FISH_CHOICES end,
  zsh = function(script) return script end,
}

---@param parser table  of argparse
---@param _ string[]|nil
---@param whole fun(): table  the parser with all commands
function M.add(parser, _, whole)
  local command = parser:command("completion", "Print what makes a shell complete commands and options.")
  command:argument("shell"):choices(SHELLS):description "The shell: bash, zsh or fish."
  command:action(function(args)
    args.run = function()
      local full = whole()
      local script = full[("get_%s_complete"):format(args.shell)](full)
      return output.line(MENDED[args.shell](script), nil, "the script")
    end
  end)
  command:epilog [[make install puts the scripts where the shells look for them.

Example:
   lomi completion bash > ~/.local/share/bash-completion/completions/lomi]]
end

return M
