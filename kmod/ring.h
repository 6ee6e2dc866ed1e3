/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The ring: where the next record goes, whether there is room, who must be
 * woken. It knows no network and no device; tests compile it in user space.
 */
#ifndef PCAPRING_RING_H
#define PCAPRING_RING_H

#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/lockdep.h>
#include <linux/pcapring.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <asm/barrier.h>

/**
 * struct pcapring_ring - one ring
 * @lock: taken by producers, in the packet path, for one packet at a time;
 *	guards all from @frozen to @bad_tails
 * @frozen: nothing is written; loaded without the lock by the reader, too
 * @sample_left: packets that the tap's sampling still passes over
 * @head: end of the last record; the producer page has a copy
 * @tail: the oldest record that is not to be overwritten: the reader's tail
 *	when it was last looked at and in range; in overwrite mode our own, of
 *	which the producer page has a copy
 * @gap: the newest gap, on the producer page; NULL before the first
 * @gap_head: number of the next gap
 * @gap_tail: number of the oldest gap
 * @unstamped: captured packets that lacked the hardware stamp asked for
 * @wakeups: times that a sleeping reader was woken
 * @bad_tails: packets dropped because the reader's tail was out of range
 * @skips: times that the walk at open did not end on head; changed only by
 *	the one reader
 * @overwrite: a full ring drops its oldest records, not the newest packet
 * @size: bytes, a power of two
 * @data: the bytes, mapped twice back to back
 * @consumer: page that user space writes; nothing in it is trusted
 * @producer: page that user space reads
 */
struct pcapring_ring {
	spinlock_t lock; /* producers, one packet at a time */
	bool frozen;
	u32 sample_left;
	u64 head;
	u64 tail;
	struct pcapring_gap *gap;
	u64 gap_head;
	u64 gap_tail;
	u64 unstamped;
	u64 wakeups;
	u64 bad_tails;
	u64 skips;

	/* constant while the ring lives */
	bool overwrite;
	u64 size;
	u8 *data;
	struct pcapring_consumer *consumer;
	struct pcapring_producer *producer;
} ____cacheline_aligned_in_smp;

/**
 * struct pcapring_ring_state - one consistent look at a ring
 * @seen: as user space wrote it
 * @tail: as user space wrote it
 * @oldest: in overwrite mode; otherwise 0
 */
struct pcapring_ring_state {
	struct pcapring_counters count;
	u64 head;
	u64 seen;
	u64 tail;
	u64 oldest;
	u64 unstamped;
	u64 wakeups;
	u64 bad_tails;
	u64 skips;
};

static inline void *pcapring_ring_at(const struct pcapring_ring *ring, u64 position)
{
	return ring->data + (position & (ring->size - 1));
}

static inline u64 pcapring_ring_record_bytes(u32 caplen)
{
	return sizeof(struct pcapring_record) + caplen;
}

/*
 * Producer side. All with @ring->lock held. What each packet needs is inline,
 * where it is the usual.
 */

/* Do @bytes fit between head and the end of what @tail leaves free? */
static inline bool pcapring_ring_fits(const struct pcapring_ring *ring, u64 tail, u64 bytes)
{
	return ring->head - tail + bytes <= ring->size;
}

static inline bool pcapring_ring_has_room(const struct pcapring_ring *ring, u64 bytes)
{
	return pcapring_ring_fits(ring, ring->tail, bytes);
}

/*
 * A reader's tail that user space may have made up: beyond head, the difference
 * wraps around and is huge.
 */
static inline bool pcapring_ring_in_range(const struct pcapring_ring *ring, u64 tail)
{
	return ring->head - tail <= ring->size;
}

/* Overwrite mode: the oldest records give way. False: there is never enough. */
bool pcapring_ring_drop_oldest(struct pcapring_ring *ring, u64 bytes);

/* False: there is not enough, and will not be before the reader goes on. */
static inline bool pcapring_ring_make_room(struct pcapring_ring *ring, u64 bytes)
{
	u64 tail;

	if (unlikely(ring->overwrite))
		return pcapring_ring_drop_oldest(ring, bytes);
	/*
	 * Pairs with the reader's release of tail: it has read all before tail,
	 * so that we may write there.
	 */
	tail = smp_load_acquire(&ring->consumer->tail);
	if (unlikely(!pcapring_ring_in_range(ring, tail))) {
		ring->bad_tails++;
		return false;
	}
	if (!pcapring_ring_fits(ring, tail, bytes))
		return false;
	ring->tail = tail;
	return true;
}

/*
 * Room for a record of @bytes in all, to be written now; NULL: none. In
 * overwrite mode the oldest records have made room, if need be.
 */
static inline void *pcapring_ring_reserve(struct pcapring_ring *ring, u64 bytes)
{
	lockdep_assert_held(&ring->lock);

	/* the reader's cache line is left alone while there is room without */
	if (!pcapring_ring_has_room(ring, bytes) && !pcapring_ring_make_room(ring, bytes))
		return NULL;
	return pcapring_ring_at(ring, ring->head);
}

/* Is there as much to read as the reader wants before it is woken? */
static inline bool pcapring_ring_reaches(u64 head, u64 seen, u64 wake_bytes)
{
	return head - seen >= (wake_bytes ?: 1);
}

/* Publish the record just written; true: the reader may sleep, wake it. */
static inline bool pcapring_ring_commit(struct pcapring_ring *ring, u64 bytes)
{
	u64 before = ring->head;
	u64 head = before + bytes;
	u64 wake_bytes;
	u64 seen;

	lockdep_assert_held(&ring->lock);

	ring->head = head;
	/* Pairs with the reader's acquire of head: the record is complete. */
	smp_store_release(&ring->producer->head, head);

	/*
	 * Store head, then load seen; the reader stores seen, then loads head.
	 * Pairs with the barrier in pcapring_reader_readable(), or that of a
	 * reader that sleeps elsewhere: one of the two sees the other.
	 */
	smp_mb();
	seen = READ_ONCE(ring->consumer->seen);
	wake_bytes = READ_ONCE(ring->consumer->wake_bytes);
	return !pcapring_ring_reaches(before, seen, wake_bytes) &&
	       pcapring_ring_reaches(head, seen, wake_bytes);
}

/*
 * Counters are on the producer page alone: user space cannot write there. Each
 * packet adds to seen and to one other in one critical section.
 */
static inline void pcapring_ring_add(u64 *counter, u64 number)
{
	WRITE_ONCE(*counter, *counter + number);
}

/* @counter: the one that tells what became of the packet. */
static inline void pcapring_ring_count(struct pcapring_ring *ring, u64 *counter)
{
	lockdep_assert_held(&ring->lock);
	pcapring_ring_add(&ring->producer->count.seen, 1);
	pcapring_ring_add(counter, 1);
}

static inline void pcapring_ring_count_captured(struct pcapring_ring *ring, u32 caplen,
						bool truncated)
{
	struct pcapring_counters *count = &ring->producer->count;

	pcapring_ring_count(ring, &count->captured);
	pcapring_ring_add(&count->bytes, caplen);
	if (truncated)
		pcapring_ring_add(&count->truncated, 1);
}

static inline void pcapring_ring_count_filtered(struct pcapring_ring *ring)
{
	pcapring_ring_count(ring, &ring->producer->count.filtered);
}

static inline void pcapring_ring_count_sampled(struct pcapring_ring *ring)
{
	pcapring_ring_count(ring, &ring->producer->count.sampled);
}

static inline void pcapring_ring_count_paused(struct pcapring_ring *ring)
{
	pcapring_ring_count(ring, &ring->producer->count.paused);
}

static inline void pcapring_ring_widen_gap(struct pcapring_gap *gap, u64 now)
{
	pcapring_ring_add(&gap->count, 1);
	WRITE_ONCE(gap->last, now);
}

/* Where there is none at head yet. */
void pcapring_ring_open_gap(struct pcapring_ring *ring, u64 now);

/* Opens or widens the gap at head. @now: nanoseconds since the epoch. */
static inline void pcapring_ring_count_dropped(struct pcapring_ring *ring, u64 now)
{
	struct pcapring_gap *gap = ring->gap;

	pcapring_ring_count(ring, &ring->producer->count.dropped);
	if (likely(gap && gap->position == ring->head))
		pcapring_ring_widen_gap(gap, now);
	else
		pcapring_ring_open_gap(ring, now);
}

/* Reader side. Called by the one reader, without locks. */

/* Is there as much to read as a reader that has the ring mapped waits for? */
bool pcapring_ring_has_enough(const struct pcapring_ring *ring);

/*
 * Is it frozen? If so, what follows sees the last record, and oldest as it
 * stays until the ring is thawed.
 */
bool pcapring_ring_is_frozen(const struct pcapring_ring *ring);

/*
 * Was what has been copied of the record at @position still there then? For
 * overwrite mode.
 */
bool pcapring_ring_still_has(const struct pcapring_ring *ring, u64 position);

/* The record at @position below @head. False: nothing that can be a record. */
bool pcapring_ring_peek(const struct pcapring_ring *ring, u64 position, u64 head,
			struct pcapring_record *record);

/*
 * Begin where the reader before ended, or at head if that makes no sense: the
 * next one was promised records of at most @snaplen bytes. -EINTR: the process
 * was killed meanwhile.
 */
int pcapring_ring_settle(struct pcapring_ring *ring, u32 snaplen);

/* Give up what lies before head, unread; counted. */
void pcapring_ring_skip(struct pcapring_ring *ring);

/* Everything before @position was read and is free. */
void pcapring_ring_release(struct pcapring_ring *ring, u64 position);

/* Any context but the packet path's. */

/* Once it is frozen, nothing more is written. */
void pcapring_ring_set_frozen(struct pcapring_ring *ring, bool frozen);
bool pcapring_ring_is_empty(struct pcapring_ring *ring);
void pcapring_ring_look(struct pcapring_ring *ring, struct pcapring_ring_state *state);

#endif /* PCAPRING_RING_H */
