// SPDX-License-Identifier: MIT
#include "trust.h"

#include "options.h"

bool trust_open(struct tls *tls, const struct options *options)
{
	const struct tls_source sources[TLS_FILES] = {
		[TLS_CA] = { .option = "--tls-client-ca", .path = options->tls_client_ca },
		[TLS_CERTIFICATE] = { .option = "--tls-cert", .path = options->tls_certificate },
		[TLS_KEY] = { .option = "--tls-key", .path = options->tls_key },
	};

	return tls_open(tls, sources);
}
