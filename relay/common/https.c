// SPDX-License-Identifier: MIT
#include "common/https.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/tls.h"

#define HTTPS_CHAIN_MAX	16	/* certificates, up to the CA's */

/**
 * struct https - see above
 * @tls: the files
 * @certificate, @key: PEM that GnuTLS takes, of the newest files that were right
 */
struct https {
	struct tls tls;
	char *certificate;
	char *key;
};

static struct https *https_here;	/* GnuTLS asks without a context */

static gnutls_datum_t https_text(const char *text)
{
	return (gnutls_datum_t){ (unsigned char *)text, strlen(text) };
}

/* 0: @list is the caller's, by gnutls_free(), and what is in it. */
static int https_chain(const char *text, gnutls_pcert_st **list, unsigned int *count)
{
	const gnutls_datum_t pem = https_text(text);
	int error;

	*count = HTTPS_CHAIN_MAX;
	*list = gnutls_malloc(HTTPS_CHAIN_MAX * sizeof(**list));
	if (!*list)
		return GNUTLS_E_MEMORY_ERROR;
	error = gnutls_pcert_list_import_x509_raw(*list, count, &pem, GNUTLS_X509_FMT_PEM, 0);
	if (error)
		gnutls_free(*list);
	return error;
}

static void https_free_chain(gnutls_pcert_st *list, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		gnutls_pcert_deinit(&list[i]);
	gnutls_free(list);
}

/* 0: all three are the caller's. */
static int https_import(const char *certificate, const char *key, gnutls_pcert_st **list,
			unsigned int *count, gnutls_privkey_t *private)
{
	const gnutls_datum_t pem = https_text(key);
	int error = https_chain(certificate, list, count);

	if (error)
		return error;
	error = gnutls_privkey_init(private);
	if (error)
		goto out_chain;
	error = gnutls_privkey_import_x509_raw(*private, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (!error)
		return 0;
	gnutls_privkey_deinit(*private);
out_chain:
	https_free_chain(*list, *count);
	return error;
}

static void https_forget(struct https *https)
{
	if (https->key)
		explicit_bzero(https->key, strlen(https->key));
	free(https->key);
	free(https->certificate);
}

/* Does GnuTLS take what was read, too? Then it is what is shown. False: it was logged. */
static bool https_take(struct https *https)
{
	const struct tls_source *sources = https->tls.sources;
	char *const *text = https->tls.text;
	gnutls_privkey_t key;
	gnutls_pcert_st *list;
	unsigned int count;
	int error = https_import(text[TLS_CERTIFICATE], text[TLS_KEY], &list, &count, &key);

	if (error) {
		log_error("%s %s, with its key, cannot be used for pages: %s",
			  sources[TLS_CERTIFICATE].option, sources[TLS_CERTIFICATE].path,
			  gnutls_strerror(error));
		return false;
	}
	gnutls_privkey_deinit(key);
	https_free_chain(list, count);
	https_forget(https);
	https->certificate = strdup(text[TLS_CERTIFICATE]);
	https->key = strdup(text[TLS_KEY]);
	if (!https->certificate || !https->key)
		abort();
	return true;
}

static int https_show(gnutls_session_t session, const struct gnutls_cert_retr_st *asked,
		      gnutls_pcert_st **list, unsigned int *count, gnutls_ocsp_data_st **staples,
		      unsigned int *staple_count, gnutls_privkey_t *key, unsigned int *flags)
{
	struct https *https = https_here;

	(void)session;
	(void)asked;
	if (tls_refresh(&https->tls))
		https_take(https);
	*staples = NULL;
	*staple_count = 0;
	*flags = GNUTLS_CERT_RETR_DEINIT_ALL;
	return https_import(https->certificate, https->key, list, count, key) ? -1 : 0;
}

void *https_retrieve(struct https *https)
{
	gnutls_certificate_retrieve_function3 *retrieve = https_show;

	https_here = https;
	return retrieve;
}

struct https *https_open(const char *certificate, const char *key)
{
	const struct tls_source sources[TLS_FILES] = {
		[TLS_CERTIFICATE] = { .option = "--metrics-tls-cert", .path = certificate },
		[TLS_KEY] = { .option = "--metrics-tls-key", .path = key },
	};
	struct https *https = calloc(1, sizeof(*https));

	if (!https)
		abort();
	if (tls_open(&https->tls, sources)) {
		if (https_take(https))
			return https;
		tls_close(&https->tls);
	}
	free(https);
	return NULL;
}

void https_close(struct https *https)
{
	if (!https)
		return;
	if (https_here == https)
		https_here = NULL;
	https_forget(https);
	tls_close(&https->tls);
	free(https);
}

bool https_check(const char *certificate, const char *key)
{
	struct https *https = https_open(certificate, key);
	char fault[TLS_FAULT_MAX];
	bool valid = https && tls_is_valid_now(&https->tls, fault);	/* it was warned of */

	https_close(https);
	return valid;
}
