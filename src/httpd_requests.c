/* SPDX-License-Identifier: MIT */
/* libmicrohttpd's thread of the server: requests in, replies out. It calls what is here.
 *
 * A handler that waits must not hold up the others: its connection is suspended, and our thread
 * resumes it. A connection is suspended as long as it is on the server's list `suspended`. */
#include "httpd_state.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "os.h"
#include "text.h"

enum {
  MAX_BODY = 2 * 1024 * 1024,
  MAX_REPLY_HEADERS = 64 * 1024,
  MAX_REPLY_BODY = 64 * 1024 * 1024,
  FEW = 4, /* room is short with fewer than so many descriptors left */
  READ_BLOCK = 16 * 1024,
  KEPT = 64 * 1024, /* bytes of buffers a connection holds on to between requests */
};

static const double MOMENT = 0.001; /* seconds until a full socket is tried again */

/* False: the server or the connection ends, and so must the reply. */
static bool pause_reply(lomi_peer *p, double seconds) {
  lomi_httpd *s = p->server;
  lomi_httpd_enter(s);
  bool paused = !s->stopping && !p->ending;
  if (paused) {
    lomi_peer_wait(p, &s->suspended, lomi_now() + seconds);
    MHD_suspend_connection(p->mhd);
  }
  lomi_httpd_leave(s);
  return paused;
}

/* Until a full socket is tried again. False, too, when the peer has had its time to read. */
static bool pause_full(lomi_peer *p) {
  return lomi_now() - p->reply_time < p->server->patience && pause_reply(p, MOMENT);
}

/* ---- Replies on the wire ---- */

/* Ends the connection once all of it is on the wire. */
static enum MHD_Result send_raw(lomi_peer *p) {
  const lomi_buffer *b = &p->task.reply.body;
  while (p->sent < b->len) {
    ssize_t n = send(p->fd, b->data + p->sent, b->len - p->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      p->sent += (size_t)n;
    } else if (errno == EAGAIN) {
      return pause_full(p) ? MHD_YES : MHD_NO;
    } else if (errno != EINTR) {
      break;
    }
  }
  if (p->task.reply.reset)
    lomi_reset(p->fd);
  return MHD_NO;
}

/* How much of the body may be out by now. */
static size_t body_allowed(const lomi_peer *p) {
  const lomi_httpd_reply *r = &p->task.reply;
  if (r->truncated)
    return r->truncate;
  if (r->trickle > 0) {
    double paced = (lomi_now() - p->reply_time) * r->trickle;
    if (paced < (double)r->body.len)
      return (size_t)paced;
  }
  return r->body.len;
}

static ssize_t read_body(void *cls, uint64_t pos, char *out, size_t max) {
  lomi_peer *p = cls;
  const lomi_httpd_reply *r = &p->task.reply;
  size_t allowed = body_allowed(p);
  if (allowed > pos) {
    size_t n = allowed - (size_t)pos < max ? allowed - (size_t)pos : max;
    memcpy(out, r->body.data + pos, n);
    return (ssize_t)n;
  }
  if (r->trickle > 0) {
    double due = p->reply_time + (double)(pos + 1) / r->trickle;
    if (pause_reply(p, fmin(fmax(due - lomi_now(), MOMENT), 3600)))
      return 0;
  } else if (r->reset) { /* a RST would take back what has not left yet */
    if (!lomi_flush(p->fd) && pause_full(p))
      return 0;
    lomi_reset(p->fd);
  }
  return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* NULL if libmicrohttpd refuses a header, which is then in *refused, or is out of memory. */
static struct MHD_Response *make_response(lomi_peer *p, const char **refused) {
  const lomi_httpd_reply *r = &p->task.reply;
  struct MHD_Response *response =
      r->truncated || r->trickle > 0
          ? MHD_create_response_from_callback(r->body.len, READ_BLOCK, read_body, p, NULL)
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
static enum MHD_Result queue_reply(lomi_peer *p) {
  const char *refused = NULL;
  struct MHD_Response *response = make_response(p, &refused);
  if (response == NULL && refused != NULL) {
    char message[256];
    snprintf(message, sizeof message,
             "response.headers: %.64s: not a header, or one that the server writes itself",
             refused);
    lomi_httpd_reply_error(&p->task.reply, 500, "internal_error", message);
    response = make_response(p, &refused);
  }
  if (response == NULL)
    return MHD_NO;
  enum MHD_Result queued = MHD_queue_response(p->mhd, (unsigned)p->task.reply.status, response);
  MHD_destroy_response(response);
  return queued;
}

/* ---- Requests ---- */

static void end_request(lomi_peer *p) {
  lomi_app_abandon(p->server->app.L, &p->task);
  lomi_buffer_clear(&p->task.target, KEPT);
  lomi_buffer_clear(&p->task.body, KEPT);
  lomi_httpd_reply_clear(&p->task.reply);
  p->phase = LOMI_PEER_IDLE;
  p->oversized = false;
  p->sent = 0;
  lomi_peer_await(p);
}

static void end_peer(lomi_peer *p) {
  lomi_httpd *s = p->server;
  lomi_peer_stop_waiting(p);
  s->peers--;
  s->ending -= p->ending;
  lomi_app_abandon(s->app.L, &p->task);
  lomi_buffer_free(&p->task.target);
  lomi_buffer_free(&p->task.body);
  lomi_buffer_free(&p->task.reply.headers);
  lomi_buffer_free(&p->task.reply.body);
  free(p);
}

/* NULL: its requests are dropped. */
static lomi_peer *new_peer(lomi_httpd *s, struct MHD_Connection *mhd) {
  s->accepts++;
  lomi_peer *p = calloc(1, sizeof *p);
  if (p == NULL)
    return NULL;
  p->server = s;
  p->mhd = mhd;
  p->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  p->task.connection = s->accepts;
  p->task.headers = &s->headers;
  lomi_buffer_init(&p->task.target, s->connection_memory);
  lomi_buffer_init(&p->task.body, MAX_BODY);
  lomi_buffer_init(&p->task.reply.headers, MAX_REPLY_HEADERS);
  lomi_buffer_init(&p->task.reply.body, MAX_REPLY_BODY);
  s->peers++;
  lomi_peer_await(p);
  return p;
}

static void connection_changed(void *cls, struct MHD_Connection *mhd, void **context,
                               enum MHD_ConnectionNotificationCode what) {
  lomi_httpd *s = cls;
  lomi_httpd_enter(s);
  if (what == MHD_CONNECTION_NOTIFY_STARTED)
    *context = new_peer(s, mhd);
  else if (*context != NULL)
    end_peer(*context);
  lomi_httpd_leave(s);
}

/* Called first for each request. Its result is *context of the two below. */
static void *target_received(void *cls, const char *target, struct MHD_Connection *mhd) {
  (void)cls;
  lomi_peer *p = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
  if (p == NULL)
    return NULL;
  lomi_httpd_enter(p->server);
  end_request(p); /* one whose head was malformed is not reported as completed */
  lomi_httpd_leave(p->server);
  lomi_buffer_status status = lomi_buffer_append(&p->task.target, target, strlen(target));
  return status == LOMI_BUFFER_OK ? p : NULL;
}

static void request_completed(void *cls, struct MHD_Connection *mhd, void **context,
                              enum MHD_RequestTerminationCode why) {
  lomi_httpd *s = cls;
  (void)mhd;
  (void)why;
  if (*context == NULL)
    return;
  lomi_httpd_enter(s);
  end_request(*context);
  lomi_httpd_leave(s);
}

/* Packs it as lomi_push_headers reads it; one without memory left is not there. */
static enum MHD_Result collect_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                      const char *value) {
  lomi_buffer *b = cls;
  size_t start = b->len, len = value != NULL ? strlen(value) : 0;
  (void)kind;
  lomi_trim(&value, &len);
  if (lomi_buffer_append(b, name, strlen(name) + 1) != LOMI_BUFFER_OK ||
      lomi_buffer_append(b, value, len) != LOMI_BUFFER_OK ||
      lomi_buffer_append(b, "", 1) != LOMI_BUFFER_OK) {
    b->len = start;
    return MHD_NO;
  }
  for (char *c = b->data + start; *c != '\0'; c++)
    *c = lomi_lower(*c);
  return MHD_YES;
}

/* Where handlers hold all the room, what is left is for the reserved target: so there is always a
 * connection that can give way. */
static bool is_refused(const lomi_peer *p) {
  const lomi_httpd *s = p->server;
  size_t n = strlen(s->reserved);
  return (unsigned)s->reserves + s->awaited.count < FEW &&
         (n == 0 || p->task.target.len < n || memcmp(p->task.target.data, s->reserved, n) != 0);
}

/* False: the handler waits; else the reply is there. */
static bool run_handler(lomi_peer *p, const char *method) {
  lomi_httpd *s = p->server;
  p->phase = LOMI_PEER_REPLYING;
  if (is_refused(p)) {
    lomi_httpd_reply_error(&p->task.reply, 503, "service_unavailable",
                           "the sandbox has no room for more connections");
    return true;
  }
  if (p->oversized) {
    lomi_httpd_reply_error(&p->task.reply, 413, "payload_too_large",
                           "the body is larger than 2 MiB");
    return true;
  }
  p->task.method = method;
  lomi_buffer_clear(&s->headers, KEPT);
  MHD_get_connection_values(p->mhd, MHD_HEADER_KIND, collect_header, &s->headers);
  return lomi_peer_run(p);
}

static void handle(lomi_peer *p, const char *method) {
  lomi_httpd *s = p->server;
  lomi_peer_stop_waiting(p);
  if (run_handler(p, method))
    lomi_peer_await(p);
  else
    MHD_suspend_connection(p->mhd);
  s->step_due = lomi_now() + lomi_app_step(&s->app);
}

/* Called with the head alone, then with each piece of the body, then with neither; and once more
 * each time a suspended connection is resumed without a reply queued. */
static enum MHD_Result request_progress(void *cls, struct MHD_Connection *mhd, const char *url,
                                        const char *method, const char *version, const char *data,
                                        size_t *size, void **context) {
  lomi_httpd *s = cls;
  lomi_peer *p = *context;
  (void)mhd;
  (void)url;
  (void)version;
  if (p == NULL)
    return MHD_NO;
  if (*size > 0) {
    p->oversized |= lomi_buffer_append(&p->task.body, data, *size) != LOMI_BUFFER_OK;
    *size = 0;
    return MHD_YES;
  }
  lomi_httpd_enter(s);
  bool goes_on = p->phase != LOMI_PEER_RUNNING; /* resumed without a reply: the server ends */
  if (p->phase == LOMI_PEER_IDLE) {
    p->phase = LOMI_PEER_RECEIVING;
  } else if (p->phase == LOMI_PEER_RECEIVING) {
    goes_on = !s->stopping && !p->ending;
    if (goes_on)
      handle(p, method);
  }
  bool replies = p->phase == LOMI_PEER_REPLYING;
  lomi_httpd_leave(s);
  if (replies)
    return p->task.reply.raw ? send_raw(p) : queue_reply(p);
  return goes_on ? MHD_YES : MHD_NO; /* MHD_NO closes the connection */
}

bool lomi_httpd_start_daemon(lomi_httpd *s, const char *tls_cert, const char *tls_key) {
  bool secure = tls_cert != NULL;
  /* Elsewhere lomi_reset takes a descriptor out of its epoll set, which libmicrohttpd would abort
   * the process for. */
  unsigned flags = LOMI_LINUX ? MHD_USE_EPOLL_INTERNAL_THREAD : MHD_USE_POLL_INTERNAL_THREAD;
  struct MHD_OptionItem options[] = {
      {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)s->connection_memory, NULL},
      {MHD_OPTION_CONNECTION_LIMIT, LOMI_HTTPD_MAX_PEERS, NULL},
      {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)connection_changed, s},
      {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)target_received, s},
      {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)request_completed, s},
      {secure ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, (void *)tls_cert},
      {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)tls_key},
      {MHD_OPTION_END, 0, NULL},
  };
  flags |= MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | (secure ? MHD_USE_TLS : 0);
  s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, request_progress, s, MHD_OPTION_ARRAY, options,
                               MHD_OPTION_END);
  return s->daemon != NULL;
}
