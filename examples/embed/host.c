/* SPDX-License-Identifier: MIT */
/* A program with Lua inside that can take payments: everything of lomi is in the executable.
 *
 *   host SCRIPT.lua [ARGUMENT...]     runs a script, which may require "lomi" */
#include "lomi_open.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

static int with_traceback(lua_State *L) {
  const char *message = lua_tostring(L, 1);
  luaL_traceback(L, L, message != NULL ? message : "(an error that is not text)", 1);
  return 1;
}

/* Runs protected: argument 1 is the argument count, 2 the arguments. */
static int run(lua_State *L) {
  int argc = (int)lua_tointeger(L, 1);
  char **argv = lua_touserdata(L, 2);
  luaL_openlibs(L);
  lomi_open(L);
  lua_settop(L, 0);
  lua_pushcfunction(L, with_traceback);
  if (luaL_loadfile(L, argv[1]) != 0)
    return lua_error(L);
  for (int i = 2; i < argc; i++)
    lua_pushstring(L, argv[i]);
  if (lua_pcall(L, argc - 2, 0, 1) != 0)
    return lua_error(L);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s SCRIPT.lua [ARGUMENT...]\n", argv[0]);
    return 2;
  }
  lua_State *L = luaL_newstate();
  if (L == NULL) {
    fprintf(stderr, "%s: out of memory\n", argv[0]);
    return 1;
  }
  lua_pushcfunction(L, run);
  lua_pushinteger(L, argc);
  lua_pushlightuserdata(L, argv);
  int status = lua_pcall(L, 2, 0, 0);
  if (status != 0)
    fprintf(stderr, "%s: %s\n", argv[0], lua_tostring(L, -1));
  lua_close(L);
  return status == 0 ? 0 : 1;
}
