-- SPDX-License-Identifier: MIT
-- The instructions of a whole charge, counted by callgrind, against the bare libcurl loop in C that sends the same
-- bytes, and the parts of the charge they go to. No noise of the machine is in them. `make instructions`;
-- instructions.lua [count].
--
-- The server runs outside callgrind and answers after a delay, so that the client always waits for it. The start is
-- not counted: callgrind writes a profile and begins anew each time clock() is called, and the workers call it before
-- and after their work. System calls count nothing. Callgrind does not follow the code that LuaJIT compiles: LuaJIT
-- only interprets here, and is slower than it is in use.
local callgrind = require "bench.callgrind"
local process = require "bench.process"
local report = require "bench.report"
local serve = require "bench.serve"

local COUNT = tonumber(arg[1]) or 1000
local STARTS = 5
local DELAY = 0.001  -- seconds

-- Libraries, as patterns of their file names.
local CURL, CJSON, ENGINE = "^libcurl", "cjson", "^engine%.so$"

local directory = os.tmpname()
os.execute(("rm %s && mkdir -m 700 %s"):format(directory, directory))
local WRAPPER = ("valgrind -q --tool=callgrind --dump-before=clock --callgrind-out-file=%s/profile"):format(directory)

-- Has a worker under callgrind do its work so many times, and gives the profiles in order: of what was done between one
-- reading of the clock and the next.
local function profiles(command)
  local worker, said = process.worker(command)
  if not worker then error(said, 0) end
  worker:work(COUNT)
  worker:stop()
  local list = {}
  for number = 1, math.huge do
    local path = ("%s/profile.%d"):format(directory, number)
    local file = io.open(path)
    if not file then return list end
    file:close()
    list[number] = callgrind.read(path)
    os.remove(path)
  end
end

-- The profile of the charges. How malloc's memory lies differs from start to start, and some starts cost 1 % more: the
-- best one counts.
local function of_charges(lua, server)
  local best
  for _ = 1, STARTS do
    local profile = profiles(process.charging(lua, "lomi", server, WRAPPER))[2]
    if not best or profile.total < best.total then best = profile end
  end
  return best
end

-- bench/parts.lua has them in this order; the first is the empty loop, which is taken off.
local function of_parts(lua)
  local list = profiles(process.wrapped(WRAPPER, lua, "bench/parts.lua", serve.BODY))
  local function part(number)
    local profile = list[2 * number]
    return { all = profile.total - list[2].total, cjson = callgrind.spent(profile, CJSON) }
  end
  return { schema = part(2), encode = part(3), decode = part(4), uuid = part(5) }
end

-- Self cost: callgrind knows which library an instruction is of, and for libc also the source file.
local function by_library(profile)
  local cost = { lua = 0, malloc = 0, core = 0, engine = 0, curl = 0, cjson = 0, rest = 0 }
  local function library_of(fn)
    if fn.object:find "^lua" then return "lua" end
    if fn.file == "malloc.c" or fn.file == "arena.c" then return "malloc" end
    if fn.object == "core.so" then return "core" end
    if fn.object:find(ENGINE) then return "engine" end
    if fn.object:find(CURL) then return "curl" end
    return fn.object:find(CJSON) and "cjson" or "rest"
  end
  for _, fn in ipairs(profile.functions) do
    local library = library_of(fn)
    cost[library] = cost[library] + fn.self / COUNT
  end
  return cost
end

local function by_part(profile, parts)
  local cost = {
    schema = parts.schema.all,
    encode = parts.encode.all - parts.encode.cjson, cjson_encode = parts.encode.cjson,
    decode = parts.decode.all - parts.decode.cjson, cjson_decode = parts.decode.cjson,
    uuid = parts.uuid.all,
    engine = callgrind.spent(profile, ENGINE, CURL),
    curl = callgrind.spent(profile, CURL, ENGINE), -- what it calls back is the engine's
  }
  local rest = profile.total
  for name, value in pairs(cost) do cost[name], rest = value / COUNT, rest - value end
  cost.rest = rest / COUNT
  return cost
end

local PARTS = {
  { "schema", "check of the params" },
  { "encode", "encode, but for lua-cjson" },
  { "cjson_encode", "encode, in lua-cjson" },
  { "uuid", "idempotency key" },
  { "engine", "engine and HTTP, with what they call of Lua" },
  { "curl", "libcurl" },
  { "cjson_decode", "decode, in lua-cjson" },
  { "decode", "decode, but for lua-cjson" },
  { "rest", "the rest: Lua of the client" },
}

local LIBRARIES = {
  { "lua", "Lua's interpreter and library" },
  { "malloc", "malloc and free" },
  { "core", "lomi.core" },
  { "engine", "lomi.engine" },
  { "curl", "libcurl" },
  { "cjson", "lua-cjson" },
  { "rest", "the rest of libc and others" },
}

local figures = report.new { ["lua5.4"] = "Lua 5.4", luajit = "LuaJIT, interpreting" }

-- Rows of figures by name, out of a table of them for each Lua.
local function rows(names, costs)
  for _, row in ipairs(names) do
    local values = {}
    for lua, cost in pairs(costs) do values[lua] = cost[row[1]] end
    figures:row(row[2], "%.0f", values)
  end
end

local function measure(server)
  local bare, whole, ratio, parts, libraries = of_charges("bare", server).total / COUNT, {}, {}, {}, {}
  for _, lua in ipairs(report.LUAS) do
    local profile = of_charges(lua, server)
    whole[lua] = profile.total / COUNT
    ratio[lua] = whole[lua] / bare
    parts[lua], libraries[lua] = by_part(profile, of_parts(lua)), by_library(profile)
  end
  figures:section "Instructions of a whole charge"
  figures:row("bare libcurl loop in C", "%.0f", { ["lua5.4"] = bare, luajit = bare })
  figures:row("lomi, blocking", "%.0f", whole)
  figures:row("ratio", "%.3f", ratio, { ["lua5.4"] = 0.90 })
  figures:section "Of these, by part"
  rows(PARTS, parts)
  figures:section "The same, by library"
  rows(LIBRARIES, libraries)
end

local function measure_tls(server)
  local bare, whole, ratio = of_charges("bare", server).total / COUNT, {}, {}
  for _, lua in ipairs(report.LUAS) do
    whole[lua] = of_charges(lua, server).total / COUNT
    ratio[lua] = whole[lua] / bare
  end
  figures:section "Instructions of a whole charge over TLS"
  figures:row("bare libcurl loop in C", "%.0f", { ["lua5.4"] = bare, luajit = bare })
  figures:row("lomi, blocking", "%.0f", whole)
  figures:row("ratio", "%.3f", ratio, { ["lua5.4"] = 0.95 })
end

local ok, wrong = pcall(function()
  serve.with({ delay = DELAY }, measure)
  serve.with({ delay = DELAY, tls = true }, measure_tls)
end)
os.execute("rm -rf " .. directory)
if not ok then error(wrong, 0) end
print(("Instructions of a charge, by callgrind: the mean of %d on one connection, the best of %d starts"):format(
  COUNT, STARTS))
figures:print()
