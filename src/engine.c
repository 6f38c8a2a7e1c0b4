/* SPDX-License-Identifier: MIT */
#include "engine.h"
#include "lomi.h"
#include "sockets.h"

#include <curl/curl.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
  IDLE_CONNECTIONS = 1024, /* kept open for reuse */
  IDLE_TRANSFERS = 64,     /* kept set up for reuse; one costs libcurl about 20 KiB */
  KEEP_BYTES = 64 * 1024,  /* what an idle transfer's buffers may keep */
  OPENED_KEPT = 4,
};

/* The part of a transfer that is ours alone. The easy handle keeps its settings when it is used
 * again: setting libcurl up is a good part of what a request costs. */
typedef struct lomi_slot {
  lomi_transfer transfer; /* first: a transfer is its slot */
  lomi_engine *engine;
  lomi_queue *queue;
  CURL *easy;
  char *url;                /* of the request before; the next one's is mostly the same */
  CURLU *parsed;            /* of it */
  struct curl_slist *block; /* one allocation: list nodes, then the text and body they point to */
  size_t block_size;
  bool interim;   /* what is read now is a 1xx reply */
  bool head_over; /* the body has begun; what comes as header now is a trailer */
  bool too_large; /* of head or body, see too_large_head */
  bool too_large_head;
  bool no_memory;
  bool resend_refused; /* libcurl wanted to send the request a second time */
  unsigned opened_count;
  int opened[OPENED_KEPT]; /* sockets opened for it, the last few: one of them has the connection */
  char error[CURL_ERROR_SIZE];
} lomi_slot;

struct lomi_engine {
  CURLM *multi;
  lomi_sockets sockets;
  bool submitted;      /* something was, since the engine was last driven */
  bool broken;         /* libcurl failed as a whole, not a transfer: it has lost sight of some */
  bool has_tls;        /* a request may have used TLS: OpenSSL's writes can raise SIGPIPE */
  const char *ca_file; /* libcurl's own; static */
  double timer;        /* when libcurl wants to be called, on our clock; negative: not at all */
  lomi_transfer *idle;
  int idle_count;
};

double lomi_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- SIGPIPE: OpenSSL writes without MSG_NOSIGNAL -------------------------------------------- */

typedef struct sigpipe {
  sigset_t before;
  bool blocked;
  bool was_pending;
} sigpipe;

/* Only where TLS may be in play: on plain sockets libcurl sends with MSG_NOSIGNAL itself. */
static void sigpipe_block(sigpipe *s, const lomi_engine *engine) {
  sigset_t set;
  s->blocked = engine->has_tls;
  if (!s->blocked)
    return;
  sigpending(&set);
  s->was_pending = sigismember(&set, SIGPIPE) == 1;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, &s->before);
}

/* Takes back a SIGPIPE of ours, never one that was there before. */
static void sigpipe_restore(const sigpipe *s) {
  sigset_t set;
  if (!s->blocked)
    return;
  sigpending(&set);
  if (!s->was_pending && sigismember(&set, SIGPIPE) == 1) {
    const struct timespec at_once = {0, 0};
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    while (sigtimedwait(&set, NULL, &at_once) < 0 && errno == EINTR)
      ;
  }
  pthread_sigmask(SIG_SETMASK, &s->before, NULL);
}

/* ---- lists ------------------------------------------------------------------------------------
 */

static void list_push(lomi_transfer **list, lomi_transfer *t) {
  t->prev = NULL;
  t->next = *list;
  if (*list != NULL)
    (*list)->prev = t;
  *list = t;
}

static void list_remove(lomi_transfer **list, lomi_transfer *t) {
  if (*list == t)
    *list = t->next;
  else
    t->prev->next = t->next;
  if (t->next != NULL)
    t->next->prev = t->prev;
  t->prev = t->next = NULL;
}

static void queue_finish(lomi_queue *queue, lomi_transfer *t) {
  list_remove(&queue->running, t);
  t->prev = queue->finished_last;
  if (queue->finished_last != NULL)
    queue->finished_last->next = t;
  else
    queue->finished = t;
  queue->finished_last = t;
}

/* ---- what libcurl calls ------------------------------------------------------------------------
 */

static size_t collect(lomi_slot *slot, lomi_buffer *buffer, const char *bytes, size_t n) {
  switch (lomi_buffer_append(buffer, bytes, n)) {
  case LOMI_BUFFER_OK: return n;
  case LOMI_BUFFER_FULL:
    slot->too_large = true;
    slot->too_large_head = buffer == &slot->transfer.head;
    return 0;
  case LOMI_BUFFER_NOMEM: slot->no_memory = true; return 0;
  }
  return 0;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg) {
  lomi_slot *slot = arg;
  size_t n = size * count;
  if (slot->head_over) /* a trailer */
    return n;
  if (n >= 5 && memcmp(bytes, "HTTP/", 5) == 0) { /* what came before was a 1xx reply's */
    const char *status = memchr(bytes, ' ', n);
    slot->interim = status != NULL && status + 1 < bytes + n && status[1] == '1';
    lomi_buffer_clear(&slot->transfer.head, LOMI_MAX_HEAD);
    return n;
  }
  slot->head_over = !slot->interim && (bytes[0] == '\r' || bytes[0] == '\n');
  return collect(slot, &slot->transfer.head, bytes, n);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg) {
  lomi_slot *slot = arg;
  return collect(slot, &slot->transfer.body, bytes, size * count);
}

/* Called when a connection is up and the request is about to leave. libcurl sends a request again
 * by itself when a kept-alive connection dies before any byte of a reply; a charge must not be made
 * twice behind the caller's back. */
static int on_send(void *arg, char *primary_ip, char *local_ip, int primary_port, int local_port) {
  lomi_slot *slot = arg;
  (void)primary_ip;
  (void)local_ip;
  (void)primary_port;
  (void)local_port;
  if (slot->transfer.sent) {
    slot->resend_refused = true;
    return CURL_PREREQFUNC_ABORT;
  }
  slot->transfer.sent = true;
  return CURL_PREREQFUNC_OK;
}

static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address) {
  lomi_slot *slot = arg;
  (void)purpose;
  int fd = lomi_sockets_open(&slot->engine->sockets, address->family, address->socktype,
                             address->protocol);
  if (fd < 0)
    return CURL_SOCKET_BAD;
  slot->opened[slot->opened_count++ % OPENED_KEPT] = fd;
  return fd;
}

static int on_close(void *arg, curl_socket_t fd) {
  lomi_engine *engine = arg;
  return lomi_sockets_close(&engine->sockets, fd);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known) {
  lomi_engine *engine = arg;
  (void)easy;
  (void)known;
  uint32_t events = 0;
  if (what != CURL_POLL_REMOVE)
    events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
  return lomi_sockets_want(&engine->sockets, fd, events) ? 0 : -1;
}

static int on_timer(CURLM *multi, long milliseconds, void *arg) {
  lomi_engine *engine = arg;
  (void)multi;
  engine->timer = milliseconds < 0    ? -1
                  : milliseconds == 0 ? 0
                                      : lomi_now() + (double)milliseconds / 1e3;
  return 0;
}

/* ---- the engine --------------------------------------------------------------------------------
 */

static void global_init(void) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
}

lomi_engine *lomi_engine_new(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, global_init);
  lomi_engine *engine = calloc(1, sizeof *engine);
  if (engine == NULL)
    return NULL;
  engine->ca_file = curl_version_info(CURLVERSION_NOW)->cainfo;
  engine->timer = -1;
  bool ready = lomi_sockets_init(&engine->sockets);
  engine->multi = curl_multi_init();
  if (!ready || engine->multi == NULL ||
      curl_multi_setopt(engine->multi, CURLMOPT_SOCKETFUNCTION, on_socket) != CURLM_OK ||
      curl_multi_setopt(engine->multi, CURLMOPT_SOCKETDATA, engine) != CURLM_OK ||
      curl_multi_setopt(engine->multi, CURLMOPT_TIMERFUNCTION, on_timer) != CURLM_OK ||
      curl_multi_setopt(engine->multi, CURLMOPT_TIMERDATA, engine) != CURLM_OK ||
      curl_multi_setopt(engine->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING) != CURLM_OK ||
      curl_multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS) != CURLM_OK) {
    lomi_engine_free(engine);
    return NULL;
  }
  return engine;
}

bool lomi_engine_forked(const lomi_engine *engine) {
  return engine->sockets.abandoned;
}

bool lomi_engine_usable(const lomi_engine *engine) {
  return !engine->broken && !lomi_engine_forked(engine);
}

static void slot_free(lomi_slot *slot) {
  curl_easy_cleanup(slot->easy);
  curl_url_cleanup(slot->parsed);
  free(slot->url);
  lomi_buffer_free(&slot->transfer.head);
  lomi_buffer_free(&slot->transfer.body);
  free(slot->block);
  free(slot);
}

void lomi_engine_free(lomi_engine *engine) {
  if (lomi_engine_forked(engine))
    return;
  sigpipe signals;
  sigpipe_block(&signals, engine); /* closing a TLS connection writes to it */
  while (engine->idle != NULL) {
    lomi_transfer *t = engine->idle;
    list_remove(&engine->idle, t);
    slot_free(t->slot);
  }
  curl_multi_cleanup(engine->multi);
  sigpipe_restore(&signals);
  lomi_sockets_free(&engine->sockets);
  free(engine);
}

/* ---- submit ------------------------------------------------------------------------------------
 */

/* What never changes from one request to the next. */
static CURLcode set_constants(lomi_slot *slot) {
  CURL *easy = slot->easy;
  CURLcode code = CURLE_OK;
#define SET(option, value) (code = code == CURLE_OK ? curl_easy_setopt(easy, option, value) : code)
  SET(CURLOPT_PRIVATE, slot);
  SET(CURLOPT_ERRORBUFFER, slot->error);
  SET(CURLOPT_HEADERFUNCTION, on_header);
  SET(CURLOPT_HEADERDATA, slot);
  SET(CURLOPT_WRITEFUNCTION, on_body);
  SET(CURLOPT_WRITEDATA, slot);
  SET(CURLOPT_PREREQFUNCTION, on_send);
  SET(CURLOPT_PREREQDATA, slot);
  SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
  SET(CURLOPT_OPENSOCKETDATA, slot);
  SET(CURLOPT_CLOSESOCKETFUNCTION, on_close);
  SET(CURLOPT_CLOSESOCKETDATA, slot->engine);
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  SET(CURLOPT_PROTOCOLS_STR, "http,https");
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  SET(CURLOPT_PATH_AS_IS, 1L);
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(CURLOPT_SSL_VERIFYPEER, 1L);
  SET(CURLOPT_SSL_VERIFYHOST, 2L);
  /* With a CA directory set, libcurl parses the whole CA file anew at every connection: 20 ms. */
  if (slot->engine->ca_file != NULL)
    SET(CURLOPT_CAPATH, NULL);
  /* A name server that says nothing must not hold up the end of a transfer. */
  SET(CURLOPT_QUICK_EXIT, 1L);
  return code;
}

static long in_milliseconds(double seconds) {
  const double longest = 1e9; /* ms: eleven days, and no overflow */
  double ms = ceil(seconds * 1e3);
  return ms < 1 ? 1 : ms > longest ? (long)longest : (long)ms;
}

/* Parses the URL, where libcurl would parse it and write it out again at every request. After a
 * failure the slot is of no use. */
static CURLcode set_url(lomi_slot *slot, const char *url) {
  CURL *easy = slot->easy;
  CURLcode code = CURLE_OK;
  if (slot->url != NULL && strcmp(slot->url, url) == 0)
    return code;
  free(slot->url);
  slot->url = strdup(url);
  if (slot->parsed == NULL)
    slot->parsed = curl_url();
  if (slot->url == NULL || slot->parsed == NULL)
    return CURLE_OUT_OF_MEMORY;
  curl_url_set(slot->parsed, CURLUPART_URL, NULL,
               0); /* else a relative one would go on from there */
  CURLUcode fault = curl_url_set(slot->parsed, CURLUPART_URL, url, CURLU_PATH_AS_IS);
  if (fault != CURLUE_OK)
    return fault == CURLUE_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_URL_MALFORMAT;
  SET(CURLOPT_URL, url); /* for its messages, and else it writes one out */
  SET(CURLOPT_CURLU, slot->parsed);
  return code;
}

static CURLcode set_request(lomi_slot *slot, const lomi_request *r, const char *body) {
  CURL *easy = slot->easy;
  CURLcode code = set_url(slot, r->url);
  bool get = strcmp(r->method, "GET") == 0;
  SET(CURLOPT_HTTPHEADER, slot->block);
  SET(CURLOPT_TIMEOUT_MS, in_milliseconds(r->timeout));
  SET(CURLOPT_CONNECTTIMEOUT_MS, in_milliseconds(r->connect_timeout));
  SET(CURLOPT_PROXY, r->proxy);
  if (strncasecmp(r->url, "http:", 5) != 0 || r->proxy == NULL || r->proxy[0] != '\0') {
    slot->engine->has_tls = true;
    SET(CURLOPT_CAINFO, r->ca_file != NULL ? r->ca_file : slot->engine->ca_file);
  }
  if (get && body == NULL) {
    SET(CURLOPT_HTTPGET, 1L);
    SET(CURLOPT_CUSTOMREQUEST, NULL);
  } else {
    SET(CURLOPT_POSTFIELDS, body != NULL ? body : "");
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
    SET(CURLOPT_CUSTOMREQUEST, strcmp(r->method, "POST") == 0 ? NULL : r->method);
  }
#undef SET
  return code;
}

/* Headers libcurl would add by itself, told not to. */
static const char *const UNWANTED[] = {"Expect:", "Content-Type:", "Accept:"};
enum { UNWANTED_COUNT = sizeof UNWANTED / sizeof *UNWANTED };

static bool is_given(const lomi_request *r, const char *unwanted) {
  size_t len = strlen(unwanted) - 1;
  for (size_t i = 0; i < r->header_count; i++)
    if (r->headers[i].name_len == len && strncasecmp(r->headers[i].name, unwanted, len) == 0)
      return true;
  return false;
}

/* Lays headers and body out in the slot's block. Returns where the body is; NULL: no memory. */
static char *fill_block(lomi_slot *slot, const lomi_request *r) {
  size_t nodes = r->header_count + UNWANTED_COUNT;
  size_t size = nodes * sizeof(struct curl_slist) + r->body_len + 1;
  for (size_t i = 0; i < r->header_count; i++)
    size += r->headers[i].name_len + r->headers[i].value_len + sizeof ": ";
  if (size > slot->block_size) {
    struct curl_slist *block = realloc(slot->block, size);
    if (block == NULL)
      return NULL;
    slot->block = block;
    slot->block_size = size;
  }
  struct curl_slist *node = slot->block;
  char *text = (char *)(slot->block + nodes);
  for (size_t i = 0; i < r->header_count; i++, node++) {
    const lomi_header *h = &r->headers[i];
    node->data = text;
    node->next = node + 1;
    memcpy(text, h->name, h->name_len);
    text += h->name_len;
    if (strspn(h->value, " \t") == h->value_len) {
      *text++ = ';'; /* how libcurl is told to send a header without a value */
    } else {
      *text++ = ':';
      *text++ = ' ';
      memcpy(text, h->value, h->value_len);
      text += h->value_len;
    }
    *text++ = '\0';
  }
  struct curl_slist *last = NULL;
  for (int i = 0; i < UNWANTED_COUNT; i++)
    if (!is_given(r, UNWANTED[i])) {
      node->data = (char *)UNWANTED[i]; /* libcurl only reads it */
      node->next = node + 1;
      last = node++;
    }
  if (last == NULL)
    last = node - 1;
  last->next = NULL;
  if (r->body_len > 0)
    memcpy(text, r->body, r->body_len);
  text[r->body_len] = '\0';
  return text;
}

static lomi_slot *slot_get(lomi_engine *engine) {
  lomi_slot *slot;
  if (engine->idle != NULL) {
    slot = engine->idle->slot;
    list_remove(&engine->idle, &slot->transfer);
    engine->idle_count--;
  } else {
    slot = calloc(1, sizeof *slot);
    if (slot == NULL)
      return NULL;
    slot->engine = engine;
    slot->transfer.slot = slot;
    lomi_buffer_init(&slot->transfer.head, LOMI_MAX_HEAD);
    lomi_buffer_init(&slot->transfer.body, LOMI_MAX_REPLY_BODY);
    slot->easy = curl_easy_init();
    if (slot->easy == NULL || set_constants(slot) != CURLE_OK) {
      slot_free(slot);
      return NULL;
    }
  }
  slot->opened_count = 0;
  slot->interim = slot->head_over = slot->too_large = slot->no_memory = slot->resend_refused =
      false;
  slot->transfer.sent = false;
  slot->transfer.status = 0;
  slot->transfer.message = NULL;
  slot->error[0] = '\0';
  return slot;
}

static void slot_put(lomi_slot *slot) {
  lomi_engine *engine = slot->engine;
  if (engine->idle_count >= IDLE_TRANSFERS) {
    slot_free(slot);
    return;
  }
  lomi_buffer_clear(&slot->transfer.head, KEEP_BYTES);
  lomi_buffer_clear(&slot->transfer.body, KEEP_BYTES);
  if (slot->block_size > KEEP_BYTES) {
    free(slot->block);
    slot->block = NULL;
    slot->block_size = 0;
  }
  list_push(&engine->idle, &slot->transfer);
  engine->idle_count++;
}

double lomi_engine_submit(lomi_engine *engine, lomi_queue *queue, const lomi_request *request,
                          const char **why) {
  lomi_slot *slot = slot_get(engine);
  char *body = slot != NULL ? fill_block(slot, request) : NULL;
  if (body == NULL) {
    if (slot != NULL)
      slot_put(slot);
    *why = "out of memory";
    return 0;
  }
  CURLcode code = set_request(slot, request, request->body != NULL ? body : NULL);
  if (code == CURLE_OK && curl_multi_add_handle(engine->multi, slot->easy) != CURLM_OK)
    code = CURLE_OUT_OF_MEMORY;
  if (code != CURLE_OK) {
    slot_free(slot);
    *why = curl_easy_strerror(code);
    return 0;
  }
  slot->queue = queue;
  engine->submitted = true;
  slot->transfer.id = ++queue->last_id;
  list_push(&queue->running, &slot->transfer);
  return slot->transfer.id;
}

/* ---- drive -------------------------------------------------------------------------------------
 */

static lomi_outcome outcome_of(CURLcode code) {
  switch (code) {
  case CURLE_OK: return LOMI_REPLY;
  case CURLE_OPERATION_TIMEDOUT: return LOMI_FAILED_TIMEOUT;
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_SSL_ENGINE_NOTFOUND:
  case CURLE_SSL_ENGINE_SETFAILED:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_USE_SSL_FAILED:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_CRL_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
  case CURLE_SSL_INVALIDCERTSTATUS:
  case CURLE_SSL_CLIENTCERT: return LOMI_FAILED_TLS;
  case CURLE_UNSUPPORTED_PROTOCOL: /* what came is not HTTP/1.x */
  case CURLE_WEIRD_SERVER_REPLY:
  case CURLE_BAD_CONTENT_ENCODING: return LOMI_FAILED_PROTOCOL;
  default: return LOMI_FAILED_CONNECTION;
  }
}

/* What libcurl ends with when it cannot connect anew, or thinks that it has tried often enough.
 * What was sent then was sent on the connection before. */
static bool is_lost(CURLcode code) {
  return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
         code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_SEND_ERROR;
}

static void finish(lomi_slot *slot, CURLcode code) {
  lomi_transfer *t = &slot->transfer;
  t->outcome = outcome_of(code);
  if (code == CURLE_OK) {
    curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &t->status);
  } else if (slot->too_large) {
    t->outcome = LOMI_FAILED_PROTOCOL;
    t->message = slot->too_large_head ? "the reply's headers are larger than 64 KiB"
                                      : "the reply is larger than 4 MiB";
  } else if (slot->no_memory) {
    t->message = "out of memory while reading the reply";
  } else if (slot->resend_refused || (t->sent && is_lost(code))) {
    t->message =
        "the connection was lost while or after the request was sent on it, before any reply";
  } else {
    t->message = slot->error[0] != '\0' ? slot->error : curl_easy_strerror(code);
  }
  queue_finish(slot->queue, t);
}

/* The connection it opened, if it opened one, is idle now. */
static void watch_connection(lomi_slot *slot) {
  unsigned kept = slot->opened_count < OPENED_KEPT ? slot->opened_count : OPENED_KEPT;
  for (unsigned i = 0; i < kept; i++)
    lomi_sockets_watch(&slot->engine->sockets, slot->opened[i]);
}

static void collect_finished(lomi_engine *engine) {
  CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(engine->multi, &left)) != NULL) {
    if (message->msg != CURLMSG_DONE)
      continue;
    CURLcode code = message->data.result; /* the message dies with the removal below */
    CURL *easy = message->easy_handle;
    char *slot = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &slot);
    curl_multi_remove_handle(engine->multi, easy);
    watch_connection((lomi_slot *)(void *)slot);
    finish((lomi_slot *)(void *)slot, code);
  }
}

double lomi_engine_timeout(const lomi_engine *engine) {
  if (engine->timer <= 0)
    return engine->timer;
  double left = engine->timer - lomi_now();
  return left > 0 ? left : 0;
}

int lomi_engine_fd(const lomi_engine *engine) {
  return engine->sockets.epoll;
}

static void act(lomi_engine *engine, curl_socket_t fd, int what) {
  int running;
  if (curl_multi_socket_action(engine->multi, fd, what, &running) != CURLM_OK)
    engine->broken = true;
}

bool lomi_engine_drive(lomi_engine *engine, double wait) {
  int count = 0;
  double timer = lomi_engine_timeout(engine);
  /* Something to do at once is not waited for; but before a request goes out on an idle connection,
   * that connection is asked whether it is still idle. */
  if (timer != 0 || engine->submitted) {
    if (timer >= 0 && timer < wait)
      wait = timer;
    const double longest = 1e6; /* seconds, so that milliseconds fit an int */
    int ms = wait <= 0 ? 0 : (int)ceil((wait < longest ? wait : longest) * 1e3);
    count = lomi_sockets_wait(&engine->sockets, ms);
    if (count < 0) {
      engine->broken = engine->broken || engine->sockets.lost;
      return false;
    }
    engine->submitted = false;
    timer = lomi_engine_timeout(engine);
  }
  sigpipe signals;
  sigpipe_block(&signals, engine);
  for (int i = 0; i < count; i++) {
    struct epoll_event event = engine->sockets.events[i]; /* the array may grow, and move */
    int what = (event.events & EPOLLIN ? CURL_CSELECT_IN : 0) |
               (event.events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (event.events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    act(engine, event.data.fd, what);
  }
  if (timer == 0) {
    engine->timer = -1;
    act(engine, CURL_SOCKET_TIMEOUT, 0);
  }
  collect_finished(engine);
  sigpipe_restore(&signals);
  engine->broken = engine->broken || engine->sockets.lost;
  return !engine->broken;
}

/* ---- queues ------------------------------------------------------------------------------------
 */

lomi_transfer *lomi_queue_take(lomi_queue *queue) {
  lomi_transfer *t = queue->finished;
  if (t == NULL)
    return NULL;
  list_remove(&queue->finished, t);
  if (queue->finished == NULL)
    queue->finished_last = NULL;
  list_push(&queue->taken, t);
  return t;
}

void lomi_queue_return(lomi_queue *queue, lomi_transfer *t) {
  lomi_slot *slot = t->slot;
  list_remove(&queue->taken, t);
  if (slot->engine == NULL)
    slot_free(slot);
  else if (!lomi_engine_forked(slot->engine))
    slot_put(slot);
  /* else it was left behind by a fork: the easy handle is the parent's */
}

/* The engine may be gone when these come back. */
static void detach(lomi_queue *queue) {
  for (lomi_transfer *t = queue->finished; t != NULL; t = t->next)
    t->slot->engine = NULL;
  for (lomi_transfer *t = queue->taken; t != NULL; t = t->next)
    t->slot->engine = NULL;
}

void lomi_queue_close(lomi_engine *engine, lomi_queue *queue) {
  if (lomi_engine_forked(engine)) {
    *queue = (lomi_queue){.taken = queue->taken};
    return;
  }
  sigpipe signals;
  sigpipe_block(&signals, engine);
  while (queue->running != NULL) {
    lomi_transfer *t = queue->running;
    list_remove(&queue->running, t);
    curl_multi_remove_handle(engine->multi, t->slot->easy);
    slot_free(t->slot);
  }
  sigpipe_restore(&signals);
  while (queue->finished != NULL)
    lomi_queue_return(queue, lomi_queue_take(queue));
  detach(queue);
}

void lomi_queue_free(lomi_queue *queue) {
  while (queue->taken != NULL)
    lomi_queue_return(queue, queue->taken);
}

void lomi_queue_orphan(lomi_engine *engine, lomi_queue *queue) {
  bool forked = lomi_engine_forked(engine);
  sigpipe signals;
  sigpipe_block(&signals, engine);
  while (queue->running != NULL) {
    lomi_transfer *t = queue->running;
    t->outcome = LOMI_FAILED_CONNECTION;
    if (forked) {
      t->sent = true;
      t->message = "the process forked while the request was on its way; the parent gets the reply";
    } else {
      curl_multi_remove_handle(engine->multi, t->slot->easy);
      t->message =
          "libcurl cannot go on: out of memory or file descriptors, or one of its own was closed";
    }
    queue_finish(queue, t);
  }
  sigpipe_restore(&signals);
  if (!forked)
    detach(queue);
}
