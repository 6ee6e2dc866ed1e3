/* SPDX-License-Identifier: MIT */
/* PEM to what OpenSSL makes of it, for those of tls.c and probe.c. */
#ifndef COMMON_PEM_H
#define COMMON_PEM_H

#include <openssl/x509.h>
#include <stdbool.h>

#define PEM_DATE_MAX	32	/* bytes of a date */

/* The certificates of @text, one after the other, by PEM_read_bio_X509(); BIO_free(). */
BIO *pem_open(const char *text);

/* The first one of @text, of X509_free(). NULL: there is none. */
X509 *pem_certificate(const char *text);

/* EVP_PKEY_free(). NULL: there is none, or it is @encrypted. */
EVP_PKEY *pem_key(const char *text, bool *encrypted);

/* "2021-01-01 00:00:00 UTC" */
void pem_date(const ASN1_TIME *time, char date[PEM_DATE_MAX]);

#endif
