/* SPDX-License-Identifier: MIT */
/* One source, three Luas: the Lua 5.4 names that LuaJIT (the 5.1 API) lacks; Lua 5.5 has them all.
 * Everything is static. PUC Lua 5.1 to 5.3 are not supported and say so here. */
#ifndef LOMI_COMPAT_H
#define LOMI_COMPAT_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

/* It raises, always; its header does not say so, and analyzers go on after it. */
int luaL_error(lua_State *L, const char *format, ...) __attribute__((noreturn));

#if LUA_VERSION_NUM == 501
#include <luajit.h> /* LuaJIT only: PUC 5.1 lacks luaL_setfuncs and has no such header */

#define lua_rawlen(L, i) lua_objlen((L), (i))

/* A userdata's user value is a table. */
static inline void lua_setuservalue(lua_State *L, int i) {
  lua_setfenv(L, i);
}

/* Every LuaJIT number is a double; "integer" has no separate meaning there. */
static inline int lua_isinteger(lua_State *L, int i) {
  (void)L;
  (void)i;
  return 0;
}

/* `i` is LUA_REGISTRYINDEX, here and below. */
static inline int lua_rawgetp(lua_State *L, int i, const void *key) {
  lua_pushlightuserdata(L, (void *)key);
  lua_rawget(L, i);
  return lua_type(L, -1);
}

static inline void lua_rawsetp(lua_State *L, int i, const void *key) {
  lua_pushlightuserdata(L, (void *)key);
  lua_insert(L, -2);
  lua_rawset(L, i);
}

/* Resume with the 5.4 signature; the results are all that is on the coroutine's stack. */
static inline int lomi_resume(lua_State *co, lua_State *from, int nargs, int *nresults) {
  int status = lua_resume(co, nargs);
  (void)from;
  *nresults = lua_gettop(co);
  return status;
}

#elif LUA_VERSION_NUM == 504 || LUA_VERSION_NUM == 505

static inline int lomi_resume(lua_State *co, lua_State *from, int nargs, int *nresults) {
  return lua_resume(co, from, nargs, nresults);
}

#else
#error "lomi is built for Lua 5.4, Lua 5.5 or LuaJIT 2.1"
#endif

#endif
