// SPDX-License-Identifier: MIT
#include "extent.h"

#include <string.h>

void extents_init(struct extents *extents, uint64_t ring_bytes)
{
	memset(extents, 0, sizeof(*extents));
	extents->ring_bytes = ring_bytes;
}

struct extent *extents_hold(struct extents *extents, uint64_t begin, uint64_t end)
{
	struct extent *extent;
	unsigned int slot;

	if (extents_full(extents))
		extents_tail(extents, begin);
	if (extents_full(extents))
		return NULL;
	slot = __builtin_ctzll(~extents->used);
	extents->used |= 1ULL << slot;
	extent = &extents->slots[slot];
	extent->begin = begin;
	extent->end = end;
	__atomic_store_n(&extent->held, true, __ATOMIC_RELAXED);
	return extent;
}

struct extent *extents_begin(struct extents *extents, uint64_t position,
			     uint64_t length)
{
	uint64_t bytes = extents->ring_bytes / 8;

	if (bytes > EXTENT_BYTES_MAX)
		bytes = EXTENT_BYTES_MAX;
	/* With an eighth of the ring for this one, a fixed part stays free. */
	if (length > bytes ||
	    position - extents_tail(extents, position) > extents->ring_bytes / 4 * 3)
		return NULL;
	return extents_hold(extents, position, position + bytes);
}

void extent_let_go(struct extent *extent)
{
	/* Pairs with extents_tail(): what was read of it was read before. */
	__atomic_store_n(&extent->held, false, __ATOMIC_RELEASE);
}

uint64_t extents_tail(struct extents *extents, uint64_t position)
{
	for (uint64_t used = extents->used; used; used &= used - 1) {
		unsigned int slot = __builtin_ctzll(used);
		struct extent *extent = &extents->slots[slot];

		if (!__atomic_load_n(&extent->held, __ATOMIC_ACQUIRE))
			extents->used &= ~(1ULL << slot);
		else if (extent->begin < position)
			position = extent->begin;
	}
	return position;
}
