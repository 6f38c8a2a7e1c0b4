---@meta lomi.engine
-- SPDX-License-Identifier: MIT
-- What the C module lomi.engine (src/engine_lua.c) shows to Lua, for editors. Never loaded.

---@class lomi.engine
---@field version string  of libcurl and its TLS library
---@field ca_file? string  the authorities that libcurl was built with
local engine = {}

---@class lomi.engine.Endpoint: userdata

--- Where to, and the header lines of every request there.
---@param origin string  scheme://host[:port]
---@param lines string  as core.http1.lines() gives them
---@param ca_file? string
---@param proxy? string  "": none; nil: from the environment
---@return lomi.engine.Endpoint
function engine.endpoint(origin, lines, ca_file, proxy) end

--- An engine of its own, for a loop.
---@return lomi.engine.Engine?  nil without memory or descriptors
---@return string? reason
function engine.new() end

--- The engine of this Lua state, for whoever blocks.
---@return lomi.engine.Engine?  nil without memory or descriptors
---@return string? reason
function engine.shared() end

---@class lomi.engine.Engine: userdata
local Engine = {}

--- One exchange. Blocks; handlers of signals run meanwhile, and what they raise is raised here.
---@param endpoint lomi.engine.Endpoint
---@param method string
---@param target string  path and query
---@param fields string[]  name, value, name, value, …
---@param body? string
---@param timeout number  seconds, all of it
---@param connect_timeout number  seconds, until TCP and TLS are up
---@return table? reply  see core.http1.Parser:reply
---@return lomi.Failure? failure
function Engine:perform(endpoint, method, target, fields, body, timeout, connect_timeout) end

--- Starts an exchange.
---@param endpoint lomi.engine.Endpoint
---@param method string
---@param target string
---@param fields string[]
---@param body? string
---@param timeout number
---@param connect_timeout number
---@param id? number  what `step` calls it; default: the engine's own number
---@return number? id
---@return lomi.Failure? failure
function Engine:submit(endpoint, method, target, fields, body, timeout, connect_timeout, id) end

--- Does what there is to do, and appends the id of each exchange that has ended, and its reply or failure, to `inbox`.
--- Ends early when a signal comes, or when nothing is under way.
---@param inbox table
---@param seconds? number  to wait for an exchange to end, at most (0)
function Engine:step(inbox, seconds) end

---@return integer count  exchanges under way
function Engine:running() end

--- Readable when `step` has something to do.
---@return integer descriptor
function Engine:pollfd() end

---@return number? seconds  until `step` wants to be called whatever the descriptor says; nil: never
function Engine:timeout() end

--- Forgets all exchanges. The idle connections stay.
function Engine:cancel() end

--- Closes the idle connections that lead there.
---@param endpoint lomi.engine.Endpoint
function Engine:drop_idle(endpoint) end

--- Ends everything. Idempotent; `perform` and `submit` then give a failure.
function Engine:close() end

return engine
