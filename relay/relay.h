/* SPDX-License-Identifier: MIT */
/*
 * From a source to a receiver: when to call, send, release, sleep and end.
 */
#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/metadata.h"

struct copy;
struct exclude;
struct extents;
struct limit;
struct peer;
struct rate;
struct source;
struct status;
struct stream;
struct watch;

/**
 * struct relay_counts - what a run came to
 * @packets: handed to a call, all runs of calls together
 * @bytes: of these packets, as captured
 * @unconfirmed: of these packets, at most so many did not arrive
 * @reconnects: connections after the first one
 * @acknowledged: bytes of rings that a collector has, records' headers included;
 *	this and what follows are of records.h
 * @again: bytes that were sent once more
 * @elsewhere: bytes that somebody else took out of a ring
 * @twice: bytes that two collectors may have
 */
struct relay_counts {
	uint64_t packets;
	uint64_t bytes;
	uint64_t unconfirmed;
	uint64_t reconnects;
	uint64_t acknowledged;
	uint64_t again;
	uint64_t elsewhere;
	uint64_t twice;
};

/**
 * struct relay_config - what a relay works with; all outlive it
 * @source: where packets come from
 * @stream: where they go to
 * @watch: wakes the stream for the source and for signals
 * @extents: of each of the source's rings, as extents_init() leaves them
 * @exclude: what is to be left out of the capture; NULL: nothing
 * @copy: where it goes, too; NULL: nowhere
 * @limit: when it is enough; NULL: never
 * @drain: what is there now is all
 * @rate: how fast is sent; NULL: as fast as the receiver takes it
 * @target: what messages call the receiver
 * @metadata: host, sensor and tsresol; the source fills in the rest
 * @peer: the receiver, of which more is known than this run can: it ends, with
 *	peer->again, where it would call a second time; NULL: a run of its own
 * @status: who is told how the run is; NULL: nobody
 */
struct relay_config {
	struct source *source;
	struct stream *stream;
	struct watch *watch;
	struct extents *extents;
	struct exclude *exclude;
	struct copy *copy;
	struct limit *limit;
	struct rate *rate;
	bool drain;
	const char *target;
	struct metadata metadata;
	struct peer *peer;
	struct status *status;
};

/*
 * Stream until the source ends, the limit is reached or a signal comes. True: the
 * receiver has answered, or what was not sent stays in the rings. @counts is set;
 * added to where the peer is given.
 */
bool relay_run(const struct relay_config *config, struct relay_counts *counts);

/* Release what nobody refers to any more. For after stream_free(), too. */
void relay_release(struct source *source, struct extents *extents);

#endif
