/* SPDX-License-Identifier: MIT */
/*
 * Where records end in a ring's bytes that come cut anywhere: only their
 * headers are looked at.
 */
#ifndef COLLECTOR_WALK_H
#define COLLECTOR_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/pieces.h"

#define WALK_HEADER	16	/* bytes: struct pcapring_record */

/**
 * struct walk - how far the bytes were looked at
 * @swapped: headers are in the other byte order
 * @offset: of the next byte to come
 * @boundary: offset at which the last whole record ends
 * @packets: whole records so far
 * @bytes: of their packets, without headers
 * @have: bytes of the next header that came already, in @header
 * @rest: bytes of the record's packet that are still to come
 * @caplen: of the record under way; after a failure, what it claims
 * @most_packets: @full once there are so many
 * @most_offset: or once a record ends there, or beyond
 * @full: what follows @boundary was not looked at
 * @header: of the record under way, as far as it came
 * @first: header of the first whole record since @packets was 0
 * @last: of the newest one
 */
struct walk {
	bool swapped;
	uint64_t offset;
	uint64_t boundary;
	uint64_t packets;
	uint64_t bytes;
	unsigned int have;
	uint32_t rest;
	uint32_t caplen;
	uint64_t most_packets;
	uint64_t most_offset;
	bool full;
	unsigned char header[WALK_HEADER];
	unsigned char first[WALK_HEADER];
	unsigned char last[WALK_HEADER];
};

/* Begin at a record's boundary; without an end. */
void walk_begin(struct walk *walk, uint64_t offset, bool swapped);

/*
 * Look at the bytes that come next: all of them, or, where that is @full, up to
 * @boundary, which is @offset then. False: a record longer than any can be begins
 * at @boundary; offset is not to be used any more.
 */
bool walk_pieces(struct walk *walk, const struct pieces *pieces);

/* caplen of the header at @header. */
uint32_t walk_caplen(const unsigned char *header, bool swapped);

/* Its time, in nanoseconds since 1970. */
uint64_t walk_time(const unsigned char *header, bool swapped, bool microseconds);

#endif
