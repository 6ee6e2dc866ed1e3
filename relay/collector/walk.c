// SPDX-License-Identifier: MIT
#include "walk.h"

#include <string.h>

#include <linux/pcapring.h>

#include "packet.h"

_Static_assert(sizeof(struct pcapring_record) == WALK_HEADER, "a record's header");

void walk_begin(struct walk *walk, uint64_t offset, bool swapped)
{
	*walk = (struct walk){
		.swapped = swapped,
		.offset = offset,
		.boundary = offset,
	};
}

uint32_t walk_caplen(const unsigned char *header, bool swapped)
{
	uint32_t caplen;

	memcpy(&caplen, header + offsetof(struct pcapring_record, caplen),
	       sizeof(caplen));
	return swapped ? __builtin_bswap32(caplen) : caplen;
}

/* A whole record ends at @offset. */
static void walk_done(struct walk *walk, uint64_t offset)
{
	walk->packets++;
	walk->bytes += walk->caplen;
	walk->boundary = offset;
}

/* The end of what the piece before began. @return bytes taken; -1: invalid. */
static ssize_t walk_resume(struct walk *walk, const unsigned char *p, size_t size)
{
	size_t n = 0, take;

	if (!walk->rest && walk->have) {
		n = WALK_HEADER - walk->have;
		if (n > size)
			n = size;
		memcpy(walk->header + walk->have, p, n);
		walk->have += n;
		if (walk->have < WALK_HEADER)
			return n;
		walk->have = 0;
		walk->caplen = walk_caplen(walk->header, walk->swapped);
		if (walk->caplen > PACKET_CAPLEN_MAX)
			return -1;
		walk->rest = walk->caplen;
		if (!walk->rest)
			walk_done(walk, walk->offset + n);
	}
	if (!walk->rest)
		return n;
	take = size - n < walk->rest ? size - n : walk->rest;
	walk->rest -= take;
	if (!walk->rest)
		walk_done(walk, walk->offset + n + take);
	return n + take;
}

static bool walk_piece(struct walk *walk, const unsigned char *p, size_t size)
{
	const unsigned char *start = p, *end = p + size;
	ssize_t n = walk_resume(walk, p, size);

	if (n < 0)
		return false;
	p += n;
	while (end - p >= WALK_HEADER) {
		walk->caplen = walk_caplen(p, walk->swapped);
		if (walk->caplen > PACKET_CAPLEN_MAX)
			return false;
		p += WALK_HEADER;
		if (end - p < walk->caplen) {
			walk->rest = walk->caplen - (end - p);
			p = end;
			break;
		}
		p += walk->caplen;
		walk_done(walk, walk->offset + (p - start));
	}
	if (p < end) {
		walk->have = end - p;
		memcpy(walk->header, p, walk->have);
	}
	walk->offset += size;
	return true;
}

bool walk_pieces(struct walk *walk, const struct pieces *pieces)
{
	for (size_t i = 0; i < pieces->count; i++)
		if (pieces->list[i].iov_len &&
		    !walk_piece(walk, pieces->list[i].iov_base,
				pieces->list[i].iov_len))
			return false;
	return true;
}
