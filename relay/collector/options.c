// SPDX-License-Identifier: MIT
#include "options.h"

#include <argp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/http_options.h"
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

/* --help sorts each group by name. */
static const struct argp_option options_list[] = {
	{ NULL, 0, NULL, 0, "Where packets come in, and where they go:", 1 },
	{ "listen", OPTIONS_LISTEN, "ADDR:PORT", 0,
	  "Receive there, e.g. 0.0.0.0:50051; port 0: any free one", 1 },
	{ "write", OPTIONS_WRITE, "FILE", 0,
	  "Write the first sensor's packets to FILE, those of others to files beside it; -: standard output", 1 },
	{ "hold-back", OPTIONS_HOLD_BACK, "MILLISECONDS", 0,
	  "How long a record waits for older ones of its capture's other rings (default: 1000); 0: a file for each ring", 1 },
	{ "sync", OPTIONS_SYNC, "SECONDS", CONFIG_RELOAD,
	  "Have new records on disk, and acknowledged, at least that often, e.g. 0.1 (default: 1); 0: as often as it can", 1 },
	{ NULL, 0, NULL, 0, "Files of a directory, that follow each other:", 2 },
	OPTIONS_FILES_LIST(2),
	{ NULL, 0, NULL, 0, "Who may send:", 3 },
	{ "tls-cert", OPTIONS_TLS_CERT, "FILE", 0,
	  "Speak TLS, and nothing else, with this certificate (PEM)", 3 },
	{ "tls-key", OPTIONS_TLS_KEY, "FILE", 0, "The certificate's key (PEM)", 3 },
	{ "tls-client-ca", OPTIONS_TLS_CLIENT_CA, "FILE", 0,
	  "Receive only from sensors with a certificate of these CAs (PEM)", 3 },
	{ NULL, 0, NULL, 0, "How much at most:", 4 },
	{ "max-message", OPTIONS_MAX_MESSAGE, "SIZE", 0,
	  "Bytes of a message (default: 4M)", 4 },
	{ "max-memory", OPTIONS_MAX_MEMORY, "SIZE", 0,
	  "Bytes that are received and not written yet (default: 1G)", 4 },
	{ "max-rate", OPTIONS_MAX_RATE, "RATE", CONFIG_RELOAD,
	  "Bytes a second of each sensor, e.g. 20M; bits with a unit: 100Mbit (default: any)", 4 },
	{ "max-streams", OPTIONS_MAX_STREAMS, "NUMBER", CONFIG_RELOAD,
	  "Streams at a time, of which a relay has one for each ring (default: 4096)", 4 },
	{ "max-connection-streams", OPTIONS_MAX_CONNECTION_STREAMS, "NUMBER", 0,
	  "Streams of one connection (default: 128)", 4 },
	{ "max-sensors", OPTIONS_MAX_SENSORS, "NUMBER", CONFIG_RELOAD,
	  "Sensors at a time (default: 4096)", 4 },
	{ "patience", OPTIONS_PATIENCE, "SECONDS", CONFIG_RELOAD,
	  "Close connections that have not become gRPC's, calls that have not said Hello, after so long (default: 20)", 4 },
	{ NULL, 0, NULL, 0, "Who looks at it:", 5 },
	HTTP_OPTIONS_LIST("Serve metrics for Prometheus and a page of sensors there, e.g. 127.0.0.1:9402", 5),
	{ "report", OPTIONS_REPORT, "FILE", 0,
	  "Print, as JSON, what the journal of --write FILE, or of --directory FILE, accounts for, and end", 5 },
	{ "quiet", 'q', NULL, 0, "Show no live line on a terminal", 5 },
	{ "verbose", 'v', NULL, CONFIG_RELOAD, "Say more on standard error", 5 },
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
	char fault[HTTP_FAULT_MAX];

	_Static_assert(HTTP_FAULT_MAX >= CONFIG_FAULT_MAX, "for both");
	if (!http_check(&options->metrics, fault))
		argp_error(state, "%s", fault);
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

static uint64_t options_rate(const char *value, struct argp_state *state)
{
	uint64_t bytes = 0;

	if (!rate_parse(value, &bytes) || bytes < OPTIONS_SIZE_MIN)
		argp_error(state, "--max-rate %s: give it bytes a second, at least %d, such as 20M, or bits, such as 100Mbit",
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

static uint64_t options_patience(const char *value, struct argp_state *state)
{
	uint64_t seconds = 0;

	if (!number_parse(value, 1, OPTIONS_PATIENCE_MAX, &seconds))
		argp_error(state, "--patience %s: give it seconds, 1 to %d", value,
			   OPTIONS_PATIENCE_MAX);
	return seconds * 1000000000;
}

static error_t options_limit(struct limits *limits, int key, const char *value,
			     struct argp_state *state)
{
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
		limits->rate = options_rate(value, state);
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
		limits->patience = options_patience(value, state);
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

/* Core would take port 65537 for 1. */
static const char *options_listen(const char *value, struct argp_state *state)
{
	const char *port = strrchr(value, ':');
	uint64_t number;

	if (!port || port == value || !number_parse(port + 1, 0, UINT16_MAX, &number))
		argp_error(state, "--listen %s: is not ADDR:PORT, such as 0.0.0.0:50051", value);
	return value;
}

static const char *options_write(const char *value, struct argp_state *state)
{
	if (!*value)
		argp_error(state, "--write '': name a file, or - for standard output");
	if (strchr(value, '\n'))
		argp_error(state, "--write: the file's name has an end of line in it, which the lines of its journal cannot hold: name another one");
	return value;
}

static uint64_t options_hold_back(const char *value, struct argp_state *state)
{
	uint64_t number = 0;

	if (!number_parse(value, 0, OPTIONS_HOLD_BACK_MAX, &number))
		argp_error(state, "--hold-back %s: give it milliseconds, 0 to %d", value,
			   OPTIONS_HOLD_BACK_MAX);
	return number * 1000000;
}

/* Options whose value is taken as it is. */
static const char **options_text(struct options *options, int key)
{
	switch (key) {
	case OPTIONS_REPORT:
		return &options->report;
	case OPTIONS_TLS_CERT:
		return &options->tls_certificate;
	case OPTIONS_TLS_KEY:
		return &options->tls_key;
	case OPTIONS_TLS_CLIENT_CA:
		return &options->tls_client_ca;
	default:
		return http_option(&options->metrics, key);
	}
}

static error_t options_value(struct options *options, int key, const char *value,
			     struct argp_state *state)
{
	error_t error;

	switch (key) {
	case OPTIONS_LISTEN:
		options->listen = options_listen(value, state);
		return 0;
	case OPTIONS_WRITE:
		options->write = options_write(value, state);
		return 0;
	case OPTIONS_HOLD_BACK:
		options->hold_back = options_hold_back(value, state);
		return 0;
	case OPTIONS_SYNC:
		if (!options_seconds(value, &options->sync))
			argp_error(state, "--sync %s: give it seconds, 0 to %d, such as 0.5",
				   value, OPTIONS_SYNC_MAX);
		return 0;
	}
	error = options_files_one(&options->files, key, value, state);
	return error == ARGP_ERR_UNKNOWN ?
	       options_limit(&options->limits, key, value, state) : error;
}

static error_t options_one(int key, char *value, struct argp_state *state)
{
	struct options *options = state->input;
	const char **text = options_text(options, key);

	if (text) {
		*text = value;
		return 0;
	}
	switch (key) {
	case 'q':
		options->quiet = true;
		return 0;
	case 'v':
		options->verbose = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s': there is no such argument", value);
		return 0;
	case ARGP_KEY_END:
		if (!options->report)
			options_check(options, state);
		return 0;
	}
	return options_value(options, key, value, state);
}

static const struct argp options_argp = {
	.options = options_list,
	.parser = options_one,
	.doc = "Receive the packets of pcapring relays, or of others that speak packet_streaming.PacketStreaming, and write savefiles.\v"
	       "Sizes take k, M, G, powers of 1024. Exit status: 0 when it was told to stop, or nobody reads its standard output any more; 1 on failure; 2 on a usage error.",
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
