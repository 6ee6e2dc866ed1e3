// SPDX-License-Identifier: MIT
#include "options.h"

#include <argp.h>
#include <string.h>

#define OPTIONS_USAGE	2	/* exit status */

const char *argp_program_version =
	"pcapring-collector " PCAPRING_VERSION_STRING;

static const struct argp_option options_list[] = {
	{ "listen", 'l', "ADDR:PORT", 0,
	  "Receive there, for example 0.0.0.0:50051; port 0: any free one", 0 },
	{ "write", 'w', "FILE", 0,
	  "Write the first sensor's packets to FILE, those of others to files beside it; -: standard output", 0 },
	{ "verbose", 'v', NULL, 0, "Say more", 0 },
	{ 0 },
};

static error_t options_one(int key, char *value, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'l':
		options->listen = value;
		return 0;
	case 'w':
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
		.doc = "Receive the packets of pcapring relays, or of others that speak packet_streaming.PacketStreaming, and write savefiles.",
	};

	memset(options, 0, sizeof(*options));
	argp_err_exit_status = OPTIONS_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, options);
}
