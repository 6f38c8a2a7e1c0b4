/* SPDX-License-Identifier: MIT */
/* core.http1: http1.c as Lua sees it. */
#include "core.h"
#include "http1.h"
#include "lomi.h"

#define PARSER_TYPE "lomi.http1.parser"
#define SCRATCH_TYPE "lomi.http1.scratch"

/* --- head ---------------------------------------------------------------------------------- */

enum { METHOD = 1, TARGET, HEADERS };

/* Stack: name and value on top. Appends them; returns NULL or what is wrong, with the name if it is
 * one. */
static const char *put_field(lua_State *L, lomi_buffer *out, bool *has_host) {
  size_t name_len, value_len;
  if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "a header needs a name and a value that are strings, not %s and %s",
               luaL_typename(L, -2), luaL_typename(L, -1));
  const char *name = lua_tolstring(L, -2, &name_len);
  const char *value = lua_tolstring(L, -1, &value_len);
  const char *wrong = lomi_http1_put_field(out, name, name_len, value, value_len);
  if (lomi_http1_same_word(name, name_len, "host")) {
    if (*has_host && wrong == NULL)
      wrong = "is given twice";
    *has_host = true;
  }
  if (wrong == NULL || !lomi_http1_is_token(name, name_len))
    return wrong;
  return lua_pushfstring(L, "header %s: %s", name, wrong);
}

static const char *put_list(lua_State *L, lomi_buffer *out, bool *has_host) {
  const char *wrong = NULL;
  for (int i = 1; wrong == NULL; i++) {
    lua_rawgeti(L, HEADERS, i);
    if (lua_isnil(L, -1))
      break;
    if (!lua_istable(L, -1))
      luaL_error(L, "header %d of the list is not a { name, value } table", i);
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    wrong = put_field(L, out, has_host);
    if (wrong == NULL)
      lua_settop(L, HEADERS);
  }
  return wrong;
}

static const char *put_map(lua_State *L, lomi_buffer *out, bool *has_host) {
  const char *wrong = NULL;
  lua_pushnil(L);
  while (wrong == NULL && lua_next(L, HEADERS)) {
    wrong = put_field(L, out, has_host);
    if (wrong == NULL)
      lua_pop(L, 1);
  }
  return wrong;
}

typedef struct scratch {
  lomi_buffer buffer;
  unsigned turn; /* counts its uses */
} scratch;

/* head(method, target, headers) -> text | nil, message. Headers are a map of name to value, or a
 * list of { name, value } whose order is kept; there must be one Host. */
static int http1_head(lua_State *L) {
  size_t method_len, target_len;
  const char *method = luaL_checklstring(L, METHOD, &method_len);
  const char *target = luaL_checklstring(L, TARGET, &target_len);
  luaL_checktype(L, HEADERS, LUA_TTABLE);
  lua_settop(L, HEADERS);

  /* An upvalue, so that nothing is lost when something below raises. */
  scratch *s = lua_touserdata(L, lua_upvalueindex(1));
  lomi_buffer *out = &s->buffer;
  unsigned turn = ++s->turn;
  lomi_buffer_clear(out, out->cap);
  bool has_host = false;
  const char *wrong = lomi_http1_put_request(out, method, method_len, target, target_len);
  if (wrong == NULL) {
    lua_rawgeti(L, HEADERS, 1);
    bool is_list = !lua_isnil(L, -1);
    lua_pop(L, 1);
    wrong = is_list ? put_list(L, out, &has_host) : put_map(L, out, &has_host);
  }
  if (wrong == NULL && !has_host)
    wrong = "there is no Host header";
  if (wrong == NULL)
    wrong = lomi_http1_put_end(out);
  if (wrong != NULL) {
    lua_pushnil(L);
    lua_pushstring(L, wrong);
    return 2;
  }
  lua_pushlstring(L, out->data, out->len);
  /* LuaJIT collects garbage before it copies: a finalizer may have written a head of its own. */
  return s->turn == turn ? 1 : http1_head(L);
}

static int scratch_gc(lua_State *L) {
  scratch *s = luaL_checkudata(L, 1, SCRATCH_TYPE);
  lomi_buffer_free(&s->buffer);
  return 0;
}

/* --- parser -------------------------------------------------------------------------------- */

typedef struct {
  lomi_http1 http1;
  lomi_buffer head, body;
} parser;

static parser *check_parser(lua_State *L) {
  return luaL_checkudata(L, 1, PARSER_TYPE);
}

/* parser() -> a parser that waits for a reply */
static int http1_parser(lua_State *L) {
  parser *p = lua_newuserdata(L, sizeof *p);
  lomi_buffer_init(&p->head, LOMI_MAX_HEAD);
  lomi_buffer_init(&p->body, LOMI_MAX_REPLY_BODY);
  lomi_http1_init(&p->http1, &p->head, &p->body);
  luaL_setmetatable(L, PARSER_TYPE);
  return 1;
}

/* "done" | "partial" | nil, reason, kind of error */
static int push_result(lua_State *L, const parser *p, lomi_http1_result result) {
  if (p->http1.reason[0] == '\0') {
    lua_pushstring(L, result == LOMI_HTTP1_DONE ? "done" : "partial");
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, p->http1.reason);
  lua_pushstring(L, result == LOMI_HTTP1_BAD ? "protocol" : "connection");
  return 3;
}

/* feed(bytes) -> "done" | "partial" | nil, reason, "protocol" */
static int parser_feed(lua_State *L) {
  parser *p = check_parser(L);
  size_t n;
  const char *bytes = luaL_checklstring(L, 2, &n);
  return push_result(L, p, lomi_http1_feed(&p->http1, bytes, n));
}

/* eof() -> "done" | nil, reason, "connection" (ended early) | nil, reason, "protocol" (was bad) */
static int parser_eof(lua_State *L) {
  parser *p = check_parser(L);
  return push_result(L, p, lomi_http1_eof(&p->http1));
}

static void push_headers(lua_State *L, const lomi_http1 *http1) {
  const char *name, *value;
  lua_createtable(L, 0, (int)http1->fields);
  for (size_t cursor = 0; lomi_http1_next_field(http1, &cursor, &name, &value);) {
    lua_pushstring(L, name);
    lua_pushvalue(L, -1);
    lua_rawget(L, -3);
    if (lua_isnil(L, -1)) {
      lua_pop(L, 1);
      lua_pushstring(L, value);
    } else { /* a repeated header is a list */
      lua_pushliteral(L, ", ");
      lua_pushstring(L, value);
      lua_concat(L, 3);
    }
    lua_rawset(L, -3);
  }
}

/* result() -> status, headers, body, keep_alive, leftover. keep_alive: another request may go over
 * the connection. leftover: how many bytes came after the reply. Raises before "done". */
static int parser_result(lua_State *L) {
  parser *p = check_parser(L);
  lomi_http1 *http1 = &p->http1;
  if (lomi_http1_feed(http1, "", 0) != LOMI_HTTP1_DONE)
    return luaL_error(L, "there is no result: feed or eof have not said \"done\"");
  lua_pushinteger(L, http1->status);
  push_headers(L, http1);
  lua_pushlstring(L, p->body.len > 0 ? p->body.data : "", p->body.len);
  lua_pushboolean(L, lomi_http1_keep_alive(http1));
  lua_pushinteger(L, (lua_Integer)http1->leftover);
  return 5;
}

/* reset(): forgets everything and waits for the next reply */
static int parser_reset(lua_State *L) {
  parser *p = check_parser(L);
  lomi_http1_init(&p->http1, &p->head, &p->body);
  return 0;
}

static int parser_gc(lua_State *L) {
  parser *p = check_parser(L);
  lomi_buffer_free(&p->head);
  lomi_buffer_free(&p->body);
  lomi_http1_init(&p->http1, &p->head, &p->body);
  return 0;
}

static const luaL_Reg parser_methods[] = {
    {"feed", parser_feed},   {"eof", parser_eof}, {"result", parser_result},
    {"reset", parser_reset}, {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"head", http1_head},
    {"parser", http1_parser},
    {NULL, NULL},
};

int lomi_open_http1(lua_State *L) {
  /* Whether they are new or not: an earlier try may have ended half-way, out of memory. */
  luaL_newmetatable(L, PARSER_TYPE);
  luaL_newlib(L, parser_methods);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, parser_gc);
  lua_setfield(L, -2, "__gc");
  luaL_newmetatable(L, SCRATCH_TYPE);
  lua_pushcfunction(L, scratch_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 2);

  luaL_newlibtable(L, functions);
  scratch *s = lua_newuserdata(L, sizeof *s);
  s->turn = 0;
  lomi_buffer_init(&s->buffer, LOMI_MAX_HEAD);
  luaL_setmetatable(L, SCRATCH_TYPE);
  luaL_setfuncs(L, functions, 1);
  return 1;
}
