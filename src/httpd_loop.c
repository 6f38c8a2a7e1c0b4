/* SPDX-License-Identifier: MIT */
/* Our thread of the server: accepts connections, and does what is due at a time.
 *
 * libmicrohttpd could accept them, too; but it would stop at the first EMFILE until one of its
 * connections closes. Here some descriptors are held back, and slow peers give way. */
#include "httpd_state.h"

#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os.h"

enum {
  AT_ONCE = 64, /* peers accepted before timers have their turn */
};

static const double MOMENT = 0.001; /* seconds until a full process is tried again */

void lomi_httpd_fill_reserve(lomi_httpd *s) {
  int fd;
  while (s->reserves < LOMI_HTTPD_RESERVE &&
         (fd = fcntl(s->wake[0], F_DUPFD_CLOEXEC, LOMI_LOWEST_FD)) >= 0) {
    s->reserve[s->reserves] = fd; /* before it counts: a fork may come in between */
    s->reserves++;
  }
}

bool lomi_httpd_release_one(lomi_httpd *s) {
  return s->reserves > 0 && close(s->reserve[--s->reserves]) == 0;
}

/* libmicrohttpd sees the end of the stream, and closes. */
static void hang_up(lomi_peer *p) {
  lomi_peer_stop_waiting(p);
  p->ending = true;
  p->server->ending++;
  shutdown(p->fd, SHUT_RDWR);
}

/* The peer that has kept us waiting longest gives way; but not one whose request is there, and none
 * while another one's end is not through yet. */
static void make_room(lomi_httpd *s) {
  lomi_peer *p = s->awaited.first;
  if (p == NULL || s->ending > 0)
    return;
  struct pollfd sent = {.fd = p->fd, .events = POLLIN};
  bool quiet = p->phase == LOMI_PEER_REPLYING || poll(&sent, 1, 0) == 0;
  if (quiet && p->warned)
    hang_up(p);
  p->warned = quiet;
}

static void accept_peers(lomi_httpd *s) {
  struct pollfd backlog = {.fd = s->listen_fd, .events = POLLIN};
  s->accept_due = HUGE_VAL;
  for (unsigned n = 0; poll(&backlog, 1, 0) > 0; n++) { /* accept() may say EMFILE for nobody */
    int fd = -1;
    while (n < AT_ONCE && s->peers + n < LOMI_HTTPD_MAX_PEERS && fd < 0) {
      fd = lomi_accept(s->listen_fd);
      if (fd < 0 && !lomi_httpd_release_one(s))
        break;
    }
    if (fd < 0) {
      if (n < AT_ONCE)
        make_room(s);
      s->accept_due = lomi_now() + (n < AT_ONCE ? MOMENT : 0);
      return;
    }
    MHD_add_connection(s->daemon, fd, NULL, 0);
  }
}

/* A handler that waits again keeps its connection suspended. */
static void fire_timers(lomi_httpd *s) {
  double now = lomi_now();
  while (s->awaited.first != NULL && s->awaited.first->due <= now)
    hang_up(s->awaited.first);
  while (s->suspended.first != NULL && s->suspended.first->due <= now) {
    lomi_peer *p = s->suspended.first;
    if (p->phase == LOMI_PEER_RUNNING && !lomi_peer_run(p))
      continue;
    lomi_peer_await(p); /* or it could stop reading between two pieces of its reply, for ever */
    MHD_resume_connection(p->mhd);
  }
}

void *lomi_httpd_loop(void *server) {
  lomi_httpd *s = server;
  enum { WAKE, LISTEN, APP, COUNT };
  struct pollfd fds[COUNT] = {[WAKE] = {.fd = s->wake[0], .events = POLLIN},
                              [LISTEN] = {.fd = s->listen_fd},
                              [APP] = {.fd = s->app.pollfd, .events = POLLIN}};
  char bytes[64];
  lomi_httpd_enter(s);
  while (!s->stopping) {
    fire_timers(s);
    if (s->accept_due == HUGE_VAL) /* nobody in the backlog needs what has become free */
      lomi_httpd_fill_reserve(s);
    if (fds[LISTEN].revents != 0 || s->accept_due <= lomi_now())
      accept_peers(s);
    s->step_due = lomi_now() + lomi_app_step(&s->app);
    if (!s->app.has_step) /* nobody reads what its descriptor has */
      fds[APP].fd = -1;
    /* Connections that stay in the backlog are looked at when that is due. */
    fds[LISTEN].events = s->accept_due == HUGE_VAL ? POLLIN : 0;
    s->awake_at = lomi_httpd_next_due(s);
    double seconds = s->awake_at - lomi_now();
    lomi_httpd_leave(s);
    poll(fds, COUNT, lomi_milliseconds(seconds));
    while (read(s->wake[0], bytes, sizeof bytes) > 0)
      continue;
    for (int i = 0; i < COUNT; i++)
      if (fds[i].revents & POLLNVAL) /* closed by somebody else */
        fds[i].fd = -1;
    lomi_httpd_enter(s);
    s->awake_at = 0;
  }
  lomi_httpd_leave(s);
  return NULL;
}
