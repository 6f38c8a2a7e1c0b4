---@meta lomi.core
-- SPDX-License-Identifier: MIT
-- What the C module lomi.core (src/core_lua.c, json_lua.c, schema_lua.c, http1_lua.c, resume_lua.c) shows to Lua, for
-- editors. Never loaded.

---@class lomi.core
---@field version string  of this library
---@field null lightuserdata  JSON null: lua-cjson's, too
---@field empty_array lightuserdata  encoded as `[]`: lua-cjson's, too, where it has one
---@field http1 lomi.core.http1
local core = {}

--- JSON of a value, for money: a whole number that would not be read back equal is a fault, not another number.
---@param value any
---@param is_simple? boolean  a schema's `fits` has found all of it right: only the text is checked
---@return string? text  1 MiB at most
---@return lomi.Fault[]? faults  all that is wrong with the value at once
function core.encode(value, is_simple) end

--- The value of a JSON text. Whole numbers below 2^53 are integers where Lua has them. Half a surrogate pair is U+FFFD.
--- An empty list is an empty table that is encoded as `[]` again.
---@param text string
---@param keep_null? boolean  JSON null is `core.null`; else an absent field
---@param is_reply? boolean  refused beyond 1.25 MiB, each value counted as 40 bytes more
---@return any value  nil and a message if it is not JSON
---@return string? message
function core.decode(text, keep_null, is_reply) end

--- The common case of the checks of a schema and of encode, compiled. True: a plain table, all of it right. False: look
--- closer.
---@param dto lomi.contract.Dto
---@return (fun(params: any): boolean)? fits  nil: the DTO has too many fields or rules
function core.fits_of(dto) end

---@param text string
---@return boolean
function core.is_email(text) end

---@param text string
---@return boolean
function core.is_uuid(text) end

---@param text string
---@return boolean
function core.is_uuid4(text) end

--- Random (version 4) UUIDs, from the kernel's randomness; never the same in two processes.
---@param count? 1|2  how many (1)
---@return string uuid
---@return string|nil second
function core.uuid4(count) end

--- From the kernel's randomness, so that processes which fail together do not try again together.
---@return number number  0 or more, below 1
function core.random() end

--- Seconds since some fixed moment; never set back.
---@return number seconds
function core.now() end

--- Seconds since 1970, by the wall clock.
---@return number seconds
function core.time() end

--- May end early, when a signal comes, so that Lua can handle it.
---@param seconds number
function core.sleep(seconds) end

---@param descriptor integer
---@return boolean terminal
function core.isatty(descriptor) end

---@return boolean yieldable  the running code can wait: not inside string.gsub, table.sort, require …
function core.isyieldable() end

--- For LuaJIT, whose coroutines share one debug hook. Makes a `coroutine.resume` under which a hook that the coroutine
--- sets is its own: it is kept in `owner.hook`, and given to the next resume. One result of the coroutine is given.
---@param gethook function  debug.gethook
---@param sethook function  debug.sethook
---@return (fun(co: thread, owner: table, hook?: table): boolean, any)? resume  nil on other Luas
function core.resumer(gethook, sethook) end

--- HTTP/1.1, without a socket.
---@class lomi.core.http1
local http1 = {}

--- Header lines that every request of a client has. A header that could add another is refused.
---@param fields string[]  name, value, name, value, …
---@return string? lines
---@return string? reason
function http1.lines(fields) end

--- A parser that waits for a reply.
---@return lomi.core.http1.Parser
function http1.parser() end

---@class lomi.core.http1.Parser: userdata
local Parser = {}

--- A whole request, with a Content-Length where there has to be one.
---@param method string
---@param target string  path and query
---@param lines string  of lines()
---@param fields string[]  name, value, …: those of this request alone
---@param body? string
---@return string? bytes
---@return string? reason
function Parser:request(method, target, lines, fields, body) end

--- Reads on.
---@param bytes string
---@return "done"|"partial"|nil state
---@return string? reason  why the reply is bad
---@return "protocol"? kind
function Parser:feed(bytes) end

--- The stream has ended.
---@return "done"|nil state
---@return string? reason
---@return "connection"|"protocol"|nil kind  it ended early, or was bad before
function Parser:eof() end

--- The stream has ended in another way.
---@param how string  a word such as "reset", for the reason
---@return "done"|nil state
---@return string? reason
---@return "connection"|"protocol"|nil kind
function Parser:lost(how) end

--- The reply: status, body, head, request_id, replayed, and headers, which are made when first asked for. Raises before
--- "done". The parser then waits for the next reply.
---@return table reply
---@return boolean keep_alive  another request may go over the connection
function Parser:reply() end

--- Forgets everything and waits for the next reply.
function Parser:reset() end

return core
