/* SPDX-License-Identifier: MIT */
#include "connector.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- forks ---------------------------------------------------------------------------------- */

/* The lock is held over a fork, and while the list or a table of sockets changes: the child must
 * find them whole. */
static struct {
  pthread_once_t once;
  pthread_mutex_t lock;
  lomi_connector *first;
  lomi_connector *abandoned;
  bool hooked;
} process = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};

static void lock(void) {
  pthread_mutex_lock(&process.lock);
}

static void unlock(void) {
  pthread_mutex_unlock(&process.lock);
}

bool lomi_connector_owns(const lomi_connector *k, int fd) {
  struct stat status;
  return (size_t)fd < k->count && k->sockets[fd] != 0 && fstat(fd, &status) == 0 &&
         S_ISSOCK(status.st_mode) && status.st_ino + 1 == k->sockets[fd];
}

static void abandon_all(void) {
  for (lomi_connector *k = process.first; k != NULL; k = k->next) {
    k->forked = true;
    lomi_poller_abandon(k->poller);
    for (size_t fd = 0; fd < k->count; fd++)
      if (lomi_connector_owns(k, (int)fd))
        close((int)fd);
  }
  process.first = NULL;
  unlock();
}

static void start_once(void) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  process.hooked = pthread_atfork(lock, unlock, abandon_all) == 0;
}

static void enlist(lomi_connector *k) {
  lock();
  k->next = process.first;
  if (k->next != NULL)
    k->next->prev = k;
  process.first = k;
  unlock();
}

static void delist(lomi_connector *k) {
  lock();
  if (k->prev != NULL)
    k->prev->next = k->next;
  else if (process.first == k)
    process.first = k->next;
  if (k->next != NULL)
    k->next->prev = k->prev;
  unlock();
}

/* Its memory stays: libcurl would close descriptors of the program's with it. */
static void abandon(lomi_connector *k) {
  k->sockets = NULL;
  k->count = 0;
  lock();
  k->next = process.abandoned;
  process.abandoned = k;
  unlock();
}

bool lomi_connector_note(lomi_connector *k, int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0)
    return false;
  size_t index = (size_t)fd;
  lock();
  if (index >= k->count) {
    size_t count = index < 32 ? 64 : index * 2;
    ino_t *sockets = realloc(k->sockets, count * sizeof *sockets);
    if (sockets != NULL) {
      memset(sockets + k->count, 0, (count - k->count) * sizeof *sockets);
      k->sockets = sockets;
      k->count = count;
    }
  }
  bool noted = index < k->count;
  if (noted)
    k->sockets[index] = status.st_ino + 1;
  unlock();
  return noted;
}

int lomi_connector_close(lomi_connector *k, int fd) {
  lomi_poller_forget(k->poller, fd);
  lock();
  int result = lomi_connector_owns(k, fd) ? close(fd) : 0;
  if ((size_t)fd < k->count)
    k->sockets[fd] = 0;
  unlock();
  return result;
}

/* ---- descriptors that libcurl opens for itself ----------------------------------------------- */

typedef struct own_fds {
  int low[LOMI_LOWEST_FD]; /* placeholders for closed descriptors 0, 1 and 2; -1: not needed */
  int next[OWN_FDS];       /* the numbers that libcurl's will get */
  bool starved;            /* there is none */
} own_fds;

bool lomi_is_starved(int problem) {
  return problem == EMFILE || problem == ENFILE;
}

/* Before a call in which libcurl may open descriptors: they must not be 0, 1 or 2. */
static void own_fds_prepare(own_fds *o) {
  for (int i = 0; i < LOMI_LOWEST_FD; i++) {
    o->low[i] = -1;
    if (fcntl(i, F_GETFD) < 0)
      o->low[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
  }
  for (int i = 0; i < OWN_FDS; i++)
    o->next[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
  o->starved = o->next[0] < 0 && lomi_is_starved(errno);
  for (int i = 0; i < OWN_FDS; i++)
    if (o->next[i] >= 0)
      close(o->next[i]);
}

/* After it: they are closed on exec. */
static void own_fds_adopt(const own_fds *o) {
  for (int i = 0; i < OWN_FDS; i++) {
    int flags = o->next[i] >= 0 ? fcntl(o->next[i], F_GETFD) : -1;
    if (flags >= 0 && (flags & FD_CLOEXEC) == 0)
      fcntl(o->next[i], F_SETFD, flags | FD_CLOEXEC);
  }
  for (int i = 0; i < LOMI_LOWEST_FD; i++)
    if (o->low[i] >= 0)
      close(o->low[i]);
}

/* Keeps the descriptors that libcurl opened for the multi handle. libcurl closes them with it. */
static void note_of_multi(lomi_connector *k, const own_fds *o) {
  struct stat status;
  for (int i = 0; i < OWN_FDS; i++) {
    bool open = o->next[i] >= 0 && fstat(o->next[i], &status) == 0;
    k->of_multi[i] = open ? (own_fd){o->next[i], status.st_dev, status.st_ino} : (own_fd){.fd = -1};
  }
}

/* False: the program has closed them, and the numbers may be files of its own by now. */
static bool has_of_multi(const lomi_connector *k) {
  struct stat status;
  for (const own_fd *own = k->of_multi; own < k->of_multi + OWN_FDS; own++)
    if (own->fd >= 0 && (fstat(own->fd, &status) != 0 || status.st_dev != own->device ||
                         status.st_ino != own->inode))
      return false;
  return true;
}
/* ---- libcurl's callbacks ----------------------------------------------------------------------
 */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known) {
  lomi_connector *k = arg;
  (void)easy;
  (void)known;
  if (what == CURL_POLL_REMOVE) {
    lomi_poller_forget(k->poller, fd);
    return 0;
  }
  unsigned events = 0;
  if (what & CURL_POLL_IN)
    events |= LOMI_READABLE;
  if (what & CURL_POLL_OUT)
    events |= LOMI_WRITABLE;
  return lomi_poller_watch(k->poller, fd, events, k) ? 0 : -1;
}

static int on_timer(CURLM *multi, long milliseconds, void *arg) {
  lomi_connector *k = arg;
  (void)multi;
  k->timer = milliseconds < 0 ? -1 : lomi_now() + (double)milliseconds / 1e3;
  return 0;
}
/* ---- the connector ----------------------------------------------------------------------------
 */

const char *lomi_connector_ca_file(void) {
  return curl_version_info(CURLVERSION_NOW)->cainfo;
}

lomi_connector *lomi_connector_new(lomi_poller *poller) {
  pthread_once(&process.once, start_once);
  lomi_connector *k = process.hooked ? calloc(1, sizeof *k) : NULL;
  if (k == NULL)
    return NULL;
  k->poller = poller;
  k->timer = -1;
  k->ca_file = lomi_connector_ca_file();
  own_fds fds;
  own_fds_prepare(&fds);
  k->multi = curl_multi_init();
  own_fds_adopt(&fds);
  note_of_multi(k, &fds);
  CURLMcode code = k->multi != NULL ? CURLM_OK : CURLM_OUT_OF_MEMORY;
#define SET(option, value)                                                                         \
  (code = code == CURLM_OK ? curl_multi_setopt(k->multi, option, value) : code)
  SET(CURLMOPT_SOCKETFUNCTION, on_socket);
  SET(CURLMOPT_SOCKETDATA, k);
  SET(CURLMOPT_TIMERFUNCTION, on_timer);
  SET(CURLMOPT_TIMERDATA, k);
  SET(CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
#if LIBCURL_VERSION_NUM >= 0x081400
  SET(CURLMOPT_QUICK_EXIT, 1L); /* a silent name server must not hold up the process's end */
#endif
#undef SET
  if (code != CURLM_OK) {
    curl_multi_cleanup(k->multi);
    free(k);
    return NULL;
  }
  enlist(k);
  return k;
}

const char *lomi_connector_version(const char **tls) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  *tls = info->ssl_version != NULL ? info->ssl_version : "no TLS";
  return info->version;
}

void lomi_connector_free(lomi_connector *k) {
  if (k->forked)
    return; /* its memory is the parent's copy: libcurl would write to the parent's sockets */
  bool whole = has_of_multi(k);
  if (whole)
    curl_multi_cleanup(k->multi);
  delist(k);
  free(k->sockets);
  if (whole)
    free(k);
  else
    abandon(k);
}

bool lomi_connector_forked(const lomi_connector *k) {
  return k->forked;
}

double lomi_connector_timer(const lomi_connector *k) {
  return k->timer;
}

bool lomi_connector_act(lomi_connector *k, int fd, unsigned events) {
  int running, what = 0;
  if (events & LOMI_READABLE)
    what |= CURL_CSELECT_IN;
  if (events & LOMI_WRITABLE)
    what |= CURL_CSELECT_OUT;
  if (fd < 0)
    k->timer = -1; /* libcurl sets the next one */
  own_fds fds;
  own_fds_prepare(&fds);
  k->starved = fds.starved;
  CURLMcode code =
      curl_multi_socket_action(k->multi, fd < 0 ? CURL_SOCKET_TIMEOUT : fd, what, &running);
  own_fds_adopt(&fds);
  return code == CURLM_OK;
}
