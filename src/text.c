/* SPDX-License-Identifier: MIT */
#include "text.h"

/* The last load overlaps the one before: no byte is looked at alone, except in short text. */
static bool is_ascii(const char *text, size_t len) {
  uint64_t seen = 0;
  if (len >= 8) {
    for (size_t i = 0; i + 8 < len; i += 8)
      seen |= lomi_load8(text + i);
    seen |= lomi_load8(text + len - 8);
  } else {
    for (size_t i = 0; i < len; i++)
      seen |= (unsigned char)text[i];
  }
  return (seen & LOMI_HIGH_BITS) == 0;
}

bool lomi_is_utf8(const char *text, size_t len) {
  if (is_ascii(text, len))
    return true;
  const unsigned char *s = (const unsigned char *)text, *end = s + len;
  while (s < end) {
    if (end - s >= 8 && (lomi_load8((const char *)s) & LOMI_HIGH_BITS) == 0) {
      s += 8;
      continue;
    }
    unsigned c = *s++;
    if (c < 0x80)
      continue;
    int more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
    if (c < 0xC2 || c > 0xF4 || end - s < more)
      return false;
    /* The first continuation byte rules out overlong forms, surrogates and what is past U+10FFFF */
    unsigned low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    unsigned high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (*s < low || *s > high)
      return false;
    for (s++; --more > 0; s++)
      if ((*s & 0xC0) != 0x80)
        return false;
  }
  return true;
}
