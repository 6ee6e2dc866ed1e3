/* SPDX-License-Identifier: MIT */
/*
 * Certificates and keys: read, checked, read again when their files change, and
 * what is wrong with them, in words. Those who know gRPC make credentials of the
 * texts. OpenSSL is known to this file, pem.h and probe.h alone.
 */
#ifndef COMMON_TLS_H
#define COMMON_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stamp.h"

#define TLS_FAULT_MAX	512	/* bytes of a text that says what is wrong */

/* Whom we trust, who we are; in options and messages, in this order. */
enum tls_file { TLS_CA, TLS_CERTIFICATE, TLS_KEY, TLS_FILES };

/**
 * struct tls_source - a file, and how it was when it was read last
 * @option: what messages call it, e.g. "--tls-key"
 * @path: NULL: there is none
 */
struct tls_source {
	const char *option;
	const char *path;
	struct stamp stamp;
};

/**
 * struct tls - what to prove who one is with, and whom to believe
 * @sources: TLS_CA alone, or certificate and key together, or all
 * @text: what was read last and is right, PEM, NUL-terminated; NULL: no such file
 */
struct tls {
	struct tls_source sources[TLS_FILES];
	char *text[TLS_FILES];
};

/*
 * Read @sources. False: it was logged which file is wrong and what to do. A
 * certificate that is not valid now is only warned of: its peer decides.
 */
bool tls_open(struct tls *tls, const struct tls_source sources[TLS_FILES]);
void tls_close(struct tls *tls);

/*
 * Read them again where one has changed. True: @text is new. Files that are
 * wrong or do not match, perhaps half-written, are logged, once for each change,
 * and change nothing.
 */
bool tls_refresh(struct tls *tls);

/* Is the certificate valid now, by this machine's clock? @fault: why not. */
bool tls_is_valid_now(const struct tls *tls, char fault[TLS_FAULT_MAX]);

/* False, for those who return it, once it is said in @fault. */
bool tls_fault(char fault[TLS_FAULT_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define TLS_DIGEST	32	/* bytes of a SHA-256 */

void tls_hash(const void *bytes, size_t size, uint8_t digest[TLS_DIGEST]);

#endif
