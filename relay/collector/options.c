// SPDX-License-Identifier: MIT
#include "options.h"

#include <argp.h>
#include <string.h>

#define OPTIONS_USAGE	2	/* exit status */

enum {
	OPTIONS_LISTEN = 256,
	OPTIONS_WRITE,
};

const char *argp_program_version =
	"pcapring-collector " PCAPRING_VERSION_STRING;

static const struct argp_option options_list[] = {
	{ "listen", OPTIONS_LISTEN, "ADDR:PORT", 0,
	  "Receive there, for example 0.0.0.0:50051; port 0: any free one", 0 },
	{ "write", OPTIONS_WRITE, "FILE", 0,
	  "Write the first sensor's packets to FILE, those of others to files beside it; -: standard output", 0 },
	{ "verbose", 'v', NULL, 0, "Say more on standard error", 0 },
	{ 0 },
};

static error_t options_one(int key, char *value, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPTIONS_LISTEN:
		options->listen = value;
		return 0;
	case OPTIONS_WRITE:
		if (!*value)
			argp_error(state, "--write '': name a file, or - for standard output");
		options->write = value;
		return 0;
	case 'v':
		options->verbose = 1;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s': there is no such argument", value);
		return 0;
	case ARGP_KEY_END:
		if (!options->listen)
			argp_error(state, "--listen is missing: give it ADDR:PORT, such as 0.0.0.0:50051");
		if (!options->write)
			argp_error(state, "--write is missing: give it a file, or - for standard output");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

void options_parse(struct options *options, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_list,
		.parser = options_one,
		.doc = "Receive the packets of pcapring relays, or of others that speak packet_streaming.PacketStreaming, and write savefiles.\v"
		       "Exit status: 0 when it was told to stop, or nobody reads its standard output any more; 1 on failure; 2 on a usage error.",
	};

	memset(options, 0, sizeof(*options));
	argp_err_exit_status = OPTIONS_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, options);
}
