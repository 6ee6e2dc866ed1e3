// SPDX-License-Identifier: GPL-2.0-only OR MIT

#include <linux/errno.h>
#include <linux/sched/signal.h>
#include <linux/string.h>

#include "ring.h"

/* Learn how far the reader is. False: its tail is out of range. */
static bool pcapring_ring_follow_reader(struct pcapring_ring *ring)
{
	/* Pairs with the reader's release of tail: it has read all before. */
	u64 tail = smp_load_acquire(&ring->consumer->tail);

	if (!pcapring_ring_in_range(ring, tail))
		return false;
	ring->tail = tail;
	return true;
}

bool pcapring_ring_drop_oldest(struct pcapring_ring *ring, u64 bytes)
{
	struct pcapring_record record;

	if (bytes > ring->size)
		return false;
	do {
		/* user space cannot write records; were one broken, all go */
		if (pcapring_ring_peek(ring, ring->tail, ring->head, &record))
			ring->tail += pcapring_ring_record_bytes(record.caplen);
		else
			ring->tail = ring->head;
		pcapring_ring_add(&ring->producer->count.overwritten, 1);
	} while (!pcapring_ring_has_room(ring, bytes));
	WRITE_ONCE(ring->producer->oldest, ring->tail);
	/*
	 * Store oldest, then the bytes before it; a reader copies bytes, then
	 * loads oldest. Pairs with the barrier in pcapring_ring_still_has(), or
	 * that of a reader elsewhere: if it has copied one byte of ours, it
	 * finds that oldest has passed it.
	 */
	smp_wmb();
	return true;
}

bool pcapring_ring_has_enough(const struct pcapring_ring *ring)
{
	return pcapring_ring_reaches(READ_ONCE(ring->producer->head),
				     READ_ONCE(ring->consumer->seen),
				     READ_ONCE(ring->consumer->wake_bytes));
}

static struct pcapring_gap *pcapring_ring_gap(const struct pcapring_ring *ring, u64 number)
{
	return &ring->producer->gap[number % PCAPRING_GAPS];
}

/* False: all gaps that can be kept are still of interest to the reader. */
static bool pcapring_ring_may_open_gap(struct pcapring_ring *ring)
{
	if (ring->gap_head - ring->gap_tail < PCAPRING_GAPS)
		return true;
	if (!ring->overwrite)
		pcapring_ring_follow_reader(ring);
	while (ring->gap_tail != ring->gap_head &&
	       pcapring_ring_gap(ring, ring->gap_tail)->position < ring->tail)
		ring->gap_tail++;
	WRITE_ONCE(ring->producer->gap_tail, ring->gap_tail);
	/*
	 * Store gap_tail, then the gap that takes the place; who reads one that
	 * can go meanwhile copies it, passes a read barrier and loads gap_tail.
	 */
	smp_wmb();
	return ring->gap_head - ring->gap_tail < PCAPRING_GAPS;
}

void pcapring_ring_open_gap(struct pcapring_ring *ring, u64 now)
{
	struct pcapring_gap *gap;

	lockdep_assert_held(&ring->lock);
	if (!pcapring_ring_may_open_gap(ring)) {
		pcapring_ring_widen_gap(ring->gap, now);
		return;
	}
	gap = pcapring_ring_gap(ring, ring->gap_head);
	WRITE_ONCE(gap->position, ring->head);
	WRITE_ONCE(gap->count, 1);
	WRITE_ONCE(gap->first, now);
	WRITE_ONCE(gap->last, now);
	ring->gap = gap;
	ring->gap_head++;
	/* Pairs with the reader's acquire of gap_head, or of a later head. */
	smp_store_release(&ring->producer->gap_head, ring->gap_head);
}

bool pcapring_ring_peek(const struct pcapring_ring *ring, u64 position, u64 head,
			struct pcapring_record *record)
{
	u64 left = head - position;

	if (left > ring->size || left < sizeof(*record))
		return false;
	/*
	 * Records are not aligned. A reader whose tail or snapshot is no more
	 * may see one that is being overwritten: its fields are checked here,
	 * and pcapring_ring_still_has() tells the rest.
	 */
	data_race(memcpy(record, pcapring_ring_at(ring, position), sizeof(*record)));
	return record->caplen <= PCAPRING_SNAPLEN_MAX &&
	       pcapring_ring_record_bytes(record->caplen) <= left;
}

void pcapring_ring_release(struct pcapring_ring *ring, u64 position)
{
	WRITE_ONCE(ring->consumer->seen, position);
	/* Pairs with the acquire of tail in pcapring_ring_follow_reader(). */
	smp_store_release(&ring->consumer->tail, position);
}

void pcapring_ring_skip(struct pcapring_ring *ring)
{
	/* Pairs with the release of head in pcapring_ring_commit(). */
	pcapring_ring_release(ring, smp_load_acquire(&ring->producer->head));
	WRITE_ONCE(ring->skips, ring->skips + 1);
}

/*
 * Go by the tail as it is now. The reader before may have let us know another
 * one, further on; what we took for room by that is none for the next reader.
 */
static void pcapring_ring_adopt_tail(struct pcapring_ring *ring)
{
	spin_lock_bh(&ring->lock);
	if (!pcapring_ring_follow_reader(ring)) {
		pcapring_ring_skip(ring);
		pcapring_ring_follow_reader(ring);
	}
	spin_unlock_bh(&ring->lock);
}

int pcapring_ring_settle(struct pcapring_ring *ring, u32 snaplen)
{
	struct pcapring_record record;
	u64 position;
	u64 tail;
	u64 head;

	WRITE_ONCE(ring->consumer->wake_bytes, 0);
	if (ring->overwrite) {
		pcapring_ring_release(ring, READ_ONCE(ring->producer->oldest));
		return 0;
	}
	pcapring_ring_adopt_tail(ring);
	tail = READ_ONCE(ring->consumer->tail);
	/* Pairs with the release of head in pcapring_ring_commit(). */
	head = smp_load_acquire(&ring->producer->head);

	/*
	 * Nobody else reads, so that what the tail keeps stays as it is, but it
	 * need not be records: the tail may be anywhere. Or it was moved back to
	 * records of before the snaplen was lowered.
	 */
	for (position = tail; position != head;
	     position += pcapring_ring_record_bytes(record.caplen)) {
		if (!pcapring_ring_peek(ring, position, head, &record) ||
		    record.caplen > snaplen) {
			pcapring_ring_skip(ring);
			return 0;
		}
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	pcapring_ring_release(ring, tail);
	return 0;
}

bool pcapring_ring_is_frozen(const struct pcapring_ring *ring)
{
	/* Pairs with the release of frozen in pcapring_ring_set_frozen(). */
	return smp_load_acquire(&ring->frozen);
}

bool pcapring_ring_still_has(const struct pcapring_ring *ring, u64 position)
{
	/* Bytes were copied; pairs with the barrier in pcapring_ring_drop_oldest(). */
	smp_rmb();
	return position >= READ_ONCE(ring->producer->oldest);
}

void pcapring_ring_set_frozen(struct pcapring_ring *ring, bool frozen)
{
	spin_lock_bh(&ring->lock);
	/* Pairs with the acquire of frozen in pcapring_ring_is_frozen(). */
	smp_store_release(&ring->frozen, frozen);
	spin_unlock_bh(&ring->lock);
}

bool pcapring_ring_is_empty(struct pcapring_ring *ring)
{
	struct pcapring_ring_state state;

	pcapring_ring_look(ring, &state);
	return state.head == (ring->overwrite ? state.oldest : state.tail);
}

void pcapring_ring_look(struct pcapring_ring *ring, struct pcapring_ring_state *state)
{
	spin_lock_bh(&ring->lock);
	state->count = ring->producer->count;
	state->head = ring->head;
	state->seen = READ_ONCE(ring->consumer->seen);
	state->tail = READ_ONCE(ring->consumer->tail);
	state->oldest = ring->overwrite ? ring->tail : 0;
	state->unstamped = ring->unstamped;
	state->wakeups = ring->wakeups;
	state->bad_tails = ring->bad_tails;
	state->skips = READ_ONCE(ring->skips);
	spin_unlock_bh(&ring->lock);
}
