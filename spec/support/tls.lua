-- SPDX-License-Identifier: MIT
--- Certificates made with openssl for a spec, in a directory of their own.
local files = require "spec.support.files"

local M = {}

local read = files.read

local function attempt(command, ...)
  local quiet = command:format(...) .. " >/dev/null 2>&1"
  local ok = os.execute(quiet)
  return ok == true or ok == 0, quiet
end

local function run(...)
  assert(attempt(...))
end

--- A self-signed certificate for `localhost` (a CA of itself), good for a day.
---@param options? { names?: string }  subject alternative names, as openssl writes them
---@return { cert: string, key: string, ca_file: string, directory: string }
function M.certificate(options)
  local directory = os.tmpname()
  os.remove(directory)
  run("mkdir -m 700 %s", directory)
  run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=lomi-spec" ..
    " -addext subjectAltName=%s -keyout %s/key.pem -out %s/cert.pem",
    options and options.names or "DNS:localhost,IP:127.0.0.1", directory, directory)
  return {
    cert = read(directory .. "/cert.pem"), key = read(directory .. "/key.pem"),
    ca_file = directory .. "/cert.pem", directory = directory,
  }
end

-- ---- an authority of its own -------------------------------------------------------------------

local Authority = {}
Authority.__index = Authority

local KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"

local TODAY = "-days 1"
-- OpenSSL 3.5 refuses days below 0, and 3.3 has no -not_after.
local EXPIRED = { "-not_before 20200101000000Z -not_after 20200102000000Z", "-days -1" }

-- A certificate signed by `issuer` (names of files without their endings), with the openssl extensions given.
local function sign(directory, name, issuer, extensions, expired)
  local file = assert(io.open(("%s/%s.ext"):format(directory, name), "w"))
  file:write(extensions, "\n")
  file:close()
  local at = directory .. "/" .. name
  run("openssl req %s -subj /CN=%s -keyout %s.key -out %s.csr", KEY, name, at, at)
  local function try(validity)
    return attempt("openssl x509 -req -in %s.csr -CA %s/%s.pem -CAkey %s/%s.key %s -extfile %s.ext -out %s.pem", at,
      directory, issuer, directory, issuer, validity, at, at)
  end
  if not expired then assert(try(TODAY)) else assert(try(EXPIRED[1]) or try(EXPIRED[2])) end
  return read(at .. ".pem"), read(at .. ".key")
end

--- A certificate of this authority, for `localhost` unless told otherwise, good for a day.
---@param options? { names: string?, expired: boolean?, intermediates: integer? }
---@return { cert: string, key: string, ca_file: string }
function Authority:issue(options)
  options = options or {}
  local issuer, chain = "root", ""
  for _ = 1, options.intermediates or 0 do
    self.count = self.count + 1
    local name = "intermediate" .. self.count
    chain = sign(self.directory, name, issuer, "basicConstraints=critical,CA:TRUE") .. chain
    issuer = name
  end
  self.count = self.count + 1
  local cert, key = sign(self.directory, "leaf" .. self.count, issuer,
    "subjectAltName=" .. (options.names or "DNS:localhost,IP:127.0.0.1"), options.expired)
  return { cert = cert .. chain, key = key, ca_file = self.ca_file }
end

--- A certificate authority that nobody trusts but who is given its `ca_file`.
---@return { issue: function, ca_file: string, directory: string }
function M.authority()
  local directory = os.tmpname()
  os.remove(directory)
  run("mkdir -m 700 %s", directory)
  run("openssl req -x509 %s -days 1 -subj /CN=lomi-spec-authority -keyout %s/root.key -out %s/root.pem", KEY, directory,
    directory)
  return setmetatable({ directory = directory, ca_file = directory .. "/root.pem", count = 0 }, Authority)
end

--- Removes the files of a certificate made by `certificate`, or of an authority.
function M.remove(made)
  run("rm -rf %s", made.directory)
end

return M
