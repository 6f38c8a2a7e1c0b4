/* SPDX-License-Identifier: MIT */
#include "httpd_app.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "compat.h"

enum {
  MAX_REPLY_HEADERS = 64 * 1024,
  MAX_REPLY = 64 * 1024 * 1024,
  KEPT = 64 * 1024, /* bytes a cleared reply may hold on to */
};

static const double LONGEST_WAIT = 1e9; /* seconds; also what keeps the clock from overflowing */

typedef struct guarded_call {
  lua_CFunction f;
  void *ud;
} guarded_call;

/* Leaves a text for the error value at the top. */
static void push_error_text(lua_State *L) {
  if (lua_isstring(L, -1) || (luaL_callmeta(L, -1, "__tostring") && lua_isstring(L, -1)))
    return;
  lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, -1));
}

static int run_guarded(lua_State *L) {
  const guarded_call *call = lua_touserdata(L, 1);
  lua_pushcfunction(L, call->f);
  lua_pushlightuserdata(L, call->ud);
  if (lua_pcall(L, 1, 0, 0) == 0)
    return 0;
  push_error_text(L);
  return lua_error(L);
}

/* Runs f(L) with `ud` as its only argument. NULL, or the error's text, which is good until the
 * stack is emptied. Two layers: the inner one for what f raises, the outer one for what making a
 * text of that may raise, and for what LuaJIT allocates to make the call at all. */
static const char *protected_call(lua_State *L, lua_CFunction f, void *ud) {
  guarded_call call = {f, ud};
#if LUA_VERSION_NUM == 501
  int status = lua_cpcall(L, run_guarded, &call);
#else
  lua_pushcfunction(L, run_guarded);
  lua_pushlightuserdata(L, &call);
  int status = lua_pcall(L, 1, 0, 0);
#endif
  if (status == 0)
    return NULL;
  return lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "an error without a text";
}

/* ---- Replies ---- */

void lomi_app_reply_init(lomi_app_reply *reply) {
  memset(reply, 0, sizeof *reply);
  lomi_buffer_init(&reply->headers, MAX_REPLY_HEADERS);
  lomi_buffer_init(&reply->body, MAX_REPLY);
}

void lomi_app_reply_clear(lomi_app_reply *reply) {
  lomi_buffer headers = reply->headers, body = reply->body;
  memset(reply, 0, sizeof *reply);
  lomi_buffer_clear(&headers, KEPT);
  lomi_buffer_clear(&body, KEPT);
  reply->headers = headers;
  reply->body = body;
}

void lomi_app_reply_free(lomi_app_reply *reply) {
  lomi_buffer_free(&reply->headers);
  lomi_buffer_free(&reply->body);
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

void lomi_app_reply_error(lomi_app_reply *reply, int status, const char *code,
                          const char *message) {
  static const char type[] = "Content-Type\0application/json";
  lomi_app_reply_clear(reply);
  reply->status = status;
  bool ok = lomi_buffer_append(&reply->headers, type, sizeof type) == LOMI_BUFFER_OK &&
            append(&reply->body, "{\"error\":{\"code\":\"") && append(&reply->body, code) &&
            append(&reply->body, "\",\"message\":\"") && append_escaped(&reply->body, message) &&
            append(&reply->body, "\",\"details\":null}}");
  if (!ok)
    reply->kind = LOMI_APP_REPLY_DROP;
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

/* An absent field is the empty string. */
static void read_bytes(lua_State *L, int t, const char *field, lomi_buffer *out) {
  lua_getfield(L, t, field);
  if (!lua_isnil(L, -1)) {
    if (lua_type(L, -1) != LUA_TSTRING)
      luaL_error(L, "response.%s must be a string, not %s", field, luaL_typename(L, -1));
    size_t len;
    const char *bytes = lua_tolstring(L, -1, &len);
    append_or_raise(L, out, bytes, len, field);
  }
  lua_pop(L, 1);
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

/* Raises on anything it cannot make a reply of, at any point: the reply is cleared by whoever
 * catches that. */
static void read_reply(lua_State *L, int t, lomi_app_reply *reply) {
  lomi_app_reply_clear(reply);
  if (!lua_istable(L, t))
    luaL_error(L, "app:handle must return a table, not %s", luaL_typename(L, t));

  double status = 200, truncate = 0;
  bool drop = read_flag(L, t, "drop");
  bool raw = read_flag(L, t, "raw");
  bool trickle = read_number(L, t, "trickle", &reply->trickle);
  reply->truncated = read_number(L, t, "truncate", &truncate);
  reply->reset = read_flag(L, t, "reset");
  if (drop + raw + trickle + (reply->truncated || reply->reset) > 1)
    luaL_error(L, "response: of drop, raw, trickle, truncate and reset only the last two go "
                  "together");

  if (drop) {
    reply->kind = LOMI_APP_REPLY_DROP;
    return;
  }
  if (raw) {
    reply->kind = LOMI_APP_REPLY_RAW;
    read_bytes(L, t, "raw", &reply->body);
    return;
  }
  if (reply->reset && !reply->truncated) {
    reply->kind = LOMI_APP_REPLY_RESET;
    return;
  }

  reply->kind = LOMI_APP_REPLY_HTTP;
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

/* ---- Requests ---- */

static void set_string(lua_State *L, const char *field, const char *bytes, size_t len) {
  lua_pushlstring(L, bytes, len);
  lua_setfield(L, -2, field);
}

/* The name as a key: in lower case, whatever the locale. */
static void push_lower(lua_State *L, const char *name, size_t len) {
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (size_t i = 0; i < len; i++) {
    char c = name[i];
    if (c >= 'A' && c <= 'Z')
      c = (char)(c + ('a' - 'A'));
    luaL_addlstring(&b, &c, 1);
  }
  luaL_pushresult(&b);
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/* Into the table on top. */
static void add_header(lua_State *L, const lomi_app_header *h) {
  const char *value = h->value, *end = h->value + h->value_len;
  while (value < end && is_blank(*value))
    value++;
  while (value < end && is_blank(end[-1]))
    end--;
  push_lower(L, h->name, h->name_len);
  lua_pushvalue(L, -1);
  lua_rawget(L, -3); /* headers, name, value so far */
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_pushlstring(L, value, (size_t)(end - value));
  } else {
    lua_pushliteral(L, ", ");
    lua_pushlstring(L, value, (size_t)(end - value));
    lua_concat(L, 3);
  }
  lua_rawset(L, -3);
}

static void push_request(lua_State *L, const lomi_app_request *r) {
  lua_createtable(L, 0, 6);
  set_string(L, "method", r->method, strlen(r->method));
  set_string(L, "target", r->target->data, r->target->len);
  set_string(L, "body", r->body->data, r->body->len);
  lua_pushinteger(L, (lua_Integer)r->connection);
  lua_setfield(L, -2, "connection");
  lua_pushinteger(L, (lua_Integer)r->accepts);
  lua_setfield(L, -2, "accepts");
  lua_createtable(L, 0, (int)r->header_count);
  for (size_t i = 0; i < r->header_count; i++)
    add_header(L, &r->headers[i]);
  lua_setfield(L, -2, "headers");
}

/* ---- Tasks ---- */

typedef struct task_call {
  lomi_app *app;
  lomi_app_task *task;
  const lomi_app_request *request; /* NULL when the task is resumed */
  lomi_app_reply *reply;
  double *seconds;
  lomi_app_status status;
} task_call;

static void acquire_coroutine(lua_State *L, lomi_app *app, lomi_app_task *task) {
  if (app->spares > 0) {
    *task = app->spare[--app->spares];
    return;
  }
  lua_State *co = lua_newthread(L);
  task->ref = luaL_ref(L, LUA_REGISTRYINDEX);
  task->co = co;
}

/* For a coroutine whose function has returned. */
static void release_coroutine(lomi_app *app, lomi_app_task *task) {
  if (app->spares == LOMI_APP_SPARE) {
    lomi_app_abandon(app, task);
    return;
  }
  lua_settop(task->co, 0);
  app->spare[app->spares++] = *task;
  task->co = NULL;
}

/* The coroutine's arguments are made here and moved: an error raised in it while
 * it does not run would have nowhere to go. */
static int run_task(lua_State *L) {
  task_call *call = lua_touserdata(L, 1);
  lomi_app_task *task = call->task;
  int nargs = 0, n = 0;
  if (call->request != NULL) {
    acquire_coroutine(L, call->app, task);
    lua_rawgetp(L, LUA_REGISTRYINDEX, call->app);
    lua_getfield(L, -1, "handle");
    lua_insert(L, -2);
    push_request(L, call->request); /* handle, app, request */
    lua_xmove(L, task->co, 3);
    nargs = 2;
  }

  lua_State *co = task->co;
  switch (lomi_resume(co, L, nargs, &n)) {
  case 0:
    lua_settop(co, 1);
    lua_xmove(co, L, 1);
    release_coroutine(call->app, task);
    read_reply(L, lua_gettop(L), call->reply);
    call->status = LOMI_APP_REPLY;
    return 0;
  case LUA_YIELD: {
    bool number = n > 0 && lua_type(co, -n) == LUA_TNUMBER;
    double seconds = number ? lua_tonumber(co, -n) : -1;
    if (!(seconds >= 0 && seconds <= LONGEST_WAIT))
      return luaL_error(L, "app:handle yielded %s; coroutine.yield takes the seconds to wait",
                        number  ? "a number out of range"
                        : n > 0 ? luaL_typename(co, -n)
                                : "nothing");
    lua_pop(co, n);
    *call->seconds = seconds;
    call->status = LOMI_APP_WAIT;
    return 0;
  }
  default:
    lua_xmove(co, L, 1);
    push_error_text(L);
    luaL_traceback(L, co, lua_tostring(L, -1), 0);
    return lua_error(L);
  }
}

static lomi_app_status call_task(task_call *call) {
  lomi_app *app = call->app;
  if (app->error[0] != '\0') {
    lomi_app_reply_error(call->reply, 500, "internal_error", app->error);
    return LOMI_APP_REPLY;
  }
  const char *trouble = protected_call(app->L, run_task, call);
  if (trouble != NULL) {
    lomi_app_reply_error(call->reply, 500, "internal_error", trouble);
    lua_settop(app->L, 0);
    lomi_app_abandon(app, call->task);
    return LOMI_APP_REPLY;
  }
  return call->status;
}

lomi_app_status lomi_app_handle(lomi_app *app, lomi_app_task *task, const lomi_app_request *request,
                                lomi_app_reply *reply, double *seconds) {
  task_call call = {app, task, request, reply, seconds, LOMI_APP_REPLY};
  return call_task(&call);
}

lomi_app_status lomi_app_resume(lomi_app *app, lomi_app_task *task, lomi_app_reply *reply,
                                double *seconds) {
  task_call call = {app, task, NULL, reply, seconds, LOMI_APP_REPLY};
  return call_task(&call);
}

void lomi_app_abandon(lomi_app *app, lomi_app_task *task) {
  if (task->co != NULL)
    luaL_unref(app->L, LUA_REGISTRYINDEX, task->ref);
  task->co = NULL;
}

/* ---- The application ---- */

typedef struct step_call {
  lomi_app *app;
  double seconds;
} step_call;

static int run_step(lua_State *L) {
  step_call *call = lua_touserdata(L, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, call->app);
  lua_getfield(L, -1, "step");
  lua_insert(L, -2);
  lua_call(L, 1, 1);
  call->seconds = -1;
  if (lua_isnil(L, -1))
    return 0;
  double seconds = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : -1;
  if (!(seconds >= 0))
    return luaL_error(L, "app:step must return seconds or nil, not %s",
                      lua_isnumber(L, -1) ? lua_tostring(L, -1) : luaL_typename(L, -1));
  call->seconds = seconds < LONGEST_WAIT ? seconds : LONGEST_WAIT;
  return 0;
}

double lomi_app_step(lomi_app *app) {
  if (!app->has_step)
    return -1;
  step_call call = {app, -1};
  const char *trouble = protected_call(app->L, run_step, &call);
  if (trouble != NULL) {
    snprintf(app->error, sizeof app->error, "app:step failed: %s", trouble);
    lua_settop(app->L, 0);
    app->has_step = false;
    return -1;
  }
  return call.seconds;
}

typedef struct open_call {
  lomi_app *app;
  const lomi_app_config *config;
} open_call;

static bool has_method(lua_State *L, const char *name) {
  lua_getfield(L, -1, name);
  bool has = lua_isfunction(L, -1);
  lua_pop(L, 1);
  return has;
}

static int run_open(lua_State *L) {
  const open_call *call = lua_touserdata(L, 1);
  const lomi_app_config *config = call->config;
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  set_string(L, "path", config->package_path, strlen(config->package_path));
  set_string(L, "cpath", config->package_cpath, strlen(config->package_cpath));

  lua_getglobal(L, "require");
  lua_pushstring(L, config->module);
  lua_call(L, 1, 1);
  if (!lua_istable(L, -1))
    return luaL_error(L, "module '%s' is a %s, not a table with new", config->module,
                      luaL_typename(L, -1));
  if (!has_method(L, "new"))
    return luaL_error(L, "module '%s' has no function new", config->module);
  lua_getfield(L, -1, "new");
  if (config->options != NULL)
    lua_pushlstring(L, config->options, config->options_len);
  else
    lua_pushnil(L);
  lua_call(L, 1, 1);
  if (!lua_istable(L, -1) || !has_method(L, "handle"))
    return luaL_error(L, "%s.new returned a %s without a method handle", config->module,
                      luaL_typename(L, -1));
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, call->app);

  call->app->has_step = has_method(L, "step");
  if (has_method(L, "pollfd")) {
    lua_getfield(L, -1, "pollfd");
    lua_pushvalue(L, -2);
    lua_call(L, 1, 1);
    if (lua_isnumber(L, -1))
      call->app->pollfd = (int)lua_tonumber(L, -1);
    else if (!lua_isnil(L, -1))
      return luaL_error(L, "app:pollfd must return a descriptor or nil, not %s",
                        luaL_typename(L, -1));
  }
  return 0;
}

bool lomi_app_open(lomi_app *app, const lomi_app_config *config) {
  app->has_step = false;
  app->pollfd = -1;
  app->spares = 0;
  app->error[0] = '\0';
  app->L = luaL_newstate();
  if (app->L == NULL) {
    snprintf(app->error, sizeof app->error, "not enough memory for a Lua state");
    return false;
  }
  open_call call = {app, config};
  const char *trouble = protected_call(app->L, run_open, &call);
  if (trouble != NULL)
    snprintf(app->error, sizeof app->error, "%s", trouble);
  return trouble == NULL;
}

void lomi_app_close(lomi_app *app) {
  if (app->L != NULL)
    lua_close(app->L);
  app->L = NULL;
}
