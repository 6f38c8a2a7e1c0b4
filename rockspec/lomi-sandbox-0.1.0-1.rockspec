rockspec_format = "3.0"
package = "lomi-sandbox"
version = "0.1.0-1"
source = { url = "git+https://github.com/lomiafrica/lomi-lua.git", tag = "v0.1.0" }
description = {
  summary = "The server behind lomi.sandbox: a lomi. payments API on your own machine",
  detailed = [[
    A real server in threads of its own that answers as the lomi. service does: charges, holds, 3-D Secure, signed
    webhooks; and that fails on demand: lost replies, declined cards, slow and broken answers.]],
  license = "MIT",
  homepage = "https://github.com/lomiafrica/lomi-lua",
  issues_url = "https://github.com/lomiafrica/lomi-lua/issues",
  labels = { "payments", "testing", "mock" },
}
supported_platforms = { "unix" }
dependencies = { "lua >= 5.1", "lomi == 0.1.0" }
external_dependencies = {
  MICROHTTPD = { header = "microhttpd.h", library = "microhttpd" },
}
build = { -- not "builtin": that would install lua/ a second time, which the rock "lomi" has already
  type = "command",
  build_command = "$(CC) $(CFLAGS) -std=gnu99 -fvisibility=hidden -I$(LUA_INCDIR) -I$(MICROHTTPD_INCDIR) " ..
    "$(LIBFLAG) -o httpd.so src/httpd_lua.c src/httpd.c src/httpd_state.c src/httpd_loop.c src/httpd_requests.c " ..
    "src/httpd_app.c src/httpd_reply.c src/message_lua.c src/http1.c src/os.c src/buffer.c src/stay_loaded.c " ..
    "-L$(MICROHTTPD_LIBDIR) -lmicrohttpd -lpthread",
  install = { lib = { ["lomi.httpd"] = "httpd.so" } },
}
