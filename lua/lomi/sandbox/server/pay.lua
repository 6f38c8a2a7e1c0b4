-- SPDX-License-Identifier: MIT
--- The page on which a payer pays a charge: GET /pay/{id}?client_secret=… shows a form for a card, POST pays and leads
--- back to the page, or to the shop's, where the link had a return_url.
--- Plain HTML: works without script, with a keyboard, a screen reader, a phone. Of what is typed only the number of a
--- test card is ever shown again, and nothing is kept.

local ascii = require "lomi.ascii"
local cards = require "lomi.sandbox.server.cards"
local decode_form = require("lomi.sandbox.server.form").decode
local html = require "lomi.sandbox.server.html"
local money = require "lomi.sandbox.server.money"
local views = require "lomi.sandbox.server.views"

local filled, box, outcome = html.filled, html.box, html.outcome

local M = {}

-- Amounts -------------------------------------------------------------------------------------------------------------

-- An amount in the unit the charge was made with. Amounts in dollars and euros are known in cents.
local function asked(charge, amount)
  local code = charge.original_currency
  if code == "USD" or code == "EUR" then amount = amount / charge.original_amount * charge.amount / 100 end
  return money.main(amount, code)
end

-- Francs are charged in euros; nil where a card is charged what is asked for.
local function charged_as(charge)
  if charge.kind ~= "card" or charge.currency == ascii.lower(charge.original_currency) then return nil end
  return money.minor(charge.amount, ascii.upper(charge.currency))
end

-- The test cards ------------------------------------------------------------------------------------------------------

local OFTEN = 7 -- of the list are shown at once

local CARD_LINK = [[
<li><a href="{href}"{{current}}><span class="number">{number}</span> <span class="what {kind}">{what}</span></a></li>
]]

-- A link names a card by its last digits: no whole number is ever in a URL.
local function links(from, to, address, number)
  local items = {}
  for i = from, to do
    local card = cards.list[i]
    items[#items + 1] = filled(CARD_LINK, { href = address .. "&test_card=" .. card.ending, number = card.number,
      kind = card.challenge and "ask" or card.decline and "bad" or "good", what = card.says,
      current = card.number == number and ' aria-current="true"' or "" })
  end
  return table.concat(items)
end

-- The form's fields once a test card was chosen from the list.
local function chosen(ending, now)
  local card = cards.by_ending[ending]
  if not card then return nil end
  local year = tonumber(os.date("!%y", math.floor(now))) + 3
  return { card = card.number, expiry = ("12/%02d"):format(year % 100), cvc = card.brand == "amex" and "1234" or "123" }
end

-- The pages -----------------------------------------------------------------------------------------------------------

local NOTE = '<p class="note">{text}</p>\n'

local ALERT = '<div class="alert" role="alert" id="outcome"><p><strong>{title}</strong> {text}</p></div>\n'

local FIELDS = {
  { name = "card", label = "Card number", autocomplete = "cc-number", is_number = true,
    hint = "A test card: choose one from the list." },
  { name = "expiry", label = "Expiry (MM/YY)", autocomplete = "cc-exp", is_number = true },
  { name = "cvc", label = "Security code", autocomplete = "cc-csc", is_number = true },
}

local FORM = [[
<form method="post" action="{action}" novalidate>
<input type="hidden" name="client_secret" value="{client_secret}">
{{card}}<div class="pair">
{{expiry}}{{cvc}}</div>
<button type="submit"{{focus}}>{button}</button>
</form>
]]

local TEST_CARDS = [[
<aside aria-labelledby="test-cards-title">
<h2 id="test-cards-title">Test cards</h2>
<p class="note">Choose one to fill it in. Any expiry to come and any security code will do. Never type the number of a
real card.</p>
<ul>
{{often}}</ul>
<details>
<summary>More cards</summary>
<ul>
{{seldom}}</ul>
</details>
</aside>
]]

local CHALLENGE = [[
<h2>Your bank asks: is it you who pays?</h2>
<p>The card ends in <strong>{last_four}</strong>.</p>
<form method="post" action="{action}">
<input type="hidden" name="client_secret" value="{client_secret}">
<button type="submit" name="challenge" value="pass">Confirm the payment</button>
<button type="submit" name="challenge" value="fail" class="second">Refuse it</button>
</form>
<p class="note">This stands in for the bank's 3-D Secure page.</p>
]]

local ROW = "<div><dt>{name}</dt><dd>{value}</dd></div>\n"

local BRANDS = {
  visa = "Visa", mastercard = "Mastercard", amex = "American Express", discover = "Discover", diners = "Diners Club",
  jcb = "JCB", unionpay = "UnionPay",
}

local BACK = '<p class="note"><a href="{url}">Back to the shop</a></p>\n'

local CLOSE = "You can close this page and go back to the shop."

---@type table<string, fun(charge: lomi.sandbox.Charge): "good"|"bad"|"wait", string, string>
local OUTCOMES = {
  succeeded = function() return "good", "Payment succeeded", "Thank you! " .. CLOSE end,
  requires_capture = function(charge)
    local day = views.day(charge.capture_before)
    return "good", "Amount held on your card",
      ("The shop can collect it until %s; what it does not collect is released. %s"):format(day, CLOSE)
  end,
  canceled = function(charge)
    return "bad", "This payment was canceled", charge.failure_code == "hold_expired"
      and "The shop did not collect the amount in time. It is released; nothing was taken from your card."
      or "Nothing was taken from your card."
  end,
  pending = function() return "wait", "The payment is waiting for you", "Confirm it on your phone." end,
}

local function receipt(charge)
  local rows = {}
  local function row(name, value)
    if value then rows[#rows + 1] = filled(ROW, { name = name, value = value }) end
  end
  row("For", charge.params.description)
  row("Amount", asked(charge, charge.original_amount))
  row("Charged as", charged_as(charge))
  if charge.released and charge.released > 0 then
    row("Released", asked(charge, charge.released))
  end
  row("Card", charge.card and ("%s ending in %s"):format(BRANDS[charge.card.brand], charge.card.last4))
  row("Payment", charge.id)
  return "<dl>\n" .. table.concat(rows) .. "</dl>\n"
end

---@return string path, string secret empty where the link alone opens the page
---@return string address
local function address_of(charge)
  local path, secret = "/pay/" .. charge.id, charge.secret and views.client_secret(charge) or ""
  return path, secret, path .. "?client_secret=" .. secret
end

local function way_back(charge)
  return charge.return_url and filled(BACK, { url = charge.return_url }) or ""
end

-- Where a form of the payer's page may end.
local function destinations(charge)
  return { charge.return_url or charge.success_url }
end

local function summary(charge)
  return html.summary(charge.params.description or "Payment", asked(charge, charge.original_amount))
end

-- The outcome of the last card, or the first field that was filled in wrongly.
local FAULTY_FIELD = { incorrect_number = "card", expired_card = "expiry", incorrect_cvc = "cvc" }

---@param charge lomi.sandbox.Charge
---@param typed table what the fields hold
---@param errors table<string, string> by field, of what was just typed
---@param fresh boolean? a test card was chosen: the one before no longer matters
local function form_page(charge, typed, errors, fresh)
  local path, secret, address = address_of(charge)
  local content, title, focused = summary(charge), nil, nil
  local as, hold = charged_as(charge), charge.params.hold
  if as then content = content .. filled(NOTE, { text = "Your card is charged in euros: " .. as .. "." }) end
  if hold then
    content = content .. filled(NOTE, { text = "It is only held for now; the shop collects it later." })
  end

  for _, field in ipairs(FIELDS) do
    if errors[field.name] then
      focused, title = field.name, "Error: " .. errors[field.name]
      break
    end
  end
  local code = not focused and not fresh and charge.failure_code
  if code then
    local sentence, field = cards.sentences[code] or cards.sentences.card_declined, FAULTY_FIELD[code]
    content = content .. filled(ALERT, { title = sentence, text = "Nothing was paid. Try again, or use another card." })
    title = "Not paid: " .. sentence
    if field then errors = { [field] = sentence } end
    focused = field or "card"
  end

  local values = { action = path, client_secret = secret, focus = fresh and " autofocus" or "",
    button = (hold and "Hold " or "Pay ") .. asked(charge, charge.original_amount) }
  for _, field in ipairs(FIELDS) do
    local has_focus = focused == field.name
    values[field.name] = html.field(field, typed[field.name] or "", errors[field.name], has_focus,
      has_focus and code and "outcome" or nil)
  end
  return html.page(200, title or values.button,
    box(content .. filled(FORM, values) .. way_back(charge))
      .. filled(TEST_CARDS, { often = links(1, OFTEN, address, typed.card),
        seldom = links(OFTEN + 1, #cards.list, address, typed.card) }),
    "wide", destinations(charge))
end

local function challenge_page(charge)
  local path, secret = address_of(charge)
  return html.page(200, "Confirm with your bank", box(summary(charge)
    .. filled(CHALLENGE, { action = path, client_secret = secret, last_four = charge.card.last4 })), nil,
    destinations(charge))
end

local function outcome_page(charge)
  local kind, title, text = OUTCOMES[charge.status](charge)
  return html.page(200, title, box(outcome(kind, title, text) .. receipt(charge) .. way_back(charge)))
end

-- The page of a charge as it stands.
local function show(charge, typed, errors, fresh)
  if charge.status == "requires_payment_method" then return form_page(charge, typed or {}, errors or {}, fresh) end
  if charge.status == "requires_action" then return challenge_page(charge) end
  return outcome_page(charge)
end

-- The payer's moves ---------------------------------------------------------------------------------------------------

-- A phone's number pad has no slash: 1234 is 12/34 too.
local function with_slash(expiry)
  local month, year = expiry:match("^ *(%d%d)[ %-.]*(%d%d%d?%d?) *$")
  return month and month .. "/" .. year or expiry
end

local LONGEST_URL = 2000 -- bytes

-- The shop's page that the payer returns to, as `confirmPayment` takes it. It goes into a header: no control character.
local function is_return_url(url)
  return #url <= LONGEST_URL and url:find("^https?://[A-Za-z0-9.%-:%[%]]+[^%z\1-\32\127]*$") ~= nil
end

-- Pays, or says what is wrong with what was typed, all of it at once.
---@return table<string, string> errors by field
---@return table typed what may be shown again
local function pay_with_card(app, charge, form)
  local number, expiry, cvc = form.card or "", with_slash(form.expiry or ""), form.cvc or ""
  local known = cards.find(number)
  local past = cards.is_past(expiry, app.clock())
  local errors = {}
  if not number:find("[^ ]") then
    errors.card = "Enter the number of a test card, such as 4242 4242 4242 4242."
  elseif not known then
    errors.card = "This is not a test card. Never type the number of a real card here."
  end
  if past == nil then errors.expiry = "Enter a month and a year, such as 12/34." end
  if not cvc:find("^ *%d%d%d%d? *$") then
    errors.cvc = "Enter three digits, or four of an American Express."
  end
  if next(errors) == nil then app.charges:confirm(charge, number, past, app.clock()) end
  return errors, { card = known and known.number or "" }
end

local function post(app, charge, form)
  if charge.status == "requires_payment_method" then
    local errors, typed = pay_with_card(app, charge, form)
    if next(errors) then return show(charge, typed, errors) end
  elseif charge.status == "requires_action" and (form.challenge == "pass" or form.challenge == "fail") then
    app.charges:authenticate(charge, form.challenge == "pass", app.clock())
  end
  local _, _, address = address_of(charge)
  if charge.status == "succeeded" or charge.status == "requires_capture" then
    address = charge.return_url or charge.success_url or address
  end
  return html.redirect(address)
end

---@param app lomi.sandbox.App
---@param call lomi.sandbox.Call
---@return table response
function M.serve(app, call)
  local charge = app.charges:find(call.path:match("^/pay/([A-Za-z0-9_]+)/?$") or "", app.clock())
  local form = decode_form(call.method == "POST" and call.body or call.query)
  local secret = charge and charge.secret and views.client_secret(charge)
  if not charge or (secret and form.client_secret ~= secret) then
    return html.refusal(404, "No such payment",
      "There is no such payment, or the link to it is not complete: it carries the client_secret of the charge.")
  end
  call.charge = charge
  if call.method == "POST" then return post(app, charge, form) end
  if call.method ~= "GET" and call.method ~= "HEAD" then
    local page = html.refusal(405, "Not allowed", "This page takes GET and POST.")
    page.headers.Allow = "GET, HEAD, POST"
    return page
  end
  if form.return_url and is_return_url(form.return_url) then charge.return_url = form.return_url end
  local card = chosen(form.test_card, app.clock())
  return show(charge, card, nil, card ~= nil)
end

--- Whether a path is the payer's page.
function M.matches(path)
  return path:find("^/pay/") ~= nil
end

return M
