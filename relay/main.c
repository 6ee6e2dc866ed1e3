// SPDX-License-Identifier: MIT
/* pcapring-relay: one capture device or savefile to one receiver. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "common/config.h"
#include "copy.h"
#include "clock.h"
#include "common/http.h"
#include "common/live.h"
#include "common/log.h"
#include "common/service.h"
#include "exclude.h"
#include "exclude_list.h"
#include "extent.h"
#include "freeze.h"
#include "limit.h"
#include "merge.h"
#include "options.h"
#include "peer.h"
#include "rate.h"
#include "reader.h"
#include "records.h"
#include "relay.h"
#include "replay.h"
#include "savefile.h"
#include "spool/spool.h"
#include "status.h"
#include "stream.h"
#include "trust.h"
#include "upkeep.h"
#include "watch.h"

/**
 * struct main_sources - what is streamed
 * @source: packet by packet: &@merge.source or &@savefile.source
 * @rings: byte for byte: &@reader, or &@replay.reader
 * @spool: what waits on the disk; NULL: there is none
 * @copy: what is streamed, in a savefile; NULL: none
 * @limit: when it is enough
 * @rate: how fast it goes out
 */
#define MAIN_LINKTYPE_ETHERNET	1

struct main_sources {
	struct reader reader;
	struct merge merge;
	struct savefile savefile;
	struct replay replay;
	struct exclude exclude;
	struct source *source;
	struct reader *rings;
	struct spool *spool;
	struct copy *copy;
	struct limit limit;
	struct rate rate;
};

static void main_identify(const struct options *options, struct metadata *metadata)
{
	metadata_defaults(metadata);
	gethostname(metadata->host, sizeof(metadata->host) - 1);
	metadata->tsresol = options->nanoseconds ? 9 : 6;
	if (options->sensor) {
		snprintf(metadata->sensor, sizeof(metadata->sensor), "%s",
			 options->sensor);
	} else if (!service_machine(metadata->sensor)) {
		log_warning("this machine has no id (machine-id(5)): the host name '%s' stands for it; --sensor sets another",
			    metadata->host);
		memcpy(metadata->sensor, metadata->host, sizeof(metadata->sensor));
	}
}

/*
 * What is wrong with the user's part is said before anything else happens;
 * while the link type is not known, most links are Ethernet.
 */
static bool main_open_exclude(struct exclude *exclude, const struct options *options,
			      struct reader *reader)
{
	uint32_t linktype = reader_linktype(reader);
	struct sock_filter *program;
	size_t length;

	*exclude = (struct exclude) {
		.reader = reader,
		.expression = options->exclude,
		.own = !options->include_own,
	};
	if (options->exclude_list &&
	    !exclude_list_read(options->exclude_list, &exclude->list))
		return false;
	if (linktype != PCAPRING_LINKTYPE_NONE)
		return exclude_start(exclude, linktype);
	if (!exclude_compile(exclude, MAIN_LINKTYPE_ETHERNET, &program, &length))
		return false;
	free(program);
	return true;
}

/* A stretch is at most what a ring holds. */
static bool main_open_spool(struct main_sources *sources, const struct options *options)
{
	uint64_t least = sources->rings->ring_bytes + SPOOLFILE_HEADER + SPOOLFILE_STRETCH;

	if (!options->spool)
		return true;
	if (options->spool_max < least) {
		log_error("--spool-max: %" PRIu64 " bytes are less than a ring of %s can hold: %" PRIu64 " are needed, many times that are useful",
			  options->spool_max, options->device, least);
		return false;
	}
	sources->spool = spool_open(options->spool, options->spool_max);
	return sources->spool;
}

static bool main_open_copy(struct main_sources *sources, const struct options *options)
{
	if (!options->copy)
		return true;
	sources->copy = copy_open(options->copy, &sources->reader);
	return sources->copy;
}

static bool main_open_source(struct main_sources *sources,
			     const struct options *options, int signals)
{
	if (options->read) {
		sources->source = &sources->savefile.source;
		sources->rings = &sources->replay.reader;
		if (!savefile_open(&sources->savefile, options->read, signals))
			return false;
		if (replay_open(&sources->replay, &sources->savefile))
			return true;
		savefile_close(&sources->savefile);
		return false;
	}
	sources->source = &sources->merge.source;
	sources->rings = &sources->reader;
	if (!reader_open(&sources->reader, options->device))
		return false;
	merge_open(&sources->merge, &sources->reader);
	if (main_open_exclude(&sources->exclude, options, &sources->reader) &&
	    main_open_spool(sources, options) && main_open_copy(sources, options))
		return true;
	if (sources->spool)
		spool_close(sources->spool);
	reader_close(&sources->reader);
	return false;
}

/* What is left of the spool, nobody refers to any more. */
static void main_close_source(struct main_sources *sources)
{
	uint64_t bytes = sources->spool ? spool_bytes(sources->spool) : 0;

	if (bytes)
		log_info("%" PRIu64 " bytes wait in the spool", bytes);
	if (sources->spool)
		spool_close(sources->spool);
	reader_close(sources->rings);
	if (sources->copy)
		copy_close(sources->copy);
	free(sources->exclude.list);
	if (!sources->source->capture)
		savefile_close(&sources->savefile);
}

/* The time begins when the relay does. */
static void main_start_limit(struct main_sources *sources, const struct options *options)
{
	sources->limit = (struct limit) {
		.packets = options->count ? options->count : LIMIT_NONE,
		.bytes = options->bytes ? options->bytes : LIMIT_NONE,
		.until = options->duration ?
			 clock_now() + (int64_t)options->duration * CLOCK_SECOND : CLOCK_NEVER,
	};
	sources->replay.limit = &sources->limit;
	sources->rate.bytes = options->rate;
}

static void main_wake(void *stream)
{
	stream_wake(stream);
}

static void main_report(const struct relay_counts *counts, enum options_protocol spoken)
{
	if (spoken == OPTIONS_RECORDS)
		log_info("%" PRIu64 " bytes acknowledged, %" PRIu64 " sent again, %" PRIu64 " consumed elsewhere, %" PRIu64 " possible duplicates, %" PRIu64 " reconnects",
			 counts->acknowledged, counts->again, counts->elsewhere,
			 counts->twice, counts->reconnects);
	if (spoken == OPTIONS_PACKET || counts->packets)
		log_info("%" PRIu64 " packets (%" PRIu64 " bytes) sent, %" PRIu64 " unconfirmed, %" PRIu64 " reconnects",
			 counts->packets, counts->bytes, counts->unconfirmed,
			 counts->reconnects);
}

/* Of what was to be sent to its end. */
static void main_report_left(const struct main_sources *sources)
{
	uint64_t rings = 0;

	if (!sources->source->capture || !sources->reader.frozen)
		return;
	for (unsigned int i = 0; i < sources->reader.ring_count; i++)
		rings += sources->reader.rings[i].head - sources->reader.rings[i].tail;
	log_error("not all has arrived: %" PRIu64 " bytes are left in the rings, %" PRIu64 " in the spool",
		  rings, sources->spool ? spool_bytes(sources->spool) : 0);
}

/*
 * Ask the receiver what it speaks whenever a call of the lesser protocol ended.
 * @spoken: what it was in the end.
 */
static bool main_stream(const struct records_config *records,
			const struct relay_config *packets,
			enum options_protocol *spoken, struct relay_counts *counts)
{
	enum options_protocol protocol = *spoken;
	bool said = false;

	do {
		enum records_result result = RECORDS_UNIMPLEMENTED;
		bool ok;

		*spoken = OPTIONS_RECORDS;
		if (protocol != OPTIONS_PACKET)
			result = records_run(records, counts);
		if (result != RECORDS_UNIMPLEMENTED)
			return result == RECORDS_OK;
		*spoken = OPTIONS_PACKET;
		log_debug("%s does not know pcapring.v1: packet by packet",
			  packets->target);
		if (records->spool && !said)
			log_warning("%s does not know pcapring.v1: the spool is for receivers that do; %" PRIu64 " bytes wait there",
				    packets->target, spool_bytes(records->spool));
		said = true;
		ok = relay_run(packets, counts);
		if (!packets->peer || !packets->peer->again)
			return ok;
	} while (true);
}

/*
 * Who looks at the relay while it streams: over HTTP, and on a terminal. False: it
 * was logged.
 */
struct main_sight {
	struct status status;
	struct http_page pages[2];
	struct http *http;
	struct live *live;
};

static void main_init_sight(struct main_sight *sight, const struct options *options,
			    const struct main_sources *sources,
			    const struct relay_counts *counts)
{
	*sight = (struct main_sight) {
		.status = {
			.reader = sources->rings,
			.capture = sources->source->capture,
			.spool = sources->spool,
			.folder = options->spool,
			.spool_max = options->spool_max,
			.target = options->target,
			.counts = counts,
		},
	};
}

static bool main_open_sight(struct main_sight *sight, const struct options *options,
			    const struct metadata *metadata, struct stream *stream)
{
	struct http_config config = options->metrics;

	sight->status.metadata = metadata;
	sight->pages[0] = (struct http_page) {
		"/metrics", METRICS_CONTENT_TYPE, status_write_metrics, &sight->status,
	};
	config.pages = sight->pages;
	ask_open(&sight->status.ask, main_wake, stream);
	if (config.listen) {
		sight->http = http_open(&config);
		if (!sight->http) {
			ask_free(&sight->status.ask);
			return false;
		}
	}
	if (!options->quiet)
		sight->live = live_open(status_look, &sight->status);
	return true;
}

/* The loop has ended. */
static void main_close_sight(struct main_sight *sight)
{
	ask_close(&sight->status.ask);
	live_close(sight->live);
	http_close(sight->http);
	ask_free(&sight->status.ask);
}

static struct extents *main_make_extents(const struct reader *rings)
{
	struct extents *extents = calloc(rings->ring_count, sizeof(*extents));

	if (!extents)
		abort();
	for (unsigned int i = 0; i < rings->ring_count; i++)
		extents_init(&extents[i], rings->ring_bytes);
	return extents;
}

/* signalfds: those that end the relay; SIGHUP, or -1 */
struct main_signals {
	int end;
	int reloads;
};

static bool main_open_signals(struct main_signals *signals, const struct config *config)
{
	signals->end = service_signals();
	signals->reloads = config_can_reload(config) ? service_reloads() : -1;
	if (signals->end >= 0 && (signals->reloads >= 0 || !config_can_reload(config)))
		return true;
	log_error("cannot receive signals: %s", strerror(errno));
	return false;
}

/* The watch wakes the stream, which refers to the rings: they end in this order. */
static bool main_relay(const struct options *options, struct main_sources *sources,
		       struct trust *trust, const struct main_signals *signals,
		       const struct config *config)
{
	struct source *source = sources->source;
	struct extents *extents = main_make_extents(sources->rings);
	struct exclude *exclude = source->capture ? &sources->exclude : NULL;
	enum options_protocol spoken = options->protocol;
	struct relay_counts counts = {};
	struct peer peer = { .target = options->target };
	struct watch watch;
	struct main_sight sight;
	struct upkeep upkeep;
	struct relay_config packets = {
		.source = source,
		.watch = &watch,
		.extents = extents,
		.exclude = exclude,
		.copy = sources->copy,
		.limit = &sources->limit,
		.rate = &sources->rate,
		.drain = options->drain,
		.target = options->target,
		.peer = spoken == OPTIONS_AUTO ? &peer : NULL,
		.status = &sight.status,
	};
	struct records_config records = {
		.reader = sources->rings,
		.watch = &watch,
		.extents = extents,
		.exclude = exclude,
		.copy = sources->copy,
		.limit = &sources->limit,
		.rate = &sources->rate,
		.drain = options->drain,
		.spool = sources->spool,
		.target = options->target,
		.feed = source->capture ? NULL : &sources->replay.feed,
		.peer = &peer,
		.fallback = spoken == OPTIONS_AUTO,
		.status = &sight.status,
	};
	bool ok, seen;

	main_init_sight(&sight, options, sources, &counts);
	main_identify(options, &packets.metadata);
	records.metadata = packets.metadata;
	/* a savefile's name; of a capture, both ask for more */
	source->describe(source, &records.metadata);
	packets.stream = stream_new(options->target, options->nanoseconds, extents,
				    source->rings);
	if (options->tls_ca)
		stream_encrypt(packets.stream, &trust->tls, options->tls_name,
			       options->token_file ? &trust->token : NULL);
	if (options->compression)
		stream_compress(packets.stream, options->compression);
	records.stream = packets.stream;
	if (options->drain)
		freeze_capture(options->device, sources->reader.info);
	ok = main_open_sight(&sight, options, &records.metadata, packets.stream);
	seen = ok;
	ok = ok && watch_start(&watch, signals->end, source->fd, main_wake, packets.stream);
	if (ok) {
		ok = upkeep_start(&upkeep, &(struct upkeep_config){
			.config = config, .reloads = signals->reloads, .watch = &watch,
			.exclude = exclude, .status = &sight.status,
			.reader = source->capture ? sources->rings : NULL,
		});
		service_ready();
		if (ok) {
			ok = main_stream(&records, &packets, &spoken, &counts);
			upkeep_stop(&upkeep);
		}
		watch_stop(&watch);
		main_report(&counts, spoken);
		/* what else is there of the spool, too, was to be sent */
		ok = ok && !(options->drain && sources->spool && spool_bytes(sources->spool));
		if (!ok)
			main_report_left(sources);
	}
	/* what it holds of the rings is let go of below */
	ok &= !sources->copy || copy_finish(sources->copy);
	if (seen)
		main_close_sight(&sight);
	stream_free(packets.stream);
	if (spoken == OPTIONS_RECORDS)
		records_release(sources->rings, extents);
	else
		relay_release(source, extents);
	free(extents);
	return ok;
}

int main(int argc, char **argv)
{
	static struct main_sources sources;
	struct config *config;
	struct options options;
	struct trust trust;
	struct main_signals signals;
	bool ok;

	log_open("pcapring-relay", 0);
	config = options_open(&options, argc, argv);
	log_open("pcapring-relay", options.verbose);
	if (config_is_check(config))
		return config_say_checked(check_options(&options, PCAPRING_LINKTYPE_NONE));
	if (!config_log(config) || !main_open_signals(&signals, config) ||
	    !trust_open(&trust, &options))
		return EXIT_FAILURE;
	ok = main_open_source(&sources, &options, signals.end);
	if (ok) {
		main_start_limit(&sources, &options);
		ok = main_relay(&options, &sources, &trust, &signals, config);
		main_close_source(&sources);
	}
	trust_close(&trust);
	config_close(config);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
