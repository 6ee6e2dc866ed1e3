// SPDX-License-Identifier: MIT
#include "tls.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "log.h"

#define TLS_FILE_MAX	(1 << 20)	/* bytes; all CAs of a system have 200,000 */
#define TLS_NAMES_MAX	160
#define TLS_DATE_MAX	32
#define TLS_HOST_MAX	256
#define TLS_PATIENCE	3		/* seconds, for one try */

static bool tls_fault(char *fault, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* False, for those who return it. */
static bool tls_fault(char *fault, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(fault, TLS_FAULT_MAX, format, arguments);
	va_end(arguments);
	return false;
}

static bool tls_stamp(struct tls_source *source, int fd)
{
	struct stat st;

	if (fd < 0 ? stat(source->path, &st) : fstat(fd, &st))
		return false;
	source->inode = st.st_ino;
	source->bytes = st.st_size;
	source->changed = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
	return true;
}

static char *tls_read_fd(struct tls_source *source, int fd)
{
	char *text = NULL;
	size_t length = 0;
	ssize_t n = 1;

	if (fd < 0 || !tls_stamp(source, fd))
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

static char *tls_read(struct tls_source *source, char *fault)
{
	int fd = open(source->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char *text = tls_read_fd(source, fd);
	int error = errno;

	if (!text)
		tls_fault(fault, "%s %s: %s%s", source->option, source->path,
			  strerror(error), error != EACCES ? "" :
			  "; make it readable for the service's group (chgrp, then chmod 0640)");
	if (fd >= 0)
		close(fd);
	return text;
}

static BIO *tls_memory(const char *text)
{
	BIO *bio = BIO_new_mem_buf(text, -1);

	if (!bio)
		abort();
	return bio;
}

/* A key that is encrypted is none for a service: nobody is there to ask. */
static int tls_ask_nobody(char *buffer, int size, int encrypt, void *context)
{
	(void)buffer;
	(void)size;
	(void)encrypt;
	*(bool *)context = true;
	return -1;
}

static X509 *tls_certificate(const char *text)
{
	BIO *bio = tls_memory(text);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	ERR_clear_error();
	return certificate;
}

static EVP_PKEY *tls_key(const char *text, bool *encrypted)
{
	BIO *bio = tls_memory(text);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, tls_ask_nobody, encrypted);

	BIO_free(bio);
	ERR_clear_error();
	return key;
}

static bool tls_check_certificate(const struct tls_source *source, const char *text,
				  char *fault)
{
	X509 *certificate = text ? tls_certificate(text) : NULL;

	X509_free(certificate);
	return !text || certificate ||
	       tls_fault(fault, "%s %s has no certificate that can be read: PEM is needed, with BEGIN CERTIFICATE and END CERTIFICATE",
			 source->option, source->path);
}

static bool tls_check_pair(const struct tls_source *sources, char *const *text, char *fault)
{
	const struct tls_source *source = &sources[TLS_KEY];
	bool encrypted = false, match;
	EVP_PKEY *key;
	X509 *certificate;

	if (!text[TLS_KEY])
		return true;
	key = tls_key(text[TLS_KEY], &encrypted);
	if (!key)
		return tls_fault(fault, encrypted ?
				 "%s %s is encrypted; 'openssl pkey -in IN -out OUT' takes the passphrase off" :
				 "%s %s has no private key that can be read: PEM is needed, with BEGIN PRIVATE KEY and END PRIVATE KEY",
				 source->option, source->path);
	certificate = tls_certificate(text[TLS_CERTIFICATE]);
	match = X509_check_private_key(certificate, key);
	ERR_clear_error();
	X509_free(certificate);
	EVP_PKEY_free(key);
	return match ||
	       tls_fault(fault, "%s %s is not the key of %s %s: take the two that were made for each other",
			 source->option, source->path, sources[TLS_CERTIFICATE].option,
			 sources[TLS_CERTIFICATE].path);
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

/* All of them, or none. The stamps are those of what was read, right or not. */
static bool tls_load(struct tls *tls, char *fault)
{
	char *text[TLS_FILES] = {};
	bool good = true;

	for (unsigned int i = 0; i < TLS_FILES && good; i++) {
		if (!tls->sources[i].path)
			continue;
		text[i] = tls_read(&tls->sources[i], fault);
		good = text[i];
	}
	if (good && tls_check(tls->sources, text, fault)) {
		tls_free(tls->text);
		memcpy(tls->text, text, sizeof(text));
		return true;
	}
	tls_free(text);
	return false;
}

bool tls_open(struct tls *tls, const struct tls_source sources[TLS_FILES])
{
	char fault[TLS_FAULT_MAX];

	*tls = (struct tls) {};
	memcpy(tls->sources, sources, sizeof(tls->sources));
	if (!tls_load(tls, fault)) {
		log_error("%s", fault);
		return false;
	}
	if (!tls_is_valid_now(tls, fault))
		log_warning("%s", fault);
	return true;
}

void tls_close(struct tls *tls)
{
	tls_free(tls->text);
}

/* A file that is gone is about to come again, under its name. */
static bool tls_is_changed(struct tls *tls)
{
	bool changed = false;

	for (unsigned int i = 0; i < TLS_FILES; i++) {
		const struct tls_source before = tls->sources[i];
		struct tls_source *now = &tls->sources[i];

		if (now->path && tls_stamp(now, -1))
			changed |= now->inode != before.inode ||
				   now->bytes != before.bytes ||
				   now->changed != before.changed;
	}
	return changed;
}

bool tls_refresh(struct tls *tls)
{
	char fault[TLS_FAULT_MAX];

	if (!tls_is_changed(tls))
		return false;
	if (!tls_load(tls, fault)) {
		log_error("%s; what was read before stays in use", fault);
		return false;
	}
	log_info("certificates were read again");
	if (!tls_is_valid_now(tls, fault))
		log_warning("%s", fault);
	return true;
}

static void tls_date(const ASN1_TIME *time, char *date)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(time, &tm) || !strftime(date, TLS_DATE_MAX, "%F %T UTC", &tm))
		snprintf(date, TLS_DATE_MAX, "a date that is none");
}

bool tls_is_valid_now(const struct tls *tls, char fault[TLS_FAULT_MAX])
{
	const struct tls_source *source = &tls->sources[TLS_CERTIFICATE];
	char date[TLS_DATE_MAX];
	X509 *certificate;
	bool valid = true;

	if (!tls->text[TLS_CERTIFICATE])
		return true;
	certificate = tls_certificate(tls->text[TLS_CERTIFICATE]);
	if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
		tls_date(X509_get0_notAfter(certificate), date);
		valid = tls_fault(fault, "%s %s expired on %s: renew it",
				  source->option, source->path, date);
	} else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) {
		tls_date(X509_get0_notBefore(certificate), date);
		valid = tls_fault(fault, "%s %s is not valid before %s: check this machine's clock",
				  source->option, source->path, date);
	}
	X509_free(certificate);
	return valid;
}

/**
 * struct tls_try - a connection that is made to see what is wrong with it
 * @host: of the target, without its port, as in a URI: [::1]
 * @expected: whose certificate the peer has to have
 * @verified: the first thing that is wrong with the peer's chain, X509_V_*
 * @shaken: the handshake is over, as seen from here
 */
struct tls_try {
	const struct tls *tls;
	char host[TLS_HOST_MAX];
	const char *expected;
	SSL_CTX *context;
	BIO *bio;
	SSL *ssl;
	X509 *certificate;
	int verified;
	bool shaken;
};

/* The first address of a target as gRPC takes it: dns:///a:1, ipv4:a:1,b:2. */
static void tls_address(const char *target, char *address)
{
	static const char *const schemes[] = { "dns:///", "dns:", "ipv4:", "ipv6:" };

	for (unsigned int i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (!strncmp(target, schemes[i], strlen(schemes[i]))) {
			target += strlen(schemes[i]);
			break;
		}
	snprintf(address, TLS_HOST_MAX, "%.*s", (int)strcspn(target, ","), target);
}

/* Does @certificate name its holder so? Brackets of addresses are not part of it. */
static void tls_expect(struct tls_try *try)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(try->ssl);
	char name[TLS_HOST_MAX];
	const char *begin = try->expected + (*try->expected == '[');

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(begin, "]"), begin);
	if (!X509_VERIFY_PARAM_set1_ip_asc(param, name))
		X509_VERIFY_PARAM_set1_host(param, name, 0);
	SSL_set_tlsext_host_name(try->ssl, name);
}

/* Keep the first fault and its certificate, and go on: there is nothing to hide. */
static int tls_on_verify(int good, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_try *try = SSL_get_app_data(ssl);

	if (!good && try->verified == X509_V_OK) {
		try->verified = X509_STORE_CTX_get_error(store);
		try->certificate = X509_STORE_CTX_get_current_cert(store);
		if (try->certificate)
			X509_up_ref(try->certificate);
	}
	return 1;
}

static void tls_trust(SSL_CTX *context, const char *text)
{
	BIO *bio = text ? tls_memory(text) : NULL;
	X509 *certificate;

	if (!bio) {
		SSL_CTX_set_default_verify_paths(context);
		return;
	}
	while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate);
		X509_free(certificate);
	}
	BIO_free(bio);
}

static void tls_introduce(SSL_CTX *context, char *const *text)
{
	bool encrypted;
	X509 *certificate;
	EVP_PKEY *key;

	if (!text[TLS_CERTIFICATE] || !text[TLS_KEY])
		return;
	certificate = tls_certificate(text[TLS_CERTIFICATE]);
	key = tls_key(text[TLS_KEY], &encrypted);
	SSL_CTX_use_certificate(context, certificate);
	SSL_CTX_use_PrivateKey(context, key);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static int64_t tls_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Wait for what the connection needs next. False: it took too long. */
static bool tls_wait(BIO *bio, int64_t deadline)
{
	struct pollfd poll_for = {
		.fd = BIO_get_fd(bio, NULL),
		.events = BIO_should_read(bio) ? POLLIN : POLLOUT,
	};
	int64_t left = deadline - tls_now();

	return left > 0 && poll(&poll_for, 1, left) > 0;
}

static bool tls_connect(struct tls_try *try, const char *address, int64_t deadline, char *fault)
{
	try->bio = BIO_new_connect(address);
	if (!try->bio)
		abort();
	BIO_set_nbio(try->bio, 1);
	while (BIO_do_connect(try->bio) <= 0) {
		if (BIO_should_retry(try->bio) && tls_wait(try->bio, deadline))
			continue;
		return tls_fault(fault, "no TCP connection to %s: %s", address,
				 BIO_should_retry(try->bio) ? "no answer" :
				 ERR_reason_error_string(ERR_peek_last_error()) ?: "refused");
	}
	return true;
}

/*
 * The handshake, and what comes first after it: that is when a peer of TLS 1.3
 * says what it thinks of our certificate. 1, or the last result.
 */
static int tls_shake_hands(struct tls_try *try, int64_t deadline)
{
	char byte;
	int n;

	while ((n = SSL_connect(try->ssl)) <= 0)
		if (!BIO_should_retry(try->bio) || !tls_wait(try->bio, deadline))
			return n;
	try->shaken = true;
	while ((n = SSL_read(try->ssl, &byte, 1)) <= 0)
		if (!BIO_should_retry(try->bio) || !tls_wait(try->bio, deadline))
			break;
	/* one that waits for us is content */
	return n > 0 || BIO_should_retry(try->bio) ? 1 : n;
}

/* Printable, whatever a peer put into its certificate. */
static void tls_print(char *text)
{
	for (; *text; text++)
		if (!isprint((unsigned char)*text))
			*text = '?';
}

static void tls_names(X509 *certificate, char *names)
{
	GENERAL_NAMES *list = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long length;

	for (int i = 0; i < sk_GENERAL_NAME_num(list); i++) {
		BIO_puts(bio, i ? ", " : "");
		GENERAL_NAME_print(bio, sk_GENERAL_NAME_value(list, i));
	}
	length = BIO_get_mem_data(bio, &text);
	snprintf(names, TLS_NAMES_MAX, "%.*s", (int)length, length ? text : "");
	if (!length)
		snprintf(names, TLS_NAMES_MAX, "nobody (it has no subjectAltName)");
	tls_print(names);
	BIO_free(bio);
	GENERAL_NAMES_free(list);
}

static bool tls_explain_chain(const struct tls_try *try, char *fault)
{
	char date[TLS_DATE_MAX] = "", names[TLS_NAMES_MAX] = "", issuer[TLS_NAMES_MAX] = "";
	const struct tls_source *ca = &try->tls->sources[TLS_CA];
	X509 *certificate = try->certificate;

	switch (try->verified) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		tls_date(X509_get0_notAfter(certificate), date);
		return tls_fault(fault, "the certificate of %s expired on %s: renew it there",
				 try->host, date);
	case X509_V_ERR_CERT_NOT_YET_VALID:
		tls_date(X509_get0_notBefore(certificate), date);
		return tls_fault(fault, "the certificate of %s is not valid before %s: check both machines' clocks",
				 try->host, date);
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		tls_names(certificate, names);
		return tls_fault(fault, "the certificate of %s is not for '%s' but for %s: give one of these names as the target, or with --tls-server-name",
				 try->host, try->expected, names);
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		X509_NAME_oneline(X509_get_issuer_name(certificate), issuer, sizeof(issuer));
		tls_print(issuer);
		return tls_fault(fault, "the certificate of %s was issued by '%s', which is unknown here: it has to be in %s %s",
				 try->host, issuer, ca->option,
				 ca->path ? ca->path : "FILE, since the system's CAs do not have it");
	default:
		return tls_fault(fault, "the certificate of %s: %s", try->host,
				 X509_verify_cert_error_string(try->verified));
	}
}

/*
 * Alerts are what the peer says of us. With TLS 1.3, what it thinks of our
 * certificate comes late, when the handshake is over here, and need not be said.
 */
static bool tls_explain_handshake(const struct tls_try *try, int result, char *fault)
{
	const struct tls_source *own = &try->tls->sources[TLS_CERTIFICATE];
	unsigned long error = ERR_peek_error();
	int reason = ERR_GET_REASON(error);

	if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST)
		return tls_fault(fault, "%s does not speak TLS there: try without --tls options, or another port",
				 try->host);
	if (!own->path && (try->shaken || reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE))
		return tls_fault(fault, "%s wants to know who this is: a certificate and its key are needed, --tls-cert and --tls-key",
				 try->host);
	if (own->path && (try->shaken || reason > SSL_AD_REASON_OFFSET))
		return tls_fault(fault, "%s does not accept %s %s: it has to be of one of the CAs that are known there",
				 try->host, own->option, own->path);
	if (error)
		return tls_fault(fault, "no TLS with %s: %s", try->host,
				 ERR_reason_error_string(error));
	return tls_fault(fault, "%s %s during TLS's handshake: is it a TLS port?", try->host,
			 BIO_should_retry(try->bio) || result > 0 ? "does not answer" :
			 "closes the connection");
}

static bool tls_try(struct tls_try *try, const char *address, char *fault)
{
	int64_t deadline = tls_now() + TLS_PATIENCE * 1000;
	int result;

	try->context = SSL_CTX_new(TLS_client_method());
	if (!try->context)
		abort();
	SSL_CTX_set_verify(try->context, SSL_VERIFY_PEER, tls_on_verify);
	SSL_CTX_set_alpn_protos(try->context, (const unsigned char *)"\x02h2", 3);
	tls_trust(try->context, try->tls->text[TLS_CA]);
	tls_introduce(try->context, try->tls->text);
	if (!tls_connect(try, address, deadline, fault))
		return false;
	try->ssl = SSL_new(try->context);
	if (!try->ssl)
		abort();
	SSL_set_app_data(try->ssl, try);
	tls_expect(try);
	SSL_set_bio(try->ssl, try->bio, try->bio);
	ERR_clear_error();
	result = tls_shake_hands(try, deadline);
	if (try->verified != X509_V_OK)
		return tls_explain_chain(try, fault);
	return result == 1 || tls_explain_handshake(try, result, fault);
}

bool tls_explain(const struct tls *tls, const char *target, const char *name,
		 char fault[TLS_FAULT_MAX])
{
	struct tls_try try = { .tls = tls, .verified = X509_V_OK };
	char address[TLS_HOST_MAX];
	bool good;

	tls_address(target, address);
	snprintf(try.host, sizeof(try.host), "%s", address);
	if (strrchr(try.host, ':'))
		*strrchr(try.host, ':') = '\0';
	try.expected = name ? name : try.host;
	good = tls_try(&try, address, fault);
	if (try.ssl)
		SSL_free(try.ssl);
	else
		BIO_free(try.bio);
	SSL_CTX_free(try.context);
	X509_free(try.certificate);
	ERR_clear_error();
	return good;
}

void tls_hash(const void *bytes, size_t size, uint8_t digest[TLS_DIGEST])
{
	if (!EVP_Digest(bytes, size, digest, NULL, EVP_sha256(), NULL))
		abort();
}
