std = "lua54+luajit"
max_line_length = 120
self = false -- a method need not use it
exclude_files = { "build" }
files["spec"] = { std = "+busted" }
files["examples/spec"] = { std = "+busted" }
files["lua/lomi/transport/nginx.lua"] = { read_globals = { "ngx" } }
