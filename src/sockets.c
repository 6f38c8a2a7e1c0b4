/* SPDX-License-Identifier: MIT */
#include "sockets.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* All there are in the process. The lock is held over a fork, and by whoever changes the list or
 * one of the tables: the child must find them whole. */
static struct {
  pthread_once_t once;
  pthread_mutex_t lock;
  lomi_sockets *first;
} process = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};

static void lock(void) {
  pthread_mutex_lock(&process.lock);
}

static void unlock(void) {
  pthread_mutex_unlock(&process.lock);
}

static void abandon_all(void) {
  for (lomi_sockets *s = process.first; s != NULL; s = s->next) {
    s->abandoned = true;
    if (!s->lost)
      close(s->epoll);
    for (size_t fd = 0; fd < s->count; fd++)
      if (s->all[fd].ours)
        close((int)fd);
  }
  process.first = NULL;
  unlock();
}

static void watch_forks(void) {
  pthread_atfork(lock, unlock, abandon_all);
}

/* The descriptor's place in the table, made if need be; NULL: no memory. */
static lomi_descriptor *descriptor_at(lomi_sockets *s, int fd) {
  size_t index = (size_t)fd;
  if (index >= s->count) {
    size_t count = s->count > 0 ? s->count : 16;
    while (count <= index)
      count *= 2;
    struct epoll_event *events = realloc(s->events, count * sizeof *events);
    if (events == NULL)
      return NULL;
    s->events = events;
    lock();
    lomi_descriptor *all = realloc(s->all, count * sizeof *all);
    if (all != NULL) {
      memset(all + s->count, 0, (count - s->count) * sizeof *all);
      s->all = all;
      s->count = count;
    }
    unlock();
    if (all == NULL)
      return NULL;
  }
  return &s->all[index];
}

bool lomi_sockets_init(lomi_sockets *s) {
  memset(s, 0, sizeof *s);
  pthread_once(&process.once, watch_forks);
  s->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (s->epoll < 0)
    return false;
  if (descriptor_at(s, s->epoll) == NULL) { /* so that there is room for an event */
    free(s->events);
    close(s->epoll);
    s->epoll = -1;
    return false;
  }
  lock();
  s->next = process.first;
  if (s->next != NULL)
    s->next->prev = s;
  process.first = s;
  unlock();
  return true;
}

void lomi_sockets_free(lomi_sockets *s) {
  if (s->epoll < 0 || s->abandoned)
    return;
  lock();
  if (s->prev != NULL)
    s->prev->next = s->next;
  else
    process.first = s->next;
  if (s->next != NULL)
    s->next->prev = s->prev;
  unlock();
  if (!s->lost)
    close(s->epoll);
  s->epoll = -1;
  free(s->all);
  free(s->events);
}

/* After a failure of epoll's. */
static void notice_loss(lomi_sockets *s) {
  if (errno == EBADF || errno == EINVAL) {
    struct epoll_event none;
    s->lost = s->lost || (epoll_wait(s->epoll, &none, 1, 0) < 0 && errno != EINTR);
  }
}

static bool tell_epoll(lomi_sockets *s, int fd, lomi_descriptor *d, uint32_t events) {
  if (d->registered == events)
    return true;
  struct epoll_event event = {.events = events, .data.fd = fd};
  int operation = events == 0 ? EPOLL_CTL_DEL : d->registered == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  d->registered = events;
  if (epoll_ctl(s->epoll, operation, fd, &event) == 0)
    return true;
  notice_loss(s);
  return events == 0;
}

int lomi_sockets_open(lomi_sockets *s, int family, int type, int protocol) {
  int fd = socket(family, type | SOCK_CLOEXEC, protocol);
  if (fd < 0)
    return -1;
  lomi_descriptor *d = descriptor_at(s, fd);
  if (d == NULL) {
    close(fd);
    return -1;
  }
  lock();
  *d = (lomi_descriptor){.ours = true};
  unlock();
  return fd;
}

int lomi_sockets_close(lomi_sockets *s, int fd) {
  lomi_descriptor *d = descriptor_at(s, fd);
  if (d == NULL)
    return close(fd);
  tell_epoll(s, fd, d, 0); /* not left to the close: another process may hold the socket open */
  lock();
  d->ours = false;
  d->wanted = 0;
  int result = close(fd);
  unlock();
  return result;
}

bool lomi_sockets_want(lomi_sockets *s, int fd, uint32_t events) {
  lomi_descriptor *d = descriptor_at(s, fd);
  if (d == NULL)
    return false;
  d->wanted = events;
  if (events == 0 && d->ours)
    return true; /* it stays registered: its next request would only register it again */
  return tell_epoll(s, fd, d, events);
}

void lomi_sockets_watch(lomi_sockets *s, int fd) {
  if ((size_t)fd < s->count && s->all[fd].ours && s->all[fd].wanted == 0)
    tell_epoll(s, fd, &s->all[fd], EPOLLIN);
}

/* The peer closed an idle connection, or said something nobody asked for. */
static void shut_down(lomi_sockets *s, int fd) {
  char sink[4096];
  tell_epoll(s, fd, &s->all[fd], 0);
  shutdown(fd, SHUT_RDWR);
  for (int i = 0; i < 1024 && recv(fd, sink, sizeof sink, MSG_DONTWAIT) > 0; i++)
    ; /* what is left unread would make it look alive */
}

int lomi_sockets_wait(lomi_sockets *s, int milliseconds) {
  struct epoll_event *events = s->events;
  int count = epoll_wait(s->epoll, events, (int)s->count, milliseconds);
  if (count < 0 && errno != EINTR)
    s->lost = true;
  int kept = 0;
  for (int i = 0; i < count; i++) {
    int fd = events[i].data.fd;
    if (s->all[fd].wanted != 0)
      events[kept++] = events[i];
    else
      shut_down(s, fd);
  }
  return count < 0 ? -1 : kept;
}
