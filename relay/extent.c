// SPDX-License-Identifier: MIT
#include "extent.h"

#include <string.h>

void extents_init(struct extents *extents, uint64_t ring_bytes)
{
	memset(extents, 0, sizeof(*extents));
	extents->ring_bytes = ring_bytes;
}

/* With an eighth of the ring for the next extent, a fixed part stays free. */
static bool extents_too_much(const struct extents *extents, uint64_t position)
{
	const struct extent *oldest = &extents->slots[extents->first % EXTENTS_MAX];

	if (extents->next == extents->first)
		return false;
	return extents->next - extents->first == EXTENTS_MAX ||
	       position - oldest->begin > extents->ring_bytes / 4 * 3;
}

struct extent *extents_begin(struct extents *extents, uint64_t position,
			     uint64_t length)
{
	uint64_t bytes = extents->ring_bytes / 8;
	struct extent *extent;

	if (bytes > EXTENT_BYTES_MAX)
		bytes = EXTENT_BYTES_MAX;
	extents_tail(extents, position);
	if (length > bytes || extents_too_much(extents, position))
		return NULL;
	extent = &extents->slots[extents->next++ % EXTENTS_MAX];
	extent->begin = position;
	extent->end = position + bytes;
	__atomic_store_n(&extent->held, true, __ATOMIC_RELAXED);
	return extent;
}

void extent_let_go(struct extent *extent)
{
	/* Pairs with extents_tail(): what was read of it was read before. */
	__atomic_store_n(&extent->held, false, __ATOMIC_RELEASE);
}

uint64_t extents_tail(struct extents *extents, uint64_t position)
{
	while (extents->first != extents->next) {
		struct extent *oldest = &extents->slots[extents->first % EXTENTS_MAX];

		if (__atomic_load_n(&oldest->held, __ATOMIC_ACQUIRE))
			return oldest->begin;
		extents->first++;
	}
	return position;
}
