/* SPDX-License-Identifier: MIT */
/* core.http1: http1.c as Lua sees it. */
#include "core.h"
#include "http1.h"
#include "lomi.h"
#include "message_lua.h"

#include <string.h>

#define PARSER_TYPE "lomi.http1.parser"

/* ---- parser ---- */

typedef struct {
  lomi_http1 http1;
  lomi_buffer head, body;
  lomi_buffer out; /* the text being written */
  bool busy; /* Lua makes its reply or text: a finalizer that runs meanwhile must not touch it */
} parser;

enum { KEEP = 16 * 1024 }; /* bytes of memory that a parser keeps for its next request */

static parser *check_parser(lua_State *L) {
  parser *p = luaL_checkudata(L, 1, PARSER_TYPE);
  if (p->busy)
    luaL_error(L, "the parser is busy with its reply or request");
  return p;
}

/* parser() -> a parser that waits for a reply */
static int http1_parser(lua_State *L) {
  parser *p = lua_newuserdata(L, sizeof *p);
  p->busy = false;
  lomi_buffer_init(&p->out, LOMI_MAX_HEAD + LOMI_MAX_REQUEST_BODY);
  lomi_buffer_init(&p->head, LOMI_MAX_HEAD);
  lomi_buffer_init(&p->body, LOMI_MAX_REPLY_BODY);
  lomi_http1_init(&p->http1, &p->head, &p->body);
  luaL_setmetatable(L, PARSER_TYPE);
  return 1;
}

/* Upvalues of a parser's methods: functions that make something of a parser. They may raise, in
 * LuaJIT also with the error of a finalizer. */
enum { PUSH_REPLY = 1, PUSH_TEXT };

static int push_reply(lua_State *L) {
  lomi_push_reply(L, &((parser *)lua_touserdata(L, 1))->http1);
  return 1;
}

static int push_text(lua_State *L) {
  const lomi_buffer *out = &((parser *)lua_touserdata(L, 1))->out;
  lua_pushlstring(L, out->len > 0 ? out->data : "", out->len);
  return 1;
}

/* Pushes the reply or the text of the parser at 1, which is busy meanwhile. */
static void push_of(lua_State *L, parser *p, int function) {
  lua_pushvalue(L, lua_upvalueindex(function));
  lua_pushvalue(L, 1);
  p->busy = true;
  int status = lua_pcall(L, 1, 1, 0);
  p->busy = false;
  if (status != 0)
    lua_error(L);
}

/* ---- requests ---- */

/* nil, problem; raises if there was no memory. */
static int refuse(lua_State *L, const char *problem) {
  if (strstr(problem, "out of memory") != NULL)
    return luaL_error(L, "not enough memory");
  lua_pushnil(L);
  lua_pushstring(L, problem);
  return 2;
}

/* lines(fields) -> text | nil, message. Header lines that every request of a client has. `fields`
 * is a sequence name, value, name, value, … */
static int http1_lines(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  char problem[LOMI_PROBLEM];
  http1_parser(L); /* whatever raises, the buffer's memory goes with it */
  lomi_buffer *out = &((parser *)lua_touserdata(L, 2))->out;
  bool written = lomi_write_fields(L, out, 1, problem);
  if (written)
    lua_pushlstring(L, out->len > 0 ? out->data : "", out->len);
  lomi_buffer_free(out); /* nothing that is made while a state is closed is collected */
  return written ? 1 : refuse(L, problem);
}

/* request(method, target, lines, fields [, body]) -> text | nil, message. `lines` come from
 * lines(). */
static int parser_request(lua_State *L) {
  static const lomi_request_at at = {.method = 2, .target = 3, .fields = 5, .body = 6};
  parser *p = check_parser(L);
  size_t lines_len;
  luaL_checktype(L, 2, LUA_TSTRING);
  luaL_checktype(L, 3, LUA_TSTRING);
  const char *lines = luaL_checklstring(L, 4, &lines_len);
  luaL_checktype(L, 5, LUA_TTABLE);
  lua_settop(L, 6);
  if (!lua_isnil(L, 6))
    luaL_checktype(L, 6, LUA_TSTRING);
  char problem[LOMI_PROBLEM];
  lomi_buffer_clear(&p->out, KEEP);
  if (!lomi_write_request(L, &p->out, &at, lines, lines_len, problem))
    return refuse(L, problem);
  push_of(L, p, PUSH_TEXT);
  lomi_buffer_clear(&p->out, KEEP);
  return 1;
}

/* ---- replies ---- */

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

/* reply() -> reply, keep_alive. keep_alive: another request may go over the connection. Raises
 * before "done". The parser then waits for the next reply. */
static int parser_reply(lua_State *L) {
  parser *p = check_parser(L);
  if (lomi_http1_feed(&p->http1, "", 0) != LOMI_HTTP1_DONE)
    luaL_error(L, "there is no reply: feed or eof have not said \"done\"");
  push_of(L, p, PUSH_REPLY);
  lua_pushboolean(L, lomi_http1_keep_alive(&p->http1));
  lomi_http1_init(&p->http1, &p->head, &p->body);
  return 2;
}

/* lost(how) -> as eof(), for a stream that ended in another way: `how` is a word such as "reset" */
static int parser_lost(lua_State *L) {
  parser *p = check_parser(L);
  return push_result(L, p, lomi_http1_lost(&p->http1, luaL_checkstring(L, 2)));
}

/* reset(): forgets everything and waits for the next reply */
static int parser_reset(lua_State *L) {
  parser *p = check_parser(L);
  lomi_http1_init(&p->http1, &p->head, &p->body);
  return 0;
}

static int parser_gc(lua_State *L) {
  parser *p = check_parser(L);
  lomi_buffer_free(&p->out);
  lomi_buffer_free(&p->head);
  lomi_buffer_free(&p->body);
  lomi_http1_init(&p->http1, &p->head, &p->body);
  return 0;
}

static const luaL_Reg parser_methods[] = {
    {"feed", parser_feed},
    {"eof", parser_eof},
    {"lost", parser_lost},
    {"reply", parser_reply},
    {"request", parser_request},
    {"reset", parser_reset},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"lines", http1_lines},
    {"parser", http1_parser},
    {NULL, NULL},
};

int lomi_open_http1(lua_State *L) {
  luaL_newmetatable(L, PARSER_TYPE); /* if it is not new, an earlier try ended half-way */
  luaL_newlibtable(L, parser_methods);
  lua_pushcfunction(L, push_reply);
  lua_pushcfunction(L, push_text);
  luaL_setfuncs(L, parser_methods, 2);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, parser_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  return 1;
}
