-- SPDX-License-Identifier: MIT
--- The shop's HTML. Every value is escaped; no page has a script, a key or a client_secret.

local M = {}

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

-- Fills {name} with escaped text and {{name}} with HTML that this file has made.
local function fill(template, values)
  return (template:gsub("{({?)([%a_]+)}}?", function(raw, name)
    local value = assert(values[name], name)
    return raw == "" and tostring(value):gsub("[&<>\"']", ENTITIES) or value
  end))
end

-- 10000 XOF → 10 000 F CFA, with spaces that do not break.
local function money(amount)
  local digits = ("%d"):format(amount):reverse():gsub("(%d%d%d)", "%1 "):reverse():gsub("^ ", "")
  return ((digits .. " F CFA"):gsub(" ", "\194\160"))
end

local FRAME = [[
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Baobab</title>
<link rel="stylesheet" href="/style.css">
<link rel="icon" href="/lamp.svg" type="image/svg+xml">
</head>
<body>
<header><a class="name" href="/">Baobab</a> <a href="/cart">Cart</a></header>
<main>
{{content}}</main>
<footer>An example shop. No money moves here.</footer>
</body>
</html>
]]

local function page(title, template, values)
  return fill(FRAME, { title = title, content = fill(template, values) })
end

---@param product { name: string, amount: integer }
function M.product(product)
  return page(product.name, [[
<section class="product">
<img src="/lamp.svg" alt="A yellow lamp with a small solar panel" width="320" height="320">
<div>
<h1>{name}</h1>
<p class="price">{price}</p>
<p>A day in the sun, ten hours of light. Charges a phone, too.</p>
<form method="post" action="/cart"><button>Add to cart</button></form>
</div>
</section>
]], { name = product.name, price = money(product.amount) })
end

function M.empty_cart()
  return page("Cart", [[
<section class="box">
<h1>Your cart is empty</h1>
<p><a href="/">Look at the lamp</a></p>
</section>
]], {})
end

-- An error is read out with its field.
local function field(name, label, kind, form, errors)
  local problem, state, below = errors[name], "", ""
  if problem then
    state = (' aria-invalid="true" aria-describedby="%s-error"'):format(name)
    below = fill('<p class="error" id="{name}-error">{text}</p>\n', { name = name, text = problem })
  end
  return fill([[
<label for="{name}">{label}</label>
<input id="{name}" name="{name}" type="{kind}" value="{value}" autocomplete="{name}" required{{state}}>
{{below}}]], { name = name, label = label, kind = kind, value = form[name] or "", state = state, below = below })
end

---@param product { name: string, amount: integer }
---@param form table<string, string>  what was typed
---@param errors table<string, string>  by field
function M.cart(product, form, errors)
  return page(next(errors) and "Error: please check the form" or "Cart", [[
<section class="box">
<h1>Your cart</h1>
<dl><div><dt>1 × {name}</dt><dd>{price}</dd></div></dl>
<form method="post" action="/orders" novalidate>
{{name_field}}{{email_field}}<button>Pay {price}</button>
</form>
<p class="note">You pay on the bank's page. The shop never sees your card.</p>
</section>
]], {
    name = product.name, price = money(product.amount),
    name_field = field("name", "Name", "text", form, errors),
    email_field = field("email", "Email", "email", form, errors),
  })
end

local PAY = '<form method="post" action="/orders/{id}/pay"><button>Pay {price}</button></form>\n'

-- By state; each has a title, a text, and whether the order may be paid now.
local STATES = {
  paid = { "good", "Thank you, it is paid", "Your lamp is on its way." },
  declined = { "bad", "The card was declined", "Nothing was taken. Try again, or use another card.", payable = true },
  failed = { "bad", "The payment could not be started", "Nothing was taken. Please try again.", payable = true },
  waiting = { "wait", "One moment", "We are waiting for the bank to confirm the payment.", payable = true },
  unpaid = { "wait", "Not paid yet", "The lamp is kept for you.", payable = true },
}

---@param order shop.Order
---@param now { failed: boolean?, waiting: boolean? }  what has just happened
function M.order(order, now)
  local name = now.failed and "failed" or order.state == "unpaid" and now.waiting and "waiting" or order.state
  local state = STATES[name]
  local price = money(order.amount)
  return page(state[2], [[
<section class="box">
<p class="state {kind}" role="status"><strong>{title}</strong> {text}</p>
<h1>Your order</h1>
<dl>
<div><dt>1 × {product}</dt><dd>{price}</dd></div>
<div><dt>Order</dt><dd>{number}</dd></div>
<div><dt>State</dt><dd data-state="{state}">{state}</dd></div>
</dl>
{{pay}}</section>
]], {
    kind = state[1], title = state[2], text = state[3], product = order.product, price = price, state = order.state,
    number = order.id:sub(1, 8), pay = state.payable and fill(PAY, { id = order.id, price = price }) or "",
  })
end

return M
