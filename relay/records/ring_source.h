/* SPDX-License-Identifier: MIT */
/*
 * Where a ring's call finds the bytes that it sends: in the spool, which has the
 * older ones, or in the ring. A byte has one offset, wherever it lies.
 */
#ifndef RELAY_RING_SOURCE_H
#define RELAY_RING_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

struct extents;
struct reader_ring;
struct spool_ring;

/**
 * struct ring_source - of one ring
 * @ring: its positions. Of a ring that is past they tell of the spool only:
 *	there is no memory
 * @extents: of the ring
 * @spool: NULL: there is none
 * @past: all that there is of this ring is in the spool
 */
struct ring_source {
	struct reader_ring *ring;
	struct extents *extents;
	struct spool_ring *spool;
	bool past;
};

/**
 * struct ring_piece - bytes in one piece of memory
 * @size: to its end
 * @extents: to be held as long as anybody refers to them
 * @spooled: they are the spool's: the following is known of their end
 * @dropped, @complete_until: as in Records
 */
struct ring_piece {
	const uint8_t *data;
	uint64_t size;
	struct extents *extents;
	bool spooled;
	uint64_t dropped;
	uint64_t complete_until;
};

/* The first byte that nobody has acknowledged, or let go of. */
uint64_t ring_source_tail(const struct ring_source *source);

/* Everything before it is in the spool, if anything is; else 0. */
uint64_t ring_source_spooled(const struct ring_source *source);

/* Is everything from @begin to @end in the spool? */
bool ring_source_keeps(const struct ring_source *source, uint64_t begin, uint64_t end);

/* Is there a byte at @position? Not at the end, nor where some are missing. */
bool ring_source_has(const struct ring_source *source, uint64_t position);

/* What there is at @position, where something is. False: not now; the spool wakes. */
bool ring_source_piece(const struct ring_source *source, uint64_t position,
		       struct ring_piece *piece);

/* Everything before @offset is safe at the collector. */
void ring_source_acknowledge(const struct ring_source *source, uint64_t offset);

#endif
