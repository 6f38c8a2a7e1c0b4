/* SPDX-License-Identifier: MIT */
/* lomi.core: what every client needs whatever carries its requests. Links nothing but libc. */
#include "core.h"
#include "lomi.h"
#include "os.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* From the kernel each time: random bytes in store would be the same in a forked child. Emulators
 * say that they empty a page in it (MADV_WIPEONFORK), and do not. */
static void random_bytes(lua_State *L, void *to, size_t n) {
  if (getentropy(to, n) != 0)
    luaL_error(L, "the system gives no random bytes: %s", strerror(errno));
}

enum { UUID = 16, MOST_UUIDS = 2 };

static void push_uuid4(lua_State *L, unsigned char *bytes) {
  bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40);
  bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
  static const char hex[] = "0123456789abcdef";
  char text[36], *out = text;
  for (size_t i = 0; i < UUID; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      *out++ = '-';
    *out++ = hex[bytes[i] >> 4];
    *out++ = hex[bytes[i] & 0x0F];
  }
  lua_pushlstring(L, text, sizeof text);
}

/* uuid4([count]) -> text, … Random (version 4) UUIDs, one or two: many processes may use them as
 * idempotency keys. */
static int core_uuid4(lua_State *L) {
  unsigned char bytes[MOST_UUIDS * UUID];
  lua_Integer count = luaL_optinteger(L, 1, 1);
  luaL_argcheck(L, count >= 1 && count <= MOST_UUIDS, 1, "1 or 2 expected");
  random_bytes(L, bytes, (size_t)count * UUID);
  for (lua_Integer i = 0; i < count; i++)
    push_uuid4(L, bytes + i * UUID);
  return (int)count;
}

/* now() -> seconds since some fixed moment, never set back (CLOCK_MONOTONIC) */
static int core_now(lua_State *L) {
  lua_pushnumber(L, lomi_now());
  return 1;
}

/* time() -> seconds since 1970, the wall clock's; a sandboxed state has no os.time */
static int core_time(lua_State *L) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  lua_pushnumber(L, (lua_Number)t.tv_sec + (lua_Number)t.tv_nsec / 1e9);
  return 1;
}

/* sleep(seconds): may end early, when a signal comes, so that Lua can handle it */
static int core_sleep(lua_State *L) {
  struct timespec t = lomi_timespec(luaL_checknumber(L, 1));
  nanosleep(&t, NULL);
  return 0;
}

/* random() -> 0 <= number < 1, from the kernel: processes that fail together must not try again
 * together, and LuaJIT's math.random is the same in all of them */
static int core_random(lua_State *L) {
  uint64_t bits;
  random_bytes(L, &bits, sizeof bits);
  lua_pushnumber(L, (lua_Number)(bits >> 11) / 9007199254740992.0); /* 53 bits over 2^53 */
  return 1;
}

/* isatty(descriptor) -> boolean */
static int core_isatty(lua_State *L) {
  lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
  return 1;
}

/* isyieldable() -> may the running code wait? No: inside string.gsub, table.sort, require … Tables
 * of coroutine functions that others replaced (nginx's) may lack this. */
static int core_isyieldable(lua_State *L) {
  lua_pushboolean(L, lua_isyieldable(L));
  return 1;
}

static const luaL_Reg core_functions[] = {
    {"isatty", core_isatty}, {"isyieldable", core_isyieldable},
    {"now", core_now},       {"sleep", core_sleep},
    {"time", core_time},     {"random", core_random},
    {"uuid4", core_uuid4},   {NULL, NULL},
};

LOMI_EXPORT int luaopen_lomi_core(lua_State *L);

int luaopen_lomi_core(lua_State *L) {
  lomi_stay_loaded(); /* LuaJIT unloads a library, then runs older finalizers that may call it */
  luaL_newlib(L, core_functions);
  lua_pushliteral(L, LOMI_VERSION);
  lua_setfield(L, -2, "version");
  lomi_add_json(L);
  lomi_add_schema(L);
  lomi_add_resumer(L);
  lomi_open_http1(L);
  lua_setfield(L, -2, "http1");
  return 1;
}
