/* SPDX-License-Identifier: MIT */
/* The Lua application of a server: requests in, replies out. One thread uses it at a time.
 * Nothing here raises, whatever the application does; knows nothing of libmicrohttpd.
 *
 * The application is what require(app).new(options) returns, a table with
 *
 *   handle(self, request) -> response, in a coroutine of its own: coroutine.yield(seconds) waits.
 *     request: method, target (as sent), headers (values by name in lower case, without outer
 *       white space; those of a repeated name joined with ", "), body, connection (which accepted
 *       connection this is, from 1), accepts (how many so far)
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

/* A handler in progress: the coroutine, and the registry reference that keeps it alive. */
typedef struct lomi_app_task {
  struct lua_State *co; /* NULL: none */
  int ref;
} lomi_app_task;

enum { LOMI_APP_SPARE = 32 };

typedef struct lomi_app {
  struct lua_State *L; /* owned; NULL when closed */
  bool has_step;
  int pollfd;                          /* the application's, -1 for none */
  lomi_app_task spare[LOMI_APP_SPARE]; /* coroutines that ended well and can run again */
  int spares;
  char error[LOMI_APP_ERROR]; /* what app:step() raised; not empty: every request is told so */
} lomi_app;

typedef struct lomi_app_header {
  const char *name, *value;
  size_t name_len, value_len;
} lomi_app_header;

/* Everything borrowed for the duration of lomi_app_handle(). */
typedef struct lomi_app_request {
  const char *method;
  const lomi_buffer *target, *body;
  const lomi_app_header *headers; /* in the order received */
  size_t header_count;
  unsigned long connection, accepts;
} lomi_app_request;

typedef enum {
  LOMI_APP_REPLY_HTTP,  /* a reply as HTTP has it, with the faults of `truncate` and `trickle` */
  LOMI_APP_REPLY_DROP,  /* close without a byte */
  LOMI_APP_REPLY_RESET, /* RST without a byte */
  LOMI_APP_REPLY_RAW,   /* `body` as it is, then close */
} lomi_app_reply_kind;

typedef struct lomi_app_reply {
  lomi_app_reply_kind kind;
  int status;
  lomi_buffer headers; /* "name\0value\0" for each */
  lomi_buffer body;
  bool truncated; /* end after `truncate` bytes of the body, which are fewer than it has */
  bool reset;     /* … with a RST */
  size_t truncate;
  double trickle; /* body bytes per second; 0: as fast as they go */
} lomi_app_reply;

void lomi_app_reply_init(lomi_app_reply *reply);
void lomi_app_reply_clear(lomi_app_reply *reply); /* keeps some memory for the next one */
void lomi_app_reply_free(lomi_app_reply *reply);

/* Makes it {"error":{"code":…,"message":…,"details":null}}, or a drop when out of memory. */
void lomi_app_reply_error(lomi_app_reply *reply, int status, const char *code, const char *message);

/* A fresh Lua state with the application in it. On false the reason is in app->error; close it
 * all the same. */
bool lomi_app_open(lomi_app *app, const lomi_app_config *config);
void lomi_app_close(lomi_app *app); /* idempotent; every task must have been abandoned or ended */

typedef enum {
  LOMI_APP_REPLY, /* the reply is filled in, the task has ended */
  LOMI_APP_WAIT,  /* the task wants to be resumed in `seconds` */
} lomi_app_status;

/* Trouble in the application is a reply too: a 500 that says what it was. */
lomi_app_status lomi_app_handle(lomi_app *app, lomi_app_task *task, const lomi_app_request *request,
                                lomi_app_reply *reply, double *seconds);
lomi_app_status lomi_app_resume(lomi_app *app, lomi_app_task *task, lomi_app_reply *reply,
                                double *seconds);
void lomi_app_abandon(lomi_app *app, lomi_app_task *task); /* idempotent */

/* Calls app:step(): seconds until it wants to be called again, negative for "when something
 * happens". */
double lomi_app_step(lomi_app *app);

#endif
