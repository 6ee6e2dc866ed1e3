/* SPDX-License-Identifier: MIT */
/*
 * Which stretches of a ring somebody still refers to. Extents of several calls,
 * dead ones included, may overlap; they are let go of in any order, by any
 * thread, and the ring is free up to the lowest that is still held.
 */
#ifndef RELAY_EXTENT_H
#define RELAY_EXTENT_H

#include <stdbool.h>
#include <stdint.h>

#define EXTENT_BYTES_MAX	(256 << 10)	/* of packets: larger gains nothing */
#define EXTENTS_MAX		64		/* held at once, of a ring: a bit each */

/**
 * struct extent - a stretch of a ring
 * @begin: its first byte's position
 * @end: of its last byte, plus 1
 * @held: somebody refers to it
 */
struct extent {
	uint64_t begin;
	uint64_t end;
	bool held;
};

/**
 * struct extents - the extents of one ring
 * @slots: those of which the bit is set in @used may be held
 * @ring_bytes: size of the ring
 */
struct extents {
	struct extent slots[EXTENTS_MAX];
	uint64_t used;
	uint64_t ring_bytes;
};

void extents_init(struct extents *extents, uint64_t ring_bytes);

/*
 * An extent that begins at @position and holds at least @length bytes. NULL:
 * copy instead, because too much of the ring is held already or @length too
 * large a part of it.
 */
struct extent *extents_begin(struct extents *extents, uint64_t position,
			     uint64_t length);

/* An extent from @begin to @end. NULL: EXTENTS_MAX are held; try again later. */
struct extent *extents_hold(struct extents *extents, uint64_t begin, uint64_t end);

/* EXTENTS_MAX may be held: only the next extents_hold() can tell. */
static inline bool extents_full(const struct extents *extents)
{
	return extents->used == UINT64_MAX;
}

/* Nobody refers to it any more. Any thread, once. */
void extent_let_go(struct extent *extent);

/* The lowest position that is held; @position if none below it is. */
uint64_t extents_tail(struct extents *extents, uint64_t position);

#endif
