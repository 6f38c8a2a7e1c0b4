/* SPDX-License-Identifier: MIT */
/* core.encode: checks that JSON carries a value exactly, numbers above all, and has lua-cjson
 * write it. */
#include "json_lua.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lomi.h"
#include "text.h"

enum {
  MAX_FAULTS = 32,   /* of one value; more would not help anybody read */
  MAX_KEY_SHOWN = 64 /* bytes of a key in a fault's field name */
};

static const char NOT_UTF8[] = "must be valid UTF-8 text";
static const char TOO_DEEP[] = "is nested deeper than 64 levels, or contains itself";

/* ---- the check ---- */

/* Where in the value we are: a chain on the C stack, from the innermost key outwards. */
typedef struct step {
  const struct step *up;
  int key; /* stack index of the key, alive for as long as this step is */
} step;

typedef struct guard {
  lua_State *L;
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
  bool readable = lomi_is_utf8(key, len);
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

/* Adds the outermost keys, and returns how many there are. */
static int add_keys(lua_State *L, luaL_Buffer *path, const step *at) {
  enum { SHOWN = 8 };
  int outer = at->up != NULL ? add_keys(L, path, at->up) : 0;
  if (outer < SHOWN)
    add_key(L, path, at, outer == 0);
  else if (outer == SHOWN)
    luaL_addstring(path, "...");
  return outer + 1;
}

/* Pushes the field's name, as `metadata.items[2].price`; of a very deep one, the outer part. */
static void push_path(lua_State *L, const step *at) {
  luaL_Buffer path;
  luaL_buffinit(L, &path);
  if (at != NULL)
    add_keys(L, &path, at);
  else
    luaL_addstring(&path, "body");
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
  if (count_bytes(g, at, len) && !lomi_is_utf8(text, len))
    fault(g, at, NOT_UTF8);
}

/* Would what lua-cjson writes be read back as the same whole number? */
static bool reads_back(double number) {
  char text[40];
  snprintf(text, sizeof text, "%.14g", number);
  return strtod(text, NULL) == number;
}

/* Within a field, in metadata say, a number may be sent as text; a field of the request has its
 * type. */
static void fault_number(guard *g, const step *at, const char *message) {
  bool nested = at != NULL && at->up != NULL;
  char text[128];
  snprintf(text, sizeof text, "%s%s", message, nested ? "; send it as a string" : "");
  fault(g, at, text);
}

/* Is the number at stack index i, as a double, the same whole number? */
static bool is_exact(lua_State *L, int i, double number) {
  /* 2^63 as a double is one past the largest integer; casting it back would be undefined */
  return !lua_isinteger(L, i) ||
         (number < 9223372036854775808.0 && (lua_Integer)number == lua_tointeger(L, i));
}

static void check_number(guard *g, const step *at, int i) {
  const double fourteen_digits = 1e14;
  double number = (double)lua_tonumber(g->L, i);
  bool is_whole = number == floor(number);
  g->may_point = g->may_point || !is_whole || fabs(number) >= fourteen_digits;
  if (!isfinite(number))
    fault(g, at, "must be a finite number");
  else if (!is_whole && fabs(number) >= 1e12)
    fault_number(g, at, "is a fraction too large to keep its decimals");
  else if (fabs(number) >= fourteen_digits && !(is_exact(g->L, i, number) && reads_back(number)))
    fault_number(g, at, "is a whole number that JSON's 14 digits cannot carry exactly");
}

/* Is the value at stack index i a list, even if it is empty? */
static bool is_list(lua_State *L, int i) {
  int top = lua_gettop(L);
  bool is = false;
  if (lua_islightuserdata(L, i)) {
    lua_rawgeti(L, LOMI_JSON_CODEC, LOMI_JSON_EMPTY_ARRAY);
    is = lua_rawequal(L, i, -1);
  } else if (lua_getmetatable(L, i)) {
    lua_rawgeti(L, LOMI_JSON_CODEC, LOMI_JSON_EMPTY_MT);
    lua_rawgeti(L, LOMI_JSON_CODEC, LOMI_JSON_ARRAY_MT);
    is = lua_rawequal(L, -3, -2) || lua_rawequal(L, -3, -1);
  }
  lua_settop(L, top);
  return is;
}

static void check_value(guard *g, const step *at, int depth);

/* The table is on top of the stack. */
static void check_table(guard *g, const step *at, int depth) {
  lua_State *L = g->L;
  if (depth > LOMI_MAX_JSON_DEPTH) {
    fault(g, at, TOO_DEEP);
    return;
  }
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  int table = lua_gettop(L);
  if (luaL_getmetafield(L, table, "__index")) {
    fault(g, at, "must be a plain table: what its metatable's __index adds would not be sent");
    lua_pop(L, 1);
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
  if (!numbers && !names && is_list(L, table))
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
  case LUA_TLIGHTUSERDATA:
    if (lua_touserdata(L, top) == NULL) /* null */
      break;
    if (is_list(L, top)) {
      g->has_empty = true;
      break;
    } /* FALLTHROUGH */
  default: {
    char message[64];
    snprintf(message, sizeof message, "is a %s, which JSON cannot hold", luaL_typename(L, top));
    fault(g, at, message);
  }
  }
}

static bool takes(size_t *room, size_t n) {
  bool fits = n <= *room;
  *room -= fits ? n : 0;
  return fits;
}

static bool is_simple(lua_State *L, size_t *room, int depth) {
  enum { DEEPEST = 4 };
  const double exact = 1e12; /* below it, lua-cjson's digits are enough, also for a fraction */
  int top = lua_gettop(L), key = top + 1;
  size_t len;
  const char *text;
  switch (takes(room, 2) ? lua_type(L, top) : LUA_TNONE) {
  case LUA_TBOOLEAN: return true;
  case LUA_TNUMBER: return fabs((double)lua_tonumber(L, top)) < exact;
  case LUA_TSTRING:
    text = lua_tolstring(L, top, &len);
    return takes(room, len) && lomi_is_utf8(text, len);
  case LUA_TTABLE:
    if (depth == DEEPEST || lua_getmetatable(L, top) || !lua_checkstack(L, LUA_MINSTACK))
      return false;
    for (lua_pushnil(L); lua_next(L, top) != 0; lua_settop(L, key)) {
      if (!is_simple(L, room, depth + 1))
        return false;
      lua_settop(L, key);
      if (lua_type(L, key) != LUA_TSTRING || !is_simple(L, room, depth))
        return false;
    }
    return true;
  default: return false;
  }
}

bool lomi_json_is_simple(lua_State *L, size_t *room) {
  int top = lua_gettop(L);
  bool simple = is_simple(L, room, 0);
  lua_settop(L, top);
  return simple;
}

/* Replaces the value on top of the stack, which the guard has passed, by a copy that has the mark
 * for every empty list. The user's own tables stay as they are. False: a finalizer has made the
 * value too deep meanwhile. `depth` counts the tables around it. */
static bool mark_empty_lists(lua_State *L, int depth) {
  int value = lua_gettop(L), copy = value + 1, key = value + 2;
  bool is_table = lua_istable(L, value), marked = is_list(L, value);
  if (!is_table && !marked)
    return true;
  if (is_table && depth >= LOMI_MAX_JSON_DEPTH)
    return false;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_newtable(L);
  if (is_table) {
    for (lua_pushnil(L); lua_next(L, value) != 0; lua_settop(L, key)) {
      marked = false;
      if (!mark_empty_lists(L, depth + 1))
        return false;
      lua_pushvalue(L, key);
      lua_insert(L, -2);
      lua_rawset(L, copy);
    }
  }
  if (marked) {
    lua_pushliteral(L, LOMI_JSON_MARK);
    lua_rawseti(L, copy, 1);
  }
  lua_replace(L, value);
  return true;
}

/* Replaces the text on top of the stack by one with [] for every list of a mark. Any other byte of
 * a mark stays. */
static void unmark_empty_lists(lua_State *L) {
  static const char list[] = "[\"" LOMI_JSON_MARK "\"]";
  enum { BEFORE = 2, LIST = sizeof list - 1, AFTER = LIST - BEFORE };
  size_t len;
  const char *at = lua_tolstring(L, -1, &len), *end = at + len, *mark;
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  while ((mark = memchr(at, (unsigned char)LOMI_JSON_MARK[0], (size_t)(end - at))) != NULL) {
    bool whole =
        mark - at >= BEFORE && end - mark >= AFTER && memcmp(mark - BEFORE, list, LIST) == 0;
    const char *to = whole ? mark - 1 : mark + 1; /* up to the bracket, without the quote */
    luaL_addlstring(&text, at, (size_t)(to - at));
    at = whole ? mark + 2 : to;
  }
  luaL_addlstring(&text, at, (size_t)(end - at));
  luaL_pushresult(&text);
  lua_remove(L, -2);
}

/* Writes the value on top of the stack, which the guard has passed. A finalizer may have run since,
 * and may have changed it, so the text is checked as well. False: there is a fault. */
static bool write_value(guard *g) {
  lua_State *L = g->L;
  if (g->has_empty && !mark_empty_lists(L, 0)) {
    fault(g, NULL, TOO_DEEP);
    return false;
  }
  if (!lomi_json_call(L, LOMI_JSON_ENCODE)) {
    if (strcmp(lua_tostring(L, -1), "not enough memory") == 0)
      lua_error(L); /* no fault of the payload */
    fault(g, NULL, lua_tostring(L, -1));
    return false;
  }
  if (g->has_empty)
    unmark_empty_lists(L);
  size_t len;
  const char *text = lua_tolstring(L, -1, &len);
  if (!lomi_is_utf8(text, len))
    fault(g, NULL, NOT_UTF8);
  else if (len > LOMI_MAX_REQUEST_BODY)
    fault(g, NULL, "is larger than 1 MiB of JSON");
  return g->faults == 0;
}

/* encode(value [, is_simple]) -> text | nil, faults
 * faults: a list of { field =, message = }, all that is wrong with the value at once. is_simple: a
 * schema has found all of it right. */
int lomi_json_encode(lua_State *L) {
  luaL_checkany(L, 1);
  bool checked = lua_toboolean(L, 2) && lomi_json_has_point();
  lua_settop(L, 1);
  lua_pushnil(L); /* 2: faults */
  guard g = {.L = L, .list = 2};
  if (!checked) {
    lua_pushvalue(L, 1);
    check_value(&g, NULL, 0);
    lua_settop(L, 2);
  }
  if (g.faults == 0) {
    if (g.may_point && !lomi_json_has_point())
      lomi_json_renew(L, LOMI_JSON_CODEC);
    lua_pushvalue(L, 1);
    if (write_value(&g))
      return 1;
  }
  lua_pushnil(L);
  lua_pushvalue(L, 2);
  return 2;
}
