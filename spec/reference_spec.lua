-- SPDX-License-Identifier: MIT
-- docs/reference.md, and the annotations it is made of: what editors complete from.
local arguments = require "lomi.call.arguments"
local core = require "lomi.core"
local lomi = require "lomi"
local luacats = dofile "tools/luacats.lua"
local reference = dofile "tools/reference.lua"
local resource_types = dofile "tools/types.lua"

local disk = require "spec.support.files"

local read, write = disk.read, disk.write

local function listed(command)
  local pipe = assert(io.popen(command))
  local lines = {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  return lines
end

local TEXT = read "docs/reference.md"

local function has(text)
  assert.is_truthy(TEXT:find(text, 1, true), text .. " is not in docs/reference.md")
end

-- The part of a class: up to the next heading.
local function part(heading)
  return assert(TEXT:match("\n### " .. heading:gsub("%p", "%%%0") .. "\n(.-)\n##"), "no part " .. heading)
end

local function has_rows(heading, names)
  local text, count = part(heading), 0
  for name in pairs(names) do
    assert.is_truthy(text:find("\n| `" .. name .. "?` |", 1, true), heading .. " has no " .. name)
    count = count + 1
  end
  assert.is_true(count > 0)
end

-- The functions of a table, without metamethods.
local function functions_of(object)
  local names = {}
  for name, value in pairs(object) do
    if type(value) == "function" and not name:find("^__") then names[#names + 1] = name end
  end
  assert.is_truthy(names[1])
  return ipairs(names)
end

describe("the reference", function()
  it("is what the comments say", function()
    assert.is_true(reference.text() == TEXT, "docs/reference.md is old: make reference")
  end)

  it("has every method of every resource, with what it sends", function()
    for resource, module in pairs(require("lomi.contract").resources) do
      local operations = require(module)
      for name, row in pairs(operations) do
        local operation = row.method and row or operations[row.pages_of or row.confirms]
        has(("\n### `client.%s:%s("):format(resource, name))
        has("\n`" .. operation.method .. " " .. operation.path .. "`\n")
      end
    end
  end)

  it("has every option of lomi.new and of a call", function()
    local known = {}
    local rules = read("lua/lomi/config.lua"):match("\nlocal RULES = {(.-)\n}"):gsub("%b{}", "")
    for name in rules:gmatch("([a-z_]+) =") do known[name] = true end
    assert.is_true(known.api_key and known.proxy)
    has_rows("lomi.Options", known)
    has_rows("lomi.CallOptions", arguments.CALL)
    has_rows("lomi.RequestOptions", arguments.REQUEST)
    has_rows("lomi.ScenarioOptions", { scenario = true })
  end)

  it("has every function of the module, of webhooks, of the loop and its tasks", function()
    for _, name in functions_of(lomi) do has("\n### `lomi." .. name .. "(") end
    for _, name in functions_of(lomi.webhook) do has("\n### `lomi.webhook." .. name .. "(") end
    local loop = lomi.loop()
    finally(function() loop:close() end)
    local of_a_transport = {
      send = true, exchange = true, expect = true, sleep = true, now = true, unusable = true, drop_idle = true,
    }
    for _, name in functions_of(getmetatable(loop)) do
      if not of_a_transport[name] then has("\n### `loop:" .. name .. "(") end
    end
    for _, name in functions_of(getmetatable(loop:spawn(print))) do has("\n### `task:" .. name .. "(") end
    for _, name in ipairs { "send", "sleep", "now" } do has("\n### `transport:" .. name .. "(") end
  end)

  it("has every function and method of the sandbox", function()
    local module = require "lomi.sandbox"
    local sandbox = assert(module.start())
    finally(function() sandbox:stop() end)
    for _, name in functions_of(module) do has('\n### `require("lomi.sandbox").' .. name .. "(") end
    for _, name in functions_of(getmetatable(sandbox)) do has("\n### `sandbox:" .. name .. "(") end
  end)

  it("has every field of an error, a reply, an attempt's event and a webhook's", function()
    local client = lomi.new { api_key = "lomi_sk_test_demo", base_url = "http://127.0.0.1:1", max_retries = 0,
      on_attempt = function(event)
        local text = part "lomi.AttemptEvent"
        for name in pairs(event) do assert.is_truthy(text:find("\n| `" .. name .. "%??` |"), name) end
      end }
    local _, err = client.charges:get_card_charge("pi_1")
    for name in pairs(err) do assert.is_truthy(part("lomi.Error"):find("\n| `" .. name .. "%??` |"), name) end
    for _, name in ipairs { "status", "headers", "request_id", "idempotency_key", "replayed", "attempts", "elapsed",
      "body" } do
      assert.is_truthy(part("lomi.Reply"):find("\n| `" .. name .. "%??` |"), name)
    end
    for _, name in ipairs { "id", "event", "timestamp", "data", "lomi_environment" } do
      assert.is_truthy(part("lomi.webhook.Event"):find("\n| `" .. name .. "` |"), name)
    end
  end)

  it("has every kind and every outcome", function()
    for _, kind in ipairs { "invalid_request", "authentication", "permission", "not_found", "conflict",
      "rate_limited", "api", "connection", "timeout", "tls", "protocol", "signature" } do
      assert.is_truthy(part("lomi.ErrorKind"):find('\n| `"' .. kind .. '"` | %S'), kind)
    end
    for _, outcome in ipairs { "not_sent", "rejected", "unknown" } do
      assert.is_truthy(part("lomi.Outcome"):find('\n| `"' .. outcome .. '"` | %S'), outcome)
    end
  end)

  it("has every code, ours and the service's", function()
    local count, ours = 0, part("lomi.ErrorCode") .. part("lomi.webhook")
    for _, path in ipairs(listed "find lua -name '*.lua' -not -path '*/sandbox/*'") do
      for code in read(path):gmatch('[^%w_]code = [^\n"]-"([%w_]+)"') do
        assert.is_truthy(ours:find('\n| `"?' .. code .. '"?` | %S'), code .. " of " .. path)
        count = count + 1
      end
    end
    assert.is_true(count >= 10)
    for _, code in ipairs { "bad_request", "validation_failed", "amount_invalid", "idempotency_key_required",
      "unauthorized", "forbidden", "api_access_suspended", "not_found", "conflict", "idempotency_key_reused",
      "idempotency_in_progress", "rate_limit_exceeded", "internal_error", "service_unavailable" } do
      assert.is_truthy(part("lomi.ServiceCode"):find('\n| `"' .. code .. '"` | %S'), code)
    end
  end)

  it("has every command", function()
    for _, command in ipairs { "", " charge create", " charge get", " charge cancel", " sandbox", " webhook sign",
      " webhook verify", " webhook listen" } do
      has("\n### `lomi" .. command .. "`\n")
    end
  end)
end)

describe("the annotations", function()
  -- All that editors read.
  local files, types = {}, {}
  for _, path in ipairs(listed "find lua types -name '*.lua' | LC_ALL=C sort") do
    files[path] = luacats.read(path)
    luacats.add_types(types, files[path])
  end

  local WRITTEN = { integer = "integer", money = "integer", object = "table<string, any>" }
  local ITEMS = { string = "string[]", object = "table[]" }

  it("of the resources are what the contract says", function()
    local text = read "types/lomi/tables.lua"
    assert.is_true(resource_types.text() == text, "types/lomi/tables.lua is old: make reference")
  end)

  -- Whether a class says what a DTO does; the same for what is in it.
  local function check_fields(class, dto)
    local all, count = {}, 0
    local function add(one)
      for _, field in ipairs(one.fields) do all[field.name], count = field, count + 1 end
      for _, parent in ipairs(one.parents) do add(types[parent]) end
    end
    add(class)
    assert.equal(#dto.fields, count, class.name)
    for _, field in ipairs(dto.fields) do
      local written = assert.is_table(all[field.name], field.name)
      assert.equal(not field.required, written.optional, field.name)
      local kind = field.enum and '"' .. table.concat(field.enum, '"|"') .. '"' or WRITTEN[field.type] or field.type
      if field.type == "list" then
        kind = ITEMS[field.items]
        if not kind then check_fields(types[written.type:match("^(.*)%[%]$")], field.items) end
      elseif field.dto then
        kind = nil
        check_fields(types[written.type], field.dto)
      end
      if kind then assert.equal(kind, written.type, field.name) end
    end
  end

  for name, module in pairs(require("lomi.contract").resources) do
    it("give client." .. name .. " the operations of the contract, with their arguments and fields", function()
      local operations, count, class = require(module), 0, nil
      for _, field in ipairs(types["lomi.Client"].fields) do
        if field.name == name then class = types[field.type] end
      end
      for _, field in ipairs(class.fields) do
        local row, names = operations[field.name], {}
        local operation = row.method and row or operations[row.pages_of or row.confirms]
        local params = luacats.signature(field.type)
        for _, param in ipairs(params) do
          names[#names + 1] = param.name
          local dto = param.name == "params" and operation.params or param.name == "query" and operation.query
          if dto then
            check_fields(types[param.type], dto)
            assert.is_false(param.optional and dto.required[1] ~= nil, field.name)
          end
        end
        local expected = operation.path:gsub("[^{}]*{(%w[%w_]*)}", "%1 "):gsub("[^ ]*$", "")
          .. (operation.params and "params " or "") .. (operation.query and "query " or "")
        if row.confirms then expected = "preview " end
        assert.equal(expected .. "opts", table.concat(names, " "), field.name)
        count = count + 1
      end
      for _ in pairs(operations) do count = count - 1 end
      assert.equal(0, count)
    end)
  end

  it("have no text that is cut: an editor shows what stands above a tag, and in its line", function()
    local path = os.tmpname()
    finally(function() os.remove(path) end)
    for _, tag in ipairs { "field a string", "param a string", "return string a" } do
      write(path, ("---@class A\n---@%s  one line; default:\n--- another\nlocal A = {}\n"):format(tag))
      local ok, trouble = pcall(luacats.read, path)
      assert.is_false(ok)
      assert.equal(("%s:3: the text of @%s goes on here: it ends with its line, or stands above the tag"):format(path,
        tag:match "^%l+"), trouble)
    end
    write(path, "---@class A\n---@field a string  one line\n--- Another one.\n---@field b string\nlocal A = {}\n")
    local fields = luacats.read(path).classes[1].fields
    assert.same({ "one line", "Another one." }, { fields[1].text, fields[2].text })
  end)

  it("name no type that is not there", function()
    local of_lua = {}
    for name in ("any nil boolean number integer string table function fun thread userdata lightuserdata true false T")
      :gmatch("%a+") do
      of_lua[name] = true
    end
    local function check(path, list)
      for _, item in ipairs(list) do
        for _, name in ipairs(luacats.names_in(item.type)) do
          assert.is_truthy(of_lua[name] or types[name], ("%s: there is no type %s"):format(path, name))
        end
      end
    end
    for path, file in pairs(files) do
      for _, class in ipairs(file.classes) do
        check(path, class.fields)
        for _, parent in ipairs(class.parents) do check(path, { { type = parent } }) end
      end
      for _, fun in ipairs(file.functions) do
        check(path, fun.params)
        check(path, fun.returns)
      end
    end
  end)

  it("of the C modules have the functions these have, and no others", function()
    local loop = lomi.loop()
    finally(function() loop:close() end)
    local registry = debug.getregistry()
    local SHOWN = {
      { "core", "core", core }, { "core", "http1", core.http1 },
      { "core", "Parser", registry["lomi.http1.parser"].__index },
      { "engine", "engine", require "lomi.engine" }, { "engine", "Engine", registry["lomi.engine"].__index },
      { "crypto", "crypto", require "lomi.crypto" },
      { "httpd", "httpd", require "lomi.httpd" }, { "httpd", "Server", registry["lomi.httpd.server"].__index },
    }
    for _, shown in ipairs(SHOWN) do
      local path, owner = "types/lomi/" .. shown[1] .. ".lua", shown[2]
      local annotated, real = {}, {}
      for _, fun in ipairs(files[path].functions) do
        local name = fun.name:match("^" .. owner .. "[.:](.*)$")
        if name then annotated[#annotated + 1] = name end
      end
      for _, name in functions_of(shown[3]) do real[#real + 1] = name end
      table.sort(annotated)
      table.sort(real)
      assert.same(real, annotated, path .. ", " .. owner)
      assert.same({}, files[path].bare)
    end
  end)

  it("are found by an editor: .luarc.json names what is there", function()
    local settings = assert(core.decode(read ".luarc.json"))
    assert.equal("types", settings["workspace.library"][1])
    local function is_found(name)
      for _, pattern in ipairs(settings["runtime.path"]) do
        local file = io.open((pattern:gsub("%?", (name:gsub("%.", "/")))))
        if file then return file:close() end
      end
    end
    for _, name in ipairs { "lomi", "lomi.client", "lomi.sandbox", "lomi.core", "lomi.engine", "lomi.crypto",
      "lomi.httpd" } do
      assert.is_truthy(is_found(name), name)
    end
    for _, path in ipairs(listed "find types -name '*.lua'") do
      assert.is_truthy(loadfile(path), path)
      assert.equal("---@meta " .. path:match("^types/(.*)%.lua$"):gsub("/", "."), read(path):match("^[^\n]*"))
    end
  end)
end)
