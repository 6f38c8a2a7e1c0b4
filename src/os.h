/* SPDX-License-Identifier: MIT */
/* The system calls that differ: Linux's own on Linux, the ones that every Unix has elsewhere; those
 * on Linux too with -DLOMI_PORTABLE, so that the specs can try them. */
#ifndef LOMI_OS_H
#define LOMI_OS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>

#if defined(__linux__) && !defined(LOMI_PORTABLE)
#define LOMI_LINUX 1
#else
#define LOMI_LINUX 0
#endif

/* macOS has SO_NOSIGPIPE instead: lomi_socket() and lomi_accept() set it. */
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

/* The lowest descriptor we use: 0, 1 and 2 belong to the program even while they are closed. */
enum { LOMI_LOWEST_FD = 3 };

/* Moves a descriptor to LOMI_LOWEST_FD or above, close-on-exec. Takes -1. Returns -1 on failure,
 * with the original closed and errno set. */
int lomi_fd_raise(int fd);

/* These give raised descriptors, close-on-exec and non-blocking, or -1 (false) and errno. */
int lomi_socket(int family, int type, int protocol);
int lomi_accept(int listener);

/* Two connected ends. On false one of them may be open: the caller closes what is not -1. */
bool lomi_pair(int ends[2]);

/* Pushes out what a TCP socket holds back. False: some of it has not left yet. True where the
 * system does not tell. */
bool lomi_flush(int fd);

/* Ends a TCP connection with a RST. The descriptor stays open, and is good for nothing else. */
void lomi_reset(int fd);

/* Seconds on CLOCK_MONOTONIC, the clock of every deadline. */
double lomi_now(void);

/* How long to wait, as the system takes it: 0 to a million seconds. Milliseconds are rounded up. */
struct timespec lomi_timespec(double seconds);
int lomi_milliseconds(double seconds);

#endif
