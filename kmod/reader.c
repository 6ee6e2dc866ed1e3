// SPDX-License-Identifier: GPL-2.0-only

#include <linux/minmax.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "capture.h"
#include "pages.h"
#include "reader.h"
#include "ring.h"

static bool pcapring_reader_takes_snapshot(const struct pcapring_reader *reader)
{
	return reader->capture->rings[0].overwrite; /* as all others */
}

/* Does nothing write any more? Then the caller sees the last of it. */
static bool pcapring_reader_is_still(const struct pcapring_reader *reader)
{
	const struct pcapring_capture *capture = reader->capture;
	u32 i;

	/*
	 * Head is final: whoever deletes waits in pcapring_tap_detach() for the
	 * packets that are under way, a full barrier, then sets deleted.
	 */
	if (smp_load_acquire(&capture->deleted))
		return true;
	for (i = 0; i < capture->tap.ring_count; i++)
		if (!pcapring_ring_is_frozen(&capture->rings[i]))
			return false;
	return true;
}

bool pcapring_reader_is_refused(const struct pcapring_reader *reader)
{
	return pcapring_reader_takes_snapshot(reader) && !pcapring_reader_is_still(reader);
}

bool pcapring_reader_is_at_end(const struct pcapring_reader *reader)
{
	return pcapring_reader_takes_snapshot(reader) &&
	       READ_ONCE(reader->header_given) == sizeof(struct pcapring_file_header);
}

static ssize_t pcapring_reader_fill_header(struct pcapring_reader *reader, char __user *to,
					   size_t count)
{
	const struct pcapring_info *info = reader->capture->pages->info;
	struct pcapring_file_header header = {
		.magic = PCAPRING_FILE_MAGIC_NSEC,
		.version_major = PCAPRING_FILE_VERSION_MAJOR,
		.version_minor = PCAPRING_FILE_VERSION_MINOR,
		.snaplen = info->snaplen,
		.linktype = READ_ONCE(info->linktype),
	};

	if (header.linktype == PCAPRING_LINKTYPE_NONE)
		return 0;
	count = min(count, sizeof(header) - reader->header_given);
	if (copy_to_user(to, (char *)&header + reader->header_given, count))
		return -EFAULT;
	WRITE_ONCE(reader->header_given, reader->header_given + count);
	return count;
}

static bool pcapring_reader_is_before(const struct pcapring_record *a,
				      const struct pcapring_record *b)
{
	if (a->ts_sec != b->ts_sec)
		return a->ts_sec < b->ts_sec;
	return a->ts_nsec < b->ts_nsec;
}

/**
 * struct pcapring_reader_next - the record that a ring gives next
 * @ring: which has it
 * @position: loaded once: user space may still be able to write the tail, a
 *	mapping that is gone can have left its pages pinned
 * @record: its header
 */
struct pcapring_reader_next {
	struct pcapring_ring *ring;
	u64 position;
	struct pcapring_record record;
};

/* 1; 0: the ring has no record. */
static int pcapring_reader_peek_tail(struct pcapring_ring *ring, struct pcapring_reader_next *next)
{
	u64 tail = READ_ONCE(ring->consumer->tail);
	/* Pairs with the release of head in pcapring_ring_commit(). */
	u64 head = smp_load_acquire(&ring->producer->head);

	if (tail == head)
		return 0;
	next->ring = ring;
	next->position = tail;
	if (pcapring_ring_peek(ring, tail, head, &next->record))
		return 1;
	/* user space had the consumer page mapped and left nonsense */
	pcapring_ring_skip(ring);
	return 0;
}

/* 1; 0: the ring has no record; -ESTALE: it was overwritten. */
static int pcapring_reader_peek_snapshot(struct pcapring_ring *ring, u64 position,
					 struct pcapring_reader_next *next)
{
	/* Pairs with the release of head in pcapring_ring_commit(). */
	u64 head = smp_load_acquire(&ring->producer->head);

	if (position == head)
		return 0;
	next->ring = ring;
	next->position = position;
	/* what is thawed and overwritten meanwhile need not be a record */
	if (pcapring_ring_peek(ring, position, head, &next->record) &&
	    pcapring_ring_still_has(ring, position))
		return 1;
	return -ESTALE;
}

static u64 *pcapring_reader_position(struct pcapring_reader *reader,
				     const struct pcapring_ring *ring)
{
	return &reader->position[ring - reader->capture->rings];
}

static int pcapring_reader_peek(struct pcapring_reader *reader, struct pcapring_ring *ring,
				struct pcapring_reader_next *next)
{
	if (ring->overwrite)
		return pcapring_reader_peek_snapshot(ring, *pcapring_reader_position(reader, ring),
						     next);
	return pcapring_reader_peek_tail(ring, next);
}

/*
 * The earliest record of all rings. 1; 0: there is none; -ESTALE.
 *
 * Of those that are there: a packet is stamped before it is written, and one
 * that its CPU holds up in between comes late. What lies in the rings already
 * comes in order, but for that. Two emulated CPUs, each feeding a ring with 8000
 * packets a second, read live: at most 44 of 80000 records late, by 1.3 ms at
 * most; in files of tcpdump up to 524, by 4.9 ms.
 */
static int pcapring_reader_earliest(struct pcapring_reader *reader,
				    struct pcapring_reader_next *earliest)
{
	struct pcapring_tap *tap = &reader->capture->tap;
	struct pcapring_reader_next next;
	u32 unchanged;
	int found = 0;
	int peeked;
	u32 i;

	/*
	 * Once around the rings after the choice was made: a ring that had
	 * nothing before may have an earlier record by now.
	 */
	for (i = 0, unchanged = 0; unchanged < tap->ring_count; i++, unchanged++) {
		i %= tap->ring_count;
		peeked = pcapring_reader_peek(reader, &tap->rings[i], &next);
		if (peeked < 0)
			return peeked;
		if (!peeked)
			continue;
		if (!found || pcapring_reader_is_before(&next.record, &earliest->record)) {
			*earliest = next;
			unchanged = 0;
		}
		found = 1;
	}
	return found;
}

/* The record that was read in part, if it is still what its ring gives next. */
static bool pcapring_reader_resume(struct pcapring_reader *reader,
				   struct pcapring_reader_next *next)
{
	return reader->partial && pcapring_reader_peek(reader, reader->partial, next) > 0 &&
	       next->position == reader->partial_at &&
	       reader->partial_given < pcapring_ring_record_bytes(next->record.caplen);
}

/* Go on with the record that was read in part, or with the earliest. */
static int pcapring_reader_choose(struct pcapring_reader *reader,
				  struct pcapring_reader_next *next)
{
	int found;

	if (pcapring_reader_resume(reader, next))
		return 1;
	reader->partial = NULL;
	found = pcapring_reader_earliest(reader, next);
	if (found <= 0)
		return found;
	reader->partial = next->ring;
	reader->partial_at = next->position;
	reader->partial_given = 0;
	return 1;
}

static void pcapring_reader_pass(struct pcapring_reader *reader, struct pcapring_ring *ring,
				 u64 position)
{
	if (ring->overwrite)
		*pcapring_reader_position(reader, ring) = position;
	else
		pcapring_ring_release(ring, position);
	reader->partial = NULL;
}

/* Some bytes of one record; its ring moves on when the last one was read. */
static ssize_t pcapring_reader_fill_record(struct pcapring_reader *reader, char __user *to,
					   size_t count)
{
	struct pcapring_reader_next next;
	int found = pcapring_reader_choose(reader, &next);
	const void *from;
	u64 bytes;

	if (found <= 0)
		return found;
	bytes = pcapring_ring_record_bytes(next.record.caplen);
	count = min_t(u64, count, bytes - reader->partial_given);
	from = pcapring_ring_at(next.ring, next.position) + reader->partial_given;
	/* the copy may sleep, and the capture be thawed and write on meanwhile */
	if (data_race(copy_to_user(to, from, count)))
		return -EFAULT;
	if (next.ring->overwrite && !pcapring_ring_still_has(next.ring, next.position))
		return -ESTALE;
	reader->partial_given += count;
	if (reader->partial_given == bytes)
		pcapring_reader_pass(reader, next.ring, next.position + bytes);
	return count;
}

static void pcapring_reader_begin(struct pcapring_reader *reader)
{
	struct pcapring_tap *tap = &reader->capture->tap;
	u32 i;

	for (i = 0; i < tap->ring_count; i++)
		reader->position[i] = READ_ONCE(tap->rings[i].producer->oldest);
	reader->begun = true;
}

static ssize_t pcapring_reader_fill_some(struct pcapring_reader *reader, char __user *to,
					 size_t count)
{
	if (pcapring_reader_is_refused(reader))
		return -EBUSY;
	if (reader->header_given < sizeof(struct pcapring_file_header))
		return pcapring_reader_fill_header(reader, to, count);
	if (pcapring_reader_takes_snapshot(reader) && !reader->begun)
		pcapring_reader_begin(reader);
	return pcapring_reader_fill_record(reader, to, count);
}

ssize_t pcapring_reader_fill(struct pcapring_reader *reader, char __user *to, size_t count)
{
	ssize_t filled = 0;
	ssize_t step;

	lockdep_assert_held(&reader->lock);
	while (filled < count) {
		step = pcapring_reader_fill_some(reader, to + filled, count - filled);
		if (step <= 0)
			return filled ? filled : step;
		filled += step;
		if (fatal_signal_pending(current))
			break;
		cond_resched();
	}
	return filled;
}

bool pcapring_reader_readable(const struct pcapring_reader *reader)
{
	const struct pcapring_capture *capture = reader->capture;
	bool mapped = atomic_read(&reader->use) < 0;
	u32 i;

	/*
	 * Store seen, then load head; pairs with the barrier in
	 * pcapring_ring_commit(). An epoll waiter stays queued while it works,
	 * so that nothing else orders the two.
	 */
	smp_mb();

	if (!mapped && pcapring_reader_is_refused(reader))
		return false;
	if (!mapped && (pcapring_reader_takes_snapshot(reader) ||
			READ_ONCE(reader->header_given) < sizeof(struct pcapring_file_header)))
		return READ_ONCE(capture->pages->info->linktype) != PCAPRING_LINKTYPE_NONE;

	for (i = 0; i < capture->tap.ring_count; i++) {
		const struct pcapring_ring *ring = &capture->tap.rings[i];

		if (mapped ? pcapring_ring_has_enough(ring) :
			     READ_ONCE(ring->producer->head) != READ_ONCE(ring->consumer->tail))
			return true;
	}
	return false;
}

void pcapring_reader_unmapped(struct pcapring_reader *reader)
{
	struct pcapring_tap *tap = &reader->capture->tap;
	u32 i;

	/*
	 * The producer wakes by seen and wake_bytes, which the reader chose as
	 * it liked; who sleeps from now on goes by the tail.
	 */
	for (i = 0; i < tap->ring_count; i++) {
		struct pcapring_consumer *consumer = tap->rings[i].consumer;

		WRITE_ONCE(consumer->wake_bytes, 0);
		WRITE_ONCE(consumer->seen, READ_ONCE(consumer->tail));
	}
	/* one may sleep already: let it look anew, behind a full barrier */
	wake_up_interruptible_all(&tap->wait);
}
