// SPDX-License-Identifier: GPL-2.0-only OR MIT

#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/lockdep.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <asm/barrier.h>

#include "ring.h"

/* A reader's tail that user space may have made up. */
static bool pcapring_ring_in_range(const struct pcapring_ring *ring, u64 tail, u64 head)
{
	/* beyond head, the difference wraps around and is huge */
	return head - tail <= ring->size;
}

static bool pcapring_ring_has_room(const struct pcapring_ring *ring, u64 bytes)
{
	return ring->head - ring->tail + bytes <= ring->size;
}

void *pcapring_ring_reserve(struct pcapring_ring *ring, u64 bytes)
{
	u64 tail;

	lockdep_assert_held(&ring->lock);

	/* the reader's cache line is left alone while there is room without */
	if (!pcapring_ring_has_room(ring, bytes)) {
		/*
		 * Pairs with the reader's release of tail: it has read all
		 * before tail, so that we may write there.
		 */
		tail = smp_load_acquire(&ring->consumer->tail);
		if (!pcapring_ring_in_range(ring, tail, ring->head)) {
			ring->bad_tails++;
			return NULL;
		}
		ring->tail = tail;
		if (!pcapring_ring_has_room(ring, bytes))
			return NULL;
	}
	return pcapring_ring_at(ring, ring->head);
}

bool pcapring_ring_commit(struct pcapring_ring *ring, u64 bytes)
{
	u64 before = ring->head;

	lockdep_assert_held(&ring->lock);

	ring->head = before + bytes;
	/* Pairs with the reader's acquire of head: the record is complete. */
	smp_store_release(&ring->producer->head, ring->head);

	/*
	 * Store head, then load seen; the reader stores seen, then loads head.
	 * Pairs with the barrier in pcapring_reader_readable(), or that of a
	 * reader that sleeps elsewhere: one of the two sees the other.
	 */
	smp_mb();
	return READ_ONCE(ring->consumer->seen) == before;
}

static void pcapring_ring_count_seen(struct pcapring_ring *ring)
{
	lockdep_assert_held(&ring->lock);
	WRITE_ONCE(ring->producer->count.seen, ++ring->count.seen);
}

void pcapring_ring_count_captured(struct pcapring_ring *ring, u32 caplen, bool truncated)
{
	pcapring_ring_count_seen(ring);
	ring->count.bytes += caplen;
	WRITE_ONCE(ring->producer->count.captured, ++ring->count.captured);
	WRITE_ONCE(ring->producer->count.bytes, ring->count.bytes);
	if (truncated)
		WRITE_ONCE(ring->producer->count.truncated, ++ring->count.truncated);
}

void pcapring_ring_count_filtered(struct pcapring_ring *ring)
{
	pcapring_ring_count_seen(ring);
	WRITE_ONCE(ring->producer->count.filtered, ++ring->count.filtered);
}

void pcapring_ring_count_dropped(struct pcapring_ring *ring)
{
	pcapring_ring_count_seen(ring);
	WRITE_ONCE(ring->producer->count.dropped, ++ring->count.dropped);
}

bool pcapring_ring_peek(const struct pcapring_ring *ring, u64 position, u64 head,
			struct pcapring_record *record)
{
	u64 left = head - position;

	if (left > ring->size || left < sizeof(*record))
		return false;
	/* records are not aligned */
	memcpy(record, pcapring_ring_at(ring, position), sizeof(*record));
	return record->caplen <= PCAPRING_SNAPLEN_MAX &&
	       pcapring_ring_record_bytes(record->caplen) <= left;
}

void pcapring_ring_release(struct pcapring_ring *ring, u64 position)
{
	WRITE_ONCE(ring->consumer->seen, position);
	/* Pairs with the acquire of tail in pcapring_ring_reserve(). */
	smp_store_release(&ring->consumer->tail, position);
}

void pcapring_ring_skip(struct pcapring_ring *ring)
{
	/* Pairs with the release of head in pcapring_ring_commit(). */
	pcapring_ring_release(ring, smp_load_acquire(&ring->producer->head));
	WRITE_ONCE(ring->skips, ring->skips + 1);
}

int pcapring_ring_settle(struct pcapring_ring *ring)
{
	u64 tail = READ_ONCE(ring->consumer->tail);
	/* Pairs with the release of head in pcapring_ring_commit(). */
	u64 head = smp_load_acquire(&ring->producer->head);
	struct pcapring_record record;
	u64 position = tail;

	/*
	 * Nobody else reads, so that what a true tail keeps stays as it is. If
	 * the tail was moved back, packets overwrite what we look at: each
	 * record is checked on its own, and each step goes on.
	 */
	while (position != head) {
		if (!pcapring_ring_peek(ring, position, head, &record)) {
			pcapring_ring_skip(ring);
			return 0;
		}
		position += pcapring_ring_record_bytes(record.caplen);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	pcapring_ring_release(ring, tail);
	return 0;
}

void pcapring_ring_look(struct pcapring_ring *ring, struct pcapring_ring_state *state)
{
	spin_lock_bh(&ring->lock);
	state->count = ring->count;
	state->head = ring->head;
	state->seen = READ_ONCE(ring->consumer->seen);
	state->tail = READ_ONCE(ring->consumer->tail);
	state->wakeups = ring->wakeups;
	state->bad_tails = ring->bad_tails;
	state->skips = READ_ONCE(ring->skips);
	spin_unlock_bh(&ring->lock);
}
