-- SPDX-License-Identifier: MIT
--- `lomi doctor`: checks what a client needs on this machine, a line for each check. Shows no key and no password.

local config = require "lomi.config"
local core = require "lomi.core"
local curl = require "lomi.transport.curl"
local is_loopback = require("lomi.url").is_loopback
local lomi = require "lomi"
local output = require "lomi.cli.output"
local read_date = require("lomi.call.retry").read_date
local redact = require "lomi.redact"
local service = require "lomi.cli.service"

local M = {}

local CONNECT_TIMEOUT, TIMEOUT = 10, 15 -- seconds
local SKEW_WARNING, SKEW_PROBLEM = 60, 300 -- seconds; 300 is the usual tolerance of webhooks

local COLOURS = { ok = "green", warning = "yellow", problem = "red" }

-- Keys of nobody, to check a URL with where the real key is missing.
local STAND_INS = { "lomi_sk_test_doctor", "lomi_sk_live_doctor" }

-- ---- the report -----------------------------------------------------------------------------------

---@class lomi.cli.Report
---@field checks { check: string, state: "ok"|"warning"|"problem"|"skipped", message: string, advice: string? }[]
---@field status integer  of the writing so far
local Report = {}
Report.__index = Report

function Report:add(state, check, message, advice)
  message = redact.sentence(message)
  self.checks[#self.checks + 1] = { check = check, state = state, message = message, advice = advice }
  self[state] = self[state] + 1
  if self.as_json or self.status ~= 0 then return end
  local text = advice and ("%s; %s"):format(message, advice) or message
  self.status = output.row({ ("%-7s"):format(state), ("%-13s"):format(check), text }, COLOURS[state])
end

-- The checks that the problem of another one, `cause`, leaves undone.
function Report:skip(cause, checks)
  for _, check in ipairs(checks) do
    if check ~= cause then
      self:add("skipped", check, ("not checked: fix the problem with %s%s first"):format(
        cause == "libcurl" and "" or "the ", cause))
    end
  end
end

local function counted(number, noun)
  return ("%d %s%s"):format(number, noun, number == 1 and "" or "s")
end

-- The exit status.
function Report:finish()
  if self.as_json then
    self.status = output.json { checks = self.checks, problems = self.problem, warnings = self.warning,
      skipped = self.skipped }
  elseif self.status == 0 then
    self.status = output.line(("%s, %s%s"):format(counted(self.problem, "problem"), counted(self.warning, "warning"),
      self.skipped > 0 and (", %d not checked"):format(self.skipped) or ""))
  end
  return self.problem > 0 and output.FAILED or self.status
end

-- ---- the installation ------------------------------------------------------------------------------

-- The module; or nil and the first line of the reason.
local function load(name)
  local ok, module = pcall(require, name)
  if ok then return module end
  return nil, tostring(module):match("^[^\n]*")
end

local function check_lua(report, typed)
  if lomi._VERSION == core.version then
    report:add("ok", "lomi", core.version)
  else
    report:add("problem", "lomi", ("the Lua files are of %s, the C modules of %s"):format(lomi._VERSION, core.version),
      "install both anew, from one version")
  end
  local first = 0
  while typed[first - 1] do first = first - 1 end
  local jit = rawget(_G, "jit")
  report:add("ok", "Lua", ("%s (%s)"):format(jit and jit.version or _VERSION, typed[first] or "embedded"))
end

-- The libraries, the modules that load them, and, where one cannot be loaded, what that means and what to do.
local LIBRARIES = {
  { "libcurl", "lomi.engine", "cannot be loaded", "install libcurl 7.87 or newer" },
  { "libcrypto", "lomi.crypto", "webhooks cannot be verified", "install OpenSSL's libcrypto" },
  { "libmicrohttpd", "lomi.httpd", "the sandbox cannot be loaded", "install libmicrohttpd" },
}

-- Gives the module of libcurl.
local function check_libraries(report)
  for _, library in ipairs(LIBRARIES) do
    local name, meaning, advice = library[1], library[3], library[4]
    local module, reason = load(library[2])
    if module then
      report:add("ok", name, (module.version:gsub("^libcurl/([^ ]+) ", "%1, TLS by ")))
    elseif reason:find("module 'lomi.httpd' not found", 1, true) then
      report:add("ok", name, "the sandbox is not installed; where it is wanted, install the rock lomi-sandbox")
    else
      report:add("problem", name, meaning .. ": " .. reason, advice)
    end
  end
  report:add("ok", "lua-cjson", tostring(require("cjson")._VERSION))
  return (load "lomi.engine")
end

-- ---- the configuration ----------------------------------------------------------------------------

local KINDS = { sandbox = "a secret key for tests", live = "a secret key for live charges" }

-- A key that may be sent, or nil.
local function check_key(report)
  if not service.has_key() then
    return report:add("problem", "key", "LOMI_API_KEY is not set",
      "set it in the environment to a secret key, lomi_sk_test_… or lomi_sk_live_…")
  end
  local key, source = config.find_key()
  if not key then return report:add("problem", "key", source) end
  local environment = config.environment_of_key(key)
  if not environment then
    return report:add("problem", "key", source .. " begins with neither lomi_sk_test_ nor lomi_sk_live_",
      "copy the secret key anew from the service's dashboard")
  end
  report:add("ok", "key", ("%s is %s"):format(source, KINDS[environment]))
  return key
end

-- The check that the beginning of a message is about.
local SUBJECTS = { ["%-%-ca%-file"] = "CA file", ["[A-Za-z_]*[Pp][Rr][Oo][Xx][Yy] "] = "proxy" }

local function subject_of(message)
  for beginning, check in pairs(SUBJECTS) do
    if message:find("^" .. beginning) then return check end
  end
  return "base URL"
end

-- The checks that come after those of the installation and the key.
local OF_THE_SERVICE = { "CA file", "proxy", "host", "access", "clock" }

-- The configuration with the key; or with a stand-in, to check the rest.
local function check_options(report, args, key)
  local checked, reason
  for _, candidate in ipairs(key and { key } or STAND_INS) do
    checked, reason = service.check(args, candidate)
    if checked then return checked end
  end
  report:add("problem", subject_of(reason), reason)
  report:skip(subject_of(reason), OF_THE_SERVICE)
end

-- Other tools read these; this library does not.
local IGNORED = { "SSL_CERT_FILE", "CURL_CA_BUNDLE" }

local function check_ca_file(report, engine, checked)
  local path = checked.ca_file or engine.ca_file
  if not path then
    return report:add("ok", "CA file", "none: libcurl's TLS library finds the authorities itself")
  end
  local text
  local file, reason = io.open(path, "rb")
  if file then
    text, reason = file:read("*a")
    file:close()
  end
  if not text then
    local is_needed = checked.ca_file or checked.url.scheme == "https"
    return report:add(is_needed and "problem" or "warning", "CA file",
      ("cannot read %s: %s"):format(path, (reason:gsub("^.*: ", ""))),
      checked.ca_file and "give the authority's own file" or
      "install the package ca-certificates, or give --ca-file (in a program: ca_file)")
  end
  if not text:find("BEGIN CERTIFICATE", 1, true) then
    return report:add("problem", "CA file", path .. " holds no certificate in PEM", "give the authority's own file")
  end
  for _, name in ipairs(IGNORED) do
    local value = os.getenv(name)
    if value and value ~= "" and value ~= path and not checked.ca_file then
      return report:add("warning", "CA file", ("%s is read, and not %s of %s"):format(path, value, name),
        "if that one is meant, give --ca-file (in a program: ca_file)")
    end
  end
  report:add("ok", "CA file", path)
end

-- Host and port: the rest of a proxy's URL may hold a password.
local function host_of(proxy)
  return (proxy:gsub("^.*@", ""):gsub("^[A-Za-z0-9]+://", ""))
end

local function check_proxy(report, checked)
  if not checked.proxy or checked.proxy == "" then return report:add("ok", "proxy", "none") end
  report:add("ok", "proxy", host_of(checked.proxy))
end

-- ---- the service ----------------------------------------------------------------------------------

local ADVICE = {
  timeout = "a firewall may drop the packets; where only a proxy leads out, set HTTPS_PROXY",
  tls = "check this machine's clock and the CA file; where a proxy opens TLS, give its authority with --ca-file",
  protocol = "something else than the service answers there: check the base URL",
}

-- A server without TLS answers TLS's first bytes with text, or hangs up. Only on this machine it is asked: elsewhere a
-- server of https may answer plain http too, to refuse it.
local function speaks_http(failure, checked)
  if checked.url.scheme ~= "https" then return false end
  if failure.message:find("wrong version number", 1, true) then return true end
  if failure.kind ~= "connection" or not failure.message:find("SSL", 1, true) then return false end
  return is_loopback(checked.url.host) and curl.shared():send {
    method = "GET", url = checked.base_url:gsub("^https", "http") .. "/", headers = {}, timeout = checked.timeout,
    connect_timeout = checked.connect_timeout,
  } ~= nil
end

-- libcurl names the host, the port (after " port " or, in later ones, ":") and the trouble again.
local function shortened(message)
  message = message:gsub(": Failed to connect to [^\n]- after %d+ ms: (.*)$", function(reason)
    return reason:find "^Could ?n[o']t connect" and "" or ": " .. reason
  end)
  return (message:gsub(": Could not resolve host: .*$", ": the name is unknown"):gsub("[ \n]+$", ""))
end

local function advice_on(failure, checked, args)
  if speaks_http(failure, checked) then return "this port speaks http, not https" end
  if failure.kind ~= "connection" then return ADVICE[failure.kind] end
  if checked.proxy and checked.proxy ~= "" then return "check the proxy, and that it may connect there" end
  if failure.message:find("resolve", 1, true) then return "check the host's name and this machine's name server" end
  if checked.url.scheme == "http" and is_loopback(checked.url.host) then
    return ("start the sandbox there (lomi sandbox --port %d), or %s"):format(checked.url.port,
      args.base_url and "leave --base-url out" or "unset LOMI_BASE_URL")
  end
  return "check the port, and that no firewall stands between"
end

-- With a key, a small GET of the API; without, a request that needs none. Gives the reply, and the error beside it.
local function ask(checked, key)
  if key then
    local _, err, reply = require("lomi.client").new(checked).balances:list(nil, { max_retries = 0 })
    return reply, err
  end
  local reply, failure = curl.shared():send {
    method = "GET", url = checked.base_url .. "/", headers = {}, timeout = checked.timeout,
    connect_timeout = checked.connect_timeout, ca_file = checked.ca_file, proxy = checked.proxy,
  }
  return reply, failure
end

local function check_access(report, key, reply, err)
  if not err then
    report:add("ok", "access", "the service accepts the key")
  elseif err.kind == "authentication" and config.environment_of_key(key) == "live" and err.message:find "sandbox" then
    report:add("problem", "access", "this is a sandbox, and the key is a live one", "use a test key, lomi_sk_test_…")
  elseif err.kind == "authentication" then
    report:add("problem", "access", "the service refuses the key: " .. err.message,
      "copy the key anew from the dashboard")
  elseif err.kind == "permission" then
    report:add("warning", "access", "the service knows the key and does not let it read balances: " .. err.message)
  else
    report:add("warning", "access", ("the answer (HTTP status %d) is not one of the service: %s"):format(reply.status,
      err.message), "check the base URL; if it is right, the service is in trouble")
  end
end

local function length_of(seconds)
  if seconds < 120 then return ("%d s"):format(seconds) end
  if seconds < 7200 then return ("%d min"):format(math.floor(seconds / 60)) end
  return ("%d h"):format(math.floor(seconds / 3600))
end

-- The service's `Date` has whole seconds; `halfway` is between the request and its reply.
local function check_clock(report, date, halfway)
  local there = date and read_date(date)
  if not there then return report:add("warning", "clock", "cannot be compared: the service sent no readable Date") end
  local off = math.floor(halfway - there)
  local says = ("%s %s the service's"):format(length_of(math.abs(off)), off < 0 and "behind" or "ahead of")
  if math.abs(off) <= SKEW_WARNING then return report:add("ok", "clock", "within a minute of the service's") end
  report:add(math.abs(off) > SKEW_PROBLEM and "problem" or "warning", "clock", "this machine's clock is " .. says,
    "set it, by NTP for example: the age of webhooks and the validity of certificates are told by it")
end

local function check_service(report, checked, key, args)
  local began, now = core.now(), os.time()
  output.progress(("waiting for %s …"):format(checked.host))
  local reply, failure = ask(checked, key)
  output.progress()
  local took = core.now() - began
  if not reply then
    report:add("problem", "host", shortened(failure.message), advice_on(failure, checked, args))
    return report:skip("host", { "access", "clock" })
  end
  report:add("ok", "host", ("%s answers, after %.2f s"):format(checked.base_url, took))
  if key then check_access(report, key, reply, failure) else report:skip("key", { "access" }) end
  check_clock(report, reply.headers.date, now + took / 2)
end

-- ---- the command ----------------------------------------------------------------------------------

local function run(args, typed)
  local report = setmetatable({ as_json = args.json, checks = {}, ok = 0, warning = 0, problem = 0, skipped = 0,
    status = 0 }, Report)
  check_lua(report, typed)
  local engine = check_libraries(report)
  local key = check_key(report)
  if not engine then report:skip("libcurl", OF_THE_SERVICE) end
  local checked = engine and check_options(report, args, key)
  if checked then
    checked.timeout, checked.connect_timeout = TIMEOUT, CONNECT_TIMEOUT
    check_ca_file(report, engine, checked)
    check_proxy(report, checked)
    check_service(report, checked, key, args)
  end
  return report:finish()
end

function M.add(parser)
  local command = parser:command("doctor", "Check what a client needs on this machine: versions, key, host, clock.")
  service.add_host(command)
  command:flag("--json"):description "Print the checks as one JSON object."
  command:action(function(args) args.run, args.names = run, service.HOST_NAMES end)
  command:epilog [[One line for each check: ok, warning, problem or skipped, and what to do. No key and no password is
shown. Exit status: 0 without a problem, else 1.

Example:
   lomi doctor
   lomi doctor --base-url http://127.0.0.1:4010]]
end

return M
