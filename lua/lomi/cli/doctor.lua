-- SPDX-License-Identifier: MIT
--- `lomi doctor`: checks what a client needs on this machine, a line for each check. Shows no key and no password.

local config = require "lomi.config"
local core = require "lomi.core"
local curl = require "lomi.transport.curl"
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
---@field checks { check: string, state: "ok"|"warning"|"problem", message: string, advice: string? }[]
---@field status integer  of the writing so far
local Report = {}
Report.__index = Report

function Report:add(state, check, message, advice)
  message = redact.sentence(message)
  self.checks[#self.checks + 1] = { check = check, state = state, message = message, advice = advice }
  if state ~= "ok" then self[state .. "s"] = self[state .. "s"] + 1 end
  if self.as_json or self.status ~= 0 then return end
  local text = advice and ("%s; %s"):format(message, advice) or message
  self.status = output.row({ ("%-7s"):format(state), ("%-13s"):format(check), text }, COLOURS[state])
end

function Report:ok(...) self:add("ok", ...) end
function Report:warning(...) self:add("warning", ...) end
function Report:problem(...) self:add("problem", ...) end

local function counted(number, noun)
  return ("%d %s%s"):format(number, noun, number == 1 and "" or "s")
end

-- The exit status.
function Report:finish()
  if self.as_json then
    self.status = output.json { checks = self.checks, problems = self.problems, warnings = self.warnings }
  elseif self.status == 0 then
    self.status = output.line(counted(self.problems, "problem") .. ", " .. counted(self.warnings, "warning"))
  end
  return self.problems > 0 and output.FAILED or self.status
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
    report:ok("lomi", core.version)
  else
    report:problem("lomi", ("the Lua files are of %s, the C modules of %s"):format(lomi._VERSION, core.version),
      "install both anew, from one version")
  end
  local first = 0
  while typed[first - 1] do first = first - 1 end
  local jit = rawget(_G, "jit")
  report:ok("Lua", ("%s (%s)"):format(jit and jit.version or _VERSION, typed[first] or "embedded"))
end

local function check_libraries(report)
  local engine, reason = load "lomi.engine"
  if engine then
    report:ok("libcurl", (engine.version:gsub("^libcurl/([^ ]+) ", "%1, TLS by ")))
  else
    report:problem("libcurl", "cannot be loaded: " .. reason, "install libcurl 7.87 or newer")
  end
  local crypto
  crypto, reason = load "lomi.crypto"
  if crypto then
    report:ok("libcrypto", crypto.version)
  else
    report:problem("libcrypto", "webhooks cannot be verified: " .. reason, "install OpenSSL's libcrypto")
  end
  report:ok("lua-cjson", tostring(require("cjson")._VERSION))
  local httpd
  httpd, reason = load "lomi.httpd"
  if httpd then
    report:ok("libmicrohttpd", httpd.version)
  elseif reason:find("module 'lomi.httpd' not found", 1, true) then
    report:ok("libmicrohttpd", "the sandbox is not installed; where it is wanted, install the rock lomi-sandbox")
  else
    report:problem("libmicrohttpd", "the sandbox cannot be loaded: " .. reason, "install libmicrohttpd")
  end
  return engine
end

-- ---- the configuration ----------------------------------------------------------------------------

local KINDS = { sandbox = "a secret key for tests", live = "a secret key for live charges" }

-- A key that may be sent, or nil.
local function check_key(report)
  if not service.has_key() then
    return report:problem("key", "LOMI_API_KEY is not set", "set it in the environment to a secret key, lomi_sk_test_… "
      .. "or lomi_sk_live_…")
  end
  local key, source = config.find_key()
  if not key then return report:problem("key", source) end
  local environment = config.environment_of_key(key)
  if not environment then
    return report:problem("key", source .. " begins with neither lomi_sk_test_ nor lomi_sk_live_",
      "copy the secret key anew from the service's dashboard")
  end
  report:ok("key", ("%s is %s"):format(source, KINDS[environment]))
  return key
end

-- The check that the beginning of a message is about.
local SUBJECTS = { ["%-%-ca%-file"] = "CA file", ["[%a_]*[Pp][Rr][Oo][Xx][Yy] "] = "proxy" }

local function subject_of(message)
  for beginning, check in pairs(SUBJECTS) do
    if message:find("^" .. beginning) then return check end
  end
  return "base URL"
end

-- The configuration with the key; or with a stand-in, to check the rest.
local function check_options(report, args, key)
  local checked, wrong
  for _, candidate in ipairs(key and { key } or STAND_INS) do
    checked, wrong = service.check(args, candidate)
    if checked then return checked end
  end
  report:problem(subject_of(wrong), wrong)
end

-- Other tools read these; this library does not.
local IGNORED = { "SSL_CERT_FILE", "CURL_CA_BUNDLE" }

local function check_ca_file(report, engine, checked)
  local path = checked.ca_file or engine.ca_file
  if not path then
    return report:ok("CA file", "none: libcurl's TLS library finds the authorities itself")
  end
  local file, reason = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then file:close() end
  if not text then
    local add = checked.url.scheme == "https" and report.problem or report.warning
    return add(report, "CA file", ("%s cannot be read"):format(reason or path),
      "install the package ca-certificates, or give --ca-file (in a program: ca_file)")
  end
  if not text:find("BEGIN CERTIFICATE", 1, true) then
    return report:problem("CA file", path .. " holds no certificate in PEM", "give the authority's own file")
  end
  for _, name in ipairs(IGNORED) do
    local value = os.getenv(name)
    if value and value ~= "" and value ~= path and not checked.ca_file then
      return report:warning("CA file", ("%s is read, and not %s of %s"):format(path, value, name),
        "if that one is meant, give --ca-file (in a program: ca_file)")
    end
  end
  report:ok("CA file", path)
end

-- Host and port: the rest of a proxy's URL may hold a password.
local function host_of(proxy)
  return (proxy:gsub("^.*@", ""):gsub("^[A-Za-z0-9]+://", ""))
end

local function check_proxy(report, checked)
  if not checked.proxy or checked.proxy == "" then return report:ok("proxy", "none") end
  report:ok("proxy", host_of(checked.proxy))
end

-- ---- the service ----------------------------------------------------------------------------------

local ADVICE = {
  timeout = "a firewall may drop the packets; where only a proxy leads out, set HTTPS_PROXY",
  tls = "check this machine's clock and the CA file; where a proxy opens TLS, give its authority with --ca-file",
  protocol = "something else than the service answers there: check the base URL",
}

local function advice_on(failure, checked)
  if failure.kind ~= "connection" then return ADVICE[failure.kind] end
  if checked.proxy and checked.proxy ~= "" then return "check the proxy, and that it may connect there" end
  if failure.message:find("resolve", 1, true) then return "check the host's name and this machine's name server" end
  if checked.url.host:find("^127%.") or checked.url.host == "localhost" or checked.url.host == "::1" then
    return "start the sandbox there (lomi sandbox), or unset LOMI_BASE_URL"
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

local function check_access(report, reply, err)
  if not err then
    report:ok("access", "the service accepts the key")
  elseif err.kind == "authentication" then
    report:problem("access", "the service refuses the key: " .. err.message,
      "copy the key anew from the dashboard; a sandbox takes any lomi_sk_test_ key, and no live one")
  elseif err.kind == "permission" then
    report:warning("access", "the service knows the key and does not let it read balances: " .. err.message)
  else
    report:warning("access", ("the answer (HTTP status %d) is not one of the service: %s"):format(reply.status,
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
  if not there then return report:warning("clock", "cannot be compared: the service sent no readable Date") end
  local off = math.floor(halfway - there)
  local says = ("%s %s the service's"):format(length_of(math.abs(off)), off < 0 and "behind" or "ahead of")
  if math.abs(off) <= SKEW_WARNING then return report:ok("clock", "within a minute of the service's") end
  local add = math.abs(off) > SKEW_PROBLEM and report.problem or report.warning
  add(report, "clock", "this machine's clock is " .. says,
    "set it, by NTP for example: the age of webhooks and the validity of certificates are told by it")
end

local function check_service(report, checked, key)
  local began, now = core.now(), os.time()
  output.progress(("waiting for %s …"):format(checked.host))
  local reply, failure = ask(checked, key)
  output.progress()
  local took = core.now() - began
  if not reply then
    return report:problem("host", failure.message, advice_on(failure, checked))
  end
  report:ok("host", ("%s answers, after %.2f s"):format(checked.base_url, took))
  if key then check_access(report, reply, failure) end
  check_clock(report, reply.headers.date, now + took / 2)
end

-- ---- the command ----------------------------------------------------------------------------------

local function run(args, typed)
  local report = setmetatable({ as_json = args.json, checks = {}, problems = 0, warnings = 0, status = 0 }, Report)
  check_lua(report, typed)
  local engine = check_libraries(report)
  local key = check_key(report)
  local checked = engine and check_options(report, args, key)
  if checked then
    checked.timeout, checked.connect_timeout = TIMEOUT, CONNECT_TIMEOUT
    check_ca_file(report, engine, checked)
    check_proxy(report, checked)
    check_service(report, checked, key)
  end
  return report:finish()
end

function M.add(parser)
  local command = parser:command("doctor", "Check what a client needs on this machine: versions, key, host, clock.")
  service.add_host(command)
  command:flag("--json"):description "Print the checks as one JSON object."
  command:action(function(args) args.run, args.names = run, service.HOST_NAMES end)
  command:epilog [[One line for each check: ok, warning or problem, and what to do. No key and no password is shown.
Exit status: 0 without a problem, else 1.

Example:
   lomi doctor
   lomi doctor --base-url http://127.0.0.1:4010]]
end

return M
