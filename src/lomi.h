/* SPDX-License-Identifier: MIT */
/* What every C module has: the version, how it is exported and stays loaded; and the limits that
 * several files share. A limit of one file alone is in that file. No lua.h here. */
#ifndef LOMI_H
#define LOMI_H

#define LOMI_VERSION "0.1.0" /* the one place; the specs check that the others agree */

#define LOMI_MAX_REQUEST_BODY (1024UL * 1024)   /* bytes of JSON we are willing to send */
#define LOMI_MAX_REPLY_BODY (4 * 1024UL * 1024) /* bytes of a reply we are willing to hold */
#define LOMI_MAX_REPLY_WEIGHT (1280 * 1024UL)   /* of a reply's JSON, see json_decode_lua.c */
#define LOMI_MAX_HEAD (64 * 1024UL)             /* bytes of a status line and its headers */
#define LOMI_MAX_JSON_DEPTH 64                  /* tables within tables */

/* Exported from a shared object; everything else is hidden. */
#define LOMI_EXPORT __attribute__((visibility("default")))

/* Keeps the shared library this is linked into in memory to the end of the process. Closing a Lua
 * state unloads its C modules, but a thread of theirs (libcurl's resolver, the sandbox) or an exit
 * handler they registered may have code of theirs to run yet. */
void lomi_stay_loaded(void);

#endif
