-- SPDX-License-Identifier: MIT
-- The request that wrk sends in bench/nginx.lua.
wrk.method = "POST" -- luacheck: ignore 112
wrk.body = '{"id":"ORD-1","amount":10000,"email":"awa@example.com","name":"Awa Ndiaye"}' -- luacheck: ignore 112
