---@meta lomi.crypto
-- SPDX-License-Identifier: MIT
-- What the C module lomi.crypto (src/crypto_lua.c) shows to Lua, for editors. Never loaded.

---@class lomi.crypto
---@field version string  of OpenSSL
local crypto = {}

---@param key string
---@param bytes string
---@return string? hex  64 digits, lower case
---@return string? reason  why OpenSSL refuses
function crypto.hmac_sha256(key, bytes) end

--- In a time that tells the lengths, never where the bytes differ.
---@param a string
---@param b string
---@return boolean same
function crypto.equal(a, b) end

return crypto
