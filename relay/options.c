// SPDX-License-Identifier: MIT
#include "options.h"

#include <argp.h>
#include <string.h>

#include "common/config.h"
#include "common/http_options.h"
#include "common/metadata.h"
#include "common/size.h"
#include "common/version.h"

/* Of Debian's ca-certificates. */
#define OPTIONS_SYSTEM_CA	"/etc/ssl/certs/ca-certificates.crt"

enum {
	OPTIONS_DEVICE = 256,
	OPTIONS_READ,
	OPTIONS_TARGET,
	OPTIONS_SENSOR,
	OPTIONS_NANOSECONDS,
	OPTIONS_PROTOCOL,
	OPTIONS_EXCLUDE,
	OPTIONS_EXCLUDE_LIST,
	OPTIONS_INCLUDE_OWN,
	OPTIONS_SPOOL,
	OPTIONS_SPOOL_MAX,
	OPTIONS_TLS,
	OPTIONS_TLS_CA,
	OPTIONS_TLS_CERT,
	OPTIONS_TLS_KEY,
	OPTIONS_TLS_NAME,
	OPTIONS_TOKEN_FILE,
	OPTIONS_COUNT,
	OPTIONS_BYTES,
	OPTIONS_DURATION,
	OPTIONS_LIMIT_RATE,
	OPTIONS_DRAIN,
	OPTIONS_COPY,
	OPTIONS_COMPRESSION,
};

/* --help sorts each group by name. */
static const struct argp_option options_list[] = {
	{ NULL, 0, NULL, 0, "What is streamed, and where to:", 1 },
	{ "device", OPTIONS_DEVICE, "PATH", 0,
	  "Stream what this capture device captures, e.g. /dev/pcapring0", 1 },
	{ "read", OPTIONS_READ, "FILE", 0,
	  "Stream this savefile instead of a device (-: standard input), then end", 1 },
	{ "target", OPTIONS_TARGET, "HOST:PORT", 0, "Stream to this receiver", 1 },
	{ "sensor", OPTIONS_SENSOR, "NAME", 0,
	  "This sensor's identity (default: derived from the machine's id)", 1 },
	{ "exclude", OPTIONS_EXCLUDE, "EXPR", CONFIG_RELOAD,
	  "Leave out packets that match this filter, see pcap-filter(7)", 1 },
	{ "exclude-list", OPTIONS_EXCLUDE_LIST, "FILE", CONFIG_RELOAD,
	  "Leave out the senders and receivers that FILE lists", 1 },
	{ "include-own-traffic", OPTIONS_INCLUDE_OWN, NULL, 0,
	  "Do not leave out the connection to the receiver", 1 },
	{ "copy", OPTIONS_COPY, "FILE", 0,
	  "Write what is streamed to this savefile, too (-: standard output)", 1 },
	{ NULL, 0, NULL, 0, "How it is sent:", 2 },
	{ "protocol", OPTIONS_PROTOCOL, "auto|packet|records", 0,
	  "Speak pcapring.v1 (records), packet_streaming (packet), or the former "
	  "where the receiver knows it (auto, the default)", 2 },
	{ "nanoseconds", OPTIONS_NANOSECONDS, NULL, 0,
	  "With packet, send the full nanoseconds, too; other receivers ignore them", 2 },
	{ "compression", OPTIONS_COMPRESSION, "gzip|deflate", 0,
	  "Compress messages, for receivers that know how", 2 },
	{ "limit-rate", OPTIONS_LIMIT_RATE, "RATE", CONFIG_RELOAD,
	  "Send at most so many bytes a second, e.g. 10M; bits with a unit: 100Mbit", 2 },
	{ "spool", OPTIONS_SPOOL, "DIR", 0,
	  "With pcapring.v1, keep here what the rings cannot hold while no "
	  "collector is there", 2 },
	{ "spool-max", OPTIONS_SPOOL_MAX, "SIZE", 0,
	  "At most so many bytes of it, e.g. 20G (default: 1G)", 2 },
	{ NULL, 0, NULL, 0, "Who is who:", 3 },
	{ "tls", OPTIONS_TLS, NULL, 0,
	  "Encrypt; the receiver proves who it is by the system's CAs", 3 },
	{ "tls-ca", OPTIONS_TLS_CA, "FILE", 0,
	  "Encrypt; it proves it by these CAs' certificates (PEM) instead", 3 },
	{ "tls-cert", OPTIONS_TLS_CERT, "FILE", 0,
	  "With TLS, prove who this sensor is by this certificate (PEM)", 3 },
	{ "tls-key", OPTIONS_TLS_KEY, "FILE", 0, "... and by its key (PEM)", 3 },
	{ "tls-server-name", OPTIONS_TLS_NAME, "NAME", 0,
	  "With TLS, the name that the receiver's certificate has, where it is not "
	  "the target's", 3 },
	{ "token-file", OPTIONS_TOKEN_FILE, "FILE", 0,
	  "With TLS, prove who this sensor is by the bearer token in FILE (one line)", 3 },
	{ NULL, 0, NULL, 0, "When it stops:", 4 },
	{ "count", OPTIONS_COUNT, "N", 0, "Stop after so many packets", 4 },
	{ "bytes", OPTIONS_BYTES, "SIZE", 0,
	  "Stop after the packet that completes so many bytes of packets, e.g. 20G", 4 },
	{ "duration", OPTIONS_DURATION, "TIME", 0,
	  "Stop after so many seconds, or with a unit, e.g. 90, 5m, 12h, 7d", 4 },
	{ "drain", OPTIONS_DRAIN, NULL, 0,
	  "Freeze the capture, and stop when all that waits has arrived", 4 },
	{ NULL, 0, NULL, 0, "Who looks at it:", 5 },
	HTTP_OPTIONS_LIST("Serve metrics for Prometheus there, e.g. 127.0.0.1:9401", 5),
	{ "quiet", 'q', NULL, 0, "Show no live line on a terminal", 5 },
	{ "verbose", 'v', NULL, CONFIG_RELOAD, "Say more on standard error", 5 },
	{ 0 }
};

static void options_check_spool(const struct options *options, struct argp_state *state)
{
	if (options->spool_max && !options->spool)
		argp_error(state, "--spool-max is for --spool DIR");
	if (!options->spool)
		return;
	if (!*options->spool)
		argp_error(state, "--spool '' is not a folder");
	if (options->read)
		argp_error(state, "--spool is for --device: a savefile waits where it is");
	if (options->protocol == OPTIONS_PACKET)
		argp_error(state, "--spool needs a receiver that says what is safe: --protocol records or auto");
}

static void options_check_tls(const struct options *options, struct argp_state *state)
{
	if (!options->tls_certificate != !options->tls_key)
		argp_error(state, "--tls-cert FILE and --tls-key FILE belong together: %s is missing",
			   options->tls_key ? "--tls-cert" : "--tls-key");
	if (!options->tls_ca && (options->tls_key || options->tls_name))
		argp_error(state, "%s is for TLS: --tls or --tls-ca FILE turns that on",
			   options->tls_key ? "--tls-cert" : "--tls-server-name");
	if (options->token_file && !options->tls_ca)
		argp_error(state, "--token-file is for TLS, for in the clear everybody could read the token: --tls or --tls-ca FILE turns that on");
}

static void options_check(const struct options *options, struct argp_state *state)
{
	char fault[HTTP_FAULT_MAX];

	if (!options->device == !options->read)
		argp_error(state, options->device ?
			   "--device and --read exclude each other" :
			   "one of --device PATH and --read FILE is needed");
	if (!options->target)
		argp_error(state, "--target HOST:PORT is needed");
	if (options->read && (options->exclude || options->exclude_list ||
			      options->include_own))
		argp_error(state, "%s is for --device: of a savefile everything is streamed; 'tcpdump -r %s -w FILE EXPR' makes one with less",
			   options->exclude ? "--exclude" : options->exclude_list ?
			   "--exclude-list" : "--include-own-traffic",
			   options->read);
	if (options->read && options->copy)
		argp_error(state, "--copy is for --device: a savefile is one already; of standard input, tee(1) makes one");
	if (options->read && options->drain)
		argp_error(state, "--drain is for --device: a savefile ends anyway");
	options_check_spool(options, state);
	options_check_tls(options, state);
	if (!http_check(&options->metrics, fault))
		argp_error(state, "%s", fault);
}

static const char *options_target(const char *text, struct argp_state *state)
{
	if (!strchr(text, ':'))
		argp_error(state, "--target '%s' has no port: HOST:PORT is needed, e.g. %s:50051",
			   text, text);
	return text;
}

static const char *options_sensor(const char *name, struct argp_state *state)
{
	if (!*name || strlen(name) >= METADATA_TEXT_MAX)
		argp_error(state, "--sensor '%s' is not 1 to %d bytes long", name,
			   METADATA_TEXT_MAX - 1);
	return name;
}

static enum options_protocol options_protocol(const char *name,
					       struct argp_state *state)
{
	static const char *const names[] = {
		[OPTIONS_AUTO] = "auto",
		[OPTIONS_PACKET] = "packet",
		[OPTIONS_RECORDS] = "records",
	};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return i;
	argp_error(state, "--protocol '%s' is none of auto, packet, records", name);
	return OPTIONS_AUTO;
}

static uint64_t options_size(const char *option, const char *text, struct argp_state *state)
{
	uint64_t bytes = 0;

	if (!size_parse(text, &bytes) || !bytes)
		argp_error(state, "%s '%s' is not a size, e.g. 20G", option, text);
	return bytes;
}

static uint64_t options_count(const char *text, struct argp_state *state)
{
	uint64_t count = 0;

	if (!number_parse(text, 1, UINT64_MAX - 1, &count))
		argp_error(state, "--count '%s' is not a number of packets, at least 1", text);
	return count;
}

static uint64_t options_duration(const char *text, struct argp_state *state)
{
	uint64_t seconds = 0;

	if (!seconds_parse(text, &seconds))
		argp_error(state, "--duration '%s' is not a time: at least 1 second, e.g. 90, 90s, 5m, 12h, 7d",
			   text);
	return seconds;
}

static uint64_t options_rate(const char *text, struct argp_state *state)
{
	uint64_t bytes = 0;

	if (!rate_parse(text, &bytes))
		argp_error(state, "--limit-rate '%s' is not a rate: bytes a second, e.g. 10M, or bits, e.g. 100Mbit",
			   text);
	return bytes;
}

static const char *options_compression(const char *name, struct argp_state *state)
{
	if (strcmp(name, "gzip") && strcmp(name, "deflate"))
		argp_error(state, "--compression '%s' is none of gzip, deflate", name);
	return name;
}

/* Options whose value is taken as it is. */
static const char **options_text(struct options *options, int key)
{
	switch (key) {
	case OPTIONS_DEVICE:
		return &options->device;
	case OPTIONS_READ:
		return &options->read;
	case OPTIONS_EXCLUDE:
		return &options->exclude;
	case OPTIONS_EXCLUDE_LIST:
		return &options->exclude_list;
	case OPTIONS_COPY:
		return &options->copy;
	case OPTIONS_SPOOL:
		return &options->spool;
	case OPTIONS_TLS_CA:
		return &options->tls_ca;
	case OPTIONS_TLS_CERT:
		return &options->tls_certificate;
	case OPTIONS_TLS_KEY:
		return &options->tls_key;
	case OPTIONS_TLS_NAME:
		return &options->tls_name;
	case OPTIONS_TOKEN_FILE:
		return &options->token_file;
	default:
		return http_option(&options->metrics, key);
	}
}

/* Options without a value. */
static bool *options_flag(struct options *options, int key)
{
	switch (key) {
	case OPTIONS_INCLUDE_OWN:
		return &options->include_own;
	case OPTIONS_NANOSECONDS:
		return &options->nanoseconds;
	case OPTIONS_DRAIN:
		return &options->drain;
	case 'q':
		return &options->quiet;
	case 'v':
		return &options->verbose;
	default:
		return NULL;
	}
}

/* Those that mean more than that. False: it is none of them. */
static bool options_value(struct options *options, int key, const char *arg,
			  struct argp_state *state)
{
	switch (key) {
	case OPTIONS_TARGET:
		options->target = options_target(arg, state);
		return true;
	case OPTIONS_SENSOR:
		options->sensor = options_sensor(arg, state);
		return true;
	case OPTIONS_TLS:
		options->tls_ca = options->tls_ca ? options->tls_ca : OPTIONS_SYSTEM_CA;
		return true;
	case OPTIONS_PROTOCOL:
		options->protocol = options_protocol(arg, state);
		return true;
	case OPTIONS_COMPRESSION:
		options->compression = options_compression(arg, state);
		return true;
	case OPTIONS_LIMIT_RATE:
		options->rate = options_rate(arg, state);
		return true;
	case OPTIONS_SPOOL_MAX:
		options->spool_max = options_size("--spool-max", arg, state);
		return true;
	case OPTIONS_COUNT:
		options->count = options_count(arg, state);
		return true;
	case OPTIONS_BYTES:
		options->bytes = options_size("--bytes", arg, state);
		return true;
	case OPTIONS_DURATION:
		options->duration = options_duration(arg, state);
		return true;
	default:
		return false;
	}
}

static void options_end(struct options *options, struct argp_state *state)
{
	options_check(options, state);
	if (!options->spool_max)
		options->spool_max = OPTIONS_SPOOL_MAX_DEFAULT;
}

static error_t options_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;
	const char **text = options_text(options, key);
	bool *flag = options_flag(options, key);

	if (text)
		*text = arg;
	else if (flag)
		*flag = true;
	else if (key == ARGP_KEY_ARG)
		argp_error(state, "'%s' is not an option; did you mean --device or --read?",
			   arg);
	else if (key == ARGP_KEY_END)
		options_end(options, state);
	else if (!options_value(options, key, arg, state))
		return ARGP_ERR_UNKNOWN;
	return 0;
}

static const struct argp options_argp = {
	.options = options_list,
	.parser = options_option,
	.doc = "Stream captured packets to a receiver over gRPC "
	       "(pcapring.v1.Collector/Stream or "
	       "packet_streaming.PacketStreaming/Run)."
	       "\v"
	       "Sizes take k, M, G, powers of 1024. Exit status: 0 when all has arrived, or what has "
	       "not waits in the ring or the spool; 1 on failure; 2 on a "
	       "usage error.",
};

static const struct config_program options_program = {
	.name = "pcapring-relay",
	.argp = &options_argp,
};

static void options_defaults(struct options *options)
{
	*options = (struct options) {};
	argp_program_version = version_text("pcapring-relay");
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
