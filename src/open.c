/* SPDX-License-Identifier: MIT */
/* For programs with Lua in them: preloads lomi's modules, which are linked in. */
#include "lomi_open.h"

#include "compat.h"
#include "embedded.h"
#include "lomi.h"

int luaopen_lomi_core(lua_State *L);
int luaopen_lomi_engine(lua_State *L);
int luaopen_lomi_crypto(lua_State *L);

static const luaL_Reg c_modules[] = {
    {"lomi.core", luaopen_lomi_core},
    {"lomi.engine", luaopen_lomi_engine},
    {"lomi.crypto", luaopen_lomi_crypto},
    {NULL, NULL},
};

/* The loader of one Lua module, which is its upvalue; called by require with the module's name. */
static int load_embedded(lua_State *L) {
  const lomi_embedded *module = lua_touserdata(L, lua_upvalueindex(1));
  if (luaL_loadbuffer(L, (const char *)module->source, module->size, module->chunk) != 0)
    return lua_error(L);
  lua_pushstring(L, module->name);
  lua_call(L, 1, 1);
  return 1;
}

LOMI_EXPORT void lomi_open(lua_State *L) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  luaL_setfuncs(L, c_modules, 0);
  for (const lomi_embedded *module = lomi_embedded_modules; module->name != NULL; module++) {
    lua_pushlightuserdata(L, (void *)module);
    lua_pushcclosure(L, load_embedded, 1);
    lua_setfield(L, -2, module->name);
  }
  lua_pop(L, 2);
}
