/* SPDX-License-Identifier: MIT */
/* What encode and decode share: our instance of lua-cjson, and how it carries an empty list. */
#ifndef LOMI_JSON_LUA_H
#define LOMI_JSON_LUA_H

#include <stdbool.h>

#include "compat.h"

/* The codec, a sequence: the upvalue of encode and decode, where all that they call finds it. */
#define LOMI_JSON_CODEC lua_upvalueindex(1)
enum {
  LOMI_JSON_NEW = 1,
  LOMI_JSON_ENCODE,
  LOMI_JSON_DECODE,
  LOMI_JSON_EMPTY_ARRAY, /* light userdata: core.empty_array; where cjson has one, that */
  LOMI_JSON_EMPTY_MT,    /* the metatable of a decoded []; where cjson has one, that */
  LOMI_JSON_ARRAY_MT,    /* cjson.array_mt, or nil */
  LOMI_JSON_WARDEN       /* see warden_gc */
};

/* Stands for an empty list while lua-cjson, which has none, reads or writes the text around it: a
 * list of this one string. It cannot be anybody's text, since it is not UTF-8. */
#define LOMI_JSON_MARK "\xFF"

/* A new instance reads the locale's decimal point anew: lua-cjson does that nowhere else. `codec`
 * is a stack index. */
void lomi_json_renew(lua_State *L, int codec);

/* Is the locale's decimal point the one of JSON? */
bool lomi_json_has_point(void);

/* Calls LOMI_JSON_ENCODE or _DECODE with the argument on top of the stack, and replaces it by the
 * result, or on false by a message. Raises an interrupt. */
bool lomi_json_call(lua_State *L, int function);

/* The common case of encode's check: is all of the value on top of the stack right, and as small as
 * `room` bytes, of which it takes what it needs? True: lua-cjson writes it as it is, where
 * lomi_json_has_point(). False: look closer. */
bool lomi_json_is_simple(lua_State *L, size_t *room);

int lomi_json_encode(lua_State *L);
int lomi_json_decode(lua_State *L);

#endif
