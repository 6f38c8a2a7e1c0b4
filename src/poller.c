/* SPDX-License-Identifier: MIT */
#include "poller.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct lomi_watch {
  void *owner;     /* NULL: not watched */
  unsigned events; /* LOMI_READABLE | LOMI_WRITABLE */
  bool registered; /* the system knows it */
};

struct lomi_report {
  struct epoll_event event;
};

enum { FIRST_WATCHES = 64, MOST_REPORTS = 256 }; /* the next wait reports the others */

double lomi_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int lomi_fd_raise(int fd) {
  if (fd >= LOMI_LOWEST_FD || fd < 0)
    return fd;
  int raised = fcntl(fd, F_DUPFD_CLOEXEC, LOMI_LOWEST_FD);
  int problem = errno;
  close(fd);
  errno = problem;
  return raised;
}

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
  *p = (lomi_poller){.fd = lomi_fd_raise(epoll_create1(EPOLL_CLOEXEC))};
  struct stat status;
  if (p->fd >= 0 && fstat(p->fd, &status) == 0) {
    p->device = status.st_dev;
    p->inode = status.st_ino;
  }
  p->reports = malloc(MOST_REPORTS * sizeof *p->reports);
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

static bool control(lomi_poller *p, int operation, int fd, unsigned events) {
  struct epoll_event event = {.data.fd = fd};
  if (events & LOMI_READABLE)
    event.events |= EPOLLIN;
  if (events & LOMI_WRITABLE)
    event.events |= EPOLLOUT;
  return epoll_ctl(p->fd, operation, fd, &event) == 0;
}

bool lomi_poller_watch(lomi_poller *p, int fd, unsigned events, void *owner) {
  struct lomi_watch *w = watch_at(p, fd);
  if (w == NULL)
    return false;
  w->owner = owner;
  if (w->registered && w->events == events)
    return true;
  w->events = events;
  /* libcurl may close a descriptor without a word: the system then knows less, or more, than we do.
   */
  bool done = control(p, w->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, events);
  if (!done && errno == ENOENT)
    done = control(p, EPOLL_CTL_ADD, fd, events);
  else if (!done && errno == EEXIST)
    done = control(p, EPOLL_CTL_MOD, fd, events);
  w->registered = done;
  return done;
}

void lomi_poller_forget(lomi_poller *p, int fd) {
  if (fd < 0 || (size_t)fd >= p->count)
    return;
  /* Not left to the close: a forked child may hold the same socket open. */
  if (p->watches[fd].registered)
    control(p, EPOLL_CTL_DEL, fd, 0);
  p->watches[fd] = (struct lomi_watch){0};
}

void lomi_poller_renew(lomi_poller *p, int fd) {
  if (fd >= 0 && (size_t)fd < p->count)
    p->watches[fd] = (struct lomi_watch){0};
}

static int in_milliseconds(double seconds) {
  const double longest = 1e6; /* seconds, so that milliseconds fit an int */
  return seconds <= 0 ? 0 : (int)ceil((seconds < longest ? seconds : longest) * 1e3);
}

lomi_wait_status lomi_poller_wait(lomi_poller *p, double seconds, int *ready) {
  int n = epoll_wait(p->fd, (struct epoll_event *)(void *)p->reports, MOST_REPORTS,
                     in_milliseconds(seconds));
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
  uint32_t happened = p->reports[i].event.events;
  *fd = p->reports[i].event.data.fd;
  *events = 0;
  if (happened & (EPOLLIN | EPOLLERR | EPOLLHUP))
    *events |= LOMI_READABLE;
  if (happened & (EPOLLOUT | EPOLLERR | EPOLLHUP))
    *events |= LOMI_WRITABLE;
  return (size_t)*fd < p->count ? p->watches[*fd].owner : NULL;
}
