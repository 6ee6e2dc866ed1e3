// SPDX-License-Identifier: MIT
/* pcapring-relay: one capture device or savefile to one receiver. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/service.h"
#include "extent.h"
#include "merge.h"
#include "options.h"
#include "reader.h"
#include "relay.h"
#include "savefile.h"
#include "stream.h"
#include "watch.h"

struct main_sources {
	struct reader reader;
	struct merge merge;
	struct savefile savefile;
	struct source *source;
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

static bool main_open_source(struct main_sources *sources,
			     const struct options *options, int signals)
{
	if (options->read) {
		sources->source = &sources->savefile.source;
		return savefile_open(&sources->savefile, options->read, signals);
	}
	sources->source = &sources->merge.source;
	if (!reader_open(&sources->reader, options->device))
		return false;
	merge_open(&sources->merge, &sources->reader);
	return true;
}

static void main_close_source(struct main_sources *sources)
{
	if (sources->source->capture)
		reader_close(&sources->reader);
	else
		savefile_close(&sources->savefile);
}

static void main_wake(void *stream)
{
	stream_wake(stream);
}

static void main_report(const struct relay_counts *counts)
{
	log_info("%" PRIu64 " packets (%" PRIu64 " bytes) sent, %" PRIu64 " unconfirmed, %" PRIu64 " reconnects",
		 counts->packets, counts->bytes, counts->unconfirmed,
		 counts->reconnects);
}

/* The watch wakes the stream, which refers to the rings: they end in this order. */
static bool main_relay(const struct options *options, struct source *source,
		       int signals)
{
	struct extents *extents = calloc(source->rings + 1, sizeof(*extents));
	struct watch watch;
	struct relay_counts counts;
	struct relay_config config = {
		.source = source,
		.watch = &watch,
		.extents = extents,
		.target = options->target,
	};
	bool ok;

	if (!extents)
		abort();
	for (unsigned int i = 0; i < source->rings; i++)
		extents_init(&extents[i], source->ring_bytes);
	main_identify(options, &config.metadata);
	config.stream = stream_new(options->target, options->nanoseconds,
				   extents, source->rings);
	ok = watch_start(&watch, signals, source->fd, main_wake, config.stream);
	if (ok) {
		service_ready();
		ok = relay_run(&config, &counts);
		watch_stop(&watch);
		main_report(&counts);
	}
	stream_free(config.stream);
	relay_release(source, extents);
	free(extents);
	return ok;
}

int main(int argc, char **argv)
{
	struct main_sources sources;
	struct options options;
	int signals;
	bool ok;

	options_parse(&options, argc, argv);
	log_open("pcapring-relay", options.verbose);
	signals = service_signals();
	if (signals < 0) {
		log_error("cannot receive signals: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	if (!main_open_source(&sources, &options, signals))
		return EXIT_FAILURE;
	ok = main_relay(&options, sources.source, signals);
	main_close_source(&sources);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
