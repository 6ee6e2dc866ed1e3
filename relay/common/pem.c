// SPDX-License-Identifier: MIT
#include "pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

BIO *pem_open(const char *text)
{
	BIO *bio = BIO_new_mem_buf(text, -1);

	if (!bio)
		abort();
	return bio;
}

/* A key that is encrypted is none for a service: nobody is there to ask. */
static int pem_ask_nobody(char *buffer, int size, int encrypt, void *context)
{
	(void)buffer;
	(void)size;
	(void)encrypt;
	*(bool *)context = true;
	return -1;
}

X509 *pem_certificate(const char *text)
{
	BIO *bio = pem_open(text);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	ERR_clear_error();
	return certificate;
}

EVP_PKEY *pem_key(const char *text, bool *encrypted)
{
	BIO *bio = pem_open(text);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, pem_ask_nobody, encrypted);

	BIO_free(bio);
	ERR_clear_error();
	return key;
}

void pem_date(const ASN1_TIME *time, char date[PEM_DATE_MAX])
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(time, &tm) || !strftime(date, PEM_DATE_MAX, "%F %T UTC", &tm))
		snprintf(date, PEM_DATE_MAX, "a date that is none");
}
