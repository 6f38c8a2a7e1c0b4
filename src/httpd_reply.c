/* SPDX-License-Identifier: MIT */
/* A reply of the server, read from the table that the Lua application gives. Run by the thread that
 * runs the application. */
#include "httpd_app.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compat.h"

enum { KEPT = 64 * 1024 }; /* bytes a cleared reply may hold on to */

void lomi_httpd_reply_clear(lomi_httpd_reply *reply) {
  lomi_buffer_clear(&reply->headers, KEPT);
  lomi_buffer_clear(&reply->body, KEPT);
  reply->raw = reply->truncated = reply->reset = false;
  reply->trickle = 0;
}

static bool append(lomi_buffer *b, const char *text) {
  return lomi_buffer_append(b, text, strlen(text)) == LOMI_BUFFER_OK;
}

/* Writes the inside of a JSON string. UTF-8 passes as it is. */
static bool append_escaped(lomi_buffer *b, const char *text) {
  static const char special[] = "\"\\\n\t", letter[] = "\"\\nt";
  for (; *text != '\0'; text++) {
    const char *found = strchr(special, *text);
    char escape[8] = {*text, '\0'};
    if (found != NULL)
      snprintf(escape, sizeof escape, "\\%c", letter[found - special]);
    else if ((unsigned char)*text < 0x20)
      snprintf(escape, sizeof escape, "\\u%04x", (unsigned)*text);
    if (!append(b, escape))
      return false;
  }
  return true;
}

void lomi_httpd_reply_error(lomi_httpd_reply *reply, int status, const char *code,
                            const char *message) {
  static const char type[] = "Content-Type\0application/json";
  lomi_httpd_reply_clear(reply);
  reply->status = status;
  bool ok = lomi_buffer_append(&reply->headers, type, sizeof type) == LOMI_BUFFER_OK &&
            append(&reply->body, "{\"error\":{\"code\":\"") && append(&reply->body, code) &&
            append(&reply->body, "\",\"message\":\"") && append_escaped(&reply->body, message) &&
            append(&reply->body, "\",\"details\":null}}");
  if (ok)
    return;
  lomi_httpd_reply_clear(reply);
  reply->raw = true;
}

/* Raises if the buffer cannot take it. */
static void append_or_raise(lua_State *L, lomi_buffer *b, const char *bytes, size_t n,
                            const char *what) {
  switch (lomi_buffer_append(b, bytes, n)) {
  case LOMI_BUFFER_OK: return;
  case LOMI_BUFFER_FULL: luaL_error(L, "%s: more than %d bytes", what, (int)b->cap); return;
  case LOMI_BUFFER_NOMEM: luaL_error(L, "%s: not enough memory", what); return;
  }
}

static void read_headers(lua_State *L, int t, lomi_buffer *out) {
  lua_getfield(L, t, "headers");
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  if (!lua_istable(L, -1))
    luaL_error(L, "response.headers must be a table, not %s", luaL_typename(L, -1));
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    size_t name_len, value_len;
    if (lua_type(L, -2) != LUA_TSTRING || !lua_isstring(L, -1))
      luaL_error(L, "response.headers must be name = string, not %s = %s", luaL_typename(L, -2),
                 luaL_typename(L, -1));
    const char *name = lua_tolstring(L, -2, &name_len);
    const char *value = lua_tolstring(L, -1, &value_len);
    if (strlen(name) != name_len || strlen(value) != value_len)
      luaL_error(L, "response.headers: %s contains a NUL", name);
    append_or_raise(L, out, name, name_len + 1, "response.headers");
    append_or_raise(L, out, value, value_len + 1, "response.headers");
  }
  lua_pop(L, 1);
}

/* False if the field is absent. */
static bool read_bytes(lua_State *L, int t, const char *field, lomi_buffer *out) {
  lua_getfield(L, t, field);
  bool present = !lua_isnil(L, -1);
  if (present) {
    if (lua_type(L, -1) != LUA_TSTRING)
      luaL_error(L, "response.%s must be a string, not %s", field, luaL_typename(L, -1));
    size_t len;
    const char *bytes = lua_tolstring(L, -1, &len);
    append_or_raise(L, out, bytes, len, field);
  }
  lua_pop(L, 1);
  return present;
}

/* False if the field is absent; raises unless it is a finite number. */
static bool read_number(lua_State *L, int t, const char *field, double *n) {
  lua_getfield(L, t, field);
  bool present = !lua_isnil(L, -1);
  if (present) {
    if (lua_type(L, -1) != LUA_TNUMBER || !isfinite(lua_tonumber(L, -1)))
      luaL_error(L, "response.%s must be a number", field);
    *n = lua_tonumber(L, -1);
  }
  lua_pop(L, 1);
  return present;
}

static bool read_flag(lua_State *L, int t, const char *field) {
  lua_getfield(L, t, field);
  bool flag = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return flag;
}

void lomi_httpd_read_reply(lua_State *L, int t, lomi_httpd_reply *reply) {
  lomi_httpd_reply_clear(reply);
  if (!lua_istable(L, t))
    luaL_error(L, "app:handle must return a table, not %s", luaL_typename(L, t));

  double status = 200, truncate = 0;
  bool drop = read_flag(L, t, "drop");
  bool raw = read_bytes(L, t, "raw", &reply->body);
  bool trickle = read_number(L, t, "trickle", &reply->trickle);
  reply->truncated = read_number(L, t, "truncate", &truncate);
  reply->reset = read_flag(L, t, "reset");
  if (drop + raw + trickle + (reply->truncated || reply->reset) > 1)
    luaL_error(L, "response: of drop, raw, trickle, truncate and reset only the last two go "
                  "together");

  reply->raw = drop || raw || (reply->reset && !reply->truncated);
  if (reply->raw)
    return;

  read_number(L, t, "status", &status);
  if (status < 200 || status > 999 || status != floor(status))
    luaL_error(L, "response.status must be a whole number from 200 to 999");
  reply->status = (int)status;
  read_headers(L, t, &reply->headers);
  read_bytes(L, t, "body", &reply->body);
  if (trickle && reply->trickle <= 0)
    luaL_error(L, "response.trickle must be more than 0 bytes per second");
  if (reply->truncated) {
    if (truncate < 0 || truncate != floor(truncate) || truncate >= (double)reply->body.len)
      luaL_error(L, "response.truncate must be a whole number of bytes, fewer than the body's %d",
                 (int)reply->body.len);
    reply->truncate = (size_t)truncate;
  }
}
