/* SPDX-License-Identifier: MIT */
/* Our thread accepts connections and does what is due at a time. libmicrohttpd reads requests, runs
 * their handlers and writes replies: on Linux in our thread too, for its epoll descriptor is one of
 * those we wait for; elsewhere it has but poll(), in a thread of its own. The state that both
 * threads use is used under `mutex`.
 *
 * A handler that waits must not hold up the others: its connection is suspended and put on the list
 * of timers. A connection is suspended exactly as long as it is on that list. */
#include "httpd.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "httpd_app.h"
#include "os.h"
#include "poller.h"

enum {
  MAX_BODY = 2 * 1024 * 1024,
  MAX_CONNECTIONS = 10000,
  RESERVE = 8,  /* descriptors held back for peers, whatever the rest of the process uses up */
  FEW = 4,      /* room is short with fewer than so many of them left */
  AT_ONCE = 64, /* peers accepted before timers have their turn */
  BACKLOG = 1024,
  READ_BLOCK = 16 * 1024,
  KEPT = 64 * 1024, /* bytes of buffers a connection holds on to between requests */
};

static const uint64_t NEVER = UINT64_MAX;
static const uint64_t SECOND = 1000000000u;
static const double MOMENT =
    0.001; /* seconds until a full socket, or a full process, is tried again */
static const double PATIENCE = 60; /* seconds a peer may take for its next step, see waits() */

typedef enum {
  PHASE_IDLE,      /* between requests */
  PHASE_RECEIVING, /* the head is there, the body is coming */
  PHASE_RUNNING,   /* the handler waits */
  PHASE_REPLYING,  /* the reply is there */
} phase;

/* One TCP connection; libmicrohttpd keeps it as the socket context. */
typedef struct connection {
  lomi_httpd *server;
  struct MHD_Connection *mhd;
  int fd;
  unsigned long serial;
  phase phase;
  bool oversized; /* the body passed MAX_BODY and was thrown away */
  bool warned;    /* it is to give way, unless its request is just being read */
  bool ending;    /* it was made to give way */
  lomi_buffer target, body;
  lomi_app_task task;
  lomi_app_reply reply;
  size_t sent;                      /* of a raw reply */
  uint64_t reply_time;              /* when the pace of a trickle began */
  struct connection *prev, *next;   /* timers */
  uint64_t due;                     /* NEVER: not on the list */
  struct connection *older, *newer; /* the waiting ones */
  uint64_t patience;                /* when the wait for the peer ends; NEVER: not on the list */
} connection;

/* The first part is written before the threads start; of the rest, what says so is under `mutex`.
 */
struct lomi_httpd {
  lomi_httpd *next; /* of the running ones, under their mutex */
  bool running;
  pid_t pid;
  pthread_t thread;
  int port;
  int listen_fd;
  int wake[2]; /* a pipe that ends our thread's wait */
  lomi_poller poller;
  struct MHD_Daemon *daemon;
  bool runs_itself;  /* libmicrohttpd has its own thread */
  char reserved[64]; /* targets that begin so are served when there is no room */
  size_t connection_memory;

  lomi_buffer headers; /* lomi_app_header of the request at hand; libmicrohttpd's */

  pthread_mutex_t mutex;
  pthread_cond_t answered;
  enum { STARTING, STARTED, FAILED } state;
  bool stopping;                   /* nothing is run or suspended any more */
  const lomi_httpd_config *config; /* the starter's; gone once it is answered */
  lomi_app app;
  connection *first, *last;    /* timers, soonest first */
  connection *oldest, *newest; /* the connections whose peer has to do something */
  unsigned connections, waiting, ending;
  int reserve[RESERVE], reserves;
  uint64_t step_due, accept_due;
  uint64_t awake_at; /* when our thread's wait ends by itself; 0: it does not wait */
  unsigned long accepts;
};

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static uint64_t after(double seconds) {
  return now() + (uint64_t)(seconds * (double)SECOND);
}

/* ---- The mutex ---- */

/* The server whose mutex a thread holds. An application runs in such a thread, and may end the
 * process there. */
static pthread_key_t entered;

static void enter(lomi_httpd *s) {
  pthread_mutex_lock(&s->mutex);
  pthread_setspecific(entered, s);
}

static uint64_t next_due(const lomi_httpd *s) {
  uint64_t due = s->step_due < s->accept_due ? s->step_due : s->accept_due;
  if (s->first != NULL && s->first->due < due)
    due = s->first->due;
  if (s->oldest != NULL && s->oldest->patience < due)
    due = s->oldest->patience;
  return due;
}

static void wake_up(lomi_httpd *s) {
  const char byte = 0;
  while (write(s->wake[1], &byte, 1) < 0 && errno == EINTR) /* a full pipe wakes it, too */
    continue;
}

static void leave(lomi_httpd *s) {
  uint64_t due = next_due(s);
  if (due < s->awake_at) {
    s->awake_at = due;
    wake_up(s);
  }
  pthread_setspecific(entered, NULL);
  pthread_mutex_unlock(&s->mutex);
}

/* ---- Timers ---- */

/* Searched from the end: waits are mostly of equal length, so the newest is mostly the last. */
static void timer_add(connection *c, uint64_t due) {
  lomi_httpd *s = c->server;
  connection *before = s->last;
  while (before != NULL && before->due > due)
    before = before->prev;
  c->due = due;
  c->prev = before;
  c->next = before != NULL ? before->next : s->first;
  *(c->prev != NULL ? &c->prev->next : &s->first) = c;
  *(c->next != NULL ? &c->next->prev : &s->last) = c;
}

static void timer_remove(connection *c) {
  lomi_httpd *s = c->server;
  if (c->due == NEVER)
    return;
  *(c->prev != NULL ? &c->prev->next : &s->first) = c->next;
  *(c->next != NULL ? &c->next->prev : &s->last) = c->prev;
  c->due = NEVER;
}

/* ---- Waiting for peers ----
 *
 * A peer that has to send a request, or to read its reply, has PATIENCE seconds for it, counted
 * from the last step it made: accepted, request begun, reply begun. The oldest of them give way
 * when room is short. All waits are of one length, so the list is in order by itself. */

static void stop_waiting(connection *c) {
  lomi_httpd *s = c->server;
  if (c->patience == NEVER)
    return;
  *(c->older != NULL ? &c->older->newer : &s->oldest) = c->newer;
  *(c->newer != NULL ? &c->newer->older : &s->newest) = c->older;
  c->patience = NEVER;
  s->waiting--;
}

static void waits(connection *c) {
  lomi_httpd *s = c->server;
  stop_waiting(c);
  c->warned = false;
  c->patience = after(PATIENCE);
  c->newer = NULL;
  c->older = s->newest;
  *(c->older != NULL ? &c->older->newer : &s->oldest) = c;
  s->newest = c;
  s->waiting++;
}

/* libmicrohttpd sees the end of the stream, and closes. */
static void hang_up(connection *c) {
  stop_waiting(c);
  c->ending = true;
  c->server->ending++;
  shutdown(c->fd, SHUT_RDWR);
}

static void end_patience(lomi_httpd *s) {
  uint64_t t = now();
  while (s->oldest != NULL && s->oldest->patience <= t)
    hang_up(s->oldest);
}

/* Where handlers hold all the room, what is left is for the reserved target: so there is always a
 * connection that can give way. */
static bool is_refused(const connection *c) {
  const lomi_httpd *s = c->server;
  size_t n = strlen(s->reserved);
  return (unsigned)s->reserves + s->waiting < FEW &&
         (n == 0 || c->target.len < n || memcmp(c->target.data, s->reserved, n) != 0);
}

static void suspend(connection *c, double seconds) {
  stop_waiting(c);
  timer_add(c, after(seconds));
  MHD_suspend_connection(c->mhd);
}

/* False: the server or the connection ends, and so must the reply. */
static bool pause_reply(connection *c, double seconds) {
  lomi_httpd *s = c->server;
  enter(s);
  bool paused = !s->stopping && !c->ending;
  if (paused)
    suspend(c, seconds);
  leave(s);
  return paused;
}

/* Until a full socket is tried again. False, too, when the peer has had PATIENCE to read. */
static bool pause_full(connection *c) {
  return now() - c->reply_time < (uint64_t)PATIENCE * SECOND && pause_reply(c, MOMENT);
}

/* ---- Replies on the wire ---- */

/* Closes once all of it is on the wire. */
static enum MHD_Result send_raw(connection *c) {
  const lomi_buffer *b = &c->reply.body;
  while (c->sent < b->len) {
    ssize_t n = send(c->fd, b->data + c->sent, b->len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      c->sent += (size_t)n;
    } else if (errno == EAGAIN) {
      return pause_full(c) ? MHD_YES : MHD_NO;
    } else if (errno != EINTR) {
      break;
    }
  }
  return MHD_NO;
}

/* How much of the body may be out by now. */
static size_t body_allowed(const connection *c) {
  const lomi_app_reply *r = &c->reply;
  if (r->truncated)
    return r->truncate;
  if (r->trickle > 0) {
    double paced = (double)(now() - c->reply_time) / (double)SECOND * r->trickle;
    if (paced < (double)r->body.len)
      return (size_t)paced;
  }
  return r->body.len;
}

static ssize_t read_body(void *cls, uint64_t pos, char *out, size_t max) {
  connection *c = cls;
  const lomi_app_reply *r = &c->reply;
  size_t allowed = body_allowed(c);
  if (allowed > pos) {
    size_t n = allowed - (size_t)pos < max ? allowed - (size_t)pos : max;
    memcpy(out, r->body.data + pos, n);
    return (ssize_t)n;
  }
  if (r->trickle > 0) {
    uint64_t elapsed = now() - c->reply_time;
    double due = (double)(pos + 1) / r->trickle - (double)elapsed / (double)SECOND;
    if (pause_reply(c, fmin(fmax(due, MOMENT), 3600)))
      return 0;
  } else if (r->reset) { /* a RST would take back what has not left yet */
    if (!lomi_flush(c->fd) && pause_full(c))
      return 0;
    lomi_reset(c->fd);
  }
  return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* NULL if libmicrohttpd refuses a header, which is then in *refused, or is out of memory. */
static struct MHD_Response *make_response(connection *c, const char **refused) {
  lomi_app_reply *r = &c->reply;
  struct MHD_Response *response =
      r->truncated || r->trickle > 0
          ? MHD_create_response_from_callback(r->body.len, READ_BLOCK, read_body, c, NULL)
          : MHD_create_response_from_buffer(r->body.len, r->body.data, MHD_RESPMEM_PERSISTENT);
  if (response == NULL)
    return NULL;
  const char *end = r->headers.data + r->headers.len;
  for (const char *name = r->headers.data; name < end;) {
    const char *value = name + strlen(name) + 1;
    if (MHD_add_response_header(response, name, value) != MHD_YES) {
      *refused = name;
      MHD_destroy_response(response);
      return NULL;
    }
    name = value + strlen(value) + 1;
  }
  return response;
}

/* The reply's body stays where it is until request_completed(). */
static enum MHD_Result queue_reply(connection *c) {
  const char *refused = NULL;
  struct MHD_Response *response = make_response(c, &refused);
  if (response == NULL && refused != NULL) {
    char message[256];
    snprintf(message, sizeof message,
             "response.headers: %.64s: not a header, or one that the server writes itself",
             refused);
    lomi_app_reply_error(&c->reply, 500, "internal_error", message);
    response = make_response(c, &refused);
  }
  if (response == NULL)
    return MHD_NO;
  c->reply_time = now();
  enter(c->server);
  waits(c);
  leave(c->server);
  enum MHD_Result queued = MHD_queue_response(c->mhd, (unsigned)c->reply.status, response);
  MHD_destroy_response(response);
  return queued;
}

/* MHD_NO closes the connection. */
static enum MHD_Result deliver(connection *c) {
  switch (c->reply.kind) {
  case LOMI_APP_REPLY_HTTP: return queue_reply(c);
  case LOMI_APP_REPLY_RAW: return send_raw(c);
  case LOMI_APP_REPLY_RESET: lomi_reset(c->fd); return MHD_NO;
  case LOMI_APP_REPLY_DROP: break;
  }
  return MHD_NO;
}

/* ---- Requests ---- */

static void step(lomi_httpd *s) {
  double seconds = lomi_app_step(&s->app);
  s->step_due = seconds < 0 ? NEVER : after(seconds);
}

static void end_request(connection *c) {
  timer_remove(c);
  lomi_app_abandon(&c->server->app, &c->task);
  lomi_buffer_clear(&c->target, KEPT);
  lomi_buffer_clear(&c->body, KEPT);
  lomi_app_reply_clear(&c->reply);
  c->phase = PHASE_IDLE;
  c->oversized = false;
  c->sent = 0;
  waits(c);
}

static void connection_ended(connection *c) {
  lomi_httpd *s = c->server;
  end_request(c);
  stop_waiting(c);
  s->connections--;
  s->ending -= c->ending;
  lomi_buffer_free(&c->target);
  lomi_buffer_free(&c->body);
  lomi_app_reply_free(&c->reply);
  free(c);
}

/* NULL: its requests are dropped. */
static connection *connection_begun(lomi_httpd *s, struct MHD_Connection *mhd) {
  s->accepts++;
  connection *c = calloc(1, sizeof *c);
  if (c == NULL)
    return NULL;
  c->server = s;
  c->mhd = mhd;
  c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  c->serial = s->accepts;
  c->due = NEVER;
  c->patience = NEVER;
  s->connections++;
  waits(c);
  lomi_buffer_init(&c->target, s->connection_memory);
  lomi_buffer_init(&c->body, MAX_BODY);
  lomi_app_reply_init(&c->reply);
  return c;
}

static void connection_changed(void *cls, struct MHD_Connection *mhd, void **context,
                               enum MHD_ConnectionNotificationCode what) {
  lomi_httpd *s = cls;
  enter(s);
  if (what == MHD_CONNECTION_NOTIFY_STARTED) {
    *context = connection_begun(s, mhd);
  } else {
    if (*context != NULL)
      connection_ended(*context);
    *context = NULL;
  }
  leave(s);
}

/* Called first for each request. Its result is *context of the two below. */
static void *target_received(void *cls, const char *target, struct MHD_Connection *mhd) {
  (void)cls;
  connection *c = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
  if (c == NULL)
    return NULL;
  enter(c->server);
  end_request(c); /* one whose head was malformed is not reported as completed */
  leave(c->server);
  lomi_buffer_status status = lomi_buffer_append(&c->target, target, strlen(target));
  return status == LOMI_BUFFER_OK ? c : NULL;
}

static void request_completed(void *cls, struct MHD_Connection *mhd, void **context,
                              enum MHD_RequestTerminationCode why) {
  lomi_httpd *s = cls;
  (void)mhd;
  (void)why;
  if (*context == NULL)
    return;
  enter(s);
  end_request(*context);
  leave(s);
}

static enum MHD_Result collect_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                      size_t name_len, const char *value, size_t value_len) {
  (void)kind;
  lomi_app_header h = {name, value != NULL ? value : "", name_len, value_len};
  return lomi_buffer_append(cls, &h, sizeof h) == LOMI_BUFFER_OK ? MHD_YES : MHD_NO;
}

static lomi_app_status run_handler(connection *c, const char *method, double *seconds) {
  lomi_httpd *s = c->server;
  if (is_refused(c)) {
    lomi_app_reply_error(&c->reply, 503, "service_unavailable",
                         "the sandbox has no room for more connections");
    return LOMI_APP_REPLY;
  }
  if (c->oversized) {
    lomi_app_reply_error(&c->reply, 413, "payload_too_large", "the body is larger than 2 MiB");
    return LOMI_APP_REPLY;
  }
  lomi_buffer_clear(&s->headers, KEPT);
  MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, collect_header, &s->headers);
  lomi_app_request request = {
      .method = method,
      .target = &c->target,
      .body = &c->body,
      .headers = (const lomi_app_header *)s->headers.data,
      .header_count = s->headers.len / sizeof(lomi_app_header),
      .connection = c->serial,
      .accepts = s->accepts,
  };
  return lomi_app_handle(&s->app, &c->task, &request, &c->reply, seconds);
}

/* False: the handler waits. */
static bool is_handled(connection *c, const char *method) {
  lomi_httpd *s = c->server;
  double seconds = 0;
  stop_waiting(c);
  bool waits_on = run_handler(c, method, &seconds) == LOMI_APP_WAIT;
  c->phase = waits_on ? PHASE_RUNNING : PHASE_REPLYING;
  c->reply_time = now();
  if (waits_on)
    suspend(c, seconds);
  step(s);
  return !waits_on;
}

/* Called with the head alone, then with each piece of the body, then with neither; and once more
 * each time a suspended connection is resumed without a reply queued. */
static enum MHD_Result request_progress(void *cls, struct MHD_Connection *mhd, const char *url,
                                        const char *method, const char *version, const char *data,
                                        size_t *size, void **context) {
  lomi_httpd *s = cls;
  (void)mhd;
  (void)url;
  (void)version;
  connection *c = *context;
  bool handled = true, stopping;
  if (c == NULL)
    return MHD_NO;
  switch (c->phase) {
  case PHASE_IDLE: c->phase = PHASE_RECEIVING; return MHD_YES;
  case PHASE_RECEIVING:
    if (*size > 0) {
      c->oversized |= lomi_buffer_append(&c->body, data, *size) != LOMI_BUFFER_OK;
      *size = 0;
      return MHD_YES;
    }
    enter(s);
    stopping = s->stopping || c->ending;
    if (!stopping)
      handled = is_handled(c, method);
    leave(s);
    if (stopping)
      return MHD_NO;
    return handled ? deliver(c) : MHD_YES;
  case PHASE_RUNNING: return MHD_NO; /* the server ends */
  case PHASE_REPLYING: return deliver(c);
  }
  return MHD_NO;
}

/* ---- Accepting ----
 *
 * libmicrohttpd would stop at the first EMFILE until one of its connections closes. */

static void fill_reserve(lomi_httpd *s) {
  int fd;
  while (s->reserves < RESERVE && (fd = fcntl(s->wake[0], F_DUPFD_CLOEXEC, LOMI_LOWEST_FD)) >= 0) {
    s->reserve[s->reserves] = fd; /* before it counts: a fork may come in between */
    s->reserves++;
  }
}

static bool give_up_one(lomi_httpd *s) {
  return s->reserves > 0 && close(s->reserve[--s->reserves]) == 0;
}

/* The peer that has kept us waiting longest gives way; but not one whose request is there, and none
 * while another one's end is not through yet. */
static void make_room(lomi_httpd *s) {
  connection *c = s->oldest;
  if (c == NULL || s->ending > 0)
    return;
  struct pollfd sent = {.fd = c->fd, .events = POLLIN};
  bool quiet = c->phase == PHASE_REPLYING || poll(&sent, 1, 0) == 0;
  if (quiet && c->warned)
    hang_up(c);
  c->warned = quiet;
}

static void accept_peers(lomi_httpd *s) {
  struct pollfd backlog = {.fd = s->listen_fd, .events = POLLIN};
  s->accept_due = NEVER;
  for (unsigned n = 0; poll(&backlog, 1, 0) > 0; n++) { /* accept() may say EMFILE for nobody */
    int fd = -1;
    while (n < AT_ONCE && s->connections + n < MAX_CONNECTIONS && fd < 0) {
      fd = lomi_accept(s->listen_fd);
      if (fd < 0 && !give_up_one(s))
        break;
    }
    if (fd < 0) {
      if (n < AT_ONCE)
        make_room(s);
      s->accept_due = after(n < AT_ONCE ? MOMENT : 0);
      return;
    }
    leave(s); /* it may call connection_changed() */
    MHD_add_connection(s->daemon, fd, NULL, 0);
    enter(s);
  }
}

/* ---- The loop ---- */

/* A handler that waits again keeps its connection suspended. */
static void fire_timers(lomi_httpd *s) {
  uint64_t t = now();
  while (s->first != NULL && s->first->due <= t) {
    connection *c = s->first;
    timer_remove(c);
    if (c->phase == PHASE_RUNNING) {
      double seconds = 0;
      if (lomi_app_resume(&s->app, &c->task, &c->reply, &seconds) == LOMI_APP_WAIT) {
        timer_add(c, after(seconds));
        continue;
      }
      c->phase = PHASE_REPLYING;
      c->reply_time = now();
    }
    MHD_resume_connection(c->mhd);
  }
}

static bool watch(lomi_httpd *s, int fd, unsigned events) {
  return lomi_poller_watch(&s->poller, fd, events, s);
}

/* False: our poller was closed by somebody else. */
static bool wait_for_events(lomi_httpd *s, uint64_t due, bool *knocked) {
  uint64_t t = now();
  int ready;
  double seconds = due > t ? (double)(due - t) / (double)SECOND : 0;
  if (lomi_poller_wait(&s->poller, seconds, &ready) == LOMI_WAIT_LOST)
    return false;
  for (int i = 0; i < ready; i++) {
    int fd;
    unsigned events;
    char bytes[64];
    lomi_poller_report(&s->poller, i, &fd, &events);
    *knocked = *knocked || fd == s->listen_fd;
    while (fd == s->wake[0] && read(fd, bytes, sizeof bytes) > 0)
      continue;
  }
  return true;
}

/* False: it has more to do at once. */
static bool run_daemon(lomi_httpd *s) {
  unsigned long long pending;
  if (s->runs_itself)
    return true;
  MHD_run(s->daemon);
  return MHD_get_timeout(s->daemon, &pending) != MHD_YES || pending > 0;
}

static void serve(lomi_httpd *s) {
  bool knocked = false, waited = true;
  enter(s);
  while (!s->stopping && waited) {
    s->awake_at = 0;
    end_patience(s);
    fire_timers(s);
    if (s->accept_due == NEVER) /* nobody in the backlog needs what has become free */
      fill_reserve(s);
    if (knocked || s->accept_due <= now())
      accept_peers(s);
    step(s);
    /* Connections that stay in the backlog are looked at when that is due. */
    watch(s, s->listen_fd, s->accept_due == NEVER ? LOMI_READABLE : 0);
    leave(s);
    bool idle = run_daemon(s);
    enter(s);
    uint64_t due = idle && !s->stopping ? next_due(s) : 0;
    s->awake_at = due;
    leave(s);
    knocked = false;
    waited = wait_for_events(s, due, &knocked);
    enter(s);
  }
  leave(s);
}

static void fail(lomi_httpd *s, const char *what) {
  snprintf(s->app.error, sizeof s->app.error, "%s: %s", what, strerror(errno));
}

static bool start_daemon(lomi_httpd *s) {
  const lomi_httpd_config *config = s->config;
  bool secure = config->tls_cert != NULL;
  unsigned flags = (s->runs_itself ? MHD_USE_POLL_INTERNAL_THREAD : MHD_USE_EPOLL) |
                   MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | (secure ? MHD_USE_TLS : 0);
  struct MHD_OptionItem options[] = {
      {MHD_OPTION_CONNECTION_MEMORY_LIMIT, config->connection_memory, NULL},
      {MHD_OPTION_CONNECTION_LIMIT, MAX_CONNECTIONS, NULL},
      {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)connection_changed, s},
      {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)target_received, s},
      {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)request_completed, s},
      {secure ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, (void *)config->tls_cert},
      {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)config->tls_key},
      {MHD_OPTION_END, 0, NULL},
  };
  s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, request_progress, s, MHD_OPTION_ARRAY, options,
                               MHD_OPTION_END);
  if (s->daemon == NULL)
    snprintf(s->app.error, sizeof s->app.error, "libmicrohttpd did not start%s",
             secure ? "; are tls_cert and tls_key a PEM certificate and its key?" : "");
  return s->daemon != NULL;
}

/* On false the reason is in app.error. */
static bool set_up(lomi_httpd *s) {
  if (!lomi_app_open(&s->app, &s->config->app) || !start_daemon(s))
    return false;
  const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
  if (!s->runs_itself && (info == NULL || !watch(s, info->epoll_fd, LOMI_READABLE))) {
    fail(s, "cannot poll libmicrohttpd's epoll descriptor");
    return false;
  }
  if (!watch(s, s->wake[0], LOMI_READABLE) || !watch(s, s->listen_fd, LOMI_READABLE)) {
    fail(s, "cannot poll");
    return false;
  }
  if (s->app.pollfd >= 0 && !watch(s, s->app.pollfd, LOMI_READABLE)) {
    fail(s, "cannot poll the descriptor that app:pollfd returned");
    return false;
  }
  fill_reserve(s);
  return true;
}

/* ---- Running servers ----
 *
 * The one thing that is global here: at exit every thread must have ended before the libraries it
 * uses are torn down, and a fork must leave the parent's servers alone. */

static struct {
  pthread_once_t once;
  pthread_mutex_t mutex;
  lomi_httpd *first;
  bool hooked;
} running = {PTHREAD_ONCE_INIT, PTHREAD_MUTEX_INITIALIZER, NULL, false};

static void tear_down(lomi_httpd *s) {
  pthread_mutex_lock(&running.mutex); /* a fork sees it open, or knows that it is not */
  close(s->listen_fd);
  s->listen_fd = -1;
  pthread_mutex_unlock(&running.mutex);
  enter(s);
  s->stopping = true;
  while (give_up_one(s))
    continue;
  while (s->first != NULL) { /* libmicrohttpd aborts the process if one is still suspended */
    connection *c = s->first;
    timer_remove(c);
    MHD_resume_connection(c->mhd);
  }
  leave(s);
  if (s->daemon != NULL)
    MHD_stop_daemon(s->daemon); /* ends every request */
  lomi_app_close(&s->app);
}

static void *thread_main(void *arg) {
  lomi_httpd *s = arg;
  bool ok = set_up(s);
  pthread_mutex_lock(&s->mutex);
  s->state = ok ? STARTED : FAILED;
  s->config = NULL;
  pthread_cond_signal(&s->answered);
  pthread_mutex_unlock(&s->mutex);
  if (ok)
    serve(s);
  tear_down(s);
  return NULL;
}

static void list_add(lomi_httpd *s) {
  pthread_mutex_lock(&running.mutex);
  s->next = running.first;
  s->running = true;
  running.first = s;
  pthread_mutex_unlock(&running.mutex);
}

/* Whoever takes a server off the list ends its thread. With NULL, any. */
static lomi_httpd *list_take(lomi_httpd *wanted) {
  lomi_httpd *found = NULL;
  pthread_mutex_lock(&running.mutex);
  for (lomi_httpd **p = &running.first; *p != NULL; p = &(*p)->next) {
    if (wanted == NULL || *p == wanted) {
      found = *p;
      *p = found->next;
      found->running = false;
      break;
    }
  }
  pthread_mutex_unlock(&running.mutex);
  return found;
}

static void end_thread(lomi_httpd *s) {
  if (pthread_getspecific(entered) == s)
    return; /* the application called os.exit() */
  pthread_mutex_lock(&s->mutex);
  s->stopping = true;
  wake_up(s);
  pthread_mutex_unlock(&s->mutex);
  pthread_join(s->thread, NULL);
}

static void at_exit(void) {
  lomi_httpd *s;
  while ((s = list_take(NULL)) != NULL)
    end_thread(s); /* not freed: a Lua state that was never closed may still hold it */
}

static void before_fork(void) {
  pthread_mutex_lock(&running.mutex);
}

static void after_fork_parent(void) {
  pthread_mutex_unlock(&running.mutex);
}

/* The child has none of the threads; of their servers it only lets go of the port. */
static void after_fork_child(void) {
  for (lomi_httpd *s = running.first; s != NULL; s = s->next) {
    if (s->listen_fd >= 0)
      close(s->listen_fd);
    close(s->wake[0]);
    close(s->wake[1]);
    lomi_poller_abandon(&s->poller);
    while (give_up_one(s))
      continue;
  }
  running.first = NULL;
  pthread_mutex_unlock(&running.mutex);
}

static void hook_process(void) {
  running.hooked = pthread_key_create(&entered, NULL) == 0 && atexit(at_exit) == 0 &&
                   pthread_atfork(before_fork, after_fork_parent, after_fork_child) == 0;
}

/* ---- Start and stop ---- */

static int listen_on(const char *host, int port, int *bound_port, char *error, size_t size) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                           .ai_socktype = SOCK_STREAM};
  struct addrinfo *address = NULL;
  char service[16];
  snprintf(service, sizeof service, "%d", port);
  if (getaddrinfo(host, service, &hints, &address) != 0) {
    snprintf(error, size, "host '%.64s' is not a numeric address such as 127.0.0.1 or ::1", host);
    return -1;
  }
  const int on = 1;
  struct sockaddr_storage bound;
  memset(&bound, 0, sizeof bound);
  socklen_t len = sizeof bound;
  int fd = lomi_socket(address->ai_family, SOCK_STREAM, 0);
  bool ok = fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
            setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
            bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0 &&
            getsockname(fd, (struct sockaddr *)&bound, &len) == 0;
  if (ok) {
    /* the port is at the same place in both families */
    *bound_port = ntohs(((struct sockaddr_in *)&bound)->sin_port);
  } else {
    snprintf(error, size, "cannot listen on %s port %d: %s", host, port, strerror(errno));
    if (fd >= 0)
      close(fd);
    fd = -1;
  }
  freeaddrinfo(address);
  return fd;
}

static void free_server(lomi_httpd *s) {
  for (int i = 0; i < 2; i++)
    if (s->wake[i] >= 0)
      close(s->wake[i]);
  lomi_poller_close(&s->poller);
  pthread_cond_destroy(&s->answered);
  pthread_mutex_destroy(&s->mutex);
  lomi_buffer_free(&s->headers);
  free(s);
}

/* All signals are the host's business: none is delivered to our thread, SIGPIPE least of all. */
static int create_thread(lomi_httpd *s) {
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int failed = pthread_create(&s->thread, NULL, thread_main, s);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return failed;
}

lomi_httpd *lomi_httpd_start(const lomi_httpd_config *config, char *error, size_t error_size) {
  pthread_once(&running.once, hook_process);
  lomi_httpd *s = running.hooked ? calloc(1, sizeof *s) : NULL;
  if (s == NULL) {
    snprintf(error, error_size, "not enough memory");
    return NULL;
  }
  pthread_mutex_init(&s->mutex, NULL);
  pthread_cond_init(&s->answered, NULL);

  s->config = config;
  s->connection_memory = (size_t)config->connection_memory;
  snprintf(s->reserved, sizeof s->reserved, "%s", config->reserved != NULL ? config->reserved : "");
  lomi_buffer_init(&s->headers, s->connection_memory * 2);
  s->pid = getpid();
  s->step_due = s->accept_due = NEVER;
  s->runs_itself = !LOMI_LINUX;
  s->wake[0] = s->wake[1] = -1;
  if (!lomi_poller_open(&s->poller) || !lomi_pipe(s->wake)) {
    snprintf(error, error_size, "no descriptor: %s", strerror(errno));
    free_server(s);
    return NULL;
  }
  s->listen_fd = listen_on(config->host, config->port, &s->port, error, error_size);
  if (s->listen_fd < 0) {
    free_server(s);
    return NULL;
  }
  int failed = create_thread(s);
  if (failed != 0) {
    snprintf(error, error_size, "no thread: %s", strerror(failed));
    close(s->listen_fd);
    free_server(s);
    return NULL;
  }
  pthread_mutex_lock(&s->mutex);
  while (s->state == STARTING)
    pthread_cond_wait(&s->answered, &s->mutex);
  bool ok = s->state == STARTED;
  pthread_mutex_unlock(&s->mutex);
  if (!ok) {
    pthread_join(s->thread, NULL);
    snprintf(error, error_size, "%s", s->app.error);
    free_server(s);
    return NULL;
  }
  list_add(s);
  return s;
}

const char *lomi_httpd_version(void) {
  return MHD_get_version();
}

int lomi_httpd_port(const lomi_httpd *server) {
  return server->port;
}

void lomi_httpd_stop(lomi_httpd *server) {
  if (server->pid != getpid())
    return;
  if (list_take(server) != NULL)
    end_thread(server);
  free_server(server);
}
