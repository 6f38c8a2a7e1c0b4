/* SPDX-License-Identifier: MIT */
/* The server of bench/in_flight.lua: answers each request after a delay, and takes so little CPU
 * that a thousand answers are not late because of it. Requests have to be small.
 *
 * late SECONDS BODY: prints its URL; ends when its standard input does.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FDS = 4096, MOST_REQUEST = 4096, MOST_REPLY = 4096, ID = 36, EVENTS = 256 };

static const char LENGTH_FIELD[] = "\r\nContent-Length: ", ID_FIELD[] = "\r\nX-Request-Id: ";

/* For each descriptor, the bytes received of its request. */
static struct {
  char bytes[MOST_REQUEST + 1];
  size_t length;
} requests[MOST_FDS];

/* Answers to send, soonest first: the delay is the same for all. One for each descriptor at most.
 */
static struct {
  double at;
  int fd;
  char id[ID];
} queue[MOST_FDS];
static size_t first, count;

static char reply[MOST_REPLY];
static size_t reply_length;
static char *reply_id; /* where the request's X-Request-Id goes */

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void make_reply(const char *body) {
  int written =
      snprintf(reply, sizeof reply,
               "HTTP/1.1 201 Created\r\nDate: Fri, 27 Nov 2026 12:00:00 GMT\r\n"
               "Content-Type: application/json; charset=utf-8\r\nX-RateLimit-Limit: 120\r\n"
               "X-RateLimit-Remaining: 119\r\nX-RateLimit-Window-Seconds: 60%s%*s\r\n"
               "Content-Length: %zu\r\n\r\n%s",
               ID_FIELD, (int)ID, "", strlen(body), body);
  if (written < 0 || (size_t)written >= sizeof reply)
    fail("the body");
  reply_length = (size_t)written;
  reply_id = strstr(reply, ID_FIELD) + strlen(ID_FIELD);
}

static int listen_on_loopback(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, MOST_FDS) != 0 ||
      getsockname(fd, (struct sockaddr *)&address, &size) != 0)
    fail("listen");
  printf("http://127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

static void watch(int poller, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  if (fd < 0 || fd >= MOST_FDS || epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0)
    fail("watch");
}

/* Is the whole request there? Then its answer is due later. */
static void take_request(int fd, double due) {
  char *bytes = requests[fd].bytes, *end = strstr(bytes, "\r\n\r\n");
  const char *length = strstr(bytes, LENGTH_FIELD), *id = strstr(bytes, ID_FIELD);
  if (end == NULL)
    return;
  size_t whole = (size_t)(end + 4 - bytes);
  if (length != NULL)
    whole += strtoul(length + strlen(LENGTH_FIELD), NULL, 10);
  if (requests[fd].length < whole)
    return;
  size_t at = (first + count++) % MOST_FDS;
  queue[at].at = due;
  queue[at].fd = fd;
  memcpy(queue[at].id, id != NULL ? id + strlen(ID_FIELD) : reply_id, ID);
  requests[fd].length = 0;
}

static void receive(int fd, double delay) {
  char *bytes = requests[fd].bytes;
  size_t had = requests[fd].length;
  ssize_t moved = recv(fd, bytes + had, MOST_REQUEST - had, 0);
  if (moved <= 0) {
    close(fd);
    requests[fd].length = 0;
    return;
  }
  requests[fd].length = had + (size_t)moved;
  bytes[requests[fd].length] = '\0';
  take_request(fd, now() + delay);
}

static void answer(void) {
  for (double time = now(); count > 0 && queue[first].at <= time; count--) {
    memcpy(reply_id, queue[first].id, ID);
    send(queue[first].fd, reply, reply_length, MSG_NOSIGNAL);
    first = (first + 1) % MOST_FDS;
  }
}

static int milliseconds_left(void) {
  double left = count > 0 ? queue[first].at - now() : -1;
  if (count == 0)
    return -1;
  return left > 0 ? (int)(left * 1000) : 0;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: late SECONDS BODY\n");
    return 2;
  }
  double delay = strtod(argv[1], NULL);
  make_reply(argv[2]);
  int listener = listen_on_loopback(), poller = epoll_create1(EPOLL_CLOEXEC);
  watch(poller, listener);
  watch(poller, STDIN_FILENO);
  for (;;) {
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(poller, events, EVENTS, milliseconds_left());
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == STDIN_FILENO)
        return 0;
      if (fd == listener)
        watch(poller, accept4(listener, NULL, NULL, SOCK_CLOEXEC));
      else
        receive(fd, delay);
    }
    answer();
  }
}
