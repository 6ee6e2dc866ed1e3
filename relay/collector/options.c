// SPDX-License-Identifier: MIT
#include "options.h"

#include <argp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/size.h"
#include "common/version.h"

#define OPTIONS_HOLD_BACK_MAX	60000	/* milliseconds */
#define OPTIONS_SYNC_MAX	3600	/* seconds */

enum {
	OPTIONS_LISTEN = 256,
	OPTIONS_WRITE,
	OPTIONS_HOLD_BACK,
	OPTIONS_SYNC,
	OPTIONS_REPORT,
	OPTIONS_TLS_CERT,
	OPTIONS_TLS_KEY,
	OPTIONS_TLS_CLIENT_CA,
};

static const struct argp_option options_list[] = {
	{ "listen", OPTIONS_LISTEN, "ADDR:PORT", 0,
	  "Receive there, for example 0.0.0.0:50051; port 0: any free one", 0 },
	{ "write", OPTIONS_WRITE, "FILE", 0,
	  "Write the first sensor's packets to FILE, those of others to files beside it; -: standard output", 0 },
	{ "hold-back", OPTIONS_HOLD_BACK, "MILLISECONDS", 0,
	  "How long a record waits for older ones of its capture's other rings (1000); 0: a file for each ring", 0 },
	{ "sync", OPTIONS_SYNC, "SECONDS", 0,
	  "Have new records on disk, and acknowledged, at least that often (1; 0.1 is fine); 0: as often as it can", 0 },
	{ "report", OPTIONS_REPORT, "FILE", 0,
	  "Print, as JSON, what the journal of --write FILE accounts for, and end", 0 },
	{ "tls-cert", OPTIONS_TLS_CERT, "FILE", 0,
	  "Speak TLS, and nothing else, with this certificate (PEM)", 0 },
	{ "tls-key", OPTIONS_TLS_KEY, "FILE", 0, "... and its key (PEM)", 0 },
	{ "tls-client-ca", OPTIONS_TLS_CLIENT_CA, "FILE", 0,
	  "Receive only from sensors with a certificate of these CAs (PEM)", 0 },
	{ "verbose", 'v', NULL, 0, "Say more on standard error", 0 },
	{ 0 },
};

/* Decimal seconds to nanoseconds. */
static bool options_seconds(const char *text, uint64_t *out)
{
	double seconds;
	char *end;

	if (*text != '.' && (*text < '0' || *text > '9'))
		return false;
	if (strspn(text, "0123456789.") != strlen(text))
		return false;
	seconds = strtod(text, &end);
	if (*end || seconds > OPTIONS_SYNC_MAX)
		return false;
	*out = seconds * 1e9;
	return true;
}

static void options_check(const struct options *options, struct argp_state *state)
{
	if (!options->listen)
		argp_error(state, "--listen is missing: give it ADDR:PORT, such as 0.0.0.0:50051");
	if (!options->write)
		argp_error(state, "--write is missing: give it a file, or - for standard output");
	if (!options->tls_certificate != !options->tls_key)
		argp_error(state, "--tls-cert FILE and --tls-key FILE belong together: %s is missing",
			   options->tls_key ? "--tls-cert" : "--tls-key");
	if (options->tls_client_ca && !options->tls_key)
		argp_error(state, "--tls-client-ca is for TLS: --tls-cert FILE and --tls-key FILE are needed, too");
}

static error_t options_one(int key, char *value, struct argp_state *state)
{
	struct options *options = state->input;
	uint64_t number = 0;

	switch (key) {
	case OPTIONS_LISTEN:
		options->listen = value;
		return 0;
	case OPTIONS_WRITE:
		if (!*value)
			argp_error(state, "--write '': name a file, or - for standard output");
		if (strchr(value, '\n'))
			argp_error(state, "--write: the file's name has an end of line in it, which the lines of its journal cannot hold: name another one");
		options->write = value;
		return 0;
	case OPTIONS_HOLD_BACK:
		if (!number_parse(value, 0, OPTIONS_HOLD_BACK_MAX, &number))
			argp_error(state, "--hold-back %s: give it milliseconds, 0 to %d",
				   value, OPTIONS_HOLD_BACK_MAX);
		options->hold_back = number * 1000000;
		return 0;
	case OPTIONS_SYNC:
		if (!options_seconds(value, &options->sync))
			argp_error(state, "--sync %s: give it seconds, 0 to %d, such as 0.5",
				   value, OPTIONS_SYNC_MAX);
		return 0;
	case OPTIONS_REPORT:
		options->report = value;
		return 0;
	case OPTIONS_TLS_CERT:
		options->tls_certificate = value;
		return 0;
	case OPTIONS_TLS_KEY:
		options->tls_key = value;
		return 0;
	case OPTIONS_TLS_CLIENT_CA:
		options->tls_client_ca = value;
		return 0;
	case 'v':
		options->verbose = 1;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s': there is no such argument", value);
		return 0;
	case ARGP_KEY_END:
		if (!options->report)
			options_check(options, state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp options_argp = {
	.options = options_list,
	.parser = options_one,
	.doc = "Receive the packets of pcapring relays, or of others that speak packet_streaming.PacketStreaming, and write savefiles.\v"
	       "Exit status: 0 when it was told to stop, or nobody reads its standard output any more; 1 on failure; 2 on a usage error.",
};

static const struct config_program options_program = {
	.name = "pcapring-collector",
	.argp = &options_argp,
};

static void options_defaults(struct options *options)
{
	*options = (struct options){
		.hold_back = UINT64_C(1000000000),
		.sync = UINT64_C(1000000000),
	};
	argp_program_version = version_text("pcapring-collector");
}

struct config *options_open(struct options *options, int argc, char **argv)
{
	options_defaults(options);
	return config_open(&options_program, argc, argv, options);
}

struct config *options_again(struct options *options, const struct config *config)
{
	options_defaults(options);
	return config_again(config, options);
}
