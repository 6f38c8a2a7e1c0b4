-- SPDX-License-Identifier: MIT
-- Do the specs notice? Changes one random line of the code that decides about money, builds, and runs the specs that
-- should fail; again and again, in a copy of the tree. Prints the mutants that survive, and the share that was killed.
-- `make mutants`; MUTANTS: how many, SEED: which, LUA: for which Lua. It stops after an hour.
--
-- A mutant that does not build counts as none, nor does one that does what the original does: look at each survivor
-- before you write a spec for it, and add it to EQUIVALENT if none can tell it from the original.

local COUNT, SEED = tonumber(os.getenv "MUTANTS") or 150, tonumber(os.getenv "SEED") or 1
local LUA = os.getenv "LUA" or "lua5.4"
local LIMIT = 90        -- seconds for the specs of a mutant; one that hangs is killed
local LONGEST = 60 * 60 -- seconds for all

-- Tests that a busy machine fails, without a mutant.
local TIMING = "'--filter-out=within %d+ ms' '--filter-out=a millisecond of CPU'"

-- The files, and the specs that are about each, after the one that mirrors it. Missing ones are passed over.
local TARGETS = {
  { "src/json_encode_lua.c", "spec/json_spec.lua spec/client_spec.lua spec/stories/money_spec.lua" },
  { "src/json_decode_lua.c", "spec/json_spec.lua spec/client_spec.lua spec/stories/money_spec.lua" },
  { "src/json_lua.c", "spec/json_spec.lua spec/client_spec.lua spec/stories/money_spec.lua" },
  { "src/schema_lua.c", "spec/schema_spec.lua spec/call spec/contract spec/client_spec.lua" },
  { "src/text.c", "spec/json_spec.lua spec/http1_spec.lua" },
  { "src/http1.c", "spec/http1_spec.lua spec/engine_spec.lua spec/transport" },
  { "src/engine.c",
    "spec/engine_spec.lua spec/loop_spec.lua spec/client_spec.lua spec/proofs/connections_spec.lua spec/transport" },
  { "src/connection.c", "spec/engine_spec.lua spec/loop_spec.lua spec/proofs/process_spec.lua spec/transport" },
  { "src/connector.c", "spec/engine_spec.lua spec/loop_spec.lua spec/proofs/process_spec.lua spec/transport" },
  { "src/poller.c", "spec/engine_spec.lua spec/loop_spec.lua" },
  { "src/message_lua.c", "spec/engine_spec.lua spec/http1_spec.lua spec/client_spec.lua spec/transport" },
  { "src/crypto_lua.c", "spec/crypto_spec.lua spec/webhook_spec.lua" },
  { "lua/lomi/client.lua", "spec/client_spec.lua spec/contract spec/stories/money_spec.lua" },
  { "lua/lomi/config.lua", "spec/config_spec.lua spec/client_spec.lua" },
  { "lua/lomi/errors.lua", "spec/errors_spec.lua spec/client_spec.lua" },
  { "lua/lomi/redact.lua", "spec/redact_spec.lua spec/errors_spec.lua spec/client_spec.lua" },
  { "lua/lomi/webhook.lua", "spec/webhook_spec.lua" },
  { "lua/lomi/url.lua", "spec/url_spec.lua spec/config_spec.lua spec/client_spec.lua" },
  { "lua/lomi/loop.lua", "spec/loop_spec.lua spec/transport" },
  { "lua/lomi/call/amount.lua", "spec/call spec/client_spec.lua spec/stories/money_spec.lua" },
  { "lua/lomi/call/arguments.lua", "spec/call spec/client_spec.lua" },
  { "lua/lomi/call/attempts.lua", "spec/call spec/client_spec.lua spec/stories/money_spec.lua" },
  { "lua/lomi/call/outcome.lua", "spec/call spec/client_spec.lua spec/stories/money_spec.lua" },
  { "lua/lomi/call/reply.lua", "spec/call spec/client_spec.lua spec/stories/money_spec.lua" },
  { "lua/lomi/call/retry.lua", "spec/call spec/client_spec.lua spec/stories/money_spec.lua" },
  { "lua/lomi/call/schema.lua", "spec/call spec/contract spec/client_spec.lua" },
  { "lua/lomi/transport/init.lua", "spec/client_spec.lua spec/transport" },
  { "lua/lomi/transport/curl.lua", "spec/engine_spec.lua spec/client_spec.lua spec/transport" },
}

-- The file, the line, the mutant's line, and why no spec can tell them apart.
local EQUIVALENT = {
  { "src/text.c", "for (size_t i = 0; i < len; i++)", "for (size_t i = 0; i <= len; i++)",
    "the byte behind a Lua string is 0" },
  { "src/json_encode_lua.c", "if (g.may_point && !lomi_json_has_point())",
    "if (g.may_point || !lomi_json_has_point())", "lua-cjson's instance is made anew more often than needed" },
  { "src/json_encode_lua.c", "if (position > largest)", "if (position >= largest)", "assigns an equal value" },
  { "src/json_decode_lua.c", "size_t i = 0;", "size_t i = 1;",
    "a control character that begins a text is no JSON anyway" },
  { "src/engine.c", "x->prev = x->next = NULL;", ";", "both are set when it is put into a list again" },
  { "src/connector.c", "k->timer = milliseconds < 0 ? -1 : lomi_now() + (double)milliseconds / 1e3;",
    "k->timer = milliseconds < 1 ? -1 : lomi_now() + (double)milliseconds / 1e3;",
    "libcurl asks for 0 ms when a transfer begins, and the engine calls it at once then" },
  { "lua/lomi/redact.lua", 'if text:find("_", 1, true) then', 'if text:find("_", 1, false) then',
    "an underscore means itself in a pattern" },
  { "lua/lomi/redact.lua", "local count, last = 0, at - 1", "local count, last = 0, at + 1",
    "the first digit sets it before it counts" },
  { "src/connector.c", "unsigned events = 0;", "unsigned events = 1;", "libcurl is called once too often" },
  { "lua/lomi/transport/init.lua", "server.url = origin", "", "a server that is known is made anew" },
}

-- The mutations. A word stands between characters that are of no word, an operator between spaces.
local OPERATORS = {
  lua = {
    ["=="] = "~=", ["~="] = "==", ["<"] = "<=", ["<="] = "<", [">"] = ">=", [">="] = ">", ["+"] = "-", ["-"] = "+",
  },
  c = {
    ["=="] = "!=", ["!="] = "==", ["<"] = "<=", ["<="] = "<", [">"] = ">=", [">="] = ">", ["+"] = "-", ["-"] = "+",
    ["&&"] = "||", ["||"] = "&&", ["+="] = "-=",
  },
}
local WORDS = {
  lua = { ["and"] = "or", ["or"] = "and", ["true"] = "false", ["false"] = "true", ["not"] = "" },
  c = { ["true"] = "false", ["false"] = "true" },
}

-- ---- chance ------------------------------------------------------------------------------------------

-- The same on every Lua: Park and Miller's generator.
local state = SEED % 2147483646 + 1
local function random(n)
  state = state * 16807 % 2147483647
  return state % n + 1
end

-- ---- mutants of a line -------------------------------------------------------------------------------

-- The same line with strings and comments blanked out, so that places in one are places in the other.
local function code_of(line, kind)
  local function blank(text) return (" "):rep(#text) end
  if line:find("^%s*[%-/*#]") then return "" end -- a comment, or of the preprocessor
  line = line:gsub('\\.', blank):gsub('"[^"]*"', blank):gsub("'[^']*'", blank)
  if kind == "lua" then return (line:gsub("%-%-.*$", blank)) end
  return (line:gsub("/%*.*$", blank):gsub("//.*$", blank))
end

-- All that one line can become.
local function mutants_of(line, kind)
  local code, list = code_of(line, kind), {}
  local function put(from, to, text) list[#list + 1] = line:sub(1, from - 1) .. text .. line:sub(to + 1) end
  for from, operator, to in code:gmatch(" ()([<>=~!+&|-]+)() ") do
    local other = OPERATORS[kind][operator]
    if other then put(from, to - 1, other) end
  end
  for from, word, to in code:gmatch("%f[%w_]()([%a_][%w_]*)()%f[^%w_]") do
    local other = WORDS[kind][word]
    if other then put(from, to - 1, other) end
  end
  for from, digits, to in code:gmatch("%f[%w_.]()(%d+)()%f[^%w_.]") do
    put(from, to - 1, ("%d"):format(tonumber(digits) + 1))
  end
  if kind == "c" then
    for from in code:gmatch("()![%a(]") do put(from, from, "") end
  end
  -- A statement on a line of its own goes: an assignment, or a call.
  if kind == "lua" and code:find("^%s+[%a_][%w_.%[%]]* = .*[%w%)%]}\"]%s*$") or
    kind == "c" and code:find("^%s+[%a_][%w_.%[%]>-]* [+-]?= [^;]*;%s*$") or
    kind == "c" and code:find("^%s+[%a_][%w_]*%([^;{]*%);%s*$") then
    list[#list + 1] = kind == "c" and ";" or ""
  end
  return list
end

-- ---- the copy of the tree ----------------------------------------------------------------------------

local function output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return (text:gsub("%s+$", ""))
end

local function succeeds(command)
  local ok = os.execute(command)
  return ok == true or ok == 0
end

local function read_lines(path)
  local file = io.open(path)
  if not file then return nil end
  local list = {}
  for line in file:lines() do list[#list + 1] = line end
  file:close()
  return list
end

local function write_lines(path, lines)
  local file = assert(io.open(path, "w"))
  file:write(table.concat(lines, "\n"), "\n")
  file:close()
end

local copy = output "mktemp -d"
assert(succeeds(("tar -cf - --exclude=.git --exclude=node_modules . | tar -xf - -C %s"):format(copy)))

local function make(arguments)
  return succeeds(("cd %s && timeout -k 5 %d make -s LUA=%s %s >%s/output 2>&1"):format(copy, LIMIT, LUA, arguments,
    copy))
end

local function run_specs(specs)
  return make(("spec SPEC=\"--no-keep-going %s %s\""):format(TIMING, specs))
end

-- The spec of a file's own name comes first: it is short, and it is the one that should notice.
local function mirror(path)
  return "spec/" .. path:gsub("^src/", ""):gsub("^lua/lomi/", ""):gsub("%.%a+$", ""):gsub("_lua$", "") .. "_spec.lua "
end

local function existing(specs)
  local list = {}
  for spec in specs:gmatch("%S+") do
    if succeeds(("test -e %s/%s"):format(copy, spec)) then list[#list + 1] = spec end
  end
  return table.concat(list, " ")
end

-- ---- the run -----------------------------------------------------------------------------------------

-- All places where a line can be changed: { file, number, specs }.
local function places()
  local list = {}
  for _, target in ipairs(TARGETS) do
    local path, specs = target[1], target[2]
    local lines = read_lines(copy .. "/" .. path)
    for number, line in ipairs(lines or {}) do
      if mutants_of(line, path:match("(%l+)$"))[1] then
        list[#list + 1] = { path = path, number = number, specs = existing(mirror(path) .. specs) }
      end
    end
  end
  return list
end

-- One of the copy's lines is another until the specs have run. Returns "killed", "survived", or nil: it does not build.
local function try(place, number, changed)
  local path = copy .. "/" .. place.path
  local lines = read_lines(path)
  local original = lines[number]
  lines[number] = changed
  write_lines(path, lines)
  local word
  if not place.path:find("%.lua$") or loadfile(path) then
    if make "modules" then
      word = run_specs(place.specs) and "survived" or "killed"
    end
  end
  lines[number] = original
  write_lines(path, lines)
  return word
end

local function check_original(list)
  local known = {}
  for _, place in ipairs(list) do
    for spec in place.specs:gmatch("%S+") do
      if not known[spec] and not (run_specs(spec) or run_specs(spec)) then
        error(("%s fails without a mutant:\n%s"):format(spec, output(("tail -n 20 %s/output"):format(copy))), 0)
      end
      known[spec] = true
    end
  end
end

local function is_equivalent(path, line, changed)
  for _, known in ipairs(EQUIVALENT) do
    if known[1] == path and known[2] == line:match("^%s*(.*)$") and known[3] == changed:match("^%s*(.*)$") then
      return true
    end
  end
  return false
end

local function run()
  local list, started = places(), os.time()
  local tried, survivors = 0, 0
  local chosen = {}
  for i = 1, math.min(COUNT, #list) do chosen[i] = table.remove(list, random(#list)) end
  check_original(chosen)
  for _, place in ipairs(chosen) do
    if os.time() - started > LONGEST then
      print(("stopped after an hour, with %d of %d tried"):format(tried, #chosen))
      break
    end
    local line = read_lines(copy .. "/" .. place.path)[place.number]
    local mutants = mutants_of(line, place.path:match("(%l+)$"))
    local changed = mutants[random(#mutants)]
    local known = is_equivalent(place.path, line, changed)
    local word = not known and try(place, place.number, changed) or nil
    if word then tried = tried + 1 end
    io.stderr:write(("%d of %d: %s:%d %s\n"):format(tried, #chosen, place.path, place.number,
      word or known and "equivalent" or "does not build"))
    if word == "survived" then
      survivors = survivors + 1
      print(("survived: %s:%d\n  - %s\n  + %s"):format(place.path, place.number, line:match("^%s*(.*)$"),
        changed:match("^%s*(.*)$")))
    end
    io.stdout:flush()
  end
  print(("%d mutants of seed %d on %s: %d killed, %d survived, %.1f %% killed"):format(tried, SEED, LUA,
    tried - survivors, survivors, tried > 0 and 100 * (tried - survivors) / tried or 0))
end

local ok, reason = pcall(run)
os.execute("rm -rf " .. copy)
if not ok then error(reason, 0) end
