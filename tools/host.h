/* SPDX-License-Identifier: MIT */
/* The hooks that tools/host.c can be linked with. */
#ifndef LOMI_HOST_H
#define LOMI_HOST_H

#include <stdbool.h>

struct lua_State;

/* tools/lines.c */
void host_watch(struct lua_State *L);   /* every new Lua state; must not raise */
void host_rewatch(struct lua_State *L); /* the main one, once it has its libraries */

/* tools/failing.c */
void host_fail(struct lua_State *L); /* the main one, likewise */

#endif
