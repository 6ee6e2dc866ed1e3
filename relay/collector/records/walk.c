// SPDX-License-Identifier: MIT
#include "walk.h"

#include <string.h>

#include <linux/pcapring.h>

#include "collector/packets/packet.h"

_Static_assert(sizeof(struct pcapring_record) == WALK_HEADER, "a record's header");

void walk_begin(struct walk *walk, uint64_t offset, bool swapped)
{
	*walk = (struct walk){
		.swapped = swapped,
		.offset = offset,
		.boundary = offset,
		.most_packets = UINT64_MAX,
		.most_offset = UINT64_MAX,
	};
}

uint32_t walk_caplen(const unsigned char *header, bool swapped)
{
	uint32_t caplen;

	memcpy(&caplen, header + offsetof(struct pcapring_record, caplen),
	       sizeof(caplen));
	return swapped ? __builtin_bswap32(caplen) : caplen;
}

uint64_t walk_time(const unsigned char *header, bool swapped, bool microseconds)
{
	struct pcapring_record record;

	memcpy(&record, header, sizeof(record));
	if (swapped) {
		record.ts_sec = __builtin_bswap32(record.ts_sec);
		record.ts_nsec = __builtin_bswap32(record.ts_nsec);
	}
	return record.ts_sec * UINT64_C(1000000000) +
	       record.ts_nsec * UINT64_C(1) * (microseconds ? 1000 : 1);
}

/* A whole record ends at @offset. */
static void walk_done(struct walk *walk, uint64_t offset)
{
	walk->packets++;
	walk->bytes += walk->caplen;
	walk->boundary = offset;
	walk->full = walk->packets >= walk->most_packets || offset >= walk->most_offset;
}

/* Of a header that came in parts, or without all of its record. */
static void walk_resumed(struct walk *walk, uint64_t offset)
{
	if (!walk->packets)
		memcpy(walk->first, walk->header, WALK_HEADER);
	memcpy(walk->last, walk->header, WALK_HEADER);
	walk_done(walk, offset);
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
			walk_resumed(walk, walk->offset + n);
	}
	if (!walk->rest)
		return n;
	take = size - n < walk->rest ? size - n : walk->rest;
	walk->rest -= take;
	if (!walk->rest)
		walk_resumed(walk, walk->offset + n + take);
	return n + take;
}

/* It may turn out not to be whole: then it is the first one later, too. */
static void walk_first(struct walk *walk, const unsigned char *p,
		       const unsigned char *end)
{
	if (!walk->packets && end - p >= WALK_HEADER)
		memcpy(walk->first, p, WALK_HEADER);
}

static void walk_last(struct walk *walk, const unsigned char *last)
{
	if (last)
		memcpy(walk->last, last, WALK_HEADER);
}

static bool walk_piece(struct walk *walk, const unsigned char *p, size_t size)
{
	const unsigned char *start = p, *end = p + size, *last = NULL;
	ssize_t n = walk_resume(walk, p, size);

	if (n < 0)
		return false;
	p += n;
	walk_first(walk, p, end);
	while (end - p >= WALK_HEADER && !walk->full) {
		walk->caplen = walk_caplen(p, walk->swapped);
		if (walk->caplen > PACKET_CAPLEN_MAX) {
			walk_last(walk, last);
			return false;
		}
		p += WALK_HEADER;
		if (end - p < walk->caplen) {
			walk->rest = walk->caplen - (end - p);
			memcpy(walk->header, p - WALK_HEADER, WALK_HEADER);
			p = end;
			break;
		}
		last = p - WALK_HEADER;
		p += walk->caplen;
		walk_done(walk, walk->offset + (p - start));
	}
	walk_last(walk, last);
	if (walk->full) {
		walk->offset = walk->boundary;
		return true;
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
	for (size_t i = 0; i < pieces->count && !walk->full; i++)
		if (pieces->list[i].iov_len &&
		    !walk_piece(walk, pieces->list[i].iov_base,
				pieces->list[i].iov_len))
			return false;
	return true;
}
