-- SPDX-License-Identifier: MIT
local access_log = require "lomi.sandbox.server.access_log"

describe("lomi.sandbox.server.access_log", function()
  local call = { warnings = { "careful" }, fault = "drop after", charge = { id = "pi_1", status = "succeeded" } }
  local entry = { method = "POST", path = "/charge/card\27[2J", status = 201 }

  it("says in one line what happened", function()
    local line = access_log.line("plain", call, entry, 0.0012, 0)
    assert.matches("POST  /charge/card?[2J  201  1.2 ms  pi_1 succeeded  fault: drop after  warning: careful", line,
      1, true)
  end)

  it("lets nothing of a request drive the terminal", function()
    assert.falsy(access_log.line("plain", call, entry, 0, 0):find("%c"))
  end)

  it("paints when asked, and marks what never left", function()
    assert.matches("\27[32m201\27[0m", access_log.line("colour", call, entry, 0, 0), 1, true)
    local lost = { method = "GET", path = "/" }
    assert.matches("\27[31m---\27[0m", access_log.line("colour", { warnings = {} }, lost, 0, 0), 1, true)
  end)
end)
