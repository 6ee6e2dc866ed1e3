// SPDX-License-Identifier: MIT
#include "merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/packets/packet.h"
#include "walk.h"

#define MERGE_OUT	(256u << 10)	/* bytes that are written at once */
#define MERGE_RECORD_MAX (WALK_HEADER + PACKET_CAPLEN_MAX)

/* An empty queue's memory is kept up to this size: there may be thousands. */
#define MERGE_KEPT	(16u << 10)

/* Times of arrival that a ring remembers: in steps of an eighth. */
#define MERGE_MARKS	16
#define MERGE_STEPS	8

/* What came before @upto, a count of all bytes ever, came at @time. */
struct merge_mark {
	uint64_t upto;
	uint64_t time;
};

/**
 * struct merge_ring - a ring's queue
 * @memory: holds records, and at the end maybe the beginning of one
 * @room: its size
 * @begin: the oldest record
 * @whole: behind the last whole one
 * @end: behind all
 * @taken: bytes that ever left
 * @marks: a FIFO, the nth ever at n % MERGE_MARKS
 * @first: number of the oldest mark that is not used up
 * @next: of the next
 * @complete: no record that is still to come is older
 * @left: when its call ended, or the merge began
 * @joined: it has a call
 * @finished: it has none any more, and will not be back
 */
struct merge_ring {
	unsigned char *memory;
	size_t room, begin, whole, end;
	uint64_t taken;
	struct merge_mark marks[MERGE_MARKS];
	unsigned int first, next;
	uint64_t complete;
	uint64_t left;
	bool joined;
	bool finished;
};

struct merge {
	uint32_t ring_count;
	bool swapped;
	bool microseconds;
	uint64_t hold_back;
	merge_write *write;
	void *context;
	uint64_t held;			/* bytes of whole records */
	struct merge_budget *budget;	/* NULL: its own alone */
	uint64_t last;			/* newest stamp that was written */
	uint64_t limit;			/* up to which stamp all is there */
	uint64_t *stamps;		/* of each ring's oldest record */
	struct merge_part *parts;	/* of what is in merge_out */
	struct merge_ring *rings;
	uint64_t most_packets, most_bytes;	/* in merge_out */
	uint64_t packets;
	size_t used;
};

/* What is to be written, of one at a time: nothing is left there. All are of one thread. */
static unsigned char merge_out[MERGE_OUT + MERGE_RECORD_MAX];

struct merge *merge_new(uint32_t ring_count, bool swapped, bool microseconds,
			uint64_t hold_back, uint64_t now,
			merge_write *write, void *context)
{
	struct merge *merge = calloc(1, sizeof(*merge));

	if (!merge)
		return NULL;
	merge->ring_count = ring_count;
	merge->swapped = swapped;
	merge->microseconds = microseconds;
	merge->hold_back = hold_back;
	merge->write = write;
	merge->context = context;
	merge->most_packets = merge->most_bytes = UINT64_MAX;
	merge->stamps = calloc(ring_count, sizeof(*merge->stamps));
	merge->parts = calloc(ring_count, sizeof(*merge->parts));
	merge->rings = calloc(ring_count, sizeof(*merge->rings));
	if (!merge->stamps || !merge->parts || !merge->rings) {
		merge_free(merge);
		return NULL;
	}
	for (uint32_t i = 0; i < ring_count; i++) {
		merge->stamps[i] = MERGE_NEVER;
		merge->rings[i].left = now;
	}
	return merge;
}

void merge_share(struct merge *merge, struct merge_budget *budget)
{
	merge->budget = budget;
}

static void merge_hold(struct merge *merge, uint64_t bytes)
{
	merge->held += bytes;
	if (merge->budget)
		merge->budget->held += bytes;
}

static void merge_let_go(struct merge *merge, uint64_t bytes)
{
	merge->held -= bytes;
	if (merge->budget)
		merge->budget->held -= bytes;
}

static bool merge_is_full(const struct merge *merge)
{
	return merge->held > MERGE_HELD_MAX ||
	       (merge->budget && merge->budget->held > merge->budget->most);
}

void merge_free(struct merge *merge)
{
	merge_let_go(merge, merge->held);
	for (uint32_t i = 0; merge->rings && i < merge->ring_count; i++)
		free(merge->rings[i].memory);
	free(merge->stamps);
	free(merge->parts);
	free(merge->rings);
	free(merge);
}

/* Look at the stamp of the ring's oldest record. */
static void merge_look(struct merge *merge, uint32_t i)
{
	const struct merge_ring *ring = &merge->rings[i];

	merge->stamps[i] = MERGE_NEVER;
	if (ring->begin != ring->whole)
		merge->stamps[i] = walk_time(ring->memory + ring->begin,
					     merge->swapped, merge->microseconds);
}

/* Drop the ring's queue from @from on. */
static void merge_forget(struct merge *merge, uint32_t i, size_t from)
{
	struct merge_ring *ring = &merge->rings[i];

	if (from < ring->whole) {
		merge_let_go(merge, ring->whole - from);
		ring->whole = from;
	}
	ring->end = from;
	if (ring->begin == ring->end) {
		ring->begin = ring->whole = ring->end = 0;
		ring->first = ring->next;
		if (ring->room > MERGE_KEPT) {
			free(ring->memory);
			ring->memory = NULL;
			ring->room = 0;
		}
	}
	merge_look(merge, i);
}

void merge_begin(struct merge *merge, uint64_t time)
{
	merge->last = time;
}

void merge_join(struct merge *merge, uint32_t i)
{
	merge_forget(merge, i, merge->rings[i].begin);
	merge->rings[i].joined = true;
	merge->rings[i].finished = false;
}

void merge_leave(struct merge *merge, uint32_t i, bool finished, uint64_t now)
{
	struct merge_ring *ring = &merge->rings[i];

	merge_forget(merge, i, ring->whole);
	ring->joined = false;
	ring->finished = finished;
	ring->left = now;
}

void merge_drop(struct merge *merge)
{
	for (uint32_t i = 0; i < merge->ring_count; i++)
		merge_forget(merge, i, merge->rings[i].begin);
}

/* Room for @size more bytes, at the end of the queue. */
static bool merge_room(struct merge_ring *ring, size_t size)
{
	size_t used = ring->end - ring->begin, room = ring->room ? ring->room : 4096;
	unsigned char *memory;

	if (ring->room - ring->end >= size)
		return true;
	if (ring->begin >= ring->room / 2 && ring->room - used >= size) {
		memmove(ring->memory, ring->memory + ring->begin, used);
	} else {
		while (room - used < size)
			room *= 2;
		memory = malloc(room);
		if (!memory)
			return false;
		if (used)
			memcpy(memory, ring->memory + ring->begin, used);
		free(ring->memory);
		ring->memory = memory;
		ring->room = room;
	}
	ring->whole -= ring->begin;
	ring->end = used;
	ring->begin = 0;
	return true;
}

static void merge_stamp_arrival(struct merge *merge, struct merge_ring *ring,
				uint64_t now)
{
	uint64_t upto = ring->taken + (ring->end - ring->begin);
	struct merge_mark *mark = &ring->marks[(ring->next - 1) % MERGE_MARKS];

	if (ring->next == ring->first ||
	    (now - mark->time > merge->hold_back / MERGE_STEPS &&
	     ring->next - ring->first < MERGE_MARKS)) {
		mark = &ring->marks[ring->next++ % MERGE_MARKS];
		mark->time = now;
	}
	mark->upto = upto;
}

/* Find whole records among what came. False: one that cannot be. */
static bool merge_walk(struct merge *merge, struct merge_ring *ring,
		       uint32_t *caplen)
{
	size_t before = ring->whole;
	bool valid = true;

	while (ring->end - ring->whole >= WALK_HEADER) {
		*caplen = walk_caplen(ring->memory + ring->whole, merge->swapped);
		valid = *caplen <= PACKET_CAPLEN_MAX;
		if (!valid || ring->end - ring->whole < WALK_HEADER + *caplen)
			break;
		ring->whole += WALK_HEADER + *caplen;
	}
	merge_hold(merge, ring->whole - before);
	return valid;
}

bool merge_append(struct merge *merge, uint32_t i,
		  const struct pieces *pieces, uint64_t now, uint32_t *caplen)
{
	struct merge_ring *ring = &merge->rings[i];
	size_t size = pieces_length(pieces);
	bool valid;

	if (!size)
		return true;
	if (!merge_room(ring, size)) {
		errno = ENOMEM;
		return false;
	}
	pieces_gather(pieces, ring->memory + ring->end, size);
	ring->end += size;
	valid = merge_walk(merge, ring, caplen);
	merge_stamp_arrival(merge, ring, now);
	if (merge->stamps[i] == MERGE_NEVER)
		merge_look(merge, i);
	errno = EINVAL;
	return valid;
}

void merge_complete(struct merge *merge, uint32_t i, uint64_t stamp)
{
	if (stamp > merge->rings[i].complete)
		merge->rings[i].complete = stamp;
}

static bool merge_waited(const struct merge *merge, const struct merge_ring *ring,
			 uint64_t now)
{
	return ring->joined ||
	       (!ring->finished && now - ring->left < merge->hold_back);
}

/* Up to which stamp nothing can be missing: what empty rings have said. */
static void merge_limit(struct merge *merge, uint64_t now)
{
	merge->limit = MERGE_NEVER;
	for (uint32_t i = 0; i < merge->ring_count; i++) {
		const struct merge_ring *ring = &merge->rings[i];

		if (ring->begin == ring->whole && ring->complete < merge->limit &&
		    merge_waited(merge, ring, now))
			merge->limit = ring->complete;
	}
}

uint64_t merge_due(const struct merge *merge)
{
	uint64_t due = MERGE_NEVER;

	for (uint32_t i = 0; i < merge->ring_count; i++) {
		const struct merge_ring *ring = &merge->rings[i];
		const struct merge_mark *mark = &ring->marks[ring->first % MERGE_MARKS];

		if (ring->begin != ring->whole &&
		    mark->time + merge->hold_back < due)
			due = mark->time + merge->hold_back;
	}
	return due;
}

static uint32_t merge_oldest(const struct merge *merge)
{
	uint32_t oldest = 0;

	for (uint32_t i = 1; i < merge->ring_count; i++)
		if (merge->stamps[i] < merge->stamps[oldest])
			oldest = i;
	return oldest;
}

/* Write what gathered, and only then let it go. */
static bool merge_flush(struct merge *merge)
{
	bool done = !merge->used ||
		    merge->write(merge->context, merge_out, merge->used,
				 merge->parts);

	merge->used = merge->packets = 0;
	memset(merge->parts, 0, merge->ring_count * sizeof(*merge->parts));
	return done;
}

/* Move the ring's oldest record to what is to be written. */
static void merge_move(struct merge *merge, uint32_t i)
{
	struct merge_ring *ring = &merge->rings[i];
	struct merge_part *part = &merge->parts[i];
	const unsigned char *record = ring->memory + ring->begin;
	size_t size = WALK_HEADER + walk_caplen(record, merge->swapped);

	memcpy(merge_out + merge->used, record, size);
	merge->used += size;
	merge->packets++;
	merge_let_go(merge, size);
	if (!part->packets || merge->stamps[i] < part->first)
		part->first = merge->stamps[i];
	if (merge->stamps[i] > part->last)
		part->last = merge->stamps[i];
	part->length += size;
	part->packets++;
	part->bytes += size - WALK_HEADER;
	if (merge->stamps[i] < merge->last)
		part->disorder++;
	else
		merge->last = merge->stamps[i];
	ring->begin += size;
	ring->taken += size;
	while (ring->first != ring->next &&
	       ring->marks[ring->first % MERGE_MARKS].upto <= ring->taken)
		ring->first++;
	if (ring->begin == ring->end)
		merge_forget(merge, i, ring->end);
	else
		merge_look(merge, i);
}

bool merge_release(struct merge *merge, uint64_t now, bool all)
{
	merge_limit(merge, now);
	for (;;) {
		uint32_t i = merge_oldest(merge);

		if (merge->stamps[i] == MERGE_NEVER)
			break;
		if (merge->stamps[i] > merge->limit && !all &&
		    !merge_is_full(merge) && merge_due(merge) > now)
			break;
		merge_move(merge, i);
		if (merge->stamps[i] == MERGE_NEVER)
			merge_limit(merge, now);
		if ((merge->used >= MERGE_OUT || merge->used >= merge->most_bytes ||
		     merge->packets >= merge->most_packets) && !merge_flush(merge))
			return false;
	}
	return merge_flush(merge);
}

void merge_most(struct merge *merge, uint64_t packets, uint64_t bytes)
{
	merge->most_packets = packets;
	merge->most_bytes = bytes;
}

size_t merge_held(const struct merge *merge, uint32_t i)
{
	return merge->rings[i].whole - merge->rings[i].begin;
}
