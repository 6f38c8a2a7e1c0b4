/* SPDX-License-Identifier: MIT */
/* The Lua application of a server: requests in, replies out. One thread uses it at a time.
 * Knows nothing of libmicrohttpd, and raises nothing to it, whatever the application does.
 *
 * The application is what require(app).new(options) returns, a table with
 *
 *   handle(self, request) -> response, in a coroutine of its own: coroutine.yield(seconds) waits.
 *     request: method, target (as sent), headers (values by name in lower case, without outer
 *       white space; those of a repeated name joined with ", "), body, connection (which accepted
 *       connection this is, from 1)
 *     response: status (200), headers (name = string), body (""), and of these at most one:
 *       drop = true     close without a byte          raw = bytes      these instead of HTTP
 *       reset = true    RST without a byte            trickle = bytes per second, of the body
 *       truncate = n    close after n bytes of the body; with reset = true as well, by a RST
 *   step(self) -> seconds until it wants to be called again, or nil. Optional; called after
 *     events of any kind, too. If it fails, every reply from then on is a 500 that says so.
 *   pollfd(self) -> a descriptor whose being readable is such an event (step must then read it),
 *     or nil. Optional; asked once. */
#ifndef LOMI_HTTPD_APP_H
#define LOMI_HTTPD_APP_H

#include <stdbool.h>
#include <stddef.h>

#include "buffer.h"

struct lua_State;

typedef struct lomi_app_config {
  const char *module;  /* its name; the server's state calls require(module).new(options) */
  const char *options; /* opaque bytes, or NULL for none */
  size_t options_len;
  const char *package_path; /* the server's package.path and package.cpath */
  const char *package_cpath;
} lomi_app_config;

/* Room for the longest error text that is kept; longer ones are cut. */
enum { LOMI_APP_ERROR = 4096 };

typedef struct lomi_httpd_reply {
  bool raw; /* the bytes of `body` and no HTTP, then the end */
  int status;
  lomi_buffer headers; /* "name\0value\0" for each */
  lomi_buffer body;
  bool truncated; /* end after `truncate` bytes of the body, which are fewer than it has */
  bool reset;     /* an early end is a RST */
  size_t truncate;
  double trickle; /* body bytes per second; 0: as fast as they go */
} lomi_httpd_reply;

/* A request, its handler in progress and its reply. The buffers are the server's, to fill and to
 * free. */
typedef struct lomi_app_task {
  const char *method;
  lomi_buffer target, body;
  const lomi_buffer *headers; /* "name\0value\0" for each: names in lower case, values trimmed */
  unsigned long connection;
  struct lua_State *co; /* NULL: the handler does not run */
  int ref;              /* the registry's, which keeps the coroutine alive */
  double seconds;       /* how long it wants to wait */
  lomi_httpd_reply reply;
} lomi_app_task;

typedef struct lomi_app {
  struct lua_State *L; /* owned; NULL when closed */
  bool has_step;
  int pollfd;                 /* the application's, -1 for none */
  char error[LOMI_APP_ERROR]; /* what app:step() raised; not empty: every request is told so */
} lomi_app;

/* A fresh Lua state with the application in it. On false the reason is in app->error; close it
 * all the same. */
bool lomi_app_open(lomi_app *app, const lomi_app_config *config);
void lomi_app_close(lomi_app *app); /* idempotent; every task must have been abandoned or ended */

/* Starts the handler, or resumes it. True: the reply is there; a failure of the application is one,
 * too, a 500 that says what it was. False: the handler wants to be resumed in `seconds`. */
bool lomi_app_run(lomi_app *app, lomi_app_task *task);

/* Ends the handler of a task, in the application's state. Idempotent. */
void lomi_app_abandon(struct lua_State *L, lomi_app_task *task);

/* Calls app:step(): seconds until it wants to be called again, HUGE_VAL for "when something
 * happens". */
double lomi_app_step(lomi_app *app);

/* ---- httpd_reply.c ---- */

void lomi_httpd_reply_clear(lomi_httpd_reply *reply); /* keeps some memory for the next one */

/* Makes it {"error":{"code":…,"message":…,"details":null}}; without memory, a reply of no byte. */
void lomi_httpd_reply_error(lomi_httpd_reply *reply, int status, const char *code,
                            const char *message);

/* Reads the table at stack index t, for lomi_app_run. Raises on anything it cannot make a reply of,
 * at any point: what is in `reply` is then of no use. */
void lomi_httpd_read_reply(struct lua_State *L, int t, lomi_httpd_reply *reply);

#endif
