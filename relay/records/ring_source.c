// SPDX-License-Identifier: MIT
#include "ring_source.h"

#include "source/reader.h"
#include "spool/spool.h"

static bool ring_source_is_spooling(const struct ring_source *source)
{
	return source->spool && !spool_empty(source->spool);
}

uint64_t ring_source_tail(const struct ring_source *source)
{
	return ring_source_is_spooling(source) ? spool_begin(source->spool) :
						 source->ring->tail;
}

uint64_t ring_source_spooled(const struct ring_source *source)
{
	return ring_source_is_spooling(source) ? spool_end(source->spool) : 0;
}

bool ring_source_keeps(const struct ring_source *source, uint64_t begin, uint64_t end)
{
	return ring_source_is_spooling(source) && spool_run(source->spool, begin) >= end;
}

static bool ring_source_is_spooled(const struct ring_source *source, uint64_t position)
{
	return ring_source_is_spooling(source) && spool_has(source->spool, position);
}

bool ring_source_has(const struct ring_source *source, uint64_t position)
{
	const struct reader_ring *ring = source->ring;

	return ring_source_is_spooled(source, position) ||
	       (!source->past && position >= ring->tail && position < ring->head);
}

static bool ring_source_spool_piece(const struct ring_source *source, uint64_t position,
				    struct ring_piece *piece)
{
	struct spool_piece spooled;

	if (spool_piece(source->spool, position, &spooled) != SPOOL_PIECE)
		return false;
	*piece = (struct ring_piece) {
		.data = spooled.data,
		.size = spooled.size,
		.extents = &source->spool->extents,
		.spooled = true,
		.dropped = spooled.dropped,
		.complete_until = spooled.complete_until,
	};
	return true;
}

bool ring_source_piece(const struct ring_source *source, uint64_t position,
		       struct ring_piece *piece)
{
	const struct reader_ring *ring = source->ring;

	/* also where the ring has them yet: its memory is wanted */
	if (ring_source_is_spooled(source, position))
		return ring_source_spool_piece(source, position, piece);
	if (source->past)
		return false;
	*piece = (struct ring_piece) {
		.data = reader_at(ring, position),
		.size = ring->head - position,
		.extents = source->extents,
	};
	return true;
}

void ring_source_acknowledge(const struct ring_source *source, uint64_t offset)
{
	if (source->spool)
		spool_acknowledge(source->spool, offset);
}
