/* SPDX-License-Identifier: MIT */
/* lua-cjson made safe for money.
 *
 * lua-cjson writes numbers with 14 significant digits and says nothing when that loses some; it
 * turns number keys into strings, sends any bytes as text, and knows one decimal point: that of the
 * locale it was made under. It reads control characters in strings, refuses half of a surrogate
 * pair, and makes the same table of [] and {}. So a value is checked before it is encoded, a text
 * before it is decoded, and the result is tidied. We use an instance of our own, never the settings
 * others share. */
#include "core.h"
#include "lomi.h"

#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

enum {
  MAX_FAULTS = 32,   /* of one value; more would not help anybody read */
  MAX_KEY_SHOWN = 64 /* bytes of a key in a fault's field name */
};

/* The codec: the upvalue of encode and decode, a sequence. */
enum {
  CODEC_NEW = 1,
  CODEC_ENCODE,
  CODEC_DECODE,
  CODEC_EMPTY_ARRAY, /* light userdata: core.empty_array; where cjson has one, that */
  CODEC_EMPTY_MT,    /* the metatable of a decoded []; where cjson has one, that */
  CODEC_ARRAY_MT,    /* cjson.array_mt, or nil */
  CODEC_WARDEN       /* see warden_gc */
};

/* Stands for an empty list while lua-cjson, which has none, reads or writes the text around it: a
 * list of this one string. It cannot be anybody's text, since it is not UTF-8. */
static const char MARK[] = "\xFF";

/* ---- the instance of lua-cjson --------------------------------------------------------------- */

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

/* The value is on top of the stack. */
static void set_option(lua_State *L, int instance, const char *name) {
  push_function(L, instance, name);
  lua_insert(L, -2);
  lua_call(L, 1, 0);
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
  lua_getuservalue(L, 1);
  if (!lua_istable(L, 2))
    return 0;
  lua_rawgeti(L, 2, CODEC_WARDEN);
  if (lua_rawequal(L, 3, 1)) {
    static const int gone[] = {CODEC_NEW, CODEC_ENCODE, CODEC_DECODE};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
      lua_pushcfunction(L, refuse_at_close);
      lua_rawseti(L, 2, gone[i]);
    }
  }
  return 0;
}

static void push_warden(lua_State *L, int codec) {
  lua_newuserdata(L, 1);
  lua_pushvalue(L, codec);
  lua_setuservalue(L, -2);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, warden_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
}

/* A new instance reads the locale's decimal point anew: lua-cjson does that nowhere else. */
static void codec_renew(lua_State *L, int codec) {
  lua_rawgeti(L, codec, CODEC_NEW);
  if (call_cjson(L, 0, 1) != 0)
    lua_error(L);
  int instance = lua_gettop(L);
  lua_pushinteger(L, 14);
  set_option(L, instance, "encode_number_precision");
  lua_pushinteger(L, LOMI_MAX_JSON_DEPTH);
  set_option(L, instance, "encode_max_depth");
  lua_pushinteger(L, LOMI_MAX_JSON_DEPTH);
  set_option(L, instance, "decode_max_depth");
  lua_pushboolean(L, 0);
  set_option(L, instance, "decode_invalid_numbers");
  push_function(L, instance, "encode");
  lua_rawseti(L, codec, CODEC_ENCODE);
  push_function(L, instance, "decode");
  lua_rawseti(L, codec, CODEC_DECODE);
  push_warden(L, codec);
  lua_rawseti(L, codec, CODEC_WARDEN);
  lua_pop(L, 1);
}

/* Calls encode or decode with the argument on top of the stack, and replaces it by the result, or
 * by a message. An instance made by cjson.safe raises nothing: it gives nil and the message. */
static bool codec_call(lua_State *L, int codec, int function) {
  lua_rawgeti(L, codec, function);
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
  return false;
}

static bool locale_has_point(void) {
  return strcmp(nl_langinfo(RADIXCHAR), ".") == 0;
}

/* ---- UTF-8 ----------------------------------------------------------------------------------- */

/* A byte times this is eight of it. */
#define EIGHT UINT64_C(0x0101010101010101)
#define HIGH_BITS (0x80 * EIGHT)

static uint64_t load8(const char *from) {
  uint64_t eight;
  memcpy(&eight, from, sizeof eight);
  return eight;
}

static uint32_t load4(const char *from) {
  uint32_t four;
  memcpy(&four, from, sizeof four);
  return four;
}

/* The last load overlaps the one before: no byte is looked at alone, except in very short text. */
static bool is_ascii(const char *text, size_t len) {
  uint64_t seen = 0;
  if (len >= 8) {
    for (size_t i = 0; i + 8 < len; i += 8)
      seen |= load8(text + i);
    seen |= load8(text + len - 8);
  } else if (len >= 4) {
    seen = load4(text) | load4(text + len - 4);
  } else {
    for (size_t i = 0; i < len; i++)
      seen |= (unsigned char)text[i];
  }
  return (seen & HIGH_BITS) == 0;
}

static bool is_utf8(const char *text, size_t len) {
  if (is_ascii(text, len))
    return true;
  const unsigned char *s = (const unsigned char *)text, *end = s + len;
  while (s < end) {
    if (end - s >= 8 && (load8((const char *)s) & HIGH_BITS) == 0) {
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

/* ---- encode: the guard ----------------------------------------------------------------------- */

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
  bool has_empty; /* an empty list, which lua-cjson cannot write */
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

static bool is_empty_array(lua_State *L, int codec, int i) {
  lua_rawgeti(L, codec, CODEC_EMPTY_ARRAY);
  bool is = lua_rawequal(L, i, -1);
  lua_pop(L, 1);
  return is;
}

static void check_value(guard *g, const step *at, int depth);

/* Is the metatable on top of the stack that of a list, even of an empty one? */
static bool is_list_mt(lua_State *L, int codec) {
  lua_rawgeti(L, codec, CODEC_EMPTY_MT);
  lua_rawgeti(L, codec, CODEC_ARRAY_MT);
  bool is = lua_rawequal(L, -3, -2) || lua_rawequal(L, -3, -1);
  lua_pop(L, 2);
  return is;
}

/* The table is on top of the stack. */
static void check_table(guard *g, const step *at, int depth) {
  lua_State *L = g->L;
  if (depth > LOMI_MAX_JSON_DEPTH) {
    fault(g, at, "is nested deeper than 64 levels, or contains itself");
    return;
  }
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  int table = lua_gettop(L);
  bool is_list = false;
  if (lua_getmetatable(L, table)) {
    is_list = is_list_mt(L, g->codec);
    lua_pushliteral(L, "__index");
    lua_rawget(L, -2);
    if (!lua_isnil(L, -1))
      fault(g, at, "must be a plain table: what its metatable's __index adds would not be sent");
    lua_settop(L, table);
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
  if (is_list && !numbers && !names)
    g->has_empty = true;
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
    if (lua_touserdata(L, top) == NULL) /* null */
      break;
    bool is_empty = is_empty_array(L, g->codec, top);
    g->has_empty = g->has_empty || is_empty;
    if (is_empty)
      break;
  } /* FALLTHROUGH */
  default: {
    char message[64];
    snprintf(message, sizeof message, "is a %s, which JSON cannot hold", luaL_typename(L, top));
    fault(g, at, message);
  }
  }
}

/* Replaces the value on top of the stack, which the guard has passed, by a copy that has the mark
 * for every empty list. The user's own tables stay as they are. */
static void mark_empty_lists(lua_State *L, int codec) {
  int value = lua_gettop(L), copy = value + 1, key = value + 2;
  bool is_list = lua_islightuserdata(L, value) && is_empty_array(L, codec, value);
  if (!lua_istable(L, value) && !is_list)
    return;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (!is_list && lua_getmetatable(L, value)) {
    is_list = is_list_mt(L, codec);
    lua_pop(L, 1);
  }
  lua_newtable(L);
  bool is_empty = true;
  if (lua_istable(L, value)) {
    for (lua_pushnil(L); lua_next(L, value) != 0; lua_settop(L, key)) {
      is_empty = false;
      mark_empty_lists(L, codec);
      lua_pushvalue(L, key);
      lua_insert(L, -2);
      lua_rawset(L, copy);
    }
  }
  if (is_list && is_empty) {
    lua_pushstring(L, MARK);
    lua_rawseti(L, copy, 1);
  }
  lua_replace(L, value);
}

/* Replaces the text on top of the stack by one with [] for every mark. */
static void unmark_empty_lists(lua_State *L) {
  size_t len;
  const char *at = lua_tolstring(L, -1, &len), *end = at + len, *mark;
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  while ((mark = memchr(at, (unsigned char)MARK[0], (size_t)(end - at))) != NULL) {
    luaL_addlstring(&text, at, (size_t)(mark - 1 - at)); /* up to the bracket, without the quote */
    at = mark + 2;
  }
  luaL_addlstring(&text, at, (size_t)(end - at));
  luaL_pushresult(&text);
  lua_remove(L, -2);
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
    lua_pushvalue(L, 1);
    if (g.has_empty)
      mark_empty_lists(L, 2);
    if (!codec_call(L, 2, CODEC_ENCODE)) {
      if (strcmp(lua_tostring(L, -1), "not enough memory") == 0)
        return lua_error(L); /* no fault of the payload */
      fault(&g, NULL, lua_tostring(L, -1));
    } else {
      if (g.has_empty)
        unmark_empty_lists(L);
      if (lua_rawlen(L, -1) <= LOMI_MAX_REQUEST_BODY)
        return 1;
      fault(&g, NULL, "is larger than 1 MiB of JSON");
    }
  }
  lua_pushnil(L);
  lua_pushvalue(L, 3);
  return 2;
}

/* ---- decode: the text ------------------------------------------------------------------------ */

static bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static bool has_control(const char *text, size_t len) {
  uint64_t seen = 0;
  size_t i = 0;
  for (; i + 8 <= len; i += 8) {
    uint64_t eight = load8(text + i);
    seen |= (eight - 0x20 * EIGHT) & ~eight; /* the high bit of each byte below 0x20 */
  }
  for (; i < len; i++)
    seen |= (unsigned char)text[i] < 0x20 ? HIGH_BITS : 0;
  return (seen & HIGH_BITS) != 0;
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
    char c = at[i];
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
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
        instead = "[\"\xFF\"";
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
  if (!is_utf8(text, len))
    return "it is not UTF-8";
  *has_empty = may_have_empty_list(text, end);
  if (!*has_empty && !has_control(text, len) && !has_surrogate(text, end))
    return NULL;
  const char *wrong = rewrite(L);
  lua_settop(L, 1);
  return wrong;
}

/* ---- decode: the clean-up -------------------------------------------------------------------- */

typedef struct cleaner {
  lua_State *L;
  int codec;      /* stack index */
  bool keep_null; /* else null is an absent field */
  bool has_empty; /* there may be marks of empty lists */
} cleaner;

/* Is the decoded number one that Lua holds as an integer, where it has them? */
static bool is_integer(double number) {
#if LUA_VERSION_NUM >= 503
  const double exact = 9007199254740992.0; /* 2^53: from there on a float may stand for several */
  return fabs(number) <= exact && (double)(lua_Integer)number == number;
#else
  (void)number;
  return false;
#endif
}

static bool is_mark(lua_State *L, int i) {
  size_t len;
  const char *text = lua_tolstring(L, i, &len);
  return len == 1 && text[0] == MARK[0];
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
        lua_pushvalue(L, key);
        lua_pushinteger(L, (lua_Integer)number);
        lua_rawset(L, table);
      }
      break;
    }
    case LUA_TSTRING:
      if (!c->has_empty || !is_mark(L, value))
        break;
      lua_rawgeti(L, c->codec, CODEC_EMPTY_MT);
      lua_setmetatable(L, table);
      lua_pushvalue(L, key);
      lua_pushnil(L);
      lua_rawset(L, table);
      break;
    case LUA_TLIGHTUSERDATA: /* lua-cjson makes no other than null */
      if (c->keep_null)
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

static int refuse(lua_State *L, const char *why) {
  lua_pushnil(L);
  lua_pushstring(L, why);
  return 2;
}

/* decode(text [, keep_null]) -> value | nil, message
 * Whole numbers up to 2^53 are integers where Lua has them. JSON null is an absent field, or
 * core.null with keep_null. An empty list has a metatable, and is encoded as one again. */
static int json_decode(lua_State *L) {
  luaL_checktype(L, 1, LUA_TSTRING);
  cleaner c = {.L = L, .codec = 2, .keep_null = lua_toboolean(L, 2)};
  lua_settop(L, 1);
  const char *wrong = prepare(L, &c.has_empty);
  if (wrong != NULL)
    return refuse(L, wrong);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, 1);
  bool good = codec_call(L, 2, CODEC_DECODE);
  if (!good) {
    /* Bad JSON, or an instance that looks for another locale's decimal point. A new one tells. */
    lua_settop(L, 2);
    codec_renew(L, 2);
    lua_pushvalue(L, 1);
    good = codec_call(L, 2, CODEC_DECODE);
  }
  if (!good) {
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
  }
  switch (lua_type(L, 3)) {
  case LUA_TTABLE:
    if (tidy(&c))
      break;
    return refuse(L, "it holds a number too large to read");
  case LUA_TNUMBER: {
    double number = (double)lua_tonumber(L, 3);
    if (!isfinite(number))
      return refuse(L, "it holds a number too large to read");
    if (is_integer(number)) {
      lua_pushinteger(L, (lua_Integer)number);
      lua_replace(L, 3);
    }
    break;
  }
  case LUA_TLIGHTUSERDATA:
    if (!c.keep_null)
      lua_pushnil(L);
    return 1;
  default: break;
  }
  lua_settop(L, 3);
  return 1;
}

/* Loads lua-cjson, and pushes the codec of it. */
static void push_codec(lua_State *L) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "cjson");
  if (call_cjson(L, 1, 1) != 0)
    lua_error(L);
  int cjson = lua_gettop(L), codec = cjson + 1;
  lua_createtable(L, CODEC_WARDEN, 0);
  push_function(L, cjson, "new");
  lua_rawseti(L, codec, CODEC_NEW);

  lua_getfield(L, cjson, "empty_array"); /* OpenResty's has these three, Debian's has not */
  if (!lua_islightuserdata(L, -1))
    lua_pushlightuserdata(L, (void *)MARK);
  lua_rawseti(L, codec, CODEC_EMPTY_ARRAY);
  lua_getfield(L, cjson, "empty_array_mt");
  if (!lua_istable(L, -1))
    luaL_newmetatable(L, "lomi.array");
  lua_rawseti(L, codec, CODEC_EMPTY_MT);
  lua_getfield(L, cjson, "array_mt");
  lua_rawseti(L, codec, CODEC_ARRAY_MT);

  lua_settop(L, codec);
  codec_renew(L, codec);
}

void lomi_add_json(lua_State *L) {
  int core = lua_gettop(L);
  push_codec(L);
  lua_rawgeti(L, -1, CODEC_EMPTY_ARRAY);
  lua_setfield(L, core, "empty_array");
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, json_encode, 1);
  lua_setfield(L, core, "encode");
  lua_pushcclosure(L, json_decode, 1);
  lua_setfield(L, core, "decode");
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, core, "null");
  lua_settop(L, core);
}
