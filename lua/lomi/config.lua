-- SPDX-License-Identifier: MIT
--- Turns the options of `lomi.new` into a checked configuration. A wrong option is the caller's bug, found here.

local ascii = require "lomi.ascii"
local contract = require "lomi.contract"
local rules = require "lomi.rules"
local transports = require "lomi.transport"
local urls = require "lomi.url"

local M = {}

--- Full jitter: a wait is random, from 0 to `base * 2^n`, at most `cap`.
---@class lomi.Backoff
---@field base? number  seconds, 0 or more (0.5)
---@field cap? number  seconds, 0 or more (8)

--- The options of `lomi.new`; all are optional.
---@class lomi.Options
---@field api_key? string  the secret key; default: LOMI_API_KEY, then LOMI_SECRET_KEY, of the environment
---@field environment? "sandbox"|"live"  told by the key's prefix; needed only for a key without a known one
---@field base_url? string  default: follows from `environment`. https, or http to a loopback host, whatever the key
---@field account? string  the connected account to act for (`Lomi-Account`)
---@field timeout? number  seconds, one whole attempt, body included (30)
---@field connect_timeout? number  seconds, name lookup and TLS included (10)
---@field deadline? number  seconds, the whole call with its retries and waits (60)
---@field max_retries? integer  0 means one request on the wire, exactly (2)
---@field backoff? lomi.Backoff  the waits between attempts
---@field transport? lomi.Transport  how to wait; default: cosockets inside nginx, else libcurl, which blocks
---@field on_attempt? fun(event: lomi.AttemptEvent)  called after every attempt; if it raises, that is a warning
---@field ca_file? string  path of a PEM file with the authorities to trust; the libcurl transports only
---@field proxy? string  URL; the libcurl transports only, and never for a loopback host
---@field amounts? "main"|"minor"  the unit of USD and EUR amounts: 10.5 or 1050 for 10.50 ("main")
---@field allow_http? boolean  http to a host that is not loopback; never with a live key (false)

--- The options as they count: every one that has a default is there.
---@class lomi.Configuration: lomi.Options
---@field secrets string[]  the key, and the password of a proxy: never shown
---@field base_url string  without a slash at the end
---@field host string
---@field url lomi.Url  the base URL, taken apart
---@field proxy? string  "": none, not even the environment's

local DEFAULTS = { timeout = 30, connect_timeout = 10, deadline = 60, max_retries = 2, amounts = "main" }
local BACKOFF = { base = 1 / 2, cap = 8 } -- 0.5 does not compile where a decimal point has several bytes

local RULES = {
  api_key = "string", environment = { "sandbox", "live" }, base_url = "string", account = "string",
  timeout = "seconds", connect_timeout = "seconds", deadline = "seconds", max_retries = "count",
  backoff = { type = "table", fields = { base = "wait", cap = "wait" } },
  transport = "transport", on_attempt = "function", ca_file = "string",
  proxy = "string", allow_http = "boolean", amounts = { "main", "minor" },
}

-- ---- the key ----------------------------------------------------------------------------------

-- The first variable that is set. A sandboxed state may have no os library, or only a part of it.
local function from_environment(names)
  local library = rawget(_G, "os")
  local getenv = type(library) == "table" and library.getenv or function() end
  for _, name in ipairs(names) do
    local value = getenv(name)
    if value and value ~= "" then return value, name end
  end
end

-- Why LOMI_API_KEY may be set and not be seen.
local function hidden_environment()
  if transports.in_nginx() then
    return '; nginx hides it from its workers: add "env LOMI_API_KEY;" to nginx.conf'
  end
  local library = rawget(_G, "os")
  if type(library) ~= "table" or not library.getenv then
    return "; this Lua state has no os.getenv to read it with"
  end
  return ""
end

local KEYS = { "LOMI_API_KEY", "LOMI_SECRET_KEY" }

--- The key that a client uses.
---@param given? string
---@return string|nil key
---@return string source  of the key, or what is wrong
function M.find_key(given)
  local key, source = given, "api_key"
  if key == nil then key, source = from_environment(KEYS) end
  if key == nil then
    return nil, "api_key is missing: give it, or set LOMI_API_KEY in the environment" .. hidden_environment()
  end
  local reason = rules.header_fault(key)
  if reason then return nil, ("%s %s"):format(source, reason) end
  if key:find("^lomi_pk_") then
    return nil, source .. " is a publishable key, for browsers; this takes a secret key, lomi_sk_test_… or …_live_…"
  end
  return key, source
end

---@param key string
---@return "sandbox"|"live"|nil  nil: the key's prefix is unknown
function M.environment_of_key(key)
  if key:find("^lomi_sk_test_.") then return "sandbox" end
  if key:find("^lomi_sk_live_.") then return "live" end
end

local function find_environment(key, source, given)
  local told = M.environment_of_key(key)
  if told and given and told ~= given then
    return nil, ("environment is %s, but %s is a key for %s"):format(given, source, told)
  end
  if not told and not given then
    return nil, source .. " begins with neither lomi_sk_test_ nor lomi_sk_live_; if that is right, give the environment"
  end
  return told or given
end

-- ---- the host ---------------------------------------------------------------------------------

local function find_url(given, environment, allow_http)
  local text = given or ("https://" .. contract.hosts[environment])
  local url, reason = urls.parse(text)
  if not url then return nil, "base_url " .. reason end
  local host = url.host:gsub("%.$", "")
  if host == "" or host:find("%.%.") or host:find("^%.") or host:find("%.$") then
    return nil, "base_url has a host name with an empty part"
  end
  for other, official in pairs(contract.hosts) do
    if host == official and other ~= environment then
      return nil, ("base_url is the %s host, but the key is for %s"):format(other, environment)
    end
  end
  if url.scheme == "http" and not urls.is_loopback(url.host) then
    if environment == "live" then return nil, "base_url must be https: a live key is never sent in the clear" end
    if not allow_http then
      return nil, "base_url must be https: http is for loopback hosts only (allow_http = true for a host you trust)"
    end
  end
  return url, text:gsub("/+$", "")
end

-- ---- the proxy --------------------------------------------------------------------------------

local PROXY_SCHEMES = { http = true, https = true, socks4 = true, socks4a = true, socks5 = true, socks5h = true }
local PROXY_LIKE = " must be a URL, like http://user:password@proxy.example:3128, special characters of the user and "
  .. "password percent-encoded"

-- A refused value is not shown: it may hold a password.
---@return string|nil user  "user:password", "" for none; nil: this is not the URL of a proxy
local function proxy_user(text, needs_scheme)
  local scheme, rest = text:match("^([A-Za-z0-9]+)://(.*)$")
  if not scheme and needs_scheme or scheme and not PROXY_SCHEMES[ascii.lower(scheme)] then return nil end
  local user, host = (rest or text):match("^([A-Za-z0-9%-._~%%!$&'()*+,;=:]*)@([^@]*)$")
  host = host or rest or text
  local port = host:match("^[A-Za-z0-9%-._]+(.*)$") or host:match("^%[[%x:.]+%](.*)$")
  if not port or not (port:find("^/?$") or port:find("^:%d+/?$")) then return nil end
  return user or ""
end

local PROXIES = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" } -- as libcurl does

-- NO_PROXY names the host, or a domain that it is in. libcurl knows more forms, and keeps to them by itself.
local function is_exempt(host)
  local list = from_environment { "no_proxy", "NO_PROXY" } or ""
  if list == "*" then return true end
  for entry in ascii.lower(list):gmatch("[^, \t]+") do
    local name = entry:gsub("^%.", "")
    if host == name or host:sub(-#name - 1) == "." .. name then return true end
  end
  return false
end

-- Whether the transport has a capability, such as `takes_proxy`. Without a transport the choice decides.
local function has(options, capability)
  if options.transport then
    local found, value = pcall(function() return options.transport[capability] end)
    return found and value == true
  end
  return not transports.in_nginx()
end

-- A proxy of the environment serves https only, and no proxy a loopback host: what stays on the machine is not sent
-- around. NO_PROXY exempts a host from the option, too, as with libcurl. "" is none. Read and checked here, so that no
-- text of libcurl's is about one that it cannot read.
---@return string|nil proxy
---@return string|nil reason
---@return string|nil user  of the proxy
local function find_proxy(url, options)
  local proxy, source = options.proxy, "proxy"
  local is_loopback = urls.is_loopback(url.host)
  if not proxy then
    if not has(options, "takes_proxy") then return nil end
    if not is_loopback and url.scheme == "https" then proxy, source = from_environment(PROXIES) end
    if not proxy then return "" end
  end
  local user = proxy_user(proxy, source == "proxy")
  if not user then return nil, source .. PROXY_LIKE end
  return (is_loopback or is_exempt(url.host)) and "" or proxy, nil, user
end

local SHORTEST_SECRET = 4 -- bytes: a shorter one would be found in any text

-- The key, also as a URL has it, and a proxy's password (or its user alone, a token then) as written and as meant.
local function secrets_of(key, user)
  local password = user and (user:match("^[^:]*:(.*)$") or user) or ""
  local plain = password:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  local encoded = key:gsub("[^A-Za-z0-9%-._~]", function(c) return ("%%%02X"):format(c:byte()) end)
  local lower = encoded:gsub("%%%x%x", ascii.lower)
  local secrets = { key }
  for _, secret in ipairs { encoded, lower, password, plain } do
    if #secret >= SHORTEST_SECRET and secret ~= secrets[#secrets] then secrets[#secrets + 1] = secret end
  end
  return secrets
end

-- ---- all of it --------------------------------------------------------------------------------

local function with_defaults(given, defaults)
  local all = {}
  for name, default in next, defaults do all[name] = given and given[name] or default end
  return all
end

local function capabilities_fault(options)
  for _, name in ipairs { "ca_file", "proxy" } do
    if options[name] and not has(options, "takes_" .. name) then
      if options.transport then
        return name .. " is for the libcurl transports; the transport given takes care of that itself"
      end
      return name .. " is for the libcurl transports; in nginx use lua_ssl_trusted_certificate"
    end
  end
  if options.ca_file and rawget(_G, "io") then -- without io, libcurl tells at the first connection
    local file, reason = io.open(options.ca_file, "rb")
    if not file then return "ca_file cannot be read: " .. reason end
    file:close()
  end
end

---@param options any
---@return lomi.Configuration|nil
---@return string|nil reason  what is wrong with the options
function M.check(options)
  if options == nil then options = {} end
  if type(options) ~= "table" then return nil, "the options must be a table, not a " .. type(options) end
  if getmetatable(options) ~= nil then return nil, "the options must be a plain table, without a metatable" end
  local reason = rules.check(options, RULES) or capabilities_fault(options)
  if reason then return nil, reason end

  local key, source = M.find_key(options.api_key)
  if not key then return nil, source end
  local environment, environment_reason = find_environment(key, source, options.environment)
  if not environment then return nil, environment_reason end
  local url, base_url = find_url(options.base_url, environment, options.allow_http)
  if not url then return nil, base_url end
  local proxy, proxy_reason, proxy_user_info = find_proxy(url, options)
  if proxy_reason then return nil, proxy_reason end
  local account_reason = options.account and rules.header_fault(options.account, 255)
  if account_reason then return nil, "account " .. account_reason end

  local config = {
    api_key = key, secrets = secrets_of(key, proxy_user_info), environment = environment,
    url = url, base_url = base_url, host = url.host, account = options.account,
    backoff = with_defaults(options.backoff, BACKOFF), transport = options.transport, on_attempt = options.on_attempt,
    ca_file = options.ca_file, proxy = proxy,
  }
  for name, default in pairs(DEFAULTS) do config[name] = options[name] or default end
  return config
end

return M
