---@meta lomi.curl
-- SPDX-License-Identifier: MIT
-- What the C module lomi.curl (src/curl.c) shows to Lua, for editors. Never loaded.

---@class lomi.curl
---@field version string  of libcurl and what it is built with
local curl = {}

--- A handle of its own on the Lua state's engine. All of them share its connections.
---@return lomi.curl.Engine
function curl.engine() end

---@class lomi.curl.Engine: userdata
local Engine = {}

--- Takes a request on. A request that no client of ours would make raises.
---@param request lomi.Request
---@return integer? id
---@return lomi.Failure? failure
function Engine:submit(request) end

--- Does what there is to do; waits for one of this handle's requests to finish. Nothing at all: none did, none is under
--- way, or a signal came.
---@param wait? number  seconds, at most (0)
---@return integer? id
---@return lomi.RawReply? reply
---@return lomi.Failure? failure  where there is no reply
function Engine:step(wait) end

--- Readable when `step` has something to do.
---@return integer descriptor
function Engine:pollfd() end

---@return number? seconds  until `step` wants to be called whatever the descriptor says; nil: never
function Engine:timeout() end

--- Cancels what this handle has under way. The connections stay, for others. Idempotent.
function Engine:close() end

return curl
