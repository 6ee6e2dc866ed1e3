// SPDX-License-Identifier: MIT
/*
 * pcapring-relay's engine for pcapring.v1 on rings in a memfd, which outlive
 * it, as the kernel's do.
 *
 *	relay MEMORY WAKE TARGET [SPOOL SIZE BOOT]
 *
 * MEMORY, WAKE: descriptors of the memfd and of the eventfd that the producer
 * writes to
 * SPOOL, SIZE: a folder, and how many bytes it takes
 * BOOT: a number; machines with another one are another boot
 *
 * Ends with status 3 where the kernel would throw away what a ring holds,
 * because of how the relay before left it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel/extent.h"
#include "channel/peer.h"
#include "channel/stream.h"
#include "common/log.h"
#include "common/service.h"
#include "records/records.h"
#include "relay.h"
#include "settle.h"
#include "source/reader.h"
#include "spool/spool.h"
#include "watch.h"

#define RELAY_UNSETTLED	3

static bool relay_stream(struct reader *reader, int wake, int signals, const char *target,
			 struct spool *spool, const uint8_t *boot)
{
	struct extents *extents = calloc(reader->ring_count, sizeof(*extents));
	struct relay_counts counts = {};
	struct peer peer = { .target = target };
	struct watch watch;
	struct records_config config = {
		.reader = reader,
		.watch = &watch,
		.extents = extents,
		.target = target,
		.spool = spool,
		.boot = boot,
		.peer = &peer,
		.eventfd = wake,
	};
	bool ok;

	if (!extents)
		abort();
	for (unsigned int i = 0; i < reader->ring_count; i++)
		extents_init(&extents[i], reader->ring_bytes);
	metadata_defaults(&config.metadata);
	strcpy(config.metadata.host, "host");
	strcpy(config.metadata.sensor, "sensor");
	config.stream = stream_new(target);
	ok = watch_start(&watch, signals, wake, stream_wake, config.stream);
	if (ok) {
		ok = records_run(&config, &counts) == RECORDS_OK;
		watch_stop(&watch);
	}
	stream_free(config.stream);
	records_release(reader, extents);
	free(extents);
	return ok;
}

int main(int argc, char **argv)
{
	uint8_t boot[16] = "boot";
	struct spool *spool = NULL;
	struct reader reader;
	int memory, signals;
	bool ok;

	log_open("relay", getenv("RECORDS_VERBOSE") != NULL);
	if (argc != 4 && argc != 7) {
		log_error("MEMORY WAKE TARGET are needed");
		return EXIT_FAILURE;
	}
	memory = atoi(argv[1]);
	signals = service_signals();
	if (signals < 0) {
		log_error("cannot receive signals: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	if (!settle_rings(memory))
		return RELAY_UNSETTLED;
	if (!reader_open_fd(&reader, memory, "mem0"))
		return EXIT_FAILURE;
	if (argc == 7) {
		boot[15] = atoi(argv[6]);
		spool = spool_open(argv[4], strtoull(argv[5], NULL, 10));
		if (!spool)
			return EXIT_FAILURE;
	}
	ok = relay_stream(&reader, atoi(argv[2]), signals, argv[3], spool,
			  spool ? boot : NULL);
	if (spool)
		spool_close(spool);
	reader_close(&reader);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
