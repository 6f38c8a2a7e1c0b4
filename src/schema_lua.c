/* SPDX-License-Identifier: MIT */
/* The common case of the check in lua/lomi/call/schema.lua: all of a payload is right. It says yes,
 * or that Lua must look closer and find words for what is wrong; it never says no. */
#include "core.h"
#include "json_lua.h"

#include <math.h>

#include "text.h"

/* ---- formats ---- */

typedef bool format(const char *text, size_t len);

/* Like a@b.c: one "@", a dot within what is behind it, no white space, no control characters. */
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
    bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (hyphen ? text[i] != '-' : lomi_hex_value(text[i]) < 0)
      return false;
  }
  return true;
}

static bool is_uuid4(const char *text, size_t len) {
  return is_uuid(text, len) && text[14] == '4' && strchr("89abAB", text[19]) != NULL;
}

static const struct format_row {
  const char *name, *function;
  format *is;
} FORMATS[] = {
    {"email", "is_email", is_email}, {"uuid", "is_uuid", is_uuid}, {"uuid4", "is_uuid4", is_uuid4}};

/* is_email(text), is_uuid(text), is_uuid4(text) -> boolean */
static int schema_is(lua_State *L) {
  const struct format_row *row = lua_touserdata(L, lua_upvalueindex(1));
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  lua_pushboolean(L, row->is(text, len));
  return 1;
}

/* ---- the plan: what the contract says of each field ---- */

enum { MAX_FIELDS = 64, MAX_CHOICES = 8, MAX_RULES = 8 };
enum { MOST_BYTES = 64 * 1024 }; /* of a payload; a larger one is for Lua to look at */

typedef struct field {
  const char *name; /* the DTO's, as the choices are; short strings with the same bytes are one */
  int type;         /* of Lua; LUA_TNONE: always for Lua to look at */
  bool filled;
  double above, least;
  size_t longest;
  format *format;
  int choices; /* 0: any text */
  const char *choice[MAX_CHOICES];
} field;

/* A rule over several fields, as sets of them, one bit each. */
typedef struct rule {
  enum { SAME, TOGETHER, DECIMALS, ANOTHER } name; /* ANOTHER: always for Lua to look at */
  uint64_t fields, unless;
} rule;

typedef struct plan {
  int count, rules;
  uint64_t required;
  field fields[MAX_FIELDS];
  rule rule[MAX_RULES];
} plan;

static bool equal(const char *a, const char *b) {
  return a != NULL && strcmp(a, b) == 0;
}

static void read_choices(lua_State *L, field *f, int list) {
  f->choices = (int)lua_rawlen(L, list);
  if (f->choices > MAX_CHOICES)
    f->type = LUA_TNONE;
  for (int i = 0; i < f->choices && i < MAX_CHOICES; i++) {
    lua_rawgeti(L, list, i + 1);
    f->choice[i] = lua_tostring(L, -1);
    lua_pop(L, 1);
  }
}

static void read_format(lua_State *L, field *f) {
  for (size_t i = 0; i < sizeof FORMATS / sizeof FORMATS[0]; i++)
    if (equal(lua_tostring(L, -1), FORMATS[i].name))
      f->format = FORMATS[i].is;
  if (f->format == NULL)
    f->type = LUA_TNONE;
}

static int type_of(lua_State *L, const char *name) {
  for (int type = LUA_TBOOLEAN; type < LUA_TTABLE; type++)
    if (equal(name, lua_typename(L, type)))
      return type;
  return equal(name, "object") ? LUA_TTABLE : LUA_TNONE;
}

/* One entry of a field's definition: its name, and its value on top of the stack. The Lua check
 * looks at the entries that are not known here. */
static void read_entry(lua_State *L, field *f, const char *name) {
  int value = lua_gettop(L);
  if (equal(name, "filled"))
    f->filled = lua_toboolean(L, value);
  else if (equal(name, "above"))
    f->above = lua_tonumber(L, value);
  else if (equal(name, "least"))
    f->least = lua_tonumber(L, value);
  else if (equal(name, "longest"))
    f->longest = (size_t)lua_tonumber(L, value);
  else if (equal(name, "enum"))
    read_choices(L, f, value);
  else if (equal(name, "format"))
    read_format(L, f);
  else if (!equal(name, "name") && !equal(name, "required") && !equal(name, "type") &&
           !equal(name, "lua_type") && !equal(name, "choices"))
    f->type = LUA_TNONE;
}

/* The field's definition is on top of the stack. */
static void read_field(lua_State *L, field *f) {
  int definition = lua_gettop(L);
  *f = (field){.above = -HUGE_VAL, .least = -HUGE_VAL, .longest = SIZE_MAX};
  lua_getfield(L, definition, "name");
  f->name = lua_tostring(L, -1);
  lua_getfield(L, definition, "type");
  f->type = type_of(L, lua_tostring(L, -1));
  for (lua_pushnil(L); lua_next(L, definition) != 0; lua_pop(L, 1))
    read_entry(L, f, lua_tostring(L, -2));
}

/* The set of the fields that the top of the stack names, a string or a list of them; pops it. */
static uint64_t set_of(lua_State *L, const plan *p) {
  int names = lua_gettop(L);
  uint64_t set = 0;
  if (lua_istable(L, names)) {
    for (int i = 1; i <= (int)lua_rawlen(L, names); i++) {
      lua_rawgeti(L, names, i);
      set |= set_of(L, p);
    }
  } else {
    for (int i = 0; i < p->count; i++)
      if (equal(lua_tostring(L, names), p->fields[i].name))
        set = UINT64_C(1) << i;
  }
  lua_pop(L, 1);
  return set;
}

/* The rule's definition is on top of the stack. */
static void read_rule(lua_State *L, const plan *p, rule *r) {
  static const char *const names[] = {"same", "together", "decimals"};
  int definition = lua_gettop(L);
  lua_getfield(L, definition, "rule");
  r->name = SAME;
  while (r->name < ANOTHER && !equal(lua_tostring(L, -1), names[r->name]))
    r->name++;
  lua_pop(L, 1);
  if (r->name == ANOTHER)
    return;
  lua_getfield(L, definition, "fields");
  r->fields = set_of(L, p);
  lua_getfield(L, definition, "field");
  r->fields |= set_of(L, p);
  lua_getfield(L, definition, "unless");
  r->unless = set_of(L, p);
}

/* ---- the check ---- */

/* Does the rule surely hold? `given`: the fields that are there; `broken`: those of a fraction. */
static bool rule_holds(const rule *r, uint64_t given, uint64_t broken) {
  uint64_t there = given & r->fields;
  switch (r->name) {
  case SAME: return there != r->fields;
  case TOGETHER: return there == 0 || there == r->fields || (given & r->unless) != 0;
  case DECIMALS: return (broken & r->fields) == 0;
  default: return false;
  }
}

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

static bool is_whole(double number) {
  return number == floor(number);
}

/* Also what encode would find wrong. A table may hold anything simple. */
static bool value_fits(lua_State *L, const field *f, size_t *room) {
  if (lua_type(L, -1) != f->type || !lomi_json_is_simple(L, room))
    return false;
  if (f->type == LUA_TNUMBER) {
    double number = (double)lua_tonumber(L, -1);
    return number > f->above && number >= f->least;
  }
  return f->type != LUA_TSTRING || text_fits(L, f);
}

/* fits(params) -> true: a plain table, with known fields only, all of them right, none missing, all
 * rules kept, for encode to write as it is; false: look closer */
static int schema_fits(lua_State *L) {
  const plan *p = lua_touserdata(L, lua_upvalueindex(1));
  uint64_t given = 0, broken = 0;
  size_t room = MOST_BYTES;
  lua_settop(L, 1);
  bool fits = lua_istable(L, 1) && !lua_getmetatable(L, 1);
  if (fits)
    lua_pushnil(L);
  while (fits && lua_next(L, 1) != 0) {
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : NULL;
    int i = 0;
    while (i < p->count && p->fields[i].name != name)
      i++;
    fits = name != NULL && i < p->count && value_fits(L, &p->fields[i], &room);
    if (fits) {
      given |= UINT64_C(1) << i;
      if (p->fields[i].type == LUA_TNUMBER && !is_whole((double)lua_tonumber(L, 3)))
        broken |= UINT64_C(1) << i;
    }
    lua_settop(L, 2);
  }
  fits = fits && (given & p->required) == p->required;
  for (int i = 0; fits && i < p->rules; i++)
    fits = rule_holds(&p->rule[i], given, broken);
  lua_pushboolean(L, fits);
  return 1;
}

/* fits_of(dto) -> fits, a function, which keeps the DTO, that must not change any more; nil: there
 * is too much in it */
static int schema_fits_of(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_getfield(L, 1, "fields"); /* 2 */
  lua_getfield(L, 1, "rules");  /* 3 */
  size_t count = lua_rawlen(L, 2), rules = lua_rawlen(L, 3);
  if (count > MAX_FIELDS || rules > MAX_RULES)
    return 0;
  plan *p = lua_newuserdata(L, sizeof *p); /* 4 */
  *p = (plan){.count = 0};
  for (; p->count < (int)count; p->count++) {
    lua_rawgeti(L, 2, p->count + 1);
    read_field(L, &p->fields[p->count]);
    lua_settop(L, 4);
  }
  for (; p->rules < (int)rules; p->rules++) {
    lua_rawgeti(L, 3, p->rules + 1);
    read_rule(L, p, &p->rule[p->rules]);
    lua_settop(L, 4);
  }
  lua_getfield(L, 1, "required");
  p->required = set_of(L, p);
  lua_pushvalue(L, 1);
  lua_pushcclosure(L, schema_fits, 2);
  return 1;
}

void lomi_add_schema(lua_State *L) {
  lua_pushcfunction(L, schema_fits_of);
  lua_setfield(L, -2, "fits_of");
  for (size_t i = 0; i < sizeof FORMATS / sizeof FORMATS[0]; i++) {
    lua_pushlightuserdata(L, (void *)&FORMATS[i]);
    lua_pushcclosure(L, schema_is, 1);
    lua_setfield(L, -2, FORMATS[i].function);
  }
}
