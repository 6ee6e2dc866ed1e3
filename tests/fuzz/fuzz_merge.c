// SPDX-License-Identifier: MIT
/*
 * Several rings' bytes in order of time: each whole record that came is written
 * once, those of a ring in their order, and what is out of order is counted.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "collector/packets/packet.h"
#include "collector/records/merge.h"
#include "collector/records/walk.h"

#define RINGS	4
#define REPEATS	32	/* of what is queued: so that queues become long */

enum { APPEND, COMPLETE, RELEASE, ALL, LEAVE, JOIN, DROP, ACTIONS };

/* What a ring has to have: from begin to whole records, then maybe a part. */
struct queue {
	uint8_t *bytes;
	size_t begin, whole, end;
	bool joined;
};

static struct queue queues[RINGS];
static uint32_t ring_count;
static bool swapped, microseconds;
static uint64_t last;

/* Of a record, so that sums of them tell which ones there are. */
static uint64_t mark(const uint8_t *record, size_t size)
{
	uint64_t sum = 0xcbf29ce484222325;

	while (size--)
		sum = (sum ^ *record++) * 0x100000001b3;
	return sum;
}

static uint64_t stamp(const uint8_t *record)
{
	uint32_t time[2];

	memcpy(time, record, sizeof(time));
	if (swapped) {
		time[0] = __builtin_bswap32(time[0]);
		time[1] = __builtin_bswap32(time[1]);
	}
	return time[0] * UINT64_C(1000000000) +
	       time[1] * (microseconds ? UINT64_C(1000) : 1);
}

static size_t record_size(const uint8_t *record)
{
	return WALK_HEADER + walk_caplen(record, swapped);
}

/* Take from the queue what was written of it. @return the sum of its marks. */
static uint64_t leave_queue(struct queue *queue, const struct merge_part *part)
{
	uint64_t sum = 0, packets = 0, bytes = 0;
	size_t end = queue->begin + part->length;

	FUZZ_TRUE(part->length <= queue->whole - queue->begin);
	while (queue->begin < end) {
		size_t size = record_size(queue->bytes + queue->begin);

		sum += mark(queue->bytes + queue->begin, size);
		queue->begin += size;
		bytes += size - WALK_HEADER;
		packets++;
	}
	FUZZ_TRUE(queue->begin == end);
	FUZZ_TRUE(packets == part->packets && bytes == part->bytes);
	return sum;
}

static bool written(void *context, void *bytes, size_t size,
		    const struct merge_part *parts)
{
	uint64_t came = 0, gone = 0, disorder = 0;
	const uint8_t *p = bytes, *end = p + size;

	(void)context;
	for (; p < end; p += record_size(p)) {
		came += mark(p, record_size(p));
		if (stamp(p) < last)
			disorder++;
		else
			last = stamp(p);
	}
	FUZZ_TRUE(p == end);
	for (uint32_t i = 0; i < ring_count; i++) {
		gone += leave_queue(&queues[i], &parts[i]);
		disorder -= parts[i].disorder;
	}
	FUZZ_TRUE(came == gone);
	FUZZ_TRUE(!disorder);
	return true;
}

/* Whole records among what came. False: one that cannot be. */
static bool find_records(struct queue *queue)
{
	while (queue->end - queue->whole >= WALK_HEADER) {
		uint32_t caplen = walk_caplen(queue->bytes + queue->whole, swapped);

		if (caplen > PACKET_CAPLEN_MAX)
			return false;
		if (queue->end - queue->whole - WALK_HEADER < caplen)
			break;
		queue->whole += WALK_HEADER + caplen;
	}
	return true;
}

static void leave(struct merge *merge, uint32_t i, bool finished, uint64_t now)
{
	merge_leave(merge, i, finished, now);
	queues[i].end = queues[i].whole;
	queues[i].joined = false;
}

static void append(struct merge *merge, uint32_t i, const uint8_t *bytes, size_t have,
		   const struct fuzz_cuts *cuts, uint64_t now)
{
	struct queue *queue = &queues[i];
	struct fuzz_pieces pieces;
	uint32_t caplen;
	bool valid;

	fuzz_cut(&pieces, cuts, bytes, have);
	valid = merge_append(merge, i, &(struct pieces) { pieces.list, pieces.count },
			     now, &caplen);
	fuzz_free(&pieces);
	memcpy(queue->bytes + queue->end, bytes, have);
	queue->end += have;
	FUZZ_TRUE(valid == find_records(queue));
	if (!valid)
		leave(merge, i, false, now);
}

static void append_some(struct merge *merge, uint32_t i, struct fuzz_input *in,
			uint64_t now)
{
	struct fuzz_cuts cuts = { 1, { fuzz_number(in, 1) } };
	unsigned int repeats = 1 + fuzz_number(in, 1) % REPEATS;
	size_t have;
	const uint8_t *bytes = fuzz_take(in, fuzz_number(in, 1), &have);

	/* nobody queues what is empty */
	while (have && repeats-- && queues[i].joined)
		append(merge, i, bytes, have, &cuts, now);
}

static void act(struct merge *merge, struct fuzz_input *in, uint64_t now)
{
	uint8_t action = fuzz_number(in, 1);
	uint32_t i = action / ACTIONS % ring_count;
	struct queue *queue = &queues[i];

	switch (action % ACTIONS) {
	case APPEND:
		append_some(merge, i, in, now);
		break;
	case COMPLETE:
		merge_complete(merge, i, fuzz_number(in, 8));
		break;
	case RELEASE:
		FUZZ_TRUE(merge_release(merge, now, false));
		break;
	case ALL:
		FUZZ_TRUE(merge_release(merge, now, true));
		break;
	case LEAVE:
		if (queue->joined)
			leave(merge, i, fuzz_number(in, 1) & 1, now);
		break;
	case JOIN:
		merge_join(merge, i);
		queue->end = queue->whole = queue->begin;
		queue->joined = true;
		break;
	case DROP:
		merge_drop(merge);
		for (i = 0; i < ring_count; i++)
			queues[i].end = queues[i].whole = queues[i].begin;
		break;
	}
	for (i = 0; i < ring_count; i++)
		FUZZ_TRUE(merge_held(merge, i) == queues[i].whole - queues[i].begin);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { bytes, size };
	uint8_t flags = fuzz_number(&in, 1);
	uint64_t hold_back = fuzz_number(&in, 1), now = 0;
	struct merge *merge;

	swapped = flags & 1;
	microseconds = flags & 2;
	ring_count = 1 + flags / 4 % RINGS;
	last = 0;
	merge = merge_new(ring_count, swapped, microseconds, hold_back, now, written, NULL);
	FUZZ_TRUE(merge);
	for (uint32_t i = 0; i < ring_count; i++) {
		queues[i] = (struct queue) { .bytes = malloc(REPEATS * size), .joined = true };
		merge_join(merge, i);
	}
	while (in.left) {
		act(merge, &in, now);
		now += fuzz_number(&in, 1) % 64;
	}
	/* Whatever is held is due at last, and then all is there. */
	now += hold_back;
	FUZZ_TRUE(merge_due(merge) == MERGE_NEVER || merge_due(merge) <= now);
	FUZZ_TRUE(merge_release(merge, now, false));
	for (uint32_t i = 0; i < ring_count; i++) {
		FUZZ_TRUE(queues[i].begin == queues[i].whole);
		free(queues[i].bytes);
	}
	merge_free(merge);
	return 0;
}
