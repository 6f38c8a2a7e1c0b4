/* SPDX-License-Identifier: MIT */
#include "httpd_app.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compat.h"
#include "message_lua.h"

static const double LONGEST_WAIT = 1e9; /* seconds */
static const char APP = 'a';            /* its address is the application's key in the registry */

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

/* ---- Requests ---- */

static void set_string(lua_State *L, const char *field, const char *bytes, size_t len) {
  lua_pushlstring(L, bytes, len);
  lua_setfield(L, -2, field);
}

static void push_request(lua_State *L, const lomi_app_task *r) {
  lua_createtable(L, 0, 5);
  set_string(L, "method", r->method, strlen(r->method));
  set_string(L, "target", r->target.data, r->target.len);
  set_string(L, "body", r->body.data, r->body.len);
  lomi_push_headers(L, r->headers->data, r->headers->len);
  lua_setfield(L, -2, "headers");
  lua_pushinteger(L, (lua_Integer)r->connection);
  lua_setfield(L, -2, "connection");
}

/* ---- Tasks ---- */

/* Pushes the application's method, and the application. */
static void push_method(lua_State *L, const char *name) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &APP);
  lua_getfield(L, -1, name);
  lua_insert(L, -2);
}

void lomi_app_abandon(lua_State *L, lomi_app_task *task) {
  if (task->co != NULL)
    luaL_unref(L, LUA_REGISTRYINDEX, task->ref);
  task->co = NULL;
}

/* The coroutine's arguments are made here and moved: an error raised in it while
 * it does not run would have nowhere to go. */
static int run_task(lua_State *L) {
  lomi_app_task *task = lua_touserdata(L, 1);
  lua_State *co = task->co;
  int nargs = 0, n = 0;
  if (co == NULL) {
    co = lua_newthread(L);
    task->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    task->co = co;
    push_method(L, "handle");
    push_request(L, task); /* handle, app, request */
    lua_xmove(L, co, 3);
    nargs = 2;
  }

  switch (lomi_resume(co, L, nargs, &n)) {
  case 0:
    lua_settop(co, 1);
    lua_xmove(co, L, 1);
    lomi_app_abandon(L, task);
    lomi_httpd_read_reply(L, lua_gettop(L), &task->reply);
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
    task->seconds = seconds;
    return 0;
  }
  default:
    lua_xmove(co, L, 1);
    push_error_text(L);
    luaL_traceback(L, co, lua_tostring(L, -1), 0);
    return lua_error(L);
  }
}

bool lomi_app_run(lomi_app *app, lomi_app_task *task) {
  const char *failure = app->error;
  if (failure[0] == '\0')
    failure = protected_call(app->L, run_task, task);
  if (failure == NULL)
    return task->co == NULL;
  lomi_httpd_reply_error(&task->reply, 500, "internal_error", failure);
  lua_settop(app->L, 0);
  lomi_app_abandon(app->L, task);
  return true;
}

/* ---- The application ---- */

static int run_step(lua_State *L) {
  double *due = lua_touserdata(L, 1);
  push_method(L, "step");
  lua_call(L, 1, 1);
  if (lua_isnil(L, -1))
    return 0;
  double seconds = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : -1;
  if (!(seconds >= 0))
    return luaL_error(L, "app:step must return seconds or nil, not %s",
                      lua_isnumber(L, -1) ? lua_tostring(L, -1) : luaL_typename(L, -1));
  *due = seconds;
  return 0;
}

double lomi_app_step(lomi_app *app) {
  double seconds = HUGE_VAL;
  const char *failure = app->has_step ? protected_call(app->L, run_step, &seconds) : NULL;
  if (failure != NULL) {
    snprintf(app->error, sizeof app->error, "app:step failed: %s", failure);
    lua_settop(app->L, 0);
    app->has_step = false;
  }
  return seconds;
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
  if (!lua_istable(L, -1) || !has_method(L, "new"))
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
  lua_rawsetp(L, LUA_REGISTRYINDEX, &APP);

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
    if (call->app->pollfd >= 0 && fcntl(call->app->pollfd, F_GETFD) < 0)
      return luaL_error(L, "app:pollfd returned %d, which is no open descriptor",
                        call->app->pollfd);
  }
  return 0;
}

bool lomi_app_open(lomi_app *app, const lomi_app_config *config) {
  app->has_step = false;
  app->pollfd = -1;
  app->error[0] = '\0';
  app->L = luaL_newstate();
  if (app->L == NULL) {
    snprintf(app->error, sizeof app->error, "not enough memory for a Lua state");
    return false;
  }
  open_call call = {app, config};
  const char *failure = protected_call(app->L, run_open, &call);
  if (failure != NULL)
    snprintf(app->error, sizeof app->error, "%s", failure);
  return failure == NULL;
}

void lomi_app_close(lomi_app *app) {
  if (app->L != NULL)
    lua_close(app->L);
  app->L = NULL;
}
