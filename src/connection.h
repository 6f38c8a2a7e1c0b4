/* SPDX-License-Identifier: MIT */
/* One connection, made by libcurl (names, both address families, proxies, TLS), then used by us:
 * bytes out, bytes in. Knows nothing of Lua, and nothing of HTTP beyond the proxy's CONNECT.
 *
 * Whether a connection is used again is decided in engine.c (`idle_take`, `succeed`,
 * `lomi_engine_drop_idle`), with lomi_http1_keep_alive(). nginx has connections of its own, see
 * transport/nginx.lua.
 */
#ifndef LOMI_CONNECTION_H
#define LOMI_CONNECTION_H

#include "connector.h"

#include <stdbool.h>
#include <stddef.h>

/* Where a connection leads. Two requests may share a connection if all three are equal. */
typedef struct lomi_endpoint {
  const char *origin;  /* scheme://host[:port] */
  const char *ca_file; /* NULL: libcurl's own */
  const char *proxy;   /* NULL: from the environment; "": none */
} lomi_endpoint;

typedef enum {
  LOMI_FAILED_CONNECTION,
  LOMI_FAILED_TIMEOUT,
  LOMI_FAILED_TLS, /* distrust: another attempt would fail likewise */
  LOMI_FAILED_PROTOCOL,
} lomi_failure;

typedef struct lomi_connection {
  lomi_connector *connector;
  void *easy;             /* libcurl's handle */
  int fd;                 /* -1 until connected */
  lomi_endpoint endpoint; /* its strings are the connection's own */
  bool encrypted;         /* bytes go through libcurl's TLS; otherwise straight to the socket */
  bool starved;           /* no descriptor was left for its socket */
  bool failed;            /* it could not connect: see `failure` and `reason` */
  lomi_failure failure;
  char reason[400];

  /* The engine's. */
  void *exchange; /* that uses it now; NULL: idle */
  double idle_since;
  struct lomi_connection *prev, *next;
} lomi_connection;

typedef enum {
  LOMI_IO_OK,
  LOMI_IO_AGAIN,  /* nothing can be moved now */
  LOMI_IO_CLOSED, /* the peer ended the stream */
  LOMI_IO_RESET,  /* the peer aborted it */
  LOMI_IO_FAILED, /* anything else, a TLS failure for example */
} lomi_io;

/* The next connection whose connecting has ended, well or not; NULL: none. */
lomi_connection *lomi_connection_next(lomi_connector *connector);

/* Begins to connect, within `seconds`. NULL: out of memory. */
lomi_connection *lomi_connection_open(lomi_connector *connector, const lomi_endpoint *endpoint,
                                      double seconds);

/* The time to connect is over: sets its failure. */
void lomi_connection_give_up(lomi_connection *c);

/* It is connected, and not quiet: sets its failure. What came must not be read as the reply. */
void lomi_connection_reject(lomi_connection *c);

void lomi_connection_close(lomi_connection *c);

/* Is its descriptor still the socket that was opened? A program that makes itself a daemon may have
 * closed it, and the number may be a socket of its own by now. */
bool lomi_connection_is_own(const lomi_connection *c);

bool lomi_connection_serves(const lomi_connection *c, const lomi_endpoint *endpoint);

/* Watches the connected socket for `events`; the owner in the poller is the connection. */
bool lomi_connection_watch(lomi_connection *c, unsigned events);

/* Both move as much as they can at once. With LOMI_IO_OK *moved is above 0, else 0. */
lomi_io lomi_connection_send(lomi_connection *c, const char *bytes, size_t n, size_t *moved);
lomi_io lomi_connection_receive(lomi_connection *c, char *bytes, size_t n, size_t *moved);

/* Is nothing there to be read, an end neither? Before a request is sent: what is there already is
 * no reply to it. */
bool lomi_connection_is_quiet(lomi_connection *c);

#endif
