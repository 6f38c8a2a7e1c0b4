/* SPDX-License-Identifier: MIT */
#include "connection.h"

#include <curl/curl.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- libcurl's callbacks ----------------------------------------------------------------------
 */

static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address) {
  lomi_connection *c = arg;
  lomi_connector *k = c->connector;
  (void)purpose;
  int fd = lomi_socket(address->family, address->socktype, address->protocol);
  c->starved = fd < 0 && lomi_is_starved(errno);
  if (fd < 0)
    return CURL_SOCKET_BAD;
  if (!lomi_connector_note(k, fd)) {
    close(fd);
    errno = ENOMEM;
    return CURL_SOCKET_BAD;
  }
  lomi_poller_renew(k->poller, fd);
  return fd;
}

/* libcurl may call this for a connection that is ours no more: hence the connector as argument. */
static int on_close(void *arg, curl_socket_t fd) {
  return lomi_connector_close(arg, fd);
}
/* ---- connecting: what went wrong --------------------------------------------------------------
 */

static bool has_any(const char *text, const char *const *words) {
  for (; *words != NULL; words++)
    if (strstr(text, *words) != NULL)
      return true;
  return false;
}

/* A handshake that was cut, not refused. libcurl has one code for both; these words are OpenSSL's
 * and GnuTLS's for an end of the stream or a reset. */
static bool is_cut(const char *text) {
  static const char *const words[] = {
      "unexpected eof",  "SSL_ERROR_SYSCALL",
      "onnection reset", "non-properly terminated",
      "Recv failure",    "Send failure",
      "Broken pipe",     "onnection was closed",
      "closed abruptly", NULL,
  };
  return has_any(text, words);
}

static lomi_failure failure_of(CURLcode code, const char *text) {
  switch (code) {
  case CURLE_OPERATION_TIMEDOUT: return LOMI_FAILED_TIMEOUT;
  case CURLE_SSL_CONNECT_ERROR: return is_cut(text) ? LOMI_FAILED_CONNECTION : LOMI_FAILED_TLS;
  case CURLE_SSL_ENGINE_NOTFOUND:
  case CURLE_SSL_ENGINE_SETFAILED:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_USE_SSL_FAILED:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_CRL_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
  case CURLE_SSL_INVALIDCERTSTATUS:
  case CURLE_SSL_CLIENTCERT: return LOMI_FAILED_TLS;
  default: return LOMI_FAILED_CONNECTION;
  }
}

static bool begins_https(const char *url) {
  return url != NULL && strncasecmp(url, "https:", 6) == 0;
}

static bool environment_has_proxy(void) {
  static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *value = getenv(names[i]);
    if (value != NULL && value[0] != '\0')
      return true;
  }
  return false;
}

/* The host and port of a proxy's URL, without its user and password. */
static const char *host_of(const char *url) {
  if (url == NULL)
    return "of the environment";
  const char *at = strrchr(url, '@'), *scheme = strstr(url, "://");
  return at != NULL ? at + 1 : scheme != NULL ? scheme + 3 : url;
}

/* With a proxy in play, libcurl's own words may quote its URL, password and all; so they are not
 * used but for the target's certificate. libcurl 8.14 sometimes reports a proxy that cannot be
 * resolved as a host that cannot; so the text is checked too. */
static void explain_with_proxy(lomi_connection *c, CURLcode code, const char *text) {
  long status = 0;
  char proxy[120];
  curl_easy_getinfo(c->easy, CURLINFO_HTTP_CONNECTCODE, &status);
  snprintf(proxy, sizeof proxy, "the proxy %.100s", host_of(c->endpoint.proxy));
  const char *origin = c->endpoint.origin;
  if (status == 407)
    snprintf(c->reason, sizeof c->reason,
             "%s wants a user name and password, or other ones (HTTP status 407)", proxy);
  else if (status >= 300 || (status >= 100 && status < 200))
    snprintf(c->reason, sizeof c->reason, "%s did not connect to %.80s: HTTP status %ld", proxy,
             origin, status);
  else if (c->failure == LOMI_FAILED_TIMEOUT)
    snprintf(c->reason, sizeof c->reason, "%s did not connect to %.80s in time", proxy, origin);
  else if (c->failure == LOMI_FAILED_TLS)
    snprintf(c->reason, sizeof c->reason, "no trusted TLS connection to %.80s through %s: %.120s",
             origin, proxy, text);
  else if (code == CURLE_COULDNT_RESOLVE_PROXY || strstr(text, "resolve proxy") != NULL)
    snprintf(c->reason, sizeof c->reason,
             "the proxy's host name cannot be resolved, or its URL "
             "cannot be read (option `proxy`, or HTTPS_PROXY or ALL_PROXY of the environment)");
  else
    snprintf(c->reason, sizeof c->reason, "cannot connect to %.80s through %s", origin, proxy);
}

static bool has_proxy(const lomi_connection *c) {
  const char *proxy = c->endpoint.proxy;
  return proxy != NULL ? proxy[0] != '\0'
                       : begins_https(c->endpoint.origin) && environment_has_proxy();
}

/* Without a descriptor libcurl can look up no name and read no file of authorities. */
static bool lacked_fd(const lomi_connection *c, CURLcode code) {
  if (code == CURLE_COULDNT_CONNECT)
    return c->starved;
  return c->connector->starved &&
         (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
          code == CURLE_SSL_CACERT_BADFILE);
}

static void explain(lomi_connection *c, CURLcode code, const char *text) {
  c->failed = true;
  if (text[0] == '\0')
    text = curl_easy_strerror(code);
  bool starved = lacked_fd(c, code);
  c->failure = starved ? LOMI_FAILED_CONNECTION : failure_of(code, text);
  if (starved)
    snprintf(c->reason, sizeof c->reason, "cannot connect to %.120s: out of file descriptors",
             c->endpoint.origin);
  else if (has_proxy(c))
    explain_with_proxy(c, code, text);
  else if (c->failure == LOMI_FAILED_TIMEOUT)
    snprintf(c->reason, sizeof c->reason, "cannot connect to %.120s in time", c->endpoint.origin);
  else
    snprintf(c->reason, sizeof c->reason, "cannot connect to %.120s: %s", c->endpoint.origin, text);
}

/* ---- connecting -------------------------------------------------------------------------------
 */

typedef struct handle_data {
  lomi_connection connection; /* first: the connection is its handle_data */
  char error[CURL_ERROR_SIZE];
} handle_data;

static CURLcode set_options(lomi_connection *c, char *error, double seconds) {
  CURL *easy = c->easy;
  lomi_connector *k = c->connector;
  CURLcode code = CURLE_OK;
  const char *ca_file = c->endpoint.ca_file != NULL ? c->endpoint.ca_file : k->ca_file;
  double milliseconds = ceil(seconds * 1e3);
#define SET(option, value) (code = code == CURLE_OK ? curl_easy_setopt(easy, option, value) : code)
  SET(CURLOPT_URL, c->endpoint.origin);
  SET(CURLOPT_PRIVATE, c);
  SET(CURLOPT_ERRORBUFFER, error);
  SET(CURLOPT_CONNECT_ONLY, 1L);
  SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
  SET(CURLOPT_OPENSOCKETDATA, c);
  SET(CURLOPT_CLOSESOCKETFUNCTION, on_close);
  SET(CURLOPT_CLOSESOCKETDATA, k);
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_QUICK_EXIT, 1L);    /* a silent name server must not hold up the handle's end */
  SET(CURLOPT_BUFFERSIZE, 1024L); /* the smallest: we receive into our own */
  /* The engine's timer ends the connecting; libcurl divides this among a host's addresses. */
  SET(CURLOPT_CONNECTTIMEOUT_MS, milliseconds < 1e9 ? (long)milliseconds : 1000000000L);
  SET(CURLOPT_PROTOCOLS_STR, "http,https");
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1); /* also in ALPN */
  SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  /* A proxy of the environment serves https only. */
  bool https = begins_https(c->endpoint.origin);
  SET(CURLOPT_PROXY, c->endpoint.proxy != NULL || https ? c->endpoint.proxy : "");
  SET(CURLOPT_HTTPPROXYTUNNEL, 1L);
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(CURLOPT_SSL_VERIFYPEER, 1L);
  SET(CURLOPT_SSL_VERIFYHOST, 2L);
  /* With a CA directory set, libcurl parses the whole CA file anew at every connection: 20 ms. */
  if (ca_file != NULL) {
    SET(CURLOPT_CAINFO, ca_file);
    SET(CURLOPT_CAPATH, NULL);
  }
  if (begins_https(c->endpoint.proxy)) {
    SET(CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (ca_file != NULL) {
      SET(CURLOPT_PROXY_CAINFO, ca_file);
      SET(CURLOPT_PROXY_CAPATH, NULL);
    }
  }
#undef SET
  return code;
}

static char *copy(const char *text, bool *no_memory) {
  char *copied = text != NULL ? strdup(text) : NULL;
  *no_memory = *no_memory || (text != NULL && copied == NULL);
  return copied;
}

static void free_connection(lomi_connection *c) {
  free((char *)c->endpoint.origin);
  free((char *)c->endpoint.ca_file);
  free((char *)c->endpoint.proxy);
  free(c);
}

lomi_connection *lomi_connection_open(lomi_connector *k, const lomi_endpoint *endpoint,
                                      double seconds) {
  handle_data *data = calloc(1, sizeof *data);
  if (data == NULL)
    return NULL;
  lomi_connection *c = &data->connection;
  bool no_memory = false;
  c->connector = k;
  c->fd = -1;
  c->endpoint.origin = copy(endpoint->origin, &no_memory);
  c->endpoint.ca_file = copy(endpoint->ca_file, &no_memory);
  c->endpoint.proxy = copy(endpoint->proxy, &no_memory);
  c->encrypted = begins_https(endpoint->origin) || begins_https(endpoint->proxy);
  c->easy = no_memory ? NULL : curl_easy_init();
  if (c->easy == NULL || set_options(c, data->error, seconds) != CURLE_OK ||
      curl_multi_add_handle(k->multi, c->easy) != CURLM_OK) {
    curl_easy_cleanup(c->easy);
    free_connection(c);
    return NULL;
  }
  return c;
}

lomi_connection *lomi_connection_next(lomi_connector *k) {
  CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(k->multi, &left)) != NULL) {
    if (message->msg != CURLMSG_DONE)
      continue;
    char *private = NULL;
    CURLcode code = message->data.result;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
    handle_data *data = (handle_data *)(void *)private;
    lomi_connection *c = &data->connection;
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (code == CURLE_OK)
      code = curl_easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (code == CURLE_OK && fd == CURL_SOCKET_BAD)
      code = CURLE_COULDNT_CONNECT;
    if (code == CURLE_OK)
      c->fd = fd;
    else
      explain(c, code, data->error);
    return c;
  }
  return NULL;
}

void lomi_connection_give_up(lomi_connection *c) {
  explain(c, CURLE_OPERATION_TIMEDOUT, "");
}

void lomi_connection_reject(lomi_connection *c) {
  bool proxied = has_proxy(c);
  c->failed = true;
  c->failure = LOMI_FAILED_CONNECTION;
  snprintf(c->reason, sizeof c->reason,
           "the new connection to %.80s%s%.100s was closed, or something came on it, before the "
           "request was sent",
           c->endpoint.origin, proxied ? " through the proxy " : "",
           proxied ? host_of(c->endpoint.proxy) : "");
}

void lomi_connection_close(lomi_connection *c) {
  if (c->connector->forked)
    return;
  curl_multi_remove_handle(c->connector->multi, c->easy); /* closes the connection */
  curl_easy_cleanup(c->easy);
  free_connection(c);
}

static bool same(const char *a, const char *b) {
  return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool lomi_connection_is_own(const lomi_connection *c) {
  return lomi_connector_owns(c->connector, c->fd);
}

bool lomi_connection_serves(const lomi_connection *c, const lomi_endpoint *endpoint) {
  return same(c->endpoint.origin, endpoint->origin) && same(c->endpoint.proxy, endpoint->proxy) &&
         same(c->endpoint.ca_file, endpoint->ca_file);
}

/* ---- bytes ------------------------------------------------------------------------------------
 */

bool lomi_connection_watch(lomi_connection *c, unsigned events) {
  return lomi_poller_watch(c->connector->poller, c->fd, events, c);
}

static lomi_io io_of_errno(void) {
  switch (errno) {
  case EAGAIN:
#if EWOULDBLOCK != EAGAIN
  case EWOULDBLOCK:
#endif
  case EINTR: return LOMI_IO_AGAIN;
  case ECONNRESET:
  case EPIPE: return LOMI_IO_RESET;
  default: return LOMI_IO_FAILED;
  }
}

static lomi_io io_of_code(const lomi_connection *c, CURLcode code) {
  long problem = 0;
  if (code == CURLE_AGAIN)
    return LOMI_IO_AGAIN;
  curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &problem);
  return problem == ECONNRESET || problem == EPIPE ? LOMI_IO_RESET : LOMI_IO_FAILED;
}

/* No send raises SIGPIPE: ours says so, and so does libcurl's under TLS, from 7.87 on.
 *
 * A TLS library may let records leave and tell of none until the last one is out: it is given one
 * at a time, so that what has left is known. */
enum { RECORD = 16 * 1024 };

lomi_io lomi_connection_send(lomi_connection *c, const char *bytes, size_t n, size_t *moved) {
  *moved = 0;
  if (c->encrypted) {
    if (n > RECORD)
      n = RECORD;
    CURLcode code = curl_easy_send(c->easy, bytes, n, moved);
    if (code != CURLE_OK)
      return io_of_code(c, code);
    return *moved > 0 ? LOMI_IO_OK : LOMI_IO_AGAIN;
  }
  ssize_t sent = send(c->fd, bytes, n, MSG_NOSIGNAL);
  if (sent < 0)
    return io_of_errno();
  *moved = (size_t)sent;
  return sent > 0 ? LOMI_IO_OK : LOMI_IO_AGAIN;
}

lomi_io lomi_connection_receive(lomi_connection *c, char *bytes, size_t n, size_t *moved) {
  *moved = 0;
  if (c->encrypted) {
    CURLcode code = curl_easy_recv(c->easy, bytes, n, moved);
    if (code != CURLE_OK)
      return io_of_code(c, code);
    return *moved > 0 ? LOMI_IO_OK : LOMI_IO_CLOSED;
  }
  ssize_t received = recv(c->fd, bytes, n, 0);
  if (received < 0)
    return io_of_errno();
  *moved = (size_t)received;
  return received > 0 ? LOMI_IO_OK : LOMI_IO_CLOSED;
}

bool lomi_connection_is_quiet(lomi_connection *c) {
  char byte;
  size_t moved;
  return lomi_connection_receive(c, &byte, 1, &moved) == LOMI_IO_AGAIN;
}
