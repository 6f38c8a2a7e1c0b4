/* SPDX-License-Identifier: MIT */
/* The common case of the schema check: all fields of a payload are right. It says yes, or that Lua
 * must look closer and find words for what is wrong; it never says no. Rules over several fields
 * are Lua's. */
#include "core.h"
#include "lomi.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* ---- formats --------------------------------------------------------------------------------- */

typedef bool format(const char *text, size_t len);

/* Like a@b.c: one "@", a dot within what is behind it, neither white space nor control characters.
 */
static bool is_email(const char *text, size_t len) {
  const size_t longest = 254;
  const char *at = NULL, *dot = NULL, *end = text + len;
  if (len > longest)
    return false;
  for (const char *c = text; c < end; c++) {
    unsigned char byte = (unsigned char)*c;
    if (byte <= ' ' || byte == 0x7F || (byte == '@' && at != NULL))
      return false;
    if (byte == '@')
      at = c;
    else if (byte == '.' && dot == NULL && at != NULL && c > at + 1)
      dot = c;
  }
  return at != NULL && at > text && dot != NULL && dot < end - 1;
}

static bool is_uuid(const char *text, size_t len) {
  if (len != 36)
    return false;
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (hyphen ? c != '-' : !is_hex)
      return false;
  }
  return true;
}

static bool is_uuid4(const char *text, size_t len) {
  return is_uuid(text, len) && text[14] == '4' && strchr("89abAB", text[19]) != NULL;
}

static int call_format(lua_State *L, format *is) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  lua_pushboolean(L, is(text, len));
  return 1;
}

static int schema_is_email(lua_State *L) {
  return call_format(L, is_email);
}

static int schema_is_uuid(lua_State *L) {
  return call_format(L, is_uuid);
}

static int schema_is_uuid4(lua_State *L) {
  return call_format(L, is_uuid4);
}

static const struct {
  const char *name;
  format *is;
} FORMATS[] = {{"email", is_email}, {"uuid", is_uuid}, {"uuid4", is_uuid4}};

/* ---- the plan: what the contract says of each field ------------------------------------------ */

enum { MAX_FIELDS = 64, MAX_CHOICES = 8 };

typedef struct field {
  const char *name; /* anchored, as the choices are; short strings with the same bytes are one */
  int type;         /* of Lua; LUA_TNONE: always for Lua to look at */
  bool required, filled;
  double above, least;
  size_t longest;
  format *format;
  int choices; /* 0: any text */
  const char *choice[MAX_CHOICES];
} field;

typedef struct plan {
  int count;
  field fields[MAX_FIELDS];
} plan;

/* Keeps the string on top of the stack alive in `anchors`, and pops it. */
static const char *anchor(lua_State *L, int anchors) {
  const char *text = lua_tostring(L, -1);
  lua_rawseti(L, anchors, (int)lua_rawlen(L, anchors) + 1);
  return text;
}

static void read_choices(lua_State *L, field *f, int list, int anchors) {
  f->choices = (int)lua_rawlen(L, list);
  if (f->choices > MAX_CHOICES)
    f->type = LUA_TNONE;
  for (int i = 0; i < f->choices && i < MAX_CHOICES; i++) {
    lua_rawgeti(L, list, i + 1);
    f->choice[i] = anchor(L, anchors);
  }
}

static void read_format(lua_State *L, field *f) {
  for (size_t i = 0; i < sizeof FORMATS / sizeof FORMATS[0]; i++)
    if (strcmp(lua_tostring(L, -1), FORMATS[i].name) == 0)
      f->format = FORMATS[i].is;
  if (f->format == NULL)
    f->type = LUA_TNONE;
}

static int type_of(const char *name) {
  static const struct {
    const char *name;
    int type;
  } types[] = {{"number", LUA_TNUMBER},
               {"string", LUA_TSTRING},
               {"boolean", LUA_TBOOLEAN},
               {"object", LUA_TTABLE}};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
    if (strcmp(name, types[i].name) == 0)
      return types[i].type;
  return LUA_TNONE;
}

/* One entry of a field's definition: its name, and its value on top of the stack. What is not known
 * here is Lua's to look at. */
static void read_entry(lua_State *L, field *f, const char *name, int anchors) {
  int value = lua_gettop(L);
  if (strcmp(name, "required") == 0)
    f->required = lua_toboolean(L, value);
  else if (strcmp(name, "filled") == 0)
    f->filled = lua_toboolean(L, value);
  else if (strcmp(name, "above") == 0)
    f->above = lua_tonumber(L, value);
  else if (strcmp(name, "least") == 0)
    f->least = lua_tonumber(L, value);
  else if (strcmp(name, "longest") == 0)
    f->longest = (size_t)lua_tonumber(L, value);
  else if (strcmp(name, "enum") == 0)
    read_choices(L, f, value, anchors);
  else if (strcmp(name, "format") == 0)
    read_format(L, f);
  else if (strcmp(name, "name") != 0 && strcmp(name, "type") != 0 &&
           strcmp(name, "lua_type") != 0 && strcmp(name, "choices") != 0)
    f->type = LUA_TNONE;
}

/* The field's definition is on top of the stack. */
static void read_field(lua_State *L, field *f, int anchors) {
  int definition = lua_gettop(L);
  *f = (field){.above = -HUGE_VAL, .least = -HUGE_VAL, .longest = SIZE_MAX};
  lua_getfield(L, definition, "name");
  f->name = anchor(L, anchors);
  lua_getfield(L, definition, "type");
  f->type = type_of(lua_tostring(L, -1));
  lua_pop(L, 1);
  for (lua_pushnil(L); lua_next(L, definition) != 0; lua_pop(L, 1))
    read_entry(L, f, lua_tostring(L, -2), anchors);
}

/* ---- the check --------------------------------------------------------------------------------
 */

static bool text_fits(lua_State *L, const field *f) {
  size_t len;
  const char *text = lua_tolstring(L, -1, &len);
  if (len > f->longest || (f->format != NULL && !f->format(text, len)))
    return false;
  for (int i = 0; i < f->choices; i++)
    if (text == f->choice[i])
      return true;
  if (f->choices > 0)
    return false;
  size_t at = 0;
  while (f->filled && at < len && (unsigned char)text[at] <= ' ')
    at++;
  return !f->filled || at < len;
}

static bool has_string_keys(lua_State *L) {
  int table = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1))
    if (lua_type(L, -2) != LUA_TSTRING) {
      lua_settop(L, table);
      return false;
    }
  return true;
}

static bool value_fits(lua_State *L, const field *f) {
  if (lua_type(L, -1) != f->type)
    return false;
  if (f->type == LUA_TNUMBER) {
    double number = (double)lua_tonumber(L, -1);
    return isfinite(number) && number > f->above && number >= f->least;
  }
  if (f->type == LUA_TSTRING)
    return text_fits(L, f);
  return f->type != LUA_TTABLE || has_string_keys(L);
}

/* fits(params) -> true: a plain table, with known fields only, all of them right, none missing;
 * false: look closer */
static int schema_fits(lua_State *L) {
  const plan *p = lua_touserdata(L, lua_upvalueindex(1));
  uint64_t given = 0;
  lua_settop(L, 1);
  bool fits = lua_istable(L, 1) && !lua_getmetatable(L, 1);
  if (fits)
    lua_pushnil(L);
  while (fits && lua_next(L, 1) != 0) {
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : NULL;
    int i = 0;
    while (i < p->count && p->fields[i].name != name)
      i++;
    fits = i < p->count && value_fits(L, &p->fields[i]);
    given |= fits ? UINT64_C(1) << i : 0;
    lua_settop(L, 2);
  }
  for (int i = 0; fits && i < p->count; i++)
    fits = !p->fields[i].required || (given >> i & 1) != 0;
  lua_pushboolean(L, fits);
  return 1;
}

/* fits_of(fields) -> fits, a function; nil if there are too many */
static int schema_fits_of(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  size_t count = lua_rawlen(L, 1);
  if (count > MAX_FIELDS)
    return 0;
  plan *p = lua_newuserdata(L, sizeof *p); /* 2 */
  lua_newtable(L);                         /* 3: anchors */
  for (p->count = 0; p->count < (int)count; p->count++) {
    lua_rawgeti(L, 1, p->count + 1);
    read_field(L, &p->fields[p->count], 3);
    lua_settop(L, 3);
  }
  lua_pushcclosure(L, schema_fits, 2);
  return 1;
}

void lomi_add_schema(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"fits_of", schema_fits_of},
      {"is_email", schema_is_email},
      {"is_uuid", schema_is_uuid},
      {"is_uuid4", schema_is_uuid4},
      {NULL, NULL},
  };
  luaL_setfuncs(L, functions, 0);
}
