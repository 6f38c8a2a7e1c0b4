/* SPDX-License-Identifier: MIT */
/* libFuzzer target for lomi.webhook. An input is a delivery as it comes in: header lines, an empty
 * line, the body; without a colon in its first line, that line is the signature alone. Nothing
 * raises; nothing passes whose signature libcrypto, asked here, does not confirm; and the same body
 * with its true signature is never refused for that, while one changed byte is. */
#include "lua_fuzz.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

int luaopen_lomi_crypto(lua_State *L);

static const char SECRET[] = "whsec_fuzz";

/* check(headers, true signature, changed body, body): raises what is wrong. */
static const char CHECK[] =
    "package.path = 'lua/?.lua;lua/?/init.lua'\n"
    "local webhook = require 'lomi.webhook'\n"
    "local SECRET = 'whsec_fuzz'\n"
    "local OPTIONS = { tolerance = 300, now = 1795341600 }\n"
    "local ABOUT_SIGNATURE = {\n"
    "  signature_missing = true, signature_malformed = true, signature_mismatch = true,\n"
    "}\n"
    "\n"
    "local function construct(body, headers, options)\n"
    "  local event, err = webhook.construct_event(body, headers, SECRET, options)\n"
    "  if event then\n"
    "    assert(type(event) == 'table' and err == nil, 'an event and an error')\n"
    "    return event\n"
    "  end\n"
    "  assert(err.kind == 'signature' or err.kind == 'protocol', 'kind')\n"
    "  assert(type(err.code) == 'string' and #err.message > 0, 'code, message')\n"
    "  assert(not tostring(err):find(SECRET, 1, true), 'the secret is shown')\n"
    "  return nil, err\n"
    "end\n"
    "\n"
    "local function find(headers, wanted)\n"
    "  for name, value in pairs(headers) do\n"
    "    name = name:lower():gsub('_', '-'):gsub('^http%-', '')\n"
    "    if name == wanted then return value end\n"
    "  end\n"
    "end\n"
    "\n"
    "local function is_signed(body, headers, signature)\n"
    "  local old, v1 = headers, headers\n"
    "  if type(headers) == 'table' then\n"
    "    old, v1 = find(headers, 'x-lomi-signature'), find(headers, 'x-lomi-signature-v1')\n"
    "  end\n"
    "  local time = type(v1) == 'string' and v1:match('t=(%d+)')\n"
    "  if time and v1:find('v1=') then\n"
    "    return v1:lower():find(webhook.sign(time .. '.' .. body, SECRET), 1, true)\n"
    "  end\n"
    "  return type(old) == 'string' and old:gsub('^sha256=', ''):lower() == signature\n"
    "end\n"
    "\n"
    "return function(headers, signature, changed, body)\n"
    "  for _, options in ipairs { {}, OPTIONS } do\n"
    "    local event = construct(body, headers, options)\n"
    "    assert(not event or is_signed(body, headers, signature), 'what is not signed has "
    "passed')\n"
    "    local _, err = construct(body, 'sha256=' .. signature:upper(), options)\n"
    "    assert(not err or not ABOUT_SIGNATURE[err.code], 'what is signed was refused')\n"
    "    _, err = construct(changed, { ['x-lomi-SIGNATURE'] = signature }, options)\n"
    "    assert(err and err.code == 'signature_mismatch', 'a changed body has passed')\n"
    "  end\n"
    "  assert(webhook.sign(body, SECRET) == signature, 'sign')\n"
    "  local v1 = webhook.sign(body, SECRET, 1795341600)\n"
    "  assert(webhook.verify(body, v1, SECRET), 'V1')\n"
    "  assert(not webhook.verify(changed, v1, SECRET), 'a changed body has passed as V1')\n"
    "  local ok, err = webhook.verify(body, type(headers) == 'string' and headers or nil, SECRET)\n"
    "  assert(not ok and err or is_signed(body, headers, signature), 'verify')\n"
    "end\n";

/* Of the table on top: a name seen before gets a list. */
static void add_header(lua_State *L, const char *name, size_t name_len, const char *value,
                       size_t value_len) {
  lua_pushlstring(L, name, name_len);
  lua_pushvalue(L, -1);
  lua_rawget(L, -3);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_pushlstring(L, value, value_len);
    lua_rawset(L, -3);
    return;
  }
  if (!lua_istable(L, -1)) {
    lua_createtable(L, 2, 0);
    lua_insert(L, -2);
    lua_rawseti(L, -2, 1);
  }
  lua_pushlstring(L, value, value_len);
  lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1);
  lua_rawset(L, -3);
}

/* Pushes the headers, and returns where the body begins. */
static const char *push_headers(lua_State *L, const char *at, const char *end) {
  bool first = true;
  lua_newtable(L);
  while (at < end) {
    const char *line = at, *lf = memchr(at, '\n', (size_t)(end - at));
    const char *line_end = lf != NULL ? lf : end;
    at = lf != NULL ? lf + 1 : end;
    if (line == line_end)
      return at;
    const char *colon = memchr(line, ':', (size_t)(line_end - line));
    if (colon == NULL && first) {
      lua_pop(L, 1);
      lua_pushlstring(L, line, (size_t)(line_end - line));
      return at;
    }
    first = false;
    const char *value = colon != NULL ? colon + 1 : line_end;
    value += value < line_end && *value == ' ';
    add_header(L, line, (size_t)((colon != NULL ? colon : line_end) - line), value,
               (size_t)(line_end - value));
  }
  return at;
}

static int run(lua_State *L) {
  const char *at = lua_touserdata(L, 1), *end = lua_touserdata(L, 2);
  unsigned char mac[EVP_MAX_MD_SIZE];
  char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
  unsigned mac_len = 0;
  lua_pushvalue(L, lua_upvalueindex(1));
  const char *body = push_headers(L, at, end);
  size_t len = (size_t)(end - body);
  HMAC(EVP_sha256(), SECRET, sizeof SECRET - 1, (const unsigned char *)body, len, mac, &mac_len);
  for (size_t i = 0; i < mac_len; i++)
    snprintf(hex + 2 * i, 3, "%02x", mac[i]);
  lua_pushstring(L, hex);
  if (len > 0) { /* the byte that changes, and how, are told by the signature */
    unsigned char *changed = malloc(len);
    memcpy(changed, body, len);
    changed[(mac[0] * 256u + mac[1]) % len] ^= (unsigned char)(1 << mac[2] % 8);
    lua_pushlstring(L, (const char *)changed, len);
    free(changed);
  } else {
    lua_pushliteral(L, "{}");
  }
  lua_pushlstring(L, body, len);
  lua_call(L, 4, 0);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static lua_State *L;
  if (L == NULL) {
    static const luaL_Reg modules[] = {
        {"lomi.core", luaopen_lomi_core}, {"lomi.crypto", luaopen_lomi_crypto}, {NULL, NULL}};
    L = new_state(modules, CHECK);
    lua_pushcclosure(L, run, 1);
  }
  lua_pushvalue(L, 1);
  lua_pushlightuserdata(L, (void *)data);
  lua_pushlightuserdata(L, (void *)(data + size));
  if (lua_pcall(L, 2, 0, 0) != LUA_OK)
    finding(L);
  return 0;
}
