/* SPDX-License-Identifier: MIT */
#include "buffer.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 512 };

void lomi_buffer_init(lomi_buffer *b, size_t cap) {
  b->data = NULL;
  b->len = 0;
  b->size = 0;
  b->cap = cap;
}

void lomi_buffer_free(lomi_buffer *b) {
  free(b->data);
  lomi_buffer_init(b, b->cap);
}

lomi_buffer_status lomi_buffer_reserve(lomi_buffer *b, size_t n) {
  if (n > b->cap - b->len)
    return LOMI_BUFFER_FULL;
  size_t need = b->len + n;
  if (need <= b->size)
    return LOMI_BUFFER_OK;
  size_t size = b->size > 0 ? b->size : FIRST_SIZE;
  while (size < need)
    size = size > b->cap / 2 ? b->cap : size * 2;
  if (size > b->cap)
    size = b->cap;
  char *data = realloc(b->data, size);
  if (data == NULL)
    return LOMI_BUFFER_NOMEM;
  b->data = data;
  b->size = size;
  return LOMI_BUFFER_OK;
}

lomi_buffer_status lomi_buffer_append(lomi_buffer *b, const void *bytes, size_t n) {
  if (n == 0)
    return LOMI_BUFFER_OK;
  lomi_buffer_status status = lomi_buffer_reserve(b, n);
  if (status == LOMI_BUFFER_OK) {
    memcpy(b->data + b->len, bytes, n);
    b->len += n;
  }
  return status;
}

void lomi_buffer_clear(lomi_buffer *b, size_t keep) {
  if (b->size > keep)
    lomi_buffer_free(b);
  else
    b->len = 0;
}
