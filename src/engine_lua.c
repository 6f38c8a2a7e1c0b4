/* SPDX-License-Identifier: MIT */
/* lomi.engine: the Lua face of the engine. Loaded at the first call that needs it, since libcurl
 * takes milliseconds to load. types/lomi/engine.lua says what Lua sees. */
#include "compat.h"
#include "engine.h"
#include "lomi.h"
#include "message_lua.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENGINE "lomi.engine"
#define ENDPOINT "lomi.endpoint"

/* An interpreter's handler of Ctrl-C only sets a hook: Lua must run soon for it to act. */
static const double SLICE = 0.05; /* seconds */

/* A handle's engine is replaced when it is not usable any more. Calls that are still in the old one
 * hold it. */
typedef struct held_engine {
  lomi_engine *engine;
  int holders;
  bool stepping; /* the finished exchanges are being taken */
} held_engine;

typedef struct handle {
  held_engine *held; /* NULL: none yet, or closed */
  bool closed;
} handle;

static void let_go(held_engine *held) {
  if (held != NULL && --held->holders == 0) {
    lomi_engine_free(held->engine);
    free(held);
  }
}

static held_engine *make_engine(void) {
  held_engine *held = calloc(1, sizeof *held);
  if (held == NULL)
    return NULL;
  held->engine = lomi_engine_new();
  held->holders = 1;
  if (held->engine != NULL)
    return held;
  free(held);
  return NULL;
}

static const char NO_ENGINE[] = "the engine cannot be started: out of memory or file descriptors";

/* Makes sure that the handle has a usable engine. False: out of memory or descriptors. */
static bool renew(handle *h) {
  if (h->held != NULL && lomi_engine_usable(h->held->engine))
    return true;
  held_engine *fresh = make_engine();
  if (h->held != NULL) {
    lomi_engine_orphan(h->held->engine);
    if (fresh != NULL) {
      lomi_engine_inherit(fresh->engine, h->held->engine);
      let_go(h->held);
    }
  }
  if (fresh != NULL)
    h->held = fresh;
  return fresh != NULL;
}

static handle *check_handle(lua_State *L) {
  handle *h = luaL_checkudata(L, 1, ENGINE);
  if (h->closed)
    luaL_error(L, "the engine is closed");
  return h;
}

/* ---- where to ----------------------------------------------------------------------------------
 */

/* A userdata; its strings are its user value, so that they live as long. */
typedef struct endpoint {
  lomi_endpoint to;
  const char *lines;
  size_t lines_len;
} endpoint;

/* endpoint(origin, lines [, ca_file [, proxy]]) */
static int make_endpoint(lua_State *L) {
  size_t lines_len;
  const char *origin = luaL_checkstring(L, 1);
  const char *lines = luaL_checklstring(L, 2, &lines_len);
  const char *ca_file = luaL_optstring(L, 3, NULL);
  const char *proxy = luaL_optstring(L, 4, NULL);
  lua_settop(L, 4);
  endpoint *made = lua_newuserdata(L, sizeof *made);
  *made = (endpoint){{origin, ca_file, proxy}, lines, lines_len};
  luaL_setmetatable(L, ENDPOINT);
  lua_createtable(L, 4, 0);
  for (int i = 1; i <= 4; i++) {
    lua_pushvalue(L, i);
    lua_rawseti(L, -2, i);
  }
  lua_setuservalue(L, -2);
  return 1;
}

/* ---- an exchange begins ------------------------------------------------------------------------
 */

enum {
  ENDPOINT_ARG = 2,
  METHOD_ARG,
  TARGET_ARG,
  FIELDS_ARG,
  BODY_ARG,
  TIMEOUT_ARG,
  CONNECT_ARG,
  ID_ARG /* of submit */
};

static double check_seconds(lua_State *L, int arg) {
  double seconds = luaL_checknumber(L, arg);
  luaL_argcheck(L, seconds > 0, arg, "a number of seconds above 0 expected");
  return seconds;
}

static int push_failure(lua_State *L, const char *kind, const char *reason, bool sent) {
  lua_pushnil(L);
  lua_createtable(L, 0, 3);
  lua_pushstring(L, kind);
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, reason);
  lua_setfield(L, -2, "message");
  lua_pushboolean(L, sent);
  lua_setfield(L, -2, "sent");
  return 2;
}

/* The arguments of perform and submit. NULL: *problem says why nothing was started. */
static lomi_exchange *begin(lua_State *L, handle *h, bool claimed, const char **kind,
                            char *problem) {
  const endpoint *where = luaL_checkudata(L, ENDPOINT_ARG, ENDPOINT);
  luaL_checktype(L, METHOD_ARG, LUA_TSTRING);
  luaL_checktype(L, TARGET_ARG, LUA_TSTRING);
  luaL_checktype(L, FIELDS_ARG, LUA_TTABLE);
  if (!lua_isnil(L, BODY_ARG))
    luaL_checktype(L, BODY_ARG, LUA_TSTRING);
  double timeout = check_seconds(L, TIMEOUT_ARG);
  double connect_timeout = check_seconds(L, CONNECT_ARG);

  /* From here to the start nothing raises: the exchange belongs to no list yet. */
  *kind = "connection";
  lomi_exchange *x = !h->closed && renew(h) ? lomi_engine_prepare(h->held->engine) : NULL;
  if (x == NULL) {
    snprintf(problem, LOMI_PROBLEM, "%s", h->closed ? "the engine is closed" : NO_ENGINE);
    return NULL;
  }
  static const lomi_request_at at = {METHOD_ARG, TARGET_ARG, FIELDS_ARG, BODY_ARG};
  if (!lomi_write_request(L, &x->out, &at, where->lines, where->lines_len, problem)) {
    *kind = strstr(problem, "out of memory") != NULL ? "connection" : "protocol";
    lomi_engine_release(h->held->engine, x);
    return NULL;
  }
  x->claimed = claimed;
  lomi_engine_start(h->held->engine, x, &where->to, timeout, connect_timeout);
  return x;
}

/* ---- and ends ----------------------------------------------------------------------------------
 */

/* A function that may run out of memory is called protected. It takes its exchange from a box, an
 * upvalue that it shares with its caller: outside of the protected call nothing may be allocated,
 * and in LuaJIT even pushing a C function or a light userdata allocates. A hook may make a call of
 * its own before the box is read, so each writer puts the former exchange back. */
typedef struct box {
  const lomi_exchange *exchange;
} box;

static box *box_at(lua_State *L, int upvalue) {
  return lua_touserdata(L, lua_upvalueindex(upvalue));
}

static int push_exchange(lua_State *L, const lomi_exchange *x) {
  static const char *const kinds[] = {
      [LOMI_FAILED_CONNECTION] = "connection",
      [LOMI_FAILED_TIMEOUT] = "timeout",
      [LOMI_FAILED_TLS] = "tls",
      [LOMI_FAILED_PROTOCOL] = "protocol",
  };
  if (x->failed)
    return push_failure(L, kinds[x->failure], x->reason, x->sent);
  lomi_push_reply(L, &x->http1);
  lua_pushnil(L);
  return 2;
}

/* Upvalue: box. Gives reply | nil, failure. */
static int push_result(lua_State *L) {
  return push_exchange(L, box_at(L, 1)->exchange);
}

/* Upvalues of perform. */
enum { PERFORM_IDLE = 1, PERFORM_BOX, PERFORM_RESULT };

/* Drives the engine until the exchange is done, letting Lua run in between. Non-zero: what ran then
 * raised, and the error is on the stack. */
static int wait_until_done(lua_State *L, held_engine *held, const lomi_exchange *x) {
  while (!x->done) {
    lomi_engine_drive(held->engine, SLICE);
    if (x->done)
      break;
    lua_pushvalue(L, lua_upvalueindex(PERFORM_IDLE)); /* does nothing: hooks act in it */
    int status = lua_pcall(L, 0, 0, 0);
    if (status != 0)
      return status;
    if (!lomi_engine_usable(held->engine))
      lomi_engine_orphan(held->engine);
  }
  return 0;
}

/* perform(endpoint, method, target, fields, body, timeout, connect_timeout) */
static int engine_perform(lua_State *L) {
  handle *h = luaL_checkudata(L, 1, ENGINE);
  const char *kind;
  char problem[LOMI_PROBLEM];
  lua_settop(L, CONNECT_ARG);
  lomi_exchange *x = begin(L, h, true, &kind, problem);
  if (x == NULL)
    return push_failure(L, kind, problem, false);
  held_engine *held = h->held;
  held->holders++; /* a handler of signals may make a call of its own, and replace the engine */
  int status = wait_until_done(L, held, x);
  if (status == 0) {
    box *shared = box_at(L, PERFORM_BOX);
    const lomi_exchange *outer = shared->exchange;
    shared->exchange = x;
    lua_pushvalue(L, lua_upvalueindex(PERFORM_RESULT));
    status = lua_pcall(L, 0, 2, 0);
    shared->exchange = outer;
  }
  lomi_engine_release(held->engine, x);
  let_go(held);
  return status == 0 ? 2 : lua_error(L);
}

/* submit(endpoint, method, target, fields, body, timeout, connect_timeout [, id]) */
static int engine_submit(lua_State *L) {
  handle *h = luaL_checkudata(L, 1, ENGINE);
  const char *kind;
  char problem[LOMI_PROBLEM];
  lua_settop(L, ID_ARG);
  lomi_exchange *x = begin(L, h, false, &kind, problem);
  if (x == NULL)
    return push_failure(L, kind, problem, false);
  if (lua_type(L, ID_ARG) == LUA_TNUMBER)
    x->id = lua_tonumber(L, ID_ARG);
  lua_pushnumber(L, x->id);
  return 1;
}

/* Appends an exchange's id and its reply or failure to a table, its argument. Upvalue: box. */
static int append_result(lua_State *L) {
  const lomi_exchange *x = box_at(L, 1)->exchange;
  int end = (int)lua_rawlen(L, 1);
  push_exchange(L, x);
  if (!x->failed)
    lua_pop(L, 1);
  lua_pushnumber(L, x->id);
  lua_rawseti(L, 1, end + 1);
  lua_rawseti(L, 1, end + 2);
  return 0;
}

/* Upvalues of step. */
enum { STEP_BOX = 1, STEP_APPEND };

static void drive_until_finished(lomi_engine *e, double wait) {
  double end = wait > 0 ? lomi_now() + wait : 0;
  double left = wait;
  while (lomi_engine_usable(e) && lomi_engine_finished(e) == NULL) {
    if (!lomi_engine_drive(e, lomi_engine_running(e) > 0 && left > 0 ? left : 0))
      return;
    left = end > 0 ? end - lomi_now() : 0;
    if (left <= 0 || lomi_engine_running(e) == 0)
      return;
  }
}

/* step(inbox [, seconds]) */
static int engine_step(lua_State *L) {
  handle *h = check_handle(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  double wait = luaL_optnumber(L, 3, 0);
  lua_settop(L, 2);
  renew(h);
  held_engine *held = h->held;
  if (held == NULL || held->stepping) /* a finalizer steps while results are made */
    return 0;
  int status = 0;
  held->holders++;
  held->stepping = true;
  drive_until_finished(held->engine, wait);
  for (lomi_exchange *x; status == 0 && (x = lomi_engine_finished(held->engine)) != NULL;) {
    lomi_engine_take(x);
    box *shared = box_at(L, STEP_BOX);
    const lomi_exchange *outer = shared->exchange;
    shared->exchange = x;
    lua_pushvalue(L, lua_upvalueindex(STEP_APPEND));
    lua_pushvalue(L, 2);
    status = lua_pcall(L, 1, 0, 0);
    shared->exchange = outer;
    if (status == 0)
      lomi_engine_release(held->engine, x);
    else /* a finalizer may have made the handle take another engine */
      lomi_engine_untake(h->held != NULL ? h->held->engine : held->engine, x);
  }
  int entries = (int)lua_rawlen(L, 2);
  if (entries % 2 != 0) { /* there was no memory for the result behind the id */
    lua_pushnil(L);
    lua_rawseti(L, 2, entries);
  }
  held->stepping = false;
  let_go(held);
  return status == 0 ? 0 : lua_error(L);
}

/* ---- the rest ----------------------------------------------------------------------------------
 */

static int engine_pollfd(lua_State *L) {
  handle *h = check_handle(L);
  if (!renew(h))
    return luaL_error(L, "%s", NO_ENGINE);
  lua_pushinteger(L, lomi_engine_fd(h->held->engine));
  return 1;
}

static int engine_timeout(lua_State *L) {
  handle *h = check_handle(L);
  lomi_engine *e = h->held != NULL ? h->held->engine : NULL;
  double left = -1;
  if (e != NULL && lomi_engine_usable(e))
    left = lomi_engine_timeout(e);
  else if (e != NULL && (lomi_engine_running(e) > 0 || lomi_engine_finished(e) != NULL))
    left = 0; /* step tells what became of them */
  if (left < 0)
    lua_pushnil(L);
  else
    lua_pushnumber(L, left);
  return 1;
}

static int engine_running(lua_State *L) {
  handle *h = check_handle(L);
  lua_pushinteger(L, h->held != NULL ? (lua_Integer)lomi_engine_running(h->held->engine) : 0);
  return 1;
}

static int engine_cancel(lua_State *L) {
  handle *h = check_handle(L);
  if (renew(h))
    lomi_engine_cancel(h->held->engine);
  return 0;
}

/* drop_idle(endpoint) */
static int engine_drop_idle(lua_State *L) {
  handle *h = luaL_checkudata(L, 1, ENGINE);
  const endpoint *where = luaL_checkudata(L, 2, ENDPOINT);
  if (h->held != NULL && lomi_engine_usable(h->held->engine))
    lomi_engine_drop_idle(h->held->engine, &where->to);
  return 0;
}

static int engine_close(lua_State *L) {
  handle *h = luaL_checkudata(L, 1, ENGINE);
  held_engine *held = h->held;
  h->held = NULL;
  h->closed = true;
  let_go(held);
  return 0;
}

static int engine_tostring(lua_State *L) {
  handle *h = luaL_checkudata(L, 1, ENGINE);
  if (h->closed)
    lua_pushliteral(L, "lomi.engine (closed)");
  else
    lua_pushfstring(L, "lomi.engine (%p)", (void *)h);
  return 1;
}

static int refuse(lua_State *L) {
  lua_pushnil(L);
  lua_pushstring(L, NO_ENGINE);
  return 2;
}

static int engine_new(lua_State *L) {
  handle *h = lua_newuserdata(L, sizeof *h);
  *h = (handle){NULL, false};
  luaL_setmetatable(L, ENGINE);
  return renew(h) ? 1 : refuse(L);
}

/* In the registry, so that test runners that load modules anew share its connections, too. */
static int engine_shared(lua_State *L) {
  static const char key = 0; /* its address is the registry's key */
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &key) != LUA_TUSERDATA) {
    if (engine_new(L) != 1)
      return 2;
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
  }
  return 1;
}

static const luaL_Reg engine_methods[] = {
    {"submit", engine_submit},   {"pollfd", engine_pollfd},
    {"timeout", engine_timeout}, {"running", engine_running},
    {"cancel", engine_cancel},   {"drop_idle", engine_drop_idle},
    {"close", engine_close},     {NULL, NULL},
};

static const luaL_Reg engine_metamethods[] = {
    {"__gc", engine_close},
    {"__close", engine_close},
    {"__tostring", engine_tostring},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"endpoint", make_endpoint},
    {"new", engine_new},
    {"shared", engine_shared},
    {NULL, NULL},
};

/* Adds perform and step to the table on top of the stack. */
static void push_calls(lua_State *L) {
  int methods = lua_gettop(L), shared = methods + 1;
  *(box *)lua_newuserdata(L, sizeof(box)) = (box){NULL};
  if (luaL_loadstring(L, "return") != 0)
    lua_error(L);
  lua_pushvalue(L, shared);
  lua_pushvalue(L, shared);
  lua_pushcclosure(L, push_result, 1);
  lua_pushcclosure(L, engine_perform, 3);
  lua_setfield(L, methods, "perform");
  lua_pushvalue(L, shared);
  lua_pushvalue(L, shared);
  lua_pushcclosure(L, append_result, 1);
  lua_pushcclosure(L, engine_step, 2);
  lua_setfield(L, methods, "step");
  lua_settop(L, methods);
}

LOMI_EXPORT int luaopen_lomi_engine(lua_State *L);

LOMI_EXPORT int luaopen_lomi_engine(lua_State *L) {
  lomi_stay_loaded(); /* the resolver may have a thread left */
  luaL_newmetatable(L, ENDPOINT);
  luaL_newmetatable(L, ENGINE);
  luaL_setfuncs(L, engine_metamethods, 0);
  luaL_newlib(L, engine_methods);
  push_calls(L);
  lua_setfield(L, -2, "__index");
  luaL_newlib(L, functions);
  const char *tls, *version = lomi_connector_version(&tls);
  lua_pushfstring(L, "libcurl/%s %s", version, tls);
  lua_setfield(L, -2, "version");
  lua_pushstring(L, lomi_connector_ca_file());
  lua_setfield(L, -2, "ca_file");
  return 1;
}
