/* SPDX-License-Identifier: MIT */
/* lomi.core: what every client needs whatever carries its requests. Links nothing but libc. */
#include "core.h"
#include "lomi.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* uuid4() -> text. A random (version 4) UUID from the kernel: safe to use as an idempotency key by
 * many processes, and after a fork. */
static int core_uuid4(lua_State *L) {
  unsigned char bytes[16];
  ssize_t got;
  do
    got = getrandom(bytes, sizeof bytes, 0);
  while (got < 0 && errno == EINTR);
  if (got != (ssize_t)sizeof bytes)
    return luaL_error(L, "the system gives no random bytes: %s", strerror(errno));
  bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40);
  bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
  static const char hex[] = "0123456789abcdef";
  char text[36], *out = text;
  for (size_t i = 0; i < sizeof bytes; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      *out++ = '-';
    *out++ = hex[bytes[i] >> 4];
    *out++ = hex[bytes[i] & 0x0F];
  }
  lua_pushlstring(L, text, sizeof text);
  return 1;
}

/* now() -> seconds since some fixed moment, never set back (CLOCK_MONOTONIC) */
static int core_now(lua_State *L) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  lua_pushnumber(L, (lua_Number)t.tv_sec + (lua_Number)t.tv_nsec / 1e9);
  return 1;
}

static const luaL_Reg core_functions[] = {
    {"now", core_now},
    {"uuid4", core_uuid4},
    {NULL, NULL},
};

LOMI_EXPORT int luaopen_lomi_core(lua_State *L);

LOMI_EXPORT int luaopen_lomi_core(lua_State *L) {
  luaL_newlib(L, core_functions);
  lua_pushliteral(L, LOMI_VERSION);
  lua_setfield(L, -2, "version");
  lomi_add_json(L);
  return 1;
}
