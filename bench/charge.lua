-- SPDX-License-Identifier: MIT
-- A contender, in a process of its own: says "ready" after some charges to warm up; then for each line of its input, a
-- count, makes so many charges and prints the CPU seconds they took, the garbage collector's work in it. bench/bare.c
-- is the same in C.
--
--   charge.lua CONTENDER CA_FILE URL [HEADER…]: CONTENDER is a file of bench/contenders/, with an argument behind it or
--   not ("lomi 100"); CA_FILE is empty for plain HTTP. Instead of "ready" it may say what it needs and lacks.
--
-- A contender is `needs`, the modules it is about, and `new(site, argument)`. It gives a function that makes one
-- charge of bench/order.lua, raises unless the status is 201, and gives the client_secret out of the reply's JSON; and,
-- if it makes more than one at a time, a function that calls another one `count` times.
local WARM_UP = 500

local name, argument = arg[1]:match("^(%S+) ?(.*)$")
local site = { ca_file = arg[2] ~= "" and arg[2] or nil, url = arg[3], headers = {} }
local contender = require("bench.contenders." .. name)

for _, module in ipairs(contender.needs) do
  local ok, reason = pcall(require, module)
  if not ok then
    print((tostring(reason):match("[^\n]+"):gsub(":$", "")))
    os.exit(0)
  end
end

site.origin, site.host, site.port, site.path = site.url:match("^(https?://([^:/]+):(%d+))(/.*)$")
for i = 4, #arg do
  local field, value = arg[i]:match("^([^:]+): (.*)$")
  site.headers[field] = value
end
local charge, each = contender.new(site, argument)

local secret
local function once() secret = charge() end

local function times(n)
  if each then return each(n, once) end
  for _ = 1, n do once() end
end

io.stdout:setvbuf("line")
times(WARM_UP)
if not secret:find("_secret_", 1, true) then error("no client_secret: " .. secret) end
print("ready")
for count in io.lines() do
  local before = os.clock()
  times(tonumber(count))
  print(("%.6f"):format(os.clock() - before))
end
