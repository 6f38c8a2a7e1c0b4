/* SPDX-License-Identifier: MIT */
/* The Lua modules compiled into liblomi.a: made by tools/embed.lua, used by open.c. */
#ifndef LOMI_EMBEDDED_H
#define LOMI_EMBEDDED_H

#include <stddef.h>

typedef struct lomi_embedded {
  const char *name;  /* "lomi.client" */
  const char *chunk; /* "@lomi/client.lua", for messages and tracebacks */
  const unsigned char *source;
  size_t size;
} lomi_embedded;

extern const lomi_embedded lomi_embedded_modules[]; /* ends with a NULL name */

#endif
