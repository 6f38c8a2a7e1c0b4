/* SPDX-License-Identifier: MIT */
#include "message_lua.h"
#include "lomi.h"

#include <stdio.h>
#include <string.h>

/* ---- the head of a request --------------------------------------------------------------------
 */

enum { NAME_SHOWN = 48 };

bool lomi_write_fields(lua_State *L, lomi_buffer *out, int fields, char *problem) {
  int count = (int)lua_rawlen(L, fields);
  for (int i = 1; i < count; i += 2) {
    size_t name_len, value_len;
    lua_rawgeti(L, fields, i);
    lua_rawgeti(L, fields, i + 1);
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &name_len) : NULL;
    const char *value = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &value_len) : NULL;
    lua_pop(L, 2); /* the table keeps them */
    const char *wrong = name != NULL && value != NULL
                            ? lomi_http1_put_field(out, name, name_len, value, value_len)
                            : "a header's name and value must be strings";
    if (wrong == NULL)
      continue;
    bool named = name != NULL && lomi_http1_is_token(name, name_len);
    snprintf(problem, LOMI_PROBLEM, "%s%.*s%s%s", named ? "header " : "",
             named ? (int)(name_len < NAME_SHOWN ? name_len : NAME_SHOWN) : 0, named ? name : "",
             named ? ": " : "", wrong);
    return false;
  }
  return true;
}

/* A server may wait for a body unless it is told that there is none. */
static bool needs_length(const char *method, size_t len, bool has_body) {
  return has_body ||
         !(lomi_http1_same_word(method, len, "get") || lomi_http1_same_word(method, len, "delete"));
}

bool lomi_write_request(lua_State *L, lomi_buffer *out, const lomi_request_at *at,
                        const char *lines, size_t lines_len, char *problem) {
  size_t method_len, target_len, body_len = 0;
  const char *method = lua_tolstring(L, at->method, &method_len);
  const char *target = lua_tolstring(L, at->target, &target_len);
  const char *body = lua_tolstring(L, at->body, &body_len);
  const char *wrong = lomi_http1_put_request(out, method, method_len, target, target_len);
  if (wrong == NULL && lomi_buffer_append(out, lines, lines_len) != LOMI_BUFFER_OK)
    wrong = "the head of the request is over its limit";
  if (wrong == NULL && !lomi_write_fields(L, out, at->fields, problem))
    return false;
  if (wrong == NULL && needs_length(method, method_len, body != NULL))
    wrong = lomi_http1_put_length(out, body_len);
  if (wrong == NULL)
    wrong = lomi_http1_put_end(out);
  if (wrong == NULL && out->len > LOMI_MAX_HEAD)
    wrong = "the head of the request is over its limit";
  if (wrong == NULL && lomi_buffer_append(out, body, body_len) != LOMI_BUFFER_OK)
    wrong = "the body is over its limit, or out of memory";
  if (wrong != NULL)
    snprintf(problem, LOMI_PROBLEM, "%s", wrong);
  return wrong == NULL;
}

/* ---- a reply ----------------------------------------------------------------------------------
 */

#define REPLY "lomi.Reply"

/* The value of the header that begins at `name` in a head; NULL: there is none. A program may have
 * changed the head of its reply, so its last value may be missing. */
static const char *value_of(const char *name, const char *end) {
  const char *value = name < end ? name + strlen(name) + 1 : end;
  return value < end ? value : NULL;
}

/* Pushes the value of a header in a reply's `head`; nil if it has none. Names are in lower case. */
static void push_field(lua_State *L, const char *head, size_t head_len, const char *name,
                       size_t name_len) {
  int found = 0;
  const char *at = head, *end = head + head_len, *value;
  for (; (value = value_of(at, end)) != NULL; at = value + strlen(value) + 1) {
    if ((size_t)(value - at) != name_len + 1 || memcmp(at, name, name_len) != 0)
      continue;
    if (found++ > 0)
      lua_pushliteral(L, ", ");
    lua_pushstring(L, value);
    if (found > 1)
      lua_concat(L, 3);
  }
  if (found == 0)
    lua_pushnil(L);
}

void lomi_push_headers(lua_State *L, const char *head, size_t head_len) {
  const char *name = head, *end = head + head_len, *value;
  lua_createtable(L, 0, 12);
  for (; (value = value_of(name, end)) != NULL; name = value + strlen(value) + 1) {
    lua_pushstring(L, name);
    lua_pushvalue(L, -1);
    lua_rawget(L, -3); /* headers, name, its value so far */
    if (lua_isnil(L, -1))
      lua_pushstring(L, value);
    else
      lua_pushfstring(L, "%s, %s", lua_tostring(L, -1), value);
    lua_remove(L, -2);
    lua_rawset(L, -3);
  }
}

/* reply.headers, when it is first asked for */
static int reply_index(lua_State *L) {
  size_t len;
  lua_settop(L, 2);
  if (!lua_istable(L, 1) || lua_type(L, 2) != LUA_TSTRING ||
      strcmp(lua_tostring(L, 2), "headers") != 0)
    return 0;
  lua_pushliteral(L, "head");
  lua_rawget(L, 1);
  const char *head = lua_tolstring(L, -1, &len);
  if (head == NULL)
    return 0;
  lomi_push_headers(L, head, len);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, -2);
  lua_rawset(L, 1);
  return 1;
}

/* Pushes the head of a reply with the request id, which is on top of the stack, at its end: there
 * readers see a name without a value. LuaJIT hashes only some bytes of a long string, the last ones
 * among them. Heads differ in their middle, so hundreds of them would have the same hash. */
static void push_head(lua_State *L, const lomi_http1 *p) {
  size_t id_len = 0;
  const char *id = lua_tolstring(L, -1, &id_len);
  lomi_buffer *head = p->head;
  head->len = p->line;
  lomi_buffer_append(head, id, id_len); /* without room, the head stays as it is */
  lua_pushlstring(L, head->len > 0 ? head->data : "", head->len);
}

void lomi_push_reply(lua_State *L, const lomi_http1 *p) {
  const lomi_buffer *body = p->body;
  lua_createtable(L, 0, 8); /* with what the client adds */
  lua_pushinteger(L, p->status);
  lua_setfield(L, -2, "status");
  lua_pushlstring(L, body->len > 0 ? body->data : "", body->len);
  lua_setfield(L, -2, "body");
  push_field(L, p->head->data, p->line, "x-request-id", 12);
  push_head(L, p);
  lua_setfield(L, -3, "head");
  lua_setfield(L, -2, "request_id");
  push_field(L, p->head->data, p->line, "idempotency-cache-hit", 21);
  bool replayed = lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), "true") == 0;
  lua_pop(L, 1);
  lua_pushboolean(L, replayed);
  lua_setfield(L, -2, "replayed");
  lua_getfield(L, LUA_REGISTRYINDEX, REPLY);
  if (lua_isnil(L, -1)) {
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, reply_index);
    lua_setfield(L, -2, "__index");
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, REPLY); /* once it is whole: there may be no memory */
    lua_replace(L, -2);
  }
  lua_setmetatable(L, -2);
}
