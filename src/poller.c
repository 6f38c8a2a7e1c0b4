/* SPDX-License-Identifier: MIT */
#include "poller.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__) && !defined(LOMI_KQUEUE)
#include <stdint.h>
#include <sys/epoll.h>
#else
#include <fcntl.h>
#include <sys/event.h>
#include <sys/time.h>
#endif

struct lomi_watch {
  void *owner;     /* NULL: not watched */
  unsigned events; /* LOMI_READABLE | LOMI_WRITABLE */
  bool registered; /* the system knows it */
};

enum { FIRST_WATCHES = 64, MOST_REPORTS = 256 }; /* the next wait reports the others */

/* ---- what the system has: queue_open, queue_set, queue_drop, queue_wait, read_report ---- */

#if defined(__linux__) && !defined(LOMI_KQUEUE)

typedef struct epoll_event queue_event;

static int queue_open(void) {
  return epoll_create1(EPOLL_CLOEXEC);
}

static bool control(lomi_poller *p, int operation, int fd, unsigned events) {
  struct epoll_event event = {.data.fd = fd};
  if (events & LOMI_READABLE)
    event.events |= EPOLLIN;
  if (events & LOMI_WRITABLE)
    event.events |= EPOLLOUT;
  return epoll_ctl(p->fd, operation, fd, &event) == 0;
}

/* libcurl may close a descriptor without a word: the system then knows less or more than we do. */
static bool queue_set(lomi_poller *p, int fd, const struct lomi_watch *known, unsigned events) {
  bool done = control(p, known->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, events);
  if (!done && errno == ENOENT)
    done = control(p, EPOLL_CTL_ADD, fd, events);
  else if (!done && errno == EEXIST)
    done = control(p, EPOLL_CTL_MOD, fd, events);
  return done;
}

static void queue_drop(lomi_poller *p, int fd) {
  control(p, EPOLL_CTL_DEL, fd, 0);
}

static int queue_wait(lomi_poller *p, double seconds) {
  return epoll_wait(p->fd, p->reports, MOST_REPORTS, lomi_milliseconds(seconds));
}

static int read_report(const queue_event *event, unsigned *events) {
  uint32_t happened = event->events;
  *events = 0;
  if (happened & (EPOLLIN | EPOLLERR | EPOLLHUP))
    *events |= LOMI_READABLE;
  if (happened & (EPOLLOUT | EPOLLERR | EPOLLHUP))
    *events |= LOMI_WRITABLE;
  return event->data.fd;
}

#else

typedef struct kevent queue_event;

static int queue_open(void) {
  int fd = kqueue();
  if (fd >= 0)
    fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
}

static bool control(lomi_poller *p, int fd, short filter, unsigned short flags) {
  struct kevent change;
  EV_SET(&change, (uintptr_t)fd, filter, flags, 0, 0, NULL);
  return kevent(p->fd, &change, 1, NULL, 0, NULL) == 0;
}

/* From the events it reports to others. */
static bool change_events(lomi_poller *p, int fd, unsigned from, unsigned to) {
  bool done = true;
  if ((from ^ to) & LOMI_READABLE)
    done = control(p, fd, EVFILT_READ, to & LOMI_READABLE ? EV_ADD : EV_DELETE);
  if ((from ^ to) & LOMI_WRITABLE)
    done = control(p, fd, EVFILT_WRITE, to & LOMI_WRITABLE ? EV_ADD : EV_DELETE) && done;
  return done;
}

static void queue_drop(lomi_poller *p, int fd) {
  control(p, fd, EVFILT_READ, EV_DELETE);
  control(p, fd, EVFILT_WRITE, EV_DELETE);
}

/* libcurl may close a descriptor without a word: the system then knows less than we do, and
 * libkqueue, which does not notice, knows more. */
static bool queue_set(lomi_poller *p, int fd, const struct lomi_watch *known, unsigned events) {
  if (change_events(p, fd, known->registered ? known->events : 0, events))
    return true;
  queue_drop(p, fd);
  return change_events(p, fd, 0, events);
}

static int queue_wait(lomi_poller *p, double seconds) {
  struct timespec t = lomi_timespec(seconds);
  return kevent(p->fd, NULL, 0, p->reports, MOST_REPORTS, &t);
}

static int read_report(const queue_event *event, unsigned *events) {
  *events = event->filter == EVFILT_READ ? LOMI_READABLE : LOMI_WRITABLE;
  if ((event->flags & EV_EOF) && event->fflags != 0) /* an error */
    *events = LOMI_READABLE | LOMI_WRITABLE;
  return (int)event->ident;
}

#endif

/* ---- what all have ---- */

static struct lomi_watch *watch_at(lomi_poller *p, int fd) {
  size_t index = (size_t)fd;
  if (index >= p->count) {
    size_t count = p->count > 0 ? p->count : FIRST_WATCHES;
    while (count <= index)
      count *= 2;
    struct lomi_watch *watches = realloc(p->watches, count * sizeof *watches);
    if (watches == NULL)
      return NULL;
    memset(watches + p->count, 0, (count - p->count) * sizeof *watches);
    p->watches = watches;
    p->count = count;
  }
  return &p->watches[index];
}

/* The program may have closed it, and the number may be a file of its own by now. */
static void close_own(const lomi_poller *p) {
  struct stat status;
  if (p->fd >= 0 && !p->lost && fstat(p->fd, &status) == 0 && status.st_dev == p->device &&
      status.st_ino == p->inode)
    close(p->fd);
}

bool lomi_poller_open(lomi_poller *p) {
  *p = (lomi_poller){.fd = lomi_fd_raise(queue_open())};
  struct stat status;
  if (p->fd >= 0 && fstat(p->fd, &status) == 0) {
    p->device = status.st_dev;
    p->inode = status.st_ino;
  }
  p->reports = malloc(MOST_REPORTS * sizeof(queue_event));
  if (p->fd >= 0 && p->reports != NULL && watch_at(p, p->fd) != NULL)
    return true;
  lomi_poller_close(p);
  return false;
}

void lomi_poller_close(lomi_poller *p) {
  int problem = errno;
  close_own(p);
  free(p->watches);
  free(p->reports);
  *p = (lomi_poller){.fd = -1};
  errno = problem;
}

void lomi_poller_abandon(lomi_poller *p) {
  close_own(p);
  p->fd = -1;
}

bool lomi_poller_watch(lomi_poller *p, int fd, unsigned events, void *owner) {
  struct lomi_watch *w = watch_at(p, fd);
  if (w == NULL)
    return false;
  w->owner = owner;
  if (w->registered && w->events == events)
    return true;
  w->registered = queue_set(p, fd, w, events);
  w->events = events;
  return w->registered;
}

void lomi_poller_forget(lomi_poller *p, int fd) {
  /* Not left to the close: a forked child may hold the same socket open. */
  if (fd >= 0 && (size_t)fd < p->count && p->watches[fd].registered)
    queue_drop(p, fd);
  lomi_poller_renew(p, fd);
}

void lomi_poller_renew(lomi_poller *p, int fd) {
  if (fd >= 0 && (size_t)fd < p->count)
    p->watches[fd] = (struct lomi_watch){0};
}

lomi_wait_status lomi_poller_wait(lomi_poller *p, double seconds, int *ready) {
  int n = queue_wait(p, seconds);
  *ready = n < 0 ? 0 : n;
  if (n < 0 && errno == EINTR)
    return LOMI_WAIT_INTERRUPTED;
  if (n < 0) {
    p->lost = true;
    return LOMI_WAIT_LOST;
  }
  return LOMI_WAIT_OK;
}

void *lomi_poller_report(const lomi_poller *p, int i, int *fd, unsigned *events) {
  *fd = read_report((const queue_event *)p->reports + i, events);
  return (size_t)*fd < p->count ? p->watches[*fd].owner : NULL;
}
