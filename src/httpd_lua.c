/* SPDX-License-Identifier: MIT */
/* luaopen_lomi_httpd: the starter's side of a server, in Lua.
 *
 *   server, err = httpd.start { app =, options =, host =, port =, tls_cert =, tls_key =,
 *                               reserved = a target's beginning, connection_memory = bytes,
 *                               patience = seconds }
 *   server:port()  server:stop()
 *
 * `app` names a module and is all that must be there. The form of that module is described in
 * httpd_app.h. Misuse raises; a port in use or an application that does not start is nil, err. */
#include "httpd.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <string.h>

#include "compat.h"
#include "lomi.h"

#define SERVER "lomi.httpd.server"

/* Kept in the registry, under its own address, until stopped: a server that nobody holds on to
 * still serves. */
typedef struct handle {
  struct lomi_httpd *server; /* NULL before the start and after the stop */
  int port;
} handle;

static int option_error(lua_State *L, const char *name, const char *expected, int value) {
  return luaL_argerror(
      L, 1, lua_pushfstring(L, "%s must be %s, not %s", name, expected, luaL_typename(L, value)));
}

/* NULL if absent. The string is pushed and left there, so that it lives as long as the call. */
static const char *string_option(lua_State *L, const char *name, size_t *len) {
  lua_getfield(L, 1, name);
  if (lua_isnil(L, -1))
    return NULL;
  if (lua_type(L, -1) != LUA_TSTRING)
    option_error(L, name, "a string", -1);
  size_t length;
  const char *s = lua_tolstring(L, -1, &length);
  if (len != NULL)
    *len = length;
  else if (strlen(s) != length)
    luaL_argerror(L, 1, lua_pushfstring(L, "%s contains a NUL", name));
  return s;
}

static int whole_option(lua_State *L, const char *name, int least, int most, int otherwise) {
  lua_getfield(L, 1, name);
  if (lua_isnil(L, -1))
    return otherwise;
  const char *expected = lua_pushfstring(L, "a whole number from %d to %d", least, most);
  if (lua_type(L, -2) != LUA_TNUMBER)
    option_error(L, name, expected, -2);
  lua_Number value = lua_tonumber(L, -2);
  if (!(value >= least && value <= most) || value != (int)value)
    luaL_argerror(L, 1, lua_pushfstring(L, "%s must be %s", name, expected));
  return (int)value;
}

/* package.path or package.cpath, as pushed; an empty string if somebody took it away. */
static const char *package_field(lua_State *L, const char *name) {
  lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
  lua_getfield(L, -1, "package");
  if (lua_istable(L, -1))
    lua_getfield(L, -1, name);
  if (lua_type(L, -1) != LUA_TSTRING)
    lua_pushliteral(L, "");
  return lua_tostring(L, -1);
}

static int httpd_start(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  luaL_checkstack(L, 30, NULL);
  lomi_httpd_config config = {0};
  config.app.module = string_option(L, "app", NULL);
  if (config.app.module == NULL)
    return option_error(L, "app", "the name of a module", -1);
  config.app.options = string_option(L, "options", &config.app.options_len);
  config.host = string_option(L, "host", NULL);
  if (config.host == NULL)
    config.host = "127.0.0.1";
  config.port = whole_option(L, "port", 0, 65535, 0);
  config.reserved = string_option(L, "reserved", NULL);
  config.connection_memory =
      whole_option(L, "connection_memory", 16 * 1024, 16 * 1024 * 1024, 256 * 1024);
  config.patience = whole_option(L, "patience", 1, 3600, 60);
  config.tls_cert = string_option(L, "tls_cert", NULL);
  config.tls_key = string_option(L, "tls_key", NULL);
  if ((config.tls_cert == NULL) != (config.tls_key == NULL))
    return luaL_argerror(L, 1, "tls_cert and tls_key go together");
  config.app.package_path = package_field(L, "path");
  config.app.package_cpath = package_field(L, "cpath");

  handle *h = lua_newuserdata(L, sizeof *h);
  memset(h, 0, sizeof *h);
  luaL_getmetatable(L, SERVER);
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, h);

  char error[2048];
  h->server = lomi_httpd_start(&config, &h->port, error, sizeof error);
  if (h->server == NULL) {
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, h);
    lua_pushnil(L);
    lua_pushstring(L, error);
    return 2;
  }
  return 1;
}

static int server_port(lua_State *L) {
  const handle *h = luaL_checkudata(L, 1, SERVER);
  lua_pushinteger(L, h->port);
  return 1;
}

/* Also __gc and __close. */
static int server_stop(lua_State *L) {
  handle *h = luaL_checkudata(L, 1, SERVER);
  struct lomi_httpd *server = h->server;
  h->server = NULL;
  if (server != NULL) {
    lomi_httpd_stop(server);
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, h);
  }
  return 0;
}

static int server_tostring(lua_State *L) {
  const handle *h = luaL_checkudata(L, 1, SERVER);
  lua_pushfstring(L, "lomi.httpd: port %d%s", h->port, h->server != NULL ? "" : " (stopped)");
  return 1;
}

static const luaL_Reg functions[] = {{"start", httpd_start}, {NULL, NULL}};

static const luaL_Reg methods[] = {{"port", server_port}, {"stop", server_stop}, {NULL, NULL}};

static const luaL_Reg metamethods[] = {
    {"__gc", server_stop}, {"__close", server_stop}, {"__tostring", server_tostring}, {NULL, NULL}};

LOMI_EXPORT int luaopen_lomi_httpd(lua_State *L);

int luaopen_lomi_httpd(lua_State *L) {
  lomi_stay_loaded();
  luaL_newmetatable(L, SERVER); /* if it is not new, an earlier try ended half-way */
  luaL_setfuncs(L, metamethods, 0);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  luaL_newlib(L, functions);
  lua_pushstring(L, MHD_get_version());
  lua_setfield(L, -2, "version");
  return 1;
}
