-- SPDX-License-Identifier: MIT
local conformance = require "spec.support.conformance"

conformance("curl", require("spec.support.runners").curl)
