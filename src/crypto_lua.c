/* SPDX-License-Identifier: MIT */
/* lomi.crypto: what a webhook's signature needs of OpenSSL's libcrypto, and nothing else.
 * Loaded at the first webhook, never by require "lomi": libcrypto costs milliseconds to load. */
#include "compat.h"
#include "lomi.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#define SHA256_BYTES 32

static const char *check_string(lua_State *L, int arg, size_t *len) {
  luaL_checktype(L, arg, LUA_TSTRING); /* no numbers: their text would depend on the Lua */
  return lua_tolstring(L, arg, len);
}

/* hmac_sha256(key, bytes) -> 64 lower-case hex digits, or nil, message if OpenSSL refuses (a
 * configuration without SHA-256, no memory). */
static int crypto_hmac_sha256(lua_State *L) {
  size_t key_len, len, mac_len = 0;
  const char *key = check_string(L, 1, &key_len);
  const char *bytes = check_string(L, 2, &len);
  unsigned char mac[SHA256_BYTES];
  char reason[256] = "";

  luaL_argcheck(L, key_len <= INT_MAX, 1, "key too long"); /* libcrypto keeps it in an int */

  /* The error queue is the thread's, and inside nginx it is nginx's: what is on it stays, and
   * nothing of ours does. */
  ERR_set_mark();
  int done = EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, key_len,
                       (const unsigned char *)bytes, len, mac, sizeof mac, &mac_len) != NULL &&
             mac_len == sizeof mac;
  if (!done)
    ERR_error_string_n(ERR_peek_last_error(), reason, sizeof reason);
  ERR_pop_to_mark();

  if (!done) {
    lua_pushnil(L);
    lua_pushfstring(L, "OpenSSL cannot compute HMAC-SHA256: %s", reason);
    return 2;
  }
  static const char digits[] = "0123456789abcdef";
  char hex[2 * SHA256_BYTES];
  for (size_t i = 0; i < sizeof hex; i++)
    hex[i] = digits[i % 2 == 0 ? mac[i / 2] >> 4 : mac[i / 2] & 15];
  lua_pushlstring(L, hex, sizeof hex);
  return 1;
}

/* equal(a, b): the time taken tells the lengths, never where the bytes differ. */
static int crypto_equal(lua_State *L) {
  size_t a_len, b_len;
  const char *a = check_string(L, 1, &a_len);
  const char *b = check_string(L, 2, &b_len);
  lua_pushboolean(L, a_len == b_len && CRYPTO_memcmp(a, b, a_len) == 0);
  return 1;
}

static const luaL_Reg functions[] = {
    {"hmac_sha256", crypto_hmac_sha256},
    {"equal", crypto_equal},
    {NULL, NULL},
};

LOMI_EXPORT int luaopen_lomi_crypto(lua_State *L);

int luaopen_lomi_crypto(lua_State *L) {
  lomi_stay_loaded();
  /* Now, not at the first HMAC: libcrypto registers its clean-up with atexit as it starts, and a
   * thread still hashing when that runs crashes. A program that loads this module first, and then
   * registers the exit handler that ends its threads, is safe. Options of 0 would start nothing. */
  if (!OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL))
    return luaL_error(L, "OpenSSL's libcrypto does not start");
  lua_newtable(L);
  luaL_setfuncs(L, functions, 0);
  lua_pushstring(L, OpenSSL_version(OPENSSL_VERSION));
  lua_setfield(L, -2, "version");
  return 1;
}
