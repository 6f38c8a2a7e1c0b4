/* SPDX-License-Identifier: MIT */
/* lomi.curl: the Lua face of the engine. Loaded at the first call that needs it.
 *
 * There is one engine in a Lua state, in the registry, whatever the number of its clients: they
 * share its connections. The userdata that engine() gives is one user's queue on it. */
#include "compat.h"
#include "engine.h"
#include "lomi.h"
#include "resident.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define ENGINE "lomi.engine"
#define ANCHOR "lomi.engine.anchor"

enum { MAX_HEADERS = 32 }; /* of a request */

/* Counted: the anchor in the registry and every handle refer to it, and a closing Lua state
 * finalizes them in an order we do not choose. */
typedef struct shared {
  lomi_engine *engine;
  int references;
} shared;

typedef struct handle {
  shared *shared; /* NULL when closed */
  lomi_queue queue;
} handle;

typedef struct anchor {
  shared *shared;
} anchor;

static const char anchor_key = 0; /* its address is the registry key */

static void release(shared **reference) {
  shared *s = *reference;
  *reference = NULL;
  if (s != NULL && --s->references == 0) {
    if (s->engine != NULL)
      lomi_engine_free(s->engine);
    free(s);
  }
}

static int anchor_gc(lua_State *L) {
  anchor *a = luaL_checkudata(L, 1, ANCHOR);
  release(&a->shared);
  return 0;
}

/* The Lua state's engine, made if it has none that is usable. May raise; `a` then holds nothing
 * half made. */
static shared *state_engine(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &anchor_key) != LUA_TUSERDATA) {
    lua_pop(L, 1);
    anchor *made = lua_newuserdata(L, sizeof *made);
    made->shared = NULL;
    luaL_setmetatable(L, ANCHOR);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &anchor_key);
  }
  anchor *a = lua_touserdata(L, -1);
  lua_pop(L, 1); /* the registry has it */
  if (a->shared != NULL && !lomi_engine_usable(a->shared->engine))
    release(&a->shared);
  if (a->shared == NULL) {
    shared *s = calloc(1, sizeof *s);
    if (s != NULL && (s->engine = lomi_engine_new()) == NULL) {
      free(s);
      s = NULL;
    }
    if (s == NULL)
      luaL_error(L, "libcurl cannot be started: out of memory or file descriptors");
    s->references = 1;
    a->shared = s;
  }
  return a->shared;
}

/* The handle. What it had running on an engine that is not usable has ended. */
static handle *check_handle(lua_State *L) {
  handle *h = luaL_checkudata(L, 1, ENGINE);
  luaL_argcheck(L, h->shared != NULL, 1, "the engine is closed");
  if (!lomi_engine_usable(h->shared->engine))
    lomi_queue_orphan(h->shared->engine, &h->queue);
  return h;
}

/* Its engine, another if that is not usable. */
static lomi_engine *engine_of(lua_State *L, handle *h) {
  if (!lomi_engine_usable(h->shared->engine)) {
    shared *fresh = state_engine(L);
    release(&h->shared);
    h->shared = fresh;
    fresh->references++;
  }
  return h->shared->engine;
}

/* ---- submit ------------------------------------------------------------------------------------
 */

/* The request is at index 2. Its fields are read raw: no code of others runs in between. */
enum { REQUEST = 2 };

static int raw_field(lua_State *L, const char *name) {
  lua_pushstring(L, name);
  lua_rawget(L, REQUEST);
  return lua_type(L, -1);
}

/* A string field, left on the stack; NULL if it is absent and may be. */
static const char *field(lua_State *L, const char *name, bool required, size_t *len) {
  int type = raw_field(L, name);
  if (type == LUA_TNIL && !required)
    return NULL;
  if (type != LUA_TSTRING)
    luaL_error(L, "request.%s must be a string, not %s", name, luaL_typename(L, -1));
  const char *text = lua_tolstring(L, -1, len);
  if (strcmp(name, "body") != 0 && memchr(text, '\0', *len) != NULL)
    luaL_error(L, "request.%s holds a NUL byte", name);
  return text;
}

static double seconds(lua_State *L, const char *name) {
  int type = raw_field(L, name);
  double value = lua_tonumber(L, -1);
  if (type != LUA_TNUMBER || !(value > 0))
    luaL_error(L, "request.%s must be a number of seconds above 0", name);
  lua_pop(L, 1);
  return value;
}

static bool breaks_line(const char *text, size_t len) {
  return memchr(text, '\r', len) != NULL || memchr(text, '\n', len) != NULL ||
         memchr(text, '\0', len) != NULL;
}

/* Reads request.headers, left on the stack: the strings stay alive there. */
static size_t read_headers(lua_State *L, lomi_header headers[MAX_HEADERS]) {
  size_t n = 0;
  int type = raw_field(L, "headers");
  if (type == LUA_TNIL)
    return 0;
  if (type != LUA_TTABLE)
    luaL_error(L, "request.headers must be a table, not %s", luaL_typename(L, -1));
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
      luaL_error(L, "request.headers must map names to strings");
    if (n == MAX_HEADERS)
      luaL_error(L, "request.headers has more than %d entries", (int)MAX_HEADERS);
    lomi_header *h = &headers[n++];
    h->name = lua_tolstring(L, -2, &h->name_len);
    h->value = lua_tolstring(L, -1, &h->value_len);
    if (h->name_len == 0 || breaks_line(h->name, h->name_len) ||
        memchr(h->name, ':', h->name_len) != NULL || breaks_line(h->value, h->value_len))
      luaL_error(L, "request.headers has a line break, NUL or colon where none may be");
  }
  return n;
}

/* engine:submit(request) -> id | nil, failure
 * request: method, url, headers (name -> value), body, timeout, connect_timeout (seconds), ca_file,
 * proxy. What is wrong with it is the calling code's bug and raises. */
static int engine_submit(lua_State *L) {
  luaL_checktype(L, REQUEST, LUA_TTABLE);
  lua_settop(L, REQUEST);
  lomi_header headers[MAX_HEADERS];
  size_t len;
  lomi_request r = {.headers = headers};
  r.method = field(L, "method", true, &len);
  r.url = field(L, "url", true, &len);
  r.body = field(L, "body", false, &r.body_len);
  r.ca_file = field(L, "ca_file", false, &len);
  r.proxy = field(L, "proxy", false, &len);
  r.timeout = seconds(L, "timeout");
  r.connect_timeout = seconds(L, "connect_timeout");
  r.header_count = read_headers(L, headers);
  handle *h = check_handle(L); /* now: a finalizer that ran meanwhile may have closed it */
  const char *why = NULL;
  double id = lomi_engine_submit(engine_of(L, h), &h->queue, &r, &why);
  if (id > 0) {
    lua_pushnumber(L, id);
    return 1;
  }
  lua_pushnil(L);
  lua_createtable(L, 0, 3);
  lua_pushliteral(L, "connection");
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, why);
  lua_setfield(L, -2, "message");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "sent");
  return 2;
}

/* ---- step --------------------------------------------------------------------------------------
 */

/* Adds one header line to the table on top of the stack; a name seen before adds to its value. */
static void add_header(lua_State *L, char *line, char *end) {
  char *colon = memchr(line, ':', (size_t)(end - line));
  if (colon == NULL)
    return;
  for (char *c = line; c < colon; c++)
    if (*c >= 'A' && *c <= 'Z')
      *c += 'a' - 'A';
  char *value = colon + 1;
  while (value < end && (*value == ' ' || *value == '\t'))
    value++;
  while (end > value && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
    end--;
  lua_pushlstring(L, line, (size_t)(colon - line));
  lua_pushvalue(L, -1);
  lua_rawget(L, -3);
  bool first = lua_isnil(L, -1);
  if (first)
    lua_pop(L, 1);
  else
    lua_pushliteral(L, ", ");
  lua_pushlstring(L, value, (size_t)(end - value));
  if (!first)
    lua_concat(L, 3);
  lua_rawset(L, -3);
}

static int count_lines(const char *at, const char *end) {
  int lines = 0;
  for (; at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
    lines++;
  return lines;
}

static void push_reply(lua_State *L, lomi_transfer *t) {
  lua_createtable(L, 0, 8); /* room for what the client adds */
  lua_pushinteger(L, (lua_Integer)t->status);
  lua_setfield(L, -2, "status");
  char *line = t->head.data, *end = line + t->head.len;
  lua_createtable(L, 0, count_lines(line, end));
  while (line < end) {
    char *newline = memchr(line, '\n', (size_t)(end - line));
    char *line_end = newline != NULL ? newline : end;
    add_header(L, line, line_end);
    line = line_end + 1;
  }
  lua_setfield(L, -2, "headers");
  lua_pushlstring(L, t->body.len > 0 ? t->body.data : "", t->body.len);
  lua_setfield(L, -2, "body");
}

static void push_failure(lua_State *L, const lomi_transfer *t) {
  static const char *const kinds[] = {
      [LOMI_FAILED_CONNECTION] = "connection",
      [LOMI_FAILED_TIMEOUT] = "timeout",
      [LOMI_FAILED_TLS] = "tls",
      [LOMI_FAILED_PROTOCOL] = "protocol",
  };
  lua_createtable(L, 0, 3);
  lua_pushstring(L, kinds[t->outcome]);
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, t->message);
  lua_setfield(L, -2, "message");
  lua_pushboolean(L, t->sent);
  lua_setfield(L, -2, "sent");
}

/* engine:step([wait]) -> nothing | id, reply | id, nil, failure
 * Does what there is to do, waiting up to `wait` seconds (default 0) for one of this handle's
 * requests to finish. Nothing: none did, none is under way, or a signal came. */
static int engine_step(lua_State *L) {
  handle *h = check_handle(L);
  double wait = luaL_optnumber(L, 2, 0);
  if (h->queue.finished == NULL) {
    lomi_engine *engine = engine_of(L, h);
    double start = lomi_now();
    for (double left = wait; h->queue.finished == NULL;) {
      if (!lomi_engine_drive(engine, h->queue.running != NULL ? left : 0))
        break;
      left = wait - (lomi_now() - start);
      if (left <= 0 || h->queue.running == NULL)
        break;
    }
  }
  lomi_transfer *t = lomi_queue_take(&h->queue);
  if (t == NULL)
    return 0;
  lua_settop(L, 1); /* the handle stays: it keeps what was taken */
  lua_pushnumber(L, t->id);
  if (t->outcome == LOMI_REPLY) {
    push_reply(L, t);
  } else {
    lua_pushnil(L);
    push_failure(L, t);
  }
  lomi_queue_return(&h->queue, t);
  return lua_gettop(L) - 1;
}

/* ---- the rest ----------------------------------------------------------------------------------
 */

/* engine:pollfd() -> a descriptor, readable when step has something to do */
static int engine_pollfd(lua_State *L) {
  lua_pushinteger(L, lomi_engine_fd(engine_of(L, check_handle(L))));
  return 1;
}

/* engine:timeout() -> seconds until step wants to be called whatever the descriptor says; nil:
 * never */
static int engine_timeout(lua_State *L) {
  handle *h = check_handle(L);
  double left = h->queue.finished != NULL ? 0 : lomi_engine_timeout(engine_of(L, h));
  if (left < 0)
    lua_pushnil(L);
  else
    lua_pushnumber(L, left);
  return 1;
}

/* engine:close(): cancels what this handle has under way. The connections stay, for others. */
static int engine_close(lua_State *L) {
  handle *h = luaL_checkudata(L, 1, ENGINE);
  if (h->shared != NULL)
    lomi_queue_close(h->shared->engine, &h->queue);
  release(&h->shared);
  return 0;
}

static int engine_gc(lua_State *L) {
  handle *h = luaL_checkudata(L, 1, ENGINE);
  engine_close(L);
  lomi_queue_free(&h->queue);
  return 0;
}

static int engine_tostring(lua_State *L) {
  handle *h = luaL_checkudata(L, 1, ENGINE);
  if (h->shared == NULL)
    lua_pushliteral(L, "lomi.engine (closed)");
  else
    lua_pushfstring(L, "lomi.engine (%p)", (void *)h);
  return 1;
}

/* curl.engine() -> a handle of its own on the Lua state's engine */
static int curl_engine(lua_State *L) {
  handle *h = lua_newuserdata(L, sizeof *h);
  memset(h, 0, sizeof *h);
  luaL_setmetatable(L, ENGINE);
  h->shared = state_engine(L);
  h->shared->references++;
  return 1;
}

static const luaL_Reg engine_methods[] = {
    {"submit", engine_submit},   {"step", engine_step},   {"pollfd", engine_pollfd},
    {"timeout", engine_timeout}, {"close", engine_close}, {NULL, NULL},
};

static const luaL_Reg engine_metamethods[] = {
    {"__gc", engine_gc},
    {"__close", engine_close},
    {"__tostring", engine_tostring},
    {NULL, NULL},
};

static const luaL_Reg curl_functions[] = {
    {"engine", curl_engine},
    {NULL, NULL},
};

LOMI_EXPORT int luaopen_lomi_curl(lua_State *L);

LOMI_EXPORT int luaopen_lomi_curl(lua_State *L) {
  lomi_stay_loaded(); /* the resolver may have a thread left */
  luaL_newmetatable(L, ANCHOR);
  lua_pushcfunction(L, anchor_gc);
  lua_setfield(L, -2, "__gc");
  luaL_newmetatable(L, ENGINE);
  luaL_setfuncs(L, engine_metamethods, 0);
  luaL_newlib(L, engine_methods);
  lua_setfield(L, -2, "__index");
  luaL_newlib(L, curl_functions);
  lua_pushstring(L, curl_version());
  lua_setfield(L, -2, "version");
  return 1;
}
