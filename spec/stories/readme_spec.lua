-- SPDX-License-Identifier: MIT
-- The README's examples, run as they stand: each block that a comment before it marks, such as <!-- runs: busted -->.
local child = require "spec.support.child"
local lomi = require "lomi"
local nginx = require "spec.support.nginx"

-- The marked blocks, in order: how each runs, its first line in the README, and its text.
local function examples()
  local found, mark, block = {}, nil, nil
  local number = 0
  local file = assert(io.open(nginx.root .. "/README.md"))
  for line in file:lines() do
    number = number + 1
    if block and line == "```" then
      found[#found + 1] = { runs = block.runs, line = block.line, text = table.concat(block, "\n") .. "\n" }
      block = nil
    elseif block then
      block[#block + 1] = line
    elseif line:find("^```") then
      if mark then block = { runs = mark, line = number } end
      mark = nil
    elseif line ~= "" then
      mark = line:match("^<!%-%- runs: (%S+) %-%->$")
    end
  end
  file:close()
  return found
end

-- In a file of its own; busted runs what ends in .lua only.
local function written(text)
  local name = os.tmpname()
  os.remove(name)
  local path = name .. "_spec.lua"
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  return path
end

-- Without the keys the machine may have: an example must not charge anybody.
local function run(script)
  return child.run(script, { LOMI_API_KEY = false, LOMI_SECRET_KEY = false, LOMI_WEBHOOK_SECRET = false })
end

local RUN = {}

function RUN.lua(text)
  local path = written(text)
  local output, status = run(("dofile(%q)"):format(path))
  os.remove(path)
  assert.equal(0, status, output)
end

function RUN.busted(text)
  local path = written(text)
  local output, status = run(([[
    arg = { [0] = "busted", "--output=TAP", %q }
    require "busted.runner" { standalone = false }
  ]]):format(path))
  os.remove(path)
  assert.equal(0, status, output)
  assert.matches("ok 1 ", output)
  assert.is_nil(output:find("not ok", 1, true), output)
end

-- A location that takes webhooks at /webhooks/lomi.
function RUN.nginx(text)
  local secret = "whsec_of_the_readme"
  local server = nginx.start { main = "env LOMI_WEBHOOK_SECRET=" .. secret .. ";", server = text }
  finally(function() server:stop() end)
  local function send(body, signature)
    local reply = assert(server:request("POST", "/webhooks/lomi", body, {
      ["Content-Type"] = "application/json", ["X-Lomi-Signature"] = signature or lomi.webhook.sign(body, secret),
    }))
    return reply.status
  end
  local function event(size)
    return ('{"id":"e-1","event":"PAYMENT_SUCCEEDED","data":{"description":"%s"}}'):format(("x"):rep(size))
  end
  for _, size in ipairs { 10, 1000, 20000, 900000 } do -- the last two are over nginx's buffer of 8 or 16 KiB
    assert.equal(200, send(event(size)))
    assert.equal(400, send(event(size), lomi.webhook.sign(event(size + 1), secret)))
  end
  assert.equal(400, send(""))
  assert.truthy(server:log():find("buffered to a temporary file", 1, true))
end

describe("the README", function()
  local found, counts = examples(), {}
  for _, example in ipairs(found) do
    counts[example.runs] = (counts[example.runs] or 0) + 1
    local missing = example.runs == "nginx" and nginx.missing
    local test, name = it, ("has an example at line %d that runs in %s"):format(example.line, example.runs)
    if missing then test, name = pending, name .. ": " .. missing end
    test(name, function()
      assert.is_truthy(RUN[example.runs], "no such way to run it: " .. example.runs)
      RUN[example.runs](example.text)
    end)
  end

  it("has examples of every kind", function()
    for runs in pairs(RUN) do assert.is_truthy(counts[runs], ("no <!-- runs: %s --> in README.md"):format(runs)) end
  end)
end)
