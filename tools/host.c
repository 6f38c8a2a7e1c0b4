/* SPDX-License-Identifier: MIT */
/* The interpreter the proofs run in: what `lua5.4` and `luajit` do for the specs, with every Lua
 * state on malloc, the server's too, so that a sanitizer sees all of its memory. LuaJIT's own
 * allocator would hide it, and so would a sanitizer preloaded into somebody else's program.
 *
 *   host [-e CHUNK] [SCRIPT [ARGUMENT...]] */
#include "host.h"
#include "../src/compat.h"
#include "../src/lomi.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lua_State *interrupted; /* the main state, while it runs Lua */

static void *on_malloc(void *ud, void *block, size_t old_size, size_t size) {
  (void)ud;
  (void)old_size;
  if (size > 0)
    return realloc(block, size);
  free(block);
  return NULL;
}

/* Comes before the library's own for every module that is loaded, lomi.httpd among them. */
LOMI_EXPORT lua_State *luaL_newstate(void) {
  lua_State *L = lua_newstate(on_malloc, NULL);
  if (L != NULL)
    host_watch(L);
  return L;
}

__attribute__((weak)) void host_watch(lua_State *L) {
  (void)L;
}

__attribute__((weak)) void host_rewatch(lua_State *L) {
  (void)L;
}

__attribute__((weak)) void host_fail(lua_State *L) {
  (void)L;
}

static void raise_interrupt(lua_State *L, lua_Debug *debug) {
  (void)debug;
  lua_sethook(L, NULL, 0, 0);
  host_watch(L);
  luaL_error(L, "interrupted!");
}

static void on_interrupt(int number) {
  signal(number, SIG_DFL); /* a second one ends the process */
  /* One of the few functions of Lua that a signal handler may call.
   * NOLINTNEXTLINE(bugprone-signal-handler,cert-sig30-c) */
  lua_sethook(interrupted, raise_interrupt, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}

static int with_traceback(lua_State *L) {
  if (luaL_callmeta(L, 1, "__tostring"))
    return 1;
  const char *message = lua_tostring(L, 1);
  luaL_traceback(L, L, message != NULL ? message : "(an error that is not text)", 1);
  return 1;
}

static void fail(const char *name, const char *message) {
  fprintf(stderr, "%s: %s\n", name, message != NULL ? message : "(an error that is not text)");
  fflush(stderr);
}

/* Calls the chunk on top of the stack with the arguments argv[0] to argv[argc - 1]. */
static bool call(lua_State *L, const char *name, int argc, char **argv) {
  int chunk = lua_gettop(L);
  lua_pushcfunction(L, with_traceback);
  lua_insert(L, chunk);
  luaL_checkstack(L, argc, NULL);
  for (int i = 0; i < argc; i++)
    lua_pushstring(L, argv[i]);
  interrupted = L;
  signal(SIGINT, on_interrupt);
  int status = lua_pcall(L, argc, 0, chunk);
  signal(SIGINT, SIG_DFL);
  if (status != 0)
    fail(name, lua_tostring(L, -1));
  lua_settop(L, chunk - 1);
  return status == 0;
}

static bool loaded(lua_State *L, const char *name, int status) {
  if (status != 0)
    fail(name, lua_tostring(L, -1));
  return status == 0;
}

static bool run(lua_State *L, int argc, char **argv) {
  int i = 1;
  for (; i + 1 < argc && strcmp(argv[i], "-e") == 0; i += 2) {
    const char *chunk = argv[i + 1];
    if (!loaded(L, argv[0], luaL_loadbuffer(L, chunk, strlen(chunk), "=(command line)")) ||
        !call(L, argv[0], 0, NULL))
      return false;
  }
  if (i >= argc)
    return true;
  lua_createtable(L, argc - i, i + 1);
  for (int j = 0; j < argc; j++) {
    lua_pushstring(L, argv[j]);
    lua_rawseti(L, -2, j - i);
  }
  lua_setglobal(L, "arg");
  return loaded(L, argv[0], luaL_loadfile(L, argv[i])) &&
         call(L, argv[0], argc - i - 1, argv + i + 1);
}

int main(int argc, char **argv) {
  lua_State *L = luaL_newstate();
  if (L == NULL) {
    fail(argv[0], "out of memory");
    return 1;
  }
  luaL_openlibs(L);
  host_rewatch(L);
  host_fail(L);
#if LUA_VERSION_NUM == 504
  lua_gc(L, LUA_GCGEN, 0, 0); /* as lua5.4 does */
#endif
  bool ok = run(L, argc, argv);
  lua_close(L);
  return ok ? 0 : 1;
}
