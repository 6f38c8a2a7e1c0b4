/* SPDX-License-Identifier: MIT */
/* core.decode: checks a text and rewrites what lua-cjson would read wrongly, has it read, and
 * tidies the value: whole numbers become integers, null an absent field. */
#include "json_lua.h"
#include "lomi.h"

#include <math.h>
#include <string.h>

#include "text.h"

/* ---- the text ---- */

static bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static bool has_control(const char *text, size_t len) {
  uint64_t seen = 0;
  size_t i = 0;
  for (; i + 8 <= len; i += 8)
    seen |= lomi_controls(lomi_load8(text + i));
  for (; i < len; i++)
    seen |= (unsigned char)text[i] < 0x20 ? LOMI_HIGH_BITS : 0;
  return (seen & LOMI_HIGH_BITS) != 0;
}

static bool starts_empty_list(const char *bracket, const char *end) {
  const char *at = bracket + 1;
  while (at < end && is_space(*at))
    at++;
  return at < end && *at == ']';
}

/* May be wrong where a string has brackets in it. */
static bool may_have_empty_list(const char *at, const char *end) {
  while ((at = memchr(at, '[', (size_t)(end - at))) != NULL) {
    if (starts_empty_list(at, end))
      return true;
    at++;
  }
  return false;
}

/* The UTF-16 code unit of an escape \uXXXX at `at`, or -1. */
static int unit_at(const char *at, const char *end) {
  int unit = 0;
  if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
    return -1;
  for (int i = 2; i < 6; i++) {
    int digit = lomi_hex_value(at[i]);
    if (digit < 0)
      return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

static bool is_surrogate(int unit) {
  return unit >= 0xD800 && unit <= 0xDFFF;
}

static bool has_surrogate(const char *at, const char *end) {
  while ((at = memchr(at, '\\', (size_t)(end - at))) != NULL && end - at >= 2) {
    if (is_surrogate(unit_at(at, end)))
      return true;
    at += 2; /* the character after a backslash is no backslash of its own */
  }
  return false;
}

/* Rewrites the text at stack index 1 into one that lua-cjson reads rightly: marks empty lists, and
 * makes U+FFFD of each half of a surrogate pair that lacks the other. Text that is no JSON stays no
 * JSON. Returns why the text is refused, or NULL. */
static const char *rewrite(lua_State *L) {
  size_t len;
  const char *at = lua_tolstring(L, 1, &len), *end = at + len, *done = at;
  bool in_string = false, changed = false;
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  while (at < end) {
    const char *instead = NULL; /* of `width` bytes */
    size_t width = 1;
    unsigned char c = (unsigned char)*at;
    if (c < 0x20 && (in_string || c == '\0'))
      return c == '\0' ? "it holds a NUL byte" : "it holds a control character in a string";
    if (c == '"') {
      in_string = !in_string;
    } else if (!in_string) {
      if (c == '[' && starts_empty_list(at, end))
        instead = "[\"" LOMI_JSON_MARK "\"";
    } else if (c == '\\') {
      int unit = unit_at(at, end);
      width = 2;
      if (is_surrogate(unit)) {
        int next = unit_at(at + 6, end);
        bool pair = unit < 0xDC00 && is_surrogate(next) && next >= 0xDC00;
        width = pair ? 12 : 6;
        instead = pair ? NULL : "\\ufffd";
      }
    }
    if (instead != NULL) {
      luaL_addlstring(&text, done, (size_t)(at - done));
      luaL_addstring(&text, instead);
      done = at + width;
      changed = true;
    }
    at += width;
  }
  if (changed) {
    luaL_addlstring(&text, done, (size_t)(end - done));
    luaL_pushresult(&text);
    lua_replace(L, 1);
  }
  return NULL;
}

/* Checks the text at stack index 1 and rewrites it where it must be. */
static const char *prepare(lua_State *L, bool *has_empty) {
  size_t len;
  const char *text = lua_tolstring(L, 1, &len), *end = text + len;
  if (!lomi_is_utf8(text, len))
    return "it is not UTF-8";
  *has_empty = may_have_empty_list(text, end);
  if (!*has_empty && !has_control(text, len) && !has_surrogate(text, end))
    return NULL;
  const char *wrong = rewrite(L);
  lua_settop(L, 1);
  return wrong;
}

/* ---- the value ---- */

typedef struct cleaner {
  lua_State *L;
  bool keep_null; /* else null is an absent field */
  bool has_empty; /* there may be marks of empty lists */
} cleaner;

/* Is the decoded number one that Lua holds as an integer, where it has them? */
static bool is_integer(double number) {
#if LUA_VERSION_NUM >= 503
  const double many = 9007199254740992.0; /* 2^53: from there on a float may stand for several */
  return fabs(number) < many && (double)(lua_Integer)number == number;
#else
  (void)number;
  return false;
#endif
}

static bool is_mark(lua_State *L, int i) {
  size_t len;
  const char *text = lua_tolstring(L, i, &len);
  return len == 1 && text[0] == LOMI_JSON_MARK[0];
}

/* Gives the field with the key at stack index `key` the value on top of the stack. */
static void set(lua_State *L, int table, int key) {
  lua_pushvalue(L, key);
  lua_insert(L, -2);
  lua_rawset(L, table);
}

/* Goes through the table on top of the stack: removes nulls and marks, converts whole floats to
 * integers. Text was checked before it was decoded. False: a number is too large to read. */
static bool tidy(const cleaner *c) {
  lua_State *L = c->L;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  int table = lua_gettop(L), key = table + 1, value = table + 2;
  /* Giving an existing field another value is allowed while lua_next goes over the table. */
  for (lua_pushnil(L); lua_next(L, table) != 0; lua_settop(L, key)) {
    switch (lua_type(L, value)) {
    case LUA_TTABLE:
      if (!tidy(c))
        return false;
      break;
    case LUA_TNUMBER: {
      double number = (double)lua_tonumber(L, value);
      if (!isfinite(number))
        return false;
      if (is_integer(number)) {
        lua_pushinteger(L, (lua_Integer)number);
        set(L, table, key);
      }
      break;
    }
    case LUA_TSTRING:
      if (!c->has_empty || !is_mark(L, value))
        break;
      lua_rawgeti(L, LOMI_JSON_CODEC, LOMI_JSON_EMPTY_MT);
      lua_setmetatable(L, table);
      lua_pushnil(L);
      set(L, table, key);
      break;
    case LUA_TLIGHTUSERDATA: /* lua-cjson makes no other than null */
      if (c->keep_null)
        break;
      lua_pushnil(L);
      set(L, table, key);
      break;
    default: break;
    }
  }
  return true;
}

static int refuse(lua_State *L, const char *reason) {
  lua_pushnil(L);
  lua_pushstring(L, reason);
  return 2;
}

/* ---- the weight of a reply ---- */

enum { VALUE_WEIGHT = 40 };

/* lua-cjson decodes in one go and holds up an nginx worker meanwhile; a reply may be hostile. The
 * time it takes grows with the bytes, and with the values: one of these costs as much as 40 bytes.
 * Spaces cost next to nothing. */
static bool is_too_heavy(const char *at, const char *end) {
  size_t weight = 0;
  bool in_string = false;
  if ((size_t)(end - at) * (VALUE_WEIGHT / 2 + 1) <= LOMI_MAX_REPLY_WEIGHT)
    return false; /* every value has two bytes at least, one of them a comma */
  while (at < end && weight <= LOMI_MAX_REPLY_WEIGHT) {
    if (end - at >= 8 && !in_string && lomi_load8(at) == ' ' * LOMI_EIGHT) {
      at += 8;
      continue;
    }
    char c = *at++;
    weight++;
    if (c == '"') {
      in_string = !in_string;
    } else if (in_string && c == '\\' && at < end) {
      at++;
      weight++;
    } else if (!in_string && (c == ',' || c == '[' || c == '{')) {
      weight += VALUE_WEIGHT;
    }
  }
  return weight > LOMI_MAX_REPLY_WEIGHT;
}

/* decode(text [, keep_null [, is_reply]]) -> value | nil, message
 * Whole numbers below 2^53 are integers where Lua has them; from there on a number is a float,
 * whose last digits may differ, and one that no double can hold is refused. JSON null is an absent
 * field, or core.null with keep_null. An empty list has a metatable, and is encoded as one again.
 * Of a reply, the weight is bounded. */
int lomi_json_decode(lua_State *L) {
  luaL_checktype(L, 1, LUA_TSTRING);
  cleaner c = {.L = L, .keep_null = lua_toboolean(L, 2)};
  size_t len;
  const char *text = lua_tolstring(L, 1, &len);
  if (lua_toboolean(L, 3) && is_too_heavy(text, text + len))
    return refuse(L, "it is larger than 1.25 MiB, each value counted as 40 bytes more: ask for "
                     "fewer items");
  lua_settop(L, 1);
  const char *reason = prepare(L, &c.has_empty);
  if (reason != NULL)
    return refuse(L, reason);
  lua_pushvalue(L, 1);
  bool good = lomi_json_call(L, LOMI_JSON_DECODE);
  if (!good) {
    /* Bad JSON, or an instance that looks for another locale's decimal point. A new one tells. */
    lua_settop(L, 1);
    lomi_json_renew(L, LOMI_JSON_CODEC);
    lua_pushvalue(L, 1);
    good = lomi_json_call(L, LOMI_JSON_DECODE);
  }
  if (!good) {
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
  }
  bool is_table = lua_istable(L, 2);
  if (!is_table) { /* tidied as the one field of a table */
    lua_createtable(L, 1, 0);
    lua_insert(L, 2);
    lua_rawseti(L, 2, 1);
  }
  if (!tidy(&c))
    return refuse(L, "it holds a number too large to read");
  if (!is_table)
    lua_rawgeti(L, 2, 1);
  return 1;
}
