/* SPDX-License-Identifier: GPL-2.0-only */
/* The reader: one open file of a capture device, and where it stands. */
#ifndef PCAPRING_READER_H
#define PCAPRING_READER_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/pcapring.h>
#include <linux/types.h>

struct pcapring_capture;
struct pcapring_ring;

/**
 * struct pcapring_reader - an open file
 * @capture: with a reference
 * @use: reads under way if positive, mappings of consumer pages if negative:
 *	the two exclude each other
 * @lock: one read at a time; guards all below; never taken with mmap_lock held
 * @header_given: bytes of the file header that were read
 * @partial: ring of a record that was read in part, or NULL
 * @partial_at: that record's position
 * @partial_given: bytes of it that were read
 * @begun: @position says where the reading of a snapshot stands
 * @position: of the next record of each ring; for overwrite mode, in which the
 *	rings themselves stay as they are
 */
struct pcapring_reader {
	struct pcapring_capture *capture;
	atomic_t use;
	struct mutex lock; /* one read at a time */
	u32 header_given;
	struct pcapring_ring *partial;
	u64 partial_at;
	u64 partial_given;
	bool begun;
	u64 position[PCAPRING_RINGS_MAX];
};

/*
 * What read(2) gives now, to @to, at most @count bytes: of the file header,
 * then of the records. 0: nothing yet, or no more. -EFAULT; in overwrite mode
 * -EBUSY, -ESTALE. With @reader->lock held.
 */
ssize_t pcapring_reader_fill(struct pcapring_reader *reader, char __user *to, size_t count);

/* In overwrite mode: having given nothing, it has given all. */
bool pcapring_reader_is_at_end(const struct pcapring_reader *reader);

/* In overwrite mode: the capture writes on, read(2) gives EBUSY. */
bool pcapring_reader_is_refused(const struct pcapring_reader *reader);

/*
 * Is there something to read? Passes the full barrier that a reader needs
 * between storing seen and loading head.
 */
bool pcapring_reader_readable(const struct pcapring_reader *reader);

/*
 * The last mapping of consumer pages is gone: polling goes by the tail again.
 * Any context that may not sleep, too.
 */
void pcapring_reader_unmapped(struct pcapring_reader *reader);

#endif /* PCAPRING_READER_H */
