/* SPDX-License-Identifier: MIT */
/* An HTTP server in threads of its own, which run a Lua application in a Lua state of its own. Its
 * starter's side: the application is made and closed by the calling thread; nothing here touches
 * the caller's Lua state.
 *
 * A request goes through httpd_requests.c, httpd_app.c, the application (the sandbox's is
 * lua/lomi/sandbox/server/app.lua), httpd_reply.c, and httpd_requests.c again. A handler that has
 * yielded is resumed by httpd_loop.c. */
#ifndef LOMI_HTTPD_H
#define LOMI_HTTPD_H

#include <stddef.h>

#include "httpd_app.h"

/* Read only while lomi_httpd_start() runs: every string stays the caller's. */
typedef struct lomi_httpd_config {
  lomi_app_config app;
  const char *host;     /* a numeric IPv4 or IPv6 address */
  int port;             /* 0: any free one */
  const char *reserved; /* targets that begin so are served when there is no room for others; or
                           NULL */
  const char *tls_cert; /* PEM; both, or both NULL for plain HTTP */
  const char *tls_key;
  int connection_memory; /* bytes: a request's head, and room to read its body and write a reply.
                            All of it is touched at every request: less is faster */
  int patience;          /* seconds that a peer has for its next step: to send its request, to read
                            its reply */
} lomi_httpd_config;

struct lomi_httpd;

/* Returns once the application runs and the port listens, its number in *port; or NULL with the
 * reason in `error`. A server not stopped by its owner is stopped when the process exits. */
struct lomi_httpd *lomi_httpd_start(const lomi_httpd_config *config, int *port, char *error,
                                    size_t error_size);

/* Ends the threads, waits for them and frees the server. In a forked child, where they do not
 * exist, does nothing: what was the parent's is left alone. */
void lomi_httpd_stop(struct lomi_httpd *server);

#endif
