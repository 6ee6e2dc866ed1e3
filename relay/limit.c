// SPDX-License-Identifier: MIT
#include "limit.h"

#include <string.h>

#include "common/log.h"
#include "source/reader.h"

/* Counters that the kernel is about to change are read again, so often. */
#define LIMIT_TRIES	8

static uint64_t limit_left(uint64_t limit, uint64_t taken)
{
	if (limit == LIMIT_NONE)
		return LIMIT_NONE;
	return limit > taken ? limit - taken : 0;
}

static bool limit_counts(const struct limit *limit)
{
	return limit->packets != LIMIT_NONE || limit->bytes != LIMIT_NONE;
}

static bool limit_is_taken(const struct limit *limit)
{
	return !limit_left(limit->packets, limit->taken) ||
	       !limit_left(limit->bytes, limit->taken_bytes);
}

void limit_take(struct limit *limit, uint32_t caplen)
{
	limit->packets = limit_left(limit->packets, 1);
	limit->bytes = limit_left(limit->bytes, caplen);
}

void limit_start(struct limit *limit, const struct reader *reader)
{
	limit->taken = 0;
	limit->taken_bytes = 0;
	for (unsigned int i = 0; i < reader->ring_count; i++) {
		const struct reader_ring *ring = &reader->rings[i];

		/* what was sent packet by packet may be held yet */
		limit->marks[i] = (struct limit_mark) {
			.position = ring->position > ring->tail ? ring->position :
								  ring->tail,
		};
	}
}

/*
 * The kernel's count of the records before the ring's head. It stores head, then
 * each counter by itself; but head = bytes + 16 * captured, of the same packet.
 * False: they are of different ones.
 */
static bool limit_captured(const struct reader_ring *ring, uint64_t *captured)
{
	const struct pcapring_counters *count = &ring->producer->count;
	uint64_t bytes = __atomic_load_n(&count->bytes, __ATOMIC_ACQUIRE);

	*captured = __atomic_load_n(&count->captured, __ATOMIC_ACQUIRE);
	return bytes == __atomic_load_n(&count->bytes, __ATOMIC_RELAXED) &&
	       bytes + sizeof(struct pcapring_record) * *captured == ring->head;
}

/* Counting begins in the middle of a ring, or the counters did not hold still. */
static bool limit_walk(const struct reader *reader, const struct reader_ring *ring,
		       uint64_t position, uint64_t *count)
{
	struct pcapring_record record;

	for (*count = 0; position != ring->head; ++*count) {
		if (!reader_peek_at(reader, ring, position, &record))
			return false;
		position += sizeof(record) + record.caplen;
	}
	return true;
}

/* How many records lie between @mark and the ring's head, where it goes. */
static bool limit_advance(const struct reader *reader, struct reader_ring *ring,
			  struct limit_mark *mark, uint64_t *count)
{
	uint64_t begin = mark->position, captured;
	bool known = limit_captured(ring, &captured);

	for (unsigned int n = 1; !known && n < LIMIT_TRIES; n++) {
		if (!reader_load(reader, ring))
			return false;
		known = limit_captured(ring, &captured);
	}
	if (known && mark->counted)
		*count = captured - mark->captured;
	else if (!limit_walk(reader, ring, begin, count))
		return false;
	mark->captured = known ? captured : mark->captured + *count;
	mark->counted |= known;
	mark->position = ring->head;
	return true;
}

/* The ring whose next record behind its mark is the oldest, and that record. */
static bool limit_oldest(const struct limit *limit, const struct reader *reader,
			 unsigned int *oldest, struct pcapring_record *record)
{
	uint64_t first = UINT64_MAX;

	*record = (struct pcapring_record) {};

	for (unsigned int i = 0; i < reader->ring_count; i++) {
		const struct reader_ring *ring = &reader->rings[i];
		struct pcapring_record next;
		uint64_t stamp;

		if (limit->marks[i].position == ring->head)
			continue;
		if (!reader_peek_at(reader, ring, limit->marks[i].position, &next))
			return false;
		stamp = next.ts_sec * 1000000000ULL + next.ts_nsec;
		if (stamp >= first)
			continue;
		first = stamp;
		*oldest = i;
		*record = next;
	}
	if (first != UINT64_MAX)
		return true;
	log_error("%s: the rings are corrupted: they hold fewer records than were counted",
		  reader->name);
	return false;
}

/* The last record is behind the marks, somewhere: the rings end with it. */
static bool limit_cut(struct limit *limit, struct reader *reader)
{
	struct pcapring_record record;
	unsigned int oldest = 0;

	while (!limit_is_taken(limit)) {
		if (!limit_oldest(limit, reader, &oldest, &record))
			return false;
		limit->taken++;
		limit->taken_bytes += record.caplen;
		limit->marks[oldest].position += sizeof(record) + record.caplen;
	}
	for (unsigned int i = 0; i < reader->ring_count; i++)
		reader->rings[i].head = limit->marks[i].position;
	reader->frozen = true;
	limit->reached = true;
	return true;
}

enum limit_result limit_look(struct limit *limit, struct reader *reader)
{
	struct limit_mark ahead[PCAPRING_RINGS_MAX];
	uint64_t packets = 0, bytes = 0;

	if (limit->reached || !limit_counts(limit))
		return limit->reached ? LIMIT_REACHED : LIMIT_BELOW;
	memcpy(ahead, limit->marks, sizeof(ahead));
	for (unsigned int i = 0; i < reader->ring_count; i++) {
		uint64_t begin = ahead[i].position, count;

		if (!limit_advance(reader, &reader->rings[i], &ahead[i], &count))
			return LIMIT_BROKEN;
		packets += count;
		bytes += ahead[i].position - begin -
			 sizeof(struct pcapring_record) * count;
	}
	if (packets >= limit_left(limit->packets, limit->taken) ||
	    bytes >= limit_left(limit->bytes, limit->taken_bytes))
		return limit_cut(limit, reader) ? LIMIT_REACHED : LIMIT_BROKEN;
	memcpy(limit->marks, ahead, sizeof(ahead));
	limit->taken += packets;
	limit->taken_bytes += bytes;
	return LIMIT_BELOW;
}
