/* SPDX-License-Identifier: MIT */
/* The one file that knows epoll, for Linux, and kqueue, for macOS and the BSDs. On Linux
 * -DLOMI_KQUEUE chooses kqueue, of a library.
 *
 * Every descriptor has an owner, an address the caller chooses. Readiness is reported by descriptor
 * and the owner is looked up when the report is read, so a report about a descriptor that was
 * forgotten meanwhile has no owner and is skipped. */
#ifndef LOMI_POLLER_H
#define LOMI_POLLER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "os.h"

enum { LOMI_READABLE = 1, LOMI_WRITABLE = 2 }; /* errors and hang-ups count as both */

typedef struct lomi_poller {
  int fd; /* the system's object; -1: none. Readable when a watched descriptor is ready */
  struct lomi_watch *watches; /* by descriptor */
  size_t count;               /* entries in `watches` */
  void *reports;              /* of the last wait, as the system gives them */
  dev_t device;               /* of `fd`, as it was opened */
  ino_t inode;
  bool lost; /* somebody else closed `fd`: the number may belong to another file by now */
} lomi_poller;

typedef enum { LOMI_WAIT_OK, LOMI_WAIT_INTERRUPTED, LOMI_WAIT_LOST } lomi_wait_status;

/* False: no descriptor or no memory left, errno says which. The poller is then closed. */
bool lomi_poller_open(lomi_poller *p);
void lomi_poller_close(lomi_poller *p); /* idempotent */

/* In a forked child: closes the descriptor alone; the poller is of no more use. */
void lomi_poller_abandon(lomi_poller *p);

/* Reports `events` of the descriptor from now on, for `owner`; 0 events: keeps the owner but
 * reports nothing, or only errors. False: the system refused. */
bool lomi_poller_watch(lomi_poller *p, int fd, unsigned events, void *owner);

/* Call before the descriptor is closed. */
void lomi_poller_forget(lomi_poller *p, int fd);

/* A descriptor was just opened: what is known about its number belongs to a closed one. */
void lomi_poller_renew(lomi_poller *p, int fd);

/* Waits up to `seconds` (0: not at all) and sets *ready to the number of reports. */
lomi_wait_status lomi_poller_wait(lomi_poller *p, double seconds, int *ready);

/* Report number i of the last wait: its descriptor and events. NULL owner: skip it. */
void *lomi_poller_report(const lomi_poller *p, int i, int *fd, unsigned *events);

#endif
