-- SPDX-License-Identifier: MIT
-- The soak in short; bench/soak.lua is the long one, and says what may be kept: here nothing has warmed up.
local soak = require "spec.support.soak"
local tcp = require "spec.support.tcp"

describe("a process that charges in bad weather with ever new clients and loops", function()
  local function run(options)
    if tcp.missing then pending(tcp.missing) end
    options.rate, options.delay, options.timeout = 0.1, 0.15, 0.1
    return soak.run(options)
  end

  it("keeps no descriptor, and every charge is made once, or not at all, as told", function()
    local report = run { count = 400, every = 200 }
    assert.same({}, report.violations)
    assert.equal(424, report.calls)
    assert.equal(400, report.made)
    assert.is_true(report.ends["cut short"] > 0)
    local first, last = report.readings[1], report.readings[2]
    assert.same({ 200, 400 }, { first.charges, last.charges })
    -- Idle connections come and go with the faults; what is kept would grow with the charges.
    assert.is_true(last.descriptors <= first.descriptors + 6, last.descriptors - first.descriptors)
  end)

  it("is found out if it keeps something", function()
    local memory, files = {}, {} -- of a size that malloc never has lying about
    local report = run { count = 200, every = 100, on_batch = function()
      memory[#memory + 1] = (#memory .. ""):rep(64 * 2 ^ 20)
      files[#files + 1] = io.open "/dev/null"
    end }
    for _, file in ipairs(files) do file:close() end
    local kept = soak.kept(report.readings)
    assert.matches("^%d+ KiB of resident memory$", kept[1])
    assert.equal("1 descriptors", kept[2])
  end)

  it("may keep 1 MiB of memory, and no descriptor", function()
    local first = { resident = 10000, descriptors = 10 }
    assert.same({}, soak.kept { first, { resident = 11024, descriptors = 10 } })
    assert.same({ "1025 KiB of resident memory" }, soak.kept { first, { resident = 11025, descriptors = 10 } })
    assert.same({ "-1 descriptors" }, soak.kept { first, { resident = 9000, descriptors = 9 } })
  end)

  it("finds a service out that ignores idempotency keys", function()
    local report = run { count = 100, every = 200, sandbox = [[idempotency = "ignored"]] }
    assert.matches("ended in charge: 2 charges", table.concat(report.violations, "\n"))
  end)
end)
