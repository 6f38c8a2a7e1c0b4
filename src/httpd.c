/* SPDX-License-Identifier: MIT */
/* Starts servers and stops them: also at exit, and not after a fork. Runs in the
 * thread that starts or stops a server.
 *
 * A server has two threads, which share the state of httpd_state.h and take turns with the
 * application: ours accepts connections and does what is due at a time (httpd_loop.c);
 * libmicrohttpd's reads requests and writes replies (httpd_requests.c). */
#include "httpd.h"

#include <errno.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "httpd_state.h"
#include "os.h"

enum { BACKLOG = 1024 };

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

static void list_add(lomi_httpd *s) {
  pthread_mutex_lock(&running.mutex);
  s->next = running.first;
  running.first = s;
  pthread_mutex_unlock(&running.mutex);
}

/* Its thread must be ended by the caller. With NULL, any server. */
static lomi_httpd *list_take(lomi_httpd *wanted) {
  pthread_mutex_lock(&running.mutex);
  lomi_httpd **p = &running.first;
  while (*p != NULL && wanted != NULL && *p != wanted)
    p = &(*p)->next;
  lomi_httpd *found = *p;
  if (found != NULL)
    *p = found->next;
  pthread_mutex_unlock(&running.mutex);
  return found;
}

static void close_fd(int *fd) {
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}

static void close_descriptors(lomi_httpd *s) {
  close_fd(&s->listen_fd);
  close_fd(&s->wake[0]);
  close_fd(&s->wake[1]);
  while (lomi_httpd_release_one(s))
    continue;
}

/* Ends the threads and the application, unless it is the application that ends the process. */
static void end(lomi_httpd *s) {
  if (!lomi_httpd_enter(s))
    return;
  s->stopping = true;
  lomi_httpd_wake(s);
  lomi_httpd_leave(s);
  if (s->started)
    pthread_join(s->thread, NULL);
  lomi_httpd_enter(s);
  close_descriptors(s);
  lomi_peer *p;
  while ((p = s->suspended.first) != NULL) { /* libmicrohttpd aborts the process if one is left */
    lomi_peer_stop_waiting(p);
    MHD_resume_connection(p->mhd);
  }
  lomi_httpd_leave(s);
  if (s->daemon != NULL)
    MHD_stop_daemon(s->daemon); /* ends every request */
  lomi_app_close(&s->app);
}

static void at_exit(void) {
  lomi_httpd *s;
  while ((s = list_take(NULL)) != NULL)
    end(s); /* not freed: a Lua state that was never closed may still hold it */
}

static void before_fork(void) {
  pthread_mutex_lock(&running.mutex);
}

static void after_fork_parent(void) {
  pthread_mutex_unlock(&running.mutex);
}

/* The child has none of the threads; of their servers it only lets go of the port. */
static void after_fork_child(void) {
  for (lomi_httpd *s = running.first; s != NULL; s = s->next)
    close_descriptors(s);
  running.first = NULL;
  pthread_mutex_unlock(&running.mutex);
}

static void hook_process(void) {
  running.hooked =
      atexit(at_exit) == 0 && pthread_atfork(before_fork, after_fork_parent, after_fork_child) == 0;
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
  bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
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

/* All signals are the host's business: none is delivered to the threads, SIGPIPE least of all. */
static bool start_threads(lomi_httpd *s, const lomi_httpd_config *config, char *error,
                          size_t size) {
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  if (!lomi_httpd_start_daemon(s, config->tls_cert, config->tls_key)) {
    snprintf(error, size, "libmicrohttpd did not start%s",
             config->tls_cert != NULL ? "; are tls_cert and tls_key a PEM certificate and its key?"
                                      : "");
  } else {
    int failed = pthread_create(&s->thread, NULL, lomi_httpd_loop, s);
    s->started = failed == 0;
    if (failed != 0)
      snprintf(error, size, "no thread: %s", strerror(failed));
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return s->started;
}

/* On false `error` says why. */
static bool set_up(lomi_httpd *s, const lomi_httpd_config *config, int *port, char *error,
                   size_t size) {
  if (!lomi_pair(s->wake)) {
    snprintf(error, size, "no descriptor: %s", strerror(errno));
    return false;
  }
  s->listen_fd = listen_on(config->host, config->port, port, error, size);
  if (s->listen_fd < 0)
    return false;
  if (!lomi_app_open(&s->app, &config->app)) {
    snprintf(error, size, "%s", s->app.error);
    return false;
  }
  lomi_httpd_fill_reserve(s);
  return start_threads(s, config, error, size);
}

static void free_server(lomi_httpd *s) {
  pthread_mutex_destroy(&s->mutex);
  lomi_buffer_free(&s->headers);
  free(s);
}

lomi_httpd *lomi_httpd_start(const lomi_httpd_config *config, int *port, char *error,
                             size_t error_size) {
  pthread_once(&running.once, hook_process);
  lomi_httpd *s = running.hooked ? calloc(1, sizeof *s) : NULL;
  if (s == NULL) {
    snprintf(error, error_size, "not enough memory");
    return NULL;
  }
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_init(&s->mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  s->connection_memory = (size_t)config->connection_memory;
  s->patience = config->patience;
  snprintf(s->reserved, sizeof s->reserved, "%s", config->reserved != NULL ? config->reserved : "");
  lomi_buffer_init(&s->headers, s->connection_memory);
  s->step_due = s->accept_due = HUGE_VAL;
  s->listen_fd = s->wake[0] = s->wake[1] = -1;
  if (!set_up(s, config, port, error, error_size)) {
    end(s);
    free_server(s);
    return NULL;
  }
  list_add(s);
  return s;
}

/* A server that is not on the list is the parent's, or has ended at exit. */
void lomi_httpd_stop(lomi_httpd *server) {
  if (list_take(server) == NULL)
    return;
  end(server);
  free_server(server);
}
