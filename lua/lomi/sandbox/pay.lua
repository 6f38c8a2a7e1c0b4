-- SPDX-License-Identifier: MIT
--- The page a payer sees: GET /pay/{id}?client_secret=… shows a form for a card, POST pays. Plain HTML: works without
--- script, with a keyboard, a screen reader, a phone. Nothing of what is typed is shown again or kept.

local cards = require "lomi.sandbox.cards"
local views = require "lomi.sandbox.views"

local M = {}

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

local function escaped(text)
  return (tostring(text):gsub("[&<>\"']", ENTITIES))
end

-- Fills {name} with escaped text, and {{name}} with HTML of our own.
local function filled(template, values)
  template = template:gsub("{{([%l_]+)}}", function(name) return (values[name]:gsub("{", "\1")) end)
  template = template:gsub("{([%l_]+)}", function(name) return (escaped(values[name]):gsub("{", "\1")) end)
  return (template:gsub("\1", "{"))
end

local STYLE = [[
:root { --ink: #16211c; --paper: #f4f6f3; --card: #fff; --line: #7d8a83; --soft: #4c5a53; --go: #0b6b47;
  --bad: #a3241c; --good: #0b6b47; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eef3f0; --paper: #121815; --card: #1c2420; --line: #84938b; --soft: #b4c1ba; --go: #1f8a60;
    --bad: #ff9d94; --good: #7fdcb1; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 26rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
.test { margin: 0 0 1rem; font-size: .875rem; color: var(--soft); }
.box { background: var(--card); border-radius: .75rem; padding: 1.5rem; box-shadow: 0 1px 3px rgba(0,0,0,.18); }
h1 { margin: 0; font-size: 1.0625rem; font-weight: 600; color: var(--soft); }
.amount { margin: 0 0 1.25rem; font-size: 2rem; font-weight: 700; line-height: 1.2; overflow-wrap: anywhere; }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600; }
.hint { margin: .25rem 0 0; font-size: .875rem; color: var(--soft); }
input { width: 100%; padding: .75rem; font: inherit; font-variant-numeric: tabular-nums; color: inherit;
  background: transparent; border: 1px solid var(--line); border-radius: .5rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
button { width: 100%; min-height: 3rem; margin-top: 1.5rem; font: inherit; font-weight: 700; color: #fff;
  background: var(--go); border: 2px solid var(--go); border-radius: .5rem; cursor: pointer; }
button.second { margin-top: .75rem; color: inherit; background: transparent; border-color: var(--line); }
:focus-visible { outline: 3px solid #d68a00; outline-offset: 2px; }
.bad, .good { margin: 0 0 1rem; padding: .75rem 1rem; border-left: 4px solid; border-radius: .25rem; font-weight: 600; }
.bad { color: var(--bad); } .good { color: var(--good); }
details { margin-top: 1.5rem; font-size: .875rem; color: var(--soft); } summary { cursor: pointer; }
details li { font-variant-numeric: tabular-nums; }
]]

local PAGE = [[
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
{{style}}</style>
</head>
<body>
<main>
<p class="test">lomi. sandbox. No money moves here.</p>
<div class="box">
{{content}}</div>
</main>
</body>
</html>
]]

local HEAD = [[
<h1>{description}</h1>
<p class="amount">{amount}</p>
]]

local FORM = [[
<form method="post" action="{action}" autocomplete="off">
<input type="hidden" name="client_secret" value="{client_secret}">
<label for="card">Card number</label>
<input id="card" name="card" inputmode="numeric" autocomplete="cc-number" required maxlength="23"
 placeholder="4242 4242 4242 4242" aria-describedby="card-hint">
<p class="hint" id="card-hint">Test cards only.</p>
<div class="pair">
<div>
<label for="expiry">Expiry (MM/YY)</label>
<input id="expiry" name="expiry" autocomplete="cc-exp" required maxlength="7" placeholder="12/34">
</div>
<div>
<label for="cvc">Security code</label>
<input id="cvc" name="cvc" inputmode="numeric" autocomplete="cc-csc" required maxlength="4" placeholder="123">
</div>
</div>
<button type="submit">{button}</button>
</form>
<details>
<summary>Test cards</summary>
<ul>
<li>4242 4242 4242 4242 succeeds</li>
<li>4000 0000 0000 0002 is declined</li>
<li>4000 0000 0000 9995 has insufficient funds</li>
<li>4000 0025 0000 3155 asks for 3-D Secure, then succeeds</li>
<li>4000 0084 0000 1629 asks for 3-D Secure, then is declined</li>
</ul>
</details>
]]

local CHALLENGE = [[
<p>Your bank asks you to confirm this payment with the card ending in {last4} (3-D Secure).</p>
<form method="post" action="{action}">
<input type="hidden" name="client_secret" value="{client_secret}">
<button type="submit" name="challenge" value="pass">Confirm the payment</button>
<button type="submit" name="challenge" value="fail" class="second">Refuse</button>
</form>
]]

local ALERT = '<p class="{kind}" role="{role}" id="outcome">{text}</p>\n'

local function alert(kind, text)
  return filled(ALERT, { kind = kind, role = kind == "bad" and "alert" or "status", text = text })
end

-- "10 000 XOF", "10.50 EUR"
local function money(amount, currency)
  local text = ("%.0f"):format(amount)
  local cents = ""
  if currency ~= "XOF" then
    local hundredths = math.floor(amount * 100 + 0.5)
    text, cents = ("%.0f"):format(math.floor(hundredths / 100)), (".%02.0f"):format(hundredths % 100)
  end
  local grouped = text:reverse():gsub("(%d%d%d)", "%1 "):reverse():gsub("^ ", "")
  return grouped .. cents .. " " .. currency
end

local OUTCOMES = {
  succeeded = { "good", "Payment succeeded. Thank you!" },
  requires_capture = { "good", "The amount is held on your card. The shop will collect it later." },
  canceled = { "bad", "This payment was canceled." },
  processing = { "good", "The payment is being processed." },
  pending = { "good", "The payment is waiting for you." },
  failed = { "bad", "The payment failed." },
}

local HEADERS = {
  ["Content-Type"] = "text/html; charset=utf-8", ["Cache-Control"] = "no-store", ["Referrer-Policy"] = "no-referrer",
  ["X-Content-Type-Options"] = "nosniff", ["X-Frame-Options"] = "DENY",
  ["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'",
}

local function page(status, title, content)
  return { status = status, headers = HEADERS,
    body = filled(PAGE, { title = title .. " · lomi. sandbox", style = STYLE, content = content }) }
end

-- What the payer sees of a charge now, under a message about what was just tried.
local function show(charge, message, status)
  local values = {
    description = charge.params.description or "Payment", amount = money(charge.original_amount,
      charge.original_currency), action = "/pay/" .. charge.id, last4 = charge.last4 or "",
  }
  values.client_secret = charge.secret and views.client_secret(charge) or ""
  values.button = "Pay " .. values.amount
  local content, title = filled(HEAD, values), "Pay"
  if charge.status == "requires_payment_method" then
    content = content .. (message and alert("bad", message) or "") .. filled(FORM, values)
  elseif charge.status == "requires_action" then
    content, title = content .. filled(CHALLENGE, values), "Confirm"
  else
    local outcome = OUTCOMES[charge.status]
    content, title = content .. alert(outcome[1], outcome[2]), outcome[1] == "good" and "Done" or "Not paid"
  end
  return page(status or 200, title, content)
end

local function unescaped(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function form_fields(text)
  local values = {}
  for name, value in (text or ""):gmatch("([^&=]+)=([^&]*)") do values[unescaped(name)] = unescaped(value) end
  return values
end

local function refused(status, title, text)
  return page(status, title, alert("bad", text))
end

-- Digits of any number of spaces between them are what people paste.
local function pay_with_card(app, charge, form)
  local past = cards.is_past(form.expiry or "", app.clock())
  if past == nil then return "Check the expiry date: a month and a year, such as 12/34." end
  if not (form.cvc or ""):find("^%s*%d%d%d%d?%s*$") then
    return "Check the security code: three digits, four on American Express."
  end
  local ok, why, misuse = app.ledger:confirm(charge, form.card or "", past, app.clock())
  if not ok and misuse then
    return "Only test cards are taken here, such as 4242 4242 4242 4242. Never type a real card number."
  end
  if not ok then return why end
  return charge.failure_code and (cards.sentences[charge.failure_code] or "The card was declined.") or nil
end

local function answer_challenge(app, charge, form)
  app.ledger:authenticate(charge, form.challenge == "pass", app.clock())
  return charge.failure_code and (cards.sentences[charge.failure_code] or "The card was declined.") or nil
end

local function respond(app, call)
  local charge = app.ledger:find(call.path:match("^/pay/([%w_]+)/?$") or "", app.clock())
  local form = form_fields(call.method == "POST" and call.body or call.query)
  local secret = charge and charge.secret and views.client_secret(charge)
  if not charge or (secret and form.client_secret ~= secret) then
    return refused(404, "Not found", "There is no such payment, or this link is not complete: it must carry the "
      .. "client_secret of the charge.")
  end
  call.charge = charge
  if call.method == "GET" then return show(charge) end
  if call.method ~= "POST" then return refused(405, "Not allowed", "This page takes GET and POST.") end
  if charge.status == "requires_action" and form.challenge then
    return show(charge, answer_challenge(app, charge, form))
  end
  if charge.status == "requires_payment_method" then return show(charge, pay_with_card(app, charge, form)) end
  return show(charge)
end

--- Whether a path is the payer's page.
function M.owns(path)
  return path:find("^/pay/") ~= nil
end

---@param app lomi.sandbox.App
---@param call lomi.sandbox.Call
---@return table response
---@return boolean arrives
function M.serve(app, call)
  local done = respond(app, call)
  local headers = { ["X-Request-Id"] = call.request_id }
  for name, value in pairs(done.headers) do headers[name] = value end
  return { status = done.status, headers = headers, body = done.body }, true
end

return M
