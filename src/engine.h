/* SPDX-License-Identifier: MIT */
/* The engine: many HTTP exchanges at once on one thread. It keeps a pool of idle connections and
 * all deadlines, sends the bytes that its caller has written, and reads replies with http1. Knows
 * nothing of Lua, and nothing of libcurl.
 *
 * A connection is read before a request is sent on it: anything but "would block" means that the
 * peer ended it or sent something nobody asked for. If it was an idle connection, another is tried;
 * if it was a new one, the exchange fails. In both cases nothing was sent.
 *
 * After a fork the engine is unusable in the child; callers check lomi_engine_usable() first. */
#ifndef LOMI_ENGINE_H
#define LOMI_ENGINE_H

#include "buffer.h"
#include "connection.h"
#include "http1.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct lomi_engine lomi_engine;

/* One request and its reply. */
typedef struct lomi_exchange {
  double id;       /* from 1; unique in its engine */
  lomi_buffer out; /* the request's bytes, written by the caller before the start */
  bool claimed; /* set by the caller before the start: it is waited for, and not listed as finished
                 */

  /* When done. */
  bool done;
  bool failed; /* there is no reply: `failure` and `reason` say why */
  bool sent;   /* a byte of the request has left */
  lomi_failure failure;
  char reason[400];
  lomi_http1 http1; /* the reply, its headers and body in the two buffers */
  lomi_buffer head, body;

  /* The engine's. */
  lomi_connection *connection;
  size_t out_at;   /* of `out`, sent so far */
  bool send_ended; /* the connection takes no more; a reply may still be there to read */
  bool reused;     /* the connection had carried another exchange before */
  double deadline;
  double due; /* when the phase it is in must have ended */
  struct lomi_exchange_list *list;
  struct lomi_exchange *prev, *next;
} lomi_exchange;

/* NULL: out of memory or descriptors. */
lomi_engine *lomi_engine_new(void);

/* Ends everything: exchanges are lost with it. Safe in a forked child. */
void lomi_engine_free(lomi_engine *engine);

/* False in a forked child, or when the poller or libcurl failed as a whole: call
 * lomi_engine_orphan, and make another. */
bool lomi_engine_usable(const lomi_engine *engine);

/* An exchange with an empty `out`. NULL: out of memory. */
lomi_exchange *lomi_engine_prepare(lomi_engine *engine);

/* Sends the request. Failures show in the exchange, which may be done when this returns.
 * `timeout`, seconds, is for all of it, `connect_timeout` until TCP and TLS are up. */
void lomi_engine_start(lomi_engine *engine, lomi_exchange *x, const lomi_endpoint *endpoint,
                       double timeout, double connect_timeout);

/* Waits up to `wait` seconds (0: not at all) until there is something to do, and does it. False: a
 * signal came, and the caller should let its handlers run; or the engine is unusable. */
bool lomi_engine_drive(lomi_engine *engine, double wait);

/* The exchange that was done first of those not released yet; NULL: none. */
lomi_exchange *lomi_engine_finished(const lomi_engine *engine);

/* Takes it off the list of the finished, so that nobody else finds it; and puts it back, first. */
void lomi_engine_take(lomi_exchange *x);
void lomi_engine_untake(lomi_engine *engine, lomi_exchange *x);

/* Gives an exchange back, in any state: what is under way is cancelled. */
void lomi_engine_release(lomi_engine *engine, lomi_exchange *x);

/* Releases all exchanges, but those that are claimed: these fail. Idle connections stay. */
void lomi_engine_cancel(lomi_engine *engine);

/* Closes the idle connections that lead there. */
void lomi_engine_drop_idle(lomi_engine *engine, const lomi_endpoint *endpoint);

size_t lomi_engine_running(const lomi_engine *engine); /* exchanges started and not done */

/* Seconds until the engine wants to be driven though no descriptor is ready; negative: never. */
double lomi_engine_timeout(const lomi_engine *engine);

/* Readable when the engine has something to do. */
int lomi_engine_fd(const lomi_engine *engine);

/* Ends what runs on an unusable engine as a lost connection. In a forked child a request counts as
 * sent: the child cannot know better. */
void lomi_engine_orphan(lomi_engine *engine);

/* Moves what is finished to another engine, which goes on with its ids. */
void lomi_engine_inherit(lomi_engine *heir, lomi_engine *engine);

#endif
