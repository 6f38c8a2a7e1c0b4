-- SPDX-License-Identifier: MIT
local calls = require "spec.support.calls"
local conformance = require "spec.support.conformance"

conformance("curl", function(ca_file)
  return {
    perform = function(_, options, list)
      options.ca_file = ca_file
      return calls.perform(options, list)
    end,
    stop = function() end,
  }
end)
