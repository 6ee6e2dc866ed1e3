/* SPDX-License-Identifier: MIT */
/*
 * pcapring.v1: the rings of a capture, byte for byte, to a collector that says
 * what is safe. One call for each ring; nothing here looks at a packet.
 */
#ifndef RELAY_RECORDS_H
#define RELAY_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/metadata.h"
#include "source/source.h"

struct copy;
struct exclude;
struct extents;
struct limit;
struct peer;
struct rate;
struct reader;
struct relay_counts;
struct spool;
struct status;
struct stream;
struct watch;

/**
 * struct records_feed - who fills the only ring where no kernel does
 * @fill: append records as far as there is room: SOURCE_PACKET, or why there
 *	will be no more, now (SOURCE_EMPTY) or ever
 * @sleep: nothing to append? False: there is meanwhile
 * @stop: nothing more shall be appended
 * @resolution: Resolution of the records, as in records.proto
 */
struct records_feed {
	enum source_result (*fill)(struct records_feed *feed);
	bool (*sleep)(struct records_feed *feed);
	void (*stop)(struct records_feed *feed);
	int resolution;
};

/**
 * struct records_config - what a run works with; all of it outlives the run
 * @reader: whose rings
 * @stream: where they go to
 * @watch: wakes the stream for the device and for signals
 * @extents: one for each ring, as extents_init() leaves them
 * @target: what messages call the collector
 * @metadata: host and sensor; without @feed, the capture tells the rest
 * @feed: NULL: the kernel fills the rings
 * @exclude: what is to be left out; NULL: nothing
 * @copy: where it goes, too; NULL: nowhere
 * @limit: when it is enough; NULL: never. A feed heeds it by itself, but for its
 *	time
 * @drain: what is there now is all; it is sent until it is safe, old epochs of the
 *	spool's too
 * @rate: how fast is sent; NULL: as fast as the collector takes it
 * @spool: where bytes wait that no collector takes; it outlives the stream, too.
 *	NULL: in the rings only
 * @boot: another boot's id than this machine's, for tests of machines that lose
 *	their power; NULL: none
 * @peer: what is known of the collector from runs before; NULL: nothing
 * @status: who is told how the run is; NULL: nobody
 * @fallback: may end with RECORDS_UNIMPLEMENTED
 * @eventfd: where no device is polled: the watch waits for this eventfd, which
 *	is reset before the run goes to sleep; 0: none
 * @alive_ms: a call that hears no Ack for so long is dead; 0: 5000
 * @welcome_ms: the same before Welcome; 0: 20000
 * @patience_ms: after a signal, so long without progress ends it; 0: 10000
 */
struct records_config {
	struct reader *reader;
	struct stream *stream;
	struct watch *watch;
	struct extents *extents;
	const char *target;
	struct metadata metadata;
	struct records_feed *feed;
	struct exclude *exclude;
	struct copy *copy;
	struct limit *limit;
	struct rate *rate;
	bool drain;
	struct spool *spool;
	const uint8_t *boot;
	struct peer *peer;
	struct status *status;
	bool fallback;
	int eventfd;
	unsigned int alive_ms;
	unsigned int welcome_ms;
	unsigned int patience_ms;
};

enum records_result {
	RECORDS_FAILED,		/* it was said why */
	RECORDS_OK,		/* all is safe, or waits in rings and spool */
	RECORDS_UNIMPLEMENTED	/* the receiver speaks packet_streaming at best */
};

/*
 * Stream until the capture is deleted, the feed ends, the limit is reached or a
 * signal comes. All calls have ended when it returns. @counts is added to.
 */
enum records_result records_run(const struct records_config *config,
				struct relay_counts *counts);

/* Release what is safe and not referred to. For after stream_free(), too. */
void records_release(struct reader *reader, struct extents *extents);

#endif
