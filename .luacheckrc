std = "lua54+luajit"
max_line_length = 120
self = false -- a method need not use it
exclude_files = { "build" }
files["spec"] = { std = "+busted" }
files["examples/spec"] = { std = "+busted" }
files["types/lomi/tables.lua"] = { max_line_length = false } -- generated: one row a line
for _, path in ipairs {
  "lua/lomi/transport/nginx.lua", "spec/support/nginx_app.lua", "bench/nginx_handlers.lua", "examples/nginx",
  "examples/openresty-shop",
} do
  files[path] = { globals = { "ngx" } }
end
