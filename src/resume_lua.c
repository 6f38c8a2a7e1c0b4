/* SPDX-License-Identifier: MIT */
/* LuaJIT has one debug hook for all coroutines. The resume made here gives each coroutine its own,
 * as other Luas do: a hook that is set in it strikes nothing else. (One that is cleared is cleared
 * for all: the hook of the program may have cleared itself.) */
#include "compat.h"
#include "core.h"

#ifdef LUAJIT_VERSION

#include <limits.h>
#include <stdbool.h>

enum { GETHOOK = 1, SETHOOK };                  /* upvalues: of the debug library */
enum { COROUTINE = 1, OWNER, HOOK, OK, FIRST }; /* arguments of resume, then its results */

typedef struct hook {
  lua_Hook call;
  int mask; /* 0: none is set */
  int count;
} hook;

static hook hook_now(lua_State *L) {
  return (hook){lua_gethook(L), lua_gethookmask(L), lua_gethookcount(L)};
}

/* Pushes the Lua function of the hook that is set, or a string if it is one of C. */
static void push_function(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(GETHOOK));
  lua_call(L, 0, 1);
}

/* Its count begins anew. */
static void set_function(lua_State *L, int function, int mask, int count) {
  lua_pushvalue(L, lua_upvalueindex(SETHOOK));
  lua_pushvalue(L, function);
  lua_pushliteral(L, "");
  lua_pushinteger(L, INT_MAX);
  lua_call(L, 3, 0);
  lua_sethook(L, lua_gethook(L), mask, count);
}

static void set_outer(lua_State *L, const hook *outer) {
  if (lua_isfunction(L, HOOK)) {
    set_function(L, HOOK, outer->mask, outer->count);
  } else {
    lua_pushvalue(L, lua_upvalueindex(SETHOOK));
    lua_call(L, 0, 0);
    if (outer->mask != 0)
      lua_sethook(L, outer->call, outer->mask, outer->count);
  }
}

/* Stores the function on top of the stack, which it pops, as the coroutine's own hook. */
static void keep(lua_State *L, const hook *own) {
  lua_createtable(L, 3, 0);
  lua_insert(L, -2);
  lua_rawseti(L, -2, 1);
  lua_pushinteger(L, own->mask);
  lua_rawseti(L, -2, 2);
  lua_pushinteger(L, own->count);
  lua_rawseti(L, -2, 3);
  lua_setfield(L, OWNER, "hook");
}

static void set_own(lua_State *L) {
  for (int i = 1; i <= 3; i++)
    lua_rawgeti(L, HOOK, i);
  set_function(L, lua_gettop(L) - 2, (int)lua_tointeger(L, -2), (int)lua_tointeger(L, -1));
  lua_pop(L, 3);
}

/* The coroutine has come back: takes its hook from it, and sets the outer one again. A hook of C
 * (Ctrl-C) and one that was set before concern more than the coroutine: both stay. */
static void take_hook(lua_State *L, lua_State *co, const hook *outer, bool had_own) {
  hook now = hook_now(L);
  bool quiet = now.mask != 0 && (outer->mask == 0 || (now.mask & LUA_MASKCALL) != 0);
  if (quiet) /* it must not strike in here */
    lua_sethook(L, now.call, LUA_MASKCOUNT, INT_MAX);
  if (had_own) {
    lua_pushnil(L);
    lua_setfield(L, OWNER, "hook");
  }
  if (now.mask == 0) {
    set_outer(L, outer);
    return;
  }
  push_function(L);
  bool before = lua_rawequal(L, -1, HOOK) && now.mask == outer->mask && now.count == outer->count;
  if (before || !lua_isfunction(L, -1)) {
    if (quiet)
      lua_sethook(L, now.call, now.mask, now.count);
    return;
  }
  set_outer(L, outer);
  if (lua_status(co) == LUA_YIELD)
    keep(L, &now);
}

static bool is_suspended(lua_State *co) {
  lua_Debug frame;
  return lua_status(co) == LUA_YIELD ||
         (lua_status(co) == 0 && lua_gettop(co) > 0 && !lua_getstack(co, 0, &frame));
}

/* resume(coroutine, owner, hook) -> ok, first. As coroutine.resume, with one result. The hook of
 * the coroutine is kept in the field "hook" of its owner, and given to the next resume. All is done
 * in C, since a hook may strike at any instruction of Lua. */
static int resume(lua_State *L) {
  lua_State *co = lua_tothread(L, COROUTINE);
  if (!is_suspended(co)) {
    lua_pushboolean(L, 0);
    lua_pushliteral(L, "cannot resume a coroutine that is running or dead");
    return 2;
  }
  hook outer = hook_now(L);
  if (outer.mask != 0)
    push_function(L);
  else
    lua_pushnil(L);
  bool of_c = lua_isstring(L, -1);
  bool has_own = lua_istable(L, HOOK) && !of_c; /* Ctrl-C, which waits to strike, comes first */
  if (has_own)
    set_own(L);
  lua_replace(L, HOOK); /* the outer one from here on */

  int results;
  int status = lomi_resume(co, L, 0, &results);
  bool ok = status == 0 || status == LUA_YIELD;
  lua_pushboolean(L, ok); /* at OK */
  if (results > 1 && ok)
    lua_pop(co, results - 1);
  if (results > 0)
    lua_xmove(co, L, 1);
  else
    lua_pushnil(L);
  if (has_own || lua_gethookmask(L) != 0)
    take_hook(L, co, &outer, has_own);
  lua_settop(L, FIRST);
  return 2;
}

/* resumer(gethook, sethook) -> resume */
static int core_resumer(lua_State *L) {
  lua_settop(L, 2);
  lua_pushcclosure(L, resume, 2);
  return 1;
}

#else

/* resumer(gethook, sethook) -> nil: each coroutine has a hook of its own */
static int core_resumer(lua_State *L) {
  lua_pushnil(L);
  return 1;
}

#endif

void lomi_add_resumer(lua_State *L) {
  lua_pushcfunction(L, core_resumer);
  lua_setfield(L, -2, "resumer");
}
