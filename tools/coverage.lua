-- SPDX-License-Identifier: MIT
-- Lists the lines of ours that nothing has run, on either Lua: of C out of gcov's counts, of Lua out of what
-- tools/lines.c has written. `make coverage`.
--
--   coverage.lua DIRECTORY     of the builds: DIRECTORY/<lua>/obj, DIRECTORY/<lua>/lines

local directory = assert(arg[1], "usage: coverage.lua DIRECTORY")
local LUAS = { "lua5.4", "luajit" }

local function lines_of(command)
  local pipe = assert(io.popen(command))
  local list = {}
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

-- Lines of the engine that no spec can run here, and why; with the line before, where the line says too little.
-- Whatever else of these files has not run is a failure.
local EXCUSED = {
  ["src/connection.c"] = {
    ["if (message->msg != CURLMSG_DONE) continue;"] = "libcurl has no message but that a transfer is done",
    ["code = CURLE_COULDNT_CONNECT;"] = "libcurl does not say that it has connected without a socket",
    ["default: return LOMI_IO_FAILED;"] = "the network itself fails, as when there is no route any more",
  },
  ["src/connector.c"] = {
    ["if (fstat(fd, &status) != 0) return false;"] = "the system knows a socket that was just made",
  },
  ["src/engine.c"] = {
    ["idle_close(e, e->idle_last);"] = "more than 1,024 connections are idle",
    ['fail(e, x, LOMI_FAILED_CONNECTION, "the system cannot watch one more connection");'] = "epoll has no memory",
    ["if (c == NULL) break;"] = "an exchange that connects has a connection",
  },
  ["src/http1.c"] = {},
  ["src/poller.c"] = {
    ["done = control(p, EPOLL_CTL_ADD, fd, events);"] = "libcurl has closed a descriptor without a word",
    ["done = control(p, EPOLL_CTL_MOD, fd, events);"] = "libcurl has closed a descriptor without a word",
    ["if (w == NULL) return false;"] = "there is no memory for the table of watches",
  },
}

-- file -> line number -> has it run? Lines without code are absent.
local files = {}

local function mark(file, line, ran)
  files[file] = files[file] or {}
  files[file][line] = files[file][line] or ran
end

for _, lua in ipairs(LUAS) do
  local file
  for _, line in ipairs(lines_of(("gcov -t %s/%s/obj/*.gcda 2>/dev/null"):format(directory, lua))) do
    local count, number, text = line:match("^%s*([^:]+):%s*(%d+):(.*)$")
    if number == "0" then
      file = text:match("^Source:(src/.*)") or (not text:find("^Source:") and file) or nil
    elseif file and number and count ~= "-" then
      mark(file, tonumber(number), count:find("^%d") ~= nil)
    end
  end
end

local function source_of(file)
  local list = {}
  for line in io.lines(file) do list[#list + 1] = line end
  return list
end

for _, file in ipairs(lines_of("find lua -name '*.lua'")) do
  local source = source_of(file)
  for _, line in ipairs(lines_of("luac5.4 -p -l -l " .. file)) do
    local number = tonumber(line:match("^\t%d+\t%[(%d+)%]"))
    local text = number and not line:find("VARARGPREP", 1, true) and source[number]
    if text and not text:find("^%s*end[%s,;)}]*$") and not text:find("^[%s})]*$") then mark(file, number, false) end
  end
end
for _, lua in ipairs(LUAS) do
  for _, line in ipairs(lines_of(("sort -u %s/%s/lines/*"):format(directory, lua))) do
    local file, number = line:match("^(.*):(%d+)$")
    if files[file] and files[file][tonumber(number)] ~= nil then mark(file, tonumber(number), true) end
  end
end

local function reason_for(file, source, number)
  local before, line = source[number - 1], source[number]:match "^%s*(.-)%s*$"
  local excused = EXCUSED[file]
  return excused and (excused[line] or before and excused[before:match "^%s*(.-)%s*$" .. " " .. line])
end

local names, total, total_ran, unexcused = {}, 0, 0, 0
for file in pairs(files) do names[#names + 1] = file end
table.sort(names)
for _, file in ipairs(names) do
  local count, missing = 0, {}
  for line, ran in pairs(files[file]) do
    count = count + 1
    if not ran then missing[#missing + 1] = line end
  end
  table.sort(missing)
  total, total_ran = total + count, total_ran + count - #missing
  print(("%-32s %5d lines  %5.1f %%"):format(file, count, 100 * (count - #missing) / count))
  local source = #missing > 0 and source_of(file)
  for _, line in ipairs(missing) do
    local reason = reason_for(file, source, line)
    if EXCUSED[file] and not reason then unexcused = unexcused + 1 end
    print(("%7d  %s%s"):format(line, source[line], reason and "   -- " .. reason or ""))
  end
end
print(("%-32s %5d lines  %5.1f %%"):format("all", total, 100 * total_ran / total))
if unexcused > 0 then
  io.stderr:write(("%d lines of the engine have not run, and have no reason in tools/coverage.lua\n"):format(unexcused))
  os.exit(1)
end
