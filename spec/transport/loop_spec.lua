-- SPDX-License-Identifier: MIT
local calls = require "spec.support.calls"
local conformance = require "spec.support.conformance"
local lomi = require "lomi"

conformance("loop", function(ca_file)
  return {
    perform = function(_, options, list)
      local loop = lomi.loop()
      options.ca_file, options.transport = ca_file, loop
      local task = loop:spawn(calls.perform, options, list)
      loop:run()
      loop:close()
      return task:result()
    end,
    stop = function() end,
  }
end)
