/* SPDX-License-Identifier: MIT */
/* A request's head and a reply, between Lua and http1: what lomi.core (for nginx) and lomi.engine
 * have in common. The server's httpd_app.c has the headers of its requests from here, too. */
#ifndef LOMI_MESSAGE_LUA_H
#define LOMI_MESSAGE_LUA_H

#include "compat.h"
#include "http1.h"

enum { LOMI_PROBLEM = 200 }; /* bytes of a text that says what is wrong with a request */

/* Where the parts of a request are on the stack. */
typedef struct lomi_request_at {
  int method, target; /* strings */
  int fields;         /* a sequence, as in lomi_write_fields */
  int body;           /* a string, or nil: none */
} lomi_request_at;

/* Appends header lines: `fields` is the index of a sequence name, value, name, value, … of strings.
 * Never raises. False: `problem` says what is wrong. */
bool lomi_write_fields(lua_State *L, lomi_buffer *out, int fields, char *problem);

/* Appends a request: its head, with a Content-Length where there has to be one, and its body.
 * `lines` are header lines that http1 has written before. Never raises. False: `problem` says what
 * is wrong. */
bool lomi_write_request(lua_State *L, lomi_buffer *out, const lomi_request_at *at,
                        const char *lines, size_t lines_len, char *problem);

/* Pushes the reply of a parser that is DONE: { status, body, head, request_id, replayed }, whose
 * `headers` are made when they are first asked for. May raise: no memory. */
void lomi_push_reply(lua_State *L, const lomi_http1 *p);

/* Pushes a table of the headers in a `head`, "name\0value\0" for each; the values of a repeated one
 * are joined with ", ". */
void lomi_push_headers(lua_State *L, const char *head, size_t head_len);

#endif
