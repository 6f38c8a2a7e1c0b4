/* SPDX-License-Identifier: MIT */
/* lua-cjson made safe for money.
 *
 * lua-cjson writes numbers with 14 significant digits and says nothing when that loses some; it
 * turns number keys into strings, sends any bytes as text, and knows one decimal point: that of the
 * locale it was made under. It reads control characters in strings, refuses half of a surrogate
 * pair, and makes the same table of [] and {}. So a value is checked before it is encoded
 * (json_encode_lua.c), a text before it is decoded, and the result is tidied (json_decode_lua.c).
 * Here is the instance of lua-cjson that both use: one of our own, with settings of our own. */
#include "json_lua.h"

#include <langinfo.h>
#include <locale.h>
#include <string.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

#include "core.h"
#include "lomi.h"

/* Is the decimal point one byte? lua-cjson calls abort() where it is not. */
static bool cjson_bears_locale(void) {
  const char *point = nl_langinfo(RADIXCHAR);
  return point[0] != '\0' && point[1] == '\0';
}

/* lua_pcall of a function of lua-cjson, under a locale that does not end the process. */
static int call_cjson(lua_State *L, int nargs, int nresults) {
  if (cjson_bears_locale())
    return lua_pcall(L, nargs, nresults, 0);
  locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (plain == (locale_t)0)
    return luaL_error(L, "not enough memory");
  locale_t before = uselocale(plain); /* this thread's only */
  int status = lua_pcall(L, nargs, nresults, 0);
  uselocale(before);
  freelocale(plain);
  return status;
}

/* Pushes the function, or raises if what is loaded as cjson is something else. */
static void push_function(lua_State *L, int cjson, const char *name) {
  if (lua_istable(L, cjson))
    lua_getfield(L, cjson, name);
  else
    lua_pushnil(L);
  if (!lua_isfunction(L, -1))
    luaL_error(L, "lomi needs lua-cjson 2.1 or OpenResty's: the module cjson has no function %s",
               name);
}

static int refuse_at_close(lua_State *L) {
  return luaL_error(L, "the Lua state is closing: its JSON codec is gone");
}

/* When a Lua state is closed, finalizers run in an order that the program decides, and one of its
 * own may want JSON after lua-cjson's instance has freed its buffer. The warden was made after that
 * instance, so it is finalized before it, and takes the instance away. A warden that is not the
 * codec's any more is mere garbage. */
static int warden_gc(lua_State *L) {
  lua_settop(L, 1);
  lua_rawgeti(L, LOMI_JSON_CODEC, LOMI_JSON_WARDEN);
  bool in_use = lua_rawequal(L, 1, 2);
  for (int i = LOMI_JSON_NEW; in_use && i <= LOMI_JSON_DECODE; i++) {
    lua_pushcfunction(L, refuse_at_close);
    lua_rawseti(L, LOMI_JSON_CODEC, i);
  }
  return 0;
}

static void push_warden(lua_State *L, int codec) {
  lua_newuserdata(L, 1);
  lua_createtable(L, 0, 1);
  lua_pushvalue(L, codec);
  lua_pushcclosure(L, warden_gc, 1);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
}

void lomi_json_renew(lua_State *L, int codec) {
  static const struct {
    const char *name;
    int value; /* 0: false */
  } options[] = {{"encode_number_precision", 14},
                 {"encode_max_depth", LOMI_MAX_JSON_DEPTH},
                 {"decode_max_depth", LOMI_MAX_JSON_DEPTH},
                 {"decode_invalid_numbers", 0}};
  lua_rawgeti(L, codec, LOMI_JSON_NEW);
  if (call_cjson(L, 0, 1) != 0)
    lua_error(L);
  int instance = lua_gettop(L);
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    push_function(L, instance, options[i].name);
    if (options[i].value != 0)
      lua_pushinteger(L, options[i].value);
    else
      lua_pushboolean(L, 0);
    lua_call(L, 1, 0);
  }
  push_function(L, instance, "encode");
  lua_rawseti(L, codec, LOMI_JSON_ENCODE);
  push_function(L, instance, "decode");
  lua_rawseti(L, codec, LOMI_JSON_DECODE);
  push_warden(L, codec);
  lua_rawseti(L, codec, LOMI_JSON_WARDEN);
  lua_pop(L, 1);
}

/* Is the message on top of the stack that of an interpreter's Ctrl-C? Its hook acts at any call. */
static bool is_interrupt(lua_State *L) {
  static const char end[] = "interrupted!";
  size_t len;
  const char *message = lua_tolstring(L, -1, &len);
  return len >= sizeof end - 1 && strcmp(message + len - (sizeof end - 1), end) == 0;
}

/* An instance made by cjson.safe raises nothing: it gives nil and the message. */
bool lomi_json_call(lua_State *L, int function) {
  lua_rawgeti(L, LOMI_JSON_CODEC, function);
  lua_insert(L, -2);
  if (call_cjson(L, 1, 2) == 0) {
    bool good = !lua_isnil(L, -2);
    lua_remove(L, good ? -1 : -2);
    if (good)
      return true;
  }
  if (!lua_isstring(L, -1)) {
    lua_pushliteral(L, "the module cjson does not say why");
    lua_replace(L, -2);
  }
  if (is_interrupt(L))
    lua_error(L);
  return false;
}

bool lomi_json_has_point(void) {
  return strcmp(nl_langinfo(RADIXCHAR), ".") == 0;
}

/* Loads lua-cjson, and pushes the codec of it. */
static void push_codec(lua_State *L) {
  static const char empty_array = '\0'; /* its address is the value */
  lua_getglobal(L, "require");
  lua_pushliteral(L, "cjson");
  if (call_cjson(L, 1, 1) != 0)
    lua_error(L);
  int cjson = lua_gettop(L), codec = cjson + 1;
  lua_createtable(L, LOMI_JSON_WARDEN, 0);
  push_function(L, cjson, "new");
  lua_rawseti(L, codec, LOMI_JSON_NEW);

  lua_getfield(L, cjson, "empty_array"); /* OpenResty's has these three, Debian's has not */
  if (!lua_islightuserdata(L, -1))
    lua_pushlightuserdata(L, (void *)&empty_array);
  lua_rawseti(L, codec, LOMI_JSON_EMPTY_ARRAY);
  lua_getfield(L, cjson, "empty_array_mt");
  if (!lua_istable(L, -1))
    luaL_newmetatable(L, "lomi.array");
  lua_rawseti(L, codec, LOMI_JSON_EMPTY_MT);
  lua_getfield(L, cjson, "array_mt");
  lua_rawseti(L, codec, LOMI_JSON_ARRAY_MT);

  lua_settop(L, codec);
  lomi_json_renew(L, codec);
}

void lomi_add_json(lua_State *L) {
  int core = lua_gettop(L);
  push_codec(L);
  lua_rawgeti(L, -1, LOMI_JSON_EMPTY_ARRAY);
  lua_setfield(L, core, "empty_array");
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, lomi_json_encode, 1);
  lua_setfield(L, core, "encode");
  lua_pushcclosure(L, lomi_json_decode, 1);
  lua_setfield(L, core, "decode");
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, core, "null");
  lua_settop(L, core);
}
