rockspec_format = "3.0"
package = "lomi"
version = "scm-1"
source = { url = "git+https://github.com/lomiafrica/lomi-lua.git" }
description = {
  summary = "A client for the lomi. payments API: charges the right amount, once",
  detailed = [[
    Card, Wave and MTN charges from Lua 5.4, Lua 5.5 and LuaJIT: plain scripts, event loops, games, and nginx, on
    cosockets. Each charge carries an idempotency key; an error says whether a charge can have been made. The rock
    lomi-sandbox adds a lomi. API on your own machine to test against.]],
  license = "MIT",
  homepage = "https://github.com/lomiafrica/lomi-lua",
  issues_url = "https://github.com/lomiafrica/lomi-lua/issues",
  labels = { "payments", "http", "openresty", "client" },
}
supported_platforms = { "unix" }
dependencies = { "lua >= 5.1", "lua-cjson >= 2.1.0", "argparse >= 0.7" }
external_dependencies = { -- no headers: Debian has curl's where the compiler looks and LuaRocks does not
  CURL = { library = "curl" },
  CRYPTO = { library = "crypto" },
}
build = { -- the Lua modules come from lua/, as a whole
  type = "builtin",
  modules = {
    ["lomi.core"] = {
      sources = { "src/core_lua.c", "src/json_lua.c", "src/json_encode_lua.c", "src/json_decode_lua.c", "src/text.c",
        "src/schema_lua.c", "src/http1.c", "src/http1_lua.c", "src/message_lua.c", "src/resume_lua.c", "src/os.c",
        "src/buffer.c", "src/stay_loaded.c" },
      incdirs = { "src" },
    },
    ["lomi.engine"] = {
      sources = { "src/engine_lua.c", "src/engine.c", "src/connection.c", "src/connector.c", "src/poller.c", "src/os.c",
        "src/http1.c", "src/message_lua.c", "src/buffer.c", "src/stay_loaded.c" },
      libraries = { "curl", "pthread" },
      incdirs = { "src", "$(CURL_INCDIR)" },
      libdirs = { "$(CURL_LIBDIR)" },
    },
    ["lomi.crypto"] = {
      sources = { "src/crypto_lua.c", "src/stay_loaded.c" },
      libraries = { "crypto" },
      incdirs = { "src", "$(CRYPTO_INCDIR)" },
      libdirs = { "$(CRYPTO_LIBDIR)" },
    },
  },
  install = {
    bin = { lomi = "bin/lomi" },
    lua = { ["lomi.tables"] = "types/lomi/tables.lua" }, -- for editors
  },
}
