// SPDX-License-Identifier: MIT
#include "probe.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pem.h"

#define PROBE_NAMES_MAX	160
#define PROBE_HOST_MAX	256
#define PROBE_PATIENCE	3		/* seconds */

/**
 * struct probe - a connection that is made to see what is wrong with it
 * @host: of the target, without its port, as in a URI: [::1]
 * @expected: whose certificate the peer has to have
 * @verified: the first thing that is wrong with the peer's chain, X509_V_*
 * @shaken: the handshake is over, as seen from here
 */
struct probe {
	const struct tls *tls;
	char host[PROBE_HOST_MAX];
	const char *expected;
	SSL_CTX *context;
	BIO *bio;
	SSL *ssl;
	X509 *certificate;
	int verified;
	bool shaken;
};

/* The first address of a target as gRPC takes it: dns:///a:1, ipv4:a:1,b:2. */
static void probe_address(const char *target, char *address)
{
	static const char *const schemes[] = { "dns:///", "dns:", "ipv4:", "ipv6:" };

	for (unsigned int i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (!strncmp(target, schemes[i], strlen(schemes[i]))) {
			target += strlen(schemes[i]);
			break;
		}
	snprintf(address, PROBE_HOST_MAX, "%.*s", (int)strcspn(target, ","), target);
}

/* Does @certificate name its holder so? Brackets of addresses are not part of it. */
static void probe_expect(struct probe *probe)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(probe->ssl);
	char name[PROBE_HOST_MAX];
	const char *begin = probe->expected + (*probe->expected == '[');

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(begin, "]"), begin);
	if (!X509_VERIFY_PARAM_set1_ip_asc(param, name))
		X509_VERIFY_PARAM_set1_host(param, name, 0);
	SSL_set_tlsext_host_name(probe->ssl, name);
}

/* Keep the first fault and its certificate, and go on: there is nothing to hide. */
static int probe_on_verify(int good, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct probe *probe = SSL_get_app_data(ssl);

	if (!good && probe->verified == X509_V_OK) {
		probe->verified = X509_STORE_CTX_get_error(store);
		probe->certificate = X509_STORE_CTX_get_current_cert(store);
		if (probe->certificate)
			X509_up_ref(probe->certificate);
	}
	return 1;
}

static void probe_trust(SSL_CTX *context, const char *text)
{
	BIO *bio = text ? pem_open(text) : NULL;
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

static void probe_introduce(SSL_CTX *context, char *const *text)
{
	bool encrypted;
	X509 *certificate;
	EVP_PKEY *key;

	if (!text[TLS_CERTIFICATE] || !text[TLS_KEY])
		return;
	certificate = pem_certificate(text[TLS_CERTIFICATE]);
	key = pem_key(text[TLS_KEY], &encrypted);
	SSL_CTX_use_certificate(context, certificate);
	SSL_CTX_use_PrivateKey(context, key);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static int64_t probe_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Wait for what the connection needs next. False: it took too long. */
static bool probe_wait(BIO *bio, int64_t deadline)
{
	struct pollfd poll_for = {
		.fd = BIO_get_fd(bio, NULL),
		.events = BIO_should_read(bio) ? POLLIN : POLLOUT,
	};
	int64_t left = deadline - probe_now();

	return left > 0 && poll(&poll_for, 1, left) > 0;
}

static bool probe_connect(struct probe *probe, const char *address, int64_t deadline, char *fault)
{
	probe->bio = BIO_new_connect(address);
	if (!probe->bio)
		abort();
	BIO_set_nbio(probe->bio, 1);
	while (BIO_do_connect(probe->bio) <= 0) {
		if (BIO_should_retry(probe->bio) && probe_wait(probe->bio, deadline))
			continue;
		return tls_fault(fault, "no TCP connection to %s: %s", address,
				 BIO_should_retry(probe->bio) ? "no answer" :
				 ERR_reason_error_string(ERR_peek_last_error()) ?: "refused");
	}
	return true;
}

/*
 * The handshake, and what comes first after it: that is when a peer of TLS 1.3
 * says what it thinks of our certificate. 1, or the last result.
 */
static int probe_shake_hands(struct probe *probe, int64_t deadline)
{
	char byte;
	int n;

	while ((n = SSL_connect(probe->ssl)) <= 0)
		if (!BIO_should_retry(probe->bio) || !probe_wait(probe->bio, deadline))
			return n;
	probe->shaken = true;
	while ((n = SSL_read(probe->ssl, &byte, 1)) <= 0)
		if (!BIO_should_retry(probe->bio) || !probe_wait(probe->bio, deadline))
			break;
	/* one that waits for us is content */
	return n > 0 || BIO_should_retry(probe->bio) ? 1 : n;
}

/* Printable, whatever a peer put into its certificate. */
static void probe_print(char *text)
{
	for (; *text; text++)
		if (!isprint((unsigned char)*text))
			*text = '?';
}

static void probe_names(X509 *certificate, char *names)
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
	snprintf(names, PROBE_NAMES_MAX, "%.*s", (int)length, length ? text : "");
	if (!length)
		snprintf(names, PROBE_NAMES_MAX, "nobody (it has no subjectAltName)");
	probe_print(names);
	BIO_free(bio);
	GENERAL_NAMES_free(list);
}

static bool probe_tell_chain(const struct probe *probe, char *fault)
{
	char date[PEM_DATE_MAX] = "", names[PROBE_NAMES_MAX] = "", issuer[PROBE_NAMES_MAX] = "";
	const struct tls_source *ca = &probe->tls->sources[TLS_CA];
	X509 *certificate = probe->certificate;

	switch (probe->verified) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		pem_date(X509_get0_notAfter(certificate), date);
		return tls_fault(fault, "the certificate of %s expired on %s: renew it there",
				 probe->host, date);
	case X509_V_ERR_CERT_NOT_YET_VALID:
		pem_date(X509_get0_notBefore(certificate), date);
		return tls_fault(fault, "the certificate of %s is not valid before %s: check both machines' clocks",
				 probe->host, date);
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		probe_names(certificate, names);
		return tls_fault(fault, "the certificate of %s is not for '%s' but for %s: give one of these names as the target, or with --tls-server-name",
				 probe->host, probe->expected, names);
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		X509_NAME_oneline(X509_get_issuer_name(certificate), issuer, sizeof(issuer));
		probe_print(issuer);
		return tls_fault(fault, "the certificate of %s was issued by '%s', which is unknown here: it has to be in %s %s",
				 probe->host, issuer, ca->option,
				 ca->path ? ca->path : "FILE, since the system's CAs do not have it");
	default:
		return tls_fault(fault, "the certificate of %s: %s", probe->host,
				 X509_verify_cert_error_string(probe->verified));
	}
}

/*
 * Alerts are what the peer says of us. With TLS 1.3, what it thinks of our
 * certificate comes late, when the handshake is over here, and need not be said.
 */
static bool probe_tell_handshake(const struct probe *probe, int result, char *fault)
{
	const struct tls_source *own = &probe->tls->sources[TLS_CERTIFICATE];
	unsigned long error = ERR_peek_error();
	int reason = ERR_GET_REASON(error);

	if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST)
		return tls_fault(fault, "%s does not speak TLS there: probe without --tls options, or another port",
				 probe->host);
	if (!own->path && (probe->shaken || reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE))
		return tls_fault(fault, "%s wants to know who this is: a certificate and its key are needed, --tls-cert and --tls-key",
				 probe->host);
	if (own->path && (probe->shaken || reason > SSL_AD_REASON_OFFSET))
		return tls_fault(fault, "%s does not accept %s %s: it has to be of one of the CAs that are known there",
				 probe->host, own->option, own->path);
	if (error)
		return tls_fault(fault, "no TLS with %s: %s", probe->host,
				 ERR_reason_error_string(error));
	return tls_fault(fault, "%s %s during TLS's handshake: is it a TLS port?", probe->host,
			 BIO_should_retry(probe->bio) || result > 0 ? "does not answer" :
			 "closes the connection");
}

static bool probe_run(struct probe *probe, const char *address, char *fault)
{
	int64_t deadline = probe_now() + PROBE_PATIENCE * 1000;
	int result;

	probe->context = SSL_CTX_new(TLS_client_method());
	if (!probe->context)
		abort();
	SSL_CTX_set_verify(probe->context, SSL_VERIFY_PEER, probe_on_verify);
	SSL_CTX_set_alpn_protos(probe->context, (const unsigned char *)"\x02h2", 3);
	probe_trust(probe->context, probe->tls->text[TLS_CA]);
	probe_introduce(probe->context, probe->tls->text);
	if (!probe_connect(probe, address, deadline, fault))
		return false;
	probe->ssl = SSL_new(probe->context);
	if (!probe->ssl)
		abort();
	SSL_set_app_data(probe->ssl, probe);
	probe_expect(probe);
	SSL_set_bio(probe->ssl, probe->bio, probe->bio);
	ERR_clear_error();
	result = probe_shake_hands(probe, deadline);
	if (probe->verified != X509_V_OK)
		return probe_tell_chain(probe, fault);
	return result == 1 || probe_tell_handshake(probe, result, fault);
}

bool probe_explain(const struct tls *tls, const char *target, const char *name,
		   char fault[TLS_FAULT_MAX])
{
	struct probe probe = { .tls = tls, .verified = X509_V_OK };
	char address[PROBE_HOST_MAX];
	bool good;

	probe_address(target, address);
	snprintf(probe.host, sizeof(probe.host), "%s", address);
	if (strrchr(probe.host, ':'))
		*strrchr(probe.host, ':') = '\0';
	probe.expected = name ? name : probe.host;
	good = probe_run(&probe, address, fault);
	if (probe.ssl)
		SSL_free(probe.ssl);
	else
		BIO_free(probe.bio);
	SSL_CTX_free(probe.context);
	X509_free(probe.certificate);
	ERR_clear_error();
	return good;
}
