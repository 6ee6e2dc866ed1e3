// SPDX-License-Identifier: MIT
/* Where records end: the same whether the ring's bytes come whole or cut. */
#include "fuzz.h"

#include <string.h>

#include "collector/packets/packet.h"
#include "collector/records/walk.h"

/* What is there, found without a state. */
struct found {
	bool valid;
	uint64_t boundary, first, last;
	uint64_t packets;
	uint64_t bytes;
	uint32_t caplen;	/* of what is not valid */
};

static uint32_t caplen_at(const uint8_t *header, bool big_endian)
{
	const uint8_t *p = header + 8;

	return big_endian ? (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3] :
			    (uint32_t)p[3] << 24 | p[2] << 16 | p[1] << 8 | p[0];
}

static struct found find(const uint8_t *bytes, size_t size, bool big_endian)
{
	struct found found = { .valid = true };

	while (size - found.boundary >= WALK_HEADER) {
		uint32_t caplen = caplen_at(bytes + found.boundary, big_endian);

		found.valid = caplen <= PACKET_CAPLEN_MAX;
		found.caplen = caplen;
		if (!found.valid || size - found.boundary - WALK_HEADER < caplen)
			break;
		if (!found.packets)
			found.first = found.boundary;
		found.last = found.boundary;
		found.boundary += WALK_HEADER + caplen;
		found.packets++;
		found.bytes += caplen;
	}
	return found;
}

static void compare(const struct walk *walk, bool valid, uint64_t start,
		    const uint8_t *bytes, size_t size, const struct found *want)
{
	if (want->packets) {
		FUZZ_TRUE(!memcmp(walk->first, bytes + want->first, WALK_HEADER));
		FUZZ_TRUE(!memcmp(walk->last, bytes + want->last, WALK_HEADER));
	}
	FUZZ_TRUE(valid == want->valid);
	FUZZ_TRUE(walk->boundary == start + want->boundary);
	FUZZ_TRUE(walk->packets == want->packets);
	FUZZ_TRUE(walk->bytes == want->bytes);
	FUZZ_TRUE(!valid || walk->offset == start + size);
	FUZZ_TRUE(valid || walk->caplen == want->caplen);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { bytes, size };
	bool big_endian = fuzz_number(&in, 1) & 1;
	bool swapped = big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	uint64_t start = fuzz_number(&in, 6);
	struct fuzz_pieces pieces;
	struct fuzz_cuts cuts;
	struct found want;
	struct walk walk;
	bool valid = true;

	fuzz_cuts(&in, &cuts);
	want = find(in.p, in.left, big_endian);
	fuzz_cut(&pieces, &cuts, in.p, in.left);
	walk_begin(&walk, start, swapped);
	valid = walk_pieces(&walk, &(struct pieces) { pieces.list, pieces.count });
	compare(&walk, valid, start, in.p, in.left, &want);

	walk_begin(&walk, start, swapped);
	valid = true;
	for (size_t i = 0; i < pieces.count && valid; i++)
		valid = walk_pieces(&walk, &(struct pieces) { pieces.list + i, 1 });
	compare(&walk, valid, start, in.p, in.left, &want);
	fuzz_free(&pieces);

	fuzz_cut(&pieces, NULL, in.p, in.left);
	walk_begin(&walk, start, swapped);
	valid = walk_pieces(&walk, &(struct pieces) { pieces.list, 1 });
	compare(&walk, valid, start, in.p, in.left, &want);
	fuzz_free(&pieces);
	return 0;
}
