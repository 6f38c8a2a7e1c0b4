/* SPDX-License-Identifier: MIT */
/* The engine: many HTTP requests at once on one thread, over libcurl's multi interface and an epoll
 * descriptor of our own. Knows nothing of Lua; curl.c is its Lua face.
 *
 * One engine serves a whole Lua state, so that all its clients share connections. Whoever submits
 * requests does it through a queue of its own, and gets back from there only what it submitted.
 *
 * A forked child must not touch what it inherited: closing a TLS connection would end the parent's
 * too. At the fork its descriptors are closed, and the engine is of no more use: whoever comes with
 * one asks lomi_engine_forked first. */
#ifndef LOMI_ENGINE_H
#define LOMI_ENGINE_H

#include "buffer.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct lomi_engine lomi_engine;
typedef struct lomi_transfer lomi_transfer;

typedef struct lomi_header {
  const char *name, *value; /* text that ends with a NUL */
  size_t name_len, value_len;
} lomi_header;

/* All of it is copied by lomi_engine_submit. */
typedef struct lomi_request {
  const char *method, *url;
  const lomi_header *headers;
  size_t header_count;
  const char *body; /* NULL: none */
  size_t body_len;
  double timeout;         /* seconds, the whole attempt */
  double connect_timeout; /* seconds, until TCP and TLS are up */
  const char *ca_file;    /* NULL: libcurl's own */
  const char *proxy;      /* NULL: from the environment; "": none */
} lomi_request;

typedef enum {
  LOMI_REPLY, /* a whole HTTP reply, whatever its status */
  LOMI_FAILED_CONNECTION,
  LOMI_FAILED_TIMEOUT,
  LOMI_FAILED_TLS,
  LOMI_FAILED_PROTOCOL,
} lomi_outcome;

/* A finished transfer, to be read by who submitted it. */
struct lomi_transfer {
  double id; /* from 1, of its queue */
  lomi_outcome outcome;
  bool sent;           /* bytes of the request may have left */
  long status;         /* of a reply */
  lomi_buffer head;    /* of a reply: header lines as received, without the status line */
  lomi_buffer body;    /* of a reply */
  const char *message; /* of a failure */
  struct lomi_transfer *prev, *next;
  struct lomi_slot *slot; /* the engine's part of it */
};

/* What one submitter has in the engine. Zeroed, it is ready for use. */
typedef struct lomi_queue {
  double
      last_id; /* the queue's, not the engine's: it may outlive that, and what is finished, too */
  lomi_transfer *running;
  lomi_transfer *finished, *finished_last; /* oldest first */
  lomi_transfer *taken;                    /* being read */
} lomi_queue;

/* Seconds on the clock the engine goes by, CLOCK_MONOTONIC. */
double lomi_now(void);

/* NULL when out of memory or descriptors. */
lomi_engine *lomi_engine_new(void);

/* The queues must have been closed before. In a forked child it lets go instead. */
void lomi_engine_free(lomi_engine *engine);

/* Is this a child process of the one that made the engine? */
bool lomi_engine_forked(const lomi_engine *engine);

/* False in a forked child, and once libcurl could not go on (no memory, no more epoll): it has then
 * lost sight of transfers. Let go with lomi_queue_orphan, and make another engine. */
bool lomi_engine_usable(const lomi_engine *engine);

/* Starts a request. Returns its id, or 0 and *why. */
double lomi_engine_submit(lomi_engine *engine, lomi_queue *queue, const lomi_request *request,
                          const char **why);

/* Waits up to `wait` seconds (0: not at all) until the engine has something to do, and does it.
 * False: a signal came, and the caller should let its handlers run; or it is not usable now. */
bool lomi_engine_drive(lomi_engine *engine, double wait);

/* Seconds until the engine wants to be driven though no descriptor is ready; negative: never. */
double lomi_engine_timeout(const lomi_engine *engine);

/* Readable when the engine has something to do. */
int lomi_engine_fd(const lomi_engine *engine);

/* The oldest finished transfer, to be read, and then returned; NULL: none. */
lomi_transfer *lomi_queue_take(lomi_queue *queue);
void lomi_queue_return(lomi_queue *queue, lomi_transfer *transfer);

/* Cancels what runs and forgets what is finished. What was taken may still be read and returned. */
void lomi_queue_close(lomi_engine *engine, lomi_queue *queue);

/* Of a closed queue: returns what was taken by somebody who will not come back. */
void lomi_queue_free(lomi_queue *queue);

/* Lets go of an engine that is not usable: what the queue had running ends as a failed connection.
 * In a child it is taken for sent, for that is what the child can know of it. */
void lomi_queue_orphan(lomi_engine *engine, lomi_queue *queue);

#endif
