/* SPDX-License-Identifier: MIT */
/* A growing byte buffer with a cap that cannot be left out: what comes from the network ends up in
 * one of these, so no peer decides how much memory we use. Knows nothing of Lua. */
#ifndef LOMI_BUFFER_H
#define LOMI_BUFFER_H

#include <stddef.h>

typedef struct lomi_buffer {
  char *data; /* owned; NULL until the first byte. Not NUL-terminated */
  size_t len;
  size_t size; /* allocated */
  size_t cap;  /* len never exceeds this */
} lomi_buffer;

typedef enum {
  LOMI_BUFFER_OK = 0,
  LOMI_BUFFER_FULL,  /* the cap would be passed; the content is unchanged */
  LOMI_BUFFER_NOMEM, /* likewise unchanged */
} lomi_buffer_status;

void lomi_buffer_init(lomi_buffer *b, size_t cap);
void lomi_buffer_free(lomi_buffer *b); /* idempotent; the cap stays, the buffer may be used again */

/* Makes room for n more bytes. */
lomi_buffer_status lomi_buffer_reserve(lomi_buffer *b, size_t n);
lomi_buffer_status lomi_buffer_append(lomi_buffer *b, const void *bytes, size_t n);

/* Empties it but keeps the memory, unless that is more than `keep` bytes: a rare large reply must
 * not pin its size for ever. */
void lomi_buffer_clear(lomi_buffer *b, size_t keep);

#endif
