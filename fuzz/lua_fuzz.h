/* SPDX-License-Identifier: MIT */
/* What the targets that run Lua share: one state for all inputs, whose lines guide libFuzzer too.
 */
#ifndef LOMI_LUA_FUZZ_H
#define LOMI_LUA_FUZZ_H

#include "../src/compat.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int luaopen_lomi_core(lua_State *L);

/* libFuzzer counts in here as it does in the branches of C. */
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t lua_lines[4096];

static void on_line(lua_State *L, lua_Debug *at) {
  lua_getinfo(L, "S", at);
  uint32_t hash = (uint32_t)at->currentline * 2654435761u;
  for (const char *c = at->short_src; *c != '\0'; c++)
    hash = (hash ^ (unsigned char)*c) * 16777619u;
  lua_lines[hash % sizeof lua_lines]++;
}

/* Ends the program, as a finding, with the text on top of the stack. */
static void finding(lua_State *L) {
  fprintf(stderr, "finding: %s\n", lua_tostring(L, -1));
  abort();
}

/* A state with these modules for require, in which `chunk` has returned a function, at index 1. */
static lua_State *new_state(const luaL_Reg *modules, const char *chunk) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  luaL_setfuncs(L, modules, 0);
  lua_settop(L, 0);
  lua_sethook(L, on_line, LUA_MASKLINE, 0);
  if (luaL_loadstring(L, chunk) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK)
    finding(L);
  return L;
}

#endif
