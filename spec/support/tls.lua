-- SPDX-License-Identifier: MIT
--- Certificates made with openssl for a spec, in a directory of their own.

local M = {}

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function run(command, ...)
  local quiet = command:format(...) .. " >/dev/null 2>&1"
  local ok = os.execute(quiet)
  assert(ok == true or ok == 0, quiet)
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

function M.remove(certificate)
  run("rm -rf %s", certificate.directory)
end

return M
