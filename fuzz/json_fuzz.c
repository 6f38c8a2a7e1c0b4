/* SPDX-License-Identifier: MIT */
/* libFuzzer target for json_encode_lua.c and json_decode_lua.c, in a real Lua with the real
 * lua-cjson. The bytes are decoded as they are; and they are a recipe for a value to encode, with
 * all that Lua can put in one. Neither may raise; what is written must be readable again, and be
 * the same value. */
#include "lua_fuzz.h"

/* check(decoded?, value or bytes): raises what is wrong. */
static const char CHECK[] =
    "local core = require 'lomi.core'\n"
    "local MIB = 1024 * 1024\n"
    "local same\n"
    "\n"
    "local function same_tables(a, b)\n"
    "  if next(a) == nil and next(b) == nil and getmetatable(a) ~= getmetatable(b) then\n"
    "    return false\n" /* [] and {} */
    "  end\n"
    "  for key, value in pairs(a) do\n"
    "    if not same(value, b[key]) then return false end\n"
    "  end\n"
    "  for key, value in pairs(b) do\n"
    "    if value ~= core.null and a[key] == nil then return false end\n"
    "  end\n"
    "  return true\n"
    "end\n"
    "\n"
    "function same(a, b)\n"
    "  if a == core.null then a = nil end\n"
    "  if b == core.null then b = nil end\n"
    "  if type(a) ~= type(b) then return false end\n"
    "  if type(a) == 'table' then return same_tables(a, b) end\n"
    "  if type(a) == 'number' and a % 1 ~= 0 then\n" /* 14 digits are written of a fraction */
    "    return math.abs(a - b) <= math.abs(a) * 1e-13\n"
    "  end\n"
    "  return a == b\n"
    "end\n"
    "\n"
    "local function check_encoded(value)\n"
    "  local text, faults = core.encode(value)\n"
    "  if text then\n"
    "    assert(#text <= MIB and utf8.len(text), 'what was written')\n"
    "    local again, wrong = core.decode(text)\n"
    "    assert(again ~= nil or wrong == nil, wrong)\n"
    "    assert(same(value, again), 'it is another value now')\n"
    "  else\n"
    "    assert(#faults >= 1 and #faults <= 32, 'faults')\n"
    "    for _, fault in ipairs(faults) do\n"
    "      assert(type(fault.field) == 'string' and utf8.len(fault.field), 'field')\n"
    "      assert(#fault.message > 0, 'message')\n"
    "    end\n"
    "  end\n"
    "end\n"
    "\n"
    "local function no_null(value)\n"
    "  if type(value) ~= 'table' then return value ~= core.null end\n"
    "  for _, one in pairs(value) do\n"
    "    if not no_null(one) then return false end\n"
    "  end\n"
    "  return true\n"
    "end\n"
    "\n"
    "return function(is_text, value)\n"
    "  if not is_text then return check_encoded(value) end\n"
    "  local decoded, wrong = core.decode(value)\n"
    "  assert(decoded ~= nil or wrong == nil or #wrong > 0, 'neither a value nor a message')\n"
    "  assert(no_null(decoded), 'null')\n"
    "  assert(same(decoded, (core.decode(value, true))), 'null changes it')\n"
    "  check_encoded(decoded)\n"
    "end\n";

typedef struct recipe {
  const uint8_t *at, *end;
} recipe;

static uint8_t next_byte(recipe *r) {
  return r->at < r->end ? *r->at++ : 0;
}

/* As many of n bytes as there are. */
static size_t take(recipe *r, void *to, size_t n) {
  size_t left = (size_t)(r->end - r->at);
  n = n < left ? n : left;
  if (n > 0)
    memcpy(to, r->at, n);
  r->at += n;
  return n;
}

static int nothing(lua_State *L) {
  (void)L;
  return 0;
}

/* Pushes one value. Tables already there, this one's own parents included, lie at `first` and up.
 */
static void push_value(lua_State *L, recipe *r, int first, int depth) {
  char bytes[256];
  int64_t whole = 0;
  double number = 0;
  uint8_t kind = next_byte(r);
  luaL_checkstack(L, 20, NULL);
  switch (kind % 16) {
  case 0: lua_pushboolean(L, kind > 127); break;
  case 1: lua_pushinteger(L, next_byte(r)); break;
  case 2:
    take(r, &whole, sizeof whole);
    lua_pushinteger(L, whole);
    break;
  case 3:
    take(r, &number, sizeof number);
    lua_pushnumber(L, number);
    break;
  case 4: lua_pushnumber(L, (double)next_byte(r) / 8); break;
  case 5:
  case 6: {
    size_t n = take(r, bytes, next_byte(r));
    lua_pushlstring(L, bytes, n);
    break;
  }
  case 7: lua_pushlightuserdata(L, kind > 127 ? (void *)L : NULL); break;
  case 8: lua_pushcfunction(L, nothing); break;
  case 9: /* a table there is already */
    lua_pushnil(L);
    if (lua_gettop(L) > first)
      lua_copy(L, first + next_byte(r) % (lua_gettop(L) - first), -1);
    break;
  case 10:
  case 11:
  case 12: { /* a list */
    lua_newtable(L);
    int n = depth < 80 ? next_byte(r) % 8 : 0;
    for (int i = 1; i <= n; i++) {
      push_value(L, r, first, depth + 1);
      lua_rawseti(L, -2, i);
    }
    break;
  }
  default: { /* an object, with keys of any kind */
    lua_newtable(L);
    int n = depth < 80 ? next_byte(r) % 8 : 0;
    for (int i = 0; i < n; i++) {
      push_value(L, r, first, depth + 1);
      if (lua_isnil(L, -1) || (lua_isnumber(L, -1) && lua_tonumber(L, -1) != lua_tonumber(L, -1))) {
        lua_pop(L, 1);
        continue;
      }
      push_value(L, r, first, depth + 1);
      lua_rawset(L, -3);
    }
  }
  }
}

static int run(lua_State *L) {
  const recipe *bytes = lua_touserdata(L, 1);
  recipe r = *bytes;
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushboolean(L, 1);
  lua_pushlstring(L, (const char *)r.at, (size_t)(r.end - r.at));
  lua_call(L, 2, 0);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushboolean(L, 0);
  push_value(L, &r, lua_gettop(L) + 1, 0);
  lua_call(L, 2, 0);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static lua_State *L;
  if (L == NULL) {
    static const luaL_Reg modules[] = {{"lomi.core", luaopen_lomi_core}, {NULL, NULL}};
    L = new_state(modules, CHECK);
    lua_pushcclosure(L, run, 1);
  }
  recipe r = {data, data + size};
  lua_pushvalue(L, 1);
  lua_pushlightuserdata(L, &r);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK)
    finding(L);
  return 0;
}
