/* SPDX-License-Identifier: MIT */
/* lomi.core: what every client needs whatever carries its requests. Links nothing but libc. */
#include "core.h"
#include "lomi.h"
#include "os.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* Random bytes from the kernel, fetched some at a time. The pool is a page the kernel empties in a
 * forked child, so that no two processes ever hand out the same bytes: an idempotency key must not
 * be made twice. Bytes handed out are erased. */
typedef struct pool {
  uint32_t left;
  unsigned char bytes[252];
} pool;

typedef struct pool_owner {
  pool *page; /* NULL: this kernel cannot empty it, so nothing is kept */
} pool_owner;

static void fetch(lua_State *L, void *to, size_t n) {
  if (getentropy(to, n) != 0)
    luaL_error(L, "the system gives no random bytes: %s", strerror(errno));
}

static void random_bytes(lua_State *L, void *to, size_t n) {
  pool *p = ((pool_owner *)lua_touserdata(L, lua_upvalueindex(1)))->page;
  if (p == NULL) {
    fetch(L, to, n);
    return;
  }
  if (p->left < n) {
    fetch(L, p->bytes, sizeof p->bytes);
    p->left = sizeof p->bytes;
  }
  p->left -= (uint32_t)n;
  memcpy(to, p->bytes + p->left, n);
  memset(p->bytes + p->left, 0, n);
}

static int pool_gc(lua_State *L) {
  pool_owner *owner = lua_touserdata(L, 1);
  if (owner->page != NULL)
    munmap(owner->page, sizeof *owner->page);
  owner->page = NULL;
  return 0;
}

static void push_pool(lua_State *L) {
  pool_owner *owner = lua_newuserdata(L, sizeof *owner);
  owner->page = NULL;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, pool_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  void *page = mmap(NULL, sizeof(pool), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED)
    return;
  if (madvise(page, sizeof(pool), LOMI_WIPEONFORK) == 0)
    owner->page = page;
  else
    munmap(page, sizeof(pool));
}

/* uuid4() -> text. A random (version 4) UUID: many processes may use it as an idempotency key. */
static int core_uuid4(lua_State *L) {
  unsigned char bytes[16];
  random_bytes(L, bytes, sizeof bytes);
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
    {"time", core_time},     {NULL, NULL},
};

/* These draw on the pool, their upvalue. */
static const luaL_Reg random_functions[] = {
    {"random", core_random},
    {"uuid4", core_uuid4},
    {NULL, NULL},
};

LOMI_EXPORT int luaopen_lomi_core(lua_State *L);

int luaopen_lomi_core(lua_State *L) {
  lomi_stay_loaded(); /* LuaJIT unloads a library, then runs older finalizers that may call it */
  luaL_newlib(L, core_functions);
  push_pool(L);
  luaL_setfuncs(L, random_functions, 1);
  lua_pushliteral(L, LOMI_VERSION);
  lua_setfield(L, -2, "version");
  lomi_add_json(L);
  lomi_add_schema(L);
  lomi_add_resumer(L);
  lomi_open_http1(L);
  lua_setfield(L, -2, "http1");
  return 1;
}
