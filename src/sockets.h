/* SPDX-License-Identifier: MIT */
/* The sockets an engine has open, and the epoll descriptor that is told of them.
 *
 * Two things here are about money. A connection that waits for its next request is listened to:
 * what comes in on it nobody asked for, and must not be taken for the answer to that next request.
 * And a forked child closes what it inherited at once, with close(2) and nothing said on it:
 * closing a TLS connection would end the parent's too, and later the numbers may belong to
 * something else. */
#ifndef LOMI_SOCKETS_H
#define LOMI_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

/* One of libcurl's descriptors. */
typedef struct lomi_descriptor {
  bool ours;           /* a socket we opened, and see closed; not the resolver's pipe */
  uint32_t wanted;     /* the epoll events libcurl waits for; 0: none, it is idle */
  uint32_t registered; /* those epoll was told */
} lomi_descriptor;

typedef struct lomi_sockets {
  int epoll;            /* -1: none */
  bool abandoned;       /* this is a forked child; nothing here may be used any more */
  bool lost;            /* somebody else closed `epoll`: the number may be another's by now */
  lomi_descriptor *all; /* by number */
  size_t count;
  struct epoll_event
      *events; /* what was ready at the last wait; room for `count`: for all of them */
  struct lomi_sockets *prev, *next; /* all there are in the process, for the child of a fork */
} lomi_sockets;

bool lomi_sockets_init(lomi_sockets *s);
void lomi_sockets_free(lomi_sockets *s);

/* As socket(2) and close(2). */
int lomi_sockets_open(lomi_sockets *s, int family, int type, int protocol);
int lomi_sockets_close(lomi_sockets *s, int fd);

/* What libcurl waits for on a descriptor. False: epoll refused. */
bool lomi_sockets_want(lomi_sockets *s, int fd, uint32_t events);

/* From now on the descriptor, if it is a socket of ours and idle, is listened to. */
void lomi_sockets_watch(lomi_sockets *s, int fd);

/* Waits up to `milliseconds`; how many events there are in `events` that libcurl waits for. What
 * comes on an idle connection is dealt with here: the connection is shut down, and libcurl will
 * find it dead. All that is ready is looked at: a request may go out next, on any of them.
 * Negative: a signal came, or the descriptor is lost. */
int lomi_sockets_wait(lomi_sockets *s, int milliseconds);

#endif
