// SPDX-License-Identifier: MIT
#include "ring_keep.h"

#include <string.h>

#include "channel/extent.h"
#include "rate.h"
#include "source/reader.h"
#include "spool/spool.h"
#include "status.h"

/* A collector that acknowledges nothing more for so long stays away. */
#define RING_KEEP_AWAY		(2 * CLOCK_SECOND)

/*
 * Only what is safe, and only where nobody refers to anything before it: tails
 * lie between records, as acknowledged offsets do, while extents begin anywhere.
 */
void ring_keep_release(struct reader_ring *ring, struct extents *extents)
{
	if (extents_tail(extents, ring->safe) == ring->safe)
		reader_release(ring, ring->safe);
}

/* What is the collector's is safe, and what is in the spool; tails never go back. */
void ring_keep_secure(struct ring_call *ring)
{
	struct reader_ring *positions = ring->ring;
	uint64_t spooled = ring_source_spooled(&ring->source);

	positions->safe = ring->acked > positions->tail ? ring->acked : positions->tail;
	if (spooled > positions->safe)
		positions->safe = spooled;
}

/* Between Hello and Welcome there has to be what the collector was told. */
void ring_keep_free(struct ring_call *ring)
{
	if (ring->source.past)
		return;
	ring_keep_secure(ring);
	if (ring->state != RING_CALL_ASKING ||
	    ring_source_keeps(&ring->source, ring->asked_tail, ring->ring->safe))
		ring_keep_release(ring->ring, ring->source.extents);
}

uint64_t ring_keep_captured_at(const struct ring_call *ring, uint64_t position)
{
	const struct status *status = ring->records->config->status;

	return status && !ring->source.past ?
	       status_captured_at(status, ring->index, position) : 0;
}

/* The first byte that the collector does not have. */
static uint64_t ring_keep_first(const struct ring_call *ring)
{
	uint64_t tail = ring_source_tail(&ring->source);

	return ring->acked > tail ? ring->acked : tail;
}

void ring_keep_wait(const struct ring_call *ring, struct status_wait *wait)
{
	uint64_t head = __atomic_load_n(&ring->ring->producer->head, __ATOMIC_ACQUIRE);
	uint64_t first = ring_keep_first(ring);

	*wait = (struct status_wait) {};
	if (first >= head)
		return;
	wait->bytes = head - first;
	wait->oldest = first < ring->ring->tail ? ring->spooled_since :
						  ring_keep_captured_at(ring, first);
	/* what came since heads were loaded last is not older than that */
	if (!wait->oldest && first >= ring->ring->tail)
		wait->oldest = ring->records->stamp;
}

/* Nobody looks into files for times: what was spooled tells when it was written. */
void ring_keep_advance(struct ring_call *ring)
{
	if (ring->spooled_end && ring->acked >= ring->spooled_end) {
		ring->spooled_since = ring->spooled_next;
		ring->spooled_end = 0;
	}
	if (!ring_source_spooled(&ring->source))
		ring->spooled_since = 0;
}

/* Does a collector take what the ring holds? Not where it may not have it yet. */
static bool ring_keep_is_taken(const struct ring_call *ring)
{
	return !rate_limits(ring->records->config->rate) &&
	       (ring->state == RING_CALL_STREAMING || ring->state == RING_CALL_CLOSING) &&
	       ring->ring->position >= ring_source_spooled(&ring->source) &&
	       clock_now() - ring->moved_at < RING_KEEP_AWAY;
}

/* The rings of a capture that was deleted end with this process. */
bool ring_keep_owes_spill(const struct ring_call *ring)
{
	const struct reader_ring *positions = ring->ring;
	uint64_t most = ring->records->deleted ? 0 : (positions->mask + 1) / 2;

	return ring->source.spool && !ring->source.past &&
	       positions->head - positions->safe > most;
}

void ring_keep_spill(struct ring_call *ring, bool all)
{
	struct spool_ring *spool = ring->source.spool;
	const struct reader_ring *positions = ring->ring;
	uint64_t begin = positions->safe, length = positions->head - begin;
	struct spoolfile_stretch stretch = {
		.offset = begin,
		.length = length,
		.dropped = ring->dropped,
		.complete_until = ring->records->stamp,
		.known = ring->notes.known,
	};
	struct extent *extent;

	if (!spool || spool->write || !length)
		return;
	if (!all && (!ring_keep_owes_spill(ring) || ring_keep_is_taken(ring)))
		return;
	extent = extents_hold(ring->source.extents, begin, positions->head);
	if (!extent)
		return;
	if (!ring->spooled_since)
		ring->spooled_since = ring_keep_captured_at(ring, begin);
	memcpy(stretch.collector, ring->notes.collector, sizeof(stretch.collector));
	if (!spool_write(spool, &stretch, reader_at(positions, begin), extent))
		extent_let_go(extent);
}
