/* SPDX-License-Identifier: MIT */
/* A connector is libcurl's multi handle: it makes connections on one poller and holds them as long
 * as they live. It knows which descriptors are libcurl's: a program may have closed one and have
 * its number for a file of its own.
 *
 * A forked child must not touch what it inherited: a close_notify would end the parent's TLS
 * connection too. At the fork the inherited sockets are closed with close(2), and the connector is
 * of no more use: callers check lomi_connector_forked() first. */
#ifndef LOMI_CONNECTOR_H
#define LOMI_CONNECTOR_H

#include "poller.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { OWN_FDS = 2 }; /* a pair of sockets or a pipe: to wake a wait, or for a resolver's thread */

typedef struct own_fd {
  int fd; /* -1: none */
  dev_t device;
  ino_t inode;
} own_fd;

typedef struct lomi_connector {
  void *multi; /* libcurl's handle */
  own_fd of_multi[OWN_FDS];
  lomi_poller *poller;
  const char *ca_file; /* libcurl's own; static */
  double timer;        /* when libcurl wants to be called; negative: not at all */
  bool forked;
  bool starved;   /* no descriptor was left when libcurl was last called */
  ino_t *sockets; /* by descriptor: the inode of a socket we opened, plus 1; 0: not ours */
  size_t count;
  struct lomi_connector *prev, *next; /* all there are in the process */
} lomi_connector;

/* NULL: out of memory or descriptors. */
lomi_connector *lomi_connector_new(lomi_poller *poller);
void lomi_connector_free(lomi_connector *connector); /* its connections must have been closed */

/* libcurl's version, and its TLS library's. Not curl_version(), which may look up the machine's own
 * name through LDAP. */
const char *lomi_connector_version(const char **tls);

/* The file of authorities that libcurl was built with; NULL: none. Static. */
const char *lomi_connector_ca_file(void);

/* True in a child process of the one that made the connector. */
bool lomi_connector_forked(const lomi_connector *connector);

/* When libcurl wants to be called though nothing is ready, on lomi_now()'s clock; negative: never.
 */
double lomi_connector_timer(const lomi_connector *connector);

/* A descriptor that the connector owns in the poller is ready; or, with fd -1, its timer is due.
 * False: libcurl failed as a whole and lost sight of its connections. */
bool lomi_connector_act(lomi_connector *connector, int fd, unsigned events);

/* ---- for its connections ---- */

/* Keeps in mind that the socket is ours. False: out of memory. */
bool lomi_connector_note(lomi_connector *connector, int fd);

/* Is the descriptor the very socket we opened? libcurl, or the program, may have closed it without
 * a word, and the number may be another file's by now. On macOS every socket's inode is 0. */
bool lomi_connector_owns(const lomi_connector *connector, int fd);

/* Closes the socket if it is still ours. As close(2). */
int lomi_connector_close(lomi_connector *connector, int fd);

/* No descriptor was left: EMFILE or ENFILE. */
bool lomi_is_starved(int problem);

#endif
