/* SPDX-License-Identifier: MIT */
/*
 * What of a ring has to stay: until a collector has it, or the spool, and nobody
 * refers to it.
 */
#ifndef RELAY_RING_KEEP_H
#define RELAY_RING_KEEP_H

#include "ring_call.h"

/* Move the tail to what is safe, if nobody refers to anything before it. */
void ring_keep_release(struct reader_ring *ring, struct extents *extents);

/* What is the collector's, and what is in the spool, is safe. */
void ring_keep_secure(struct ring_call *ring);

/* Both, if that may be now. */
void ring_keep_free(struct ring_call *ring);

/* When the record at @position was captured, nanoseconds since 1970; 0: nobody knows. */
uint64_t ring_keep_captured_at(const struct ring_call *ring, uint64_t position);

/* More was acknowledged: what of the spool waits longest is younger now. */
void ring_keep_advance(struct ring_call *ring);

/* What of a ring of the capture's waits for the collector. */
void ring_keep_wait(const struct ring_call *ring, struct status_wait *wait);

/*
 * There is a spool, and half of the ring is safe nowhere, or anything of a capture that
 * was deleted.
 */
bool ring_keep_owes_spill(const struct ring_call *ring);

/*
 * Begin to move what is safe nowhere yet to the spool, where that is owed and no
 * collector takes it; @all: in any case.
 */
void ring_keep_spill(struct ring_call *ring, bool all);

#endif
