-- SPDX-License-Identifier: MIT
--- HTML for a person: templates that escape what they are filled with, and the frame and style of every page.
--- No script, nothing from elsewhere; light and dark as the reader has it.

local M = {}

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

local function escaped(text)
  return (tostring(text):gsub("[&<>\"']", ENTITIES))
end

-- A value may hold braces of its own: they pass as \1 until everything is filled.
local function value_of(values, name)
  local value = values[name]
  if value == nil then error("nothing to fill {" .. name .. "} with", 0) end
  return value
end

--- Fills {name} with escaped text, and {{name}} with HTML of our own.
---@param template string
---@param values table<string, string|number>
---@return string
function M.filled(template, values)
  template = template:gsub("{{([a-z_]+)}}", function(name) return (value_of(values, name):gsub("{", "\1")) end)
  template = template:gsub("{([a-z_]+)}", function(name) return (escaped(value_of(values, name)):gsub("{", "\1")) end)
  return (template:gsub("\1", "{"))
end

-- Contrasts: text 4.5 to 1 at least, edges of fields and the focus ring 3 to 1, in both schemes. Fields have 16 px,
-- or phones zoom in on them.
local STYLE = [[
:root { color-scheme: light dark;
  --paper: #f2f5f2; --card: #fff; --ink: #14201a; --soft: #4a5850; --line: #78867e; --hair: #dce3de; --hover: #f2f6f3;
  --go: #0b6b47; --go-ink: #fff; --go-hover: #085438; --focus: #1a5fd0;
  --good: #0b6b47; --good-paper: #e6f4ec; --bad: #a3241c; --bad-paper: #fdeeec; --ask: #8a5300;
  --badge: #fbe6b4; --badge-ink: #5a3c00; --shadow: 0 1px 2px rgba(20, 32, 26, .08), 0 8px 24px rgba(20, 32, 26, .06); }
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #101613; --card: #1a211d; --ink: #eef3f0; --soft: #b0bdb5; --line: #7e8f86; --hair: #2f3933;
    --hover: #222b26; --go: #4cc38f; --go-ink: #06231a; --go-hover: #6bd3a5; --focus: #8ab4ff;
    --good: #7fdcb1; --good-paper: #16291f; --bad: #ffa59c; --bad-paper: #34201e; --ask: #f3c168;
    --badge: #4a3710; --badge-ink: #ffdf94; --shadow: none; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
header, main { max-width: 27rem; margin: 0 auto; padding: 0 1rem; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem .75rem; padding-top: 1.25rem;
  padding-bottom: 1rem; }
header p { margin: 0; font-size: .875rem; color: var(--soft); }
header .name { font-size: 1.25rem; font-weight: 800; letter-spacing: -.02em; color: var(--ink); }
header .badge { padding: .125rem .625rem; border-radius: 1rem; font-weight: 600; color: var(--badge-ink);
  background: var(--badge); }
main { padding-bottom: 3rem; }
.box { background: var(--card); border-radius: 1rem; padding: 1.5rem; box-shadow: var(--shadow);
  border: 1px solid var(--hair); }
h1 { margin: 0; font-size: 1rem; font-weight: 500; color: var(--soft); overflow-wrap: anywhere; }
h1.outcome { margin-bottom: .25rem; font-size: 1.375rem; font-weight: 700; line-height: 1.25; color: var(--ink); }
h2 { margin: 0; font-size: 1rem; font-weight: 700; } .box h2 { margin-top: 1.5rem; }
p { margin: .5rem 0 0; }
.amount { margin: .125rem 0 0; font-size: 2.25rem; font-weight: 700; line-height: 1.2; letter-spacing: -.02em;
  overflow-wrap: anywhere; }
.note { margin: .25rem 0 0; font-size: .875rem; color: var(--soft); } form + .note { margin-top: 1rem; }
.field { margin-top: 1.25rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0 1rem; align-items: start; }
label { display: block; margin-bottom: .25rem; font-size: .9375rem; font-weight: 600; }
input { display: block; width: 100%; min-height: 3rem; padding: .5rem .75rem; font: inherit;
  font-variant-numeric: tabular-nums; color: inherit; background: transparent; border: 1px solid var(--line);
  border-radius: .5rem; }
input[aria-invalid] { border: 2px solid var(--bad); background: var(--bad-paper); }
.error { margin: .25rem 0 0; font-size: .875rem; font-weight: 600; color: var(--bad); }
button { display: block; width: 100%; min-height: 3.25rem; margin-top: 1.5rem; padding: .5rem 1rem; font: inherit;
  font-weight: 700; color: var(--go-ink); background: var(--go); border: 2px solid var(--go); border-radius: .5rem;
  cursor: pointer; overflow-wrap: anywhere; }
button:hover { background: var(--go-hover); border-color: var(--go-hover); }
button.second { margin-top: .75rem; color: var(--ink); background: transparent; border-color: var(--line); }
button.second:hover { background: var(--hover); }
a { color: inherit; text-underline-offset: .2em; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
.alert { margin-top: 1rem; padding: .75rem 1rem; border-left: 4px solid var(--bad);
  border-radius: .25rem .5rem .5rem .25rem; background: var(--bad-paper); }
.alert p { margin: 0; } .alert strong { color: var(--bad); }
.mark { display: block; width: 3.5rem; height: 3.5rem; margin-bottom: 1rem; border-radius: 50%;
  color: var(--good); background: var(--good-paper); }
.mark.bad { color: var(--bad); background: var(--bad-paper); }
dl { margin: 1.5rem 0 0; }
dl div { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; padding: .625rem 0;
  border-top: 1px solid var(--hair); }
dt { color: var(--soft); }
dd { margin: 0 0 0 auto; text-align: right; font-weight: 600; font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere; }
aside { margin-top: 2rem; }
aside ul { margin: .75rem 0 0; padding: 0; list-style: none; border: 1px solid var(--hair); border-radius: .75rem;
  background: var(--card); overflow: hidden; }
aside li + li { border-top: 1px solid var(--hair); }
aside li a { display: block; min-height: 2.75rem; padding: .375rem .875rem; font-size: .9375rem;
  text-decoration: none; }
aside li a:hover, aside li a[aria-current] { background: var(--hover); }
aside li a[aria-current] { font-weight: 600; }
aside li a:focus-visible { outline-offset: -3px; border-radius: .75rem; }
.number { display: block; width: fit-content; font-variant-numeric: tabular-nums; text-decoration: underline;
  text-decoration-color: var(--line); }
.what { color: var(--soft); font-size: .875rem; }
.what::before { content: ""; display: inline-block; width: .5rem; height: .5rem; margin-right: .5rem;
  border-radius: 50%; background: var(--good); }
.what.ask::before { background: var(--ask); border-radius: 0; rotate: 45deg; }
.what.bad::before { background: var(--bad); border-radius: 0; }
details { margin-top: .75rem; } summary { padding: .5rem 0; font-size: .9375rem; cursor: pointer; }
@media (min-width: 28rem) {
  aside li a { display: flex; justify-content: space-between; align-items: center; gap: 1rem; } }
@media (min-width: 56rem) {
  .wide header, .wide main { max-width: 58rem; }
  .wide main { display: grid; grid-template-columns: 1fr 1fr; gap: 3rem; align-items: start; }
  header { padding-top: 2.5rem; } .box { padding: 2rem; } aside { margin-top: .5rem; } }
]]

local OUTCOME = [[
<svg class="mark {kind}" viewBox="0 0 56 56" fill="none" stroke="currentColor" stroke-width="4" stroke-linecap="round"
 stroke-linejoin="round" aria-hidden="true"><path d="{{drawing}}"/></svg>
<h1 class="outcome">{title}</h1>
<p>{text}</p>
]]

local DRAWINGS = { good = "M17 29l8 8 15-17", bad = "M20 20l16 16M36 20L20 36", wait = "M28 16v13l8 5" }

--- An outcome, good or bad.
---@param kind "good"|"bad"|"wait"
---@param title string
---@param text string
function M.outcome(kind, title, text)
  return M.filled(OUTCOME, { kind = kind, drawing = DRAWINGS[kind], title = title, text = text })
end

---@param content string HTML
function M.box(content)
  return '<div class="box">\n' .. content .. "</div>\n"
end

local SUMMARY = [[
<h1>{title}</h1>
<p class="amount">{amount}</p>
]]

--- What is paid for, and how much.
---@param title string
---@param amount string
function M.summary(title, amount)
  return M.filled(SUMMARY, { title = title, amount = amount })
end

local FIELD = [[
<div class="field">
<label for="{name}">{label}</label>
<input id="{name}" name="{name}" value="{value}"{{keys}} autocomplete="{autocomplete}"{{state}}>
{{below}}</div>
]]

local ERROR = '<p class="error" id="{name}-error">{text}</p>\n'
local HINT = '<p class="note" id="{name}-hint">{text}</p>\n'

--- A field of a form. What is wrong with it stands below it, before the hint, and is read out with it.
---@param field { name: string, label: string, autocomplete: string, is_number: boolean?, hint: string? }
---@param value string
---@param reason string? what is wrong with it
---@param has_focus boolean?
---@param described_by string? the id of what else is said about it
function M.field(field, value, reason, has_focus, described_by)
  local state, below, ids = field.is_number and " required" or "", "", { described_by }
  if reason then
    state, below = state .. ' aria-invalid="true"', M.filled(ERROR, { name = field.name, text = reason })
    ids[#ids + 1] = field.name .. "-error"
  end
  if field.hint then
    below = below .. M.filled(HINT, { name = field.name, text = field.hint })
    ids[#ids + 1] = field.name .. "-hint"
  end
  if ids[1] then state = ('%s aria-describedby="%s"'):format(state, table.concat(ids, " ")) end
  return M.filled(FIELD, { name = field.name, label = field.label, autocomplete = field.autocomplete, value = value,
    keys = field.is_number and ' inputmode="numeric"' or "", state = state .. (has_focus and " autofocus" or ""),
    below = below })
end

local FRAME = [[
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · lomi. sandbox</title>
<link rel="icon" href="data:,">
<style>
{{style}}</style>
</head>
<body class="{layout}">
<header>
<p class="name">lomi.</p>
<p class="badge">Sandbox</p>
<p>No money moves here.</p>
</header>
<main>
{{content}}</main>
</body>
</html>
]]

local POLICY = "Content-Security-Policy"

local HEADERS = {
  ["Content-Type"] = "text/html; charset=utf-8", ["Cache-Control"] = "no-store", ["Referrer-Policy"] = "no-referrer",
  ["X-Content-Type-Options"] = "nosniff", ["X-Frame-Options"] = "DENY",
  [POLICY] = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    .. "frame-ancestors 'none'; form-action 'self'",
}

--- A whole page, as an answer.
---@param status integer
---@param title string the first thing a screen reader says: what came of it
---@param content string HTML
---@param layout "wide"|"narrow"|nil wide: two columns where there is room
---@param destinations string[]? URLs that a form of the page may lead to, beside this server
function M.page(status, title, content, layout, destinations)
  local headers = {}
  for name, value in pairs(HEADERS) do headers[name] = value end
  for _, url in pairs(destinations or {}) do
    local origin = url:match("^[Hh][Tt][Tt][Pp][Ss]?://[A-Za-z0-9.%-:%[%]]+")
    if origin then headers[POLICY] = headers[POLICY] .. " " .. origin end
  end
  return { status = status, headers = headers,
    body = M.filled(FRAME, { title = title, style = STYLE, content = content, layout = layout or "narrow" }) }
end

--- A page that says why there is nothing to do.
function M.refusal(status, title, text)
  return M.page(status, title, M.box(M.outcome("bad", title, text)))
end

--- Leads to another page, which is loaded anew: loading that again sends no form.
function M.redirect(url)
  return { status = 303, body = "", headers = { Location = url, ["Cache-Control"] = "no-store" } }
end

return M
