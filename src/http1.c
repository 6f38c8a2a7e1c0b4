/* SPDX-License-Identifier: MIT */
#include "http1.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

/* In the order a reply runs through them. */
enum {
  STATUS,
  FIELDS,
  BODY,       /* `left` bytes of Content-Length */
  BODY_CLOSE, /* until the stream ends */
  CHUNK_SIZE,
  CHUNK_EXTENSION,
  CHUNK_SIZE_LF,
  CHUNK_DATA,
  CHUNK_DATA_CR,
  CHUNK_DATA_LF,
  TRAILERS,
  DONE,
  FAILED,
};

static const char *const part_names[] = {
    [STATUS] = "status line",
    [FIELDS] = "headers",
    [BODY] = "body",
    [BODY_CLOSE] = "body",
    [CHUNK_SIZE] = "chunked body",
    [CHUNK_EXTENSION] = "chunked body",
    [CHUNK_SIZE_LF] = "chunked body",
    [CHUNK_DATA] = "chunked body",
    [CHUNK_DATA_CR] = "chunked body",
    [CHUNK_DATA_LF] = "chunked body",
    [TRAILERS] = "trailers",
};

static const char PREFIX[] = "HTTP/1."; /* of every status line */

enum {
  PREFIX_LEN = sizeof PREFIX - 1,
  KEEP = 16 * 1024, /* bytes of buffer memory that a parser keeps for the next reply */
};

/* The bytes that a token may hold, each in lower case; 0: it may not hold this one. */
static const char token_bytes[256] =
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    "\0!\0#$%&'\0\0*+\0-.\0"
    "0123456789\0\0\0\0\0\0"
    "\0abcdefghijklmnopqrstuvwxyz\0\0\0^_"
    "`abcdefghijklmnopqrstuvwxyz\0|\0~";

/* The bytes that a header value and a reason phrase may hold. */
static const bool text_bytes[256] = {
    ['\t'] = true,
    [0x20 ... 0x7e] = true,
    [0x80 ... 0xff] = true,
};

/* The leading bytes of a text that it may hold: eight at a time while all are printable ASCII or
 * above it. */
static size_t text_span(const char *s, size_t n) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    uint64_t eight = lomi_load8(s + i), not_del = eight ^ (0x7f * LOMI_EIGHT);
    uint64_t del = (not_del - LOMI_EIGHT) & ~not_del;
    if (((lomi_controls(eight) | del) & LOMI_HIGH_BITS) != 0)
      break;
  }
  while (i < n && text_bytes[(unsigned char)s[i]])
    i++;
  return i;
}

static inline bool is_name(const char *s, size_t n, const char *name) {
  return n == strlen(name) && memcmp(s, name, n) == 0;
}

bool lomi_http1_is_token(const char *s, size_t n) {
  size_t i = 0;
  while (i < n && token_bytes[(unsigned char)s[i]] != 0)
    i++;
  return n > 0 && i == n;
}

bool lomi_http1_same_word(const char *s, size_t n, const char *word) {
  if (strlen(word) != n)
    return false;
  for (size_t i = 0; i < n; i++)
    if (lomi_lower(s[i]) != word[i])
      return false;
  return true;
}

/* --- failing ------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void fail(lomi_http1 *p, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(p->reason, sizeof p->reason, format, args);
  va_end(args);
  p->state = FAILED;
  p->failure = LOMI_HTTP1_BAD;
}

/* `name` is that of a header, or "". */
static void fail_byte(lomi_http1 *p, char byte, const char *where, const char *name) {
  char text[16];
  snprintf(text, sizeof text, "byte 0x%02x", (unsigned char)byte);
  const char *what = byte == '\0' ? "a NUL byte" : byte == '\r' ? "a bare CR" : text;
  fail(p, "%s in %s%.48s", what, where, name);
}

static bool append(lomi_http1 *p, lomi_buffer *b, const char *bytes, size_t n) {
  switch (lomi_buffer_append(b, bytes, n)) {
  case LOMI_BUFFER_OK: return true;
  case LOMI_BUFFER_NOMEM:
    fail(p, "out of memory for the reply");
    p->failure = LOMI_HTTP1_PARTIAL; /* the reply may be good: another attempt may read it */
    return false;
  case LOMI_BUFFER_FULL: break;
  }
  fail(p, "the body is over the limit of %zu bytes", b->cap); /* the head never gets this far */
  return false;
}

/* --- status line and headers --------------------------------------------------------------- */

/* A status line with its CR LF, n bytes; it begins with PREFIX. */
static void read_status(lomi_http1 *p, const char *line, size_t n) {
  const char *code = line + PREFIX_LEN + 2;
  n -= 2;
  if (n < PREFIX_LEN + 2 || (code[-2] != '0' && code[-2] != '1') || code[-1] != ' ') {
    fail(p, "the status line does not begin with \"HTTP/1.0 \" or \"HTTP/1.1 \"");
    return;
  }
  n -= PREFIX_LEN + 2;
  if (n < 3 || !lomi_is_digit(code[0]) || !lomi_is_digit(code[1]) || !lomi_is_digit(code[2]) ||
      code[0] == '0' || (n > 3 && code[3] != ' ')) {
    fail(p, "the status code is not three digits, 100 to 999");
    return;
  }
  size_t good = text_span(code, n);
  if (good < n) {
    fail_byte(p, code[good], "the status line", "");
    return;
  }
  p->state = FIELDS;
  p->http10 = code[-2] == '0';
  p->status = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
  if (p->status == 101)
    fail(p, "status 101: the protocol was switched, which was not asked for");
}

static void read_content_length(lomi_http1 *p, const char *value, size_t n) {
  if (p->has_length) {
    fail(p, "two Content-Length headers");
    return;
  }
  size_t digits = 0;
  /* Past the cap the number only has to be known as too big, so it cannot overflow. */
  for (; digits < n && lomi_is_digit(value[digits]); digits++)
    if (p->length <= p->body->cap)
      p->length = p->length * 10 + (size_t)(value[digits] - '0');
  if (n == 0 || digits != n)
    fail(p, "Content-Length is not a plain decimal number");
  p->has_length = true;
}

static void read_transfer_encoding(lomi_http1 *p, const char *value, size_t n) {
  if (p->chunked)
    fail(p, "two Transfer-Encoding headers");
  else if (p->http10)
    fail(p, "Transfer-Encoding in an HTTP/1.0 reply");
  else if (!lomi_http1_same_word(value, n, "chunked"))
    fail(p, "Transfer-Encoding is not exactly \"chunked\"");
  p->chunked = true;
}

static void read_connection(lomi_http1 *p, const char *value, size_t n) {
  const char *end = value + n;
  while (value < end) {
    const char *comma = memchr(value, ',', (size_t)(end - value));
    const char *option = value;
    size_t len = (size_t)((comma != NULL ? comma : end) - value);
    value += len + (comma != NULL);
    lomi_trim(&option, &len);
    p->says_close |= lomi_http1_same_word(option, len, "close");
    p->says_keep_alive |= lomi_http1_same_word(option, len, "keep-alive");
  }
}

/* A header line with its CR LF, n bytes, which is the last of the head buffer; packs it in place.
 * A trailer is checked and dropped. */
static void read_field(lomi_http1 *p, char *line, size_t n) {
  const char *value;
  size_t name_len = 0;
  char lower;
  while ((lower = token_bytes[(unsigned char)line[name_len]]) != 0) /* the CR is none of them */
    line[name_len++] = lower;
  if (++p->fields > LOMI_HTTP1_MAX_FIELDS) {
    fail(p, "more than %d header lines", LOMI_HTTP1_MAX_FIELDS);
  } else if (lomi_is_blank(line[0])) {
    fail(p, "a folded header line (it begins with a space or a tab)");
  } else if (lomi_is_blank(line[name_len])) {
    fail(p, "a space before the colon of header %.*s", (int)(name_len < 48 ? name_len : 48), line);
  } else if (line[name_len] != ':' && name_len + 2 == n) {
    fail(p, "a header line without a colon");
  } else if (line[name_len] != ':') {
    fail_byte(p, line[name_len], "a header name", "");
  } else if (name_len == 0) {
    fail(p, "a header line without a name");
  }
  if (p->state == FAILED)
    return;

  line[name_len] = '\0';
  value = line + name_len + 1;
  n -= name_len + 1 + 2;
  size_t good = text_span(value, n);
  if (good < n) {
    fail_byte(p, value[good], "header ", line);
    return;
  }
  if (p->state == TRAILERS)
    return;
  lomi_trim(&value, &n);
  if (is_name(line, name_len, "content-length"))
    read_content_length(p, value, n);
  else if (is_name(line, name_len, "transfer-encoding"))
    read_transfer_encoding(p, value, n);
  else if (is_name(line, name_len, "connection"))
    read_connection(p, value, n);

  memmove(line + name_len + 1, value, n);
  line[name_len + 1 + n] = '\0'; /* where the CR was, or before it */
  p->line += name_len + n + 2;
}

static void start_reply(lomi_http1 *p) {
  p->state = STATUS;
  p->line = p->fields = p->left = p->length = p->chunk_line = 0;
  p->http10 = p->has_length = p->chunked = p->says_close = p->says_keep_alive = false;
}

/* The empty line after the headers: how does the reply go on? */
static void end_head(lomi_http1 *p) {
  if (p->chunked && p->has_length) {
    fail(p, "both Transfer-Encoding and Content-Length");
  } else if (p->status < 200) {
    start_reply(p); /* an interim reply; head_bytes goes on counting, which bounds their number */
  } else if (p->status == 204 || p->status == 304) {
    /* No body, whatever the headers say. A 304 may name the length a 200 would have had; a 204 that
     * announces a body may well send it, and the next reply would begin with it. */
    p->reusable = p->status == 304 || (!p->chunked && p->length == 0);
    p->state = DONE;
  } else if (p->chunked) {
    p->reusable = true;
    p->state = CHUNK_SIZE;
  } else if (!p->has_length) {
    p->state = BODY_CLOSE;
  } else if (p->length > p->body->cap) {
    fail(p, "Content-Length: the body is over the limit of %zu bytes", p->body->cap);
  } else {
    p->reusable = true;
    p->left = p->length;
    p->state = p->left > 0 ? BODY : DONE;
  }
}

/* Lines gather at the end of the head buffer and are judged when complete. */
static const char *feed_line(lomi_http1 *p, const char *at, const char *end) {
  const char *lf = memchr(at, '\n', (size_t)(end - at));
  size_t n = (size_t)((lf != NULL ? lf + 1 : end) - at);
  size_t room = p->head->cap - p->head_bytes;
  bool fits = n <= room;
  size_t taken = fits ? n : room;
  size_t had = p->head->len - p->line;

  /* The first bytes tell whether this is HTTP at all; a line of something else may never end. */
  if (p->state == STATUS)
    for (size_t i = had; i < PREFIX_LEN && i < had + taken; i++)
      if (at[i - had] != PREFIX[i]) {
        fail(p, "the reply does not begin with \"HTTP/1.0\" or \"HTTP/1.1\"");
        return end;
      }
  if (!fits) {
    fail(p, "status line, headers and trailers are over the limit of %zu bytes", p->head->cap);
    return end;
  }
  if (!append(p, p->head, at, n))
    return end;
  p->head_bytes += n;
  if (lf == NULL)
    return end;

  char *line = p->head->data + p->line;
  n = had + n;
  if (n < 2 || line[n - 2] != '\r')
    fail(p, "a bare LF ends %s%s (CR LF is wanted)", p->state == STATUS ? "the " : "a line of the ",
         part_names[p->state]);
  else if (p->state == STATUS)
    read_status(p, line, n);
  else if (n > 2)
    read_field(p, line, n);
  else if (p->state == TRAILERS)
    p->state = DONE;
  else
    end_head(p);
  p->head->len = p->line;
  return lf + 1;
}

/* --- body ---------------------------------------------------------------------------------- */

static void feed_chunk_line(lomi_http1 *p, char c) {
  int digit = lomi_hex_value(c);
  p->chunk_line++;
  if (p->state == CHUNK_SIZE_LF && c != '\n') {
    fail_byte(p, '\r', "a chunk size line", "");
  } else if (p->state == CHUNK_SIZE_LF && p->left == 0) {
    p->state = TRAILERS;
  } else if (p->state == CHUNK_SIZE_LF && p->left > p->body->cap - p->body->len) {
    fail(p, "chunk size: the body is over the limit of %zu bytes", p->body->cap);
  } else if (p->state == CHUNK_SIZE_LF) {
    p->state = CHUNK_DATA;
  } else if (p->chunk_line >= LOMI_HTTP1_MAX_CHUNK_LINE) { /* its LF would be one more */
    fail(p, "a chunk size line is over the limit of %d bytes", LOMI_HTTP1_MAX_CHUNK_LINE);
  } else if (c == '\n') {
    fail(p, "a bare LF ends a chunk size line (CR LF is wanted)");
  } else if (p->state == CHUNK_SIZE && digit >= 0) {
    if (p->left <= p->body->cap) /* past the cap, too big is all there is to know */
      p->left = p->left * 16 + (size_t)digit;
  } else if (p->state == CHUNK_SIZE && (p->chunk_line == 1 || (c != '\r' && c != ';'))) {
    fail(p, "a chunk size is not a plain hexadecimal number");
  } else if (c == '\r') {
    p->state = CHUNK_SIZE_LF;
  } else if (p->state == CHUNK_SIZE) {
    p->state = CHUNK_EXTENSION;
  } else if (!text_bytes[(unsigned char)c]) {
    fail_byte(p, c, "a chunk extension", "");
  }
}

static const char *feed_data(lomi_http1 *p, const char *at, const char *end) {
  size_t n = (size_t)(end - at);
  if (p->state != BODY_CLOSE) {
    n = n < p->left ? n : p->left;
    p->left -= n;
  }
  if (append(p, p->body, at, n) && p->left == 0 && p->state != BODY_CLOSE)
    p->state = p->state == BODY ? DONE : CHUNK_DATA_CR;
  return at + n;
}

static void feed_chunk_end(lomi_http1 *p, char c) {
  if (c != (p->state == CHUNK_DATA_CR ? '\r' : '\n')) {
    fail(p, "a chunk is not followed by CR LF where its size says it ends");
  } else if (p->state == CHUNK_DATA_CR) {
    p->state = CHUNK_DATA_LF;
  } else {
    p->chunk_line = 0;
    p->state = CHUNK_SIZE;
  }
}

/* --- parser -------------------------------------------------------------------------------- */

void lomi_http1_init(lomi_http1 *p, lomi_buffer *head, lomi_buffer *body) {
  memset(p, 0, sizeof *p);
  p->head = head;
  p->body = body;
  lomi_buffer_clear(head, KEEP);
  lomi_buffer_clear(body, KEEP);
  start_reply(p);
}

static lomi_http1_result result(const lomi_http1 *p) {
  if (p->state == FAILED)
    return p->failure;
  return p->state == DONE ? LOMI_HTTP1_DONE : LOMI_HTTP1_PARTIAL;
}

lomi_http1_result lomi_http1_feed(lomi_http1 *p, const char *bytes, size_t n) {
  const char *at = bytes, *end = bytes + n;
  while (at < end && p->state < DONE) {
    switch (p->state) {
    case STATUS:
    case FIELDS:
    case TRAILERS: at = feed_line(p, at, end); break;
    case BODY:
    case BODY_CLOSE:
    case CHUNK_DATA: at = feed_data(p, at, end); break;
    case CHUNK_DATA_CR:
    case CHUNK_DATA_LF: feed_chunk_end(p, *at++); break;
    default: feed_chunk_line(p, *at++); break;
    }
  }
  if (p->state == DONE)
    p->leftover += (size_t)(end - at);
  return result(p);
}

lomi_http1_result lomi_http1_lost(lomi_http1 *p, const char *how) {
  p->reusable = false;
  if (p->state < DONE) {
    if (p->head_bytes == 0)
      fail(p, "the connection was %s before the first byte of a reply", how);
    else
      fail(p, "the connection was %s before the end of the %s", how, part_names[p->state]);
    p->failure = LOMI_HTTP1_PARTIAL;
  }
  return result(p);
}

lomi_http1_result lomi_http1_eof(lomi_http1 *p) {
  if (p->state == BODY_CLOSE)
    p->state = DONE;
  return lomi_http1_lost(p, "closed");
}

bool lomi_http1_keep_alive(const lomi_http1 *p) {
  return p->state == DONE && p->reusable && p->leftover == 0 && !p->says_close &&
         (!p->http10 || p->says_keep_alive);
}

/* --- writer -------------------------------------------------------------------------------- */

static const char *put_result(lomi_buffer_status status) {
  switch (status) {
  case LOMI_BUFFER_OK: return NULL;
  case LOMI_BUFFER_NOMEM: return "out of memory for the head of the request";
  case LOMI_BUFFER_FULL: break;
  }
  return "the head of the request is over its limit";
}

static inline char *put(char *at, const char *text, size_t len) {
  memcpy(at, text, len);
  return at + len;
}

/* Appends two texts, each with what follows it. */
static inline const char *put_two(lomi_buffer *out, const char *a, size_t a_len,
                                  const char *after_a, const char *b, size_t b_len,
                                  const char *after_b) {
  size_t after_a_len = strlen(after_a), after_b_len = strlen(after_b);
  size_t len = a_len + after_a_len + b_len + after_b_len;
  lomi_buffer_status status = lomi_buffer_reserve(out, len);
  if (status == LOMI_BUFFER_OK) {
    char *at = out->data + out->len;
    at = put(put(at, a, a_len), after_a, after_a_len);
    put(put(at, b, b_len), after_b, after_b_len);
    out->len += len;
  }
  return put_result(status);
}

const char *lomi_http1_put_request(lomi_buffer *out, const char *method, size_t method_len,
                                   const char *target, size_t target_len) {
  if (!lomi_http1_is_token(method, method_len))
    return "the method is not a token such as GET or POST";
  if (target_len == 0)
    return "the request target is empty";
  for (size_t i = 0; i < target_len; i++)
    if ((unsigned char)target[i] <= ' ' || target[i] == 0x7f)
      return "the request target holds a space or a control byte; percent-encode it";
  return put_two(out, method, method_len, " ", target, target_len, " HTTP/1.1\r\n");
}

const char *lomi_http1_put_field(lomi_buffer *out, const char *name, size_t name_len,
                                 const char *value, size_t value_len) {
  if (!lomi_http1_is_token(name, name_len))
    return "a header name is not a token (letters, digits and a few signs, as in X-API-KEY)";
  if (text_span(value, value_len) != value_len)
    return "the value holds CR, LF, NUL or another control byte";
  return put_two(out, name, name_len, ": ", value, value_len, "\r\n");
}

const char *lomi_http1_put_length(lomi_buffer *out, size_t body_len) {
  char digits[24], *at = digits + sizeof digits;
  do
    *--at = (char)('0' + body_len % 10);
  while ((body_len /= 10) > 0);
  return lomi_http1_put_field(out, "Content-Length", 14, at, (size_t)(digits + sizeof digits - at));
}

const char *lomi_http1_put_end(lomi_buffer *out) {
  return put_result(lomi_buffer_append(out, "\r\n", 2));
}
