-- SPDX-License-Identifier: MIT
local conformance = require "spec.support.conformance"

conformance("loop", require("spec.support.runners").loop)
