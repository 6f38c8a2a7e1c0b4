/* SPDX-License-Identifier: MIT */
/* For a program in C or C++ with Lua inside: link liblomi.a, call lomi_open on each Lua state. */
#ifndef LOMI_OPEN_H
#define LOMI_OPEN_H

#ifdef __cplusplus
extern "C" {
#endif

#include <lua.h>

/* After it `require "lomi"` works with no file of ours on disk; nothing is loaded or started before
 * that. The state needs its package library, and lua-cjson: from the system, or preloaded by the
 * host. Balanced; raises as the Lua API does (memory). */
void lomi_open(lua_State *L);

#ifdef __cplusplus
}
#endif

#endif
