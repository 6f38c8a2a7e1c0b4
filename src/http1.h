/* SPDX-License-Identifier: MIT */
/* The client's side of HTTP/1.1: writes the head of a request, parses a reply while it arrives.
 * Strict where two readers of one stream could disagree about where a reply ends. Holds no memory
 * of its own and knows nothing of Lua: everything goes into buffers of the caller, whose caps are
 * the limits (LOMI_MAX_HEAD and LOMI_MAX_REPLY_BODY of lomi.h). */
#ifndef LOMI_HTTP1_H
#define LOMI_HTTP1_H

#include "buffer.h"

#include <stdbool.h>
#include <stddef.h>

#define LOMI_HTTP1_MAX_FIELDS 256     /* header lines of one reply, trailers included */
#define LOMI_HTTP1_MAX_CHUNK_LINE 256 /* bytes of a chunk's size and extensions, with CR LF */

typedef enum {
  LOMI_HTTP1_DONE,    /* a complete reply */
  LOMI_HTTP1_PARTIAL, /* good so far; with a reason: it ended early, or there was no memory for it
                       */
  LOMI_HTTP1_BAD,     /* not a reply we accept; reason says why */
} lomi_http1_result;

typedef struct lomi_http1 {
  lomi_buffer *head; /* borrowed: "name\0value\0" per header, then the line being read */
  lomi_buffer *body; /* borrowed: the body, chunks joined */
  size_t line;       /* where in head the line being read begins: the end of the packed headers */
  size_t head_bytes; /* of status lines, headers and trailers seen; never above head->cap */
  size_t fields;     /* header lines of this reply so far */
  size_t left;       /* of the body, or of this chunk, yet to come */
  size_t length;     /* Content-Length; stops growing once above body->cap */
  size_t chunk_line; /* bytes of the chunk size line so far */
  size_t leftover;   /* bytes that came after the reply */
  int status;
  int state;
  lomi_http1_result failure; /* what a parser that has failed keeps answering */
  bool http10, has_length, chunked;
  bool says_close, says_keep_alive; /* the options of Connection that matter */
  bool reusable;                    /* the reply's own framing lets another follow it */
  char reason[128];                 /* "" until it fails */
} lomi_http1;

/* Also starts afresh: empties the buffers, but keeps a moderate amount of their memory. */
void lomi_http1_init(lomi_http1 *p, lomi_buffer *head, lomi_buffer *body);

/* Takes all n bytes. Once DONE or BAD it stays so; what comes after DONE counts as leftover. How
 * the bytes are cut into calls never changes the result. */
lomi_http1_result lomi_http1_feed(lomi_http1 *p, const char *bytes, size_t n);

/* The peer has closed the stream: DONE, PARTIAL (it ended early) or BAD. */
lomi_http1_result lomi_http1_eof(lomi_http1 *p);

/* The stream ended in another way, `how` it did is a word such as "reset": always PARTIAL, unless
 * it was DONE or BAD before. */
lomi_http1_result lomi_http1_lost(lomi_http1 *p, const char *how);

/* After DONE: may another request go over this connection? */
bool lomi_http1_keep_alive(const lomi_http1 *p);

/* The head of a request: a request line, fields, an end. Each appends to `out` and returns NULL, or
 * a static text that says what is wrong; what `out` holds is then of no use. */
const char *lomi_http1_put_request(lomi_buffer *out, const char *method, size_t method_len,
                                   const char *target, size_t target_len);
const char *lomi_http1_put_field(lomi_buffer *out, const char *name, size_t name_len,
                                 const char *value, size_t value_len);
const char *lomi_http1_put_length(lomi_buffer *out, size_t body_len); /* Content-Length */
const char *lomi_http1_put_end(lomi_buffer *out);

bool lomi_http1_is_token(const char *s, size_t n);

/* Case does not count; `word` is in lower case. */
bool lomi_http1_same_word(const char *s, size_t n, const char *word);

#endif
