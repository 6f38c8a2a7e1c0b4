/* SPDX-License-Identifier: MIT */
/* lua-cjson made safe for money.
 *
 * lua-cjson writes numbers with 14 significant digits and says nothing when that loses some; it
 * turns number keys into strings, sends any bytes as text, and knows one decimal point: that of the
 * locale it was made under. So a value is looked through before it is encoded, and again after it
 * was decoded. We use an instance of our own, never the settings others share. */
#include "core.h"
#include "lomi.h"

#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  MAX_FAULTS = 32,   /* of one value; more would not help anybody read */
  MAX_KEY_SHOWN = 64 /* bytes of a key in a fault's field name */
};

/* The codec: the upvalue of encode and decode, a sequence. */
enum { CODEC_NEW = 1, CODEC_ENCODE, CODEC_DECODE, CODEC_EMPTY_ARRAY };

/* ---- the instance of lua-cjson --------------------------------------------------------------- */

static void set_option(lua_State *L, int instance, const char *name, int value) {
  lua_getfield(L, instance, name);
  lua_pushinteger(L, value);
  lua_call(L, 1, 0);
}

/* A new instance reads the locale's decimal point anew: lua-cjson does that nowhere else. */
static void codec_renew(lua_State *L, int codec) {
  lua_rawgeti(L, codec, CODEC_NEW);
  lua_call(L, 0, 1);
  int instance = lua_gettop(L);
  set_option(L, instance, "encode_number_precision", 14);
  set_option(L, instance, "encode_max_depth", LOMI_MAX_JSON_DEPTH);
  set_option(L, instance, "decode_max_depth", LOMI_MAX_JSON_DEPTH);
  lua_getfield(L, instance, "decode_invalid_numbers");
  lua_pushboolean(L, 0);
  lua_call(L, 1, 0);
  lua_getfield(L, instance, "encode");
  lua_rawseti(L, codec, CODEC_ENCODE);
  lua_getfield(L, instance, "decode");
  lua_rawseti(L, codec, CODEC_DECODE);
  lua_getfield(L, instance, "empty_array"); /* OpenResty's fork has it, Debian's 2.1.0 does not */
  if (lua_islightuserdata(L, -1))
    lua_rawseti(L, codec, CODEC_EMPTY_ARRAY);
  else
    lua_pop(L, 1);
  lua_pop(L, 1);
}

static bool locale_has_point(void) {
  return strcmp(localeconv()->decimal_point, ".") == 0;
}

/* ---- UTF-8 ----------------------------------------------------------------------------------- */

static bool is_utf8(const char *text, size_t len) {
  const unsigned char *s = (const unsigned char *)text, *end = s + len;
  while (s < end) {
    uint64_t eight;
    if (end - s >= 8 && (memcpy(&eight, s, 8), (eight & UINT64_C(0x8080808080808080)) == 0)) {
      s += 8;
      continue;
    }
    unsigned c = *s++;
    if (c < 0x80)
      continue;
    int more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
    if (c < 0xC2 || c > 0xF4 || end - s < more)
      return false;
    /* The first continuation byte rules out overlong forms, surrogates and what is past U+10FFFF */
    unsigned low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    unsigned high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (*s < low || *s > high)
      return false;
    for (s++; --more > 0; s++)
      if ((*s & 0xC0) != 0x80)
        return false;
  }
  return true;
}

/* ---- encode: the guard ------------------------------------------------------------------------
 */

/* Where in the value we are: a chain on the C stack, from the innermost key outwards. */
typedef struct step {
  const struct step *up;
  int key; /* stack index of the key, alive for as long as this step is */
} step;

typedef struct guard {
  lua_State *L;
  int codec;      /* stack index */
  int list;       /* stack index of the faults, nil until there is one */
  int faults;     /* how many are in it */
  size_t bytes;   /* a lower bound of the encoded size so far */
  bool too_large; /* told already: there is no point in looking further */
  bool may_point; /* a number may be written with a decimal point */
} guard;

static void add_key(lua_State *L, luaL_Buffer *path, const step *at, bool first) {
  if (lua_type(L, at->key) != LUA_TSTRING) {
    char text[48];
    snprintf(text, sizeof text, "[%.14g]", (double)lua_tonumber(L, at->key));
    luaL_addstring(path, text);
    return;
  }
  size_t len;
  const char *key = lua_tolstring(L, at->key, &len);
  bool readable = is_utf8(key, len);
  size_t shown = len < MAX_KEY_SHOWN ? len : MAX_KEY_SHOWN;
  while (readable && shown < len && ((unsigned char)key[shown] & 0xC0) == 0x80)
    shown--; /* not in the middle of a character */
  if (!first)
    luaL_addstring(path, ".");
  for (size_t i = 0; i < shown; i++) {
    unsigned char c = (unsigned char)key[i];
    bool hidden = c < 0x20 || c == 0x7F || (c >= 0x80 && !readable);
    luaL_addlstring(path, hidden ? "?" : &key[i], 1);
  }
  if (shown < len)
    luaL_addstring(path, "...");
}

/* Pushes the field's name, as `metadata.items[2].price`; of a very deep one, the outer part. */
static void push_path(lua_State *L, const step *at) {
  enum { SHOWN = 8, DEEPEST = LOMI_MAX_JSON_DEPTH + 2 };
  const step *steps[DEEPEST];
  int n = 0;
  for (; at != NULL && n < DEEPEST; at = at->up)
    steps[n++] = at;
  if (n == 0) {
    lua_pushliteral(L, "body");
    return;
  }
  luaL_Buffer path;
  luaL_buffinit(L, &path);
  for (int i = n - 1; i >= 0 && i >= n - SHOWN; i--)
    add_key(L, &path, steps[i], i == n - 1);
  if (n > SHOWN)
    luaL_addstring(&path, "...");
  luaL_pushresult(&path);
}

static void fault(guard *g, const step *at, const char *message) {
  lua_State *L = g->L;
  if (g->faults >= MAX_FAULTS)
    return;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (g->faults == 0) {
    lua_newtable(L);
    lua_replace(L, g->list);
  }
  lua_createtable(L, 0, 2);
  push_path(L, at);
  lua_setfield(L, -2, "field");
  lua_pushstring(L, message);
  lua_setfield(L, -2, "message");
  lua_rawseti(L, g->list, ++g->faults);
}

/* Every value counts, not only text: a table that is in itself many times over is small in memory
 * and endless when written. False: enough was seen. */
static bool count_bytes(guard *g, const step *at, size_t n) {
  if (g->too_large)
    return false;
  if (n > LOMI_MAX_REQUEST_BODY - g->bytes) {
    g->too_large = true;
    fault(g, at, "makes the request larger than 1 MiB");
    return false;
  }
  g->bytes += n;
  return true;
}

static void check_text(guard *g, const step *at, int i) {
  size_t len;
  const char *text = lua_tolstring(g->L, i, &len);
  if (count_bytes(g, at, len) && !is_utf8(text, len))
    fault(g, at, "must be valid UTF-8 text");
}

/* Would what lua-cjson writes be read back as the same whole number? */
static bool reads_back(double number) {
  char text[40];
  snprintf(text, sizeof text, "%.14g", number);
  return strtod(text, NULL) == number;
}

/* Within a field, in metadata say, a number may be sent as text; a field of the request has its
 * type. */
static bool is_nested(const step *at) {
  return at != NULL && at->up != NULL;
}

static const char *const INEXACT[] = {
    "is a whole number that JSON's 14 digits cannot carry exactly",
    "is a whole number that JSON's 14 digits cannot carry exactly; send it as a string",
};

static const char *const ROUNDED[] = {
    "is a fraction too large to keep its decimals",
    "is a fraction too large to keep its decimals; send it as a string",
};

static void check_number(guard *g, const step *at, int i) {
  const double fourteen_digits = 1e14;
  double number = (double)lua_tonumber(g->L, i);
  if (lua_isinteger(g->L, i)) {
    lua_Integer whole = lua_tointeger(g->L, i);
    if (fabs(number) >= fourteen_digits) {
      g->may_point = true;
      /* 2^63 as a double is one past the largest integer; casting it back would be undefined */
      if (number >= 9223372036854775808.0 || (lua_Integer)number != whole || !reads_back(number))
        fault(g, at, INEXACT[is_nested(at)]);
    }
  } else if (!isfinite(number)) {
    fault(g, at, "must be a finite number");
  } else if (number != floor(number)) {
    g->may_point = true;
    if (fabs(number) >= 1e12)
      fault(g, at, ROUNDED[is_nested(at)]);
  } else if (fabs(number) >= fourteen_digits) {
    g->may_point = true;
    if (!reads_back(number))
      fault(g, at, INEXACT[is_nested(at)]);
  }
}

static void check_value(guard *g, const step *at, int depth);

/* The table is on top of the stack. */
static void check_table(guard *g, const step *at, int depth) {
  lua_State *L = g->L;
  if (depth > LOMI_MAX_JSON_DEPTH) {
    fault(g, at, "is nested deeper than 64 levels, or contains itself");
    return;
  }
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  int table = lua_gettop(L);
  if (luaL_getmetafield(L, table, "__index") != LUA_TNIL) {
    lua_pop(L, 1);
    fault(g, at, "must be a plain table: what its metatable's __index adds would not be sent");
  }
  double count = 0, largest = 0;
  bool names = false, numbers = false, positions = true;
  for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1)) {
    step here = {at, table + 1};
    switch (lua_type(L, table + 1)) {
    case LUA_TSTRING:
      names = true;
      check_text(g, &here, table + 1);
      break;
    case LUA_TNUMBER: {
      double position = (double)lua_tonumber(L, table + 1);
      numbers = true;
      positions = positions && position >= 1 && position == floor(position);
      count++;
      if (position > largest)
        largest = position;
      break;
    }
    default: fault(g, at, "has a key that is neither a string nor a list position"); continue;
    }
    check_value(g, &here, depth);
    if (g->faults >= MAX_FAULTS || g->too_large) {
      lua_settop(L, table);
      return;
    }
  }
  if (numbers && (names || !positions || largest != count))
    fault(g, at,
          names ? "has number keys beside names; write them as strings"
                : "is neither a list without gaps nor an object with string keys");
}

/* The value is on top of the stack. `depth` counts the tables around it. */
static void check_value(guard *g, const step *at, int depth) {
  lua_State *L = g->L;
  int top = lua_gettop(L);
  if (!count_bytes(g, at, 2)) /* a digit and a comma, at least */
    return;
  switch (lua_type(L, top)) {
  case LUA_TBOOLEAN: break;
  case LUA_TSTRING: check_text(g, at, top); break;
  case LUA_TNUMBER: check_number(g, at, top); break;
  case LUA_TTABLE: check_table(g, at, depth + 1); break;
  case LUA_TLIGHTUSERDATA: {
    lua_rawgeti(L, g->codec, CODEC_EMPTY_ARRAY);
    bool known = lua_touserdata(L, top) == NULL || lua_rawequal(L, top, -1);
    lua_pop(L, 1);
    if (known)
      break;
  } /* FALLTHROUGH */
  default: {
    char message[64];
    snprintf(message, sizeof message, "is a %s, which JSON cannot hold", luaL_typename(L, top));
    fault(g, at, message);
  }
  }
}

/* encode(value) -> text | nil, faults
 * faults: a list of { field =, message = }, all that is wrong with the value at once. */
static int json_encode(lua_State *L) {
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1)); /* 2: codec */
  lua_pushnil(L);                        /* 3: faults */
  guard g = {.L = L, .codec = 2, .list = 3};
  lua_pushvalue(L, 1);
  check_value(&g, NULL, 0);
  lua_settop(L, 3);
  if (g.faults == 0) {
    if (g.may_point && !locale_has_point())
      codec_renew(L, 2);
    lua_rawgeti(L, 2, CODEC_ENCODE);
    lua_pushvalue(L, 1);
    if (lua_pcall(L, 1, 1, 0) != 0)
      fault(&g, NULL, lua_tostring(L, -1));
    else if (lua_rawlen(L, -1) > LOMI_MAX_REQUEST_BODY)
      fault(&g, NULL, "is larger than 1 MiB of JSON");
    else
      return 1;
  }
  lua_pushnil(L);
  lua_pushvalue(L, 3);
  return 2;
}

/* ---- decode: the clean-up ---------------------------------------------------------------------
 */

/* Pushes what the decoded number at `i` becomes, or nothing if it stays as it is. */
static bool push_integer(lua_State *L, int i) {
#if LUA_VERSION_NUM >= 503
  const double exact = 9007199254740992.0; /* 2^53: from there on a float may stand for several */
  double number = lua_tonumber(L, i);
  if (!lua_isinteger(L, i) && number == floor(number) && fabs(number) <= exact) {
    lua_pushinteger(L, (lua_Integer)number);
    return true;
  }
#else
  (void)L;
  (void)i;
#endif
  return false;
}

/* Goes through the table on top of the stack: null goes away, whole numbers become integers. Text
 * needs no look: it was UTF-8 before it was decoded. False: a number is too large to read. */
static bool tidy(lua_State *L, bool keep_null) {
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  int table = lua_gettop(L), key = table + 1, value = table + 2;
  /* Giving an existing field another value is allowed while lua_next goes over the table. */
  for (lua_pushnil(L); lua_next(L, table) != 0; lua_settop(L, key)) {
    switch (lua_type(L, value)) {
    case LUA_TTABLE:
      if (!tidy(L, keep_null))
        return false;
      break;
    case LUA_TNUMBER:
      if (!isfinite((double)lua_tonumber(L, value)))
        return false;
      lua_pushvalue(L, key);
      if (push_integer(L, value))
        lua_rawset(L, table);
      break;
    case LUA_TLIGHTUSERDATA: /* lua-cjson makes no other than null */
      if (keep_null)
        break;
      lua_pushvalue(L, key);
      lua_pushnil(L);
      lua_rawset(L, table);
      break;
    default: break;
    }
  }
  return true;
}

static bool call_decode(lua_State *L, int codec, int text) {
  lua_rawgeti(L, codec, CODEC_DECODE);
  lua_pushvalue(L, text);
  return lua_pcall(L, 1, 1, 0) == 0;
}

static int refuse(lua_State *L, const char *why) {
  lua_pushnil(L);
  lua_pushstring(L, why);
  return 2;
}

/* decode(text [, keep_null]) -> value | nil, message
 * Whole numbers up to 2^53 are integers where Lua has them. JSON null is an absent field, or
 * core.null with keep_null. */
static int json_decode(lua_State *L) {
  luaL_checktype(L, 1, LUA_TSTRING);
  bool keep_null = lua_toboolean(L, 2);
  size_t len;
  const char *text = lua_tolstring(L, 1, &len);
  if (memchr(text, '\0', len) != NULL) /* lua-cjson would take it for the end */
    return refuse(L, "it holds a NUL byte");
  if (!is_utf8(text, len))
    return refuse(L, "it is not UTF-8");
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  bool good = call_decode(L, 2, 1);
  if (!good) {
    /* Bad JSON, or an instance that looks for another locale's decimal point. A new one tells. */
    lua_settop(L, 2);
    codec_renew(L, 2);
    good = call_decode(L, 2, 1);
  }
  if (!good) {
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
  }
  switch (lua_type(L, 3)) {
  case LUA_TTABLE:
    if (tidy(L, keep_null))
      break;
    return refuse(L, "it holds a number too large to read");
  case LUA_TNUMBER:
    if (!isfinite((double)lua_tonumber(L, 3)))
      return refuse(L, "it holds a number too large to read");
    if (push_integer(L, 3))
      lua_replace(L, 3);
    break;
  case LUA_TLIGHTUSERDATA:
    if (!keep_null)
      lua_pushnil(L);
    return 1;
  default: break;
  }
  lua_settop(L, 3);
  return 1;
}

void lomi_add_json(lua_State *L) {
  int core = lua_gettop(L);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "cjson");
  lua_call(L, 1, 1);
  lua_createtable(L, CODEC_EMPTY_ARRAY, 0);
  lua_getfield(L, -2, "new");
  lua_rawseti(L, -2, CODEC_NEW);
  codec_renew(L, lua_gettop(L));
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, json_encode, 1);
  lua_setfield(L, core, "encode");
  lua_pushcclosure(L, json_decode, 1);
  lua_setfield(L, core, "decode");
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, core, "null");
  lua_settop(L, core);
}
