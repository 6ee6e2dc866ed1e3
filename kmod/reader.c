// SPDX-License-Identifier: GPL-2.0-only

#include <linux/minmax.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "capture.h"
#include "pages.h"
#include "reader.h"
#include "ring.h"

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
 * struct pcapring_reader_next - the record at a ring's tail
 * @ring: which has it
 * @record: its header
 * @tail: loaded once: user space may still be able to write it, a mapping that
 *	is gone can have left its pages pinned
 */
struct pcapring_reader_next {
	struct pcapring_ring *ring;
	u64 tail;
	struct pcapring_record record;
};

/* False: the ring has no record. */
static bool pcapring_reader_peek(struct pcapring_ring *ring, struct pcapring_reader_next *next)
{
	u64 tail = READ_ONCE(ring->consumer->tail);
	/* Pairs with the release of head in pcapring_ring_commit(). */
	u64 head = smp_load_acquire(&ring->producer->head);

	if (tail == head)
		return false;
	next->ring = ring;
	next->tail = tail;
	if (pcapring_ring_peek(ring, tail, head, &next->record))
		return true;
	/* user space had the consumer page mapped and left nonsense */
	pcapring_ring_skip(ring);
	return false;
}

/* The oldest record of all rings. False: all are empty. */
static bool pcapring_reader_oldest(struct pcapring_reader *reader,
				   struct pcapring_reader_next *oldest)
{
	struct pcapring_tap *tap = &reader->capture->tap;
	struct pcapring_reader_next next;
	bool found = false;
	u32 i;

	for (i = 0; i < tap->ring_count; i++) {
		if (!pcapring_reader_peek(&tap->rings[i], &next))
			continue;
		if (!found || pcapring_reader_is_before(&next.record, &oldest->record))
			*oldest = next;
		found = true;
	}
	return found;
}

/* The record that was read in part, if it is still what lies at the tail. */
static bool pcapring_reader_resume(struct pcapring_reader *reader,
				   struct pcapring_reader_next *next)
{
	return reader->partial && pcapring_reader_peek(reader->partial, next) &&
	       next->tail == reader->partial_at &&
	       reader->partial_given < pcapring_ring_record_bytes(next->record.caplen);
}

/* Some bytes of one record; its ring moves on when the last one was read. */
static ssize_t pcapring_reader_fill_record(struct pcapring_reader *reader, char __user *to,
					   size_t count)
{
	struct pcapring_reader_next next;
	u64 bytes;

	if (!pcapring_reader_resume(reader, &next)) {
		reader->partial = NULL;
		if (!pcapring_reader_oldest(reader, &next))
			return 0;
		reader->partial = next.ring;
		reader->partial_at = next.tail;
		reader->partial_given = 0;
	}
	bytes = pcapring_ring_record_bytes(next.record.caplen);
	count = min_t(u64, count, bytes - reader->partial_given);
	if (copy_to_user(to, pcapring_ring_at(next.ring, next.tail) + reader->partial_given,
			 count))
		return -EFAULT;
	reader->partial_given += count;
	if (reader->partial_given == bytes) {
		pcapring_ring_release(next.ring, next.tail + bytes);
		reader->partial = NULL;
	}
	return count;
}

ssize_t pcapring_reader_fill(struct pcapring_reader *reader, char __user *to, size_t count)
{
	ssize_t filled = 0;
	ssize_t step;

	lockdep_assert_held(&reader->lock);
	while (filled < count) {
		if (reader->header_given < sizeof(struct pcapring_file_header))
			step = pcapring_reader_fill_header(reader, to + filled, count - filled);
		else
			step = pcapring_reader_fill_record(reader, to + filled, count - filled);
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

	if (!mapped && READ_ONCE(reader->header_given) < sizeof(struct pcapring_file_header))
		return READ_ONCE(capture->pages->info->linktype) != PCAPRING_LINKTYPE_NONE;

	for (i = 0; i < capture->tap.ring_count; i++) {
		const struct pcapring_ring *ring = &capture->tap.rings[i];
		u64 position = mapped ? READ_ONCE(ring->consumer->seen) :
					READ_ONCE(ring->consumer->tail);

		if (READ_ONCE(ring->producer->head) != position)
			return true;
	}
	return false;
}

void pcapring_reader_unmapped(struct pcapring_reader *reader)
{
	struct pcapring_tap *tap = &reader->capture->tap;
	u32 i;

	/*
	 * The producer wakes by seen, which the reader need not have stored
	 * while it was busy; who sleeps from now on goes by the tail.
	 */
	for (i = 0; i < tap->ring_count; i++)
		WRITE_ONCE(tap->rings[i].consumer->seen, READ_ONCE(tap->rings[i].consumer->tail));
	/* one may sleep already: let it look anew, behind a full barrier */
	wake_up_interruptible_all(&tap->wait);
}
