-- SPDX-License-Identifier: MIT
local core = require "lomi.core"
local answer = require "lomi.sandbox.server.answer"

describe("lomi.sandbox.server.answer", function()
  it("is an error in the contract's shape", function()
    local it = answer.error(404, "rid", { message = "no" })
    assert.equal(404, it.status)
    assert.equal("rid", it.request_id)
    assert.same({ error = { code = "not_found", message = "no", details = core.null }, request_id = "rid" },
      core.decode(it.body, true))
  end)

  it("says when to come back", function()
    local it = answer.error(429, "rid", { retry_after = 2, limit = 5 })
    assert.equal("2", it.headers["Retry-After"])
    assert.same({ retry_after_seconds = 2, limit = 5 }, core.decode(it.body).error.details)
  end)

  it("has a code for every status", function()
    for status = 400, 599 do assert.is_string(core.decode(answer.error(status, "r", {}).body).error.code) end
  end)
end)
