// SPDX-License-Identifier: MIT
#include "trust.h"

#include <stddef.h>

#include "options.h"

bool trust_open(struct trust *trust, const struct options *options)
{
	const struct tls_source sources[TLS_FILES] = {
		[TLS_CA] = { .option = "--tls-ca", .path = options->tls_ca },
		[TLS_CERTIFICATE] = { .option = "--tls-cert", .path = options->tls_certificate },
		[TLS_KEY] = { .option = "--tls-key", .path = options->tls_key },
	};

	*trust = (struct trust) {};
	if (!tls_open(&trust->tls, sources))
		return false;
	if (!options->token_file ||
	    token_open(&trust->token, "--token-file", options->token_file))
		return true;
	tls_close(&trust->tls);
	return false;
}

void trust_close(struct trust *trust)
{
	token_close(&trust->token);
	tls_close(&trust->tls);
}
