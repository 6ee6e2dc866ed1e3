/* SPDX-License-Identifier: MIT */
/*
 * What a copy writes next: records of all rings in the order of their stamps, where
 * they lie. Of one ring alone nobody looks at records: stretches are as they are.
 */
#ifndef RELAY_COPY_BATCH_H
#define RELAY_COPY_BATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <linux/pcapring.h>

#define COPY_BATCH_PIECES	1024		/* of a GiB in pieces; what writev(2) takes */
#define COPY_BATCH_PIECE	(1 << 20)	/* bytes, at most */

/**
 * struct copy_batch_ring - a ring, as the batch finds and leaves it
 * @data, @mask: as in struct reader_ring
 * @begin: of the first record that was not taken
 * @settled: nothing that may come later is older than what lies before it
 * @end: of what is known; @begin <= @settled <= @end, all of them between records
 */
struct copy_batch_ring {
	const uint8_t *data;
	uint64_t mask;
	uint64_t begin;
	uint64_t settled;
	uint64_t end;
};

/**
 * struct copy_batch - what to write
 * @pieces: @count of them, no longer than COPY_BATCH_PIECE each
 * @bytes: in all of them
 * @next: of each ring, the stamp at its begin; UINT64_MAX: it has none
 */
struct copy_batch {
	struct iovec pieces[COPY_BATCH_PIECES];
	unsigned int count;
	uint64_t bytes;
	uint64_t next[PCAPRING_RINGS_MAX];
};

/*
 * Take some of what is before @settled, and what is older than it, whole records; all
 * begins move behind them. False: a ring holds what is no record.
 */
bool copy_batch_take(struct copy_batch *batch, struct copy_batch_ring *rings,
		     unsigned int count);

#endif
