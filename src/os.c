/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* accept4, pipe2 */
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

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

#if LOMI_LINUX

int lomi_socket(int family, int type, int protocol) {
  return lomi_fd_raise(socket(family, type | SOCK_CLOEXEC, protocol));
}

int lomi_accept(int listener) {
  return lomi_fd_raise(accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

static bool open_pipe(int ends[2]) {
  return pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0;
}

/* Disconnecting a TCP socket this way sends a RST. */
void lomi_reset(int fd) {
  struct sockaddr none = {.sa_family = AF_UNSPEC};
  (void)connect(fd, &none, sizeof none);
}

#else

static void close_on_exec(int fd) {
  fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void dont_block(int fd) {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static int prepared(int fd) {
  fd = lomi_fd_raise(fd);
  if (fd < 0)
    return fd;
  close_on_exec(fd);
#ifdef SO_NOSIGPIPE
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
  return fd;
}

int lomi_socket(int family, int type, int protocol) {
  return prepared(socket(family, type, protocol));
}

int lomi_accept(int listener) {
  int fd = prepared(accept(listener, NULL, NULL));
  if (fd >= 0)
    dont_block(fd);
  return fd;
}

static bool open_pipe(int ends[2]) {
  if (pipe(ends) != 0)
    return false;
  for (int i = 0; i < 2; i++) {
    close_on_exec(ends[i]);
    dont_block(ends[i]);
  }
  return true;
}

/* Closing a socket that lingers for no time sends a RST; dup2() closes it and keeps its number
 * taken. Without a descriptor for that, the owner's own close has to do. */
void lomi_reset(int fd) {
  const struct linger none = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  int other = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (other < 0)
    return;
  dup2(other, fd);
  close_on_exec(fd);
  close(other);
}

#endif

bool lomi_pipe(int ends[2]) {
  if (!open_pipe(ends))
    return false;
  ends[0] = lomi_fd_raise(ends[0]);
  ends[1] = lomi_fd_raise(ends[1]);
  return ends[0] >= 0 && ends[1] >= 0;
}

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
