-- SPDX-License-Identifier: MIT
-- The examples of README.md and docs/, run as they stand. A comment before each block says how it runs, such as
-- <!-- runs: busted -->. A picture (Mermaid) has the same as text for terminals beside it. The links between the
-- documents lead somewhere.
local child = require "spec.support.child"
local libkqueue = require "spec.support.libkqueue"
local lomi = require "lomi"
local nginx = require "spec.support.nginx"

local DOCUMENTS = {
  "README.md", "docs/cli.md", "docs/embedding.md", "docs/errors.md", "docs/loop.md", "docs/openresty.md",
  "docs/sandbox.md", "docs/webhooks.md",
}

-- Their code is that of the English ones, see readme_fr_spec.lua.
local FRENCH = {
  "README.fr.md", "docs/fr/errors.md", "docs/fr/openresty.md", "docs/fr/sandbox.md", "docs/fr/webhooks.md",
}

local PICTURES = { ["```mermaid"] = "mermaid", ["```text"] = "text" } -- need no comment

local function read(path)
  local file = assert(io.open(nginx.root .. "/" .. path))
  local text = file:read("*a")
  file:close()
  return text
end

-- The blocks, in order: how each runs ("nothing": neither a comment nor the block's language says so), its first line,
-- and its text.
local function examples(path)
  local found, mark, block = {}, nil, nil
  local number = 0
  for line in io.lines(nginx.root .. "/" .. path) do
    number = number + 1
    if block and line == "```" then
      found[#found + 1] = { runs = block.runs, line = block.line, text = table.concat(block, "\n") .. "\n" }
      block = nil
    elseif block then
      block[#block + 1] = line
    elseif line:find("^```") then
      block = { runs = mark or PICTURES[line] or "nothing", line = number }
      mark = nil
    elseif line ~= "" then
      mark = line:match("^<!%-%- runs: (%S+) %-%->$")
    end
  end
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

-- An example that prints nil reads a field that does not exist.
local PRINT = [[
  local print_values = print
  function print(...)
    for i = 1, select("#", ...) do
      if select(i, ...) == nil then error("value " .. i .. " that is printed is nil", 2) end
    end
    print_values(...)
  end
]]

function RUN.lua(text)
  local path = written(text)
  local output, status = run(PRINT .. ("dofile(%q)"):format(path))
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

-- What .ci/run does, on a machine of its own.
function RUN.ci(text)
  local ci, makefile = read ".ci/run", read "Makefile"
  local count = 0
  for target in ("\n" .. text):gmatch "\nmake ([%w-]+)" do
    count = count + 1
    assert.is_truthy(makefile:find("\n" .. target .. ":", 1, true), "no target " .. target)
    assert.is_truthy(ci:find("make " .. target, 1, true), ".ci/run does not run make " .. target)
  end
  assert.is_true(count > 0)
end

-- Commands, beside a sandbox.
function RUN.sh(text)
  local sandbox = assert(require("lomi.sandbox").start())
  finally(function() sandbox:stop() end)
  local path = written(([[
    set -e
    export LUA_PATH=%q LUA_CPATH=%q LOMI_BASE_URL=%q LOMI_API_KEY=lomi_sk_test_demo
    lomi() { %s %s/lua/lomi/cli.lua "$@"; }
  ]]):format(package.path, package.cpath, sandbox.url, child.LUA, nginx.root) .. text)
  local pipe = assert(io.popen("sh " .. path .. " 2>&1; echo \"status $?\""))
  local output = pipe:read("*a")
  pipe:close()
  os.remove(path)
  assert.matches("status 0\n$", output)
  assert.is_true(#sandbox:requests() > 0)
end

-- A whole nginx.conf with POST /charge; the port, the host and the tree's paths are the spec's.
RUN["nginx.conf"] = function(text)
  local sandbox = assert(require("lomi.sandbox").start())
  finally(function() sandbox:stop() end)
  local function replace(from, to)
    local first, last = text:find(from, 1, true)
    assert.is_truthy(first, "not in the example: " .. from)
    text = text:sub(1, first - 1) .. to .. text:sub(last + 1)
  end
  replace("new {}", ("new { base_url = %q }"):format(sandbox.url))
  replace("listen 8080;", "listen 127.0.0.1:{port};")
  replace("http {", ([[http {
    access_log off;
    client_body_temp_path {prefix}/body; proxy_temp_path {prefix}/proxy; fastcgi_temp_path {prefix}/fastcgi;
    uwsgi_temp_path {prefix}/uwsgi; scgi_temp_path {prefix}/scgi;
    lua_package_path "%s;";
    lua_package_cpath "%s";
    init_worker_by_lua_block { io.stdout:write("ready\n") io.stdout:flush() }]]):format(
    nginx.lua_path, nginx.lua_cpath))
  local server = nginx.start {
    conf = "{user}\npid {prefix}/nginx.pid;\nerror_log {prefix}/error.log warn;\n{modules}\n" .. text,
    env = "LOMI_API_KEY=lomi_sk_test_demo",
  }
  finally(function() server:stop() sandbox:stop() end)
  for _ = 1, 2 do assert.equal(200, assert(server:request("POST", "/charge?order=ORD-1")).status, server:log()) end
  assert.equal(1, #sandbox:charges())
  assert.equal(403, assert(server:request("GET", "/charge?order=ORD-1")).status)
  assert.equal(400, assert(server:request("POST", "/charge")).status)
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
  assert.matches("buffered to a temporary file", server:log(), 1, true)
end

-- A picture, which forges draw, with the same as text for terminals after it.
function RUN.mermaid(text, following)
  local kind = text:match "^%a+"
  assert.is_true(kind == "flowchart" or kind == "sequenceDiagram", text)
  assert.equal("text", following and following.runs)
end

function RUN.text(text)
  for line in text:gmatch "[^\n]+" do
    local _, columns = line:gsub("[^\128-\191]", "")
    assert.is_true(columns <= 110, line)
  end
end

-- The address of a heading, as forges make it.
local function anchor(heading)
  return (heading:lower():gsub("[^%w%s_\128-\255-]", ""):gsub(" ", "-"))
end

-- What a document links to: path or "", and the anchor or nil. Web addresses are not followed.
local function links(path)
  local text = read(path):gsub("\n```.-\n```", "")
  local found = {}
  for target in text:gmatch "%]%(([^)%s]+)%)" do
    if not target:find "^%a+:" then
      found[#found + 1] = { target = target, path = target:match "^[^#]*", anchor = target:match "#(.*)$" }
    end
  end
  return found
end

local function exists(path)
  local file = io.open(nginx.root .. "/" .. path)
  if file then file:close() end
  return file ~= nil
end

local function follows_links(path)
  local directory = path:match "^(.*/)" or ""
  for _, link in ipairs(links(path)) do
    local target = link.path == "" and path or directory .. link.path
    assert.is_true(exists(target), link.target)
    if link.anchor then
      local there = {}
      for heading in ("\n" .. read(target)):gmatch "\n#+ ([^\n]*)" do there[anchor(heading)] = true end
      assert.is_true(there[link.anchor], link.target)
    end
  end
end

-- Why an example cannot run here; nil: it can.
local function missing_for(example)
  if example.runs:find "^nginx" then return nginx.missing end
  for _, library in ipairs { "cqueues", "luv" } do
    local load = ('require "%s"'):format(library)
    if example.text:find(load, 1, true) then -- loaded in a child: a luv that another spec loads again here crashes
      local _, status = run(load)
      if status ~= 0 then return ("no %s for %s"):format(library, _VERSION) end
    end
  end
end

describe("the documents", function()
  local counts = {}
  for _, path in ipairs(DOCUMENTS) do
    local list = examples(path)
    for i, example in ipairs(list) do
      counts[example.runs] = (counts[example.runs] or 0) + 1
      local missing = missing_for(example)
        or libkqueue.is_used and (example.text:find "cqueues" or example.text:find "pollfd")
        and libkqueue.not_polled
      local test, name = it, ("%s:%d runs in %s"):format(path, example.line, example.runs)
      if missing then test, name = pending, name .. ": " .. missing end
      test(name, function()
        assert.is_truthy(RUN[example.runs], "no such way to run it: " .. example.runs)
        RUN[example.runs](example.text, list[i + 1])
      end)
    end

    it(path .. " has no broken link", function() follows_links(path) end)
  end

  for _, path in ipairs(FRENCH) do
    it(path .. " has no broken link", function() follows_links(path) end)
  end

  it("have examples of every kind", function()
    for runs in pairs(RUN) do assert.is_truthy(counts[runs], ("no <!-- runs: %s -->"):format(runs)) end
  end)

  it("are linked from README.md, which has at most 150 lines", function()
    local text = read "README.md"
    for _, path in ipairs(DOCUMENTS) do
      if path ~= "README.md" then assert.is_truthy(text:find("](" .. path .. ")", 1, true), path) end
    end
    local _, lines = text:gsub("\n", "")
    assert.is_true(lines <= 150)
  end)
end)
