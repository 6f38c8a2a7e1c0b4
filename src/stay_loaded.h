/* SPDX-License-Identifier: MIT */
#ifndef LOMI_STAY_LOADED_H
#define LOMI_STAY_LOADED_H

/* Keeps the shared library this is linked into in memory to the end of the process. Closing a Lua
 * state unloads its C modules, but a thread of theirs (libcurl's resolver, the sandbox) or an exit
 * handler they registered may have code of theirs to run yet. */
void lomi_stay_loaded(void);

#endif
