/* SPDX-License-Identifier: MIT */
/* A reply of the server, read from the table that the Lua application gives. Whichever thread runs
 * the application. */
#ifndef LOMI_HTTPD_REPLY_H
#define LOMI_HTTPD_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "buffer.h"

struct lua_State;

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

void lomi_httpd_reply_init(lomi_httpd_reply *reply);
void lomi_httpd_reply_clear(lomi_httpd_reply *reply); /* keeps some memory for the next one */
void lomi_httpd_reply_free(lomi_httpd_reply *reply);

/* Makes it {"error":{"code":…,"message":…,"details":null}}, or nothing raw when out of memory. */
void lomi_httpd_reply_error(lomi_httpd_reply *reply, int status, const char *code,
                            const char *message);

/* Reads the table at stack index t. Raises on anything it cannot make a reply of, at any point:
 * what is in `reply` is then of no use. */
void lomi_httpd_read_reply(struct lua_State *L, int t, lomi_httpd_reply *reply);

#endif
