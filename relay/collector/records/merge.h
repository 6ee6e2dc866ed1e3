/* SPDX-License-Identifier: MIT */
/*
 * Records of several rings, in the order of their stamps. Each ring has a queue
 * of bytes. Its oldest record leaves when no ring that is waited for can have
 * an older one, when it was held back for long enough, or when too much is held.
 *
 * A ring is waited for while it is connected, and for as long as records are
 * held back after it left, or was never there: it may come (back).
 */
#ifndef COLLECTOR_MERGE_H
#define COLLECTOR_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/pieces.h"

#define MERGE_HELD_MAX	(16u << 20)	/* bytes of all queues */
#define MERGE_NEVER	UINT64_MAX

/* What of a ring is in a stretch that is written. */
struct merge_part {
	uint64_t length;	/* bytes of the ring */
	uint64_t packets;
	uint64_t bytes;		/* of packets */
	uint64_t disorder;	/* records older than one written before */
	uint64_t first, last;	/* times of the oldest record and of the newest */
};

/*
 * Writes @size bytes that hold @parts, one for each ring. False: they are not
 * written, errno says why.
 */
typedef bool merge_write(void *context, void *bytes, size_t size,
			 const struct merge_part *parts);

struct merge;

/* Bytes that several merges hold; beyond @most they hold nothing back any more. */
struct merge_budget {
	uint64_t held;
	uint64_t most;
};

/*
 * @hold_back and all times: nanoseconds of one monotonic clock; @now: as it is.
 * @swapped, @microseconds: as the records' headers are. NULL: no memory.
 */
struct merge *merge_new(uint32_t ring_count, bool swapped, bool microseconds,
			uint64_t hold_back, uint64_t now,
			merge_write *write, void *context);
void merge_free(struct merge *merge);

/* What it holds counts there, too. It holds nothing yet; @budget outlives it. */
void merge_share(struct merge *merge, struct merge_budget *budget);

/* Records of times up to @time were written before. */
void merge_begin(struct merge *merge, uint64_t time);

/* The ring's call begins; what its call before left is dropped. */
void merge_join(struct merge *merge, uint32_t ring);

/* It ended; whole records stay. @finished: it will not come back. */
void merge_leave(struct merge *merge, uint32_t ring, bool finished, uint64_t now);

/* Drop what is held of all rings. */
void merge_drop(struct merge *merge);

/*
 * Queue what came of a ring. False: errno is EINVAL, when a record longer than
 * any can be begins after the last that was queued, *@caplen; or ENOMEM.
 */
bool merge_append(struct merge *merge, uint32_t ring,
		  const struct pieces *pieces, uint64_t now, uint32_t *caplen);

/* Later records of the ring will not be older than @stamp. */
void merge_complete(struct merge *merge, uint32_t ring, uint64_t stamp);

/*
 * Write what may leave; @all: everything. False: it could not be written, and
 * what is held does not follow on what is: drop it.
 */
bool merge_release(struct merge *merge, uint64_t now, bool all);

/* Write as soon as so many records have gathered, or so many bytes. */
void merge_most(struct merge *merge, uint64_t packets, uint64_t bytes);

/* Bytes of whole records of a ring that are held. */
size_t merge_held(const struct merge *merge, uint32_t ring);

/* When something is to be released at the latest, or MERGE_NEVER. */
uint64_t merge_due(const struct merge *merge);

#endif
