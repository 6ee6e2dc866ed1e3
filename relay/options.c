// SPDX-License-Identifier: MIT
#include "options.h"

#include <argp.h>
#include <string.h>

#include "common/config.h"
#include "common/metadata.h"
#include "common/version.h"
#include "common/size.h"
#include "rate.h"

/* Of Debian's ca-certificates. */
#define OPTIONS_SYSTEM_CA	"/etc/ssl/certs/ca-certificates.crt"

enum {
	OPTIONS_DEVICE = 256,
	OPTIONS_READ,
	OPTIONS_TARGET,
	OPTIONS_SENSOR,
	OPTIONS_NANOSECONDS,
	OPTIONS_PROTOCOL,
	OPTIONS_METRICS,
	OPTIONS_METRICS_TLS_CERT,
	OPTIONS_METRICS_TLS_KEY,
	OPTIONS_METRICS_TOKEN_FILE,
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

static const struct argp_option options_list[] = {
	{ "device", OPTIONS_DEVICE, "PATH", 0,
	  "Stream what this capture device captures, e.g. /dev/pcapring0", 1 },
	{ "read", OPTIONS_READ, "FILE", 0,
	  "Stream this savefile instead (-: standard input), then end", 1 },
	{ "target", OPTIONS_TARGET, "HOST:PORT", 0,
	  "Stream to this receiver", 1 },
	{ "protocol", OPTIONS_PROTOCOL, "auto|packet|records", 0,
	  "Speak pcapring.v1 (records), packet_streaming (packet), or the former "
	  "where the receiver knows it (auto, the default)", 2 },
	{ "exclude", OPTIONS_EXCLUDE, "EXPR", CONFIG_RELOAD,
	  "Leave out packets that match this filter, see pcap-filter(7)", 2 },
	{ "exclude-list", OPTIONS_EXCLUDE_LIST, "FILE", CONFIG_RELOAD,
	  "Leave out the senders and receivers that FILE lists", 2 },
	{ "include-own-traffic", OPTIONS_INCLUDE_OWN, NULL, 0,
	  "Do not leave out the connection to the receiver", 2 },
	{ "spool", OPTIONS_SPOOL, "DIR", 0,
	  "With pcapring.v1, keep here what the rings cannot hold while no "
	  "collector is there", 2 },
	{ "spool-max", OPTIONS_SPOOL_MAX, "SIZE", 0,
	  "At most so many bytes of it, e.g. 20G (default: 1G)", 2 },
	{ "tls", OPTIONS_TLS, NULL, 0,
	  "Encrypt; the receiver proves who it is by the system's CAs", 2 },
	{ "tls-ca", OPTIONS_TLS_CA, "FILE", 0,
	  "Encrypt; it proves it by these CAs' certificates (PEM) instead", 2 },
	{ "tls-cert", OPTIONS_TLS_CERT, "FILE", 0,
	  "With TLS, prove who this sensor is by this certificate (PEM)", 2 },
	{ "tls-key", OPTIONS_TLS_KEY, "FILE", 0, "... and by its key (PEM)", 2 },
	{ "tls-server-name", OPTIONS_TLS_NAME, "NAME", 0,
	  "With TLS, the name that the receiver's certificate has, where it is not "
	  "the target's", 2 },
	{ "token-file", OPTIONS_TOKEN_FILE, "FILE", 0,
	  "With TLS, prove who this sensor is by the bearer token in FILE (one line)", 2 },
	{ "count", OPTIONS_COUNT, "N", 0, "Stop after so many packets", 2 },
	{ "bytes", OPTIONS_BYTES, "SIZE", 0,
	  "Stop after the packet that completes so many bytes of packets, e.g. 20G", 2 },
	{ "duration", OPTIONS_DURATION, "TIME", 0,
	  "Stop after so many seconds, or with a unit, e.g. 90, 5m, 12h, 7d", 2 },
	{ "compression", OPTIONS_COMPRESSION, "gzip|deflate", 0,
	  "Compress messages, for receivers that know how", 2 },
	{ "copy", OPTIONS_COPY, "FILE", 0,
	  "Write what is streamed to this savefile, too (-: standard output)", 2 },
	{ "drain", OPTIONS_DRAIN, NULL, 0,
	  "Freeze the capture, and stop when all that waits has arrived", 2 },
	{ "limit-rate", OPTIONS_LIMIT_RATE, "RATE", CONFIG_RELOAD,
	  "Send at most so many bytes a second, e.g. 10M; bits with a unit: 100Mbit", 2 },
	{ "nanoseconds", OPTIONS_NANOSECONDS, NULL, 0,
	  "With packet, send the full nanoseconds, too; other receivers ignore them",
	  2 },
	{ "sensor", OPTIONS_SENSOR, "NAME", 0,
	  "This sensor's identity (default: derived from the machine's id)", 2 },
	{ "metrics", OPTIONS_METRICS, "ADDR:PORT", 0,
	  "Serve metrics for Prometheus there, e.g. 127.0.0.1:9401; where others can "
	  "reach it, the following three are needed", 3 },
	{ "metrics-tls-cert", OPTIONS_METRICS_TLS_CERT, "FILE", 0,
	  "Serve them by TLS, with this certificate (PEM)", 3 },
	{ "metrics-tls-key", OPTIONS_METRICS_TLS_KEY, "FILE", 0, "... and its key (PEM)", 3 },
	{ "metrics-token-file", OPTIONS_METRICS_TOKEN_FILE, "FILE", 0,
	  "Serve them to who has the token in FILE (one line)", 3 },
	{ "quiet", 'q', NULL, 0, "Show no live line on a terminal", 3 },
	{ "verbose", 'v', NULL, CONFIG_RELOAD, "Say more on standard error", 3 },
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
	if (options->target && !strchr(options->target, ':'))
		argp_error(state, "--target '%s' has no port: HOST:PORT is needed, e.g. %s:50051",
			   options->target, options->target);
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
	if (options->sensor && (!*options->sensor ||
				strlen(options->sensor) >= METADATA_TEXT_MAX))
		argp_error(state, "--sensor '%s' is not 1 to %d bytes long",
			   options->sensor, METADATA_TEXT_MAX - 1);
}

/* For those who look at the relay. */
static bool options_sight(struct options *options, int key, const char *arg)
{
	switch (key) {
	case OPTIONS_METRICS:
		options->metrics.listen = arg;
		return true;
	case OPTIONS_METRICS_TLS_CERT:
		options->metrics.certificate = arg;
		return true;
	case OPTIONS_METRICS_TLS_KEY:
		options->metrics.key = arg;
		return true;
	case OPTIONS_METRICS_TOKEN_FILE:
		options->metrics.token_file = arg;
		return true;
	case 'q':
		options->quiet = true;
		return true;
	default:
		return false;
	}
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

/* When it ends, how it sends, where else to. */
static bool options_ease(struct options *options, int key, const char *arg,
			 struct argp_state *state)
{
	switch (key) {
	case OPTIONS_COUNT:
		options->count = options_count(arg, state);
		return true;
	case OPTIONS_BYTES:
		options->bytes = options_size("--bytes", arg, state);
		return true;
	case OPTIONS_DURATION:
		options->duration = options_duration(arg, state);
		return true;
	case OPTIONS_COMPRESSION:
		options->compression = options_compression(arg, state);
		return true;
	case OPTIONS_COPY:
		options->copy = arg;
		return true;
	case OPTIONS_DRAIN:
		options->drain = true;
		return true;
	case OPTIONS_LIMIT_RATE:
		options->rate = options_rate(arg, state);
		return true;
	default:
		return false;
	}
}

/* Who is who. */
static bool options_trust(struct options *options, int key, const char *arg)
{
	switch (key) {
	case OPTIONS_TLS:
		options->tls_ca = options->tls_ca ? options->tls_ca : OPTIONS_SYSTEM_CA;
		return true;
	case OPTIONS_TLS_CA:
		options->tls_ca = arg;
		return true;
	case OPTIONS_TLS_CERT:
		options->tls_certificate = arg;
		return true;
	case OPTIONS_TLS_KEY:
		options->tls_key = arg;
		return true;
	case OPTIONS_TLS_NAME:
		options->tls_name = arg;
		return true;
	case OPTIONS_TOKEN_FILE:
		options->token_file = arg;
		return true;
	default:
		return false;
	}
}

static error_t options_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	if (options_sight(options, key, arg) || options_trust(options, key, arg) ||
	    options_ease(options, key, arg, state))
		return 0;
	switch (key) {
	case OPTIONS_DEVICE:
		options->device = arg;
		break;
	case OPTIONS_READ:
		options->read = arg;
		break;
	case OPTIONS_TARGET:
		options->target = arg;
		break;
	case OPTIONS_SENSOR:
		options->sensor = arg;
		break;
	case OPTIONS_PROTOCOL:
		options->protocol = options_protocol(arg, state);
		break;
	case OPTIONS_EXCLUDE:
		options->exclude = arg;
		break;
	case OPTIONS_EXCLUDE_LIST:
		options->exclude_list = arg;
		break;
	case OPTIONS_INCLUDE_OWN:
		options->include_own = true;
		break;
	case OPTIONS_NANOSECONDS:
		options->nanoseconds = true;
		break;
	case OPTIONS_SPOOL:
		options->spool = arg;
		break;
	case OPTIONS_SPOOL_MAX:
		options->spool_max = options_size("--spool-max", arg, state);
		break;
	case 'v':
		options->verbose = 1;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is not an option; did you mean --device or --read?",
			   arg);
		break;
	case ARGP_KEY_END:
		options_check(options, state);
		if (!options->spool_max)
			options->spool_max = OPTIONS_SPOOL_MAX_DEFAULT;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp options_argp = {
	.options = options_list,
	.parser = options_option,
	.doc = "Stream captured packets to a receiver over gRPC "
	       "(pcapring.v1.Collector/Stream or "
	       "packet_streaming.PacketStreaming/Run)."
	       "\v"
	       "Exit status: 0 when all has arrived, or what has "
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
