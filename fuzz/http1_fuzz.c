/* SPDX-License-Identifier: MIT */
/* libFuzzer target for http1.c. However a stream is cut, the parser must say the same of it; it
 * must never hold more than its caps; and what it accepts must pass a few checks that share no code
 * with it. The same bytes go through the writer, too. */
#include "http1.h"
#include "lomi.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition))                                                                              \
      __builtin_trap();                                                                            \
  } while (0)

typedef struct {
  lomi_http1 http1;
  lomi_buffer head, body;
  lomi_http1_result fed, ended;
  bool keep_alive; /* before the end of the stream */
} run;

static void start(run *r, size_t head_cap, size_t body_cap) {
  lomi_buffer_init(&r->head, head_cap);
  lomi_buffer_init(&r->body, body_cap);
  lomi_http1_init(&r->http1, &r->head, &r->body);
  r->fed = LOMI_HTTP1_PARTIAL;
}

static void feed(run *r, const char *bytes, size_t n) {
  lomi_http1_result before = r->fed;
  r->fed = lomi_http1_feed(&r->http1, bytes, n);
  CHECK(before == LOMI_HTTP1_PARTIAL || r->fed == before);
  CHECK((r->fed == LOMI_HTTP1_BAD) == (r->http1.reason[0] != '\0'));
  CHECK(r->head.len <= r->head.cap && r->body.len <= r->body.cap);
  CHECK(r->head.size <= r->head.cap && r->body.size <= r->body.cap);
  CHECK(r->http1.head_bytes <= r->head.cap);
}

/* From a copy of its own, so that reading past a piece is seen. */
static void feed_copy(run *r, const char *bytes, size_t n) {
  char *piece = malloc(n > 0 ? n : 1);
  CHECK(piece != NULL);
  memcpy(piece, bytes, n);
  feed(r, piece, n);
  free(piece);
}

static void end(run *r) {
  r->keep_alive = lomi_http1_keep_alive(&r->http1);
  r->ended = lomi_http1_eof(&r->http1);
  CHECK(r->fed == LOMI_HTTP1_PARTIAL || r->ended == r->fed);
  CHECK(!lomi_http1_keep_alive(&r->http1));
  CHECK((r->ended == LOMI_HTTP1_DONE) == (r->http1.reason[0] == '\0'));
}

static void stop(run *r) {
  lomi_buffer_free(&r->head);
  lomi_buffer_free(&r->body);
}

static void check_same(const run *a, const run *b) {
  CHECK(a->fed == b->fed && a->ended == b->ended);
  CHECK(strcmp(a->http1.reason, b->http1.reason) == 0);
  if (a->ended != LOMI_HTTP1_DONE)
    return;
  CHECK(a->keep_alive == b->keep_alive);
  CHECK(a->http1.status == b->http1.status && a->http1.leftover == b->http1.leftover);
  CHECK(a->head.len == b->head.len && a->body.len == b->body.len);
  CHECK(a->head.len == 0 || memcmp(a->head.data, b->head.data, a->head.len) == 0);
  CHECK(a->body.len == 0 || memcmp(a->body.data, b->body.data, a->body.len) == 0);
}

/* What holds of every accepted reply, told from the raw bytes. */
static void check_accepted(const run *r, const char *bytes, size_t n) {
  const char *name, *value;
  bool has_length = false, has_coding = false;
  CHECK(n - r->http1.leftover >= strlen("HTTP/1.1 200\r\n\r\n") &&
        memcmp(bytes, "HTTP/1.", 7) == 0);
  CHECK(r->http1.status >= 200 && r->http1.status <= 999);
  CHECK(!r->keep_alive || r->http1.leftover == 0);
  CHECK(memchr(bytes, '\n', n) != NULL && ((char *)memchr(bytes, '\n', n))[-1] == '\r');
  for (size_t at = 0; at < r->http1.line; at += strlen(name) + strlen(value) + 2) {
    name = r->http1.head->data + at;
    value = name + strlen(name) + 1;
    CHECK(name[0] != '\0' && strcspn(name, " \t\r\n:ABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(name));
    CHECK(value[strcspn(value, "\r\n")] == '\0' && value[0] != ' ' && value[0] != '\t');
    if (strcmp(name, "content-length") == 0) {
      CHECK(!has_length && value[0] != '\0' && value[strspn(value, "0123456789")] == '\0');
      has_length = true;
      CHECK(r->http1.status == 204 || r->http1.status == 304 ||
            strtoull(value, NULL, 10) == r->body.len);
    } else if (strcmp(name, "transfer-encoding") == 0) {
      CHECK(!has_coding && strlen(value) == strlen("chunked"));
      has_coding = true;
    }
  }
  CHECK(!has_length || !has_coding);
  CHECK(!r->keep_alive || has_length || has_coding || r->http1.status == 204 ||
        r->http1.status == 304);
}

/* Whole, cut at `at`, and (for what is short) byte by byte. */
static void check_parser(const char *bytes, size_t n, size_t at, size_t head_cap, size_t body_cap) {
  run whole, cut, bytewise;
  start(&whole, head_cap, body_cap);
  feed(&whole, bytes, n);
  end(&whole);
  if (whole.ended == LOMI_HTTP1_DONE)
    check_accepted(&whole, bytes, n);

  start(&cut, head_cap, body_cap);
  feed_copy(&cut, bytes, at);
  feed_copy(&cut, bytes + at, n - at);
  end(&cut);
  check_same(&whole, &cut);
  stop(&cut);

  if (n <= 512) {
    start(&bytewise, head_cap, body_cap);
    for (size_t i = 0; i < n; i++)
      feed(&bytewise, bytes + i, 1);
    end(&bytewise);
    check_same(&whole, &bytewise);
    stop(&bytewise);
  }
  stop(&whole);
}

/* Up to the next NUL or, since NUL itself is worth trying, all that is left. */
static size_t take(const char **at, const char *limit, const char **field) {
  *field = *at;
  const char *nul = memchr(*at, '\0', (size_t)(limit - *at));
  size_t n = (size_t)((nul != NULL ? nul : limit) - *at);
  *at += n + (nul != NULL);
  return n;
}

/* method NUL target NUL name NUL value: whatever is accepted is two lines and an empty one. */
static void check_writer(const char *bytes, size_t n) {
  const char *limit = bytes + n, *method, *target, *name, *value;
  size_t method_len = take(&bytes, limit, &method), target_len = take(&bytes, limit, &target);
  size_t name_len = take(&bytes, limit, &name), value_len = (size_t)(limit - bytes);
  value = bytes;
  lomi_buffer out;
  lomi_buffer_init(&out, LOMI_MAX_HEAD);
  if (lomi_http1_put_request(&out, method, method_len, target, target_len) == NULL &&
      lomi_http1_put_field(&out, name, name_len, value, value_len) == NULL &&
      lomi_http1_put_end(&out) == NULL) {
    size_t lines = 0;
    CHECK(out.len ==
          method_len + target_len + name_len + value_len + strlen("  HTTP/1.1\r\n: \r\n\r\n"));
    for (size_t i = 0; i < out.len; i++) {
      CHECK(out.data[i] != '\0');
      CHECK((out.data[i] == '\n') == (i > 0 && out.data[i - 1] == '\r'));
      lines += out.data[i] == '\n';
    }
    CHECK(lines == 3 && memcmp(out.data + out.len - 4, "\r\n\r\n", 4) == 0);
  }
  lomi_buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *bytes = (const char *)data;
  uint32_t hash =
      2166136261u; /* FNV-1a: where to cut is told by the input, which stays plain HTTP */
  for (size_t i = 0; i < size; i++)
    hash = (hash ^ data[i]) * 16777619u;
  size_t at = hash % (size + 1);
  check_parser(bytes, size, at, LOMI_MAX_HEAD, LOMI_MAX_REPLY_BODY);
  check_parser(bytes, size, at, 16 + hash % 128, hash / 128 % 64); /* limits within reach */
  check_writer(bytes, size);
  return 0;
}
