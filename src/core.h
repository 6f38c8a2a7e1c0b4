/* SPDX-License-Identifier: MIT */
/* The parts that make up lomi.core. Each adds its functions to the table on top of the stack. */
#ifndef LOMI_CORE_H
#define LOMI_CORE_H

#include "compat.h"

void lomi_add_json(lua_State *L);
void lomi_add_schema(lua_State *L);
void lomi_add_resumer(lua_State *L);

int lomi_open_http1(lua_State *L); /* pushes a table of functions: core.http1 */

#endif
