-- SPDX-License-Identifier: MIT
--- The command as a shell runs it: in a process of its own, against a real sandbox.

local core = require "lomi.core"
local files = require "spec.support.files"
local lomi = require "lomi"
local sandbox_of = require "lomi.sandbox"

local LUA = require("spec.support.child").LUA
local SCRIPT = assert(package.searchpath("lomi.cli", package.path))
local KEY = "lomi_sk_test_5pecK3y"
local SECRET = "whsec_spec1234"
local AWA = "--email awa@example.com --name 'Awa Ndiaye'"

local function quote(text)
  return "'" .. text:gsub("'", [['\'']]) .. "'"
end

local read = files.read

-- The start of a command line: the environment as `env` has it (false: not set), nothing of the caller's.
local function prefix(env)
  local set = { LUA_PATH = package.path, LUA_CPATH = package.cpath }
  for name, value in pairs(env) do set[name] = value end
  local words = { "env" }
  for _, name in ipairs { "LOMI_API_KEY", "LOMI_SECRET_KEY", "LOMI_BASE_URL", "LOMI_WEBHOOK_SECRET", "NO_COLOR" } do
    words[#words + 1] = "-u " .. name
  end
  for name, value in pairs(set) do words[#words + 1] = quote(name .. "=" .. value) end
  return table.concat(words, " ")
end

local function no_secret(text)
  assert.falsy(text:find(KEY, 1, true), text)
  assert.falsy(text:find(SECRET, 1, true), text)
end

local function run_in(env, arguments)
  local errors = os.tmpname()
  local pipe = assert(io.popen(("%s timeout 60 %s %s %s 2>%s; echo \"status $?\""):format(prefix(env), LUA, SCRIPT,
    arguments, errors)))
  local out, status = pipe:read("*a"):match("^(.*)status (%d+)\n$")
  pipe:close()
  local err = read(errors)
  os.remove(errors)
  no_secret(out .. err)
  assert.falsy((out .. err):find("\27", 1, true), "a colour in a pipe")
  return tonumber(status), out, err
end

-- A command that runs until it is told to end. Its lines can be read; `finish` interrupts it, and gives the exit status
-- and the lines not read.
local function start_in(env, arguments)
  local pipe = assert(io.popen(("%s timeout --kill-after 1 20 sh -c 'echo $$; exec \"$@\"' sh %s %s %s 2>&1;"
    .. " echo \"status $?\""):format(prefix(env), LUA, SCRIPT, arguments)))
  local running = { pid = assert(pipe:read("*l"):match("^%d+$")) }
  function running.line()
    return pipe:read("*l")
  end
  function running.finish()
    os.execute("kill -INT " .. running.pid)
    local rest, status = pipe:read("*a"):match("^(.*)status (%d+)\n$")
    pipe:close()
    return tonumber(status), rest
  end
  return running
end

local function is_alive(pid)
  local ok = os.execute(("kill -0 %s 2>/dev/null"):format(pid))
  return ok == true or ok == 0
end

local function one_line_of_json(text)
  assert.matches("^[^\n]+\n$", text)
  return assert(core.decode(text))
end

describe("the lomi command", function()
  local sandbox, here

  local function run(arguments)
    return run_in(here, arguments)
  end

  setup(function() sandbox = assert(sandbox_of.start()) end)
  teardown(function() sandbox:stop() end)

  before_each(function()
    sandbox:reset()
    here = { LOMI_API_KEY = KEY, LOMI_BASE_URL = sandbox.url }
  end)

  it("says its version", function()
    assert.same({ 0, "lomi " .. core.version .. "\n", "" }, { run "--version" })
  end)

  it("explains every command, with an example of it", function()
    for _, command in ipairs {
      "", "charge", "charge create", "charge get", "charge cancel", "doctor", "sandbox", "webhook", "webhook sign",
      "webhook verify", "webhook listen",
    } do
      local status, out, err = run(command .. " --help")
      assert.equal(0, status)
      assert.equal("", err)
      assert.matches("^Usage: lomi " .. command, out)
      local example = assert(out:match("Example:\n%s+(.+)"), command)
      assert.matches("lomi " .. command, example, 1, true)
    end
  end)

  it("fails, and says so, when standard output cannot be written", function()
    for arguments, what in pairs {
      ["--help"] = "the help", ["charge create -h"] = "the help", ["refunds list --help"] = "the help",
      ["--version"] = "the version", ["sandbox --port 0"] = "a line", ["transactions list"] = "a line",
      ["doctor"] = "a line", ["doctor --json"] = "the answer",
      ["webhook sign --secret whsec_a README.md"] = "a line",
      ["webhook listen --port 0 --secret whsec_a"] = "a line", ["transactions list --json"] = "the answer",
    } do
      local status, _, err = run(arguments .. " >/dev/full")
      assert.equal(1, status, arguments)
      local message = what .. " cannot be written to standard output: %u[^\n\"]+"
      if arguments:find "%-%-json" then
        assert.matches("^" .. message .. "$", one_line_of_json(err).error.message)
      else
        assert.matches("^lomi: " .. message .. "\n$", err)
      end
    end
  end)

  it("is a module for the script that is installed", function()
    local pipe = assert(io.popen(("%s %s -e 'os.exit(require(\"lomi.cli\").main { \"charge\" }, true)' 2>&1; echo $?")
      :format(prefix(here), LUA)))
    local text = pipe:read("*a")
    pipe:close()
    assert.matches("Usage: lomi charge .*a command is required\n2\n$", text)
  end)

  describe("charge create", function()
    it("shows the charge as a person reads it, and keeps the client_secret back", function()
      local status, out, err = run("charge create --amount 10000 --currency XOF " .. AWA)
      assert.equal("", err)
      assert.equal(0, status)
      local charge = sandbox:charges()[1]
      assert.equal("charge         " .. charge.id .. "\n"
        .. "status         requires_payment_method\n"
        .. "amount         10 000 F CFA\n"
        .. "to be charged  15.24 EUR\n"
        .. "client_secret  not shown; --json prints it\n", out)
    end)

    it("sends every field it is given, metadata as strings", function()
      local id = core.uuid4()
      assert.equal(0, (run("charge create --amount 10.5 --currency USD --customer-id " .. id
        .. " --description 'Two tickets' --reference R-1 --metadata order=1 'note=a=b c' --metadata empty="
        .. " --idempotency-key order-1 --account acct_1")))
      local request = sandbox:requests()[1]
      assert.same({
        amount = 10.5, currency_code = "USD", customer_id = id, description = "Two tickets", payment_reference = "R-1",
        metadata = { order = "1", note = "a=b c", empty = "" },
      }, core.decode(request.body))
      assert.equal("order-1", request.headers["idempotency-key"])
      assert.equal("acct_1", request.headers["lomi-account"])
    end)

    it("prints one JSON object, client_secret and all, with --json", function()
      local status, out = run("charge create --json --amount 10000 " .. AWA)
      assert.equal(0, status)
      local charge = one_line_of_json(out)
      assert.equal(10000, charge.original_amount)
      assert.matches("^" .. charge.id .. "_secret_", charge.client_secret)
    end)

    it("names the charge when it cannot print it", function()
      for _, option in ipairs { "", "--json " } do
        sandbox:reset()
        local status, _, err = run("charge create --amount 10000 " .. option .. AWA .. " >/dev/full")
        assert.equal(1, status)
        assert.matches("the answer (" .. sandbox:charges()[1].id .. ") cannot be written", err, 1, true)
      end
    end)

    it("says when the answer is an old one", function()
      run("charge create --amount 10000 --idempotency-key k " .. AWA)
      local _, out = run("charge create --amount 10000 --idempotency-key k " .. AWA)
      assert.matches("\nreplayed +yes", out)
    end)

    it("prefers --base-url to the environment", function()
      here.LOMI_BASE_URL = "http://127.0.0.1:1"
      assert.equal(0, (run("charge create --amount 10000 --base-url " .. sandbox.url .. " " .. AWA)))
    end)

    it("refuses an amount that can be read in two ways", function()
      for _, amount in ipairs { "10,5", "1e4", "0x10", "10 000", "10.", ".5", "-5", "", "inf", "nan" } do
        local status, out, err = run("charge create --amount=" .. quote(amount))
        assert.same({ 2, "" }, { status, out })
        assert.matches(('such as 10000 or 10.5, not "%s"\n'):format(amount), err, 1, true)
      end
      assert.same({}, sandbox:requests())
    end)

    it("refuses an amount with more digits than a number holds, and sends nothing", function()
      for _, amount in ipairs { "99999999999999999999", "9999.9999999999999999", "19.999999999999999999" } do
        local status, out, err = run("charge create --currency USD --amount " .. amount .. " " .. AWA)
        assert.same({ 2, "" }, { status, out })
        assert.matches('at most 15 digits: more would be rounded; not "' .. amount .. '"', err, 1, true)
      end
      assert.same({}, sandbox:requests())
      assert.equal(0, (run("charge create --amount 00000000000000010000.00 " .. AWA)))
    end)

    it("refuses what is wrong in the words of the command line, and sends nothing", function()
      for arguments, message in pairs {
        ["--currency XOF"] = "missing option '--amount'",
        ["--amount 1 --amount 2"] = "option '--amount' must be used 1 time",
        ["--amount 1 --currency CFA"] = "must be one of 'XOF', 'USD', 'EUR'",
        ["--amount 1 --metadata order"] = '--metadata takes name=value, such as order_id=ORD-1, not "order"',
        ["--amount 1 --metadata =x"] = "--metadata takes name=value",
        ["--amount 1 --metadata a=1 a=2"] = "--metadata a is given twice",
        ["--amount 10.5 --email awa"] = "--amount must be a whole number: XOF has no minor unit; --email must be an"
          .. " email address, like awa@example.com; --name is required together with --email, unless --customer-id is"
          .. " given",
        ["--amount 1 --idempotency-key ''"] = "--idempotency-key must not be empty",
        ["--amount 1 --base-url ftp://x"] = "--base-url must be",
        ["--amount 1 --emial x"] = "Did you mean '--email'?",
      } do
        local status, out, err = run("charge create " .. arguments)
        assert.same({ 2, "" }, { status, out })
        assert.matches(message, err, 1, true)
      end
      assert.same({}, sandbox:requests())
    end)

    it("refuses in JSON too", function()
      local status, out, err = run "charge create --json --amount 10,5"
      assert.same({ 2, "" }, { status, out })
      assert.equal("usage", one_line_of_json(err).error.kind)
      status, out, err = run "charge create --json --amount 1 --email awa"
      assert.same({ 2, "" }, { status, out })
      assert.equal("customer_email", one_line_of_json(err).error.fields[1].field)
    end)

    it("refuses in JSON what is not text at all", function()
      for arguments, shown in pairs {
        ["--amount '\255'"] = '"?"', ["--amount " .. ("é"):rep(50)] = ('"%s..."'):format(("é"):rep(19)),
        ["--amount 1 --metadata '\255=1'"] = "metadata.?", ["--amount 1 --email '\255@b.co' --name A"] = "UTF-8",
        ["--amount 1 --base-url '\255'"] = "--base-url", ["--amount 1 --\255"] = "?",
      } do
        local status, out, err = run("charge create --json " .. arguments)
        assert.same({ 2, "" }, { status, out })
        local message = one_line_of_json(err).error.message
        assert.matches(shown, message, 1, true)
      end
    end)

    it("tells how to retry when nobody knows whether it was done", function()
      sandbox:fail { empty = true }
      local status, out, err = run("charge create --amount 10000 --description \"Awa's\" --email awa@example.com"
        .. " --name 'Awa Ndiaye'")
      assert.same({ 1, "" }, { status, out })
      assert.matches("outcome: unknown", err, 1, true)
      local again = assert(err:match("\n  lomi (charge create [^\n]+)\n$"), err)
      assert.matches("--idempotency-key " .. sandbox:charges()[1].idempotency_key, again, 1, true)

      status, out = run(again)
      assert.equal(0, status)
      assert.matches("\nreplayed ", out)
      assert.equal(1, #sandbox:charges())
    end)

    it("has the key once in that line", function()
      sandbox:fail { empty = true }
      local _, _, err = run("charge create --amount 10000 --idempotency-key order-7 " .. AWA)
      assert.matches("\n  lomi charge create --amount 10000 --idempotency-key order-7 --email awa@example.com "
        .. "--name 'Awa Ndiaye'\n", err, 1, true)
    end)

    it("shortens that line rather than show a card number", function()
      sandbox:fail { empty = true }
      local _, _, err = run("charge create --amount 1 --idempotency-key k --metadata pan=4242424242424242 " .. AWA)
      assert.matches("\n  lomi charge create ... --idempotency-key k\n", err, 1, true)
      assert.falsy(err:find("4242424242424242", 1, true), err)
    end)

    it("gives the outcome and the key in JSON", function()
      sandbox:fail { empty = true }
      local status, out, err = run("charge create --json --amount 10000 " .. AWA)
      assert.same({ 1, "" }, { status, out })
      local failure = one_line_of_json(err).error
      assert.same({ "protocol", "unknown", sandbox:charges()[1].idempotency_key },
        { failure.kind, failure.outcome, failure.idempotency_key })
    end)

    it("does not advise a retry for a cached response", function()
      sandbox:fail { status = 500, recorded = true }
      local status, _, err = run("charge create --amount 10000 --idempotency-key k " .. AWA)
      assert.equal(1, status)
      assert.matches("look it up instead", err, 1, true)
      assert.falsy(err:find("To retry", 1, true), err)
    end)

    it("says why it waits between attempts, but not in JSON", function()
      sandbox:fail { status = 503 }
      local status, _, err = run("charge create --amount 10000 " .. AWA)
      assert.equal(0, status)
      assert.matches("^lomi: attempt 1: api %(503%); the next in %d%.%d s\n$", err)
      sandbox:fail { status = 503 }
      status, _, err = run("charge create --json --amount 10000 " .. AWA)
      assert.same({ 0, "" }, { status, err })
    end)

    it("tells the key also when Ctrl-C ends it", function()
      sandbox:fail { delay = 20 }
      local running = start_in(here, "charge create --amount 10000 " .. AWA)
      local given_up = core.now() + 10
      repeat local arrived = sandbox:requests()[1] until arrived or core.now() > given_up
      local status, rest = running.finish()
      assert.equal(130, status)
      assert.matches("interrupted: whether it was carried out is unknown", rest, 1, true)
      local key = sandbox:requests()[1].headers["idempotency-key"]
      assert.matches("--idempotency-key " .. key .. "\n", rest, 1, true)
      assert.falsy(rest:find("traceback", 1, true), rest)
    end)
  end)

  describe("charge get and cancel", function()
    local id

    before_each(function()
      id = lomi.new { api_key = KEY, base_url = sandbox.url }.charges:create_card_charge {
        amount = 1234567, customer_email = "awa@example.com", customer_name = "Awa Ndiaye",
      }.id
    end)

    it("look a charge up", function()
      sandbox:confirm(id, "4242424242424242")
      local status, out = run("charge get " .. id)
      assert.equal(0, status)
      assert.matches("\nstatus +succeeded\namount +1 234 567 F CFA\n", out)
      assert.matches("\ntransaction +%S+ ", out)
      local _, json = run("charge get --json " .. id)
      assert.equal("succeeded", one_line_of_json(json).status)
    end)

    it("cancel a charge", function()
      assert.same({ 0, ("charge  %s\nstatus  canceled\n"):format(id), "" },
        { run("charge cancel --idempotency-key c " .. id) })
      local status, out, err = run("charge cancel --json " .. id)
      assert.same({ 1, "" }, { status, out })
      assert.equal("conflict", one_line_of_json(err).error.kind)
    end)

    it("tell how to look a charge up whose cancellation may have been carried out", function()
      sandbox:fail { empty = true }
      local status, _, err = run("charge cancel -- " .. id)
      assert.equal(1, status)
      local look = assert(err:match("\n  lomi (charge get %-%- %S+)\n$"), err)
      assert.equal(0, (run(look)))
    end)

    it("show whatever a server says, without a traceback", function()
      for body, shown in pairs {
        ['"amount":1e308,"currency":["x"],"original_amount":1e307,"original_currency":{}'] = "1e+307",
        ['"amount":-0.5,"currency":5,"status":{},"transaction":{"transaction_id":{}}'] = "(not text) nil",
        ['"status":"\\u001b[31m","transaction":[],"client_secret":{}'] = "not shown",
        ['"amount":1e15,"currency":"eur","amount_capturable":-1e308,"capture_before":[]'] = "1e+15 EUR",
      } do
        local reply = ('{"success":true,"data":{"id":"pi_1",%s}}'):format(body)
        sandbox:fail { status = 200, body = reply }
        local status, out, err = run "charge get pi_1"
        assert.same({ 0, "" }, { status, err })
        assert.matches(shown, out, 1, true)
        assert.falsy(out:find("0[xX]%x%x%x") or out:find "nf", out)
        sandbox:fail { status = 200, body = reply }
        status, out, err = run "charge get pi_1 --json"
        assert.same({ 0, "" }, { status, err })
        assert.equal("pi_1", one_line_of_json(out).id)
      end
    end)

    it("fail in JSON whatever a server says", function()
      for _, reply in ipairs {
        { body = '{"error":{"code":5,"message":{},"details":123456789012345678},"request_id":[]}' },
        { body = '{"error":{"code":"x","message":"m","details":{"n":123456789012345678,"t":["\\ud83d"]}}}' },
        { body = '{"error":[]}' }, { body = "" },
        { headers = { ["Retry-After"] = "123456789012345" } },
        { headers = { ["Retry-After"] = ("9"):rep(400) .. ".5" } },
      } do
        reply.status, reply.body = 400, reply.body or '{"error":{"code":"x","message":"m","details":null}}'
        sandbox:fail(reply)
        local status, out, err = run "charge get pi_1 --json"
        assert.same({ 1, "" }, { status, out })
        assert.is_string(one_line_of_json(err).error.kind)
      end
    end)

    it("fail with one line for what is not there", function()
      local status, out, err = run "charge get pi_nothing"
      assert.same({ 1, "" }, { status, out })
      assert.matches("^lomi: not_found: [^\n]+\n$", err)
      status, out, err = run "charge get pi_nothing --json"
      assert.same({ 1, "" }, { status, out })
      assert.equal(404, one_line_of_json(err).error.status)
    end)

    it("refuse an id that is none", function()
      local status, _, err = run "charge get a/b"
      assert.same({ 2, "lomi: ID must not hold a slash\n" }, { status, err })
      status, _, err = run "charge get"
      assert.equal(2, status)
      assert.matches("missing argument 'id'", err, 1, true)
    end)
  end)

  describe("takes the key from the environment", function()
    it("also as LOMI_SECRET_KEY", function()
      here.LOMI_API_KEY, here.LOMI_SECRET_KEY = "", KEY
      assert.equal(0, (run("charge create --amount 10000 " .. AWA)))
    end)

    it("and says so when there is none", function()
      here.LOMI_API_KEY = nil
      local status, _, err = run "charge get pi_1"
      assert.equal(2, status)
      assert.matches("set LOMI_API_KEY", err, 1, true)
    end)

    it("and never repeats a wrong one", function()
      for key, message in pairs {
        lomi_pk_test_wr0ngKey = "LOMI_API_KEY is a publishable key",
        lomi_sk_live_wr0ngKey = "unauthorized",
        wr0ngKey = "LOMI_API_KEY begins with neither lomi_sk_test_ nor lomi_sk_live_\n",
      } do
        here.LOMI_API_KEY = key
        local status, out, err = run "charge get pi_1"
        assert.equal(message == "unauthorized" and 1 or 2, status)
        assert.equal("", out)
        assert.matches(message, err, 1, true)
        assert.falsy(err:find("wr0ngKey", 1, true), err)
      end
    end)

    it("and hides one that is typed where it does not belong", function()
      local status, _, err = run("charge create --amount " .. KEY) -- run looks for it in all that is printed
      assert.equal(2, status)
      assert.matches("lomi_sk_test_[hidden]", err, 1, true)
      assert.equal(2, (run(KEY)))
    end)

    it("and the service's address, which it checks", function()
      here.LOMI_BASE_URL = "http://example.com"
      local status, _, err = run "charge get pi_1"
      assert.same({ 2, "lomi: LOMI_BASE_URL must be https: http is for loopback hosts only\n" }, { status, err })
    end)
  end)

  it("reports a service that is not there", function()
    here.LOMI_BASE_URL = "http://127.0.0.1:1"
    local status, out, err = run "charge get pi_1"
    assert.same({ 1, "" }, { status, out })
    assert.matches("lomi: connection: [^\n]+\n$", err)
  end)

  it("says what is missing where the sandbox is not installed", function()
    local directory = os.tmpname()
    os.remove(directory)
    os.execute(("mkdir -p %s/lomi && ln -s %s %s/lomi/"):format(directory,
      assert(package.searchpath("lomi.core", package.cpath)), directory))
    local cpath = package.cpath:gsub("[^;]*build/[^;]*", directory .. "/?.so")
    finally(function() os.execute("rm -r " .. directory) end)
    for _, command in ipairs { "webhook listen", "sandbox" } do
      local status, _, err = run_in({ LUA_CPATH = cpath, LOMI_WEBHOOK_SECRET = SECRET }, command)
      assert.same({ 1, "lomi: the server of the sandbox is not installed: install the rock lomi-sandbox\n" },
        { status, err })
    end
  end)

  it("has colours on a terminal, unless NO_COLOR is set", function()
    local function on_terminal(env)
      local command = prefix(env) .. " TERM=xterm timeout 60 " .. LUA .. " " .. SCRIPT .. " charge get pi_none"
      local pipe = assert(io.popen(("script -qec %s /dev/null </dev/null"):format(quote(command))))
      local text = pipe:read("*a")
      pipe:close()
      assert.matches("not_found", text, 1, true)
      assert.matches("^waiting for 127.0.0.1 …\r\27%[K", text) -- until there is more to tell
      return text:find("\27[31m", 1, true) ~= nil
    end
    assert.is_true(on_terminal(here))
    here.NO_COLOR = "1"
    assert.is_false(on_terminal(here))
  end)

  it("refuses an unknown command", function()
    local status, out, err = run "charg"
    assert.same({ 2, "" }, { status, out })
    assert.matches("unknown command 'charg'\nDid you mean 'charge'?", err, 1, true)
  end)

  describe("sandbox", function()
    local running

    after_each(function()
      if running then running.finish() end
      running = nil
    end)

    -- Starts it, checks what it says, and gives its URL.
    local function start(arguments)
      running = start_in({}, "sandbox --port 0 " .. (arguments or ""))
      local url = assert(running.line():match("^lomi sandbox on (http://127%.0%.0%.1:%d+)$"))
      assert.matches("LOMI_BASE_URL=" .. url, running.line(), 1, true)
      assert.matches("live keys are refused", running.line(), 1, true)
      return url
    end

    it("prints its URL first, then a line per request, and ends at Ctrl-C", function()
      here.LOMI_BASE_URL = start()
      assert.equal(0, (run("charge create --amount 10000 " .. AWA)))
      local line = running.line()
      assert.matches("^%d%d:%d%d:%d%d  POST  /charge/card  201  %d+%.%d ms  pi_%w+ requires_", line)
      assert.equal(1, (run "charge get pi_none"))
      assert.matches("GET  /charge/card/pi_none  404", running.line(), 1, true)
      local pid = running.pid
      assert.same({ 130, "" }, { running.finish() })
      running = nil
      assert.is_false(is_alive(pid))
    end)

    it("warns where the live service would refuse, and refuses when strict", function()
      here.LOMI_BASE_URL = start()
      assert.equal(0, (run "charge create --amount 10000"))
      assert.matches("  warning: ", running.line(), 1, true)
      running.finish()
      here.LOMI_BASE_URL = start "--strict"
      local status, _, err = run "charge create --amount 10000"
      assert.equal(1, status)
      assert.matches("invalid_request", err, 1, true)
    end)

    it("says that a port is taken", function()
      local status, out, err = run("sandbox --port " .. sandbox.url:match("%d+$"))
      assert.same({ 1, "" }, { status, out })
      assert.matches("Address already in use", err, 1, true)
    end)

    it("refuses a port and a host that are none", function()
      for arguments, message in pairs {
        ["--port 70000"] = "--port takes a whole number from 0 (any free one) to 65535, not \"70000\"",
        ["--port 4010x"] = "--port takes", ["--host localhost"] = "--host takes a numeric address",
      } do
        local status, _, err = run("sandbox " .. arguments)
        assert.equal(2, status)
        assert.matches(message, err, 1, true)
      end
    end)

    it("takes another loopback address", function()
      running = start_in({}, "sandbox --port 0 --host 127.0.0.2")
      assert.matches("^lomi sandbox on http://127%.0%.0%.2:%d+$", running.line())
    end)
  end)

  describe("webhook", function()
    local path
    local BODY = '{"id":"e-1","event":"PAYMENT_SUCCEEDED","timestamp":"2026-11-22T10:00:00.000Z","data":{}}'

    local function write(text)
      local file = assert(io.open(path, "wb"))
      file:write(text)
      file:close()
    end

    before_each(function()
      path = os.tmpname()
      write(BODY)
      here = { LOMI_WEBHOOK_SECRET = SECRET }
    end)

    after_each(function() os.remove(path) end)

    it("sign prints the signature of a file, or of standard input", function()
      local signature = lomi.webhook.sign(BODY, SECRET)
      assert.same({ 0, signature .. "\n", "" }, { run("webhook sign " .. path) })
      assert.same({ 0, signature .. "\n", "" }, { run("webhook sign - <" .. path) })
      assert.same({ 0, lomi.webhook.sign(BODY, "whsec_other") .. "\n", "" },
        { run("webhook sign --secret whsec_other " .. path) })
    end)

    it("refuses a secret with its line break, as a file has it", function()
      here.LOMI_WEBHOOK_SECRET = SECRET .. "\n"
      local status, out, err = run("webhook verify --json --signature x " .. path)
      assert.same({ 2, "" }, { status, out })
      assert.matches("LOMI_WEBHOOK_SECRET holds white space", one_line_of_json(err).error.message, 1, true, err)
    end)

    it("verify takes either signature", function()
      local now = os.time()
      for _, signature in ipairs { lomi.webhook.sign(BODY, SECRET), lomi.webhook.sign(BODY, SECRET, now) } do
        assert.equal(0, (run(("webhook verify --signature %s %s"):format(signature, path))))
      end
    end)

    it("verify tells a body that can be trusted", function()
      local signature = lomi.webhook.sign(BODY, SECRET)
      local arguments = ("webhook verify --signature %s %s"):format(signature, path)
      local status, out = run(arguments)
      assert.same({ 0, "verified   PAYMENT_SUCCEEDED\nid         e-1\ntimestamp  2026-11-22T10:00:00.000Z\n" },
        { status, out })
      status, out = run(arguments .. " --json --secret whsec_old --secret " .. SECRET)
      assert.equal(0, status)
      assert.equal("e-1", one_line_of_json(out).id)
    end)

    it("verify fails for one that cannot", function()
      local signature = lomi.webhook.sign(BODY, SECRET)
      local status, out, err = run(("webhook verify --signature %s --tolerance 300 %s"):format(signature, path))
      assert.same({ 1, "" }, { status, out })
      assert.matches("timestamp_out_of_tolerance", err, 1, true)
      write(BODY .. "\n")
      status, out, err = run(("webhook verify --json --signature %s %s"):format(signature, path))
      assert.same({ 1, "" }, { status, out })
      assert.equal("signature_mismatch", one_line_of_json(err).error.code)
    end)

    it("wants a secret, one file that is there, and one secret to sign with", function()
      for arguments, expected in pairs {
        ["sign " .. path .. " --secret a --secret b"] = { 2, "one secret signs" },
        ["sign " .. path .. " --secret ''"] = { 2, "is missing" },
        ["sign " .. path .. " --secret ' a'"] = { 2, "--secret holds white space" },
        ["verify --signature x --secret a --secret '\"a\"' " .. path] = { 2, "--secret holds white space" },
        ["listen --secret a --secret ''"] = { 2, "--secret is empty" },
        ["sign /nowhere"] = { 1, "/nowhere: No such file" },
        ["sign /tmp"] = { 1, "/tmp: Is a directory" },
        ["sign"] = { 2, "missing argument 'file'" },
        ["verify " .. path] = { 2, "missing option '--signature'" },
        ["verify --signature x --tolerance soon " .. path] = { 2, "--tolerance takes a number of seconds" },
      } do
        local status, out, err = run("webhook " .. arguments)
        assert.same({ expected[1], "" }, { status, out })
        assert.matches(expected[2], err, 1, true)
      end
      here = {}
      for _, command in ipairs { "sign " .. path, "verify --signature x " .. path, "listen --port 0" } do
        local status, _, err = run("webhook " .. command)
        assert.equal(2, status)
        assert.matches("set LOMI_WEBHOOK_SECRET", err, 1, true)
      end
    end)

    describe("listen", function()
      local running, url

      local function start(arguments)
        running = start_in(here, "webhook listen --port 0 " .. (arguments or ""))
        url = assert(running.line():match("^lomi webhook listen on (http://127%.0%.0%.1:%d+)$"))
      end

      after_each(function()
        if running then running.finish() end
        running = nil
      end)

      local function post(body, signature)
        return assert(require("lomi.transport.curl").new():send {
          method = "POST", url = url .. "/hook", body = body, timeout = 5, connect_timeout = 5, proxy = "",
          headers = { ["X-Lomi-Signature"] = signature },
        })
      end

      it("prints the sandbox's events as they come, verified", function()
        start()
        sandbox:webhook(url, SECRET)
        local charge = lomi.new { api_key = KEY, base_url = sandbox.url }.charges:create_card_charge {
          amount = 10000, customer_email = "awa@example.com", customer_name = "Awa Ndiaye",
        }
        sandbox:confirm(charge.id, "4242424242424242")
        local line
        repeat
          line = running.line()
          assert.matches("  verified  10 000 F CFA  ", line, 1, true)
        until line:find "PAYMENT_SUCCEEDED"
        assert.matches("F CFA  completed  ", line, 1, true)
        local pid = running.pid
        sandbox:reset()
        assert.same({ 130, "" }, { running.finish() })
        running = nil
        assert.is_false(is_alive(pid))
      end)

      it("refuses what it cannot verify, and tells one that comes again", function()
        start()
        local signature = lomi.webhook.sign(BODY, SECRET)
        assert.equal(400, post(BODY, lomi.webhook.sign(BODY, "whsec_wrong")).status)
        assert.equal(200, post(BODY, signature).status)
        assert.equal(200, post(BODY, signature).status)
        assert.matches("  refused  signature_mismatch: ", running.line(), 1, true)
        assert.matches("  PAYMENT_SUCCEEDED  verified  e%-1$", running.line())
        assert.matches("  PAYMENT_SUCCEEDED  verified  e%-1  %(again%)$", running.line())
      end)

      it("answers 500 while it cannot print an event, so that it comes again", function()
        start "2>/dev/null | head -n 2" -- the process's id and its first line, then nobody reads
        assert.equal(500, post(BODY, lomi.webhook.sign(BODY, SECRET)).status)
      end)

      it("prints one JSON object per event", function()
        start "--json"
        assert.equal(200, post(BODY, lomi.webhook.sign(BODY, SECRET)).status)
        assert.equal("e-1", core.decode(running.line()).id)
        assert.equal(400, post(BODY, "0").status)
        assert.equal("signature_malformed", core.decode(running.line()).error.code)
      end)

      it("lets nothing of an event drive the terminal", function()
        start()
        local body = '{"id":"e","event":"A\\u001b[2J","timestamp":"x","data":{"status":"\\u001b[31m"}}'
        assert.equal(200, post(body, lomi.webhook.sign(body, SECRET)).status)
        assert.matches("  A?[2J  verified  ?[31m  e", running.line(), 1, true)
      end)
    end)
  end)
end)
