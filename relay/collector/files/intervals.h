/* SPDX-License-Identifier: MIT */
/*
 * When what is accounted for came to be: of each ring and kind a bounded number
 * of intervals, the oldest of which become one. What they count together is
 * what the ring's account has in all.
 */
#ifndef COLLECTOR_INTERVALS_H
#define COLLECTOR_INTERVALS_H

#include <stddef.h>
#include <stdint.h>

#define INTERVALS_MAX	16	/* of a ring and kind */

enum interval_kind {
	INTERVAL_ELSEWHERE,	/* bytes that were consumed elsewhere */
	INTERVAL_DUPLICATES,	/* bytes that may be there twice */
	INTERVAL_DISORDER,	/* records out of order */
	INTERVAL_DROPPED,	/* packets that the sensor dropped */
	INTERVAL_KINDS,
};

/**
 * struct interval - all times in nanoseconds since 1970
 * @ring: whose it is
 * @kind: what is counted
 * @from: newest record of the ring before; 0: there was none
 * @to: newest record of the ring since; 0: there is none
 * @noticed: when it was, by the collector's clock
 * @amount: how much
 * @times: so many became one
 */
struct interval {
	uint32_t ring;
	enum interval_kind kind;
	uint64_t from;
	uint64_t to;
	uint64_t noticed;
	uint64_t amount;
	uint64_t times;
};

/* All zero to begin with. */
struct intervals {
	struct interval *list;	/* those of a ring and kind in their order */
	size_t count;
};

/* Add one, as it is. Without memory the program ends, as for the others. */
void intervals_add(struct intervals *intervals, const struct interval *one);

/*
 * Add what has just come: where it goes on with the one before, to that. Bytes
 * that were consumed elsewhere never do.
 */
void intervals_note(struct intervals *intervals, const struct interval *one);

/* A newer record of the ring came, of time @to. */
void intervals_end(struct intervals *intervals, uint32_t ring, uint64_t to);

void intervals_copy(struct intervals *to, const struct intervals *from);
void intervals_free(struct intervals *intervals);

#endif
