/* SPDX-License-Identifier: MIT */
/* What the files of the server share: its state, the connections of its peers, and where they wait.
 * Both of its threads use it, under the server's mutex. */
#ifndef LOMI_HTTPD_STATE_H
#define LOMI_HTTPD_STATE_H

#include <microhttpd.h>
#include <pthread.h>

#include "httpd_app.h"

enum {
  LOMI_HTTPD_RESERVE = 8, /* descriptors held back for peers, whatever the process uses up */
  LOMI_HTTPD_MAX_PEERS = 10000,
};

typedef enum {
  LOMI_PEER_IDLE,      /* between requests */
  LOMI_PEER_RECEIVING, /* the head is there, the body is coming */
  LOMI_PEER_RUNNING,   /* the handler waits */
  LOMI_PEER_REPLYING,  /* the reply is there */
} lomi_peer_phase;

typedef struct lomi_httpd lomi_httpd;

/* Connections that wait, soonest due first. */
typedef struct lomi_peer_list {
  struct lomi_peer *first, *last;
  unsigned count;
} lomi_peer_list;

/* One TCP connection; libmicrohttpd keeps it as the socket context. */
typedef struct lomi_peer {
  lomi_httpd *server;
  struct MHD_Connection *mhd;
  int fd;
  lomi_peer_phase phase;
  bool oversized; /* the body is too large and was thrown away */
  bool warned;    /* make_room found nothing to read from it; if so again, it is hung up */
  bool ending;    /* it was made to give way */
  lomi_app_task task;
  size_t sent;          /* of a raw reply */
  double reply_time;    /* when the pace of a trickle began */
  lomi_peer_list *list; /* where it waits, until `due`; or NULL */
  struct lomi_peer *prev, *next;
  double due;
} lomi_peer;

struct lomi_httpd {
  /* Written before the threads start, and then not until they have ended. */
  lomi_httpd *next; /* of the running ones, under their mutex */
  pthread_t thread; /* ours; libmicrohttpd keeps its own */
  bool started;
  int listen_fd;
  int wake[2]; /* what is written to 1 ends our thread's wait for 0 */
  struct MHD_Daemon *daemon;
  char reserved[64]; /* targets that begin so are served when there is no room */
  size_t connection_memory;
  double patience; /* seconds a peer may take for its next step */

  lomi_buffer headers; /* of the request at hand; libmicrohttpd's thread alone uses it */

  pthread_mutex_t mutex; /* of the rest; it checks for errors */
  bool stopping;         /* nothing is run or suspended any more */
  lomi_app app;
  lomi_peer_list suspended; /* a handler or a reply waits for a time */
  lomi_peer_list awaited;   /* the peer has to do something */
  unsigned peers, ending;
  int reserve[LOMI_HTTPD_RESERVE], reserves;
  double step_due, accept_due;
  double awake_at; /* when our thread's wait ends by itself; 0: it does not wait */
  unsigned long accepts;
};

/* ---- httpd_requests.c: libmicrohttpd's thread ---- */

/* Starts libmicrohttpd, which waits for connections that are added. With a certificate and its key
 * it speaks TLS; both may be NULL. False: it did not start. */
bool lomi_httpd_start_daemon(lomi_httpd *s, const char *tls_cert, const char *tls_key);

/* ---- httpd_loop.c: our thread ---- */

void *lomi_httpd_loop(void *server); /* until it is stopping */

/* The descriptors held back for peers: takes all it can get; closes one, false if there is none. */
void lomi_httpd_fill_reserve(lomi_httpd *s);
bool lomi_httpd_release_one(lomi_httpd *s);

/* ---- httpd_state.c: both ---- */

/* False: the calling thread has entered already, as when an application calls os.exit(). */
bool lomi_httpd_enter(lomi_httpd *s);
void lomi_httpd_leave(lomi_httpd *s); /* wakes our thread if something is due earlier now */

/* The rest: between enter and leave. */
double lomi_httpd_next_due(const lomi_httpd *s);
void lomi_httpd_wake(lomi_httpd *s);

/* Runs the handler, or resumes it. False: it waits, on the list of the suspended; else the reply is
 * there. */
bool lomi_peer_run(lomi_peer *p);

/* Puts it on the list, and takes it off the one it was on. */
void lomi_peer_wait(lomi_peer *p, lomi_peer_list *list, double due);
void lomi_peer_stop_waiting(lomi_peer *p);

/* The peer has to send a request, or to read its reply: it has `patience` seconds from now on, and
 * then has to give way; earlier when room is short, the one that has waited longest first. */
void lomi_peer_await(lomi_peer *p);

#endif
