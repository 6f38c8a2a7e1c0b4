/* SPDX-License-Identifier: MIT */
/* Failing allocations, for tools/memerr.lua. Three places memory comes from: the Lua state,
 * libcurl, and malloc as our own C calls it (its modules are linked with --wrap). From the n-th
 * allocation there, all fail until the call is over; or the n-th alone. Nothing that shrinks ever
 * fails: no Lua can cope with that. */
#include "../src/compat.h"
#include "host.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LUA, CURL_LIBRARY, OWN, SOURCES };
static const char *const source_names[] = {"lua", "curl", "own", NULL};

static struct {
  bool armed;
  bool once; /* the n-th alone */
  int source;
  long n, seen;
} failing;

static long lua_blocks; /* held by the state under test; LuaJIT is not exact about their sizes */

static bool fails(int source) {
  if (!failing.armed || source != failing.source)
    return false;
  failing.seen++;
  /* Lua 5.4 collects all garbage when an allocation fails, and tries it once more. */
  long most = source == LUA && LUA_VERSION_NUM >= 502 ? 2 : 1;
  return failing.seen >= failing.n && (!failing.once || failing.seen < failing.n + most);
}

/* ---- where memory comes from ------------------------------------------------------------------
 */

static void *lua_allocate(void *ud, void *block, size_t old_size, size_t size) {
  (void)ud;
  if (block == NULL)
    old_size = 0; /* Lua 5.4 passes what kind of object it is for */
  if (size > old_size && fails(LUA))
    return NULL;
  lua_blocks += (size > 0) - (block != NULL);
  if (size > 0)
    return realloc(block, size);
  free(block);
  return NULL;
}

static void *curl_malloc(size_t size) {
  return fails(CURL_LIBRARY) ? NULL : malloc(size);
}

static void *curl_realloc(void *block, size_t size) {
  return fails(CURL_LIBRARY) ? NULL : realloc(block, size);
}

static char *curl_strdup(const char *text) {
  return fails(CURL_LIBRARY) ? NULL : strdup(text);
}

static void *curl_calloc(size_t count, size_t size) {
  return fails(CURL_LIBRARY) ? NULL : calloc(count, size);
}

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

__attribute__((visibility("default"))) void *__wrap_malloc(size_t size) {
  return fails(OWN) ? NULL : malloc(size);
}

__attribute__((visibility("default"))) void *__wrap_calloc(size_t count, size_t size) {
  return fails(OWN) ? NULL : calloc(count, size);
}

__attribute__((visibility("default"))) void *__wrap_realloc(void *block, size_t size) {
  return fails(OWN) ? NULL : realloc(block, size);
}

/* ---- a state under test ------------------------------------------------------------------------
 */

/* Debian 12's LuaJIT crashes when an allocation of compiled code fails, whatever the program: it
 * then writes the error to a place on the stack that is out of date. So nothing is compiled here.
 */
static int open_libraries(lua_State *T) {
  luaL_openlibs(T);
#if LUA_VERSION_NUM == 501
  luaJIT_setmode(T, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
#endif
  return 0;
}

/* Runs f protected, with what is on the stack as its arguments. */
static bool open_state(lua_State *T) {
  lua_pushcfunction(T, open_libraries);
  return lua_pcall(T, 0, 0, 0) == 0;
}

/* The text on top of T's stack, moved to L. */
static void move_text(lua_State *L, lua_State *T) {
  const char *text = lua_tostring(T, -1);
  lua_pushstring(L, text != NULL ? text : luaL_typename(T, -1));
  lua_pop(T, 1);
}

/* Calls global `call` while allocations fail, then `describe` with what came of it, as pcall gives
 * it, while none does. The description is left on L. */
static void try_call(lua_State *L, lua_State *T, bool armed) {
  lua_getglobal(T, "call");
  failing.armed = armed;
  int status = lua_pcall(T, 0, 2, 0);
  failing.armed = false;
  lua_pushboolean(T, status == 0);
  int results = status == 0 ? 2 : 1;
  lua_insert(T, -1 - results);
  lua_getglobal(T, "describe");
  lua_insert(T, -2 - results);
  lua_pcall(T, 1 + results, 1, 0);
  move_text(L, T);
}

/* Before lomi.engine does it: libcurl takes its allocator from the first who starts it. Loaded here
 * and now, for there are specs that say it is not loaded. */
static void start_libcurl(lua_State *L) {
  CURLcode (*start)(long, curl_malloc_callback, curl_free_callback, curl_realloc_callback,
                    curl_strdup_callback, curl_calloc_callback);
  static bool started = false;
  void *library = dlopen("libcurl.so.4", RTLD_NOW);
  *(void **)&start = library != NULL ? dlsym(library, "curl_global_init_mem") : NULL;
  if (!started && (start == NULL || start(CURL_GLOBAL_DEFAULT, curl_malloc, free, curl_realloc,
                                          curl_strdup, curl_calloc) != CURLE_OK))
    luaL_error(L, "libcurl does not start");
  started = true;
}

/* try(chunk, source, n, once) -> allocations seen, the call's result, that of the next call, blocks
 * not given back
 * A fresh state runs the chunk, which sets the globals `call` and `describe`. */
static int failing_try(lua_State *L) {
  size_t len;
  const char *chunk = luaL_checklstring(L, 1, &len);
  start_libcurl(L);
  failing.source = luaL_checkoption(L, 2, NULL, source_names);
  failing.n = (long)luaL_checkinteger(L, 3);
  failing.once = lua_toboolean(L, 4);
  failing.seen = 0;
  lua_blocks = 0;
  lua_State *T = lua_newstate(lua_allocate, NULL);
  if (T == NULL || !open_state(T))
    return luaL_error(L, "no state to try it in");
  if (luaL_loadbuffer(T, chunk, len, "=chunk") != 0 || lua_pcall(T, 0, 0, 0) != 0) {
    move_text(L, T);
    return lua_error(L);
  }
  try_call(L, T, true);
  try_call(L, T, false);
  lua_close(T);
  lua_pushinteger(L, (lua_Integer)failing.seen);
  lua_insert(L, -3);
  lua_pushinteger(L, (lua_Integer)lua_blocks);
  return 4;
}

/* keep(path): a library that stays loaded, so that a leak's report can name it */
static int failing_keep(lua_State *L) {
  if (dlopen(luaL_checkstring(L, 1), RTLD_NOW | RTLD_NODELETE) == NULL)
    return luaL_error(L, "%s", dlerror());
  return 0;
}

static const luaL_Reg functions[] = {{"keep", failing_keep}, {"try", failing_try}, {NULL, NULL}};

void host_fail(lua_State *L) {
  luaL_newlib(L, functions);
  lua_setglobal(L, "failing");
}
