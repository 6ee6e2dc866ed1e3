// SPDX-License-Identifier: MIT
#include "merge.h"

#include <stdio.h>

#include "reader.h"

#define MERGE_NONE	UINT64_MAX	/* the ring has no record */

static struct merge *merge_of(struct source *source)
{
	return (struct merge *)source;
}

/* Look at the record at the ring's position. */
static bool merge_look(struct merge *merge, unsigned int i)
{
	const struct reader_ring *ring = &merge->reader->rings[i];
	struct merge_next *next = &merge->next[i];

	next->stamp = MERGE_NONE;
	if (ring->position == ring->head)
		return true;
	if (!reader_peek(merge->reader, ring, &next->header))
		return false;
	next->stamp = next->header.ts_sec * 1000000000ULL + next->header.ts_nsec;
	return true;
}

/*
 * Load the heads of the rings that have nothing, or of all. False: one is
 * corrupted. @found: a ring that had nothing has something.
 */
static bool merge_load(struct merge *merge, bool all, bool *found)
{
	*found = false;
	for (unsigned int i = 0; i < merge->reader->ring_count; i++) {
		bool empty = merge->next[i].stamp == MERGE_NONE;

		if (!empty && !all)
			continue;
		if (!reader_load(merge->reader, &merge->reader->rings[i]))
			return false;
		if (empty && !merge_look(merge, i))
			return false;
		*found |= empty && merge->next[i].stamp != MERGE_NONE;
	}
	return true;
}

/*
 * A ring that is found empty must be so after the others' heads were loaded:
 * else what came in between would be older than what we take from those. Until
 * a ring runs out, nothing can have come that is older than what was there when
 * the heads were loaded: they need not be loaded again.
 */
static bool merge_fill(struct merge *merge)
{
	bool found;

	if (!merge_load(merge, true, &found))
		return false;
	do {
		if (!merge_load(merge, false, &found))
			return false;
	} while (found);
	merge->stale = false;
	return true;
}

static unsigned int merge_oldest(const struct merge *merge)
{
	unsigned int oldest = 0;

	for (unsigned int i = 1; i < merge->reader->ring_count; i++)
		if (merge->next[i].stamp < merge->next[oldest].stamp)
			oldest = i;
	return oldest;
}

static bool merge_more(struct source *source)
{
	struct merge *merge = merge_of(source);

	if (merge->broken)
		return false;
	if (merge->stale && !merge_fill(merge)) {
		merge->broken = true;
		return false;
	}
	for (unsigned int i = 0; i < merge->reader->ring_count; i++)
		if (merge->next[i].stamp != MERGE_NONE)
			return true;
	merge->stale = true;
	return false;
}

static enum source_result merge_next(struct source *source, struct packet *packet)
{
	struct merge *merge = merge_of(source);
	struct reader_ring *ring;
	unsigned int i;

	if (!merge_more(source)) {
		if (merge->broken)
			return SOURCE_ERROR;
		return merge->reader->frozen ? SOURCE_END : SOURCE_EMPTY;
	}
	i = merge_oldest(merge);
	ring = &merge->reader->rings[i];
	packet->header = merge->next[i].header;
	packet->ring = i;
	packet->position = ring->position + sizeof(packet->header);
	packet->data = reader_at(ring, packet->position);
	ring->position = packet->position + packet->header.caplen;
	if (!merge_look(merge, i))
		merge->broken = true;
	if (merge->next[i].stamp == MERGE_NONE)
		merge->stale = true;
	return SOURCE_PACKET;
}

static bool merge_sleep(struct source *source)
{
	return reader_seen(merge_of(source)->reader);
}

static uint64_t merge_position(struct source *source, unsigned int ring)
{
	return merge_of(source)->reader->rings[ring].position;
}

static void merge_release(struct source *source, unsigned int ring, uint64_t tail)
{
	reader_release(&merge_of(source)->reader->rings[ring], tail);
}

static void merge_level(struct source *source, uint64_t *captured, uint64_t *room)
{
	reader_level(merge_of(source)->reader, captured, room);
}

/* What was released is not ours to read any more. */
static void merge_resume(struct source *source)
{
	struct merge *merge = merge_of(source);

	for (unsigned int i = 0; i < merge->reader->ring_count; i++) {
		struct reader_ring *ring = &merge->reader->rings[i];

		if ((int64_t)(ring->tail - ring->position) > 0)
			ring->position = ring->tail;
		merge->broken |= !merge_look(merge, i);
	}
	merge->stale = true;
}

static void merge_stop(struct source *source)
{
	struct merge *merge = merge_of(source);

	if (!reader_freeze(merge->reader))
		merge->broken = true;
	merge->stale = true;
}

static bool merge_describe(struct source *source, struct metadata *metadata)
{
	const struct reader *reader = merge_of(source)->reader;

	metadata->linktype = reader_linktype(reader);
	metadata->snaplen = reader->info->snaplen;
	snprintf(metadata->interface, sizeof(metadata->interface), "%.*s",
		 (int)sizeof(reader->info->ifname), reader->info->ifname);
	return metadata->linktype != PCAPRING_LINKTYPE_NONE;
}

void merge_open(struct merge *merge, struct reader *reader)
{
	*merge = (struct merge) {
		.source = {
			.capture = true,
			.fd = reader->fd,
			.rings = reader->ring_count,
			.ring_bytes = reader->ring_bytes,
			.describe = merge_describe,
			.next = merge_next,
			.more = merge_more,
			.sleep = merge_sleep,
			.position = merge_position,
			.release = merge_release,
			.level = merge_level,
			.resume = merge_resume,
			.stop = merge_stop,
		},
		.reader = reader,
		.stale = true,
	};
	for (unsigned int i = 0; i < reader->ring_count; i++)
		if (!merge_look(merge, i))
			merge->broken = true;
}
