/* SPDX-License-Identifier: MIT */
/* Text as bytes: ASCII and UTF-8, whatever the locale. Used by every thread: no state. */
#ifndef LOMI_TEXT_H
#define LOMI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline char lomi_lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline bool lomi_is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* The value of a hexadecimal digit, or -1. */
static inline int lomi_hex_value(char c) {
  if (lomi_is_digit(c))
    return c - '0';
  c = lomi_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline bool lomi_is_blank(char c) {
  return c == ' ' || c == '\t';
}

/* Narrows *s, *n to what lies between its outer spaces and tabs. */
static inline void lomi_trim(const char **s, size_t *n) {
  for (; *n > 0 && lomi_is_blank(**s); --*n)
    ++*s;
  while (*n > 0 && lomi_is_blank((*s)[*n - 1]))
    --*n;
}

/* Eight bytes at a time: a byte times LOMI_EIGHT is eight of it. */
#define LOMI_EIGHT UINT64_C(0x0101010101010101)
#define LOMI_HIGH_BITS (0x80 * LOMI_EIGHT)

static inline uint64_t lomi_load8(const char *from) {
  uint64_t eight;
  memcpy(&eight, from, sizeof eight);
  return eight;
}

/* Has a bit of LOMI_HIGH_BITS if one of the eight is a control character below 0x20. */
static inline uint64_t lomi_controls(uint64_t eight) {
  return (eight - 0x20 * LOMI_EIGHT) & ~eight;
}

bool lomi_is_utf8(const char *text, size_t len);

#endif
