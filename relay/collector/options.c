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
#define OPTIONS_PATIENCE_MAX	3600	/* seconds */
#define OPTIONS_SIZE_MIN	4096	/* bytes */
#define OPTIONS_MESSAGE_MAX	(1 << 30)
#define OPTIONS_NUMBER_MAX	1000000

enum {
	OPTIONS_LISTEN = 256,
	OPTIONS_WRITE,
	OPTIONS_METRICS,
	OPTIONS_METRICS_TLS_CERT,
	OPTIONS_METRICS_TLS_KEY,
	OPTIONS_METRICS_TOKEN_FILE,
	OPTIONS_HOLD_BACK,
	OPTIONS_SYNC,
	OPTIONS_REPORT,
	OPTIONS_TLS_CERT,
	OPTIONS_TLS_KEY,
	OPTIONS_TLS_CLIENT_CA,
	OPTIONS_MAX_MESSAGE,
	OPTIONS_MAX_MEMORY,
	OPTIONS_MAX_RATE,
	OPTIONS_MAX_STREAMS,
	OPTIONS_MAX_CONNECTION_STREAMS,
	OPTIONS_MAX_SENSORS,
	OPTIONS_PATIENCE,
};

static const struct argp_option options_list[] = {
	{ "listen", OPTIONS_LISTEN, "ADDR:PORT", 0,
	  "Receive there, for example 0.0.0.0:50051; port 0: any free one", 0 },
	{ "write", OPTIONS_WRITE, "FILE", 0,
	  "Write the first sensor's packets to FILE, those of others to files beside it; -: standard output", 0 },
	OPTIONS_FILES_LIST,
	{ "hold-back", OPTIONS_HOLD_BACK, "MILLISECONDS", 0,
	  "How long a record waits for older ones of its capture's other rings (1000); 0: a file for each ring", 0 },
	{ "sync", OPTIONS_SYNC, "SECONDS", CONFIG_RELOAD,
	  "Have new records on disk, and acknowledged, at least that often (1; 0.1 is fine); 0: as often as it can", 0 },
	{ "metrics", OPTIONS_METRICS, "ADDR:PORT", 0,
	  "Serve metrics for Prometheus and a page of sensors there, e.g. 127.0.0.1:9402; where others can reach it, the following three are needed", 0 },
	{ "metrics-tls-cert", OPTIONS_METRICS_TLS_CERT, "FILE", 0,
	  "Serve them by TLS, with this certificate (PEM)", 0 },
	{ "metrics-tls-key", OPTIONS_METRICS_TLS_KEY, "FILE", 0, "... and its key (PEM)", 0 },
	{ "metrics-token-file", OPTIONS_METRICS_TOKEN_FILE, "FILE", 0,
	  "Serve them to who has the token in FILE (one line)", 0 },
	{ "quiet", 'q', NULL, 0, "Show no live line on a terminal", 0 },
	{ "report", OPTIONS_REPORT, "FILE", 0,
	  "Print, as JSON, what the journal of --write FILE, or of --directory FILE, accounts for, and end", 0 },
	{ "tls-cert", OPTIONS_TLS_CERT, "FILE", 0,
	  "Speak TLS, and nothing else, with this certificate (PEM)", 0 },
	{ "tls-key", OPTIONS_TLS_KEY, "FILE", 0, "... and its key (PEM)", 0 },
	{ "tls-client-ca", OPTIONS_TLS_CLIENT_CA, "FILE", 0,
	  "Receive only from sensors with a certificate of these CAs (PEM)", 0 },
	{ "max-message", OPTIONS_MAX_MESSAGE, "SIZE", 0,
	  "Refuse messages of more bytes (4M)", 0 },
	{ "max-memory", OPTIONS_MAX_MEMORY, "SIZE", 0,
	  "Hold at most so many bytes of what is received and not written yet (1G)", 0 },
	{ "max-rate", OPTIONS_MAX_RATE, "SIZE", CONFIG_RELOAD,
	  "Read at most so many bytes a second of each sensor, such as 20M (default: any)", 0 },
	{ "max-streams", OPTIONS_MAX_STREAMS, "NUMBER", CONFIG_RELOAD,
	  "Receive so many streams at a time (4096); a relay has one for each ring", 0 },
	{ "max-connection-streams", OPTIONS_MAX_CONNECTION_STREAMS, "NUMBER", 0,
	  "... and so many of one connection (128)", 0 },
	{ "max-sensors", OPTIONS_MAX_SENSORS, "NUMBER", CONFIG_RELOAD,
	  "... and of so many sensors (4096)", 0 },
	{ "patience", OPTIONS_PATIENCE, "SECONDS", CONFIG_RELOAD,
	  "Close connections that have not become gRPC's, calls that have not said Hello, after so long (20)", 0 },
	{ "verbose", 'v', NULL, CONFIG_RELOAD, "Say more on standard error", 0 },
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

/* For those who look at the collector. */
static bool options_sight(struct options *options, int key, const char *value)
{
	switch (key) {
	case OPTIONS_METRICS:
		options->metrics.listen = value;
		return true;
	case OPTIONS_METRICS_TLS_CERT:
		options->metrics.certificate = value;
		return true;
	case OPTIONS_METRICS_TLS_KEY:
		options->metrics.key = value;
		return true;
	case OPTIONS_METRICS_TOKEN_FILE:
		options->metrics.token_file = value;
		return true;
	case 'q':
		options->quiet = true;
		return true;
	default:
		return false;
	}
}

static void options_check_sight(const struct options *options, struct argp_state *state)
{
	char fault[HTTP_FAULT_MAX];

	if (!http_check(&options->metrics, fault))
		argp_error(state, "%s", fault);
}

static void options_check(const struct options *options, struct argp_state *state)
{
	char fault[CONFIG_FAULT_MAX];

	options_check_sight(options, state);
	if (!options->listen)
		argp_error(state, "--listen is missing: give it ADDR:PORT, such as 0.0.0.0:50051");
	options_files_check(&options->files, options->write, state);
	if (!options->tls_certificate != !options->tls_key)
		argp_error(state, "--tls-cert FILE and --tls-key FILE belong together: %s is missing",
			   options->tls_key ? "--tls-cert" : "--tls-key");
	if (options->tls_client_ca && !options->tls_key)
		argp_error(state, "--tls-client-ca is for TLS: --tls-cert FILE and --tls-key FILE are needed, too");
	if (!access_check(&options->access, options->tls_key, options->tls_client_ca, fault))
		argp_error(state, "%s", fault);
}

static uint64_t options_size(const char *option, const char *value,
			     struct argp_state *state)
{
	uint64_t bytes = 0;

	if (!size_parse(value, &bytes) || bytes < OPTIONS_SIZE_MIN)
		argp_error(state, "%s %s: give it bytes, at least %d, such as 20M", option,
			   value, OPTIONS_SIZE_MIN);
	return bytes;
}

static uint32_t options_number(const char *option, const char *value,
			       struct argp_state *state)
{
	uint64_t number = 0;

	if (!number_parse(value, 1, OPTIONS_NUMBER_MAX, &number))
		argp_error(state, "%s %s: give it a number from 1 to %d", option, value,
			   OPTIONS_NUMBER_MAX);
	return number;
}

static error_t options_limit(struct limits *limits, int key, const char *value,
			     struct argp_state *state)
{
	uint64_t number = 0;

	switch (key) {
	case OPTIONS_MAX_MESSAGE:
		limits->message = options_size("--max-message", value, state);
		if (limits->message > OPTIONS_MESSAGE_MAX)
			argp_error(state, "--max-message %s: at most 1G is possible", value);
		return 0;
	case OPTIONS_MAX_MEMORY:
		limits->memory = options_size("--max-memory", value, state);
		return 0;
	case OPTIONS_MAX_RATE:
		limits->rate = options_size("--max-rate", value, state);
		return 0;
	case OPTIONS_MAX_STREAMS:
		limits->streams = options_number("--max-streams", value, state);
		return 0;
	case OPTIONS_MAX_CONNECTION_STREAMS:
		limits->connection_streams = options_number("--max-connection-streams",
							    value, state);
		return 0;
	case OPTIONS_MAX_SENSORS:
		limits->sensors = options_number("--max-sensors", value, state);
		return 0;
	case OPTIONS_PATIENCE:
		if (!number_parse(value, 1, OPTIONS_PATIENCE_MAX, &number))
			argp_error(state, "--patience %s: give it seconds, 1 to %d", value,
				   OPTIONS_PATIENCE_MAX);
		limits->patience = number * 1000000000;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static bool options_section(void *input, const struct config_line *line,
			    char fault[CONFIG_FAULT_MAX])
{
	struct options *options = input;

	return access_take(&options->access, line, fault);
}

static error_t options_one(int key, char *value, struct argp_state *state)
{
	struct options *options = state->input;
	uint64_t number = 0;
	error_t error;

	if (options_sight(options, key, value))
		return 0;
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
	error = options_files_one(&options->files, key, value, state);
	return error == ARGP_ERR_UNKNOWN ?
	       options_limit(&options->limits, key, value, state) : error;
}

static const struct argp options_argp = {
	.options = options_list,
	.parser = options_one,
	.doc = "Receive the packets of pcapring relays, or of others that speak packet_streaming.PacketStreaming, and write savefiles.\v"
	       "Exit status: 0 when it was told to stop, or nobody reads its standard output any more; 1 on failure; 2 on a usage error.",
};

static const struct config_section options_sections[] = {
	{ "sensor", options_section },
	{ 0 },
};

static const struct config_program options_program = {
	.name = "pcapring-collector",
	.argp = &options_argp,
	.sections = options_sections,
};

static void options_defaults(struct options *options)
{
	*options = (struct options){
		.hold_back = UINT64_C(1000000000),
		.sync = UINT64_C(1000000000),
	};
	limits_defaults(&options->limits);
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
