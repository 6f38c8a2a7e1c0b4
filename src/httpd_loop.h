/* SPDX-License-Identifier: MIT */
/* Our thread of the server. */
#ifndef LOMI_HTTPD_LOOP_H
#define LOMI_HTTPD_LOOP_H

#include "httpd_state.h"

void *lomi_httpd_loop(void *server); /* until it is stopping */

/* The descriptors held back for peers: takes all it can get; closes one, false if there is none. */
void lomi_httpd_fill_reserve(lomi_httpd *s);
bool lomi_httpd_release_one(lomi_httpd *s);

#endif
