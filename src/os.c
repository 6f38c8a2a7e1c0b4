/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* accept4 */
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <unistd.h>

double lomi_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct timespec lomi_timespec(double seconds) {
  const double longest = 1e6;
  seconds = seconds > 0 ? seconds : 0;
  seconds = seconds < longest ? seconds : longest;
  struct timespec t = {.tv_sec = (time_t)seconds};
  t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
  return t;
}

int lomi_milliseconds(double seconds) {
  struct timespec t = lomi_timespec(seconds);
  return (int)t.tv_sec * 1000 + (int)((t.tv_nsec + 999999) / 1000000);
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

/* Given as a descriptor is opened: on Linux no fork comes in between. */
#if LOMI_LINUX
enum { FROM_THE_START = SOCK_CLOEXEC | SOCK_NONBLOCK };
#else
enum { FROM_THE_START = 0 };
#endif

static int prepared(int fd) {
  fd = lomi_fd_raise(fd);
  if (fd < 0 || FROM_THE_START != 0)
    return fd;
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
#ifdef SO_NOSIGPIPE
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
  return fd;
}

int lomi_socket(int family, int type, int protocol) {
  return prepared(socket(family, type | FROM_THE_START, protocol));
}

int lomi_accept(int listener) {
#if LOMI_LINUX
  return prepared(accept4(listener, NULL, NULL, FROM_THE_START));
#else
  return prepared(accept(listener, NULL, NULL));
#endif
}

bool lomi_pair(int ends[2]) {
  if (socketpair(AF_UNIX, SOCK_STREAM | FROM_THE_START, 0, ends) != 0)
    return false;
  ends[0] = prepared(ends[0]);
  ends[1] = prepared(ends[1]);
  return ends[0] >= 0 && ends[1] >= 0;
}

#if LOMI_LINUX

/* Disconnecting a TCP socket this way sends a RST. */
void lomi_reset(int fd) {
  struct sockaddr none = {.sa_family = AF_UNSPEC};
  (void)connect(fd, &none, sizeof none);
}

#else

/* Closing a socket that lingers for no time sends a RST; dup2() closes it and keeps its number
 * taken. Without a descriptor for that, the owner's own close has to do. */
void lomi_reset(int fd) {
  const struct linger none = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  int other = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (other < 0)
    return;
  dup2(other, fd);
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  close(other);
}

#endif

bool lomi_flush(int fd) {
  const int on = 1;
  int unsent = 0;
#if !defined(TCP_CORK) && defined(TCP_NOPUSH)
#define TCP_CORK TCP_NOPUSH
#endif
#ifdef TCP_CORK
  const int off = 0;
  setsockopt(fd, IPPROTO_TCP, TCP_CORK, &off, sizeof off);
#endif
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
#if defined(SO_NWRITE)
  socklen_t size = sizeof unsent;
  return getsockopt(fd, SOL_SOCKET, SO_NWRITE, &unsent, &size) != 0 || unsent == 0;
#elif defined(FIONWRITE)
  return ioctl(fd, FIONWRITE, &unsent) != 0 || unsent == 0;
#else
  return ioctl(fd, TIOCOUTQ, &unsent) != 0 || unsent == 0;
#endif
}
