// SPDX-License-Identifier: MIT
#include "copy_batch.h"

#include <string.h>

#define COPY_BATCH_NONE		UINT64_MAX
/* So much is worth a system call; more would make tails wait. */
#define COPY_BATCH_BYTES	(1 << 20)

/* False: no room; nothing was added. */
static bool copy_batch_add(struct copy_batch *batch, const uint8_t *bytes, uint64_t length)
{
	struct iovec *last = batch->count ? &batch->pieces[batch->count - 1] : NULL;

	if (last && (const uint8_t *)last->iov_base + last->iov_len == bytes &&
	    last->iov_len + length <= COPY_BATCH_PIECE)
		last->iov_len += length;
	else if (batch->count < COPY_BATCH_PIECES)
		batch->pieces[batch->count++] = (struct iovec) { (void *)bytes, length };
	else
		return false;
	batch->bytes += length;
	return true;
}

static void copy_batch_take_stretch(struct copy_batch *batch, struct copy_batch_ring *ring)
{
	const uint8_t *bytes = ring->data + (ring->begin & ring->mask);
	uint64_t left = ring->settled - ring->begin;

	while (left) {
		uint64_t piece = left < COPY_BATCH_PIECE ? left : COPY_BATCH_PIECE;

		/* no ring is larger than all pieces together */
		copy_batch_add(batch, bytes, piece);
		bytes += piece;
		left -= piece;
	}
	ring->begin = ring->settled;
}

/* The record at the ring's begin, which is before its end. False: it is none. */
static bool copy_batch_peek(const struct copy_batch_ring *ring,
			    struct pcapring_record *record)
{
	uint64_t left = ring->end - ring->begin;

	if (left < sizeof(*record))
		return false;
	memcpy(record, ring->data + (ring->begin & ring->mask), sizeof(*record));
	return record->caplen <= left - sizeof(*record) &&
	       record->caplen <= PCAPRING_SNAPLEN_MAX;
}

static bool copy_batch_look(struct copy_batch *batch, const struct copy_batch_ring *ring,
			    unsigned int i)
{
	struct pcapring_record record;

	batch->next[i] = COPY_BATCH_NONE;
	if (ring->begin == ring->end)
		return true;
	if (!copy_batch_peek(ring, &record))
		return false;
	batch->next[i] = record.ts_sec * 1000000000ULL + record.ts_nsec;
	return true;
}

static unsigned int copy_batch_oldest(const struct copy_batch *batch, unsigned int count)
{
	unsigned int oldest = 0;

	for (unsigned int i = 1; i < count; i++)
		if (batch->next[i] < batch->next[oldest])
			oldest = i;
	return oldest;
}

static bool copy_batch_is_settled(const struct copy_batch_ring *rings, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (rings[i].begin < rings[i].settled)
			return false;
	return true;
}

bool copy_batch_take(struct copy_batch *batch, struct copy_batch_ring *rings,
		     unsigned int count)
{
	struct pcapring_record record;

	batch->count = 0;
	batch->bytes = 0;
	if (count == 1) {
		copy_batch_take_stretch(batch, rings);
		return true;
	}
	for (unsigned int i = 0; i < count; i++)
		if (!copy_batch_look(batch, &rings[i], i))
			return false;
	while (batch->bytes < COPY_BATCH_BYTES && !copy_batch_is_settled(rings, count)) {
		unsigned int oldest = copy_batch_oldest(batch, count);
		struct copy_batch_ring *ring = &rings[oldest];

		copy_batch_peek(ring, &record);
		if (!copy_batch_add(batch, ring->data + (ring->begin & ring->mask),
				    sizeof(record) + record.caplen))
			break;
		ring->begin += sizeof(record) + record.caplen;
		if (!copy_batch_look(batch, ring, oldest))
			return false;
	}
	return true;
}
