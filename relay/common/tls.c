// SPDX-License-Identifier: MIT
#include "tls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "pem.h"

#define TLS_FILE_MAX	(1 << 20)	/* bytes; all CAs of a system have 200,000 */

bool tls_fault(char fault[TLS_FAULT_MAX], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(fault, TLS_FAULT_MAX, format, arguments);
	va_end(arguments);
	return false;
}

static char *tls_read_fd(int fd)
{
	char *text = NULL;
	size_t length = 0;
	ssize_t n = 1;

	if (fd < 0)
		return NULL;
	text = malloc(TLS_FILE_MAX + 1);
	if (!text)
		abort();
	while (n > 0 && length < TLS_FILE_MAX) {
		n = read(fd, text + length, TLS_FILE_MAX - length);
		if (n > 0)
			length += n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	text[length] = '\0';
	if (!n)
		return text;
	if (n > 0)
		errno = EFBIG;
	free(text);
	return NULL;
}

static char *tls_read(const struct tls_source *source, char *fault)
{
	int fd = open(source->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char *text = tls_read_fd(fd);
	int error = errno;

	if (!text)
		tls_fault(fault, "%s %s: %s%s", source->option, source->path,
			  strerror(error), error != EACCES ? "" :
			  "; make it readable for the service's group (chgrp, then chmod 0640)");
	if (fd >= 0)
		close(fd);
	return text;
}

static bool tls_check_certificate(const struct tls_source *source, const char *text,
				  char *fault)
{
	X509 *certificate = text ? pem_certificate(text) : NULL;

	X509_free(certificate);
	return !text || certificate ||
	       tls_fault(fault, "%s %s has no certificate that can be read: PEM is needed, with BEGIN CERTIFICATE and END CERTIFICATE",
			 source->option, source->path);
}

/* Would OpenSSL, and with it gRPC, use them? Its policy may be that a key is too short. */
static bool tls_try_pair(const struct tls_source *sources, X509 *certificate, EVP_PKEY *key,
			 char *fault)
{
	const struct tls_source *shown = &sources[TLS_CERTIFICATE], *own = &sources[TLS_KEY];
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	bool good = true;

	if (!context)
		abort();
	ERR_clear_error();
	if (SSL_CTX_use_certificate(context, certificate) != 1)
		good = tls_fault(fault, "%s %s is not good enough for this system: %s: issue a stronger one",
				 shown->option, shown->path,
				 ERR_reason_error_string(ERR_peek_last_error()));
	else if (SSL_CTX_use_PrivateKey(context, key) != 1)
		good = tls_fault(fault, "%s %s is not the key of %s %s: take the two that were made for each other",
				 own->option, own->path, shown->option, shown->path);
	ERR_clear_error();
	SSL_CTX_free(context);
	return good;
}

static bool tls_check_pair(const struct tls_source *sources, char *const *text, char *fault)
{
	const struct tls_source *source = &sources[TLS_KEY];
	bool encrypted = false, good;
	EVP_PKEY *key;
	X509 *certificate;

	if (!text[TLS_KEY])
		return true;
	key = pem_key(text[TLS_KEY], &encrypted);
	if (!key)
		return tls_fault(fault, encrypted ?
				 "%s %s is encrypted; 'openssl pkey -in IN -out OUT' takes the passphrase off" :
				 "%s %s has no private key that can be read: PEM is needed, with BEGIN PRIVATE KEY and END PRIVATE KEY",
				 source->option, source->path);
	certificate = pem_certificate(text[TLS_CERTIFICATE]);
	good = tls_try_pair(sources, certificate, key, fault);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return good;
}

static bool tls_check(const struct tls_source *sources, char *const *text, char *fault)
{
	return tls_check_certificate(&sources[TLS_CA], text[TLS_CA], fault) &&
	       tls_check_certificate(&sources[TLS_CERTIFICATE], text[TLS_CERTIFICATE], fault) &&
	       tls_check_pair(sources, text, fault);
}

static void tls_free(char **text)
{
	for (unsigned int i = 0; i < TLS_FILES; i++) {
		/* nobody finds a key in what is free */
		if (text[i])
			OPENSSL_cleanse(text[i], strlen(text[i]));
		free(text[i]);
		text[i] = NULL;
	}
}

/* All of them, or none: they are the caller's. */
static bool tls_load(const struct tls *tls, char *text[TLS_FILES], char *fault)
{
	bool good = true;

	for (unsigned int i = 0; i < TLS_FILES; i++)
		text[i] = NULL;
	for (unsigned int i = 0; i < TLS_FILES && good; i++) {
		if (!tls->sources[i].path)
			continue;
		text[i] = tls_read(&tls->sources[i], fault);
		good = text[i];
	}
	if (good && tls_check(tls->sources, text, fault))
		return true;
	tls_free(text);
	return false;
}

static bool tls_is_changed(struct tls *tls)
{
	bool changed = false;

	for (unsigned int i = 0; i < TLS_FILES; i++)
		if (tls->sources[i].path)
			changed |= stamp_take(&tls->sources[i].stamp, tls->sources[i].path);
	return changed;
}

static void tls_say_validity(const struct tls *tls)
{
	char fault[TLS_FAULT_MAX];

	if (!tls_is_valid_now(tls, fault))
		log_warning("%s", fault);
}

bool tls_open(struct tls *tls, const struct tls_source sources[TLS_FILES])
{
	char fault[TLS_FAULT_MAX];

	*tls = (struct tls) {};
	memcpy(tls->sources, sources, sizeof(tls->sources));
	tls_is_changed(tls);
	if (!tls_load(tls, tls->text, fault)) {
		log_error("%s", fault);
		return false;
	}
	tls_say_validity(tls);
	return true;
}

void tls_close(struct tls *tls)
{
	tls_free(tls->text);
}

/* Were they only touched? */
static bool tls_is_same(char *const *a, char *const *b)
{
	bool same = true;

	for (unsigned int i = 0; i < TLS_FILES; i++)
		if (a[i])
			same &= !strcmp(a[i], b[i]);
	return same;
}

bool tls_refresh(struct tls *tls)
{
	char fault[TLS_FAULT_MAX];
	char *text[TLS_FILES];

	if (!tls_is_changed(tls))
		return false;
	if (!tls_load(tls, text, fault)) {
		log_error("%s; what was read before stays in use", fault);
		return false;
	}
	if (tls_is_same(text, tls->text)) {
		tls_free(text);
		return false;
	}
	tls_free(tls->text);
	memcpy(tls->text, text, sizeof(text));
	log_info("certificates were read again");
	tls_say_validity(tls);
	return true;
}

bool tls_is_valid_now(const struct tls *tls, char fault[TLS_FAULT_MAX])
{
	const struct tls_source *source = &tls->sources[TLS_CERTIFICATE];
	char date[PEM_DATE_MAX];
	X509 *certificate;
	bool valid = true;

	if (!tls->text[TLS_CERTIFICATE])
		return true;
	certificate = pem_certificate(tls->text[TLS_CERTIFICATE]);
	if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
		pem_date(X509_get0_notAfter(certificate), date);
		valid = tls_fault(fault, "%s %s expired on %s: renew it",
				  source->option, source->path, date);
	} else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) {
		pem_date(X509_get0_notBefore(certificate), date);
		valid = tls_fault(fault, "%s %s is not valid before %s: check this machine's clock",
				  source->option, source->path, date);
	}
	X509_free(certificate);
	return valid;
}

void tls_hash(const void *bytes, size_t size, uint8_t digest[TLS_DIGEST])
{
	if (!EVP_Digest(bytes, size, digest, NULL, EVP_sha256(), NULL))
		abort();
}
