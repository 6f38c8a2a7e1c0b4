/* SPDX-License-Identifier: MIT */
/* libmicrohttpd's thread of the server. */
#ifndef LOMI_HTTPD_REQUESTS_H
#define LOMI_HTTPD_REQUESTS_H

#include "httpd_state.h"

/* Starts libmicrohttpd, which waits for connections that are added. With a certificate and its key
 * it speaks TLS; both may be NULL. False: it did not start. */
bool lomi_httpd_start_daemon(lomi_httpd *s, const char *tls_cert, const char *tls_key);

#endif
