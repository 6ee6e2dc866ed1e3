/* SPDX-License-Identifier: MIT */
/*
 * What pages prove themselves with, by TLS: a certificate and its key, read again when
 * their files change. libmicrohttpd speaks TLS with GnuTLS, which is known here alone.
 */
#ifndef COMMON_HTTPS_H
#define COMMON_HTTPS_H

#include <stdbool.h>

struct https;

/*
 * Both are files, whose names outlive it: --metrics-tls-cert and --metrics-tls-key.
 * NULL: what is wrong was logged.
 */
struct https *https_open(const char *certificate, const char *key);

/* Nobody is served any more. NULL is fine. */
void https_close(struct https *https);

/* Could they be used, and are valid now? False: it was logged. */
bool https_check(const char *certificate, const char *key);

/*
 * What GnuTLS is to ask for each connection, until https_close(): a
 * gnutls_certificate_retrieve_function3, of one server in a program, and one thread.
 * Files that are wrong, perhaps half-written, are logged once for each change, and
 * change nothing.
 */
void *https_retrieve(struct https *https);

#endif
