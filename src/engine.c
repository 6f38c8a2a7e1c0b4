/* SPDX-License-Identifier: MIT */
#include "engine.h"
#include "lomi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  MOST_IDLE = 1024, /* connections kept for reuse */
  LEAST_SPARE = 64, /* exchanges kept for reuse; with more idle connections, as many as those */
  KEEP_BYTES = 4 * 1024, /* memory that a spare exchange's buffers may keep */
  PIECE = 16 * 1024,     /* bytes received at once */
  IDLE_SECONDS = 60,     /* then an idle connection is closed */
};

typedef struct lomi_exchange_list {
  lomi_exchange *first, *last;
  size_t count;
} lomi_exchange_list;

struct lomi_engine {
  lomi_poller poller;
  lomi_connector *connector;
  lomi_exchange_list connecting, running; /* soonest due first */
  lomi_exchange_list finished;            /* oldest first */
  lomi_exchange_list spare;
  lomi_connection *idle, *idle_last; /* newest first */
  size_t idle_count;
  double last_id;
  bool broken;
};

/* ---- lists of exchanges -----------------------------------------------------------------------
 */

static void list_insert_after(lomi_exchange_list *list, lomi_exchange *x, lomi_exchange *before) {
  x->list = list;
  x->prev = before;
  x->next = before != NULL ? before->next : list->first;
  *(x->prev != NULL ? &x->prev->next : &list->first) = x;
  *(x->next != NULL ? &x->next->prev : &list->last) = x;
  list->count++;
}

static void list_append(lomi_exchange_list *list, lomi_exchange *x) {
  list_insert_after(list, x, list->last);
}

/* Mostly all have the same time limit, and the newest goes last. */
static void list_insert_by_due(lomi_exchange_list *list, lomi_exchange *x) {
  lomi_exchange *before = list->last;
  while (before != NULL && before->due > x->due)
    before = before->prev;
  list_insert_after(list, x, before);
}

static void list_remove(lomi_exchange *x) {
  lomi_exchange_list *list = x->list;
  *(x->prev != NULL ? &x->prev->next : &list->first) = x->next;
  *(x->next != NULL ? &x->next->prev : &list->last) = x->prev;
  x->prev = x->next = NULL;
  x->list = NULL;
  list->count--;
}

/* ---- idle connections -------------------------------------------------------------------------
 */

static void idle_remove(lomi_engine *e, lomi_connection *c) {
  *(c->prev != NULL ? &c->prev->next : &e->idle) = c->next;
  *(c->next != NULL ? &c->next->prev : &e->idle_last) = c->prev;
  c->prev = c->next = NULL;
  e->idle_count--;
}

static void idle_close(lomi_engine *e, lomi_connection *c) {
  idle_remove(e, c);
  lomi_connection_close(c);
}

static void idle_add(lomi_engine *e, lomi_connection *c) {
  c->exchange = NULL;
  c->idle_since = lomi_now();
  c->prev = NULL;
  c->next = e->idle;
  *(e->idle != NULL ? &e->idle->prev : &e->idle_last) = c;
  e->idle = c;
  e->idle_count++;
  if (e->idle_count > MOST_IDLE)
    idle_close(e, e->idle_last);
}

/* The newest idle connection that leads there and has nothing to say. */
static lomi_connection *idle_take(lomi_engine *e, const lomi_endpoint *endpoint) {
  double oldest = lomi_now() - IDLE_SECONDS;
  for (lomi_connection *c = e->idle, *next; c != NULL; c = next) {
    next = c->next;
    if (!lomi_connection_serves(c, endpoint))
      continue;
    if (c->idle_since > oldest && lomi_connection_is_own(c) && lomi_connection_is_quiet(c)) {
      idle_remove(e, c);
      return c;
    }
    idle_close(e, c);
  }
  return NULL;
}

void lomi_engine_drop_idle(lomi_engine *e, const lomi_endpoint *endpoint) {
  for (lomi_connection *c = e->idle, *next; c != NULL; c = next) {
    next = c->next;
    if (lomi_connection_serves(c, endpoint))
      idle_close(e, c);
  }
}

/* ---- spare exchanges --------------------------------------------------------------------------
 */

static void exchange_free(lomi_exchange *x) {
  lomi_buffer_free(&x->out);
  lomi_buffer_free(&x->head);
  lomi_buffer_free(&x->body);
  free(x);
}

/* The next burst will be as large as the last one, whose connections are still idle. */
static size_t most_spare(const lomi_engine *e) {
  return e->idle_count > LEAST_SPARE ? e->idle_count : LEAST_SPARE;
}

static void spare_trim(lomi_engine *e) {
  lomi_exchange *before;
  for (lomi_exchange *x = e->spare.last; x != NULL && e->spare.count > most_spare(e); x = before) {
    before = x->prev;
    list_remove(x);
    exchange_free(x);
  }
}

/* ---- the end of an exchange -------------------------------------------------------------------
 */

static void finish(lomi_engine *e, lomi_exchange *x) {
  x->done = true;
  if (x->list != NULL)
    list_remove(x);
  if (!x->claimed)
    list_append(&e->finished, x);
}

static void fail(lomi_engine *e, lomi_exchange *x, lomi_failure failure, const char *reason) {
  lomi_connection *c = x->connection;
  x->failed = true;
  x->failure = failure;
  snprintf(x->reason, sizeof x->reason, "%s", reason);
  x->connection = NULL;
  if (c != NULL) {
    /* A connection died without a word, so its idle neighbours may have, too. */
    if (x->reused && failure != LOMI_FAILED_PROTOCOL)
      lomi_engine_drop_idle(e, &c->endpoint);
    lomi_connection_close(c);
  }
  finish(e, x);
}

static void succeed(lomi_engine *e, lomi_exchange *x) {
  lomi_connection *c = x->connection;
  x->connection = NULL;
  if (x->out_at == x->out.len && lomi_http1_keep_alive(&x->http1) &&
      lomi_connection_watch(c, LOMI_READABLE))
    idle_add(e, c);
  else
    lomi_connection_close(c);
  finish(e, x);
}

/* ---- moving bytes -----------------------------------------------------------------------------
 */

static void send_more(lomi_engine *e, lomi_exchange *x) {
  lomi_connection *c = x->connection;
  while (x->out_at < x->out.len && !x->send_ended) {
    size_t moved;
    lomi_io io = lomi_connection_send(c, x->out.data + x->out_at, x->out.len - x->out_at, &moved);
    x->out_at += moved;
    x->sent = x->sent || moved > 0;
    if (io == LOMI_IO_AGAIN)
      break;
    /* The peer may have answered before it stopped reading: the reply decides. */
    x->send_ended = io != LOMI_IO_OK;
  }
  bool more = x->out_at < x->out.len && !x->send_ended;
  if (!lomi_connection_watch(c, more ? LOMI_READABLE | LOMI_WRITABLE : LOMI_READABLE))
    fail(e, x, LOMI_FAILED_CONNECTION, "the system cannot watch one more connection");
}

static void receive_more(lomi_engine *e, lomi_exchange *x) {
  char piece[PIECE];
  lomi_http1_result result = LOMI_HTTP1_PARTIAL;
  while (result == LOMI_HTTP1_PARTIAL) {
    size_t moved;
    lomi_io io = lomi_connection_receive(x->connection, piece, sizeof piece, &moved);
    if (io == LOMI_IO_AGAIN)
      return;
    if (io == LOMI_IO_OK)
      result = lomi_http1_feed(&x->http1, piece, moved);
    else if (io == LOMI_IO_CLOSED)
      result = lomi_http1_eof(&x->http1);
    else
      result = lomi_http1_lost(&x->http1, io == LOMI_IO_RESET ? "reset" : "lost");
    if (result == LOMI_HTTP1_PARTIAL && x->http1.reason[0] != '\0') {
      fail(e, x, LOMI_FAILED_CONNECTION, x->http1.reason);
      return;
    }
    /* TLS may hold more that is decrypted already, of which the poller knows nothing. */
    if (moved < sizeof piece && !x->connection->encrypted)
      break;
  }
  if (result == LOMI_HTTP1_DONE)
    succeed(e, x);
  else if (result == LOMI_HTTP1_BAD)
    fail(e, x, LOMI_FAILED_PROTOCOL, x->http1.reason);
}

static void begin(lomi_engine *e, lomi_exchange *x, lomi_connection *c) {
  x->connection = c;
  c->exchange = x;
  if (x->list != NULL)
    list_remove(x);
  x->due = x->deadline;
  list_insert_by_due(&e->running, x);
  send_more(e, x);
}

/* ---- starting ---------------------------------------------------------------------------------
 */

lomi_exchange *lomi_engine_prepare(lomi_engine *e) {
  lomi_exchange *x = e->spare.first;
  if (x != NULL) {
    list_remove(x);
  } else {
    x = calloc(1, sizeof *x);
    if (x == NULL)
      return NULL;
    lomi_buffer_init(&x->out, LOMI_MAX_HEAD + LOMI_MAX_REQUEST_BODY);
    lomi_buffer_init(&x->head, LOMI_MAX_HEAD);
    lomi_buffer_init(&x->body, LOMI_MAX_REPLY_BODY);
  }
  lomi_http1_init(&x->http1, &x->head, &x->body);
  x->id = ++e->last_id;
  x->out_at = 0;
  x->claimed = x->done = x->failed = x->sent = x->send_ended = x->reused = false;
  return x;
}

static void connector_act(lomi_engine *e, int fd, unsigned events) {
  if (!lomi_connector_act(e->connector, fd, events))
    e->broken = true;
}

static void collect_connected(lomi_engine *e) {
  lomi_connection *c;
  while ((c = lomi_connection_next(e->connector)) != NULL) {
    lomi_exchange *x = c->exchange;
    if (!c->failed && !lomi_connection_is_quiet(c))
      lomi_connection_reject(c);
    if (c->failed)
      fail(e, x, c->failure, c->reason);
    else
      begin(e, x, c);
  }
}

void lomi_engine_start(lomi_engine *e, lomi_exchange *x, const lomi_endpoint *endpoint,
                       double timeout, double connect_timeout) {
  double now = lomi_now();
  x->deadline = now + timeout;
  lomi_connection *c = idle_take(e, endpoint);
  if (c != NULL) {
    x->reused = true;
    begin(e, x, c);
  } else if ((c = lomi_connection_open(e->connector, endpoint, connect_timeout)) == NULL) {
    fail(e, x, LOMI_FAILED_CONNECTION, "cannot connect: out of memory");
  } else {
    x->connection = c;
    c->exchange = x;
    x->due = now + (connect_timeout < timeout ? connect_timeout : timeout);
    list_insert_by_due(&e->connecting, x);
    connector_act(e, -1, 0);
    collect_connected(e);
  }
}

/* ---- driving ----------------------------------------------------------------------------------
 */

static double sooner(double a, double b) {
  return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* lomi_engine_timeout without the exchanges that are finished and wait to be taken. */
static double next_due(const lomi_engine *e) {
  double due = lomi_connector_timer(e->connector);
  if (e->connecting.first != NULL)
    due = sooner(due, e->connecting.first->due);
  if (e->running.first != NULL)
    due = sooner(due, e->running.first->due);
  if (e->idle_last != NULL)
    due = sooner(due, e->idle_last->idle_since + IDLE_SECONDS);
  if (due < 0)
    return -1;
  due -= lomi_now();
  return due > 0 ? due : 0;
}

double lomi_engine_timeout(const lomi_engine *e) {
  return e->finished.count > 0 ? 0 : next_due(e);
}

static void serve(lomi_engine *e, lomi_connection *c, unsigned events) {
  lomi_exchange *x = c->exchange;
  if (x == NULL) {
    if (!lomi_connection_is_quiet(c))
      idle_close(e, c);
    return;
  }
  if (events & LOMI_WRITABLE)
    send_more(e, x);
  if ((events & LOMI_READABLE) && !x->done)
    receive_more(e, x);
}

static void expire(lomi_engine *e) {
  double now = lomi_now();
  lomi_exchange *x;
  while ((x = e->connecting.first) != NULL && x->due <= now) {
    lomi_connection *c = x->connection; /* while it connects, there is one */
    if (c == NULL)
      break;
    lomi_connection_give_up(c);
    fail(e, x, c->failure, c->reason);
  }
  while ((x = e->running.first) != NULL && x->due <= now)
    fail(e, x, LOMI_FAILED_TIMEOUT,
         x->out_at < x->out.len ? "the request could not be sent in time"
                                : "no complete reply in time");
  while (e->idle_last != NULL && e->idle_last->idle_since + IDLE_SECONDS <= now)
    idle_close(e, e->idle_last);
  spare_trim(e);
}

bool lomi_engine_drive(lomi_engine *e, double wait) {
  double timeout = next_due(e);
  if (timeout >= 0 && timeout < wait)
    wait = timeout;
  int ready;
  lomi_wait_status status = lomi_poller_wait(&e->poller, wait, &ready);
  if (status == LOMI_WAIT_LOST)
    e->broken = true;
  if (status != LOMI_WAIT_OK)
    return false;
  for (int i = 0; i < ready && !e->broken; i++) {
    int fd;
    unsigned events;
    void *owner = lomi_poller_report(&e->poller, i, &fd, &events);
    if (owner == e->connector)
      connector_act(e, fd, events);
    else if (owner != NULL)
      serve(e, owner, events);
  }
  double timer = lomi_connector_timer(e->connector);
  if (timer >= 0 && timer <= lomi_now() && !e->broken)
    connector_act(e, -1, 0);
  collect_connected(e);
  expire(e);
  return !e->broken;
}

int lomi_engine_fd(const lomi_engine *e) {
  return e->poller.fd;
}

size_t lomi_engine_running(const lomi_engine *e) {
  return e->connecting.count + e->running.count;
}

lomi_exchange *lomi_engine_finished(const lomi_engine *e) {
  return e->finished.first;
}

void lomi_engine_take(lomi_exchange *x) {
  list_remove(x);
}

void lomi_engine_untake(lomi_engine *e, lomi_exchange *x) {
  list_insert_after(&e->finished, x, NULL);
}

void lomi_engine_release(lomi_engine *e, lomi_exchange *x) {
  if (x->list != NULL)
    list_remove(x);
  if (x->connection != NULL) {
    lomi_connection_close(x->connection);
    x->connection = NULL;
  }
  if (e->spare.count >= most_spare(e)) {
    exchange_free(x);
    return;
  }
  lomi_buffer_clear(&x->out, KEEP_BYTES);
  lomi_buffer_clear(&x->head, KEEP_BYTES);
  lomi_buffer_clear(&x->body, KEEP_BYTES);
  list_insert_after(&e->spare, x, NULL);
}

static void cancel_all(lomi_engine *e, lomi_exchange_list *list) {
  lomi_exchange *next;
  for (lomi_exchange *x = list->first; x != NULL; x = next) {
    next = x->next;
    if (x->claimed) {
      fail(e, x, LOMI_FAILED_CONNECTION, "the request was cancelled");
    } else {
      list_remove(x);
      lomi_engine_release(e, x);
    }
  }
}

void lomi_engine_cancel(lomi_engine *e) {
  cancel_all(e, &e->connecting);
  cancel_all(e, &e->running);
  cancel_all(e, &e->finished);
}

/* ---- the engine's life ------------------------------------------------------------------------
 */

lomi_engine *lomi_engine_new(void) {
  lomi_engine *e = calloc(1, sizeof *e);
  if (e == NULL)
    return NULL;
  if (lomi_poller_open(&e->poller)) {
    e->connector = lomi_connector_new(&e->poller);
    if (e->connector != NULL)
      return e;
    lomi_poller_close(&e->poller);
  }
  free(e);
  return NULL;
}

bool lomi_engine_usable(const lomi_engine *e) {
  return !e->broken && !lomi_connector_forked(e->connector);
}

static void free_all(lomi_exchange_list *list) {
  lomi_exchange *next;
  for (lomi_exchange *x = list->first; x != NULL; x = next) {
    next = x->next;
    if (x->connection != NULL)
      lomi_connection_close(x->connection);
    exchange_free(x);
  }
}

void lomi_engine_free(lomi_engine *e) {
  free_all(&e->connecting);
  free_all(&e->running);
  free_all(&e->finished);
  free_all(&e->spare);
  bool forked = lomi_connector_forked(e->connector);
  while (e->idle != NULL && !forked)
    idle_close(e, e->idle);
  lomi_connector_free(e->connector);
  lomi_poller_close(&e->poller);
  free(e);
}

static void orphan(lomi_engine *e, lomi_exchange_list *list, bool forked) {
  while (list->first != NULL) {
    lomi_exchange *x = list->first;
    x->sent = x->sent || forked;
    fail(e, x, LOMI_FAILED_CONNECTION,
         forked
             ? "the process forked while the request was on its way; the parent gets the reply"
             : "the engine cannot go on: out of memory or file descriptors, or one of its own was "
               "closed by the program");
  }
}

void lomi_engine_orphan(lomi_engine *e) {
  bool forked = lomi_connector_forked(e->connector);
  orphan(e, &e->connecting, forked);
  orphan(e, &e->running, forked);
}

void lomi_engine_inherit(lomi_engine *heir, lomi_engine *e) {
  for (lomi_exchange *x; (x = e->finished.first) != NULL;) {
    list_remove(x);
    list_append(&heir->finished, x);
  }
  heir->last_id = e->last_id;
}
